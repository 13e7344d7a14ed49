//! Who runs a turn: claims, and all writes to a turn's row, each under its fence (CHAT-45).

use std::time::Duration;

use uuid::Uuid;

use crate::{Error, Store, TurnId, TurnState};

/// How far a worker's list of what it runs may lag behind the database: the longest wait for a
/// connection (5 s) and for the answer of a worker's statement (7 s) fit in.
const CLAIM_SETTLES_WITHIN: Duration = Duration::from_secs(15);

/// The right to write to a turn, until somebody claims it with a higher fence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lease {
    /// The turn.
    pub turn: TurnId,
    /// The fence of this claim.
    pub fence: i64,
    /// The worker that claimed.
    pub worker: String,
    /// Claims since the turn last came forward by a post or a tool, this one included.
    pub tries: i64,
    /// Somebody asked the turn to stop before this claim.
    pub stop_requested: bool,
}

impl Store {
    /// Takes a turn whose fence the caller read: raises the fence, names the worker, state
    /// `preparing`. `None` when somebody was faster, the turn is over, another turn of the channel
    /// runs, or comes before this queued one. A turn that waited when its stop was requested or its
    /// channel was cleared ends here as `stopped`, and the answer is `None`; one that ran may have a
    /// post on its way, so whoever claims it ends it. Not safe to repeat blindly: after a lost answer
    /// read the turn again and claim with the fence found.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn claim_turn(
        &self,
        turn: TurnId,
        worker: &str,
        fence: i64,
    ) -> Result<Option<Lease>, Error> {
        let claimed = sqlx::query!(
            r#"UPDATE turns AS t
             SET state = CASE WHEN v.is_void THEN 'stopped' ELSE 'preparing' END,
                 stop_requested = t.stop_requested OR v.is_void,
                 stop_reason = CASE WHEN v.is_void THEN COALESCE(t.stop_reason, 'kill')
                                    ELSE t.stop_reason END,
                 ended_at = CASE WHEN v.is_void THEN now() END,
                 worker_id = $2, fence = t.fence + 1, attempts = t.attempts + 1,
                 claimed_at = now()
             FROM (
                 SELECT q.turn_id, q.state = 'queued' AND (q.stop_requested OR EXISTS (
                            SELECT 1 FROM channel_state c
                            WHERE c.channel_disc_id = q.channel_disc_id
                              AND c.server_id = q.server_id
                              AND c.cleared_before >= q.created_at)) AS is_void,
                        GREATEST(
                            (SELECT max(p.fence) FROM turn_posts p
                             WHERE p.turn_id = q.turn_id AND p.state = 'sent'),
                            (SELECT max(s.fence) FROM turn_steps s
                             WHERE s.turn_id = q.turn_id AND s.state = 'finished'), 0)
                            AS forward_under
                 FROM turns q WHERE q.turn_id = $1
                 FOR UPDATE
             ) AS v
             WHERE t.turn_id = v.turn_id AND t.fence = $3 AND t.ended_at IS NULL
               AND (t.state <> 'queued' OR NOT EXISTS (
                   SELECT 1 FROM turns other
                   WHERE other.channel_disc_id = t.channel_disc_id
                     AND other.ended_at IS NULL AND other.turn_id <> t.turn_id
                     AND (other.state <> 'queued'
                          OR (other.priority, other.admission_order)
                              < (t.priority, t.admission_order))))
             RETURNING t.fence, t.stop_requested, v.is_void AS "is_void!",
                       LEAST(t.attempts, t.fence - v.forward_under) AS "tries!""#,
            turn.row,
            worker,
            fence,
        )
        .fetch_optional(self.pool.server(turn.server))
        .await;
        match claimed {
            Ok(Some(row)) if row.is_void => Ok(None),
            Ok(row) => Ok(row.map(|row| Lease {
                turn,
                fence: row.fence,
                worker: worker.to_owned(),
                tries: row.tries,
                stop_requested: row.stop_requested,
            })),
            Err(error) if is_unique_violation(&error) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Ends a turn for good. The reason is the one given; but a turn that ends as `stopped` keeps
    /// that of the requested stop, and one that ends badly without a given reason that of its
    /// journaled notice.
    /// Repeating it under the same lease is harmless. `false`: the lease is lost, or the turn
    /// ended in another state.
    ///
    /// # Errors
    /// `Invalid` for a state that is not final; `Unavailable`.
    pub async fn end_turn(
        &self,
        lease: &Lease,
        state: TurnState,
        reason: Option<&'static str>,
    ) -> Result<bool, Error> {
        if !state.is_final() {
            return Err(Error::Invalid("a turn ends in a final state only"));
        }
        let done = sqlx::query!(
            "UPDATE turns
             SET state = $4,
                 stop_reason = CASE
                     WHEN $4 = 'stopped' AND stop_requested THEN COALESCE(stop_reason, $5)
                     WHEN $4 IN ('failed', 'interrupted') THEN COALESCE($5, stop_reason)
                     ELSE $5 END,
                 ended_at = COALESCE(ended_at, now())
             WHERE turn_id = $1 AND fence = $2 AND worker_id = $3
               AND (ended_at IS NULL OR state = $4)",
            lease.turn.row,
            lease.fence,
            lease.worker,
            state.as_str(),
            reason,
        )
        .execute(self.pool.server(lease.turn.server))
        .await?;
        Ok(done.rows_affected() == 1)
    }

    /// Lets a turn go without ending it: nobody holds it, its state stays, and the next owner may
    /// claim it at once. Takes the attempt back, because an orderly release is no crash. Later
    /// writes under this lease fail. `false`: the lease was lost before.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn release_turn(&self, lease: &Lease) -> Result<bool, Error> {
        let done = sqlx::query!(
            "UPDATE turns SET worker_id = NULL, attempts = GREATEST(attempts - 1, 0)
             WHERE turn_id = $1 AND fence = $2 AND worker_id = $3 AND ended_at IS NULL",
            lease.turn.row,
            lease.fence,
            lease.worker,
        )
        .execute(self.pool.server(lease.turn.server))
        .await?;
        Ok(done.rows_affected() == 1)
    }

    /// Lets go of every turn that the worker holds and does not run, for instance because the
    /// answer to its claim was lost: nobody holds it, its fence is raised, its state and attempts
    /// stay. Turns claimed within the last 15 s by the database's clock are left alone, because
    /// their claim may still be on its way to `running`. Returns how many were let go; safe to
    /// repeat.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn let_go(&self, worker: &str, running: &[TurnId]) -> Result<u64, Error> {
        let running: Vec<Uuid> = running.iter().map(|turn| turn.row).collect();
        let done = sqlx::query!(
            "UPDATE turns SET worker_id = NULL, fence = fence + 1
             WHERE state IN ('preparing', 'streaming', 'tool', 'finishing')
               AND worker_id = $1 AND turn_id <> ALL($2)
               AND claimed_at < now() - make_interval(secs => $3)",
            worker,
            &running,
            CLAIM_SETTLES_WITHIN.as_secs_f64(),
        )
        .execute(self.pool.system())
        .await?;
        Ok(done.rows_affected())
    }
}

/// The index that admits one running turn per channel refused another.
fn is_unique_violation(error: &sqlx::Error) -> bool {
    error
        .as_database_error()
        .is_some_and(sqlx::error::DatabaseError::is_unique_violation)
}
