//! Where the resume point of a shard is kept: one key, written only by compare-and-set, only
//! forward. Who writes it holds the shard: the entry is the shard's lease, too.
//!
//! The key names shard and total, because a session belongs to one division into shards. After a
//! change of the total, the sessions of the one before are [`Past`]: they cannot be resumed, and
//! what was posted since is told as lost.

mod past;

use std::time::Duration;

use async_nats::jetstream::kv::{
    CreateError, CreateErrorKind, Entry, EntryError, HistoryError, Operation, PutError, Store,
    UpdateError, UpdateErrorKind, WatcherError,
};
use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::ResumePoint;
use super::holder::Holder;
use past::Past;

/// A write that lost its answer is found at the second attempt; more means that something else
/// writes this key.
const ATTEMPTS: u32 = 8;

/// By how much taking a shard over raises its epoch. Sessions of one process count in steps of one
/// and are written a moment later, so a smaller step could meet an unwritten epoch of the process
/// before.
const TAKEOVER: u64 = 1 << 16;

/// The key that whoever waits for a shard writes, to learn the time of the server's clock. It has
/// no point in it, unlike the keys of shards.
const CLOCK: &str = "clock";

/// Why the point was not read or written.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A gateway with a higher epoch has written: the shard is no longer ours.
    #[error("another gateway holds the shard")]
    Superseded,
    /// The key was deleted: the bot is divided into another number of shards now.
    #[error("the bot is divided into another number of shards")]
    Forgotten,
    /// The bucket could not be read.
    #[error("the resume point cannot be read")]
    Read(#[from] EntryError),
    /// The server's clock could not be read.
    #[error("the time of the server cannot be learnt")]
    Clock(#[from] PutError),
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

/// What an entry says.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Record {
    #[serde(flatten)]
    point: ResumePoint,
    /// Who holds the shard; empty when it was given back.
    #[serde(default)]
    holder: String,
}

/// One shard's key, looked at by somebody who wants the shard.
#[derive(Clone, Debug)]
pub struct Place {
    bucket: Store,
    shard: u32,
    total: u32,
}

/// What was found at a [`Place`].
#[derive(Debug)]
pub struct Found {
    record: Record,
    /// `None`: nothing was stored yet.
    revision: Option<u64>,
    written_at_ms: Option<i64>,
    /// By the server's clock, how long ago the holder has written.
    silent: Duration,
}

/// The stored resume point of one shard, held by this process.
#[derive(Debug)]
pub struct Stored {
    place: Place,
    revision: u64,
    holder: Holder,
    past: Past,
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

impl Found {
    /// Tells whether the shard was never held.
    pub const fn is_new(&self) -> bool {
        self.revision.is_none()
    }

    /// Returns who holds the shard; empty when nobody does.
    pub fn holder(&self) -> &str {
        &self.record.holder
    }

    /// Returns how long ago the holder has written, by the server's clock.
    pub const fn silent(&self) -> Duration {
        self.silent
    }
}

impl Place {
    /// Names the key of a shard.
    pub const fn new(bucket: Store, shard: u32, total: u32) -> Self {
        Self {
            bucket,
            shard,
            total,
        }
    }

    /// Returns the number of the shard.
    pub const fn shard(&self) -> u32 {
        self.shard
    }

    /// Looks who holds the shard, and how long ago that one has written. That our own write was
    /// acknowledged just before is what makes the answer worth something: while the bucket takes
    /// no writes, a living holder is as silent as a dead one.
    ///
    /// # Errors
    /// The bucket does not answer.
    pub async fn look(&self, holder: &Holder) -> Result<Found, Error> {
        self.bucket
            .put(CLOCK, holder.as_str().to_owned().into())
            .await?;
        let clock = self.bucket.entry(CLOCK).await?;
        let entry = present(&self.bucket, &self.key()).await?;
        let now_ms = clock.as_ref().map_or(0, written_at_ms);
        let written_at_ms = entry.as_ref().map(written_at_ms);
        let silent_ms = now_ms - written_at_ms.unwrap_or(now_ms);
        Ok(Found {
            revision: entry.as_ref().map(|entry| entry.revision),
            record: entry.as_ref().map(read).unwrap_or_default(),
            written_at_ms,
            silent: Duration::from_millis(u64::try_from(silent_ms).unwrap_or_default()),
        })
    }

    /// Takes the shard over: raises its epoch, so that whoever held it before notices. `None`: the
    /// entry is not as it was found any more.
    ///
    /// Epochs go on from those of the past, whose gaps have ids with the same shard.
    ///
    /// # Errors
    /// The bucket does not answer; whether it was written is unknown.
    pub async fn take(&self, found: Found, holder: &Holder) -> Result<Option<TakenOver>, Error> {
        let past = Past::find(&self.bucket, self.total).await?;
        let written_at_ms = found.written_at_ms.or(past.written_at_ms);
        let mut point = found.record.point;
        point.epoch = (lease(&point).max(past.lease) + 1) * TAKEOVER;
        let value = encode(&point, holder.as_str())?;
        let written = match found.revision {
            Some(revision) => update(&self.bucket, &self.key(), value, revision).await?,
            None => create(&self.bucket, &self.key(), value).await?,
        };
        Ok(written.map(|revision| TakenOver {
            stored: Stored {
                place: self.clone(),
                revision,
                holder: holder.clone(),
                past,
            },
            point,
            written_at_ms,
        }))
    }

    fn key(&self) -> String {
        key(self.shard, self.total)
    }
}

impl Stored {
    /// Writes the point if nobody with a higher epoch has written since.
    ///
    /// # Errors
    /// [`Error::Superseded`] and [`Error::Forgotten`]: the shard is not ours. Others: try again
    /// later.
    pub async fn save(&mut self, point: &ResumePoint) -> Result<(), Error> {
        let value = encode(point, self.holder.as_str())?;
        self.write(point, value).await
    }

    /// Writes the point and gives the shard back.
    ///
    /// # Errors
    /// As [`Stored::save`].
    pub async fn release(&mut self, point: &ResumePoint) -> Result<(), Error> {
        let value = encode(point, "")?;
        self.write(point, value).await
    }

    async fn write(&mut self, point: &ResumePoint, value: Bytes) -> Result<(), Error> {
        let (bucket, key) = (&self.place.bucket, self.place.key());
        for _ in 0..ATTEMPTS {
            if let Some(revision) = update(bucket, &key, value.clone(), self.revision).await? {
                self.revision = revision;
                return Ok(());
            }
            // Ours, when the answer to an earlier write was lost: then the epoch tells.
            let entry = bucket.entry(&key).await?;
            self.revision = entry.as_ref().map_or(0, |entry| entry.revision);
            match entry {
                Some(entry) if entry.operation != Operation::Put => return Err(Error::Forgotten),
                Some(entry) if lease(&read(&entry).point) > lease(point) => {
                    return Err(Error::Superseded);
                }
                Some(_) | None => {}
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
        let Place { bucket, total, .. } = &self.place;
        self.past.forget(bucket, *total).await
    }
}

fn key(shard: u32, total: u32) -> String {
    format!("{shard}.{total}")
}

/// Returns an entry that was not deleted.
async fn present(bucket: &Store, key: &str) -> Result<Option<Entry>, Error> {
    let entry = bucket.entry(key).await?;
    Ok(entry.filter(|entry| entry.operation == Operation::Put))
}

fn written_at_ms(entry: &Entry) -> i64 {
    let nanos = entry.created.unix_timestamp_nanos();
    i64::try_from(nanos / 1_000_000).unwrap_or_default()
}

/// Returns which take-over the epoch belongs to.
const fn lease(point: &ResumePoint) -> u64 {
    point.epoch / TAKEOVER
}

/// Reads an entry. What is not a resume point counts as none: the shard then identifies anew.
fn read(entry: &Entry) -> Record {
    serde_json::from_slice(&entry.value).unwrap_or_else(|error| {
        tracing::warn!(category = ?error.classify(), "the stored resume point is not readable");
        Record::default()
    })
}

fn encode(point: &ResumePoint, holder: &str) -> Result<Bytes, Error> {
    let record = Record {
        point: point.clone(),
        holder: holder.to_owned(),
    };
    Ok(Bytes::from(serde_json::to_vec(&record)?))
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
