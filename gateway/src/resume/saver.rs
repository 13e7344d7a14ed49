//! Writes the resume point down once a second and renews the shard's lease by it.

use std::time::Duration;

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::Progress;
use super::store::{self, Stored};
use crate::error::Error;
use crate::link::Link;
use crate::metrics;

/// A crash replays at most this much, and the broker is not kept busy with it. A point that does
/// not move is written, too: by compare-and-set, so that we learn whether the shard is still ours.
const SAVE_EVERY: Duration = Duration::from_secs(1);

/// One write; the broker answers within milliseconds or is away.
const SAVE_DEADLINE: Duration = Duration::from_secs(3);

/// What a write says about the shard.
#[derive(Clone, Copy, Debug)]
enum Write {
    /// It is ours.
    Save,
    /// It is nobody's.
    Release,
}

/// Keeps the stored point of one shard near its progress.
#[derive(Debug)]
pub struct Saver {
    shard: u32,
    progress: Progress,
    stored: Stored,
    link: Link,
}

impl Saver {
    /// Takes the store that came with the shard.
    pub const fn new(shard: u32, progress: Progress, stored: Stored, link: Link) -> Self {
        Self {
            shard,
            progress,
            stored,
            link,
        }
    }

    /// Saves until told to stop, then gives the shard back.
    ///
    /// # Errors
    /// [`Error::Superseded`]: the shard is somebody else's now. [`Error::Forgotten`]: it does not
    /// exist any more.
    pub async fn run(mut self, stop: CancellationToken) -> Result<(), Error> {
        let mut tick = tokio::time::interval(SAVE_EVERY);
        tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            // A new session is written at once: until then, dying loses it.
            tokio::select! {
                _ = tick.tick() => {}
                () = self.progress.has_begun() => {}
                () = stop.cancelled() => break,
            }
            metrics::resume_lag(self.shard, self.progress.lag());
            self.write(Write::Save).await?;
        }
        // From here on nothing may be stored that the point does not know of.
        self.progress.revoke();
        self.write(Write::Release).await
    }

    async fn write(&mut self, write: Write) -> Result<(), Error> {
        let point = self.progress.point();
        let writing = async {
            self.link.connected().await;
            let begun = Instant::now();
            match write {
                Write::Save => self.stored.save(&point).await,
                Write::Release => self.stored.release(&point).await,
            }
            .map(|()| begun)
        };
        match tokio::time::timeout(SAVE_DEADLINE, writing).await {
            Ok(Ok(begun)) => {
                metrics::resume_saved();
                if matches!(write, Write::Save) {
                    self.progress.renew(begun);
                    self.forget_past().await;
                }
                Ok(())
            }
            Ok(Err(store::Error::Superseded)) => {
                Err(self.lost(Error::Superseded { shard: self.shard }))
            }
            Ok(Err(store::Error::Forgotten)) => Err(self.lost(Error::Forgotten)),
            Ok(Err(error)) => {
                metrics::resume_not_saved();
                tracing::warn!(shard = self.shard, %error, "the resume point was not saved");
                Ok(())
            }
            Err(_elapsed) => {
                metrics::resume_not_saved();
                Ok(())
            }
        }
    }

    fn lost(&self, why: Error) -> Error {
        self.progress.revoke();
        why
    }

    /// Not pressing: what is left now is tried again with the next write or the next start.
    async fn forget_past(&mut self) {
        let forgetting = tokio::time::timeout(SAVE_DEADLINE, self.stored.forget_past());
        if let Ok(Err(error)) = forgetting.await {
            tracing::warn!(shard = self.shard, %error, "old resume points stay for now");
        }
    }
}
