//! Forwarded messages: their originals, as far as those may be read (PRIV-27).
//!
//! A forward shows words without telling whose they are, so the gateway publishes where they were
//! said and nothing else. The original tells its author, and that decides; the filter does so. What
//! cannot be read stays without words.

use std::time::Duration;

use discord::Error;
use futures_util::future::join_all;
use moka::future::Cache;
use proto::id::{ChannelId, MessageId};
use tokio::time::timeout;
use twilight_model::channel::Message;

use crate::app::App;
use crate::channel::history::{Forwarded, Line};
use crate::channel::line;

/// Originals that are read for one turn, those of the newest forwards: each is a call to Discord.
const MOST: usize = 4;

/// The longest that a reply waits for them; they are read at the same time.
const WITHIN: Duration = Duration::from_secs(2);

/// How long a channel is not asked that we may not read: each refusal counts towards the limit of
/// invalid requests (10,000 in ten minutes; Discord's rate limit page, 2026-11).
const REFUSED_FOR: Duration = Duration::from_mins(10);

/// Channels remembered; an entry is some hundred bytes.
const CAPACITY: u64 = 10_000;

/// The channels that Discord did not let us read lately.
#[derive(Debug)]
pub(crate) struct Unreadable(Cache<ChannelId, ()>);

impl Default for Unreadable {
    fn default() -> Self {
        let cache = Cache::builder()
            .max_capacity(CAPACITY)
            .time_to_live(REFUSED_FOR)
            .build();
        Self(cache)
    }
}

/// Reads the originals of what is forwarded in a conversation.
///
/// Cancel safe: yes, what is not read by then stays without words.
pub(super) async fn read(app: &App, lines: &mut [Line], trigger: &mut Line) {
    let asked = trigger.id;
    let others = lines.iter_mut().rev().filter(|line| line.id != asked);
    let reading = [trigger]
        .into_iter()
        .chain(others)
        .filter_map(|line| Some((line.id, line.forwarded.as_mut()?)))
        .take(MOST)
        .map(|(shown_in, forwarded)| read_one(app, shown_in, forwarded));
    let reading: Vec<_> = reading.collect();
    if timeout(WITHIN, join_all(reading)).await.is_err() {
        tracing::info!("not every forwarded message was read in time");
    }
}

async fn read_one(app: &App, shown_in: MessageId, forwarded: &mut Forwarded) {
    let (channel, message) = (forwarded.channel, forwarded.message);
    let is_known = channel.0 != 0 && message.0 != 0;
    if !is_known || app.unreadable.0.contains_key(&channel) {
        return;
    }
    match app.discord.message(channel, message).await {
        Ok(original) => {
            let original = original.filter(|original| is_as_shown(original, shown_in));
            forwarded.original = original.map(|original| {
                // What it forwards itself is not followed.
                let bare = Line {
                    forwarded: None,
                    ..line::of_rest(&original, app.bot)
                };
                Box::new(bare)
            });
        }
        Err(Error::Refused { status, code }) => {
            tracing::debug!(status, code, "a forwarded message may not be read");
            app.unreadable.0.insert(channel, ()).await;
        }
        Err(error) => tracing::debug!(%error, "a forwarded message is not read"),
    }
}

/// Tells whether an original still says what was forwarded. What came into it later was shown to
/// nobody here.
fn is_as_shown(original: &Message, shown_in: MessageId) -> bool {
    original.edited_timestamp.is_none_or(|edited| {
        let edited_ms = edited.as_micros() / 1_000;
        u64::try_from(edited_ms).is_ok_and(|edited_ms| edited_ms < shown_in.created_at_ms())
    })
}
