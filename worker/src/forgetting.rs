//! What this process holds of a person in memory goes when everything about the person was deleted
//! (PRIV-65).
//!
//! Word of it comes over the broker. Who is not connected at that moment misses it, and loses
//! nothing by it: what a worker holds of conversations goes with its connection.

use std::sync::Arc;
use std::time::Duration;

use async_nats::connection::State;
use futures_util::StreamExt;
use proto::id::UserId;
use tokio::sync::broadcast;
use tokio::time::timeout;

use crate::app::App;

/// Persons that an owner of channels may lag behind; who lags more forgets all conversations.
const BOUND: usize = 64;

/// Longest wait for the broker.
const TELL_WITHIN: Duration = Duration::from_secs(5);

/// Hands the word to the owners of channels in this process.
#[derive(Debug)]
pub(crate) struct Forgetting {
    heard: broadcast::Sender<UserId>,
}

impl Default for Forgetting {
    fn default() -> Self {
        Self {
            heard: broadcast::Sender::new(BOUND),
        }
    }
}

impl Forgetting {
    /// Returns a receiver of the persons who are to be forgotten from now on.
    pub(crate) fn subscribe(&self) -> broadcast::Receiver<UserId> {
        self.heard.subscribe()
    }
}

/// Tells every worker to forget a person; false when the broker was not told.
pub(crate) async fn tell(app: &App, user: UserId) -> bool {
    if app.nats.connection_state() != State::Connected {
        return false;
    }
    let (subject, payload) = (app.names.person_deleted(), user.to_string());
    let telling = async {
        let published = app.nats.publish(subject, payload.into()).await;
        published.is_ok() && app.nats.flush().await.is_ok()
    };
    timeout(TELL_WITHIN, telling).await == Ok(true)
}

/// Forgets persons on such word, until the process ends.
pub(crate) async fn listen(app: Arc<App>) {
    let mut words = match app.nats.subscribe(app.names.person_deleted()).await {
        Ok(words) => words,
        // Only a connection that was closed for good takes no subscription.
        Err(error) => {
            tracing::error!(%error, "this worker does not hear whom to forget");
            return;
        }
    };
    while let Some(word) = words.next().await {
        let text = std::str::from_utf8(&word.payload).unwrap_or_default();
        if let Ok(user) = text.parse() {
            forget(&app, user).await;
        }
    }
}

async fn forget(app: &App, user: UserId) {
    // No owner in this process is no error.
    drop(app.forgetting.heard.send(user));
    app.prompts.forget(user);
    app.rights.forget_members();
    app.profiles.forget(user.0).await;
    app.key_pools.forget(user.0).await;
}
