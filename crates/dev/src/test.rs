//! `./dev test`: all tests, on real servers that nobody else uses.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{ExitCode, ExitStatus, Stdio};
use std::time::Duration;

use anyhow::{Context as _, bail, ensure};
use rustix::process::{Pid, Signal, kill_process};
use tokio::process::Command;
use tokio::time::timeout;

use crate::installation::{Discord, Installation, State};
use crate::interruption::Interruption;
use crate::part::Part;
use crate::{console, launch, nats, sweep, up};

mod clients;
mod conformance;
mod leaks;
mod outcome;
mod packages;
pub(crate) mod requirements;

use outcome::Outcome;

/// Runs the tests whose names contain one of the words, or all; the last line counts them.
#[derive(Debug, clap::Args)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a flag of the command line"
)]
pub struct Args {
    /// Words of test names.
    pub filters: Vec<String>,
    /// Shows what the tests print.
    #[arg(long)]
    pub no_capture: bool,
    /// Runs the tests of the sandbox's page in Chromium instead, which is installed if need be.
    #[arg(long, conflicts_with = "filters")]
    pub browser: bool,
    /// Runs the tests of long outages instead, which take as long as those: ten minutes.
    #[arg(long, conflicts_with_all = ["filters", "browser"])]
    pub long: bool,
    /// Runs bots on discord.js and discord.py against the sandbox instead; these are installed if need be.
    #[arg(long, conflicts_with_all = ["filters", "no_capture", "browser", "long"])]
    pub clients: bool,
    /// Runs the conformance checks of the Model Context Protocol against `worker mcp-check` instead;
    /// they and their Node.js are installed if need be.
    #[arg(long, conflicts_with_all = ["filters", "no_capture", "browser", "long", "clients"])]
    pub mcp: bool,
    /// Prints every requirement and the tests that name it instead; no test runs.
    #[arg(long, conflicts_with_all = ["filters", "no_capture", "browser", "long", "clients", "mcp"])]
    pub requirements: bool,
}

impl Args {
    /// The words of test names that are looked for; each finds its own tests.
    fn words(&self) -> Vec<&str> {
        if self.browser {
            return vec![BROWSER_TESTS];
        }
        if self.long {
            return vec![LONG_TESTS];
        }
        let words = self.filters.iter().map(String::as_str);
        words
            .flat_map(|word| match word {
                OPERATION => OPERATION_TESTS.to_vec(),
                word => vec![word],
            })
            .collect()
    }
}

/// Discord's description of its interface, seen from the checkout: beside it, because it is not ours to hand on.
pub const DISCORD_DESCRIPTION: &str = "../shared/data/discord-openapi.json";
/// The longest that the runner is given to end its tests: it gives them ten seconds.
const RUNNER_WAIT: Duration = Duration::from_secs(15);
/// A word that asks for the search for keys after a part of the tests; after all of them it comes by itself.
const LEAKS: &str = "leaks";
/// A word that asks for all that is shipped to run the product, and the names of those tests.
const OPERATION: &str = "ops";
const OPERATION_TESTS: [&str; 3] = ["deploy::", "e2e_backup::", "e2e_rights::"];
/// The tests that need a browser; they are ignored unless they are asked for.
const BROWSER_TESTS: &str = "e2e_browser";
/// The tests that take minutes; they are ignored unless they are asked for.
const LONG_TESTS: &str = "long_outage";

/// Builds, starts the servers, runs the tests and stops the servers; or whatever else the flags say.
pub async fn run(args: Args, installation: &Installation) -> anyhow::Result<ExitCode> {
    if args.requirements {
        return requirements::run(installation.root());
    }
    let outcome = if args.clients {
        clients::run(installation).await?
    } else if args.mcp {
        conformance::run(installation).await?
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
    let mut interruption = Interruption::listen()?;
    forget(installation, &home).await?;
    let outcome = test(args, installation, &servers, &mut interruption).await;
    // The servers, and whatever tests that were killed left behind.
    sweep::stop_below(installation, &home).await?;
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
    interruption: &mut Interruption,
) -> anyhow::Result<Outcome> {
    let preparing = async {
        up::build(installation).await?;
        start(servers).await
    };
    let state = interruption.may_end(preparing).await?;
    let environment = environment(installation, servers, &state)?;
    if !args.browser && !installation.root().join(DISCORD_DESCRIPTION).exists() {
        console::note(format_args!(
            "nothing is compared with Discord's own description: {DISCORD_DESCRIPTION} is absent"
        ));
    }
    let mut outcome = if has_nextest(installation).await {
        nextest(args, installation, environment, interruption).await?
    } else {
        console::note("cargo-nextest is not installed: cargo's own runner takes its place");
        let testing = cargo_test(args, installation, environment);
        interruption.may_end(testing).await?
    };
    if args.words().is_empty() || args.words().contains(&LEAKS) {
        let searching = no_key_is_left(servers, &state, installation);
        outcome.count(interruption.may_end(searching).await?);
    }
    Ok(outcome)
}

/// Whether nothing that the run left holds a key of a test; says so, or where one stands.
async fn no_key_is_left(
    servers: &Installation,
    state: &State,
    installation: &Installation,
) -> anyhow::Result<bool> {
    let home = installation.home().join("test");
    let found = leaks::search(installation.root(), &home, servers, state).await?;
    if found.files.is_empty() {
        console::note(format_args!(
            "none of {} keys that the tests use stands in anything that was written",
            found.keys
        ));
    }
    for file in &found.files {
        console::note(format_args!(
            "FAIL: a key of the tests stands in {}",
            file.display()
        ));
    }
    Ok(found.files.is_empty())
}

/// Starts the servers that the tests share.
async fn start(servers: &Installation) -> anyhow::Result<State> {
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
    Ok(state)
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
        ("TEST_TOOLS", installation.tools().into()),
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
    interruption: &mut Interruption,
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
    if args.browser || args.long {
        command.arg("--run-ignored=only");
    }
    let status = finish(&mut command, interruption).await?;
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

/// Waits for the runner's end. Interrupted it is asked to end, for it ends its tests first; killed at once it would
/// leave them running.
async fn finish(
    command: &mut Command,
    interruption: &mut Interruption,
) -> anyhow::Result<ExitStatus> {
    let mut runner = command.spawn().context("cannot start cargo")?;
    tokio::select! {
        status = runner.wait() => return Ok(status?),
        () = interruption.came() => {}
    }
    let pid = runner.id().and_then(|id| i32::try_from(id).ok());
    if let Some(pid) = pid.and_then(Pid::from_raw) {
        kill_process(pid, Signal::TERM)?;
    }
    drop(timeout(RUNNER_WAIT, runner.wait()).await);
    bail!("interrupted")
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
    if args.browser || args.long {
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

/// Stops what a killed run left and removes all data of the last run.
async fn forget(installation: &Installation, home: &Path) -> anyhow::Result<()> {
    sweep::stop_below(installation, home).await?;
    if home.exists() {
        fs::remove_dir_all(home).with_context(|| format!("cannot remove {}", home.display()))?;
    }
    Ok(())
}
