//! `./dev test --clients`: bots on public Discord libraries, which know nothing of the sandbox, against it.
//!
//! The bots are in `crates/dev/clients`, each with the lock file of its library. Each prints the names of
//! its steps as they begin and ends with a failure where it saw something else than on Discord.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};
use std::time::Duration;

use anyhow::{Context as _, bail, ensure};
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::Command;
use tokio_util::sync::CancellationToken;

use super::Outcome;
use crate::installation::Installation;
use crate::{console, sandbox};

/// The longest that one bot may take: ten times what it takes on a busy machine.
const LONGEST: Duration = Duration::from_mins(3);
/// The lock file of what a folder holds, written when everything is in place.
const INSTALLED: &str = "installed";

/// A library with its bot.
struct Library {
    /// Its name, and that of the folder in `crates/dev/clients`.
    name: &'static str,
    /// What fixes the versions and hashes of everything that is installed.
    lock: &'static str,
    /// The commands that install it, run in its folder.
    install: &'static [&'static [&'static str]],
    /// The command that runs the bot there.
    run: &'static [&'static str],
}

const LIBRARIES: [Library; 2] = [
    Library {
        name: "discord.js",
        lock: "package-lock.json",
        install: &[&["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"]],
        run: &["node", "client.mjs"],
    },
    Library {
        name: "discord.py",
        lock: "requirements.txt",
        install: &[
            &["python3", "-m", "venv", "--clear", "venv"],
            &[
                "venv/bin/python",
                "-m",
                "pip",
                "install",
                "--quiet",
                "--disable-pip-version-check",
                "--no-deps",
                "--only-binary=:all:",
                "--require-hashes",
                "--requirement=requirements.txt",
            ],
        ],
        run: &["venv/bin/python", "client.py"],
    },
];

/// Runs every bot and counts those that saw what they should.
pub(super) async fn run(installation: &Installation) -> anyhow::Result<Outcome> {
    let _lock = installation.lock_for("clients")?;
    let mut outcome = Outcome::default();
    for library in &LIBRARIES {
        let folder = prepare(installation, library).await?;
        let checked = check(library, &folder).await;
        outcome.count(checked.is_ok());
        if let Err(error) = checked {
            console::problem(&error);
        }
    }
    Ok(outcome)
}

/// Puts bot and library into a folder of their own, unless the library is there already.
async fn prepare(installation: &Installation, library: &Library) -> anyhow::Result<PathBuf> {
    let name = library.name;
    let from = installation.root().join("crates/dev/clients").join(name);
    let folder = installation.tools().join("clients").join(name);
    copy(&from, &folder).with_context(|| format!("cannot write {}", folder.display()))?;
    let lock = fs::read(folder.join(library.lock))?;
    let installed = folder.join(INSTALLED);
    if fs::read(&installed).is_ok_and(|installed| installed == lock) {
        return Ok(folder);
    }
    console::note(format_args!("installing {name} …"));
    for line in library.install {
        let output = command(&folder, line)?.output().await;
        succeed(line, output).with_context(|| format!("{name} could not be installed"))?;
    }
    fs::write(installed, lock)?;
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
fn command(folder: &Path, line: &[&str]) -> anyhow::Result<Command> {
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

/// Runs a bot against a sandbox of its own.
async fn check(library: &Library, folder: &Path) -> anyhow::Result<()> {
    console::note(format_args!("running the bot on {} …", library.name));
    let shutdown = CancellationToken::new();
    let args = sandbox::Args {
        listen: ([127, 0, 0, 1], 0).into(),
        seed: 1,
        delta_delay_ms: 0,
        explain_command: Vec::new(),
    };
    let token = sandbox::DEFAULT_TOKEN;
    let serving = sandbox::serve(&args, token.to_owned(), shutdown.clone()).await?;
    let mut bot = command(folder, library.run)?;
    bot.env("SANDBOX", format!("http://{}", serving.address))
        .env("TOKEN", token)
        .stdout(Stdio::piped());
    let mut step = "start".to_owned();
    let ended = tokio::time::timeout(LONGEST, follow(bot, &mut step)).await;
    shutdown.cancel();
    serving.ended().await;
    let place = || format!("{}, step \"{step}\"", library.name);
    match ended {
        Err(_) => bail!("{}: no end after {} s", place(), LONGEST.as_secs()),
        Ok(ended) => ended.with_context(place),
    }
}

/// Waits for the bot's end; `step` is the newest step that it began.
async fn follow(mut bot: Command, step: &mut String) -> anyhow::Result<()> {
    let mut bot = bot.spawn().context("the bot does not start")?;
    let output = bot.stdout.take().context("the bot has no output")?;
    let mut lines = BufReader::new(output).lines();
    while let Some(line) = lines.next_line().await? {
        console::note(format_args!("  {line}"));
        *step = line;
    }
    let status = bot.wait().await?;
    ensure!(status.success(), "failed as shown above ({status})");
    Ok(())
}
