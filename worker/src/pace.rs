//! By what a running turn is watched: whether somebody stopped it, and when it last got anywhere
//! (CHAT-48, CHAT-53).

use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

/// Stop and clock of one running turn; clones are of the same turn.
#[derive(Clone, Debug)]
pub(crate) struct Pace {
    stop: CancellationToken,
    last: watch::Sender<Instant>,
}

impl Pace {
    /// Starts the clock; the token fires when somebody asked the turn to stop.
    pub(crate) fn new(stop: CancellationToken) -> Self {
        Self {
            stop,
            last: watch::Sender::new(Instant::now()),
        }
    }

    /// Tells whether somebody asked the turn to stop.
    pub(crate) fn is_stopped(&self) -> bool {
        self.stop.is_cancelled()
    }

    /// Returns once somebody asked the turn to stop. Cancel safe: yes.
    pub(crate) async fn stopped(&self) {
        self.stop.cancelled().await;
    }

    /// Notes that the turn got somewhere: a piece of its answer, a post.
    pub(crate) fn note(&self) {
        self.last.send_replace(Instant::now());
    }

    /// Returns once nothing was noted for that long. Cancel safe: yes.
    pub(crate) async fn stalled(&self, limit: Duration) {
        loop {
            let last = *self.last.borrow();
            sleep_until(last + limit).await;
            if *self.last.borrow() == last {
                return;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: Duration = Duration::from_mins(3);

    /// CHAT-48.
    #[tokio::test(start_paused = true)]
    async fn a_turn_that_gets_nowhere_is_stalled_at_the_limit() {
        let began = Instant::now();
        Pace::new(CancellationToken::new()).stalled(LIMIT).await;
        assert_eq!(began.elapsed(), LIMIT);
    }

    #[tokio::test(start_paused = true)]
    async fn every_progress_starts_the_clock_anew() {
        let pace = Pace::new(CancellationToken::new());
        let began = Instant::now();
        let working = async {
            for _ in 0..5 {
                tokio::time::sleep(LIMIT / 2).await;
                pace.note();
            }
        };
        tokio::join!(working, pace.stalled(LIMIT));
        assert_eq!(began.elapsed(), LIMIT / 2 * 5 + LIMIT);
    }
}
