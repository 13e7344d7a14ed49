//! Writes the resume point down, once a second while it moves, and renews the shard's lease by it.

use std::time::Duration;

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::store::{self, Stored};
use super::{Progress, ResumePoint};
use crate::error::Error;
use crate::link::Link;
use crate::metrics;

/// A crash replays at most this much, and the broker is not kept busy with it.
const SAVE_EVERY: Duration = Duration::from_secs(1);

/// A point that does not move is written as often as this, too: by compare-and-set, so that we
/// learn whether the shard is still ours.
const RENEW_EVERY: Duration = Duration::from_secs(2);

/// One write; the broker answers within milliseconds or is away.
const SAVE_DEADLINE: Duration = Duration::from_secs(3);

/// Keeps the stored point of one shard near its progress.
#[derive(Debug)]
pub struct Saver {
    shard: u32,
    progress: Progress,
    stored: Stored,
    saved: Option<(ResumePoint, Instant)>,
    link: Link,
}

impl Saver {
    /// Takes the store that [`store::take_over`] returned.
    pub const fn new(shard: u32, progress: Progress, stored: Stored, link: Link) -> Self {
        Self {
            shard,
            progress,
            stored,
            saved: None,
            link,
        }
    }

    /// Saves until told to stop, and once more then.
    ///
    /// # Errors
    /// [`Error::Superseded`]: the shard is somebody else's now.
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
            self.save().await?;
        }
        self.save().await
    }

    async fn save(&mut self) -> Result<(), Error> {
        let point = self.progress.point();
        let is_young = |saved: &(ResumePoint, Instant)| saved.1.elapsed() < RENEW_EVERY;
        if self
            .saved
            .as_ref()
            .is_some_and(|saved| saved.0 == point && is_young(saved))
        {
            return Ok(());
        }
        let saving = async {
            self.link.connected().await;
            let begun = Instant::now();
            self.stored.save(&point).await.map(|()| begun)
        };
        match tokio::time::timeout(SAVE_DEADLINE, saving).await {
            Ok(Ok(begun)) => {
                metrics::resume_saved();
                self.progress.renew(begun);
                self.saved = Some((point, begun));
                self.forget_past().await;
                Ok(())
            }
            Ok(Err(store::Error::Superseded)) => {
                self.progress.revoke();
                Err(Error::Superseded { shard: self.shard })
            }
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

    /// Not pressing: what is left now is tried again with the next write or the next start.
    async fn forget_past(&mut self) {
        let forgetting = tokio::time::timeout(SAVE_DEADLINE, self.stored.forget_past());
        if let Ok(Err(error)) = forgetting.await {
            tracing::warn!(shard = self.shard, %error, "old resume points stay for now");
        }
    }
}
