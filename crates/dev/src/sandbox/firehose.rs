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

/// Longest wait of one request for the end of the flood.
const ONE_WAIT_MS: u64 = 20_000;
/// REST calls that are open at once.
const OPEN_CALLS: usize = 64;

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
    /// A sandbox at `http://127.0.0.1:PORT`, instead of this installation's.
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
    calls: u64,
    failed_calls: u64,
    /// The sandbox's processor time in seconds, and how many cores that is.
    processor_seconds: f64,
    cores: f64,
}

/// Floods; the exit code is 0 when all that was planned happened.
pub async fn run(args: Args, installation: &Installation) -> anyhow::Result<ExitCode> {
    let (url, token) = match &args.url {
        Some(url) => (url.clone(), super::DEFAULT_TOKEN.to_owned()),
        None => (
            installation.sandbox_url()?,
            installation.secrets()?.sandbox_token,
        ),
    };
    let sandbox = Client::new(url.clone());
    let before = &sandbox.get("stats").await?;
    sandbox.post("firehose", &plan(&args)?).await?;
    let began = Instant::now();
    let caller = Caller {
        web: Local::default(),
        url,
        token,
    };
    let (calls, failed_calls) = tokio::select! {
        flooded = flood(&args, &sandbox, &caller) => flooded?,
        interrupted = tokio::signal::ctrl_c() => {
            interrupted?;
            sandbox.stop_firehose().await?;
            (0, 0)
        }
    };
    let seconds = began.elapsed().as_secs_f64();
    let report = report(&sandbox, before, seconds).await?;
    let report = Report {
        calls,
        failed_calls,
        ..report
    };
    show(&args, &report)?;
    let all = report.events == args.rate * args.seconds && failed_calls == 0;
    Ok(if all {
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

/// Waits for the end of the flood and makes calls meanwhile; returns how many, and how many failed.
async fn flood(args: &Args, sandbox: &Client, caller: &Caller) -> anyhow::Result<(u64, u64)> {
    if args.calls == 0 {
        over(sandbox).await?;
        return Ok((0, 0));
    }
    let place = &sandbox
        .post("places", &json!({"channel": "firehose"}))
        .await?;
    let channel = place["channel_id"]
        .as_str()
        .context("a place has its channel")?;
    let settings = &sandbox.get("settings").await?;
    sandbox
        .change_settings(&json!({"rate_limits": false}))
        .await?;
    let called = caller.call(args, channel).await;
    let limits = settings["rate_limits"].clone();
    sandbox
        .change_settings(&json!({"rate_limits": limits}))
        .await?;
    over(sandbox).await?;
    called
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
    async fn call(&self, args: &Args, channel: &str) -> anyhow::Result<(u64, u64)> {
        let mut pace = interval(Duration::from_secs(1) / args.calls);
        let mut open = JoinSet::new();
        let (mut made, mut failed) = (0, 0);
        for number in 0..u64::from(args.calls) * args.seconds {
            pace.tick().await;
            if open.len() >= OPEN_CALLS {
                let answered: Option<Result<bool, _>> = open.join_next().await;
                failed += u64::from(answered.transpose()? == Some(false));
            }
            let (caller, channel) = (self.clone(), channel.to_owned());
            open.spawn(async move { caller.one(number, &channel).await.unwrap_or(false) });
            made += 1;
        }
        while let Some(answered) = open.join_next().await {
            failed += u64::from(!answered?);
        }
        Ok((made, failed))
    }

    /// Posts a message, or reads the newest ones; tells whether that worked.
    async fn one(&self, number: u64, channel: &str) -> anyhow::Result<bool> {
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
        Ok(sent.await?.0.is_success())
    }
}

async fn report(sandbox: &Client, before: &Value, seconds: f64) -> anyhow::Result<Report> {
    let progress = &sandbox.get("firehose").await?;
    let after = &sandbox.get("stats").await?;
    let number = |value: &Value| value.as_u64().unwrap_or_default();
    let events = number(&progress["happened"]);
    let of_events = number(&progress["elapsed_ms"]).max(1);
    let busy_ms = number(&after["processor_ms"]).saturating_sub(number(&before["processor_ms"]));
    let thousandths = |value: f64| (value * 1_000.0).round() / 1_000.0;
    let float = |value: u64| f64::from(u32::try_from(value).unwrap_or(u32::MAX));
    Ok(Report {
        events,
        seconds: thousandths(seconds),
        events_per_second: thousandths(float(events) * 1_000.0 / float(of_events)),
        frames: number(&after["dispatched"]).saturating_sub(number(&before["dispatched"])),
        connected: number(&after["connected"]),
        calls: 0,
        failed_calls: 0,
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
    let (calls, failed) = (report.calls, report.failed_calls);
    console::result(format_args!("REST calls {calls}, {failed} failed"));
    let (busy, cores) = (report.processor_seconds, report.cores);
    let seconds = report.seconds;
    console::result(format_args!(
        "sandbox    {busy} s of processor time in {seconds} s: {cores} cores"
    ));
    Ok(())
}
