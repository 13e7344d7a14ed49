//! `./dev up`: builds and starts everything, in this order: servers, schema, sandbox, product.
//!
//! It may be run at any time: what runs is left alone, what is missing is started.

pub mod real;

use std::io::IsTerminal as _;
use std::process::{ExitCode, Stdio};
use std::time::Duration;

use anyhow::{Context as _, ensure};
use tokio::process::Command;

use crate::installation::{Discord, Installation, State};
use crate::interruption::Interruption;
use crate::part::Part;
use crate::process::POLL;
use crate::sandbox::client::Place;
use crate::status::address;
use crate::{console, down, launch};

/// More workers than this on one machine are a typing mistake.
const MAX_WORKERS: u16 = 32;
/// The longest that one operator command of the start may take.
const STEP_WAIT: Duration = Duration::from_mins(2);

/// Builds and starts everything; Ctrl-C stops it again.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Returns when everything is ready; `./dev down` stops it.
    #[arg(long)]
    pub detach: bool,
    /// How many workers there are to be; without it as many as last time, at first one.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=i64::from(MAX_WORKERS)))]
    pub workers: Option<u16>,
}

/// Starts everything and, unless detached, stays until Ctrl-C.
pub async fn run(args: Args, installation: &Installation) -> anyhow::Result<ExitCode> {
    let lock = installation.lock()?;
    let mut interruption = Interruption::listen()?;
    let before = installation.state()?.alive();
    let starting = start_or_say_so(&args, installation);
    let started = interruption.may_end(starting).await;
    if let Err(error) = started {
        console::note("stopping what was started …");
        let mut state = installation.state()?;
        let new = state
            .alive()
            .into_iter()
            .filter(|part| !before.contains(part))
            .collect();
        launch::stop_in_order(installation, &mut state, new).await?;
        return Err(error);
    }
    drop(lock);
    if args.detach {
        return Ok(ExitCode::SUCCESS);
    }
    console::note("Ctrl-C stops everything");
    stay(installation, &mut interruption).await
}

async fn start_or_say_so(args: &Args, installation: &Installation) -> anyhow::Result<()> {
    let mut state = installation.state()?;
    let is_first = state.alive().is_empty();
    decide(args, installation, &mut state)?;
    let missing = state
        .wanted()
        .into_iter()
        .any(|part| state.running(part).is_none());
    let surplus = state
        .alive()
        .iter()
        .any(|part| !state.wanted().contains(part));
    if is_first || missing || surplus {
        installation.keep(&state)?;
        build(installation).await?;
        if state.discord == Discord::Real {
            check_token(installation).await?;
        }
        bring_up(installation, &mut state).await?;
    } else {
        console::note("everything is running already");
    }
    print_addresses(&state);
    if state.discord == Discord::Sandbox {
        let page = installation.address(Part::Sandbox)?;
        console::result(format_args!("talk with it in a browser: {page}/"));
        console::result("or here: ./dev say \"hello there\"");
    }
    console::result("ready");
    Ok(())
}

async fn check_token(installation: &Installation) -> anyhow::Result<()> {
    console::note("asking Discord about the token …");
    let dot_env = installation.dot_env()?;
    let value = |wanted: &str| {
        let found = dot_env.iter().find(|(name, _)| name == wanted);
        found.map(|(_, value)| value.as_str())
    };
    let token = value("DISCORD_TOKEN").context("DISCORD_TOKEN is not in .env")?;
    let api = value("DISCORD_API_URL").unwrap_or(real::DISCORD_API);
    console::result(real::check(api, token).await?);
    Ok(())
}

/// Who is talked with follows `.env` as long as nothing runs; then it stays as it is.
fn decide(args: &Args, installation: &Installation, state: &mut State) -> anyhow::Result<()> {
    let dot_env = installation.dot_env()?;
    let has_token = dot_env.iter().any(|(name, _)| name == "DISCORD_TOKEN");
    let discord = if has_token {
        Discord::Real
    } else {
        Discord::Sandbox
    };
    ensure!(
        state.alive().is_empty() || state.discord == discord,
        "DISCORD_TOKEN in .env came or went while the bot runs: ./dev down first"
    );
    state.discord = discord;
    state.workers = args.workers.unwrap_or(state.workers.max(1));
    Ok(())
}

/// Builds the programs that run. Where somebody watches, cargo shows its progress: it may take minutes.
pub async fn build(installation: &Installation) -> anyhow::Result<()> {
    console::note("building …");
    let is_quiet = !std::io::stderr().is_terminal();
    let status = Command::new("cargo")
        .args(["build", "--locked", "--workspace", "--bins"])
        .args(is_quiet.then_some("--quiet"))
        .current_dir(installation.root())
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .status()
        .await
        .context("cannot start cargo")?;
    ensure!(status.success(), "the build failed");
    Ok(())
}

/// Starts what is missing of the wanted parts, stops what is too much, and waits until all is ready.
pub async fn bring_up(installation: &Installation, state: &mut State) -> anyhow::Result<()> {
    let wanted = state.wanted();
    let surplus: Vec<Part> = state
        .alive()
        .into_iter()
        .filter(|part| !wanted.contains(part))
        .collect();
    launch::stop(installation, state, &surplus).await?;
    let (product, servers): (Vec<Part>, Vec<Part>) =
        wanted.into_iter().partition(|part| part.has_admin_port());
    start_all(installation, state, &servers).await?;
    if state.given.is_none() {
        launch::make_database(installation, state).await?;
    }
    operate(installation, "migrate").await?;
    start_all(installation, state, &product).await?;
    operate(installation, "register-commands").await?;
    if state.discord == Discord::Sandbox {
        console::note("setting up the sandbox's server …");
        let place = Place::channel("alice", "general");
        crate::command::set_up(&installation.sandbox_url()?, &place).await?;
    }
    Ok(())
}

async fn start_all(
    installation: &Installation,
    state: &mut State,
    parts: &[Part],
) -> anyhow::Result<()> {
    for part in parts {
        if state.running(*part).is_none() {
            console::note(format_args!("starting {part} …"));
        }
        launch::start(installation, state, *part).await?;
    }
    for part in parts {
        launch::wait_until_ready(installation, state, *part).await?;
    }
    Ok(())
}

/// One operator command of the worker, whose answer is shown only when it went wrong.
async fn operate(installation: &Installation, name: &str) -> anyhow::Result<()> {
    console::note(format_args!("worker {name} …"));
    let mut command = installation.worker_command(&[name])?;
    let running = command.stdin(Stdio::null()).kill_on_drop(true).output();
    let output = tokio::time::timeout(STEP_WAIT, running).await;
    let output = output.with_context(|| format!("`worker {name}` took too long"))??;
    let complaint = String::from_utf8_lossy(&output.stderr);
    ensure!(
        output.status.success(),
        "`worker {name}` failed:\n{}",
        complaint.trim()
    );
    Ok(())
}

fn print_addresses(state: &State) {
    for part in state.alive() {
        if let Some(port) = state.port(part) {
            console::result(format_args!("{part:<10} {}", address(part, port)));
        }
    }
}

/// Watches over the processes until somebody interrupts or nothing is left.
async fn stay(
    installation: &Installation,
    interruption: &mut Interruption,
) -> anyhow::Result<ExitCode> {
    let watch = async {
        let mut before = installation.state()?.alive();
        while !before.is_empty() {
            tokio::time::sleep(POLL * 10).await;
            let state = installation.state()?;
            let now = state.alive();
            for part in before.iter().filter(|part| !now.contains(part)) {
                // Who is stopped on purpose is not in the state any more.
                if state.processes.contains_key(&part.to_string()) {
                    console::note(format_args!(
                        "{part} ended: ./dev start {part} starts it again"
                    ));
                    console::note(launch::end_of_log(installation, *part));
                }
            }
            before = now;
        }
        anyhow::Ok(())
    };
    tokio::select! {
        ended = watch => {
            ended?;
            console::note("nothing is running any more");
            Ok(ExitCode::SUCCESS)
        }
        () = interruption.came() => {
            let _lock = installation.lock()?;
            down::stop(installation).await?;
            Ok(ExitCode::SUCCESS)
        }
    }
}
