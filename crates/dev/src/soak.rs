//! `./dev soak`: a steady load on a running installation, and whether it is still sound afterwards.
//!
//! Every message asks for words of its own, so its one reply is recognised by what it says. Waits
//! are by condition, never by a quiet period. Nothing is started, stopped or broken here.

pub(crate) mod broker;
mod crowd;
mod ledger;
mod report;
mod scrape;
mod settle;
mod watch;

use std::process::ExitCode;

use anyhow::{Context as _, ensure};
use serde_json::json;
use tokio::time::Instant;

use crate::installation::Installation;
use crate::interruption::Interruption;
use crate::sandbox::client::Client;
use crate::{console, say};
use broker::Broker;
use crowd::Crowd;
use ledger::Verdict;
use report::{Memory, Report};
use settle::Settling;
use watch::Watch;

/// The sandbox's audit log keeps 100,000 posts; beyond that a run could not be read back.
const LOGGED_POSTS: u64 = 100_000;
/// A channel keeps 5,000 messages, questions and answers.
const KEPT_PER_CHANNEL: u64 = 5_000;
/// Unanswered messages whose record is looked at; each look starts a process.
const EXPLAINED: usize = 40;

/// Puts a steady load on a running installation and reports what came of it.
#[derive(Clone, Debug, clap::Args)]
pub struct Args {
    /// Messages per second.
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=1_000))]
    pub rate: u32,
    /// How many of a hundred messages ask for an answer.
    ///
    /// Discord takes 50 requests a second from a bot, and a reply is two: typing and post. Of 50
    /// messages a second, 20 of a hundred leave room; with 100 the replies wait in line for it.
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=100))]
    pub asking_percent: u32,
    /// How long messages are sent.
    #[arg(long, default_value_t = 300, value_parser = clap::value_parser!(u32).range(1..=86_400))]
    pub seconds: u32,
    /// Servers in which people talk, each with five channels.
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=500))]
    pub servers: u32,
    /// How many people talk.
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub users: u32,
    /// Longest wait, after the last message, for all turns to be final.
    #[arg(long, default_value_t = 180)]
    pub patience_seconds: u64,
    /// Prints one JSON object.
    #[arg(long)]
    pub json: bool,
}

impl Args {
    /// Returns how many messages that are.
    fn messages(&self) -> u64 {
        u64::from(self.rate) * u64::from(self.seconds)
    }

    /// Returns how many channels all servers have together.
    fn channels(&self) -> u64 {
        u64::from(self.servers * crowd::CHANNELS)
    }

    /// Tells whether a message asks for an answer: evenly spread over time and over the channels,
    /// which take turns, so that each round of them asks in other channels than the last.
    fn is_question(&self, number: u64) -> bool {
        let percent = u64::from(self.asking_percent);
        (number + number / self.channels()) * percent % 100 < percent
    }
}

/// Runs it; the exit code is 0 when everything that is promised was kept.
pub async fn run(args: Args, installation: &Installation) -> anyhow::Result<ExitCode> {
    let sandbox = Client::new(installation.sandbox_url()?);
    check_room(&args, &sandbox).await?;
    console::note(format_args!("setting {} servers up …", args.servers));
    let crowd = Crowd::gather(&args, &sandbox, &installation.sandbox_url()?).await?;
    let settings = &sandbox.get("settings").await?;
    let limits = &settings["rate_limits"];
    let mut interruption = Interruption::listen()?;
    sandbox
        .change_settings(&json!({"rate_limits": false}))
        .await?;
    let soaking = Box::pin(soak(&args, installation, &sandbox, &crowd));
    let soaked = interruption.may_end(soaking).await;
    sandbox
        .change_settings(&json!({"rate_limits": limits}))
        .await?;
    let report = soaked?;
    if args.json {
        console::result(serde_json::to_string_pretty(&report)?);
    } else {
        console::result(&report);
    }
    Ok(if report.met {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

async fn check_room(args: &Args, sandbox: &Client) -> anyhow::Result<()> {
    let logged = posts(sandbox).await?;
    ensure!(
        logged + 2 * args.messages() <= LOGGED_POSTS,
        "the sandbox's log has no room for {} more posts: start it anew, or send less",
        args.messages()
    );
    let channels = args.channels();
    ensure!(
        2 * args.messages().div_ceil(channels) <= KEPT_PER_CHANNEL,
        "{} messages are too many for {channels} channels: take more servers",
        args.messages()
    );
    Ok(())
}

async fn soak(
    args: &Args,
    installation: &Installation,
    sandbox: &Client,
    crowd: &Crowd,
) -> anyhow::Result<Report> {
    let posts_before = posts(sandbox).await?;
    let broker = Broker::connect(installation).await?;
    let stored_before = broker.standing().await?.last_sequence;
    let mut watch = Watch::begin(installation).await?;
    console::note(format_args!(
        "sending {} messages, {} a second …",
        args.messages(),
        args.rate
    ));
    let began = Instant::now();
    let sent = tokio::select! {
        sent = crowd.talk(args, sandbox) => sent?,
        stopped = watch.keep_looking() => return Err(stopped),
    };
    let lasted = began.elapsed();
    let memory: Vec<Memory> = watch.memory(lasted);
    console::note("waiting until all turns are final …");
    let mut settling = Settling {
        sandbox,
        crowd,
        broker: &broker,
        sent: &sent,
    };
    let is_settled = settling.wait(args, &mut watch).await?;
    let verdict = settling.judge().await?;
    let standing = broker.standing().await?;
    let mut report = Report::of(args.messages(), &sent, &verdict, lasted);
    report.unanswered = unanswered(installation, &verdict).await?;
    report.posts = posts(sandbox).await?.saturating_sub(posts_before);
    report.repeated = repeated(sandbox, posts_before).await?;
    report.turns = watch.turns();
    report.events = watch.events();
    report.stored = standing.last_sequence.saturating_sub(stored_before);
    report.pending = standing.pending;
    report.unacknowledged = standing.unacknowledged;
    report.notes = watch.notes();
    report.is_settled = is_settled;
    report.memory = memory;
    Ok(report.judged())
}

async fn posts(sandbox: &Client) -> anyhow::Result<u64> {
    let stats = &sandbox.get("stats").await?;
    stats["posts"]
        .as_u64()
        .context("the sandbox counts its posts")
}

/// Counts the posts that were sent again and made no second message, because their nonce was known.
async fn repeated(sandbox: &Client, skip: u64) -> anyhow::Result<usize> {
    let posts = sandbox.get(&format!("posts?skip={skip}")).await?;
    let posts = posts.as_array().into_iter().flatten();
    Ok(posts.filter(|post| post["repeated"] == true).count())
}

/// Finds out why messages have no reply; what there is no room for is counted as such.
async fn unanswered(
    installation: &Installation,
    verdict: &Verdict,
) -> anyhow::Result<Vec<(String, usize)>> {
    let mut reasons = std::collections::BTreeMap::<String, usize>::new();
    for sent in verdict.lost.iter().take(EXPLAINED) {
        let fate = say::reply::fate(installation, sent.trigger).await?;
        *reasons.entry(fate).or_default() += 1;
    }
    let others = verdict.lost.len().saturating_sub(EXPLAINED);
    if others > 0 {
        reasons.insert("not looked at".to_owned(), others);
    }
    Ok(reasons.into_iter().collect())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn questions_are_a_share_of_all_messages_and_reach_every_channel() {
        let args = Args {
            rate: 50,
            asking_percent: 20,
            seconds: 10,
            servers: 20,
            users: 100,
            patience_seconds: 0,
            json: false,
        };
        let questions: Vec<u64> = (0..args.messages())
            .filter(|number| args.is_question(*number))
            .collect();
        assert_eq!(questions.len(), 100);
        let channels: BTreeSet<u64> = questions.iter().map(|n| n % args.channels()).collect();
        assert_eq!(channels.len(), 100);
    }
}
