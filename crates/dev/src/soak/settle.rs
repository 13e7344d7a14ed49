//! Waits until everything that was asked is settled, and reads the replies back.

use std::time::Duration;

use anyhow::Context as _;
use proto::id::{ChannelId, MessageId};
use serde_json::Value;
use tokio::time::{Instant, sleep};

use super::Args;
use super::broker::Broker;
use super::crowd::{Crowd, Sent};
use super::ledger::{Reply, Verdict, judge};
use super::watch::Watch;
use crate::sandbox::client::Client;

/// Between two looks at whether everything is settled.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// Messages of one answer of the sandbox.
const PAGE: usize = 1_000;

/// A load that has been sent.
pub(super) struct Settling<'a> {
    pub(super) sandbox: &'a Client,
    pub(super) crowd: &'a Crowd,
    pub(super) broker: &'a Broker,
    pub(super) sent: &'a [Sent],
}

impl Settling<'_> {
    /// Waits until the workers have ended or refused a turn for every message and the stream is
    /// empty; `false` when that is not so at the deadline.
    ///
    /// A worker that was killed takes its newest counts with it. Then it is enough that nothing
    /// runs or waits and every message has its reply.
    pub(super) async fn wait(&mut self, args: &Args, watch: &mut Watch) -> anyhow::Result<bool> {
        let deadline = Instant::now() + Duration::from_secs(args.patience_seconds);
        let sent = u64::try_from(self.sent.len()).unwrap_or(u64::MAX);
        loop {
            watch.look().await?;
            let standing = self.broker.standing().await?;
            let is_quiet = watch.running() == 0
                && standing.pending == 0
                && watch.events().published == watch.events().acknowledged;
            if is_quiet && (watch.settled() >= sent || self.judge().await?.lost.is_empty()) {
                return Ok(true);
            }
            if Instant::now() >= deadline {
                return Ok(false);
            }
            sleep(LOOK_EVERY).await;
        }
    }

    /// Compares what was said with what the bot's messages say.
    pub(super) async fn judge(&self) -> anyhow::Result<Verdict> {
        let mut channels: Vec<ChannelId> = self.sent.iter().map(|sent| sent.channel).collect();
        channels.sort_unstable();
        channels.dedup();
        let first = self.sent.iter().map(|sent| sent.trigger).min();
        let mut replies = Vec::new();
        for channel in channels {
            replies.extend(self.replies(channel, first.unwrap_or(MessageId(0))).await?);
        }
        Ok(judge(self.sent, &replies))
    }

    async fn replies(&self, channel: ChannelId, first: MessageId) -> anyhow::Result<Vec<Reply>> {
        let mut replies = Vec::new();
        let mut after = first;
        loop {
            let path = format!("messages?channel_id={channel}&after={after}");
            let page = self.sandbox.get(&path).await?;
            let page = page.as_array().context("the sandbox lists messages")?;
            replies.extend(page.iter().filter_map(|said| self.reply(channel, said)));
            after = page.last().and_then(id).unwrap_or(after);
            if page.len() < PAGE {
                return Ok(replies);
            }
        }
    }

    fn reply(&self, channel: ChannelId, said: &Value) -> Option<Reply> {
        let is_bots = said
            .pointer("/author/bot")
            .and_then(Value::as_bool)
            .unwrap_or_default();
        let content = said["content"].as_str().filter(|_| is_bots)?;
        Some(Reply {
            number: self.crowd.number_in(content)?,
            message: id(said)?,
            channel,
        })
    }
}

fn id(said: &Value) -> Option<MessageId> {
    said["id"].as_str()?.parse().ok()
}
