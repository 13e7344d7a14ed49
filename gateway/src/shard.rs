//! One shard of this process: waits until it is nobody's, serves it, gives it back.
//!
//! A shard that another gateway has taken meanwhile is waited for again; the process goes on.

use std::time::Duration;

use runtime::admin::Health;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::connect::Reader;
use crate::connect::frame::Intake;
use crate::connect::session::{Condition, Dial, ShardUp};
use crate::error::Error;
use crate::link::Link;
use crate::publish::Publisher;
use crate::resume::Progress;
use crate::resume::saver::Saver;
use crate::resume::standby::Standby;
use crate::resume::store::TakenOver;

/// One shard that this process may hold.
pub struct Shard {
    /// Waits for the shard.
    pub standby: Standby,
    /// How it connects.
    pub dial: Dial,
    /// Where its frames go.
    pub intake: Intake,
    /// Who is told how it is.
    pub up: ShardUp,
    /// Whether NATS is there.
    pub link: Link,
    /// Who is told that this loop is alive.
    pub health: Health,
    /// How long storing what was read may take at the end.
    pub drain: Duration,
}

impl Shard {
    /// Waits and serves until told to stop; then what was read is stored, or the resume point is
    /// before it, and the shard is given back.
    ///
    /// # Errors
    /// Why the whole gateway must stop.
    pub async fn run(mut self, stop: CancellationToken) -> Result<(), Error> {
        loop {
            let taken = self.wait(&stop).await?;
            let Some(taken) = taken else { return Ok(()) };
            match self.serve(taken, &stop).await {
                Err(Error::Superseded { shard }) => {
                    tracing::warn!(shard, "another gateway has taken over a shard of ours");
                }
                ended => return ended,
            }
        }
    }

    /// Waits for the shard; `None` when the process is to stop first.
    async fn wait(&mut self, stop: &CancellationToken) -> Result<Option<TakenOver>, Error> {
        let (up, shard) = (&mut self.up, self.dial.number());
        let mut is_told = false;
        let waits = || {
            up.set(Condition::Standby);
            if !std::mem::replace(&mut is_told, true) {
                tracing::info!(shard, "another gateway holds the shard: standing by");
            }
        };
        let taken = stop.run_until_cancelled(self.standby.take(waits)).await;
        self.up.set(Condition::Down);
        // A key that was deleted while we waited is all that can end it.
        taken.transpose().map_err(|_deleted| Error::Forgotten)
    }

    async fn serve(&mut self, taken: TakenOver, stop: &CancellationToken) -> Result<(), Error> {
        let shard = self.dial.number();
        tracing::info!(
            shard,
            total = self.dial.id.total(),
            resumes = taken.point.has_session(),
            epoch = taken.point.epoch,
            "shard taken over"
        );
        let progress = Progress::from(taken.point, taken.written_at_ms);
        let (reading, saving) = (stop.child_token(), CancellationToken::new());
        let saver = Saver::new(shard, progress.clone(), taken.stored, self.link.clone());
        let reader = Reader {
            dial: self.dial.clone(),
            intake: self.intake.clone(),
            progress: progress.clone(),
            up: &mut self.up,
            health: self.health.clone(),
        };
        let publisher = self.intake.publisher.clone();
        let read = async {
            let closed = reader.run(reading.clone()).await;
            if !progress.is_gone() {
                flush(&publisher, self.drain).await;
            }
            saving.cancel();
            closed
        };
        let save = async {
            let saved = saver.run(saving.clone()).await;
            // Before that, only when the shard is somebody else's.
            reading.cancel();
            saved
        };
        let (closed, saved) = tokio::join!(read, save);
        closed.and(saved)
    }
}

async fn flush(publisher: &Publisher, deadline: Duration) {
    let began = Instant::now();
    let is_flushed = tokio::time::timeout(deadline, publisher.is_flushed())
        .await
        .is_ok();
    let elapsed_ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
    if is_flushed {
        tracing::info!(elapsed_ms, "everything that was read is stored");
    } else {
        tracing::warn!(
            elapsed_ms,
            "not everything could be stored: the next start reads it again"
        );
    }
}
