//! `./dev sandbox firehose`: a flood of events for every client that is connected to a sandbox,
//! and what it costs the sandbox.

use std::collections::BTreeMap;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use bytes::Bytes;
use http::Method;
use serde::Serialize;
use serde_json::{Value, json};
use tokio::task::JoinSet;
use tokio::time::{Instant, interval};

use super::client::Client;
use super::flood::Kind;
use crate::console;
use crate::http::Local;
use crate::installation::Installation;
use crate::interruption::Interruption;

/// Longest wait of one request for the end of the flood.
const ONE_WAIT_MS: u64 = 20_000;
/// REST calls that are open at once.
const OPEN_CALLS: usize = 64;
/// The least share of the wanted rate: the last events of a second may fall into the next one.
const LEAST_SHARE: f64 = 0.95;
/// The most that the sandbox may take: beyond a core it would limit what is measured with it.
const MOST_CORES: f64 = 1.0;

/// Makes events happen at a steady rate, for whichever client is connected.
#[derive(Clone, Debug, clap::Args)]
pub struct Args {
    /// Events a second.
    #[arg(long, default_value_t = 2_000)]
    pub rate: u64,
    /// How long events happen.
    #[arg(long, default_value_t = 30)]
    pub seconds: u64,
    /// Shares of message, addressed, edit, delete and typing.
    #[arg(long, default_value = "message=85,edit=10,delete=5")]
    pub mix: String,
    /// Length of texts in characters, from the shortest to the longest; most are short.
    #[arg(long, default_value = "1-2000", value_name = "MIN-MAX")]
    pub characters: String,
    /// Servers in which it happens.
    #[arg(long, default_value_t = 20)]
    pub servers: u32,
    /// Channels of each server.
    #[arg(long, default_value_t = 5)]
    pub channels: u32,
    /// How many people there are.
    #[arg(long, default_value_t = 100)]
    pub users: u32,
    /// Makes it repeatable.
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// REST calls a second that are made beside it, as the bot; half of them post.
    #[arg(long, default_value_t = 0)]
    pub calls: u32,
    /// A sandbox at `http://127.0.0.1:PORT`, instead of this installation's; its token is `DISCORD_TOKEN` of the
    /// environment, without one `sandbox-token`.
    #[arg(long)]
    pub url: Option<String>,
    /// Prints one JSON object.
    #[arg(long)]
    pub json: bool,
}

/// What a flood came to.
#[derive(Debug, Serialize)]
struct Report {
    events: u64,
    seconds: f64,
    events_per_second: f64,
    /// Frames handed to sessions, of all shards.
    frames: u64,
    /// Connections that have a session.
    connected: u64,
    #[serde(flatten)]
    calls: Calls,
    /// The sandbox's processor time in seconds, and how many cores that is.
    processor_seconds: f64,
    cores: f64,
}

impl Report {
    /// Says what is not as it was asked for, or would limit a measurement.
    fn problems(&self, args: &Args) -> Vec<String> {
        let planned = args.rate * args.seconds;
        let keeps = |rate: f64, wanted: f64| rate >= wanted * LEAST_SHARE;
        let Calls {
            calls_per_second,
            failed_calls,
            ..
        } = self.calls;
        let checks = [
            (
                self.events == planned,
                format!("{} of {planned} events happened", self.events),
            ),
            (
                keeps(self.events_per_second, float(args.rate)),
                format!("events came slower than {} a second", args.rate),
            ),
            (
                keeps(calls_per_second, float(args.calls.into())),
                format!("calls were made slower than {} a second", args.calls),
            ),
            (failed_calls == 0, format!("{failed_calls} calls failed")),
            (
                self.cores <= MOST_CORES,
                format!("the sandbox took more than {MOST_CORES} cores"),
            ),
        ];
        let wrong = checks.into_iter().filter(|(is_good, _)| !is_good);
        wrong.map(|(_, problem)| problem).collect()
    }
}

/// What calls came to.
#[derive(Debug, Default, Serialize)]
struct Calls {
    calls: u64,
    calls_per_second: f64,
    failed_calls: u64,
    /// Why the first one failed.
    failure: Option<String>,
}

impl Calls {
    fn count(&mut self, answered: anyhow::Result<()>) {
        if let Err(reason) = answered {
            self.failed_calls += 1;
            self.failure.get_or_insert_with(|| format!("{reason:#}"));
        }
    }
}

/// Floods; the exit code is 0 when all that was planned happened in time and cost less than a core.
pub async fn run(args: Args, installation: &Installation) -> anyhow::Result<ExitCode> {
    let (url, token) = match &args.url {
        Some(url) => (url.clone(), super::token()),
        None => (
            installation.sandbox_url()?,
            installation.secrets()?.sandbox_token,
        ),
    };
    let sandbox = Client::new(url.clone());
    let before = &sandbox.get("stats").await?;
    let settings = sandbox.get("settings").await?;
    let mut interruption = Interruption::listen()?;
    let began = Instant::now();
    let caller = Caller {
        web: Local::default(),
        url,
        token,
    };
    let flooding = flood(&args, &sandbox, &caller);
    let flooded = interruption.may_end(flooding).await;
    let seconds = began.elapsed().as_secs_f64();
    let is_quiet = quieten(&sandbox, &settings).await;
    let calls = flooded?;
    is_quiet?;
    let report = Report {
        calls,
        ..report(&sandbox, before, seconds).await?
    };
    show(&args, &report)?;
    let problems = report.problems(&args);
    problems.iter().for_each(console::note);
    Ok(if problems.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

fn plan(args: &Args) -> anyhow::Result<Value> {
    let mut mix = BTreeMap::new();
    for share in args.mix.split(',').filter(|share| !share.is_empty()) {
        let (kind, share) = share.split_once('=').context("--mix is KIND=SHARE,…")?;
        let kind: Kind = serde_json::from_value(kind.trim().into())?;
        mix.insert(kind, share.trim().parse::<u32>()?);
    }
    let bounds = args.characters.split_once('-');
    let (shortest, longest) = bounds.context("--characters is MIN-MAX")?;
    Ok(json!({
        "rate": args.rate, "events": args.rate * args.seconds, "seed": args.seed, "mix": mix,
        "crowd": {"servers": args.servers, "channels": args.channels, "people": args.users},
        "characters": [shortest.parse::<usize>()?, longest.parse::<usize>()?],
    }))
}

/// Starts the flood, makes calls meanwhile, and waits for the end of both.
async fn flood(args: &Args, sandbox: &Client, caller: &Caller) -> anyhow::Result<Calls> {
    if args.calls == 0 {
        sandbox.post("firehose", &plan(args)?).await?;
        over(sandbox).await?;
        return Ok(Calls::default());
    }
    let place = &sandbox
        .post("places", &json!({"channel": "firehose"}))
        .await?;
    let channel = place["channel_id"]
        .as_str()
        .context("a place has its channel")?;
    sandbox
        .change_settings(&json!({"rate_limits": false}))
        .await?;
    sandbox.post("firehose", &plan(args)?).await?;
    let calls = caller.call(args, channel).await?;
    over(sandbox).await?;
    Ok(calls)
}

/// Leaves the sandbox as it was found, however the flood ended.
async fn quieten(sandbox: &Client, settings: &Value) -> anyhow::Result<()> {
    let limits = json!({"rate_limits": settings["rate_limits"]});
    sandbox.change_settings(&limits).await?;
    let progress = &sandbox.get("firehose").await?;
    if progress["is_over"] != true {
        sandbox.stop_firehose().await?;
    }
    Ok(())
}

async fn over(sandbox: &Client) -> anyhow::Result<()> {
    loop {
        let progress = &sandbox
            .get(&format!("firehose?wait_ms={ONE_WAIT_MS}"))
            .await?;
        if progress["is_over"] == true {
            return Ok(());
        }
    }
}

/// Somebody who makes REST calls as the bot.
#[derive(Clone, Debug)]
struct Caller {
    web: Local,
    url: String,
    token: String,
}

impl Caller {
    async fn call(&self, args: &Args, channel: &str) -> anyhow::Result<Calls> {
        let began = Instant::now();
        let mut pace = interval(Duration::from_secs(1) / args.calls);
        let mut open = JoinSet::new();
        let mut calls = Calls::default();
        for number in 0..u64::from(args.calls) * args.seconds {
            pace.tick().await;
            if open.len() >= OPEN_CALLS
                && let Some(answered) = open.join_next().await
            {
                calls.count(answered?);
            }
            let (caller, channel) = (self.clone(), channel.to_owned());
            open.spawn(async move { caller.one(number, &channel).await });
            calls.calls += 1;
        }
        while let Some(answered) = open.join_next().await {
            calls.count(answered?);
        }
        let seconds = began.elapsed().as_secs_f64().max(0.001);
        calls.calls_per_second = thousandths(float(calls.calls) / seconds);
        Ok(calls)
    }

    /// Posts a message, or reads the newest ones.
    async fn one(&self, number: u64, channel: &str) -> anyhow::Result<()> {
        let path = format!("{}/api/v10/channels/{channel}/messages", self.url);
        let authorization = format!("Bot {}", self.token);
        let (method, url, body) = if number.is_multiple_of(2) {
            let body = json!({
                "content": format!("call {number}"), "nonce": number.to_string(),
                "enforce_nonce": true, "allowed_mentions": {"parse": []},
            });
            (Method::POST, path, Bytes::from(body.to_string()))
        } else {
            (Method::GET, format!("{path}?limit=10"), Bytes::new())
        };
        let sent = self.web.send_as(method, &url, &authorization, body);
        let (status, body) = sent.await?;
        let reason = String::from_utf8_lossy(&body);
        ensure!(status.is_success(), "{status}: {reason}");
        Ok(())
    }
}

fn thousandths(value: f64) -> f64 {
    (value * 1_000.0).round() / 1_000.0
}

fn float(value: u64) -> f64 {
    f64::from(u32::try_from(value).unwrap_or(u32::MAX))
}

async fn report(sandbox: &Client, before: &Value, seconds: f64) -> anyhow::Result<Report> {
    let progress = &sandbox.get("firehose").await?;
    let after = &sandbox.get("stats").await?;
    let number = |value: &Value| value.as_u64().unwrap_or_default();
    let events = number(&progress["happened"]);
    let of_events = number(&progress["elapsed_ms"]).max(1);
    let busy_ms = number(&after["processor_ms"]).saturating_sub(number(&before["processor_ms"]));
    Ok(Report {
        events,
        seconds: thousandths(seconds),
        events_per_second: thousandths(float(events) * 1_000.0 / float(of_events)),
        frames: number(&after["dispatched"]).saturating_sub(number(&before["dispatched"])),
        connected: number(&after["connected"]),
        calls: Calls::default(),
        processor_seconds: thousandths(float(busy_ms) / 1_000.0),
        cores: thousandths(float(busy_ms) / 1_000.0 / seconds.max(0.001)),
    })
}

fn show(args: &Args, report: &Report) -> anyhow::Result<()> {
    if args.json {
        console::result(serde_json::to_string_pretty(report)?);
        return Ok(());
    }
    ensure!(report.seconds > 0.0, "nothing happened");
    let (events, rate) = (report.events, report.events_per_second);
    console::result(format_args!("events     {events}, {rate} a second"));
    let (frames, connected) = (report.frames, report.connected);
    console::result(format_args!(
        "frames     {frames} to {connected} connections"
    ));
    let Calls {
        calls,
        calls_per_second,
        failed_calls,
        failure,
    } = &report.calls;
    let failure = failure
        .as_ref()
        .map(|reason| format!(", the first: {reason}"));
    console::result(format_args!(
        "REST calls {calls}, {calls_per_second} a second, {failed_calls} failed{}",
        failure.unwrap_or_default()
    ));
    let (busy, cores) = (report.processor_seconds, report.cores);
    let seconds = report.seconds;
    console::result(format_args!(
        "sandbox    {busy} s of processor time in {seconds} s: {cores} cores"
    ));
    Ok(())
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;

    #[derive(clap::Parser)]
    struct Line {
        #[command(flatten)]
        args: Args,
    }

    fn report() -> Report {
        let calls = Calls {
            calls: 5_000,
            calls_per_second: 499.0,
            ..Calls::default()
        };
        Report {
            events: 20_000,
            seconds: 10.2,
            events_per_second: 1_998.0,
            frames: 0,
            connected: 0,
            calls,
            processor_seconds: 2.5,
            cores: 0.25,
        }
    }

    #[test]
    fn lateness_cost_and_failed_calls_are_problems() {
        let words = ["firehose", "--seconds=10", "--calls=500"];
        let args = Line::parse_from(words).args;
        assert_eq!(report().problems(&args), Vec::<String>::new());
        let mut refused = report().calls;
        refused.count(Err(anyhow::anyhow!("401: no such token")));
        assert_eq!(refused.failure.as_deref(), Some("401: no such token"));
        let spoilt = Report {
            events: 19_000,
            events_per_second: 1_800.0,
            calls: Calls {
                calls_per_second: 100.0,
                ..refused
            },
            cores: 1.5,
            ..report()
        };
        assert_eq!(spoilt.problems(&args).len(), 5);
    }
}
