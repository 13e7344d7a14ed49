//! What Discord orders one worker holds for all: its global limit counts the requests of the bot, and
//! Cloudflare those of an address, whichever process sends them.
//!
//! Whoever is told to stop tells the others by a core NATS message. Who misses it is told by Discord.

use std::sync::Arc;
use std::time::Duration;

use discord::{Stop, Whose};
use futures_util::StreamExt;
use serde::{Deserialize, Serialize};
use tokio::sync::broadcast::error::RecvError;

use crate::app::App;

/// Discord names no longer wait; what another process says is bounded all the same, for its clock
/// may be wrong.
const LONGEST: Duration = Duration::from_hours(1);

/// An order as it travels.
#[derive(Debug, Serialize, Deserialize)]
struct Order {
    whose: Whose,
    /// Unix time in milliseconds.
    until_ms: u64,
}

impl Order {
    fn of(stop: Stop, now_ms: u64) -> Self {
        let wait_ms = u64::try_from(stop.wait.as_millis()).unwrap_or(u64::MAX);
        Self {
            whose: stop.whose,
            until_ms: now_ms.saturating_add(wait_ms),
        }
    }

    fn stop(&self, now_ms: u64) -> Stop {
        let wait = Duration::from_millis(self.until_ms.saturating_sub(now_ms));
        Stop {
            whose: self.whose,
            wait: wait.min(LONGEST),
        }
    }
}

/// Passes on what this process is told, and obeys what others were, until the process ends.
pub(crate) async fn share(app: Arc<App>) {
    let mut told = app.discord.stops();
    // Only a connection that was closed for good takes no subscription; ours are passed on still.
    let mut heard = app.nats.subscribe(app.names.discord_stops()).await.ok();
    loop {
        let order = async {
            match &mut heard {
                Some(heard) => heard.next().await,
                None => None,
            }
        };
        tokio::select! {
            stop = told.recv() => match stop {
                Ok(stop) => tell(&app, stop).await,
                Err(RecvError::Lagged(_)) => {}
                Err(RecvError::Closed) => return,
            },
            Some(order) = order => hear(&app, &order.payload),
        }
    }
}

async fn tell(app: &App, stop: Stop) {
    let order = Order::of(stop, app.settings.switches.unix_now_ms());
    let Ok(payload) = serde_json::to_vec(&order) else {
        return;
    };
    let subject = app.names.discord_stops();
    if let Err(error) = app.nats.publish(subject, payload.into()).await {
        tracing::debug!(%error, "the other workers are not told to stop");
    }
}

/// Our own orders come back, too: they change nothing.
fn hear(app: &App, payload: &[u8]) {
    match serde_json::from_slice::<Order>(payload) {
        Ok(order) => {
            let stop = order.stop(app.settings.switches.unix_now_ms());
            if !stop.wait.is_zero() {
                app.discord.stop(stop);
            }
        }
        Err(error) => tracing::debug!(%error, "an order to stop is not understood"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// CHAT-53.
    #[test]
    fn an_order_ends_at_the_same_moment_everywhere_and_never_late() {
        let stop = Stop {
            whose: Whose::Address,
            wait: Duration::from_secs(7),
        };
        let order = Order::of(stop, 1_000);
        let sent = serde_json::to_string(&order).unwrap();
        assert_eq!(sent, r#"{"whose":"address","until_ms":8000}"#);
        assert_eq!(order.stop(3_000).wait, Duration::from_secs(5));
        assert_eq!(order.stop(9_000).wait, Duration::ZERO);
        let eternal = Order {
            until_ms: u64::MAX,
            ..order
        };
        assert_eq!(eternal.stop(0).wait, LONGEST);
    }
}
