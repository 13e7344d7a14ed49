//! Turns: who runs which, under which fence (CHAT-44, CHAT-45). Ids and states only, no text.

use proto::id::{ChannelId, MessageId, TenantId, UserId};
use proto::subject::Partition;
use uuid::Uuid;

use crate::{PersonaId, ServerId, TriggerKind, TurnState};

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
