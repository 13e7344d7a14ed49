//! A Discord and a model server on this machine, at the wire, for development and tests.
//!
//! One port serves Discord's REST (`/api/v10`) and gateway (`/gateway`), models in the formats of
//! OpenAI, Anthropic and Gemini (`/model`), services that tools use (`/services`), attachments, and
//! the sandbox's own routes (`/sandbox`), through which people and tests speak, look and break things.
//! It stands in for what others run; it contains nothing of the bot and is never linked into it.
//! Everything is in memory and ends with the process.

mod admin;
pub mod client;
pub(crate) mod clock;
mod commands;
mod faults;
pub mod firehose;
mod flood;
mod gateway;
mod limits;
mod model;
mod page;
mod rest;
mod services;
mod settings;
mod shape;
mod snowflake;
mod tool_server;
mod world;

use std::net::SocketAddr;
use std::process::ExitCode;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::{Context as _, ensure};
use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware;
use axum::routing::{any, get};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::installation::Installation;
use model::Load;
pub use model::png;
use settings::Settings;
use world::World;

/// Largest request: some attachments of 10 MiB and what is written around them.
const REQUEST_BYTES: usize = 32 * 1024 * 1024;
/// How long open answers are given to end when the sandbox stops.
const STOP_WAIT: Duration = Duration::from_secs(2);

/// How often it looks for what time has brought about.
const TICK: Duration = Duration::from_secs(1);

/// Serves the sandbox alone, for any Discord client.
///
/// The bot token that it accepts is the environment's `DISCORD_TOKEN`, without one `sandbox-token`.
#[derive(Clone, Debug, clap::Args)]
pub struct Args {
    /// Address on which Discord's REST and gateway, the model server and the admin routes answer.
    #[arg(long, default_value = "127.0.0.1:0")]
    pub listen: SocketAddr,
    /// Makes names' ids and the model's answers repeatable.
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// Milliseconds between two pieces of a streamed model answer.
    #[arg(long, default_value_t = 15)]
    pub delta_delay_ms: u64,
    /// Program, with its first arguments, that tells what the bot did with a message: it is given
    /// the message's id and `--json`.
    #[arg(long, hide = true, num_args = 1.., allow_hyphen_values = true, value_name = "PROGRAM")]
    pub explain_command: Vec<String>,
}

/// The sandbox, or something that is done with one.
#[derive(Clone, Debug, clap::Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct Cli {
    /// Serves when nothing else is asked for.
    #[command(flatten)]
    pub serve: Args,
    /// What is done instead.
    #[command(subcommand)]
    pub task: Option<Task>,
}

/// What is done with a sandbox that serves.
#[derive(Clone, Debug, clap::Subcommand)]
pub enum Task {
    /// Floods the clients with events.
    Firehose(firehose::Args),
}

/// Does what the command line says.
pub async fn run(cli: Cli, installation: &Installation) -> anyhow::Result<ExitCode> {
    match cli.task {
        Some(Task::Firehose(args)) => firehose::run(args, installation).await,
        None => stay(cli.serve).await,
    }
}

/// Serves until SIGTERM or Ctrl-C, then returns.
async fn stay(args: Args) -> anyhow::Result<ExitCode> {
    tracing_subscriber::fmt()
        .with_ansi(false)
        .with_writer(std::io::stderr)
        .init();
    let shutdown = CancellationToken::new();
    let serving = serve(&args, token(), shutdown.clone()).await?;
    tracing::info!(address = %serving.address, "sandbox is ready");
    let mut terminate = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())?;
    tokio::select! {
        _ = terminate.recv() => {}
        interrupted = tokio::signal::ctrl_c() => interrupted?,
    }
    shutdown.cancel();
    serving.ended().await;
    Ok(ExitCode::SUCCESS)
}

/// The token of a sandbox that is served alone.
fn token() -> String {
    #[expect(
        clippy::disallowed_methods,
        reason = "the sandbox's only setting that is a secret"
    )]
    std::env::var("DISCORD_TOKEN").unwrap_or_else(|_| DEFAULT_TOKEN.to_owned())
}

/// The token that is accepted unless another is set.
pub const DEFAULT_TOKEN: &str = "sandbox-token";

/// A sandbox that serves.
#[derive(Debug)]
pub struct Serving {
    /// Where it listens.
    pub address: SocketAddr,
    task: tokio::task::JoinHandle<()>,
}

impl Serving {
    /// Waits until it has stopped.
    pub async fn ended(self) {
        if let Err(error) = self.task.await {
            tracing::error!(%error, "sandbox ended badly");
        }
    }
}

/// Listens and serves until `shutdown` is cancelled. Only loopback addresses are served, because
/// the admin routes ask for no password.
pub async fn serve(
    args: &Args,
    token: String,
    shutdown: CancellationToken,
) -> anyhow::Result<Serving> {
    let listen = args.listen;
    ensure!(
        listen.ip().is_loopback(),
        "the sandbox listens on loopback only, not on {listen}"
    );
    let listener = TcpListener::bind(listen).await;
    let listener = listener.with_context(|| format!("cannot listen on {listen}"))?;
    let address = listener.local_addr()?;
    let settings = Settings {
        delta_delay_ms: args.delta_delay_ms,
        ..Settings::default()
    };
    let sandbox = Sandbox(Arc::new(Inner {
        world: Mutex::new(World::new(args.seed, settings)),
        changed: watch::Sender::new(()),
        model: Arc::default(),
        token,
        explain_command: args.explain_command.clone(),
        address,
        shutdown: shutdown.clone(),
    }));
    let server = axum::serve(listener, router(sandbox.clone()));
    let stopping = shutdown.clone();
    let server = server.with_graceful_shutdown(async move { stopping.cancelled().await });
    let task = async move {
        tokio::select! {
            served = server.into_future() => {
                if let Err(error) = served {
                    tracing::error!(%error, "sandbox cannot serve");
                }
            }
            () = keep_time(&sandbox) => {}
            () = async { shutdown.cancelled().await; tokio::time::sleep(STOP_WAIT).await } => {}
        }
    };
    #[expect(
        clippy::disallowed_methods,
        reason = "its handle is returned and waited for"
    )]
    let task = tokio::spawn(task);
    Ok(Serving { address, task })
}

/// Lets time pass: threads in which nobody speaks are archived. Never returns.
async fn keep_time(sandbox: &Sandbox) {
    let mut ticks = tokio::time::interval(TICK);
    loop {
        ticks.tick().await;
        if sandbox.peek(World::archive_quiet_threads) {
            sandbox.0.changed.send_replace(());
        }
    }
}

fn router(sandbox: Sandbox) -> Router {
    Router::new()
        .route("/api/v10/{*path}", any(rest::serve))
        .route("/gateway", get(gateway::accept))
        .route("/gateway/", get(gateway::accept))
        .route("/attachments/{channel}/{id}/{name}", get(admin::attachment))
        .route("/stickers/{name}", get(admin::sticker))
        .nest("/model", model::router())
        .nest("/services", services::router())
        .nest("/sandbox", admin::router())
        .merge(page::files::router())
        .layer(middleware::from_fn(page::only_own_pages))
        .layer(DefaultBodyLimit::max(REQUEST_BYTES))
        .with_state(sandbox)
}

/// The sandbox, shared by all connections.
#[derive(Clone)]
pub(crate) struct Sandbox(Arc<Inner>);

struct Inner {
    world: Mutex<World>,
    /// Wakes those who wait for something to happen.
    changed: watch::Sender<()>,
    model: Arc<Load>,
    token: String,
    explain_command: Vec<String>,
    address: SocketAddr,
    shutdown: CancellationToken,
}

impl Sandbox {
    fn world(&self) -> MutexGuard<'_, World> {
        self.0.world.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Does something with the world and wakes those who wait for a change.
    pub(crate) fn with<T>(&self, act: impl FnOnce(&mut World) -> T) -> T {
        let result = act(&mut self.world());
        self.0.changed.send_replace(());
        result
    }

    /// Does something that nobody waits for.
    pub(crate) fn peek<T>(&self, act: impl FnOnce(&mut World) -> T) -> T {
        act(&mut self.world())
    }

    /// Waits until `find` finds something, at most `longest`; cancel safe, it changes nothing.
    pub(crate) async fn wait<T>(
        &self,
        longest: Duration,
        mut find: impl FnMut(&mut World) -> Option<T>,
    ) -> Option<T> {
        let mut changed = self.0.changed.subscribe();
        let deadline = tokio::time::Instant::now() + longest;
        loop {
            changed.mark_unchanged();
            if let Some(found) = self.peek(&mut find) {
                return Some(found);
            }
            tokio::select! {
                result = changed.changed() => result.ok()?,
                () = tokio::time::sleep_until(deadline) => return self.peek(&mut find),
                () = self.0.shutdown.cancelled() => return None,
            }
        }
    }

    /// The bot token that is accepted.
    pub(crate) fn token(&self) -> &str {
        &self.0.token
    }

    /// What is asked about the bot's doings; empty when there is nobody to ask.
    pub(crate) fn explain_command(&self) -> &[String] {
        &self.0.explain_command
    }

    /// Where the gateway is.
    pub(crate) fn gateway_url(&self) -> String {
        format!("ws://{}/gateway", self.0.address)
    }

    /// Where Discord's REST is.
    pub(crate) fn api_url(&self) -> String {
        format!("http://{}/api/v10", self.0.address)
    }

    /// Where attachments are.
    pub(crate) fn files_url(&self) -> String {
        format!("http://{}/attachments", self.0.address)
    }

    /// Where the model server is.
    pub(crate) fn model_url(&self) -> String {
        format!("http://{}/model", self.0.address)
    }

    /// What the model server remembers.
    pub(crate) fn model(&self) -> &Arc<Load> {
        &self.0.model
    }

    /// Fires when the sandbox stops.
    pub(crate) fn shutdown(&self) -> &CancellationToken {
        &self.0.shutdown
    }
}
