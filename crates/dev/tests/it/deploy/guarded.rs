//! A broker with the configuration of a deployment: TLS, a login for each role, and its rights.

use std::fs::OpenOptions;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use async_nats::{Client, ConnectOptions};
use dev::nats::{self, Version};
use serde_json::Value;
use tokio::process::{Child, Command};
use tokio::time::{Instant, sleep};

use super::{deploy, make_secrets};
use crate::town::{home, installation_at};

/// The longest that a server takes to start, and three of them to find each other.
const START_WAIT: Duration = Duration::from_mins(1);
/// What nobody may publish to, whoever asks.
const LAST: &str = "last.of.";
/// Between two looks.
const LOOK: Duration = Duration::from_millis(50);

/// Who there is at the broker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    Gateway,
    Worker,
    Setup,
    Operator,
}

impl Role {
    pub(crate) const ALL: [Self; 4] = [Self::Gateway, Self::Worker, Self::Setup, Self::Operator];

    /// The name of its user, and of the file of its secrets.
    pub(crate) const fn user(self) -> &'static str {
        match self {
            Self::Gateway => "gateway",
            Self::Worker => "worker",
            Self::Setup => "setup",
            Self::Operator => "operator",
        }
    }

    /// What the subjects of its answers begin with.
    const fn inbox(self) -> &'static str {
        match self {
            Self::Gateway => "_INBOX_gateway.test",
            Self::Worker => "_INBOX_worker.test",
            Self::Setup => "_INBOX_migrate.test",
            Self::Operator => "_INBOX_dead-letters.test",
        }
    }
}

/// One such broker; its servers end with the value.
pub(crate) struct Guarded {
    version: Version,
    secrets: PathBuf,
    servers: Vec<Server>,
}

struct Server {
    port: u16,
    arguments: Vec<String>,
    log: PathBuf,
    process: Option<Child>,
    /// How often it was started.
    starts: usize,
}

impl Guarded {
    /// Starts one server with `deploy/nats/nats.conf`.
    pub(crate) async fn start(version: Version) -> Self {
        Self::start_with(version, "nats.conf", 1).await
    }

    /// Starts three with `deploy/nats/cluster.conf`.
    pub(crate) async fn start_cluster(version: Version) -> Self {
        Self::start_with(version, "cluster.conf", 3).await
    }

    async fn start_with(version: Version, configuration: &str, count: usize) -> Self {
        let folder = home().join(format!("guarded_{:016x}", rand::random::<u64>()));
        let secrets = folder.join("secrets");
        make_secrets(&secrets).await;
        for entry in deploy("nats").read_dir().unwrap() {
            let shipped = entry.unwrap().path();
            let here = secrets.join("nats").join(shipped.file_name().unwrap());
            std::fs::copy(shipped, here).unwrap();
        }
        let routes: Vec<u16> = (0..count).map(|_| free_port()).collect();
        let servers = routes.iter().map(|route| {
            let port = free_port();
            let mut arguments = vec!["--config".into(), configuration.to_owned()];
            arguments.extend(["--addr".into(), "127.0.0.1".into()]);
            arguments.extend(["--port".into(), port.to_string()]);
            arguments.extend(["--http_port".into(), free_port().to_string()]);
            if count > 1 {
                let url = |port: &u16| format!("nats-route://127.0.0.1:{port}");
                let all: Vec<String> = routes.iter().map(url).collect();
                arguments.extend(["--cluster".into(), url(route)]);
                arguments.extend(["--routes".into(), all.join(",")]);
            }
            Server {
                port,
                arguments,
                log: folder.join(format!("{port}.log")),
                process: None,
                starts: 0,
            }
        });
        let mut guarded = Self {
            version,
            secrets,
            servers: servers.collect(),
        };
        guarded.start_servers().await;
        guarded
    }

    /// Starts the servers, or starts them anew.
    pub(crate) async fn start_servers(&mut self) {
        for server in &mut self.servers {
            if let Some(mut process) = server.process.take() {
                process.kill().await.unwrap();
            }
            let program = nats::program(&installation_at(&home()), self.version).unwrap();
            let log = OpenOptions::new()
                .create(true)
                .append(true)
                .open(&server.log);
            let log = log.unwrap();
            let process = Command::new(program)
                .args(&server.arguments)
                .env("NATS_SERVER_NAME", format!("nats-{}", server.port))
                .env("NATS_STORE_DIR", server.log.with_extension("store"))
                .current_dir(self.secrets.join("nats"))
                .stdin(Stdio::null())
                .stdout(log.try_clone().unwrap())
                .stderr(log)
                .kill_on_drop(true)
                .spawn();
            server.process = Some(process.unwrap());
            server.starts += 1;
        }
        self.wait_until_ready().await;
    }

    /// What `deploy/make-secrets` made for it.
    pub(crate) fn secrets(&self) -> &Path {
        &self.secrets
    }

    /// The addresses of its servers.
    pub(crate) fn url(&self) -> String {
        let url = |server: &Server| format!("tls://127.0.0.1:{}", server.port);
        self.servers.iter().map(url).collect::<Vec<_>>().join(",")
    }

    /// Logs in as a role.
    pub(crate) async fn login(&self, role: Role) -> Client {
        let file = self.secrets.join(format!("{}.json", role.user()));
        let secrets: Value = serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap();
        let secret = |name: &str| secrets[name].as_str().unwrap().to_owned();
        let url = self.url();
        ConnectOptions::new()
            .user_and_password(secret("NATS_USER"), secret("NATS_PASSWORD"))
            .add_root_certificates(self.secrets.join("ca.crt"))
            .require_tls(true)
            .custom_inbox_prefix(role.inbox())
            .connect(url.split(',').collect::<Vec<_>>())
            .await
            .unwrap()
    }

    /// Waits until everything that a client has sent is judged: what is refused for certain, sent last, is refused.
    pub(crate) async fn has_judged(&self, client: &Client) {
        let last = format!("{LAST}{:016x}", rand::random::<u64>());
        client.publish(last.clone(), "".into()).await.unwrap();
        client.flush().await.unwrap();
        let deadline = Instant::now() + START_WAIT;
        while !self.log().contains(&last) {
            assert!(Instant::now() < deadline, "{}", self.log());
            sleep(LOOK).await;
        }
    }

    /// What the servers have refused so far, one line each.
    pub(crate) fn violations(&self) -> Vec<String> {
        let log = self.log();
        let refused = |line: &&str| line.contains("Violation") && !line.contains(LAST);
        log.lines().filter(refused).map(str::to_owned).collect()
    }

    fn log(&self) -> String {
        let logs = self.servers.iter().map(|server| &server.log);
        logs.map(|log| std::fs::read_to_string(log).unwrap())
            .collect()
    }

    async fn wait_until_ready(&self) {
        let deadline = Instant::now() + START_WAIT;
        for server in &self.servers {
            let log = || std::fs::read_to_string(&server.log).unwrap();
            while log().matches("Server is ready").count() < server.starts {
                assert!(Instant::now() < deadline, "{}", log());
                sleep(LOOK).await;
            }
        }
    }
}

fn free_port() -> u16 {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}
