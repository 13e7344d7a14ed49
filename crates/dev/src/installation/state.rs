//! What is remembered between two commands: which processes were started, on which ports, on what they rely.

use std::collections::BTreeMap;
use std::fs;
use std::io::ErrorKind;
use std::net::TcpListener;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use rand::Rng as _;
use serde::{Deserialize, Serialize};

use super::secrets::write_private;
use crate::nats::Version;
use crate::part::Part;
use crate::process::{Activity, Identity};

/// Ports are looked for below the range from which the kernel takes ports for outgoing connections: nothing else can
/// take one between the look and the start.
const FREE_PORTS: std::ops::Range<u16> = 20_000..32_000;

/// Whom the bot talks with.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Discord {
    /// The sandbox on this machine.
    #[default]
    Sandbox,
    /// The Discord that `.env` names a token for.
    Real,
}

/// A database and how to reach it.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Database {
    /// Host name or address.
    pub host: String,
    /// TCP port.
    pub port: u16,
    /// Role.
    pub user: String,
    /// The role's password.
    pub password: String,
    /// Name of the database.
    pub name: String,
}

impl Database {
    /// Reads `postgres://USER[:PASSWORD]@HOST:PORT/NAME`; nothing in it may need quoting.
    pub fn of_url(url: &str) -> anyhow::Result<Self> {
        let read = || {
            let rest = url
                .strip_prefix("postgres://")
                .or_else(|| url.strip_prefix("postgresql://"))?;
            let (login, place) = rest.rsplit_once('@')?;
            let (user, password) = login.split_once(':').unwrap_or((login, ""));
            let (address, name) = place.split_once('/')?;
            let (host, port) = address.rsplit_once(':').unwrap_or((address, "5432"));
            let [host, user, password, name] = [host, user, password, name].map(str::to_owned);
            Some(Self {
                host,
                port: port.parse().ok()?,
                user,
                password,
                name,
            })
        };
        read().context("a database is named as postgres://USER:PASSWORD@HOST:PORT/NAME")
    }
}

/// The broker of an installation that starts its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Broker {
    /// Which of the pinned versions it is.
    pub version: Version,
    /// Of how many servers it consists: one, or a cluster of three.
    pub servers: u16,
}

impl Default for Broker {
    fn default() -> Self {
        Self {
            version: Version::Newest,
            servers: 1,
        }
    }
}

impl Broker {
    /// Its servers.
    pub fn parts(self) -> impl Iterator<Item = Part> {
        let peers = (2..=self.servers).map(Part::NatsPeer);
        std::iter::once(Part::Nats).chain(peers)
    }
}

/// Servers that somebody else started; an installation without them starts its own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Given {
    /// A database for this installation alone.
    pub database: Database,
    /// The broker's address.
    pub nats_url: String,
    /// What the names on the broker begin with.
    pub nats_prefix: String,
    /// What `deploy/make-secrets` made, where the broker is one of a deployment: every process logs in to it as its
    /// role, by TLS.
    #[serde(default)]
    pub guard: Option<PathBuf>,
}

/// The state of an installation, kept in `state.json`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct State {
    /// Whom the bot talks with.
    pub discord: Discord,
    /// How many workers there are to be; 0 before the first start.
    pub workers: u16,
    /// Servers of others, if it relies on such.
    pub given: Option<Given>,
    /// Settings of the product's processes that replace those of every installation.
    pub settings: BTreeMap<String, String>,
    /// Which broker is started, and of how many servers it consists.
    pub broker: Broker,
    /// The port of each part, kept while it is free so that addresses stay the same.
    pub ports: BTreeMap<String, u16>,
    /// What was started and not stopped since.
    pub processes: BTreeMap<String, Identity>,
}

impl State {
    /// Reads the state; an installation that was never started has the default one.
    pub fn read(file: &Path) -> anyhow::Result<Self> {
        match fs::read(file) {
            Ok(bytes) => serde_json::from_slice(&bytes).with_context(|| {
                format!("{} is damaged; `./dev reset` begins anew", file.display())
            }),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(Self::default()),
            Err(error) => Err(error).with_context(|| format!("cannot read {}", file.display())),
        }
    }

    /// Replaces the file in one step: a reader sees the old state or the new one. It may hold the password of
    /// somebody else's database, so only its owner reads it.
    pub fn write(&self, file: &Path) -> anyhow::Result<()> {
        write_private(file, self)
    }

    /// The parts that there are to be, in the order of starting.
    pub fn wanted(&self) -> Vec<Part> {
        let servers = std::iter::once(Part::Postgres)
            .chain(self.broker.parts())
            .filter(|_| self.given.is_none());
        let sandbox = [Part::Sandbox]
            .into_iter()
            .filter(|_| self.discord == Discord::Sandbox);
        let workers = (1..=self.workers).map(Part::Worker);
        servers
            .chain(sandbox)
            .chain([Part::Gateway])
            .chain(workers)
            .collect()
    }

    /// The process of a part, if one was started and is still there.
    pub fn running(&self, part: Part) -> Option<&Identity> {
        let identity = self.processes.get(&part.to_string())?;
        (identity.activity() != Activity::Gone).then_some(identity)
    }

    /// The parts whose processes are there, in the order of starting.
    pub fn alive(&self) -> Vec<Part> {
        let known = self.processes.keys().filter_map(|name| name.parse().ok());
        let mut alive: Vec<Part> = known.filter(|part| self.running(*part).is_some()).collect();
        alive.sort();
        alive
    }

    /// The port of a part, if it has one.
    pub fn port(&self, part: Part) -> Option<u16> {
        self.ports.get(&part.to_string()).copied()
    }

    /// Gives a part a port that is free now: its last one, the preferred one, or any.
    pub fn assign_port(&mut self, part: Part) -> anyhow::Result<u16> {
        let preferred = self.given.is_none().then(|| part.preferred_port());
        self.assign_first_free(part, [self.port(part), preferred].into_iter().flatten())
    }

    /// Gives a part its last port if that is free now, or any.
    pub fn assign_any_port(&mut self, part: Part) -> anyhow::Result<u16> {
        self.assign_first_free(part, self.port(part).into_iter())
    }

    fn assign_first_free(
        &mut self,
        part: Part,
        preferred: impl Iterator<Item = u16>,
    ) -> anyhow::Result<u16> {
        self.assign_named(part.to_string(), preferred)
    }

    /// Gives a server of a cluster the port on which the others reach it; it keeps it.
    pub fn route_port(&mut self, part: Part) -> anyhow::Result<u16> {
        let name = format!("{part}-route");
        match self.ports.get(&name) {
            Some(port) => Ok(*port),
            None => self.assign_named(name, std::iter::empty()),
        }
    }

    fn assign_named(
        &mut self,
        name: String,
        preferred: impl Iterator<Item = u16>,
    ) -> anyhow::Result<u16> {
        let is_ours = |port| {
            self.ports
                .iter()
                .any(|(of, known)| *known == port && *of != name)
        };
        let mut random = rand::rng();
        let anywhere = std::iter::repeat_with(|| random.random_range(FREE_PORTS)).take(1000);
        let port = preferred
            .chain(anywhere)
            .find(|port| !is_ours(*port) && TcpListener::bind(("127.0.0.1", *port)).is_ok())
            .context("no free port on 127.0.0.1")?;
        self.ports.insert(name, port);
        Ok(port)
    }
}

impl std::fmt::Debug for Database {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}@{}:{}/{}", self.user, self.host, self.port, self.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_started_servers_first_and_workers_last() {
        let state = State {
            workers: 2,
            ..State::default()
        };
        let names: Vec<String> = state.wanted().iter().map(ToString::to_string).collect();
        assert_eq!(
            names,
            [
                "postgres", "nats", "sandbox", "gateway", "worker-1", "worker-2"
            ]
        );
    }

    #[test]
    fn the_real_discord_needs_no_sandbox() {
        let state = State {
            workers: 1,
            discord: Discord::Real,
            ..State::default()
        };
        assert!(!state.wanted().contains(&Part::Sandbox));
    }

    #[test]
    fn a_database_is_read_from_its_address() {
        let database = Database::of_url("postgres://me:pass@127.0.0.1:5499/postgres").unwrap();
        assert_eq!(format!("{database:?}"), "me@127.0.0.1:5499/postgres");
        assert_eq!(database.password, "pass");
        assert!(Database::of_url("mysql://me@there/x").is_err());
    }

    #[test]
    fn a_port_that_somebody_has_is_not_given_out() {
        let held = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = held.local_addr().unwrap().port();
        let mut state = State::default();
        state.ports.insert("gateway".into(), port);
        assert_ne!(state.assign_port(Part::Gateway).unwrap(), port);
    }

    #[test]
    fn two_parts_get_different_ports() {
        let mut state = State::default();
        let ports = [Part::Gateway, Part::Worker(1), Part::Worker(2)]
            .map(|part| state.assign_port(part).unwrap());
        assert!(ports[0] != ports[1] && ports[1] != ports[2] && ports[0] != ports[2]);
    }
}
