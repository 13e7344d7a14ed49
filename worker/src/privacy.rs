//! Who must not be heard: the bucket that gateways go by, and its agreement with the database.
//!
//! The database is the truth. The bucket holds every user at level 2 ([`proto::privacy`]); it is
//! changed with the database, stricter side first ([`change`]), compared with it now and then
//! ([`reconcile`]), and watched by every worker ([`copy`]).
//!
//! One rule keeps the bucket from ever being too lenient: who raises a level writes the user's key
//! once more *after* the commit, and who deletes a key names the revision that it had *before* the
//! database said that the user is not at level 2. So a key that a raised level needs is deleted by
//! nobody who did not see that level.

pub(crate) mod change;
mod copy;
pub(crate) mod filter;
#[cfg(test)]
mod model;
pub(crate) mod reconcile;
pub(crate) mod standing;

use std::sync::Arc;
use std::time::Duration;

use async_nats::jetstream::kv::{Operation, Store as Bucket, UpdateErrorKind};
use proto::id::UserId;
use proto::privacy::{FULL, Key};
use store::{PrivacyLevel, Store};
use tokio::sync::watch;
use tokio::time::timeout;

use self::copy::Copy;

/// One call to the bucket; the broker answers within milliseconds, an election takes seconds.
const CALL_WITHIN: Duration = Duration::from_secs(5);

/// A key that changes between a look and its deletion is looked at again this often.
const TRIES: usize = 3;

/// Why the bucket was not read or written.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// The broker does not answer, or with an error; whether something was written is unknown.
    #[error("the bucket does not answer")]
    Bucket(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// Somebody keeps changing the key.
    #[error("a key changes with every attempt to delete it")]
    Contended,
    /// The database does not answer, or with an error.
    #[error("the database does not tell a privacy level")]
    Store(#[from] store::Error),
}

/// The bucket and this worker's copy of it; a cheap clone.
#[derive(Clone, Debug)]
pub struct Privacy {
    bucket: Bucket,
    copy: Arc<Copy>,
}

impl Privacy {
    /// Takes the bucket; [`Self::follow`] reads it.
    pub fn new(bucket: Bucket) -> Self {
        Self {
            bucket,
            copy: Arc::default(),
        }
    }

    /// Keeps the copy, for ever.
    pub(crate) async fn follow(&self) {
        copy::follow(&self.bucket, &self.copy).await;
    }

    /// Waits until the whole bucket was read. Cancel safe.
    pub(crate) async fn is_loaded(&self) {
        self.copy.is_loaded().await;
    }

    /// Tells whether the user is at level 2 as far as this worker has read (PRIV-32).
    pub(crate) fn is_full(&self, user: UserId) -> bool {
        self.copy.is_full(user)
    }

    /// Returns a receiver that wakes when somebody may have opted out since.
    pub(crate) fn changes(&self) -> watch::Receiver<u64> {
        self.copy.changes()
    }

    /// Waits until every gateway knows the change of that revision, or lets nothing pass before it
    /// does (PRIV-86). Cancel safe.
    pub(crate) async fn holds_everywhere(&self, revision: u64) {
        self.copy
            .wait_for(|known| known.reports.have(revision))
            .await;
    }

    /// Makes the user's key say what the database says.
    ///
    /// # Errors
    /// The stricter of both may hold until the next comparison; doing it again is right.
    pub(crate) async fn agree(&self, store: &Store, user: UserId) -> Result<(), Error> {
        if store.privacy_level(user).await? == PrivacyLevel::Full {
            self.put(user).await?;
        }
        // Whoever lowered the level meanwhile may have deleted the key before it was written.
        self.release(store, user).await
    }

    /// Writes the user's key; returns its revision.
    async fn put(&self, user: UserId) -> Result<u64, Error> {
        let key = Key::User(user).to_string();
        call(self.bucket.put(key, FULL.into())).await
    }

    /// Deletes the user's key unless the user is at level 2, whatever others do meanwhile.
    async fn release(&self, store: &Store, user: UserId) -> Result<(), Error> {
        let key = Key::User(user).to_string();
        for _ in 0..TRIES {
            let entry = call(self.bucket.entry(&*key)).await?;
            let Some(entry) = entry.filter(|entry| entry.operation == Operation::Put) else {
                return Ok(());
            };
            // After the look, so that a level raised since has changed the revision.
            if store.privacy_level(user).await? == PrivacyLevel::Full {
                return Ok(());
            }
            let deleting = self
                .bucket
                .delete_expect_revision(&*key, Some(entry.revision));
            match timeout(CALL_WITHIN, deleting).await {
                Ok(Ok(())) => return Ok(()),
                Ok(Err(error)) if error.kind() == UpdateErrorKind::WrongLastRevision => {}
                Ok(Err(error)) => return Err(Error::Bucket(error.into())),
                Err(elapsed) => return Err(Error::Bucket(elapsed.into())),
            }
        }
        Err(Error::Contended)
    }
}

/// Waits for one answer of the bucket.
async fn call<T, E>(asking: impl Future<Output = Result<T, E>>) -> Result<T, Error>
where
    E: std::error::Error + Send + Sync + 'static,
{
    match timeout(CALL_WITHIN, asking).await {
        Ok(answer) => answer.map_err(|error| Error::Bucket(error.into())),
        Err(elapsed) => Err(Error::Bucket(elapsed.into())),
    }
}
