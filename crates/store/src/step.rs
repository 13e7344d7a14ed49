//! The journal of tools: what was begun and what came of it, as names, hashes and ids (DB-84).

use serde_json::Value;
use sqlx::PgExecutor;
use uuid::Uuid;

use crate::held::query_as_holder;
use crate::row::Place;
use crate::{Error, Lease, Store, TurnId};

/// A use of a tool that has effects.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// The step of the reply, from 0; several uses may share one.
    pub step: i32,
    /// Its place within the step.
    pub ordinal: i32,
    /// The tool.
    pub tool: String,
    /// SHA-256 of its arguments.
    pub arguments_hash: [u8; 32],
    /// How many posts of the reply come before it.
    pub posts_before: i32,
    /// What came of it: ids and codes. `None`: it was begun, and nobody knows.
    pub result: Option<Value>,
}

/// A use of a tool that is about to begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NewStep<'a> {
    /// The step of the reply, from 0.
    pub step: i32,
    /// Its place within the step.
    pub ordinal: i32,
    /// The tool, at most 64 characters.
    pub tool: &'a str,
    /// SHA-256 of its arguments.
    pub arguments_hash: [u8; 32],
    /// How many posts of the reply come before it.
    pub posts_before: i32,
}

/// The most uses of one turn that are read; GUARD-85 ends a turn long before.
const MOST_STEPS: i64 = 10_000;

impl Store {
    /// Journals the use of a tool before it has any effect, and moves the turn on to `tool`.
    /// Repeating it under the same lease is harmless, as long as the use was not begun: the answer
    /// is the same. `false`: it must not be begun, because the lease is lost, a stop was requested
    /// ([`Store::turn`] tells), the responsible user opted out meanwhile, as for a post, or this use
    /// was begun before.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn start_step(&self, lease: &Lease, step: &NewStep<'_>) -> Result<bool, Error> {
        let done = query_as_holder!(
            lease,
            "state = 'tool'",
            "INSERT INTO turn_steps AS s
                 (turn_id, server_id, fence, step, ordinal, tool, arguments_hash, posts_before)
             SELECT h.turn_id, h.server_id, h.fence, $4, $5, $6, $7, $8 FROM held h
             ON CONFLICT (turn_id, step, ordinal) DO UPDATE SET tool = excluded.tool
             WHERE s.fence = excluded.fence AND s.tool = excluded.tool
               AND s.arguments_hash = excluded.arguments_hash AND s.state = 'started'",
            step.step,
            step.ordinal,
            step.tool,
            &step.arguments_hash[..],
            step.posts_before,
        )
        .execute(self.pool.server(lease.turn.server))
        .await?;
        Ok(done.rows_affected() == 1)
    }

    /// Records what came of a use that this lease began, and moves the turn back to `streaming`.
    /// A result that is on record stays; repeating it is harmless. `false`: the lease is lost, the
    /// turn is over, or no such use was begun under it.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn finish_step(
        &self,
        lease: &Lease,
        (step, ordinal): (i32, i32),
        result: &Value,
    ) -> Result<bool, Error> {
        let done = sqlx::query!(
            "WITH held AS (
                 UPDATE turns SET state = 'streaming'
                 WHERE turn_id = $1 AND fence = $2 AND worker_id = $3 AND ended_at IS NULL
                 RETURNING turn_id, fence
             )
             UPDATE turn_steps s SET state = 'finished', result = COALESCE(s.result, $6)
             FROM held h
             WHERE s.turn_id = h.turn_id AND s.fence = h.fence AND s.step = $4 AND s.ordinal = $5",
            lease.turn.row,
            lease.fence,
            lease.worker,
            step,
            ordinal,
            result,
        )
        .execute(self.pool.server(lease.turn.server))
        .await?;
        Ok(done.rows_affected() == 1)
    }

    /// Returns the uses of tools of a turn in order; at most 10,000.
    ///
    /// # Errors
    /// `Corrupt`, `Unavailable`.
    pub async fn steps(&self, turn: TurnId) -> Result<Vec<Step>, Error> {
        let steps = steps_of(self.pool.server(turn.server), &[turn.row]).await?;
        Ok(steps.into_iter().map(|(_, step)| step).collect())
    }
}

/// Returns the uses of several turns, each turn's in order.
pub(crate) async fn steps_of(
    executor: impl PgExecutor<'_>,
    turns: &[Uuid],
) -> Result<Vec<(Uuid, Step)>, Error> {
    let rows = sqlx::query_as!(
        StepRow,
        "SELECT turn_id, step, ordinal, tool, arguments_hash, posts_before, result
         FROM turn_steps
         WHERE turn_id = ANY($1)
         ORDER BY turn_id, step, ordinal
         LIMIT $2",
        turns,
        MOST_STEPS,
    )
    .fetch_all(executor)
    .await?;
    rows.into_iter().map(StepRow::into_step).collect()
}

struct StepRow {
    turn_id: Uuid,
    step: i32,
    ordinal: i32,
    tool: String,
    arguments_hash: Vec<u8>,
    posts_before: i32,
    result: Option<Value>,
}

impl StepRow {
    fn into_step(self) -> Result<(Uuid, Step), Error> {
        let hash = Place {
            table: "turn_steps",
            column: "arguments_hash",
            row: &self.turn_id,
        };
        let step = Step {
            step: self.step,
            ordinal: self.ordinal,
            arguments_hash: hash.narrow(self.arguments_hash.as_slice())?,
            tool: self.tool,
            posts_before: self.posts_before,
            result: self.result,
        };
        Ok((self.turn_id, step))
    }
}
