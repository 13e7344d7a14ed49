//! Whether a shard is still ours to publish for.
//!
//! A process that stood still, or was cut off, may have been replaced without knowing it. So it
//! publishes only while its last write of the resume point, which would have failed then, is young.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;

/// How long a written resume point speaks for us, counted from before the write: two renewals may
/// fail, and the third has a second to get through.
const LENGTH: Duration = Duration::from_secs(6);

/// The lease of one shard; a cheap clone.
#[derive(Clone, Debug)]
pub struct Lease {
    until: Arc<watch::Sender<Instant>>,
}

impl Lease {
    /// Makes a lease that is not held yet.
    pub(super) fn new() -> Self {
        Self {
            until: Arc::new(watch::Sender::new(Instant::now())),
        }
    }

    /// Holds the lease because of a write that succeeded and was begun then.
    pub(super) fn renew(&self, begun: Instant) {
        self.until.send_replace(begun + LENGTH);
    }

    /// Gives the lease up: somebody else holds the shard.
    pub(super) fn revoke(&self) {
        self.until.send_replace(Instant::now());
    }

    /// Tells whether the shard is surely ours.
    pub fn is_held(&self) -> bool {
        Instant::now() < *self.until.borrow()
    }

    /// Waits until the shard is surely ours. Cancel safe.
    pub async fn held(&self) {
        let mut until = self.until.subscribe();
        // The sender lives as long as `self`.
        if until
            .wait_for(|until| Instant::now() < *until)
            .await
            .is_err()
        {
            tracing::debug!("the lease is gone");
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
        tokio::time::advance(Duration::from_secs(5)).await;
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
        tokio::join!(waiting.held(), renewal);
        assert!(waiting.is_held());
        lease.revoke();
        assert!(!waiting.is_held());
    }
}
