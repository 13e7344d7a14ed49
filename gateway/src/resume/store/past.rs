//! What is stored under another number of shards: told as lost, then deleted.

use async_nats::jetstream::kv::Store;
use futures_util::TryStreamExt;

use super::{Error, ResumePoint, key, lease, present, read, written_at_ms};

/// The sessions of another division into shards.
#[derive(Debug, Default)]
pub(super) struct Past {
    keys: Vec<String>,
    /// The newest of their take-overs.
    pub(super) lease: u64,
    /// When the newest of them was written.
    pub(super) written_at_ms: Option<i64>,
}

impl Past {
    /// Finds what is stored under other totals than this one.
    pub(super) async fn find(bucket: &Store, total: u32) -> Result<Self, Error> {
        let keys: Vec<String> = bucket.keys().await?.try_collect().await?;
        let mut past = Self::default();
        for key in keys.into_iter().filter(|key| is_of_other(key, total)) {
            let Some(entry) = present(bucket, &key).await? else {
                continue;
            };
            past.lease = past.lease.max(lease(&read(&entry).point));
            past.written_at_ms = past.written_at_ms.max(Some(written_at_ms(&entry)));
            past.keys.push(key);
        }
        Ok(past)
    }

    /// Deletes it once every shard of this total has a session and has stored what it had lost.
    pub(super) async fn forget(&mut self, bucket: &Store, total: u32) -> Result<(), Error> {
        if self.keys.is_empty() {
            return Ok(());
        }
        for shard in 0..total {
            let entry = present(bucket, &key(shard, total)).await?;
            if !entry.is_some_and(|entry| has_begun(&read(&entry).point)) {
                return Ok(());
            }
        }
        while let Some(key) = self.keys.last() {
            bucket.delete(key).await?;
            tracing::info!(
                key,
                "the resume point of another division into shards is gone"
            );
            self.keys.pop();
        }
        Ok(())
    }
}

fn is_of_other(key: &str, total: u32) -> bool {
    let of = key.split_once('.').and_then(|(_shard, of)| of.parse().ok());
    of.is_some_and(|of: u32| of != total)
}

/// Tells whether the gaps of a session's beginning are stored: they hold its first frame back.
const fn has_begun(point: &ResumePoint) -> bool {
    !point.session_id.is_empty() && point.sequence > 0
}
