//! Programs of others that tests on demand need: installed once, in the versions that lock files fix.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};

use anyhow::{Context as _, ensure};
use tokio::process::Command;

use crate::console;
use crate::installation::Installation;

/// The lock files of what a folder holds, written when everything is in place.
const INSTALLED: &str = "installed";

/// What is installed into a folder of its own.
pub(super) struct Packages {
    /// Its name, and that of its folder in `crates/dev/clients`.
    pub(super) name: &'static str,
    /// What fixes the versions and hashes of everything that is installed.
    pub(super) locks: &'static [&'static str],
    /// The commands that install it, run in its folder.
    pub(super) install: &'static [&'static [&'static str]],
}

/// Makes the folder, unless everything is there already.
pub(super) async fn prepare(
    installation: &Installation,
    packages: &Packages,
) -> anyhow::Result<PathBuf> {
    let name = packages.name;
    let from = installation.root().join("crates/dev/clients").join(name);
    let folder = installation.tools().join("clients").join(name);
    copy(&from, &folder).with_context(|| format!("cannot write {}", folder.display()))?;
    let mut locks = Vec::new();
    for lock in packages.locks {
        locks.extend(fs::read(folder.join(lock))?);
    }
    let installed = folder.join(INSTALLED);
    if fs::read(&installed).is_ok_and(|installed| installed == locks) {
        return Ok(folder);
    }
    console::note(format_args!("installing {name} …"));
    for line in packages.install {
        let output = command(&folder, line)?.output().await;
        succeed(line, output).with_context(|| format!("{name} could not be installed"))?;
    }
    fs::write(installed, locks)?;
    Ok(folder)
}

fn copy(from: &Path, to: &Path) -> io::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        fs::copy(entry.path(), to.join(entry.file_name()))?;
    }
    Ok(())
}

/// A command in a folder; a program with a path is one of that folder.
pub(super) fn command(folder: &Path, line: &[&str]) -> anyhow::Result<Command> {
    let (program, arguments) = line.split_first().context("an empty command")?;
    let program = if program.contains('/') {
        folder.join(program)
    } else {
        PathBuf::from(program)
    };
    let mut command = Command::new(program);
    command
        .args(arguments)
        .current_dir(folder)
        .stdin(Stdio::null())
        .kill_on_drop(true);
    Ok(command)
}

fn succeed(line: &[&str], output: io::Result<Output>) -> anyhow::Result<()> {
    let line = line.join(" ");
    let output = output.with_context(|| missing(&line))?;
    let complaint = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{line}: {}", complaint.trim());
    Ok(())
}

fn missing(line: &str) -> String {
    format!(
        "cannot run {line}: Node.js 18 or newer with npm, and python3 with venv are needed; \
         on Debian or Ubuntu: sudo apt-get install npm python3-venv"
    )
}
