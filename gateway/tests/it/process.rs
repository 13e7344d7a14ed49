//! The gateway's process and its admin port.

use std::process::{ExitStatus, Stdio};

use rustix::process::{Pid, Signal, kill_process};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::process::{Child, Command};

use crate::broker::{Broker, PARTITIONS};
use crate::discord::{Discord, TOKEN};
use crate::eventually;

pub(crate) struct Gateway {
    child: Child,
    admin: String,
}

pub(crate) struct Ended {
    pub(crate) status: ExitStatus,
    pub(crate) stderr: String,
}

/// The binary with an empty environment, in a folder without `.env`.
pub(crate) fn command() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_gateway"));
    command
        .env_clear()
        .current_dir(env!("CARGO_TARGET_TMPDIR"))
        .stdin(Stdio::null())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    command
}

impl Gateway {
    pub(crate) async fn start(discord: &Discord, broker: &Broker) -> Self {
        Self::start_with(discord, broker, &[]).await
    }

    pub(crate) async fn start_with(
        discord: &Discord,
        broker: &Broker,
        settings: &[(&str, &str)],
    ) -> Self {
        let admin = free_address().await;
        Self::start_at(&admin, discord, broker, settings)
    }

    /// Starts a gateway in the place of another one, which must be gone.
    pub(crate) fn start_at(
        admin: &str,
        discord: &Discord,
        broker: &Broker,
        settings: &[(&str, &str)],
    ) -> Self {
        let child = command()
            .env("DISCORD_TOKEN", TOKEN)
            .env(
                "DISCORD_API_URL",
                format!("http://{}/api/v10", discord.address),
            )
            .env("DISCORD_GATEWAY_URL", format!("ws://{}", discord.address))
            .env("NATS_URL", &broker.url)
            .env("NATS_PREFIX", &broker.prefix)
            .env("EVENT_PARTITIONS", PARTITIONS.to_string())
            .env("HTTP_LISTEN", admin)
            .env("LOG_FORMAT", "text")
            .envs(settings.iter().copied())
            .spawn()
            .unwrap();
        Self {
            child,
            admin: admin.to_owned(),
        }
    }

    /// Kills it and starts it again, as whoever runs it does.
    pub(crate) async fn crash(mut self, discord: &Discord, broker: &Broker) -> Self {
        self.child.kill().await.unwrap();
        Self::start_at(&self.admin, discord, broker, &[])
    }

    /// Returns what a metric says now.
    pub(crate) async fn metric(&self, name: &str) -> String {
        let answer = self.get("/metrics").await.unwrap();
        let line = answer.lines().find(|line| line.starts_with(name));
        line.unwrap().to_owned()
    }

    /// Waits until the gateway says that it is ready.
    pub(crate) async fn ready(self) -> Self {
        eventually("the gateway is ready", async || {
            self.get("/readyz")
                .await
                .filter(|answer| answer.starts_with("HTTP/1.1 200"))
        })
        .await;
        self
    }

    /// Asks the admin port; `None` while it is not open.
    pub(crate) async fn get(&self, path: &str) -> Option<String> {
        let mut stream = TcpStream::connect(&self.admin).await.ok()?;
        let request = format!("GET {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await.ok()?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.ok()?;
        Some(answer)
    }

    /// Tells how much memory the process has in RAM at most, in bytes, since it was started.
    pub(crate) fn most_memory_bytes(&self) -> usize {
        let status = format!("/proc/{}/status", self.child.id().unwrap());
        let status = std::fs::read_to_string(status).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let kibibytes = line.unwrap().trim().strip_suffix("kB").unwrap().trim();
        kibibytes.parse::<usize>().unwrap() * 1024
    }

    /// Waits until a line of `/metrics` is exactly this.
    pub(crate) async fn measures(&self, line: &str) {
        eventually(line, async || {
            self.get("/metrics")
                .await
                .filter(|answer| answer.lines().any(|found| found == line))
        })
        .await;
    }

    /// Waits until a line of `/metrics` begins like this and does not count zero.
    pub(crate) async fn counts(&self, metric: &str) {
        eventually(metric, async || {
            let answer = self.get("/metrics").await?;
            let line = answer.lines().find(|line| line.starts_with(metric))?;
            (!line.ends_with(" 0")).then_some(())
        })
        .await;
    }

    pub(crate) async fn terminate(self) -> Ended {
        self.signal_term();
        self.ended().await
    }

    pub(crate) fn signal_term(&self) {
        self.signal(Signal::TERM);
    }

    pub(crate) fn signal(&self, signal: Signal) {
        let pid = i32::try_from(self.child.id().unwrap()).unwrap();
        kill_process(Pid::from_raw(pid).unwrap(), signal).unwrap();
    }

    pub(crate) async fn kill(mut self) {
        self.child.kill().await.unwrap();
    }

    /// Waits until the process ends by itself.
    pub(crate) async fn ended(self) -> Ended {
        let output = tokio::time::timeout(crate::DEADLINE, self.child.wait_with_output());
        let output = output.await.expect("the gateway ends").unwrap();
        let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
        Ended {
            status: output.status,
            stderr,
        }
    }
}

pub(crate) async fn free_address() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    listener.local_addr().unwrap().to_string()
}
