//! Turns: who runs which, under which fence (CHAT-44, CHAT-45). Ids and states only, no text.

use proto::id::{ChannelId, MessageId, TenantId, UserId};
use proto::subject::Partition;
use uuid::Uuid;

use crate::row::Place;
use crate::{Error, PersonaId, ServerId, Store, TriggerKind, TurnState};

/// Names one turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TurnId(pub Uuid);

impl std::fmt::Display for TurnId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

/// One turn as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Turn {
    /// The turn.
    pub id: TurnId,
    /// The tenant's row.
    pub server: ServerId,
    /// The tenant.
    pub tenant: TenantId,
    /// Where the reply goes.
    pub channel: ChannelId,
    /// The channel's partition.
    pub partition: Partition,
    /// The message that triggered it; `None` for turns without one.
    pub trigger_message: Option<MessageId>,
    /// What triggered it.
    pub trigger_kind: TriggerKind,
    /// The user on whose behalf it runs.
    pub responsible: UserId,
    /// The persona that answers.
    pub persona: PersonaId,
    /// Which persona of the trigger this is, from 0.
    pub ordinal: i32,
    /// The order in which turns were admitted; smaller runs first within a channel.
    pub admission_order: i64,
    /// How far it is.
    pub state: TurnState,
    /// The worker that holds it; `None` when nobody does.
    pub worker: Option<String>,
    /// The fence: raised by every claim.
    pub fence: i64,
    /// How often it was claimed.
    pub attempts: i32,
    /// Whether somebody asked for its end.
    pub stop_requested: bool,
}

/// The right to write to a turn, until somebody claims it with a higher fence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lease {
    /// The turn.
    pub turn: TurnId,
    /// The fence of this claim.
    pub fence: i64,
    /// The worker that claimed.
    pub worker: String,
}

/// State, holder and fence of a turn.
pub type TurnOwner = (TurnState, Option<String>, i64);

/// The most open turns that are read at once; the oldest come first, so what is left out runs
/// later anyway.
const MOST_OPEN_TURNS: i64 = 10_000;

impl Store {
    /// Returns the turns of a partition that are not over, by admission order; at most 10,000.
    ///
    /// # Errors
    /// `Corrupt`, `Unavailable`.
    pub async fn open_turns(&self, partition: Partition) -> Result<Vec<Turn>, Error> {
        let rows = sqlx::query_as!(
            TurnRow,
            "SELECT t.turn_id, t.server_id, s.server_disc_id, s.is_dm_channel, t.channel_disc_id,
                    t.partition, t.trigger_message_id, t.trigger_kind, t.responsible_disc_id,
                    t.persona_id, t.persona_ordinal, t.admission_order, t.state, t.worker_id,
                    t.fence, t.attempts, t.stop_requested, t.stop_reason
             FROM turns t JOIN servers s ON s.server_id = t.server_id
             WHERE t.partition = $1 AND t.ended_at IS NULL
             ORDER BY t.admission_order
             LIMIT $2",
            i32::from(partition.0),
            MOST_OPEN_TURNS,
        )
        .fetch_all(&self.pool)
        .await?;
        rows.into_iter().map(Turn::try_from).collect()
    }

    /// Returns one turn as it is now.
    ///
    /// # Errors
    /// `Corrupt`, `Unavailable`.
    pub async fn turn(&self, turn: TurnId) -> Result<Option<Turn>, Error> {
        let row = sqlx::query_as!(
            TurnRow,
            "SELECT t.turn_id, t.server_id, s.server_disc_id, s.is_dm_channel, t.channel_disc_id,
                    t.partition, t.trigger_message_id, t.trigger_kind, t.responsible_disc_id,
                    t.persona_id, t.persona_ordinal, t.admission_order, t.state, t.worker_id,
                    t.fence, t.attempts, t.stop_requested, t.stop_reason
             FROM turns t JOIN servers s ON s.server_id = t.server_id
             WHERE t.turn_id = $1",
            turn.0,
        )
        .fetch_optional(&self.pool)
        .await?;
        row.map(Turn::try_from).transpose()
    }

    /// Returns the turns of one trigger by ordinal.
    pub(crate) async fn turns_of(&self, trigger_key: &str) -> Result<Vec<TurnRow>, Error> {
        let rows = sqlx::query_as!(
            TurnRow,
            "SELECT t.turn_id, t.server_id, s.server_disc_id, s.is_dm_channel, t.channel_disc_id,
                    t.partition, t.trigger_message_id, t.trigger_kind, t.responsible_disc_id,
                    t.persona_id, t.persona_ordinal, t.admission_order, t.state, t.worker_id,
                    t.fence, t.attempts, t.stop_requested, t.stop_reason
             FROM turns t JOIN servers s ON s.server_id = t.server_id
             WHERE t.trigger_key = $1
             ORDER BY t.persona_ordinal
             LIMIT $2",
            trigger_key,
            MOST_OPEN_TURNS,
        )
        .fetch_all(&self.pool)
        .await?;
        Ok(rows)
    }

    /// Returns state, holder and fence of a turn.
    ///
    /// # Errors
    /// `Corrupt`, `Unavailable`.
    pub async fn turn_owner(&self, turn: TurnId) -> Result<Option<TurnOwner>, Error> {
        let row = sqlx::query!(
            "SELECT state, worker_id, fence FROM turns WHERE turn_id = $1",
            turn.0,
        )
        .fetch_optional(&self.pool)
        .await?;
        let Some(row) = row else { return Ok(None) };
        let place = Place {
            table: "turns",
            column: "state",
            row: &turn,
        };
        Ok(Some((place.parse(&row.state)?, row.worker_id, row.fence)))
    }

    /// Takes a turn whose fence the caller read: raises the fence, names the worker, state
    /// `preparing`. `None` when somebody was faster, the turn is over, an earlier turn of its
    /// channel is not over, or another turn of the channel runs. A turn whose stop was requested
    /// ends here as `stopped`, and the answer is `None`. Not safe to repeat blindly: after a lost
    /// answer read the turn again and claim with the fence found.
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
            "UPDATE turns AS t
             SET state = CASE WHEN t.stop_requested THEN 'stopped' ELSE 'preparing' END,
                 ended_at = CASE WHEN t.stop_requested THEN now() END,
                 worker_id = $2, fence = t.fence + 1, attempts = t.attempts + 1
             WHERE t.turn_id = $1 AND t.fence = $3 AND t.ended_at IS NULL
               AND NOT EXISTS (
                   SELECT 1 FROM turns earlier
                   WHERE earlier.channel_disc_id = t.channel_disc_id
                     AND earlier.ended_at IS NULL
                     AND earlier.admission_order < t.admission_order)
             RETURNING t.fence, t.stop_requested",
            turn.0,
            worker,
            fence,
        )
        .fetch_optional(&self.pool)
        .await;
        match claimed {
            Ok(Some(row)) if row.stop_requested => Ok(None),
            Ok(row) => Ok(row.map(|row| Lease {
                turn,
                fence: row.fence,
                worker: worker.to_owned(),
            })),
            Err(error) if is_unique_violation(&error) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Moves a turn on to another running state. `false`: the lease is lost or the turn is over.
    ///
    /// # Errors
    /// `Invalid` for a state that is not a running one; `Unavailable`.
    pub async fn advance_turn(&self, lease: &Lease, state: TurnState) -> Result<bool, Error> {
        if !state.is_running() {
            return Err(Error::Invalid("a turn advances to a running state only"));
        }
        let done = sqlx::query!(
            "UPDATE turns SET state = $4
             WHERE turn_id = $1 AND fence = $2 AND worker_id = $3 AND ended_at IS NULL",
            lease.turn.0,
            lease.fence,
            lease.worker,
            state.as_str(),
        )
        .execute(&self.pool)
        .await?;
        Ok(done.rows_affected() == 1)
    }

    /// Ends a turn for good; the reason, when there is one, replaces that of a requested stop.
    /// `false`: the lease is lost or the turn is over already.
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
             SET state = $4, stop_reason = COALESCE($5, stop_reason), ended_at = now()
             WHERE turn_id = $1 AND fence = $2 AND worker_id = $3 AND ended_at IS NULL",
            lease.turn.0,
            lease.fence,
            lease.worker,
            state.as_str(),
            reason,
        )
        .execute(&self.pool)
        .await?;
        Ok(done.rows_affected() == 1)
    }

    /// Lets a turn go without ending it: nobody holds it, its state stays, and the next owner may
    /// claim it at once. Later writes under this lease fail. `false`: the lease was lost before.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn release_turn(&self, lease: &Lease) -> Result<bool, Error> {
        let done = sqlx::query!(
            "UPDATE turns SET worker_id = NULL
             WHERE turn_id = $1 AND fence = $2 AND worker_id = $3 AND ended_at IS NULL",
            lease.turn.0,
            lease.fence,
            lease.worker,
        )
        .execute(&self.pool)
        .await?;
        Ok(done.rows_affected() == 1)
    }

    /// Asks for the end of a turn: a queued one is over at once, a running one gets the flag, at
    /// which its next post fails. `false`: it is over, or its stop was requested before.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn request_stop(&self, turn: TurnId, reason: &'static str) -> Result<bool, Error> {
        let done = sqlx::query!(
            "UPDATE turns
             SET stop_requested = true, stop_reason = $2,
                 state = CASE WHEN state = 'queued' THEN 'stopped' ELSE state END,
                 ended_at = CASE WHEN state = 'queued' THEN now() END
             WHERE turn_id = $1 AND ended_at IS NULL AND NOT stop_requested",
            turn.0,
            reason,
        )
        .execute(&self.pool)
        .await?;
        Ok(done.rows_affected() == 1)
    }
}

/// The index that admits one running turn per channel refused another.
fn is_unique_violation(error: &sqlx::Error) -> bool {
    error
        .as_database_error()
        .is_some_and(sqlx::error::DatabaseError::is_unique_violation)
}

pub(crate) struct TurnRow {
    pub(crate) turn_id: Uuid,
    server_id: i64,
    server_disc_id: String,
    is_dm_channel: bool,
    channel_disc_id: String,
    partition: i32,
    trigger_message_id: Option<String>,
    trigger_kind: String,
    responsible_disc_id: String,
    persona_id: i64,
    persona_ordinal: i32,
    admission_order: i64,
    state: String,
    worker_id: Option<String>,
    fence: i64,
    attempts: i32,
    stop_requested: bool,
    pub(crate) stop_reason: Option<String>,
}

impl TryFrom<TurnRow> for Turn {
    type Error = Error;

    fn try_from(row: TurnRow) -> Result<Self, Error> {
        let place = |column| Place {
            table: "turns",
            column,
            row: &row.turn_id,
        };
        let tenant_place = Place {
            table: "servers",
            column: "server_disc_id",
            row: &row.server_id,
        };
        let tenant = if row.is_dm_channel {
            TenantId::Direct(tenant_place.parse(&row.server_disc_id)?)
        } else {
            TenantId::Guild(tenant_place.parse(&row.server_disc_id)?)
        };
        Ok(Self {
            id: TurnId(row.turn_id),
            server: ServerId(row.server_id),
            tenant,
            channel: place("channel_disc_id").parse(&row.channel_disc_id)?,
            partition: Partition(place("partition").narrow(row.partition)?),
            trigger_message: row
                .trigger_message_id
                .as_deref()
                .map(|id| place("trigger_message_id").parse(id))
                .transpose()?,
            trigger_kind: place("trigger_kind").parse(&row.trigger_kind)?,
            responsible: place("responsible_disc_id").parse(&row.responsible_disc_id)?,
            persona: PersonaId(row.persona_id),
            ordinal: row.persona_ordinal,
            admission_order: row.admission_order,
            state: place("state").parse(&row.state)?,
            worker: row.worker_id,
            fence: row.fence,
            attempts: row.attempts,
            stop_requested: row.stop_requested,
        })
    }
}
