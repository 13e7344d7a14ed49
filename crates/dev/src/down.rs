//! `./dev down` and `./dev reset`: stop everything; forget everything.

use std::fs;
use std::process::ExitCode;

use anyhow::Context as _;

use crate::installation::Installation;
use crate::{console, launch};

/// Stops everything that `./dev up` started, and waits until it is gone. The data stays.
#[derive(Debug, clap::Args)]
pub struct Args;

/// Stops everything and removes the database, the broker's data, logs and secrets.
#[derive(Debug, clap::Args)]
pub struct ResetArgs;

/// What `reset` leaves: tools that would be fetched again, locks, and what the tests use.
const KEPT_BY_RESET: [&str; 4] = ["tools", "lock.lock", "test.lock", "test"];

/// Stops everything.
pub async fn run(_: Args, installation: &Installation) -> anyhow::Result<ExitCode> {
    let _lock = installation.lock()?;
    stop(installation).await?;
    Ok(ExitCode::SUCCESS)
}

/// Stops everything and removes its data.
pub async fn reset(_: ResetArgs, installation: &Installation) -> anyhow::Result<ExitCode> {
    let _lock = installation.lock()?;
    stop(installation).await?;
    for entry in fs::read_dir(installation.home())? {
        let path = entry?.path();
        let is_kept = KEPT_BY_RESET.iter().any(|kept| path.ends_with(kept));
        if is_kept {
            continue;
        }
        let removed = if path.is_dir() {
            fs::remove_dir_all(&path)
        } else {
            fs::remove_file(&path)
        };
        removed.with_context(|| format!("cannot remove {}", path.display()))?;
    }
    console::result("all data is removed");
    Ok(ExitCode::SUCCESS)
}

/// Stops everything and tells so.
pub(crate) async fn stop(installation: &Installation) -> anyhow::Result<()> {
    let mut state = installation.state()?;
    if !state.alive().is_empty() {
        console::note("stopping …");
    }
    match launch::stop_all(installation, &mut state).await? {
        0 => console::result("nothing was running"),
        count => console::result(format_args!("stopped {count} processes")),
    }
    Ok(())
}
