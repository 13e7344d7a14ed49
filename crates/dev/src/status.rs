//! `./dev status`: what runs, where, and whether it is ready.

use std::process::ExitCode;

use serde::Serialize;

use crate::installation::{Installation, State};
use crate::part::Part;
use crate::process::{Activity, Identity};
use crate::{console, launch};

/// Lists the processes; the exit code is 0 when all of them are there and ready.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Prints one JSON object: `state` and `processes`.
    #[arg(long)]
    pub json: bool,
}

/// An installation at a glance.
#[derive(Debug, Serialize)]
pub struct Report {
    /// `ready`, `degraded` or `stopped`.
    pub state: &'static str,
    /// Every part that was started or is to be, in the order of starting.
    pub processes: Vec<Line>,
}

/// One process.
#[derive(Debug, Serialize)]
pub struct Line {
    /// The name that `./dev stop`, `start` and `logs` know it by.
    pub id: String,
    /// Its number while it is there.
    pub pid: Option<i32>,
    /// `running`, `frozen` (stopped by a signal) or `gone`.
    pub state: &'static str,
    /// Whether it does its work now.
    pub ready: bool,
    /// Where it listens.
    pub address: Option<String>,
    /// Where its log is.
    pub log: String,
}

/// Prints the report.
pub async fn run(args: Args, installation: &Installation) -> anyhow::Result<ExitCode> {
    let report = report(installation, &installation.state()?).await;
    if args.json {
        console::result(serde_json::to_string_pretty(&report)?);
    } else {
        print(&report);
    }
    Ok(if report.state == "ready" {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// Looks at every part.
pub async fn report(installation: &Installation, state: &State) -> Report {
    let mut parts = if state.workers == 0 {
        Vec::new()
    } else {
        state.wanted()
    };
    parts.extend(state.alive());
    parts.sort();
    parts.dedup();
    let mut processes = Vec::new();
    for part in parts {
        processes.push(line(installation, state, part).await);
    }
    let word = match processes.iter().filter(|line| line.pid.is_some()).count() {
        0 => "stopped",
        _ if processes.iter().all(|line| line.ready) => "ready",
        _ => "degraded",
    };
    Report {
        state: word,
        processes,
    }
}

async fn line(installation: &Installation, state: &State, part: Part) -> Line {
    let identity = state.running(part);
    let activity = identity.map_or(Activity::Gone, Identity::activity);
    let is_running = activity == Activity::Running;
    Line {
        id: part.to_string(),
        pid: identity.map(|identity| identity.pid),
        state: match activity {
            Activity::Running => "running",
            Activity::Frozen => "frozen",
            Activity::Gone => "gone",
        },
        ready: is_running && launch::is_ready(installation, state, part).await,
        address: identity
            .and(state.port(part))
            .map(|port| address(part, port)),
        log: installation.log(part).display().to_string(),
    }
}

/// How people write the address of a part.
pub(crate) fn address(part: Part, port: u16) -> String {
    let scheme = match part {
        Part::Postgres => "postgres",
        Part::Nats | Part::NatsPeer(_) => "nats",
        Part::Sandbox | Part::Gateway | Part::Worker(_) => "http",
    };
    format!("{scheme}://127.0.0.1:{port}")
}

fn print(report: &Report) {
    for line in &report.processes {
        let pid = line
            .pid
            .map_or_else(|| "-".to_owned(), |pid| pid.to_string());
        let ready = if line.ready { "ready" } else { "not ready" };
        let address = line.address.as_deref().unwrap_or("");
        console::result(format_args!(
            "{:<10} {pid:>8}  {:<8} {ready:<10} {address}",
            line.id, line.state
        ));
    }
    console::result(report.state);
}
