//! A Discord and a model server on this machine, at the wire, for development and tests.
//!
//! It stands in for what others run; it contains nothing of the bot and is never linked into it.

use std::net::SocketAddr;
use std::process::ExitCode;

/// How the sandbox is started.
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
}

/// Serves until SIGTERM or Ctrl-C, then returns.
pub async fn run(args: Args) -> anyhow::Result<ExitCode> {
    drop(args);
    anyhow::bail!("not yet")
}
