//! A local Discord and a local model server.

use std::process::ExitCode;

/// The sandbox's options.
#[derive(Debug, clap::Args)]
pub struct Args {}

/// Serves until stopped.
pub async fn run(_: Args) -> anyhow::Result<ExitCode> {
    anyhow::bail!("not yet")
}
