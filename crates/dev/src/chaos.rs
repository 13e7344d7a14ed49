//! `./dev chaos`: kills, cuts and faults under traffic, and whether every reply came once, in order.
//!
//! It runs a whole installation of its own, so it never meets the developer's. Everything that goes
//! wrong is decided by the seed; what had to be answered is decided by what was sent, alone. The
//! words that the report uses are defined in docs/delivery.md.

mod crew;
mod echo;
mod effects;
mod fate;
mod judge;
mod keeper;
mod people;
mod plan;
mod reading;
mod recovery;
mod report;
mod script;
mod settle;
mod site;
mod wire;

use std::fs;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context as _;
use clap::ValueEnum;
use serde::Serialize;
use tokio::time::Instant;

use crate::installation::Installation;
use crate::interruption::Interruption;
use crate::nats::Version;
use crate::part::Part;
use crate::sandbox::client::Client;
use crate::{console, sweep, up};
use crew::Crew;
use echo::Heard;
use people::People;
use plan::{Extent, Plan};
use report::Report;
use script::Script;
use settle::Settling;
use site::Site;

/// Kills, cuts and breaks things under traffic; fails when a reply is lost, doubled or out of order.
#[derive(Clone, Debug, clap::Args)]
pub struct Args {
    /// How long there is traffic.
    #[arg(long, default_value_t = 120, value_parser = clap::value_parser!(u64).range(20..=3_600))]
    pub seconds: u64,
    /// Decides everything that is said and everything that breaks.
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// Runs the broker as a cluster of three servers, whose servers are killed one at a time.
    #[arg(long)]
    pub cluster: bool,
    /// Messages per second; about every other one asks for an answer.
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..=100))]
    pub rate: u64,
    /// Workers.
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u16).range(1..=16))]
    pub workers: u16,
    /// Which broker.
    #[arg(long, value_enum, default_value = "newest")]
    pub broker: Which,
    /// Takes a guard out of the workers, to see that its loss is noticed; may be repeated.
    #[arg(long, value_enum, value_name = "GUARD")]
    pub switch_off: Vec<Guard>,
    /// Longest wait, after the last message, for everything to be settled.
    #[arg(long, default_value_t = 180)]
    pub patience_seconds: u64,
    /// Prints what would happen, and does nothing.
    #[arg(long)]
    pub dry_run: bool,
    /// Prints one JSON object.
    #[arg(long)]
    pub json: bool,
}

/// A pinned version of the broker.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Which {
    /// The newest that this checkout is tested with.
    Newest,
    /// The oldest that is supported.
    Oldest,
}

impl Which {
    fn version(self) -> Version {
        match self {
            Self::Newest => Version::Newest,
            Self::Oldest => Version::Oldest,
        }
    }
}

/// A guard that tests may take out of the workers (`TEST_SWITCHES`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Guard {
    /// A worker that lost a turn stops writing and sending.
    Fencing,
    /// Discord makes one message of two posts with the same nonce.
    Nonce,
    /// Posts are rows before they are messages, and successors read them.
    Journal,
}

impl Guard {
    fn switch(self) -> &'static str {
        match self {
            Self::Fencing => "no_fence",
            Self::Nonce => "no_nonce",
            Self::Journal => "no_journal",
        }
    }
}

impl Args {
    fn brokers(&self) -> u16 {
        if self.cluster { 3 } else { 1 }
    }

    fn extent(&self) -> Extent {
        Extent {
            seed: self.seed,
            seconds: self.seconds,
            rate: self.rate,
            workers: self.workers,
            brokers: self.brokers(),
        }
    }
}

/// Runs it; the exit code is 0 when everything that is promised was kept.
pub async fn run(args: Args, installation: &Installation) -> anyhow::Result<ExitCode> {
    let plan = Plan::of(args.extent());
    if args.dry_run {
        plan.actions.iter().for_each(console::result);
        return Ok(ExitCode::SUCCESS);
    }
    let kind = if args.cluster { "cluster" } else { "single" };
    let name = format!("chaos/{kind}-{}", args.seed);
    let home = installation.at(installation.home().join(name));
    let _lock = installation.lock_for(&format!("chaos-{kind}-{}", args.seed))?;
    let mut interruption = Interruption::listen()?;
    sweep::stop_below(installation, home.home()).await?;
    forget(&home)?;
    let working = async {
        up::build(installation).await?;
        Box::pin(chaos(&args, &plan, &home)).await
    };
    let done = interruption.may_end(working).await;
    // Also what it started before it failed.
    sweep::stop_below(installation, home.home()).await?;
    let report = done.with_context(|| format!("see {}", home.home().display()))?;
    if report.is_met() {
        forget(&home)?;
    } else {
        console::note(format_args!("logs: {}", home.home().display()));
    }
    if args.json {
        console::result(serde_json::to_string_pretty(&report)?);
    } else {
        console::result(&report);
    }
    Ok(if report.is_met() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

async fn chaos(args: &Args, plan: &Plan, home: &Installation) -> anyhow::Result<Report> {
    let homes = ["servers", "product"].map(|name| home.at(home.home().join(name)));
    let site = Arc::new(Site::open(args, homes).await?);
    let url = site.keeper.product().address(Part::Sandbox)?;
    let sandbox = Client::new(url.clone());
    let script = Script {
        run: rand::random(),
    };
    console::note("setting servers up …");
    let people = People::gather(&url, script).await?;
    site.query(LET_THREADS_BE_MADE).await?;
    let pace = serde_json::json!({"delta_delay_ms": PIECE_DELAY_MS});
    sandbox.change_settings(&pace).await?;
    let crew = Crew::new(Arc::clone(&site), sandbox.clone());
    let heard = Heard::default();
    let settling = Settling {
        args,
        site: &site,
        sandbox: &sandbox,
        people: &people,
        script,
    };
    let began = Instant::now();
    let working = async {
        tokio::try_join!(
            people.talk(&plan.sayings, began),
            crew.work(&plan.actions, began)
        )?;
        console::note("waiting until everything is settled …");
        settling.wait().await
    };
    let outcome = tokio::select! {
        outcome = working => outcome?,
        failed = site.keeper.keep() => return Err(failed),
        failed = echo::listen(&site.broker_url, args.seed, heard.clone()) => return Err(failed),
    };
    console::note("looking at what came of it …");
    let report = report::of(args, plan, &settling, outcome, (&crew, &heard)).await?;
    // The product ends in order while the wires are still there.
    sweep::stop_below(home, home.home()).await?;
    Ok(report)
}

/// As an administrator would by a switch in the server's settings.
const LET_THREADS_BE_MADE: &str = "INSERT INTO server_chat_configs
        (server_id, thread_creation_enabled)
    SELECT server_id, true FROM servers
    ON CONFLICT (server_id) DO UPDATE SET thread_creation_enabled = true";

/// Between two pieces of a streamed answer: a part takes about half a second, so kills land in
/// the middle of replies.
const PIECE_DELAY_MS: u64 = 100;

fn forget(home: &Installation) -> anyhow::Result<()> {
    if home.home().exists() {
        fs::remove_dir_all(home.home())?;
    }
    Ok(())
}
