//! Judges a URL with everything that it takes: text, one resolution, addresses.

use std::net::SocketAddr;

use crate::code::{Code, Refusal};
use crate::error::Error;
use crate::policy::{Policy, Trust};
use crate::resolve::Resolver;
use crate::target::{Host, Target};

/// The policy and who looks names up for it.
#[derive(Debug)]
pub struct Guard {
    policy: Policy,
    resolver: Resolver,
}

/// A URL that passed the policy, and the only addresses at which it may be asked for.
///
/// Nothing else can be dialled, it can be made by [`Guard::approve`] alone, and it is used up by one
/// connection: whoever wants to connect again asks again (NET-10).
#[derive(Debug)]
pub struct Approved {
    pub(crate) target: Target,
    addresses: Vec<SocketAddr>,
}

impl Approved {
    /// The addresses, in the order in which they are tried; never empty.
    pub fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }
}

impl Guard {
    /// Prepares to judge. Names are looked up at `dns_servers`, or at those of the system.
    ///
    /// # Errors
    /// [`Error::Setup`]: the system names no servers.
    pub fn new(policy: Policy, dns_servers: &[SocketAddr]) -> Result<Self, Error> {
        let resolver = Resolver::new(dns_servers)?;
        Ok(Self { policy, resolver })
    }

    /// The policy, to judge what can be judged without looking a name up.
    pub const fn policy(&self) -> &Policy {
        &self.policy
    }

    /// Judges a URL; a name is looked up once.
    ///
    /// # Errors
    /// The first row that refuses.
    pub async fn approve(&self, url: &str, trust: Trust) -> Result<Approved, Refusal> {
        let target = self.policy.judge_text(url, trust)?;
        let addresses = match &target.host {
            Host::Address(address) => vec![*address],
            Host::Name(name) => self.resolver.addresses(name).await?,
        };
        let addresses = self.policy.judge_addresses(&target, &addresses, trust)?;
        Ok(Approved { target, addresses })
    }

    /// Tells whether two URLs have the same origin; an unreadable one has none.
    pub(crate) fn is_same_origin(first: &str, second: &str) -> Result<bool, Code> {
        Ok(Target::parse(first)?.is_same_origin(&Target::parse(second)?))
    }
}
