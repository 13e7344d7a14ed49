//! Settings of requests to addresses that others name (CFG-87 to CFG-94, CFG-116, CFG-128, CFG-129).

use std::net::SocketAddr;
use std::ops::RangeInclusive;
use std::str::FromStr;

use fetch::{Client, Guard, Limits, LocalEndpoint, Policy, Ports, Use};
use runtime::settings::{Reader, spec};

/// The most items of a list of servers or endpoints.
const MOST_ITEMS: usize = 64;

/// What the byte budget may be.
const BUDGET_MIB: RangeInclusive<u32> = 16..=65_536;
/// The least that it is by itself (NET-30).
const SMALLEST_DEFAULT_MIB: u32 = 64;
/// Where a control group (version 2) says how much memory it may use.
const CGROUP_LIMIT: &str = "/sys/fs/cgroup/memory.max";
/// The memory of a worker that has no limit (CFG-101).
const ASSUMED_MEMORY_MIB: u32 = 1024;

/// What the operator decided about strangers' addresses.
#[derive(Clone, Debug)]
pub struct RemoteSettings {
    /// Which URLs are allowed.
    pub policy: Policy,
    /// How much is downloaded.
    pub limits: Limits,
    /// Name servers; the system's when empty.
    dns_servers: Vec<SocketAddr>,
    /// Redirects that are followed.
    max_redirects: u8,
    /// `host:port` of the proxy that all such requests go through.
    egress_proxy: Option<String>,
}

impl RemoteSettings {
    /// Reads everything; problems are collected in the reader.
    pub fn read(reader: &mut Reader) -> Self {
        let redirects = reader.integer(
            "USER_REMOTE_FETCH_MAX_REDIRECTS",
            3,
            0..=10,
            "redirects that are followed",
        );
        Self {
            policy: Policy {
                ports: read_ports(reader),
                allow_local: read_allow_local(reader),
                local_allow: read_local_allow(reader),
                ..Policy::default()
            },
            limits: read_limits(reader),
            dns_servers: read_dns_servers(reader),
            max_redirects: u8::try_from(redirects).unwrap_or(3),
            egress_proxy: read_egress_proxy(reader),
        }
    }

    /// Takes another name server instead of those that are set.
    #[must_use]
    pub fn with_dns_server(mut self, server: SocketAddr) -> Self {
        self.dns_servers = vec![server];
        self
    }

    /// Prepares to judge URLs.
    ///
    /// # Errors
    /// No name server is set and the system names none.
    pub fn guard(&self) -> Result<Guard, fetch::Error> {
        Guard::new(self.policy.clone(), &self.dns_servers)
    }

    /// Prepares the client.
    ///
    /// # Errors
    /// Those of [`Self::guard`].
    pub fn client(&self) -> Result<Client, fetch::Error> {
        Client::new(self.guard()?, self.max_redirects, self.egress_proxy.clone())
    }
}

fn read_limits(reader: &mut Reader) -> Limits {
    let mib = Use::ALL.into_iter().filter_map(|of| {
        let default = i64::from(of.default_mib());
        let mib = reader.integer(of.setting()?, default, 1..=100, of.meaning());
        Some((of, u32::try_from(mib).unwrap_or(of.default_mib())))
    });
    let mib = mib.collect();
    let concurrent = reader.integer("REMOTE_MAX_CONCURRENT", 16, 1..=256, "downloads at once");
    Limits {
        mib,
        budget_mib: read_budget(reader),
        concurrent: usize::try_from(concurrent).unwrap_or(1),
    }
}

fn read_budget(reader: &mut Reader) -> u32 {
    let spec = spec(
        "REMOTE_BYTE_BUDGET_MB",
        None,
        "16 to 65536",
        "mebibytes of all downloads together, of which a server or user holds half at most; a quarter \
         of the memory limit if unset",
    );
    let read = reader.parsed(spec, |text| {
        let mib = text.parse().ok().filter(|mib| BUDGET_MIB.contains(mib));
        mib.ok_or_else(|| "is no whole number in this range".to_owned())
    });
    read.unwrap_or_else(|| (memory_limit_mib() / 4).clamp(SMALLEST_DEFAULT_MIB, *BUDGET_MIB.end()))
}

/// The memory that this process may use, where its control group says so.
fn memory_limit_mib() -> u32 {
    let limit = std::fs::read_to_string(CGROUP_LIMIT).ok();
    let bytes = limit.and_then(|text| text.trim().parse::<u64>().ok());
    bytes.map_or(ASSUMED_MEMORY_MIB, |bytes| {
        u32::try_from(bytes / (1024 * 1024)).unwrap_or(u32::MAX)
    })
}

fn read_ports(reader: &mut Reader) -> Ports {
    let default = Ports::default();
    let spec = spec(
        "REMOTE_ALLOWED_PORTS",
        Some(default.to_string()),
        "ports and ranges, `!` excludes, at most 64",
        "ports that a URL of somebody else may name",
    );
    let read = reader.parsed(spec, |text| {
        Ports::from_str(text).map_err(|e| e.to_string())
    });
    read.unwrap_or(default)
}

/// Whether local endpoints of administrators are allowed; production refuses the switch.
fn read_allow_local(reader: &mut Reader) -> bool {
    reader.boolean(
        "ALLOW_LOCAL_ENDPOINTS",
        false,
        "local addresses and http for endpoints of administrators and providers; not in production",
    )
}

fn read_local_allow(reader: &mut Reader) -> Vec<LocalEndpoint> {
    let meaning = "local endpoints that administrators may use everywhere";
    read_items(
        reader,
        "REMOTE_LOCAL_ALLOW",
        "exact host:port items",
        meaning,
    )
}

fn read_dns_servers(reader: &mut Reader) -> Vec<SocketAddr> {
    let meaning = "name servers for names of others; those of the system if unset";
    read_items(reader, "REMOTE_DNS_SERVERS", "address:port items", meaning)
}

fn read_items<T: FromStr>(
    reader: &mut Reader,
    name: &str,
    range: &str,
    meaning: &'static str,
) -> Vec<T> {
    let read = reader.parsed(spec(name, None, range, meaning), |text| {
        let items = text.split(',').map(|item| item.trim().parse().ok());
        let items: Option<Vec<T>> = items.take(MOST_ITEMS + 1).collect();
        let items = items.filter(|items| items.len() <= MOST_ITEMS);
        items.ok_or_else(|| format!("is no list of at most {MOST_ITEMS} {range}"))
    });
    read.unwrap_or_default()
}

fn read_egress_proxy(reader: &mut Reader) -> Option<String> {
    let meaning =
        "proxy that requests to addresses of others go through; it is given addresses only";
    let url = reader.optional_url("REMOTE_EGRESS_PROXY", &["http"], meaning)?;
    let port = url.port_or_known_default().unwrap_or(80);
    Some(format!("{}:{port}", url.host_str()?))
}
