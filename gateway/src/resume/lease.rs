//! Whether a shard is still ours to publish for.
//!
//! A process that stood still, or was cut off, may have been replaced without knowing it. So it
//! publishes only while its last write of the resume point, which would have failed then, is young.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;

/// How long a written resume point speaks for us, counted from before the write: with one a second,
/// three in a row may fail.
pub(super) const LENGTH: Duration = Duration::from_secs(5);

/// The lease of one shard; a cheap clone.
#[derive(Clone, Debug)]
pub struct Lease {
    state: Arc<watch::Sender<State>>,
}

#[derive(Clone, Copy, Debug)]
enum State {
    Until(Instant),
    /// Somebody else holds the shard; it never comes back under this lease.
    Gone,
}

impl State {
    fn is_held(self) -> bool {
        matches!(self, Self::Until(until) if Instant::now() < until)
    }

    const fn is_gone(self) -> bool {
        matches!(self, Self::Gone)
    }
}

impl Lease {
    /// Makes a lease that is not held yet.
    pub(super) fn new() -> Self {
        Self {
            state: Arc::new(watch::Sender::new(State::Until(Instant::now()))),
        }
    }

    /// Holds the lease because of a write that succeeded and was begun then.
    pub(super) fn renew(&self, begun: Instant) {
        self.state.send_replace(State::Until(begun + LENGTH));
    }

    /// Gives the lease up for good.
    pub(super) fn revoke(&self) {
        self.state.send_replace(State::Gone);
    }

    /// Tells whether the shard is surely ours.
    pub fn is_held(&self) -> bool {
        self.state.borrow().is_held()
    }

    /// Tells whether the shard is surely somebody else's.
    pub fn is_gone(&self) -> bool {
        self.state.borrow().is_gone()
    }

    /// Waits until the shard is surely ours, or gone. Cancel safe.
    pub async fn is_settled(&self) {
        self.wait_for(|state| state.is_held() || state.is_gone())
            .await;
    }

    /// Waits until the shard is surely somebody else's. Cancel safe.
    pub async fn is_lost(&self) {
        self.wait_for(|state| state.is_gone()).await;
    }

    async fn wait_for(&self, condition: impl FnMut(&State) -> bool) {
        // The sender lives as long as `self`.
        if self.state.subscribe().wait_for(condition).await.is_err() {
            tracing::debug!("the lease has no owner");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn lease_is_held_for_a_while_after_each_write() {
        let lease = Lease::new();
        assert!(!lease.is_held());
        lease.renew(Instant::now());
        tokio::time::advance(Duration::from_secs(4)).await;
        assert!(lease.is_held());
        tokio::time::advance(Duration::from_secs(1)).await;
        assert!(!lease.is_held());
    }

    #[tokio::test(start_paused = true)]
    async fn who_waits_goes_on_with_the_next_write() {
        let lease = Lease::new();
        let waiting = lease.clone();
        let renewal = async {
            tokio::time::sleep(Duration::from_mins(1)).await;
            lease.renew(Instant::now());
        };
        tokio::join!(waiting.is_settled(), renewal);
        assert!(waiting.is_held());
    }

    #[tokio::test(start_paused = true)]
    async fn who_waits_for_a_lease_that_is_gone_is_told() {
        let lease = Lease::new();
        let waiting = lease.clone();
        let end = async {
            tokio::time::sleep(Duration::from_mins(1)).await;
            lease.revoke();
        };
        tokio::join!(waiting.is_settled(), end);
        assert!(waiting.is_gone() && !waiting.is_held());
    }
}
