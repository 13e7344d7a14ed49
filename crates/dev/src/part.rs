//! The parts of an installation and their names on the command line.

use std::fmt;
use std::str::FromStr;

/// One process of an installation; the order is the order in which they are started.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Part {
    /// The database.
    Postgres,
    /// The broker.
    Nats,
    /// A further server of a broker that is a cluster; they are numbered from 2.
    NatsPeer(u16),
    /// The stand-in for Discord and for a model provider.
    Sandbox,
    /// The connection to Discord.
    Gateway,
    /// A worker; they are numbered from 1.
    Worker(u16),
}

impl Part {
    /// Whether it answers `/livez`, `/readyz` and `/metrics`.
    pub fn has_admin_port(self) -> bool {
        matches!(self, Self::Gateway | Self::Worker(_))
    }

    /// Whether it is one of the servers that the product relies on.
    pub fn is_server(self) -> bool {
        matches!(self, Self::Postgres | Self::Nats | Self::NatsPeer(_))
    }

    /// The port it gets when nothing else has it.
    pub fn preferred_port(self) -> u16 {
        match self {
            Self::Postgres => 5480,
            Self::Nats => 4280,
            Self::NatsPeer(number) => 4280_u16.saturating_add(number),
            Self::Sandbox => 3080,
            Self::Gateway => 3000,
            Self::Worker(number) => 3000_u16.saturating_add(number),
        }
    }
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Postgres => f.pad("postgres"),
            Self::Nats => f.pad("nats"),
            Self::NatsPeer(number) => f.pad(&format!("nats-{number}")),
            Self::Sandbox => f.pad("sandbox"),
            Self::Gateway => f.pad("gateway"),
            Self::Worker(number) => f.pad(&format!("worker-{number}")),
        }
    }
}

impl FromStr for Part {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let numbered = |prefix: &str, least: u16| {
            let number = text.strip_prefix(prefix)?;
            number.parse().ok().filter(|number| *number >= least)
        };
        match text {
            "postgres" => Ok(Self::Postgres),
            "nats" => Ok(Self::Nats),
            "sandbox" => Ok(Self::Sandbox),
            "gateway" => Ok(Self::Gateway),
            _ => {
                let peer = numbered("nats-", 2).map(Self::NatsPeer);
                peer.or_else(|| numbered("worker-", 1).map(Self::Worker)).ok_or_else(|| {
                format!("no part is called {text:?}: there are postgres, nats, sandbox, gateway, worker-1, worker-2 …")
            })
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_is_read_back_as_its_part() {
        for part in [
            Part::Postgres,
            Part::Nats,
            Part::NatsPeer(3),
            Part::Sandbox,
            Part::Gateway,
            Part::Worker(12),
        ] {
            assert_eq!(part.to_string().parse(), Ok(part));
        }
    }

    #[test]
    fn a_worker_without_a_number_is_refused_with_the_names_there_are() {
        for name in ["worker", "worker-", "worker-0", "worker-x", ""] {
            assert!(name.parse::<Part>().unwrap_err().contains("worker-1"));
        }
    }
}
