//! The policy on URLs, one row after the other (NET-3). Pure: whoever calls it looks names up.

use std::net::{IpAddr, SocketAddr};
use std::str::FromStr;

use crate::address::{Reach, reach, unwrapped};
use crate::code::{Code, Refusal};
use crate::name;
use crate::ports::Ports;
use crate::target::{Host, Target};

/// The most addresses that a name may have (row 8).
const MOST_ADDRESSES: usize = 16;

/// Whose word a URL is (NET-2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trust {
    /// Anybody's: downloads, pages, endpoints of single users.
    Stranger,
    /// That of a server's administrators, for an endpoint or a tool server of theirs: the operator may
    /// have vouched for local ones.
    Administrator,
    /// Discord's own, for files that people handed over there: what stands in for Discord on a
    /// developer's machine keeps them at a local address.
    Discord,
}

/// An exact host and port that the operator vouches for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LocalEndpoint {
    host: Host,
    port: u16,
}

/// Text that is no `host:port`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("has an item that is not host:port")]
pub struct InvalidEndpoint;

impl FromStr for LocalEndpoint {
    type Err = InvalidEndpoint;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let is_bare = !text.contains(['/', '?', '#']);
        let target = Target::parse(&format!("http://{text}/")).ok();
        let target =
            target.filter(|target| is_bare && text.ends_with(&format!(":{}", target.port)));
        let Target { host, port, .. } = target.ok_or(InvalidEndpoint)?;
        Ok(Self { host, port })
    }
}

/// What the operator has decided.
#[derive(Clone, Debug, Default)]
pub struct Policy {
    /// Ports that strangers may name.
    pub ports: Ports,
    /// Local endpoints of administrators are allowed: development only.
    pub allow_local: bool,
    /// Local endpoints of administrators that are allowed everywhere.
    pub local_allow: Vec<LocalEndpoint>,
    /// Where a local stand-in for Discord keeps files: development only.
    pub discord_files: Option<LocalEndpoint>,
    /// `http` is as good as `https`: for looking at a corpus, never for requests.
    pub allow_http: bool,
    /// Where we and our servers listen; an unspecified address stands for every local one.
    pub own_listeners: Vec<SocketAddr>,
}

/// What is relaxed for one URL: the rows marked (L).
#[derive(Clone, Copy, Debug)]
struct Grants {
    http: bool,
    local: bool,
}

impl Policy {
    /// Judges what can be judged without looking a name up: rows 1 to 7b, and all of them where the
    /// host is an address. Returns the address, if the host is one.
    ///
    /// # Errors
    /// The first row that refuses.
    pub fn check_text(&self, url: &str, trust: Trust) -> Result<Option<SocketAddr>, Refusal> {
        let target = self.judge_text(url, trust)?;
        Ok(match target.host {
            Host::Address(address) => Some(SocketAddr::new(address, target.port)),
            Host::Name(_) => None,
        })
    }

    /// Rows 1 to 7b, and the others where the host is an address.
    pub(crate) fn judge_text(&self, text: &str, trust: Trust) -> Result<Target, Refusal> {
        let target = Target::parse(text)?;
        let grants = self.grants(&target, trust);
        if !target.is_https() && !grants.http {
            return Err(Code::HttpsRequired.into());
        }
        let is_allowed = if grants.local {
            target.port > 0
        } else {
            self.allows_port(&target, grants)
        };
        if !is_allowed {
            return Err(Code::PortForbidden.into());
        }
        match &target.host {
            Host::Name(name) => match name::refusal(name) {
                None => {}
                Some(Code::LocalhostForbidden | Code::NameForbidden) if grants.local => {}
                Some(code) => return Err(code.into()),
            },
            Host::Address(address) => {
                if is_loopback(*address) && !grants.local {
                    return Err(Code::LocalhostForbidden.into());
                }
                self.judge_addresses(&target, &[*address], trust)?;
            }
        }
        Ok(target)
    }

    /// Rows 9 to 12: what may be dialled, in the order given; all of it or nothing.
    pub(crate) fn judge_addresses(
        &self,
        target: &Target,
        addresses: &[IpAddr],
        trust: Trust,
    ) -> Result<Vec<SocketAddr>, Refusal> {
        if addresses.is_empty() || addresses.len() > MOST_ADDRESSES {
            return Err(Code::DnsResolutionFailed.into());
        }
        let grants = self.grants(target, trust);
        let first = |code: Code, is_bad: &dyn Fn(IpAddr) -> bool| {
            let found = addresses.iter().copied().find(|address| is_bad(*address));
            found.map(|address| Refusal {
                code,
                address: Some(unwrapped(address)),
                address_count: addresses.len(),
            })
        };
        let is_ours = |address| self.is_own(SocketAddr::new(address, target.port));
        let is_blocked = |address| match reach(address) {
            Reach::Public => false,
            Reach::Local => !grants.local,
            Reach::Blocked | Reach::Metadata => true,
        };
        let refused = first(Code::MetadataForbidden, &|address| {
            reach(address) == Reach::Metadata
        })
        .or_else(|| first(Code::BlockedAddress, &is_ours))
        .or_else(|| first(Code::BlockedAddress, &is_blocked));
        if let Some(refusal) = refused {
            return Err(refusal);
        }
        let is_remote = |address| reach(address) != Reach::Local;
        if grants.local && addresses.iter().copied().any(is_remote) {
            self.judge_exception(target)?;
        }
        let at = |address: &IpAddr| SocketAddr::new(*address, target.port);
        Ok(addresses.iter().map(at).collect())
    }

    /// Row 12: what only a local endpoint may do.
    fn judge_exception(&self, target: &Target) -> Result<(), Refusal> {
        let strict = Grants {
            http: self.allow_http,
            local: false,
        };
        if !target.is_https() && !strict.http {
            Err(Code::RemoteHttpForbidden.into())
        } else if !self.allows_port(target, strict) {
            Err(Code::PortForbidden.into())
        } else {
            Ok(())
        }
    }

    fn grants(&self, target: &Target, trust: Trust) -> Grants {
        let is_vouched_for =
            |known: &LocalEndpoint| known.host == target.host && known.port == target.port;
        let local = match trust {
            Trust::Stranger => false,
            Trust::Administrator => self.allow_local || self.local_allow.iter().any(is_vouched_for),
            Trust::Discord => self.discord_files.as_ref().is_some_and(is_vouched_for),
        };
        Grants {
            http: local || self.allow_http,
            local,
        }
    }

    fn allows_port(&self, target: &Target, grants: Grants) -> bool {
        self.ports.allow(target.port) || (grants.http && target.port == 80)
    }

    fn is_own(&self, address: SocketAddr) -> bool {
        self.own_listeners.iter().any(|own| {
            let is_there = own.ip() == address.ip()
                || (own.ip().is_unspecified() && reach(address.ip()) == Reach::Local);
            own.port() == address.port() && is_there
        })
    }
}

fn is_loopback(address: IpAddr) -> bool {
    address.is_loopback()
}

#[cfg(test)]
mod tests {
    use super::*;

    const PUBLIC: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(93, 184, 216, 34));
    const PRIVATE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 168, 1, 20));
    const METADATA: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(169, 254, 169, 254));

    fn local() -> Policy {
        Policy {
            allow_local: true,
            ..Policy::default()
        }
    }

    fn judge(policy: &Policy, url: &str, trust: Trust, addresses: &[IpAddr]) -> Result<(), Code> {
        let target = policy
            .judge_text(url, trust)
            .map_err(|refusal| refusal.code)?;
        let judged = policy.judge_addresses(&target, addresses, trust);
        judged.map(drop).map_err(|refusal| refusal.code)
    }

    /// NET-2: the switch is for administrators alone.
    #[test]
    fn a_switch_for_administrators_helps_nobody_else() {
        for url in ["http://127.0.0.1:11434/v1", "http://ollama:11434/v1"] {
            assert!(
                judge(&local(), url, Trust::Administrator, &[PRIVATE]).is_ok(),
                "{url}"
            );
            assert!(
                judge(&local(), url, Trust::Stranger, &[PRIVATE]).is_err(),
                "{url}"
            );
            assert!(judge(&Policy::default(), url, Trust::Administrator, &[PRIVATE]).is_err());
        }
    }

    /// NET-2, CFG-129: exactly what the operator named.
    #[test]
    fn a_local_endpoint_that_is_vouched_for_is_exact() {
        let policy = Policy {
            local_allow: vec!["gpu.lan:8080".parse().unwrap()],
            ..Policy::default()
        };
        let ask = |url| judge(&policy, url, Trust::Administrator, &[PRIVATE]);
        assert_eq!(ask("http://gpu.lan:8080/v1"), Ok(()));
        assert_eq!(ask("http://gpu.lan:8081/v1"), Err(Code::HttpsRequired));
        assert_eq!(ask("https://cpu.lan:8080/v1"), Err(Code::NameForbidden));
        let stranger = judge(
            &policy,
            "https://gpu.lan:8080/",
            Trust::Stranger,
            &[PRIVATE],
        );
        assert_eq!(stranger, Err(Code::NameForbidden));
        let metadata = judge(
            &policy,
            "http://gpu.lan:8080/",
            Trust::Administrator,
            &[METADATA],
        );
        assert_eq!(metadata, Err(Code::MetadataForbidden));
    }

    /// NET-2, NET-27: files at Discord's stand-in, and nothing else for anybody.
    #[test]
    fn a_stand_in_for_discord_is_exact_and_for_its_files_alone() {
        let policy = Policy {
            discord_files: Some("127.0.0.1:4000".parse().unwrap()),
            ..Policy::default()
        };
        let local = [IpAddr::from([127, 0, 0, 1])];
        let ask = |url, trust| judge(&policy, url, trust, &local);
        let file = "http://127.0.0.1:4000/attachments/1/2/x.json";
        assert_eq!(ask(file, Trust::Discord), Ok(()));
        for trust in [Trust::Stranger, Trust::Administrator] {
            assert_eq!(ask(file, trust), Err(Code::HttpsRequired), "{trust:?}");
        }
        let other = ask("http://127.0.0.1:4001/x.json", Trust::Discord);
        assert_eq!(other, Err(Code::HttpsRequired));
        let real = judge(&Policy::default(), file, Trust::Discord, &local);
        assert_eq!(real, Err(Code::HttpsRequired));
        let switched = judge(&self::local(), file, Trust::Discord, &local);
        assert_eq!(switched, Err(Code::HttpsRequired));
    }

    #[test]
    fn what_is_no_host_and_port_cannot_be_vouched_for() {
        for wrong in [
            "",
            "gpu.lan",
            "gpu.lan:",
            "http://gpu.lan:1",
            "gpu.lan:1/x",
            "u@h:1",
        ] {
            assert!(wrong.parse::<LocalEndpoint>().is_err(), "{wrong:?}");
        }
    }

    /// NET-2, NET-8: no switch reaches below the floor.
    #[test]
    fn the_metadata_floor_holds_with_every_switch_on() {
        let ask = |url, addresses: &[_]| judge(&local(), url, Trust::Administrator, addresses);
        for url in [
            "http://169.254.169.254/",
            "http://metadata.google.internal/",
            "http://[fd00:ec2::254]/",
            "http://[::ffff:a9fe:a9fe]/",
        ] {
            assert_eq!(ask(url, &[PUBLIC]), Err(Code::MetadataForbidden), "{url}");
        }
        let mixed = ask("http://ollama:11434/", &[PRIVATE, METADATA]);
        assert_eq!(mixed, Err(Code::MetadataForbidden));
    }

    /// NET-3 row 12.
    #[test]
    fn a_local_exception_ends_where_an_address_is_public() {
        let ask = |url| judge(&local(), url, Trust::Administrator, &[PRIVATE, PUBLIC]);
        assert_eq!(
            ask("http://both.example.com/"),
            Err(Code::RemoteHttpForbidden)
        );
        assert_eq!(
            ask("https://both.example.com:22/"),
            Err(Code::PortForbidden)
        );
        assert_eq!(ask("https://both.example.com/"), Ok(()));
    }

    /// NET-3 row 11: one bad address refuses the host, wherever it stands.
    #[test]
    fn one_private_address_among_public_ones_refuses_the_name() {
        let target = Target::parse("https://a.example.com/").unwrap();
        for addresses in [[PUBLIC, PRIVATE], [PRIVATE, PUBLIC]] {
            let judged = Policy::default().judge_addresses(&target, &addresses, Trust::Stranger);
            let refusal = judged.unwrap_err();
            assert_eq!(refusal.code, Code::BlockedAddress);
            assert_eq!((refusal.address, refusal.address_count), (Some(PRIVATE), 2));
        }
    }

    /// NET-3 row 8.
    #[test]
    fn no_address_and_too_many_are_refused() {
        let target = Target::parse("https://a.example.com/").unwrap();
        for addresses in [vec![], vec![PUBLIC; MOST_ADDRESSES + 1]] {
            let judged = Policy::default().judge_addresses(&target, &addresses, Trust::Stranger);
            assert_eq!(judged.unwrap_err().code, Code::DnsResolutionFailed);
        }
    }

    /// NET-3 row 10.
    #[test]
    fn our_own_listeners_are_refused_whatever_is_allowed() {
        let policy = Policy {
            own_listeners: vec![
                "127.0.0.1:5432".parse().unwrap(),
                "0.0.0.0:3001".parse().unwrap(),
            ],
            ..local()
        };
        let ask = |url| judge(&policy, url, Trust::Administrator, &[PRIVATE]);
        assert_eq!(ask("http://127.0.0.1:5432/"), Err(Code::BlockedAddress));
        assert_eq!(ask("http://worker:3001/"), Err(Code::BlockedAddress));
        assert_eq!(ask("http://worker:3002/"), Ok(()));
    }

    proptest::proptest! {
        /// What is added or changed without a meaning changes no verdict; what has none is refused.
        #[test]
        fn a_verdict_does_not_depend_on_case_or_default_port(
            name in "[a-z]{1,8}(\\.[a-z]{1,8}){0,3}",
            odd in "[\\x00-\\x20\\x7f\\\\]",
            at in 0_usize..20,
        ) {
            let policy = Policy::default();
            let check = |url: &str| policy.check_text(url, Trust::Stranger).map_err(|r| r.code);
            let plain = format!("https://{name}/x");
            let verdict = check(&plain);
            let same = [
                format!("HTTPS://{}/x", name.to_uppercase()),
                format!("https://{name}:443/x"),
                format!("https://{name}./x"),
            ];
            for url in same {
                proptest::prop_assert_eq!(check(&url), verdict, "{}", url);
            }
            let mut broken = plain;
            broken.insert_str(at.min(broken.len()), &odd);
            proptest::prop_assert_eq!(check(&broken), Err(Code::InvalidFormat));
        }

        /// A refused address among the answers refuses, wherever it stands.
        #[test]
        fn the_order_of_addresses_changes_no_verdict(
            public in proptest::collection::vec(0x0100_0000_u32..0x0a00_0000, 0..6),
            private in 0x0a00_0000_u32..0x0b00_0000,
            at in 0_usize..6,
        ) {
            let target = Target::parse("https://a.example.com/").unwrap();
            let mut addresses: Vec<IpAddr> =
                public.iter().map(|bits| std::net::Ipv4Addr::from(*bits).into()).collect();
            addresses.insert(at.min(addresses.len()), std::net::Ipv4Addr::from(private).into());
            let judged = Policy::default().judge_addresses(&target, &addresses, Trust::Stranger);
            proptest::prop_assert_eq!(judged.unwrap_err().code, Code::BlockedAddress);
        }
    }
}
