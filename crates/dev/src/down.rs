//! `./dev down` and `./dev reset`: stop everything; forget everything.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context as _;

use crate::installation::Installation;
use crate::{console, launch, sweep};

/// Stops everything that `./dev up` started, and waits until it is gone. The data stays.
#[derive(Debug, clap::Args)]
pub struct Args;

/// Stops everything and removes the database, the broker's data, logs and secrets.
#[derive(Debug, clap::Args)]
pub struct ResetArgs;

/// What `reset` leaves where it is: tools would only be fetched again; of tasks with servers of their own it removes
/// what belongs to none that goes on.
const KEPT_BY_RESET: [&str; 4] = ["tools", "chaos", "sqlx", "test"];

/// Stops everything.
pub async fn run(_: Args, installation: &Installation) -> anyhow::Result<ExitCode> {
    let _lock = installation.lock()?;
    stop(installation).await?;
    stop_left(installation).await?;
    Ok(ExitCode::SUCCESS)
}

/// Stops everything and removes its data.
pub async fn reset(_: ResetArgs, installation: &Installation) -> anyhow::Result<ExitCode> {
    let _lock = installation.lock()?;
    stop(installation).await?;
    let left = stop_left(installation).await?;
    for (folder, _lock) in left.iter().filter(|(folder, _)| folder.exists()) {
        remove(folder)?;
    }
    for entry in fs::read_dir(installation.home())? {
        let path = entry?.path();
        // A lock whose file is gone would be no lock for the next one.
        let is_lock = path.extension().is_some_and(|ending| ending == "lock");
        if !is_lock && !KEPT_BY_RESET.iter().any(|kept| path.ends_with(kept)) {
            remove(&path)?;
        }
    }
    console::result("all data is removed");
    Ok(ExitCode::SUCCESS)
}

fn remove(path: &Path) -> anyhow::Result<()> {
    let removed = if path.is_dir() {
        fs::remove_dir_all(path)
    } else {
        fs::remove_file(path)
    };
    removed.with_context(|| format!("cannot remove {}", path.display()))
}

/// Stops what tasks left running that were killed, and returns their folders with their locks, so that none begins
/// there meanwhile. A task that goes on is left alone.
async fn stop_left(installation: &Installation) -> anyhow::Result<Vec<(PathBuf, File)>> {
    let mut ended = Vec::new();
    for (folder, name) in task_folders(installation.home())? {
        let Some(lock) = installation.try_lock_for(&name)? else {
            console::note(format_args!(
                "{} is in use and is left alone",
                folder.display()
            ));
            continue;
        };
        let count = sweep::stop_below(installation, &folder).await?;
        if count > 0 {
            let folder = folder.display();
            console::result(format_args!("stopped {count} processes of {folder}"));
        }
        ended.push((folder, lock));
    }
    Ok(ended)
}

/// The folders in which tasks run servers of their own, with the names of the tasks' locks.
fn task_folders(home: &Path) -> anyhow::Result<Vec<(PathBuf, String)>> {
    let mut tasks = ["sqlx", "test"]
        .map(|task| (home.join(task), task.to_owned()))
        .to_vec();
    let runs = home.join("chaos");
    if runs.exists() {
        for run in fs::read_dir(runs)? {
            let run = run?;
            let name = run.file_name();
            tasks.push((run.path(), format!("chaos-{}", name.to_string_lossy())));
        }
    }
    Ok(tasks)
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
