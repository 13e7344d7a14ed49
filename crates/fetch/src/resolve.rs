//! Looks a name up, once, at name servers that are known by address.
//!
//! There is no cache, no search list and no file of hosts: what is judged is what was answered just
//! now, and it is what will be dialled.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use hickory_resolver::TokioResolver;
use hickory_resolver::config::{
    ConnectionConfig, NameServerConfig, ResolveHosts, ResolverConfig, ResolverOpts,
};
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::proto::rr::{RData, RecordType};
use hickory_resolver::system_conf::read_system_conf;
use tokio::time::timeout;

use crate::code::Code;
use crate::error::Error;

/// For both kinds of address together (NET-3 row 8).
const TIMEOUT: Duration = Duration::from_secs(3);
/// For one question to one server, so that there is time to ask again.
const TRY_TIMEOUT: Duration = Duration::from_millis(1200);

/// Asks name servers for addresses.
pub(crate) struct Resolver(TokioResolver);

impl Resolver {
    /// Prepares to ask `servers`, or those of the system where there are none.
    pub(crate) fn new(servers: &[SocketAddr]) -> Result<Self, Error> {
        let servers = if servers.is_empty() {
            let (system, _options) = read_system_conf().map_err(Error::setup)?;
            system.name_servers().to_vec()
        } else {
            servers.iter().map(name_server).collect()
        };
        let config = ResolverConfig::from_name_servers(servers);
        let runtime = TokioRuntimeProvider::default();
        let builder = TokioResolver::builder_with_config(config, runtime);
        let resolver = builder.with_options(options()).build();
        Ok(Self(resolver.map_err(Error::setup)?))
    }

    /// Returns the addresses of a name, IPv4 first, in the order of the answers.
    pub(crate) async fn addresses(&self, name: &str) -> Result<Vec<IpAddr>, Code> {
        // With a dot at its end it is absolute.
        let name = format!("{name}.");
        let both = async {
            tokio::join!(
                self.ask(&name, RecordType::A),
                self.ask(&name, RecordType::AAAA)
            )
        };
        let answers = timeout(TIMEOUT, both).await;
        let (v4, v6) = answers.map_err(|_elapsed| Code::DnsResolutionFailed)?;
        Ok(v4.into_iter().chain(v6).collect())
    }

    /// A kind of address that nobody tells is none; with none at all the name is refused.
    async fn ask(&self, name: &str, kind: RecordType) -> Vec<IpAddr> {
        let Ok(lookup) = self.0.lookup(name, kind).await else {
            return Vec::new();
        };
        let addresses = lookup
            .answers()
            .iter()
            .filter_map(|record| match &record.data {
                RData::A(address) => Some(IpAddr::V4(address.0)),
                // A mapped address is an IPv4 address, and judged as one (NET-6).
                RData::AAAA(address) => Some(IpAddr::V6(address.0).to_canonical()),
                _ => None,
            });
        addresses.collect()
    }
}

impl std::fmt::Debug for Resolver {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Resolver").finish_non_exhaustive()
    }
}

fn name_server(address: &SocketAddr) -> NameServerConfig {
    let connections = [ConnectionConfig::udp(), ConnectionConfig::tcp()];
    let connections = connections.map(|mut connection| {
        connection.port = address.port();
        connection
    });
    NameServerConfig::new(address.ip(), true, connections.to_vec())
}

fn options() -> ResolverOpts {
    let mut options = ResolverOpts::default();
    options.ndots = 0;
    options.timeout = TRY_TIMEOUT;
    options.attempts = 2;
    options.cache_size = 0;
    options.use_hosts_file = ResolveHosts::Never;
    options
}
