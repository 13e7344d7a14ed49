//! `./dev test --clients`: bots on public Discord libraries, which know nothing of the sandbox, against it.
//!
//! The bots are in `crates/dev/clients`, each with the lock file of its library. Each prints the names of
//! its steps as they begin and ends with a failure where it saw something else than on Discord.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context as _, bail, ensure};
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::Command;
use tokio_util::sync::CancellationToken;

use super::Outcome;
use super::packages::{Packages, command, prepare};
use crate::installation::Installation;
use crate::{console, sandbox};

/// The longest that one bot may take: ten times what it takes on a busy machine.
const LONGEST: Duration = Duration::from_mins(3);

/// A library with its bot.
struct Library {
    packages: Packages,
    /// The command that runs the bot there.
    run: &'static [&'static str],
}

const LIBRARIES: [Library; 2] = [
    Library {
        packages: Packages {
            name: "discord.js",
            locks: &["package-lock.json"],
            install: &[&["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"]],
        },
        run: &["node", "client.mjs"],
    },
    Library {
        packages: Packages {
            name: "discord.py",
            locks: &["requirements.txt"],
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
        },
        run: &["venv/bin/python", "client.py"],
    },
];

/// Runs every bot and counts those that saw what they should.
pub(super) async fn run(installation: &Installation) -> anyhow::Result<Outcome> {
    let _lock = installation.lock_for("clients")?;
    let mut outcome = Outcome::default();
    for library in &LIBRARIES {
        let folder = prepare(installation, &library.packages).await?;
        let checked = check(library, &folder).await;
        outcome.count(checked.is_ok());
        if let Err(error) = checked {
            console::problem(&error);
        }
    }
    Ok(outcome)
}

/// Runs a bot against a sandbox of its own.
async fn check(library: &Library, folder: &Path) -> anyhow::Result<()> {
    console::note(format_args!(
        "running the bot on {} …",
        library.packages.name
    ));
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
    let place = || format!("{}, step \"{step}\"", library.packages.name);
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
