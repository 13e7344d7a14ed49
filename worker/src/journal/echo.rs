//! Our own posts as the gateway hears them: an echo confirms its post whatever became of the
//! answer to the request, and shows a post that stands in the channel twice.
//!
//! Posts that this process sends are known in memory. Only those of other workers, which are
//! dead or hand their channels over, are looked for in the database.

use std::sync::Arc;
use std::time::Duration;

use moka::future::Cache;
use proto::event;
use proto::id::{ChannelId, GuildId, MessageId};
use store::EchoedPost;
use tokio::sync::watch;

use super::hash_of;
use crate::app::App;
use crate::metrics;
use crate::patience::with_rest_patience;

/// Posts remembered at once; an entry is a few hundred bytes.
const CAPACITY: u64 = 20_000;

/// An echo comes within a second; after a break of the gateway's session within a few minutes.
/// What is forgotten by then is looked for in the database.
const REMEMBERED: Duration = Duration::from_mins(5);

/// The posts of this process that were, or may have been, sent lately.
#[derive(Debug)]
pub(crate) struct Echoes {
    awaited: Cache<u64, Arc<Awaited>>,
}

/// A post whose message becomes known by its answer or by its echo, whichever is first.
#[derive(Debug)]
pub(crate) struct Awaited {
    channel: ChannelId,
    text_hash: [u8; 32],
    message: watch::Sender<Option<MessageId>>,
}

impl Awaited {
    /// Takes the message that the post became, unless one is known; returns the one that counts.
    pub(super) fn settle(&self, message: MessageId) -> MessageId {
        self.message.send_if_modified(|known| {
            let is_first = known.is_none();
            known.get_or_insert(message);
            is_first
        });
        self.message().unwrap_or(message)
    }

    /// Returns the message, where it is known.
    pub(super) fn message(&self) -> Option<MessageId> {
        *self.message.borrow()
    }

    /// Waits until the message is known. Cancel safe: yes.
    pub(super) async fn heard(&self) {
        let mut messages = self.message.subscribe();
        // The sender is a field of the same value, so it is there.
        drop(messages.wait_for(Option::is_some).await);
    }
}

impl Default for Echoes {
    fn default() -> Self {
        let awaited = Cache::builder()
            .max_capacity(CAPACITY)
            .time_to_live(REMEMBERED)
            .build();
        Self { awaited }
    }
}

impl Echoes {
    /// Expects the echo of a post from now on.
    pub(super) async fn expect(
        &self,
        channel: ChannelId,
        nonce: u64,
        text_hash: [u8; 32],
    ) -> Arc<Awaited> {
        let awaited = Arc::new(Awaited {
            channel,
            text_hash,
            message: watch::Sender::new(None),
        });
        self.awaited.insert(nonce, Arc::clone(&awaited)).await;
        awaited
    }

    /// Takes an echo; returns the message that the post counts as, `None` where the post is not
    /// known here, or waits for another text.
    async fn hear(&self, echo: &EchoedPost) -> Option<MessageId> {
        let awaited = self.awaited.get(&echo.nonce).await?;
        if awaited.channel != echo.channel {
            return None;
        }
        if awaited.text_hash == echo.text_hash {
            Some(awaited.settle(echo.message))
        } else {
            awaited.message()
        }
    }
}

/// Takes a message of ours from the stream: it confirms its post, or is removed when another
/// message did. Costs nothing for posts of this process, and one statement for others.
pub(crate) async fn take(app: &App, message: &event::Message) {
    // Answers to interactions carry no nonce and are in no journal.
    let Ok(nonce) = message.nonce.parse() else {
        return;
    };
    let echo = EchoedPost {
        nonce,
        guild: GuildId::non_zero(message.guild_id),
        channel: ChannelId(message.channel_id),
        message: MessageId(message.message_id),
        text_hash: hash_of(&message.content),
    };
    let counts = match app.echoes.hear(&echo).await {
        Some(known) => Some(known),
        None => stored(app, &echo).await,
    };
    if counts.is_some_and(|known| known != echo.message) {
        remove(app, &echo);
    }
}

/// Asks once: while the database is away nothing waits for an echo, because a post in doubt is
/// looked for in the channel as well.
async fn stored(app: &App, echo: &EchoedPost) -> Option<MessageId> {
    match app.store.echoed_post(echo).await {
        Ok(known) => known,
        Err(error) => {
            tracing::debug!(%error, "an echo is not compared with the journal");
            None
        }
    }
}

/// Removes a message that repeats a post, in the background: intake does not wait for Discord.
fn remove(app: &App, echo: &EchoedPost) {
    let (discord, channel, message) = (app.discord.clone(), echo.channel, echo.message);
    metrics::post("repeated");
    app.tracker.spawn(async move {
        let removed = with_rest_patience(|| discord.delete_message(channel, message)).await;
        if let Err(error) = removed {
            let message = runtime::ids::Shown(message);
            tracing::warn!(message.id = %message, %error, "a repeated post stays in its channel");
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    const CHANNEL: ChannelId = ChannelId(1);

    fn echo(message: u64) -> EchoedPost {
        EchoedPost {
            nonce: 7,
            guild: Some(GuildId(3)),
            channel: CHANNEL,
            message: MessageId(message),
            text_hash: [1; 32],
        }
    }

    #[tokio::test]
    async fn an_echo_before_the_answer_is_what_counts() {
        let echoes = Echoes::default();
        let awaited = echoes.expect(CHANNEL, 7, [1; 32]).await;
        assert_eq!(echoes.hear(&echo(50)).await, Some(MessageId(50)));
        awaited.heard().await;
        assert_eq!(awaited.settle(MessageId(51)), MessageId(50));
        assert_eq!(echoes.hear(&echo(51)).await, Some(MessageId(50)));
    }

    #[tokio::test]
    async fn an_echo_after_the_answer_under_another_id_is_a_repeat() {
        let echoes = Echoes::default();
        let awaited = echoes.expect(CHANNEL, 7, [1; 32]).await;
        assert_eq!(awaited.settle(MessageId(50)), MessageId(50));
        assert_eq!(echoes.hear(&echo(51)).await, Some(MessageId(50)));
    }

    #[tokio::test]
    async fn an_echo_of_another_text_settles_nothing() {
        let echoes = Echoes::default();
        let awaited = echoes.expect(CHANNEL, 7, [2; 32]).await;
        assert_eq!(echoes.hear(&echo(50)).await, None);
        assert_eq!(awaited.message(), None);
        // The place has its message: what comes under the same nonce is one too many.
        awaited.settle(MessageId(51));
        assert_eq!(echoes.hear(&echo(50)).await, Some(MessageId(51)));
    }

    #[tokio::test]
    async fn an_echo_from_elsewhere_is_not_known() {
        let echoes = Echoes::default();
        echoes.expect(CHANNEL, 7, [1; 32]).await;
        let elsewhere = EchoedPost {
            channel: ChannelId(2),
            ..echo(50)
        };
        let other = EchoedPost {
            nonce: 8,
            ..echo(50)
        };
        assert_eq!(echoes.hear(&elsewhere).await, None);
        assert_eq!(echoes.hear(&other).await, None);
    }
}
