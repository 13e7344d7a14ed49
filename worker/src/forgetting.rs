//! What this process holds in memory of a person or a server goes when everything about them was deleted
//! (PRIV-65, PRIV-68).
//!
//! Word of it comes over the broker. Who is not connected at that moment misses it, and loses
//! nothing by it: what a worker holds of conversations goes with its connection.

use std::sync::Arc;
use std::time::Duration;

use async_nats::connection::State;
use futures_util::StreamExt;
use proto::id::{GuildId, TenantId};
use tokio::sync::broadcast;
use tokio::time::timeout;

use crate::app::App;

/// Words that an owner of channels may lag behind; who lags more forgets all conversations.
const BOUND: usize = 64;

/// Longest wait for the broker.
const TELL_WITHIN: Duration = Duration::from_secs(5);

/// Hands the word to the owners of channels in this process.
#[derive(Debug)]
pub(crate) struct Forgetting {
    heard: broadcast::Sender<TenantId>,
}

impl Default for Forgetting {
    fn default() -> Self {
        Self {
            heard: broadcast::Sender::new(BOUND),
        }
    }
}

impl Forgetting {
    /// Returns a receiver of who is to be forgotten from now on: a server, or a person with the direct
    /// messages.
    pub(crate) fn subscribe(&self) -> broadcast::Receiver<TenantId> {
        self.heard.subscribe()
    }
}

/// Tells every worker to forget a person or a server; false when the broker was not told.
pub(crate) async fn tell(app: &App, gone: TenantId) -> bool {
    if app.nats.connection_state() != State::Connected {
        return false;
    }
    let (subject, payload) = (app.names.data_deleted(), written(gone));
    let telling = async {
        let published = app.nats.publish(subject, payload.into()).await;
        published.is_ok() && app.nats.flush().await.is_ok()
    };
    timeout(TELL_WITHIN, telling).await == Ok(true)
}

/// Forgets persons and servers on such word, until the process ends.
pub(crate) async fn listen(app: Arc<App>) {
    let mut words = match app.nats.subscribe(app.names.data_deleted()).await {
        Ok(words) => words,
        // Only a connection that was closed for good takes no subscription.
        Err(error) => {
            tracing::error!(%error, "this worker does not hear whom to forget");
            return;
        }
    };
    while let Some(word) = words.next().await {
        let text = std::str::from_utf8(&word.payload).unwrap_or_default();
        if let Some(gone) = read(text) {
            forget(&app, gone).await;
        }
    }
}

async fn forget(app: &App, gone: TenantId) {
    // No owner in this process is no error.
    drop(app.forgetting.heard.send(gone));
    if let TenantId::Direct(person) = gone {
        app.prompts.forget(person);
    }
    app.rights.forget_members();
    app.profiles.forget(gone.disc_id()).await;
    app.key_pools.forget(gone.disc_id()).await;
}

/// A person's id, or a server's behind a letter.
fn written(gone: TenantId) -> String {
    match gone {
        TenantId::Direct(person) => person.to_string(),
        TenantId::Guild(guild) => format!("g{guild}"),
    }
}

fn read(text: &str) -> Option<TenantId> {
    match text.strip_prefix('g') {
        Some(guild) => guild.parse().map(GuildId).map(TenantId::Guild).ok(),
        None => text.parse().map(TenantId::Direct).ok(),
    }
}

#[cfg(test)]
mod tests {
    use proto::id::UserId;

    use super::*;

    #[test]
    fn the_word_is_read_back() {
        for gone in [TenantId::Direct(UserId(7)), TenantId::Guild(GuildId(7))] {
            assert_eq!(read(&written(gone)), Some(gone));
        }
        assert_eq!(read("everybody"), None);
    }
}
