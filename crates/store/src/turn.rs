//! Turns as they are stored: ids and states, no text (CHAT-44). Writes are in `lease`.

use proto::id::{ChannelId, MessageId, TenantId, UserId};
use proto::subject::Partition;
use sqlx::PgExecutor;
use uuid::Uuid;

use crate::row::Place;
use crate::{Error, Payer, PersonaId, ServerId, Store, TriggerKind, TurnState};

/// Names one turn, and the server whose it is: no row is read by its own id alone (SEC-62).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TurnId {
    /// The tenant's row.
    pub server: ServerId,
    /// The turn's row.
    pub row: Uuid,
}

impl std::fmt::Display for TurnId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.row.fmt(f)
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
    /// The order in which turns were admitted; smaller runs first within a class of a channel.
    pub admission_order: i64,
    /// Its class within the channel, smaller first; within a class the order of admission decides.
    pub priority: i16,
    /// How far it is.
    pub state: TurnState,
    /// The worker that holds it; `None` when nobody does.
    pub worker: Option<String>,
    /// The fence: raised by every claim.
    pub fence: i64,
    /// How often it was claimed; an orderly release takes its claim back, so this less one is how
    /// often a worker crashed or was cut off while it held the turn.
    pub attempts: i32,
    /// Whether somebody asked for its end.
    pub stop_requested: bool,
    /// Who pays.
    pub payer: Payer,
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
                    t.persona_id, t.persona_ordinal, t.admission_order, t.priority, t.state, t.worker_id,
                    t.fence, t.attempts, t.stop_requested, t.stop_reason, t.paid_by
             FROM turns t JOIN servers s ON s.server_id = t.server_id
             WHERE t.partition = $1 AND t.ended_at IS NULL
             ORDER BY t.admission_order
             LIMIT $2",
            i32::from(partition.0),
            MOST_OPEN_TURNS,
        )
        .fetch_all(self.pool.system())
        .await?;
        rows.into_iter().map(Turn::try_from).collect()
    }

    /// Returns the turns of a channel that are not over, by admission order; at most 10,000.
    ///
    /// # Errors
    /// `Corrupt`, `Unavailable`.
    pub async fn open_turns_in(
        &self,
        tenant: TenantId,
        channel: ChannelId,
    ) -> Result<Vec<Turn>, Error> {
        let rows = sqlx::query_as!(
            TurnRow,
            "SELECT t.turn_id, t.server_id, s.server_disc_id, s.is_dm_channel, t.channel_disc_id,
                    t.partition, t.trigger_message_id, t.trigger_kind, t.responsible_disc_id,
                    t.persona_id, t.persona_ordinal, t.admission_order, t.priority, t.state, t.worker_id,
                    t.fence, t.attempts, t.stop_requested, t.stop_reason, t.paid_by
             FROM turns t JOIN servers s ON s.server_id = t.server_id
             WHERE t.channel_disc_id = $1 AND t.ended_at IS NULL
             ORDER BY t.admission_order
             LIMIT $2",
            channel.to_string(),
            MOST_OPEN_TURNS,
        )
        .fetch_all(self.pool.tenant(tenant))
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
                    t.persona_id, t.persona_ordinal, t.admission_order, t.priority, t.state, t.worker_id,
                    t.fence, t.attempts, t.stop_requested, t.stop_reason, t.paid_by
             FROM turns t JOIN servers s ON s.server_id = t.server_id
             WHERE t.turn_id = $1",
            turn.row,
        )
        .fetch_optional(self.pool.server(turn.server))
        .await?;
        row.map(Turn::try_from).transpose()
    }

    /// Returns state, holder and fence of a turn.
    ///
    /// # Errors
    /// `Corrupt`, `Unavailable`.
    pub async fn turn_owner(&self, turn: TurnId) -> Result<Option<TurnOwner>, Error> {
        let row = sqlx::query!(
            "SELECT state, worker_id, fence FROM turns WHERE turn_id = $1",
            turn.row,
        )
        .fetch_optional(self.pool.server(turn.server))
        .await?;
        let Some(row) = row else { return Ok(None) };
        let place = Place {
            table: "turns",
            column: "state",
            row: &turn,
        };
        Ok(Some((place.parse(&row.state)?, row.worker_id, row.fence)))
    }
}

/// Returns the turns of one trigger by ordinal.
pub(crate) async fn turns_of(
    executor: impl PgExecutor<'_>,
    trigger_key: &str,
) -> Result<Vec<TurnRow>, Error> {
    let rows = sqlx::query_as!(
        TurnRow,
        "SELECT t.turn_id, t.server_id, s.server_disc_id, s.is_dm_channel, t.channel_disc_id,
                t.partition, t.trigger_message_id, t.trigger_kind, t.responsible_disc_id,
                t.persona_id, t.persona_ordinal, t.admission_order, t.priority, t.state, t.worker_id,
                t.fence, t.attempts, t.stop_requested, t.stop_reason, t.paid_by
         FROM turns t JOIN servers s ON s.server_id = t.server_id
         WHERE t.trigger_key = $1
         ORDER BY t.persona_ordinal
         LIMIT $2",
        trigger_key,
        MOST_OPEN_TURNS,
    )
    .fetch_all(executor)
    .await?;
    Ok(rows)
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
    priority: i16,
    state: String,
    worker_id: Option<String>,
    fence: i64,
    attempts: i32,
    stop_requested: bool,
    pub(crate) stop_reason: Option<String>,
    paid_by: String,
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
            id: TurnId {
                server: ServerId(row.server_id),
                row: row.turn_id,
            },
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
            priority: row.priority,
            state: place("state").parse(&row.state)?,
            worker: row.worker_id,
            fence: row.fence,
            attempts: row.attempts,
            stop_requested: row.stop_requested,
            payer: place("paid_by").parse(&row.paid_by)?,
        })
    }
}
