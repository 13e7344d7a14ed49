//! Whether NATS is there, as a value that many tasks can wait on.
//!
//! The client library tells of disconnections through a channel that may drop them, so its state
//! is looked at instead. A publish sent while it is away would wait in the library's buffer and be
//! written ahead of what was lost with the old connection; hence nothing is sent meanwhile.

use std::sync::atomic::Ordering;
use std::time::Duration;

use async_nats::Client;
use async_nats::connection::State;
use runtime::admin::Check;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::metrics;

/// How often the client's state is looked at: far below every deadline that depends on it.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// What is known about the connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Seen {
    connected: bool,
    /// Which connection it is; also tells one that broke and came back between two looks.
    number: u64,
}

/// The connection to NATS as its users see it; a cheap clone.
#[derive(Clone, Debug)]
pub struct Link {
    seen: watch::Receiver<Seen>,
}

/// One connection, by which its loss is noticed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Connection(u64);

/// Prepares the watch of a client; [`Watch::run`] keeps it up to date.
pub fn watch(client: Client) -> (Watch, Link) {
    let (told, seen) = watch::channel(look(&client));
    (Watch { client, told }, Link { seen })
}

/// The task that looks at the client's state.
#[derive(Debug)]
pub struct Watch {
    client: Client,
    told: watch::Sender<Seen>,
}

impl Watch {
    /// Looks until told to stop. Cancel safe.
    pub async fn run(self, check: Check, stop: CancellationToken) {
        metrics::nats_connected(self.told.borrow().connected);
        let mut tick = tokio::time::interval(LOOK_EVERY);
        while stop.run_until_cancelled(tick.tick()).await.is_some() {
            let now = look(&self.client);
            check.set(now.connected);
            let changed = self
                .told
                .send_if_modified(|seen| std::mem::replace(seen, now) != now);
            if changed {
                metrics::nats_connected(now.connected);
                tracing::info!(
                    connected = now.connected,
                    "the connection to NATS has changed"
                );
            }
        }
    }
}

impl Link {
    /// Waits until NATS is connected. Cancel safe. Never returns once the watch has ended.
    pub async fn connected(&self) -> Connection {
        let mut seen = self.seen.clone();
        match seen
            .wait_for(|seen| seen.connected)
            .await
            .map(|seen| seen.number)
        {
            Ok(number) => Connection(number),
            Err(_closed) => std::future::pending().await,
        }
    }

    /// Tells whether NATS is connected.
    pub fn is_connected(&self) -> bool {
        self.seen.borrow().connected
    }

    /// Waits until this connection has broken, even if another one is there already. Cancel safe.
    pub async fn lost(&self, connection: Connection) {
        let mut seen = self.seen.clone();
        let is_lost = |seen: &Seen| !seen.connected || seen.number != connection.0;
        if seen.wait_for(is_lost).await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

fn look(client: &Client) -> Seen {
    Seen {
        connected: client.connection_state() == State::Connected,
        number: client.statistics().connects.load(Ordering::Relaxed),
    }
}
