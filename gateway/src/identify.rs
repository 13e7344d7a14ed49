//! Who may identify when: one slot per rate limit key, shared by all gateways, and the day's budget.
//!
//! A slot is a key of a bucket whose entries go by themselves after the time that Discord wants
//! between two identifies. The budget is asked of Discord before each one: at zero it would reset
//! the token.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use async_nats::jetstream::kv::{CreateErrorKind, Store};
use tokio::sync::{Mutex, oneshot};
use tokio::time::{Instant, sleep, timeout_at};
use tokio_util::task::TaskTracker;
use twilight_gateway::queue::Queue;
use twilight_model::gateway::SessionStartLimit;

use crate::link::Link;
use crate::metrics;

/// Identifies of a day that are left to the operator: at zero Discord resets the token.
const RESERVE: u32 = 20;

/// Between two looks at a slot that is taken: a fraction of what it is taken for.
const LOOK_EVERY: Duration = Duration::from_millis(250);

/// How long a silent NATS is waited for. Then we identify alone: as the only process that does no
/// harm, and one that was replaced spends an identify and is stopped when NATS is back.
const PATIENCE: Duration = Duration::from_secs(10);

/// Longest wait before Discord is asked again how many identifies are left.
const ASK_AGAIN: Duration = Duration::from_mins(5);

/// Tells the shards of this process when to identify; a cheap clone.
#[derive(Clone, Debug)]
pub struct Identify {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    slots: Store,
    link: Link,
    discord: discord::Client,
    /// Keys that Discord counts apart, at least one.
    concurrency: u32,
    /// What Discord said was left, less what was used since.
    left: AtomicU32,
    /// One shard of this process asks at a time, in the order of asking.
    turn: Mutex<()>,
    tasks: TaskTracker,
}

impl Identify {
    /// Shares the slots in this bucket, within the limit that Discord told.
    pub fn new(
        slots: Store,
        link: Link,
        discord: discord::Client,
        limit: &SessionStartLimit,
        tasks: TaskTracker,
    ) -> Self {
        metrics::identifies_left(limit.remaining);
        let shared = Shared {
            slots,
            link,
            discord,
            concurrency: u32::from(limit.max_concurrency).max(1),
            left: AtomicU32::new(limit.remaining),
            turn: Mutex::default(),
            tasks,
        };
        Self {
            shared: Arc::new(shared),
        }
    }
}

impl Queue for Identify {
    fn enqueue(&self, shard: u32) -> oneshot::Receiver<()> {
        let (mut grant, granted) = oneshot::channel();
        let shared = Arc::clone(&self.shared);
        self.shared.tasks.spawn(async move {
            tokio::select! {
                () = shared.permit(shard) => drop(grant.send(())),
                // The connection has ended meanwhile, or the process ends.
                () = grant.closed() => {}
            }
        });
        granted
    }
}

impl Shared {
    async fn permit(&self, shard: u32) {
        loop {
            self.slot(shard).await;
            let Some(pause) = self.must_wait().await else {
                return;
            };
            tracing::error!(
                shard,
                pause_ms = u64::try_from(pause.as_millis()).unwrap_or(u64::MAX),
                "hardly any identifies are left today: a new session must wait"
            );
            sleep(pause).await;
        }
    }

    /// Waits until the shard's slot is free in all gateways, and takes it.
    async fn slot(&self, shard: u32) {
        let _turn = self.turn.lock().await;
        let key = (shard % self.concurrency).to_string();
        let mut patience = Instant::now() + PATIENCE;
        loop {
            let taking = async {
                self.link.connected().await;
                self.slots.create(&key, shard.to_string().into()).await
            };
            match timeout_at(patience, taking).await {
                Ok(Ok(_revision)) => return,
                Ok(Err(error)) if error.kind() == CreateErrorKind::AlreadyExists => {
                    patience = Instant::now() + PATIENCE;
                }
                Ok(Err(error)) => tracing::debug!(shard, %error, "the slots do not answer"),
                Err(_elapsed) => {
                    tracing::warn!(shard, "identifying without the other gateways' consent");
                    return;
                }
            }
            sleep(LOOK_EVERY).await;
        }
    }

    /// Asks what is left of the day's budget. `None`: enough, and one less from now on.
    async fn must_wait(&self) -> Option<Duration> {
        let (left, reset_after) = match self.discord.gateway_bot().await {
            Ok(connection) => {
                let limit = connection.session_start_limit;
                (limit.remaining, Duration::from_millis(limit.reset_after))
            }
            // It will tell why when we identify.
            Err(discord::Error::Unauthorized) => return None,
            Err(error) => {
                tracing::debug!(reason = error.label(), "the budget is not known");
                (self.left.load(Ordering::Relaxed), ASK_AGAIN)
            }
        };
        metrics::identifies_left(left);
        if left <= RESERVE {
            return Some(reset_after.clamp(LOOK_EVERY, ASK_AGAIN));
        }
        self.left.store(left - 1, Ordering::Relaxed);
        None
    }
}
