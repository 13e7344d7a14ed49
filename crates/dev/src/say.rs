//! `say`: posts as a sandbox user, waits for the whole reply and prints it.

pub(crate) mod reply;

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context as _;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use proto::id::MessageId;
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::command::set_up;
use crate::console;
use crate::installation::Installation;
use crate::sandbox::client::{Client, Place};
use reply::Reply;

/// Says something as a sandbox user and prints the whole reply.
#[derive(Clone, Debug, clap::Args)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a switch of the command line"
)]
pub struct Args {
    /// The message.
    pub text: String,
    /// Who says it.
    #[arg(long, default_value = "alice")]
    pub user: String,
    /// Where: `CHANNEL` of the server "Sandbox", or `SERVER/CHANNEL`; made when it is new.
    #[arg(long, default_value = "general", conflicts_with = "dm")]
    pub channel: String,
    /// Says it in a direct message to the bot.
    #[arg(long)]
    pub dm: bool,
    /// Answers this message.
    #[arg(long, value_name = "MESSAGE_ID")]
    pub reply_to: Option<u64>,
    /// Attaches a file; may be given several times.
    #[arg(long, value_name = "FILE")]
    pub attach: Vec<PathBuf>,
    /// Does not put a mention of the bot in front.
    #[arg(long)]
    pub unaddressed: bool,
    /// Returns as soon as the message is posted.
    #[arg(long)]
    pub no_wait: bool,
    /// Prints one JSON object instead of the reply's text.
    #[arg(long)]
    pub json: bool,
    /// Longest wait for the whole reply, in milliseconds.
    #[arg(long, default_value_t = 120_000)]
    pub timeout_ms: u64,
}

/// Says it; the exit code is 0 when a reply or a recorded refusal came, 1 when neither did in time.
pub async fn run(args: Args, installation: &Installation) -> anyhow::Result<ExitCode> {
    let url = installation.sandbox_url()?;
    let sandbox = Client::new(url.clone());
    let place = Place::new(&args.user, &args.channel, args.dm);
    if set_up(&url, &place).await? {
        console::note("set the bot up here first, by /setup");
    }
    let message = message(&args).await?;
    let started = Instant::now();
    let said = &sandbox.post("messages", &place.with(message)).await?;
    let trigger: MessageId = said["id"].as_str().unwrap_or_default().parse()?;
    if args.no_wait {
        let line = if args.json {
            posted(said).to_string()
        } else {
            trigger.to_string()
        };
        console::result(line);
        return Ok(ExitCode::SUCCESS);
    }
    let longest = Duration::from_millis(args.timeout_ms);
    let reply = Reply::wait(installation, &sandbox, trigger, longest).await;
    let done_ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
    let is_whole = reply.as_ref().is_ok_and(|reply| reply.is_settled);
    let shown = reply.map(|reply| show(&args, said, &reply, done_ms));
    if !is_whole {
        console::note(reply::way_out(&installation.state()?));
    }
    shown
}

async fn message(args: &Args) -> anyhow::Result<Value> {
    let is_reply = args.reply_to.is_some();
    let mut attachments = Vec::new();
    for path in &args.attach {
        attachments.push(attachment(path).await?);
    }
    let mut message = json!({
        "content": args.text, "attachments": attachments,
        "address": !(args.dm || args.unaddressed || is_reply),
    });
    if let (Some(id), Some(fields)) = (args.reply_to, message.as_object_mut()) {
        fields.insert("reply_to".to_owned(), id.into());
    }
    Ok(message)
}

async fn attachment(path: &Path) -> anyhow::Result<Value> {
    let bytes = tokio::fs::read(path).await;
    let bytes = bytes.with_context(|| format!("cannot read {}", path.display()))?;
    let name = path
        .file_name()
        .unwrap_or(path.as_os_str())
        .to_string_lossy();
    let kind = match path.extension().and_then(|ending| ending.to_str()) {
        Some("png") => "image/png",
        Some("jpg" | "jpeg") => "image/jpeg",
        Some("gif") => "image/gif",
        Some("webp") => "image/webp",
        Some("pdf") => "application/pdf",
        Some("json") => "application/json",
        Some("txt" | "md") => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    };
    Ok(json!({"name": name, "content_type": kind, "data": BASE64_STANDARD.encode(bytes)}))
}

fn posted(said: &Value) -> Value {
    json!({
        "trigger_id": said["id"], "channel_id": said["channel_id"], "guild_id": said["guild_id"],
        "decision": null, "replies": [], "first_reply_ms": null, "done_ms": null,
    })
}

fn show(args: &Args, said: &Value, reply: &Reply, done_ms: u64) -> ExitCode {
    if args.json {
        console::result(json!({
            "trigger_id": said["id"], "channel_id": said["channel_id"],
            "guild_id": said["guild_id"], "decision": reply.decision, "replies": reply.posts,
            "first_reply_ms": reply.first_reply_ms, "done_ms": reply.is_settled.then_some(done_ms),
        }));
    } else {
        reply
            .posts
            .iter()
            .for_each(|post| console::result(&post.content));
    }
    if let Some(problem) = reply.problem(args.timeout_ms) {
        console::note(problem);
    }
    if reply.is_good() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}
