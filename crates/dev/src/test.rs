//! `./dev test`: all tests, on real servers that nobody else uses.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{ExitCode, Stdio};

use anyhow::{Context as _, ensure};
use tokio::process::Command;
use tokio::signal::unix::{SignalKind, signal};

use crate::installation::{Discord, Installation, State};
use crate::part::Part;
use crate::{console, launch, nats, up};

mod clients;
mod outcome;

use outcome::Outcome;

/// Runs the tests whose names contain one of the words, or all; the last line counts them.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Words of test names.
    pub filters: Vec<String>,
    /// Shows what the tests print.
    #[arg(long)]
    pub no_capture: bool,
    /// Runs the tests of the sandbox's page in Chromium instead, which is installed if need be.
    #[arg(long, conflicts_with = "filters")]
    pub browser: bool,
    /// Runs bots on discord.js and discord.py against the sandbox instead; these are installed if need be.
    #[arg(long, conflicts_with_all = ["filters", "no_capture", "browser"])]
    pub clients: bool,
}

impl Args {
    /// The words of test names that are looked for; each finds its own tests.
    fn words(&self) -> Vec<&str> {
        if self.browser {
            return vec![BROWSER_TESTS];
        }
        self.filters.iter().map(String::as_str).collect()
    }
}

/// The tests that need a browser; they are ignored unless they are asked for.
const BROWSER_TESTS: &str = "e2e_browser";

/// Builds, starts the servers, runs the tests and stops the servers.
pub async fn run(args: Args, installation: &Installation) -> anyhow::Result<ExitCode> {
    let outcome = if args.clients {
        clients::run(installation).await?
    } else {
        with_servers(&args, installation).await?
    };
    console::result(outcome);
    Ok(if outcome.is_good() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

async fn with_servers(args: &Args, installation: &Installation) -> anyhow::Result<Outcome> {
    let home = installation.home().join("test");
    let servers = installation.at(home.join("servers"));
    let _lock = installation.lock_for("test")?;
    forget(installation, &home).await?;
    up::build(installation).await?;
    let mut interruption = signal(SignalKind::interrupt())?;
    let outcome = tokio::select! {
        outcome = test(args, installation, &servers) => outcome,
        _ = interruption.recv() => Err(anyhow::anyhow!("interrupted")),
    };
    stop_everything(installation, &home).await?;
    let outcome = outcome?;
    if outcome.is_good() {
        forget(installation, &home).await?;
    }
    Ok(outcome)
}

async fn test(
    args: &Args,
    installation: &Installation,
    servers: &Installation,
) -> anyhow::Result<Outcome> {
    let mut state = State {
        discord: Discord::Sandbox,
        ..State::default()
    };
    for part in [Part::Postgres, Part::Nats] {
        console::note(format_args!("starting {part} for the tests …"));
        launch::start_volatile(servers, &mut state, part).await?;
    }
    for part in [Part::Postgres, Part::Nats] {
        launch::wait_until_ready(servers, &state, part).await?;
    }
    let environment = environment(installation, servers, &state)?;
    if has_nextest(installation).await {
        nextest(args, installation, environment).await
    } else {
        console::note("cargo-nextest is not installed: cargo's own runner takes its place");
        cargo_test(args, installation, environment).await
    }
}

fn environment(
    installation: &Installation,
    servers: &Installation,
    state: &State,
) -> anyhow::Result<Vec<(&'static str, OsString)>> {
    let database = servers.database(state)?;
    let nats = state.port(Part::Nats).context("the broker has no port")?;
    let postgres = format!(
        "postgres://{}:{}@{}:{}/postgres",
        database.user, database.password, database.host, database.port
    );
    Ok(vec![
        ("TEST_POSTGRES_URL", postgres.into()),
        ("TEST_NATS_URL", format!("nats://127.0.0.1:{nats}").into()),
        (
            "TEST_NATS_SERVER",
            nats::program(installation, nats::Version::Newest)?.into(),
        ),
        (
            "TEST_NATS_SERVER_OLDEST",
            nats::program(installation, nats::Version::Oldest)?.into(),
        ),
        (
            "TEST_MOTO_SERVER",
            installation.tools().join("moto-server").into(),
        ),
        ("TEST_HOME", installation.home().join("test").into()),
    ])
}

async fn has_nextest(installation: &Installation) -> bool {
    let mut command = cargo(installation, &["nextest", "--version"]);
    let status = command
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .await;
    status.is_ok_and(|status| status.success())
}

async fn nextest(
    args: &Args,
    installation: &Installation,
    environment: Vec<(&'static str, OsString)>,
) -> anyhow::Result<Outcome> {
    let report = target_folder().join("nextest/everything/junit.xml");
    if report.exists() {
        fs::remove_file(&report)?;
    }
    let mut command = cargo(
        installation,
        &[
            "nextest",
            "run",
            "--profile=everything",
            "--workspace",
            "--locked",
        ],
    );
    command
        .arg("--no-fail-fast")
        .envs(environment)
        .args(args.words());
    if args.no_capture {
        command.arg("--no-capture");
    }
    if args.browser {
        command.arg("--run-ignored=only");
    }
    let status = command.status().await?;
    let report =
        fs::read_to_string(&report).with_context(|| format!("the tests did not run ({status})"))?;
    let outcome =
        Outcome::of_junit(&report).context("the report of the tests is not understood")?;
    ensure!(
        status.success() || !outcome.is_good(),
        "the runner of the tests failed ({status})"
    );
    Ok(outcome)
}

async fn cargo_test(
    args: &Args,
    installation: &Installation,
    environment: Vec<(&'static str, OsString)>,
) -> anyhow::Result<Outcome> {
    let targets = [
        "test",
        "--workspace",
        "--locked",
        "--no-fail-fast",
        "--lib",
        "--bins",
        "--tests",
    ];
    let mut command = cargo(installation, &targets);
    command.arg("--").args(args.words()).envs(environment);
    if args.no_capture {
        command.arg("--nocapture");
    }
    if args.browser {
        command.arg("--ignored");
    }
    let output = command
        .stdout(Stdio::piped())
        .spawn()?
        .wait_with_output()
        .await?;
    let printed = String::from_utf8_lossy(&output.stdout);
    console::result(&printed);
    let outcome = Outcome::of_cargo(&printed);
    ensure!(
        output.status.success() || !outcome.is_good(),
        "the tests did not build or run"
    );
    Ok(outcome)
}

fn cargo(installation: &Installation, arguments: &[&str]) -> Command {
    let mut command = Command::new("cargo");
    command
        .args(arguments)
        .current_dir(installation.root())
        .stdin(Stdio::null())
        .kill_on_drop(true);
    command
}

/// The folder above the one with this program.
fn target_folder() -> PathBuf {
    let program = std::env::current_exe().unwrap_or_default();
    program
        .ancestors()
        .nth(2)
        .map(Path::to_path_buf)
        .unwrap_or_default()
}

/// Stops the servers and whatever tests that were killed left behind.
async fn stop_everything(installation: &Installation, home: &Path) -> anyhow::Result<()> {
    if !home.exists() {
        return Ok(());
    }
    for entry in fs::read_dir(home)? {
        let left = installation.at(entry?.path());
        let mut state = left.state()?;
        launch::stop_all(&left, &mut state).await?;
    }
    Ok(())
}

/// Stops what a killed run left and removes all data of the last run.
async fn forget(installation: &Installation, home: &Path) -> anyhow::Result<()> {
    stop_everything(installation, home).await?;
    if home.exists() {
        fs::remove_dir_all(home).with_context(|| format!("cannot remove {}", home.display()))?;
    }
    Ok(())
}
