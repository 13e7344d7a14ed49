//! One worker compares the bucket with the database at its start and every ten minutes, and says
//! that it is whole (PRIV-29). Until somebody has said so once, no gateway publishes anything.

use std::sync::Arc;
use std::time::Duration;

use async_nats::jetstream::kv::{Operation, Store as Bucket};
use futures_util::{StreamExt, TryStreamExt, stream};
use proto::id::UserId;
use proto::privacy::users::Users;
use proto::privacy::{Key, Ready};
use store::PrivacyLevel;
use tokio::time::{Instant, MissedTickBehavior, interval, timeout};

use super::{Error, Privacy, call};
use crate::app::App;
use crate::job::{self, Look};
use crate::metrics::{self, Repair};

/// Name of the job among those that have one leader.
const JOB: &str = "privacy";

/// Between two comparisons.
const EVERY: Duration = Duration::from_mins(10);

/// Whether the job is due is looked at this often: while the bucket is not whole nothing is
/// answered, otherwise there is time.
const LOOK_EVERY: Duration = Duration::from_secs(1);
const LOOK_WHEN_WHOLE_EVERY: Duration = Duration::from_secs(30);

/// A key without a row that is younger may belong to somebody who is raising their level: the
/// database is asked within seconds of the key (PRIV-29).
const YOUNG_MS: i64 = 60_000;

/// A mark of a deleted key stays for an hour, a thousand times longer than a reader that lives may
/// lag behind.
const MARK_MS: i64 = 3_600_000;

/// A gateway that was silent for ten minutes is gone: it probes every second.
const SILENT_MS: i64 = 600_000;

/// Keys that are written or deleted at once.
const AT_ONCE: usize = 64;

/// How long the copy may take to read what was written so far.
const READ_WITHIN: Duration = Duration::from_mins(1);

/// Compares again and again, whenever this worker leads.
pub(crate) async fn keep(app: Arc<App>) {
    app.privacy.is_loaded().await;
    let started = Instant::now();
    let mut ticks = interval(LOOK_EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut looked: Option<Instant> = None;
    loop {
        ticks.tick().await;
        let is_whole = app.privacy.copy.lock().ready.is_some();
        if is_whole && looked.is_some_and(|at| at.elapsed() < LOOK_WHEN_WHOLE_EVERY) {
            continue;
        }
        // The first to start does it for all who start with it.
        let every = if is_whole {
            EVERY.min(started.elapsed())
        } else {
            Duration::ZERO
        };
        looked = look(&app, every).await.then(Instant::now);
    }
}

/// Does the job if it is due and nobody else does it; false when the next look must be soon.
async fn look(app: &App, every: Duration) -> bool {
    match job::lead(app, JOB, every, compare(app)).await {
        Look::Passed => true,
        Look::Lost => false,
        Look::Worked(compared) => {
            metrics::compared(compared.is_ok());
            if let Err(error) = &compared {
                tracing::warn!(
                    error = error as &dyn std::error::Error,
                    "the bucket is not compared with the database"
                );
            }
            compared.is_ok()
        }
    }
}

/// Makes the bucket say what the database says, then says that it is whole.
///
/// Cancel safe: yes; each write is right by itself.
async fn compare(app: &App) -> Result<(), Error> {
    let privacy = &app.privacy;
    privacy.has_read_all().await?;
    let stored = stored_users(app).await?;
    let (missing, surplus) = privacy.differences(&stored);
    add(app, &missing).await?;
    remove(app, &surplus).await?;
    let epoch = privacy.copy.lock().ready.map_or(0, |ready| ready.epoch) + 1;
    let ready = Ready {
        epoch,
        count: u64::try_from(stored.len()).unwrap_or(u64::MAX),
        written_at: i64::try_from(app.settings.switches.unix_now_ms()).unwrap_or_default(),
    };
    let key = Key::Ready.to_string();
    call(privacy.bucket.put(key, ready.to_value().into())).await?;
    tracing::info!(
        users = stored.len(),
        missing = missing.len(),
        surplus = surplus.len(),
        "the bucket of privacy levels is compared with the database"
    );
    privacy.sweep().await
}

async fn stored_users(app: &App) -> Result<Users, Error> {
    let mut stored = Users::default();
    let mut behind = None;
    loop {
        let page = app.store.full_users(behind).await?;
        behind = page.last().copied();
        if behind.is_none() {
            return Ok(stored);
        }
        stored.extend(page);
    }
}

/// Adds those who are not in the bucket, and takes those out again who lowered their level
/// meanwhile.
async fn add(app: &App, missing: &[UserId]) -> Result<(), Error> {
    let privacy = &app.privacy;
    let put = |user| {
        let privacy = privacy.clone();
        async move { privacy.put(user).await }
    };
    stream::iter(missing.to_vec())
        .map(put)
        .buffer_unordered(AT_ONCE)
        .try_collect::<Vec<u64>>()
        .await?;
    metrics::repaired(Repair::Added, missing.len());
    for some in missing.chunks(1_000) {
        let levels = app.store.privacy_levels(some).await?;
        for user in some {
            if levels.get(user) != Some(&PrivacyLevel::Full) {
                privacy.release(&app.store, *user).await?;
            }
        }
    }
    Ok(())
}

/// Removes those who are not at level 2, unless they may be raising it right now.
async fn remove(app: &App, surplus: &[UserId]) -> Result<(), Error> {
    let privacy = &app.privacy;
    for user in surplus {
        if privacy.is_old(*user).await? {
            privacy.release(&app.store, *user).await?;
            metrics::repaired(Repair::Removed, 1);
        }
    }
    Ok(())
}

impl Privacy {
    /// Waits until the copy has read everything that is in the bucket now.
    async fn has_read_all(&self) -> Result<(), Error> {
        let last = call(self.bucket.stream.get_info()).await?.state;
        let reading = self.copy.wait_for(|known| {
            let is_empty = last.messages == 0;
            known.is_loaded && (is_empty || known.reports.revision() >= last.last_sequence)
        });
        timeout(READ_WITHIN, reading)
            .await
            .map_err(|elapsed| Error::Bucket(elapsed.into()))
    }

    /// Returns who is missing in the bucket, and who stands there without being stored.
    fn differences(&self, stored: &Users) -> (Vec<UserId>, Vec<UserId>) {
        let known = self.copy.lock();
        let missing = stored.iter().filter(|user| !known.users.contains(*user));
        let surplus = known.users.iter().filter(|user| !stored.contains(*user));
        (missing.collect(), surplus.collect())
    }

    async fn is_old(&self, user: UserId) -> Result<bool, Error> {
        let key = Key::User(user).to_string();
        let now_ms = self.copy.lock().reports.now_ms();
        let entry = call(self.bucket.entry(key)).await?;
        let entry = entry.filter(|entry| entry.operation == Operation::Put);
        Ok(entry.is_some_and(|entry| {
            let nanos = entry.created.unix_timestamp_nanos();
            i128::from(now_ms) - nanos / 1_000_000 > i128::from(YOUNG_MS)
        }))
    }

    /// Removes what gateways of the past and users who lowered their level have left.
    async fn sweep(&self) -> Result<(), Error> {
        let (silent, marks) = {
            let known = self.copy.lock();
            let is_over = |at_ms: i64| known.reports.now_ms() - at_ms > MARK_MS;
            let marks = known.gone.iter().filter(|(_, at_ms)| is_over(**at_ms));
            let marks: Vec<String> = marks.map(|(key, _)| key.clone()).collect();
            let silent = known.reports.silent_for(SILENT_MS);
            let silent: Vec<String> = silent.map(|of| Key::Probe(of).to_string()).collect();
            (silent, marks)
        };
        for key in silent {
            call(self.bucket.delete(key)).await?;
        }
        for key in marks {
            forget(&self.bucket, &key).await?;
            self.copy.lock().gone.remove(&key);
        }
        Ok(())
    }
}

/// Removes the mark of a deleted key.
async fn forget(bucket: &Bucket, key: &str) -> Result<(), Error> {
    let subject = format!("{}{key}", bucket.prefix);
    call(async { bucket.stream.purge().filter(subject).await })
        .await
        .map(drop)
}
