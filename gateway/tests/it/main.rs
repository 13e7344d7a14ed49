//! The gateway as it ships: the real binary between a Discord at the wire and a real NATS.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::disallowed_methods,
    reason = "a test fails by panicking, and reads where its servers are from the environment"
)]

mod broker;
mod delivery;
mod discord;
mod door;
mod faults;
mod interactions;
mod outage;
mod process;
mod secrets;
mod shards;
mod start;

use std::future::Future;
use std::time::Duration;

/// No wait in these tests is longer on a machine that is not broken.
const DEADLINE: Duration = Duration::from_secs(30);

/// Waits until `condition` gives something; `what` says what was awaited in vain.
async fn eventually<T, F: Future<Output = Option<T>>>(
    what: &str,
    mut condition: impl FnMut() -> F,
) -> T {
    let mut tick = tokio::time::interval(Duration::from_millis(20));
    let awaited = async {
        loop {
            tick.tick().await;
            if let Some(found) = condition().await {
                return found;
            }
        }
    };
    tokio::time::timeout(DEADLINE, awaited)
        .await
        .unwrap_or_else(|_| panic!("in vain: {what}"))
}
