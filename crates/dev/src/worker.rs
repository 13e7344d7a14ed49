//! `./dev worker ARGS…`: an operator command of the worker against this installation.

use std::os::unix::process::CommandExt as _;
use std::process::ExitCode;

use anyhow::anyhow;

use crate::installation::Installation;

/// Runs a worker's operator command with the settings of this installation.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// What the worker is told, for example `explain MESSAGE_ID`.
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, required = true)]
    pub arguments: Vec<String>,
}

/// Becomes the worker; returns only when that failed.
pub fn run(args: Args, installation: &Installation) -> anyhow::Result<ExitCode> {
    let arguments: Vec<&str> = args.arguments.iter().map(String::as_str).collect();
    let error = installation.operator(&arguments)?.exec();
    Err(anyhow!(error).context("the worker did not start; build it with ./dev up"))
}
