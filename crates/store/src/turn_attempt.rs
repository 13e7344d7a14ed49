//! The record of every call of a model: which, with which key, how it ended, how long it took
//! (POOL-24, DB-51). No text and no key.

use std::time::Duration;

use chrono::{DateTime, Utc};
use proto::id::TenantId;
use uuid::Uuid;

use crate::row::Place;
use crate::{Error, KeyId, Lease, Store, TurnId};

/// Attempts of one turn that are read at most.
const MOST_ATTEMPTS: i64 = 1_000;

/// A call of a model, or a model that could not be called.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attempt {
    /// Which call of the turn, from 1.
    pub step: i32,
    /// Which attempt at it, from 1.
    pub attempt: i32,
    /// The provider's stored name.
    pub provider: String,
    /// The model as the provider names it.
    pub model: String,
    /// The key of a pool, where it was one.
    pub key: Option<KeyId>,
    /// How it ended: a word out of a closed set.
    pub class: String,
    /// When it began.
    pub started_at: DateTime<Utc>,
    /// Until the first piece of the answer; `None` where none came.
    pub first_byte: Option<Duration>,
    /// Until its end.
    pub total: Duration,
    /// Tokens of the prompt, where the provider told.
    pub tokens_in: Option<u32>,
    /// Tokens of the answer, where the provider told.
    pub tokens_out: Option<u32>,
}

/// An attempt as it is shown to people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShownAttempt {
    /// The attempt.
    pub attempt: Attempt,
    /// What is known of its key.
    pub key: Option<ShownKey>,
}

/// A key of an attempt, as far as those may know of it who manage the server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShownKey {
    /// Whether it is the main key.
    pub is_main: bool,
    /// What people call it.
    pub label: Option<String>,
    /// The last characters of the key, `None` for short ones.
    pub last4: Option<String>,
    /// What the provider held against it last.
    pub last_error: Option<String>,
}

impl Store {
    /// Records an attempt, under the turn's fence; recorded once, however often it is repeated.
    /// `false`: the lease is lost.
    ///
    /// # Errors
    /// `Conflict` for a class out of its range; `Unavailable`.
    pub async fn record_attempt(&self, lease: &Lease, attempt: &Attempt) -> Result<bool, Error> {
        let done = sqlx::query!(
            "INSERT INTO turn_attempts
                 (turn_id, step, attempt, server_id, model_ref, rotation_key_id, class, started_at,
                  first_byte_ms, total_ms, tokens_in, tokens_out)
             SELECT t.turn_id, $4, $5, t.server_id,
                    jsonb_build_object('provider', $6::text, 'model', $7::text), $8, $9, $10, $11,
                    $12, $13, $14
             FROM turns t WHERE t.turn_id = $1 AND t.fence = $2 AND t.worker_id = $3
             ON CONFLICT (turn_id, step, attempt) DO NOTHING",
            lease.turn.row,
            lease.fence,
            lease.worker,
            attempt.step,
            attempt.attempt,
            attempt.provider,
            attempt.model,
            attempt.key.map(|key| key.0),
            attempt.class,
            attempt.started_at,
            attempt.first_byte.map(millis),
            millis(attempt.total),
            attempt.tokens_in.map(i64::from),
            attempt.tokens_out.map(i64::from),
        )
        .execute(self.pool.server(lease.turn.server))
        .await?;
        Ok(done.rows_affected() == 1)
    }

    /// Returns how many calls of a turn are on record: a successor counts on from there.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn steps_of(&self, turn: TurnId) -> Result<i32, Error> {
        let steps = sqlx::query_scalar!(
            r#"SELECT COALESCE(max(step), 0) AS "steps!" FROM turn_attempts WHERE turn_id = $1"#,
            turn.row,
        )
        .fetch_one(self.pool.server(turn.server))
        .await?;
        Ok(steps)
    }

    /// Returns the attempts of a tenant's turn by its row, in their order, at most 1,000. Empty when there is
    /// no such turn (any more).
    ///
    /// # Errors
    /// `Corrupt`, `Unavailable`.
    pub async fn attempts_of(
        &self,
        tenant: TenantId,
        turn: Uuid,
    ) -> Result<Vec<ShownAttempt>, Error> {
        let rows = sqlx::query_as!(
            AttemptRow,
            r#"SELECT a.turn_id, a.step, a.attempt, a.model_ref ->> 'provider' AS "provider!",
                      a.model_ref ->> 'model' AS "model!", a.rotation_key_id, a.class,
                      a.started_at, a.first_byte_ms, a.total_ms, a.tokens_in, a.tokens_out,
                      (k.rotation_key_id IS NOT NULL OR t.paid_by = 'server') AS "is_servers!",
                      COALESCE(k.is_main_key_pointer, true) AS "is_main!",
                      k.label AS "label?",
                      CASE WHEN COALESCE(k.is_main_key_pointer, true) THEN m.key_last4
                           ELSE k.key_last4 END AS last4,
                      CASE WHEN k.rotation_key_id IS NOT NULL THEN k.last_error_message
                           ELSE m.main_key_last_error END AS last_error
               FROM turn_attempts a
               JOIN turns t ON t.turn_id = a.turn_id
               JOIN servers s ON s.server_id = a.server_id
               LEFT JOIN api_key_rotation k
                   ON k.rotation_key_id = a.rotation_key_id AND k.server_id = a.server_id
               LEFT JOIN server_model_configs m
                   ON m.server_id = a.server_id AND m.provider = a.model_ref ->> 'provider'
               WHERE a.turn_id = $1 AND s.server_disc_id = $2 AND s.is_dm_channel = $3
               ORDER BY a.step, a.attempt
               LIMIT $4"#,
            turn,
            tenant.disc_id().to_string(),
            tenant.is_direct(),
            MOST_ATTEMPTS,
        )
        .fetch_all(self.pool.tenant(tenant))
        .await?;
        rows.into_iter().map(ShownAttempt::try_from).collect()
    }
}

/// A duration as the columns hold it; far beyond the longest turn it is cut.
fn millis(duration: Duration) -> i32 {
    i32::try_from(duration.as_millis()).unwrap_or(i32::MAX)
}

struct AttemptRow {
    turn_id: Uuid,
    step: i32,
    attempt: i32,
    provider: String,
    model: String,
    rotation_key_id: Option<i64>,
    class: String,
    started_at: DateTime<Utc>,
    first_byte_ms: Option<i32>,
    total_ms: i32,
    tokens_in: Option<i64>,
    tokens_out: Option<i64>,
    is_servers: bool,
    is_main: bool,
    label: Option<String>,
    last4: Option<String>,
    last_error: Option<String>,
}

impl TryFrom<AttemptRow> for ShownAttempt {
    type Error = Error;

    fn try_from(row: AttemptRow) -> Result<Self, Error> {
        let place = |column| Place {
            table: "turn_attempts",
            column,
            row: &row.turn_id,
        };
        let span = |column, ms: i32| place(column).narrow(ms).map(Duration::from_millis);
        let tokens = |column, tokens: i64| place(column).narrow(tokens);
        Ok(Self {
            attempt: Attempt {
                first_byte: row
                    .first_byte_ms
                    .map(|ms| span("first_byte_ms", ms))
                    .transpose()?,
                total: span("total_ms", row.total_ms)?,
                tokens_in: row
                    .tokens_in
                    .map(|count| tokens("tokens_in", count))
                    .transpose()?,
                tokens_out: row
                    .tokens_out
                    .map(|count| tokens("tokens_out", count))
                    .transpose()?,
                step: row.step,
                attempt: row.attempt,
                provider: row.provider,
                model: row.model,
                key: row.rotation_key_id.map(KeyId),
                class: row.class,
                started_at: row.started_at,
            },
            key: row.is_servers.then_some(ShownKey {
                is_main: row.is_main,
                label: row.label,
                last4: row.last4,
                last_error: row.last_error,
            }),
        })
    }
}
