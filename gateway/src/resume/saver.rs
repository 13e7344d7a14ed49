//! Writes the resume point down, once a second while it moves.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::store::{self, Stored};
use super::{Progress, ResumePoint};
use crate::error::Error;
use crate::link::Link;
use crate::metrics;

/// A crash replays at most this much, and the broker is not kept busy with it.
const SAVE_EVERY: Duration = Duration::from_secs(1);

/// One write; the broker answers within milliseconds or is away.
const SAVE_DEADLINE: Duration = Duration::from_secs(3);

/// Keeps the stored point of one shard near its progress.
#[derive(Debug)]
pub struct Saver {
    shard: u32,
    progress: Progress,
    stored: Stored,
    saved: Option<ResumePoint>,
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
        if self.saved.as_ref() == Some(&point) {
            return Ok(());
        }
        let saving = async {
            self.link.connected().await;
            self.stored.save(&point).await
        };
        match tokio::time::timeout(SAVE_DEADLINE, saving).await {
            Ok(Ok(())) => {
                metrics::resume_saved();
                self.saved = Some(point);
                Ok(())
            }
            Ok(Err(store::Error::Superseded)) => Err(Error::Superseded { shard: self.shard }),
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
}
