//! Where the resume point of a shard is kept: one key, written only by compare-and-set, only
//! forward.
//!
//! The key names shard and total, because a session belongs to one division into shards. After a
//! change of the total, the sessions of the one before are [`Past`]: they cannot be resumed, and
//! what was posted since is told as lost.

use async_nats::jetstream::kv::{
    CreateError, CreateErrorKind, Entry, EntryError, HistoryError, Operation, Store, UpdateError,
    UpdateErrorKind, WatcherError,
};
use bytes::Bytes;
use futures_util::TryStreamExt;

use super::ResumePoint;

/// Two gateways that start at the same moment settle within one attempt each; more means that
/// something else writes this key.
const ATTEMPTS: u32 = 8;

/// By how much taking a shard over raises its epoch. Sessions of one process count in steps of one
/// and are written a moment later, so a smaller step could meet an unwritten epoch of the process
/// before.
const TAKEOVER: u64 = 1 << 16;

/// Why the point was not read or written.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A gateway with a higher epoch has written: the shard is no longer ours.
    #[error("another gateway holds the shard")]
    Superseded,
    /// The bucket could not be read.
    #[error("the resume point cannot be read")]
    Read(#[from] EntryError),
    /// The bucket could not be written; whether it was is unknown.
    #[error("the resume point cannot be written")]
    Update(#[from] UpdateError),
    /// The first write did not go through; whether it did is unknown.
    #[error("the first resume point cannot be written")]
    Create(#[from] CreateError),
    /// The keys of the bucket could not be listed.
    #[error("the resume points cannot be listed")]
    List(#[from] HistoryError),
    /// The list of keys broke off.
    #[error("the list of resume points breaks off")]
    Listed(#[from] WatcherError),
    /// Somebody keeps writing.
    #[error("the resume point changes with every attempt to write it")]
    Contended,
    /// The point cannot be turned into JSON.
    #[error("the resume point cannot be encoded")]
    Encode(#[from] serde_json::Error),
}

/// The stored resume point of one shard, held by this process.
#[derive(Debug)]
pub struct Stored {
    bucket: Store,
    key: String,
    revision: u64,
    total: u32,
    /// Keys of another division into shards, until they are deleted.
    past: Vec<String>,
}

/// What was stored before, already taken over.
#[derive(Debug)]
pub struct TakenOver {
    /// Writes the point from now on.
    pub stored: Stored,
    /// The point, under our own new epoch.
    pub point: ResumePoint,
    /// When it was last written, Unix time in milliseconds; `None` if never.
    pub written_at_ms: Option<i64>,
}

/// The sessions of another division into shards.
#[derive(Clone, Debug, Default)]
pub struct Past {
    keys: Vec<String>,
    /// The newest of their take-overs.
    lease: u64,
    /// When the newest of them was written.
    written_at_ms: Option<i64>,
}

impl Past {
    /// Finds what is stored under other totals than this one.
    ///
    /// # Errors
    /// The bucket does not answer.
    pub async fn find(bucket: &Store, total: u32) -> Result<Self, Error> {
        let keys: Vec<String> = bucket.keys().await?.try_collect().await?;
        let mut past = Self::default();
        for key in keys.into_iter().filter(|key| is_of_other(key, total)) {
            let Some(entry) = present(bucket, &key).await? else {
                continue;
            };
            past.lease = past.lease.max(lease(&read(&entry)));
            past.written_at_ms = past.written_at_ms.max(Some(written_at_ms(&entry)));
            past.keys.push(key);
        }
        Ok(past)
    }
}

/// Takes a shard over: raises its epoch, so that whoever held it before notices and stops.
///
/// Epochs go on from those of the `past`, whose gaps have ids with the same shard.
///
/// # Errors
/// The bucket does not answer, or somebody else writes at the same time again and again.
pub async fn take_over(
    bucket: Store,
    shard: u32,
    total: u32,
    past: Past,
) -> Result<TakenOver, Error> {
    let key = key(shard, total);
    for _ in 0..ATTEMPTS {
        let entry = present(&bucket, &key).await?;
        let written_at_ms = entry.as_ref().map(written_at_ms).or(past.written_at_ms);
        let mut point = entry.as_ref().map(read).unwrap_or_default();
        point.epoch = (lease(&point).max(past.lease) + 1) * TAKEOVER;
        let value = encode(&point)?;
        let written = match &entry {
            Some(entry) => update(&bucket, &key, value, entry.revision).await?,
            None => create(&bucket, &key, value).await?,
        };
        if let Some(revision) = written {
            let stored = Stored {
                bucket,
                key,
                revision,
                total,
                past: past.keys,
            };
            return Ok(TakenOver {
                stored,
                point,
                written_at_ms,
            });
        }
    }
    Err(Error::Contended)
}

impl Stored {
    /// Writes the point if nobody with a higher epoch has written since.
    ///
    /// # Errors
    /// [`Error::Superseded`]: stop at once. Others: try again later.
    pub async fn save(&mut self, point: &ResumePoint) -> Result<(), Error> {
        for _ in 0..ATTEMPTS {
            let value = encode(point)?;
            if let Some(revision) = update(&self.bucket, &self.key, value, self.revision).await? {
                self.revision = revision;
                return Ok(());
            }
            // Ours, when the answer to an earlier write was lost: then the epoch tells.
            let entry = self.bucket.entry(&self.key).await?;
            self.revision = entry.as_ref().map_or(0, |entry| entry.revision);
            if entry.is_some_and(|entry| is_superseded(&entry, point)) {
                return Err(Error::Superseded);
            }
        }
        Err(Error::Contended)
    }

    /// Deletes what is left of another division into shards, once every shard of this one has a
    /// session and has stored what it had lost; until then somebody may still need to know.
    ///
    /// # Errors
    /// Try again later.
    pub async fn forget_past(&mut self) -> Result<(), Error> {
        if self.past.is_empty() {
            return Ok(());
        }
        for shard in 0..self.total {
            let entry = present(&self.bucket, &key(shard, self.total)).await?;
            if !entry.is_some_and(|entry| has_begun(&read(&entry))) {
                return Ok(());
            }
        }
        while let Some(key) = self.past.last() {
            self.bucket.delete(key).await?;
            tracing::info!(
                key,
                "the resume point of another division into shards is gone"
            );
            self.past.pop();
        }
        Ok(())
    }
}

fn key(shard: u32, total: u32) -> String {
    format!("{shard}.{total}")
}

fn is_of_other(key: &str, total: u32) -> bool {
    let of = key.split_once('.').and_then(|(_shard, of)| of.parse().ok());
    of.is_some_and(|of: u32| of != total)
}

/// Returns an entry that was not deleted.
async fn present(bucket: &Store, key: &str) -> Result<Option<Entry>, Error> {
    let entry = bucket.entry(key).await?;
    Ok(entry.filter(|entry| entry.operation == Operation::Put))
}

/// Tells whether somebody took the shard over, or deleted the whole division it belongs to.
fn is_superseded(entry: &Entry, point: &ResumePoint) -> bool {
    entry.operation != Operation::Put || lease(&read(entry)) > lease(point)
}

/// Tells whether the gaps of a session's beginning are stored: they hold its first frame back.
const fn has_begun(point: &ResumePoint) -> bool {
    !point.session_id.is_empty() && point.sequence > 0
}

fn written_at_ms(entry: &Entry) -> i64 {
    entry.created.unix_timestamp() * 1000
}

/// Returns which take-over the epoch belongs to.
const fn lease(point: &ResumePoint) -> u64 {
    point.epoch / TAKEOVER
}

/// Reads an entry. What is not a resume point counts as none: the shard then identifies anew.
fn read(entry: &Entry) -> ResumePoint {
    serde_json::from_slice(&entry.value).unwrap_or_else(|error| {
        tracing::warn!(category = ?error.classify(), "the stored resume point is not readable");
        ResumePoint::default()
    })
}

fn encode(point: &ResumePoint) -> Result<Bytes, Error> {
    Ok(Bytes::from(serde_json::to_vec(point)?))
}

/// Returns the new revision, or `None` when another one was there.
async fn update(
    bucket: &Store,
    key: &str,
    value: Bytes,
    revision: u64,
) -> Result<Option<u64>, Error> {
    match bucket.update(key, value, revision).await {
        Ok(revision) => Ok(Some(revision)),
        Err(error) if error.kind() == UpdateErrorKind::WrongLastRevision => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// Returns the first revision, or `None` when somebody was faster.
async fn create(bucket: &Store, key: &str, value: Bytes) -> Result<Option<u64>, Error> {
    match bucket.create(key, value).await {
        Ok(revision) => Ok(Some(revision)),
        Err(error) if error.kind() == CreateErrorKind::AlreadyExists => Ok(None),
        Err(error) => Err(error.into()),
    }
}
