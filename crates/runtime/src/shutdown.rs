//! Orderly ends: one token that SIGTERM and SIGINT fire, one tracker of everything spawned.

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
    /// Starts to listen for SIGTERM and SIGINT.
    ///
    /// # Errors
    /// The operating system refuses a signal handler.
    pub fn listen() -> io::Result<Self> {
        let shutdown = Self::default();
        let terminate = signal(SignalKind::terminate())?;
        let interrupt = signal(SignalKind::interrupt())?;
        let token = shutdown.token.clone();
        shutdown.spawn(fire_on_signal(terminate, interrupt, token));
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

async fn fire_on_signal(mut terminate: Signal, mut interrupt: Signal, token: CancellationToken) {
    let name = tokio::select! {
        _ = terminate.recv() => "SIGTERM",
        _ = interrupt.recv() => "SIGINT",
        () = token.cancelled() => return,
    };
    tracing::info!(signal = name, "shutting down");
    token.cancel();
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
