//! Retention: what is finished is deleted after its time (DB-68, DB-69).

use chrono::{DateTime, TimeDelta, Utc};

use crate::{Error, Store};

/// How long a turn is kept after its end (DB-68).
const KEEP_TURNS: TimeDelta = TimeDelta::hours(48);
/// How long a decision is kept (DB-69).
const KEEP_DECISIONS: TimeDelta = TimeDelta::hours(24);
/// How long tries of an event are kept: the event itself lives for ten minutes at most.
const KEEP_ATTEMPTS: TimeDelta = TimeDelta::hours(1);
/// How long a count of operations is kept after its day is over (DB-72).
const KEEP_QUOTAS: TimeDelta = TimeDelta::days(1 + 7);
/// How long the state of an unused channel is kept (DB-75).
const KEEP_CHANNELS: TimeDelta = TimeDelta::days(30);
/// Rows per statement, each its own transaction, so that no lock is held for long (DB-79).
const BATCH: i64 = 1_000;

/// How many rows were deleted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Purged {
    /// Turns, with their posts.
    pub turns: u64,
    /// Records of decisions.
    pub decisions: u64,
    /// States of channels.
    pub channels: u64,
}

impl Store {
    /// Deletes turns 48 h after their end, decisions after 24 h and what is kept about a channel 30
    /// days after its last change, counted back from `now`, in batches. Cancel safe: what is left is
    /// deleted the next time.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn purge_finished(&self, now: DateTime<Utc>) -> Result<Purged, Error> {
        let mut purged = Purged::default();
        loop {
            let turns = self.purge_turns(now - KEEP_TURNS).await?;
            let decisions = self.purge_decisions(now - KEEP_DECISIONS).await?;
            purged.turns += turns;
            let channels = self.purge_channels(now - KEEP_CHANNELS).await?;
            purged.decisions += decisions;
            purged.channels += channels;
            if turns == 0 && decisions == 0 && channels == 0 {
                return Ok(purged);
            }
        }
    }

    /// Deletes counts of tries an hour after the last one, counted back from `now`, in batches, and
    /// returns how many. Cancel safe: what is left is deleted the next time.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn purge_attempts(&self, now: DateTime<Utc>) -> Result<u64, Error> {
        let mut purged = 0;
        loop {
            let done = sqlx::query!(
                "DELETE FROM event_attempts WHERE event_id IN (
                     SELECT event_id FROM event_attempts
                     WHERE last_at < $1 ORDER BY last_at LIMIT $2)",
                now - KEEP_ATTEMPTS,
                BATCH,
            )
            .execute(self.pool.shared())
            .await?;
            purged += done.rows_affected();
            if done.rows_affected() == 0 {
                return Ok(purged);
            }
        }
    }

    /// Deletes counts of operations a week after their window's end, counted back from `now`, in
    /// batches, and returns how many. Cancel safe: what is left is deleted the next time.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn purge_quotas(&self, now: DateTime<Utc>) -> Result<u64, Error> {
        let mut purged = 0;
        loop {
            let done = sqlx::query!(
                "DELETE FROM operation_quotas WHERE ctid = ANY (ARRAY(
                     SELECT ctid FROM operation_quotas
                     WHERE window_start < $1 ORDER BY window_start LIMIT $2))",
                now - KEEP_QUOTAS,
                BATCH,
            )
            .execute(self.pool.shared())
            .await?;
            purged += done.rows_affected();
            if done.rows_affected() == 0 {
                return Ok(purged);
            }
        }
    }

    async fn purge_turns(&self, ended_before: DateTime<Utc>) -> Result<u64, Error> {
        let done = sqlx::query!(
            "DELETE FROM turns WHERE turn_id IN (
                 SELECT turn_id FROM turns WHERE ended_at < $1 ORDER BY ended_at LIMIT $2)",
            ended_before,
            BATCH,
        )
        .execute(self.pool.system())
        .await?;
        Ok(done.rows_affected())
    }

    async fn purge_channels(&self, unused_since: DateTime<Utc>) -> Result<u64, Error> {
        let done = sqlx::query!(
            "DELETE FROM channel_state WHERE (server_id, channel_disc_id) IN (
                 SELECT server_id, channel_disc_id FROM channel_state
                 WHERE updated_at < $1 ORDER BY updated_at LIMIT $2)",
            unused_since,
            BATCH,
        )
        .execute(self.pool.system())
        .await?;
        Ok(done.rows_affected())
    }

    async fn purge_decisions(&self, made_before: DateTime<Utc>) -> Result<u64, Error> {
        let done = sqlx::query!(
            "DELETE FROM turn_decisions WHERE decision_id IN (
                 SELECT decision_id FROM turn_decisions
                 WHERE created_at < $1 ORDER BY created_at LIMIT $2)",
            made_before,
            BATCH,
        )
        .execute(self.pool.system())
        .await?;
        Ok(done.rows_affected())
    }
}
