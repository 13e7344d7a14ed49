//! Orderly ends: one token that SIGTERM and SIGINT fire, one tracker of everything spawned.
//!
//! The first signal asks for an orderly end; a second one, while that is under way, ends the
//! process at once, as a kill would: whoever sends it has no more patience.

use std::future::Future;
use std::io;
use std::time::Duration;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// The token that ends the process and the tasks that must have ended before it does.
#[derive(Clone, Debug, Default)]
pub struct Shutdown {
    /// Fired once, by a signal or by whoever finds that the process cannot go on.
    pub token: CancellationToken,
    /// Every task of the process.
    pub tracker: TaskTracker,
}

impl Shutdown {
    /// Starts to listen for SIGTERM and SIGINT: the first fires the token, the second ends the
    /// process with 128 and the signal's number as its exit code, as a shell would tell it.
    ///
    /// # Errors
    /// The operating system refuses a signal handler.
    pub fn listen() -> io::Result<Self> {
        let shutdown = Self::default();
        let signals = Signals {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
        };
        // Not on our tracker: the drain is what it listens to, not what the drain waits for.
        drop(TaskTracker::new().spawn(obey(signals, shutdown.token.clone())));
        Ok(shutdown)
    }

    /// Runs a task that [`Shutdown::drain`] waits for.
    pub fn spawn<F>(&self, task: F) -> JoinHandle<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        self.tracker.spawn(task)
    }

    /// Fires the token and waits until every task has ended, at most `deadline`. Returns whether
    /// all did.
    pub async fn drain(&self, deadline: Duration) -> bool {
        self.token.cancel();
        self.tracker.close();
        tokio::time::timeout(deadline, self.tracker.wait())
            .await
            .is_ok()
    }
}

struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    async fn next(&mut self) -> (SignalKind, &'static str) {
        tokio::select! {
            _ = self.terminate.recv() => (SignalKind::terminate(), "SIGTERM"),
            _ = self.interrupt.recv() => (SignalKind::interrupt(), "SIGINT"),
        }
    }
}

#[expect(
    clippy::disallowed_methods,
    clippy::exit,
    reason = "the second signal is the wish to skip the drain"
)]
async fn obey(mut signals: Signals, token: CancellationToken) {
    let (_kind, name) = signals.next().await;
    tracing::info!(
        signal = name,
        "shutting down; a second signal ends it at once"
    );
    token.cancel();
    let (kind, name) = signals.next().await;
    tracing::warn!(signal = name, "the shutdown is cut short");
    std::process::exit(128 + kind.as_raw_value());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn drain_waits_for_tasks_and_gives_up_at_the_deadline() {
        let shutdown = Shutdown::default();
        let token = shutdown.token.clone();
        shutdown.spawn(async move { token.cancelled().await });
        assert!(shutdown.drain(Duration::from_secs(1)).await);

        let stuck = Shutdown::default();
        stuck.spawn(std::future::pending::<()>());
        assert!(!stuck.drain(Duration::from_secs(1)).await);
    }
}
