//! `./dev worker`.

use std::process::ExitCode;

use crate::installation::Installation;

/// worker
#[derive(Debug, clap::Args)]
pub struct Args {}

/// Runs the task.
pub fn run(_: Args, _: &Installation) -> anyhow::Result<ExitCode> {
    anyhow::bail!("not yet")
}
