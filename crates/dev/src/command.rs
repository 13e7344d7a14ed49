//! `./dev up`.

use std::process::ExitCode;

use crate::installation::Installation;

/// up
#[derive(Debug, clap::Args)]
pub struct Args {}

/// Runs the task.
pub async fn run(_: Args, _: &Installation) -> anyhow::Result<ExitCode> {
    anyhow::bail!("not yet")
}
