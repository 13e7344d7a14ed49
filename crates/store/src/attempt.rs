//! How often an event was begun, counted before it is handled (GUARD-81): what ends its worker
//! each time leaves no other trace.
//!
//! Only for events that were in the stream before their owner: the others cost no statement.

use proto::id::EventId;

use crate::{Error, Store};

impl Store {
    /// Counts the first try of an event; `false` when another ownership has begun it before, and
    /// nothing is counted. Safe to repeat.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn begin_event(&self, event: &EventId, ownership: &str) -> Result<bool, Error> {
        let done = sqlx::query!(
            "INSERT INTO event_attempts AS a (event_id, begun_by) VALUES ($1, $2)
             ON CONFLICT (event_id) DO UPDATE SET last_at = now()
             WHERE a.begun_by = excluded.begun_by AND a.tries = 1",
            event.as_str(),
            ownership,
        )
        .execute(self.pool.shared())
        .await?;
        Ok(done.rows_affected() == 1)
    }

    /// Counts one more try and returns how many there were, this one included; at least 1. Safe to
    /// repeat: an ownership counts once.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn begin_event_again(&self, event: &EventId, ownership: &str) -> Result<i32, Error> {
        let row = sqlx::query!(
            "INSERT INTO event_attempts AS a (event_id, begun_by) VALUES ($1, $2)
             ON CONFLICT (event_id) DO UPDATE
             SET tries = a.tries + (a.begun_by <> excluded.begun_by)::integer,
                 begun_by = excluded.begun_by, last_at = now()
             RETURNING tries",
            event.as_str(),
            ownership,
        )
        .fetch_one(self.pool.shared())
        .await?;
        Ok(row.tries)
    }
}
