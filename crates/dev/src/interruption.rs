//! Whatever ends a program in the foreground: Ctrl-C, `kill`, the end of its terminal.

use anyhow::bail;
use tokio::signal::unix::{Signal, SignalKind, signal};

/// From here on the signals end nothing by themselves. A task listens only once nothing blocks it any more: not
/// while it waits for a lock.
pub(crate) struct Interruption {
    signals: [Signal; 3],
}

impl Interruption {
    /// Begins to listen.
    pub(crate) fn listen() -> anyhow::Result<Self> {
        let kinds = [
            SignalKind::interrupt(),
            SignalKind::terminate(),
            SignalKind::hangup(),
        ];
        let [interrupt, terminate, hangup] = kinds.map(signal);
        Ok(Self {
            signals: [interrupt?, terminate?, hangup?],
        })
    }

    /// Waits for one.
    pub(crate) async fn came(&mut self) {
        let [interrupt, terminate, hangup] = &mut self.signals;
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
            _ = hangup.recv() => {}
        }
    }

    /// Works until that is done, or until an interruption comes, which is an error; what must
    /// happen in either case comes after it.
    pub(crate) async fn may_end<T>(
        &mut self,
        work: impl Future<Output = anyhow::Result<T>>,
    ) -> anyhow::Result<T> {
        tokio::select! {
            done = work => done,
            () = self.came() => bail!("interrupted"),
        }
    }
}
