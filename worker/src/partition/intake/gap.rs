//! A session was lost, and with it whatever was said meanwhile.
//!
//! What is held in memory may not be whole and is forgotten. Where the operator wants it, the
//! channels in which messages were heard are read once, and what was said in the gap takes the way
//! of every message, under the id that it would have had: what was heard all the same is decided.

use std::time::Duration;

use discord::Page;
use futures_util::{StreamExt as _, stream};
use proto::event::Gap;
use proto::id::{ChannelId, EventId, GuildId, MessageId, UserId};
use tokio::time::timeout;
use twilight_model::channel::Message;

use super::Intake;
use crate::app::App;
use crate::channel::as_event;
use crate::pipeline::Received;

/// Channels that are read after a gap, those of the latest messages: a partition that was busy
/// everywhere must not spend Discord's limit, nor hold its other channels up.
const MOST_CHANNELS: usize = 32;

/// Channels that are read at once.
const AT_ONCE: usize = 4;

/// The partition waits for the reading, so that nothing said later is taken in before.
const READ_WITHIN: Duration = Duration::from_secs(5);

/// How much earlier than the gap is said to begin is read: our clocks and Discord's differ.
const MARGIN: Duration = Duration::from_secs(10);

impl Intake {
    /// Forgets every history, and takes in what was said in the gap.
    pub(super) async fn close(&mut self, gap: Gap) {
        let channels = self.schedule.heard_lately(MOST_CHANNELS);
        self.schedule.forget_histories();
        if self.app.settings.chat.gap_backfill == 0 || channels.is_empty() {
            return;
        }
        let messages = match timeout(READ_WITHIN, read_all(&self.app, channels, gap)).await {
            Ok(messages) => messages,
            Err(_elapsed) => {
                return tracing::warn!(partition = %self.partition, "a gap is not read in time");
            }
        };
        let count = messages.len();
        for message in messages {
            self.hear_late(&message).await;
        }
        tracing::info!(partition = %self.partition, messages = count, "a gap was read");
    }

    async fn hear_late(&mut self, message: &proto::event::Message) {
        let event = Received {
            id: EventId::message_create(MessageId(message.message_id)),
            retried_at_ms: 0,
        };
        if !self.created(&event, message).await {
            tracing::warn!(partition = %self.partition, "a message of a gap cannot be decided");
        }
    }
}

/// Reads all channels, each one's messages in order.
async fn read_all(
    app: &App,
    channels: Vec<(ChannelId, u64)>,
    gap: Gap,
) -> Vec<proto::event::Message> {
    let since = since(app, gap);
    let reading = stream::iter(channels).map(|(channel, guild)| read(app, channel, guild, since));
    let read: Vec<Vec<_>> = reading.buffered(AT_ONCE).collect().await;
    read.into_iter().flatten().collect()
}

/// Returns the id after which messages are read: none that is too old to be answered.
fn since(app: &App, gap: Gap) -> MessageId {
    let switches = &app.settings.switches;
    let oldest = millis(app.settings.chat.stale_event_max_age);
    let oldest_ms = switches.unix_now_ms().saturating_sub(oldest);
    let lost_ms = u64::try_from(gap.lost_since_ms).unwrap_or_default();
    let from_ms = lost_ms.saturating_sub(millis(MARGIN)).max(oldest_ms);
    MessageId(from_ms.saturating_sub(MessageId(0).created_at_ms()) << 22)
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// Reads a channel, oldest message first; what cannot be read is left out.
async fn read(
    app: &App,
    channel: ChannelId,
    guild: u64,
    since: MessageId,
) -> Vec<proto::event::Message> {
    let most = app.settings.chat.gap_backfill;
    let reading = app.discord.messages(channel, Page::After(since), most);
    let mut messages = match reading.await {
        Ok(messages) => messages,
        Err(error) => {
            tracing::info!(%error, "a channel is not read after a gap");
            return Vec::new();
        }
    };
    messages.sort_unstable_by_key(|message| message.id);
    let mut heard = Vec::with_capacity(messages.len());
    for message in &messages {
        if may_be_heard(app, message).await {
            heard.push(as_event::message(message, GuildId::non_zero(guild)));
        }
    }
    heard
}

/// The gateway's door is behind us: who must not be heard is asked of the truth itself. While that
/// does not answer, nobody is heard.
async fn may_be_heard(app: &App, message: &Message) -> bool {
    let author = UserId(message.author.id.get());
    app.store.may_be_heard(author).await.is_ok_and(|may| may)
}
