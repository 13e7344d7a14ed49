//! Admission: one statement keyed by the event id decides about an event (DESIGN §2 step 5).

use proto::id::{ChannelId, EventId, MessageId, TenantId, UserId};
use proto::subject::Partition;

use crate::{Decision, PersonaId, TriggerKind, Turn};

/// A message that triggers, and what the worker knew when it judged it.
#[derive(Clone, Debug)]
pub struct Admission {
    /// The event; decided once for ever.
    pub event_id: EventId,
    /// The tenant.
    pub tenant: TenantId,
    /// The channel.
    pub channel: ChannelId,
    /// The message.
    pub message: MessageId,
    /// Who is responsible.
    pub author: UserId,
    /// The channel's partition.
    pub partition: Partition,
    /// The personas that answer, in order; at least one.
    pub personas: Vec<PersonaId>,
    /// Why.
    pub trigger_kind: TriggerKind,
    /// The version of the settings it was judged with.
    pub settings_version: i64,
}

/// What admission decided.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Admitted {
    /// The turns were made now, one per persona, in order.
    Accepted(Vec<Turn>),
    /// The event was decided earlier; its turns as they are now, in order.
    Before {
        /// What was decided then.
        code: Decision,
        /// The turns it made; empty for refusals.
        turns: Vec<Turn>,
    },
    /// Refused and recorded now.
    Refused(Decision),
    /// The settings are not those it was judged with; nothing was recorded: reload and judge anew.
    SettingsChanged,
}

/// A refusal that needs no admission: it is recorded only.
#[derive(Clone, Debug)]
pub struct Refusal {
    /// The event.
    pub event_id: EventId,
    /// The tenant.
    pub tenant: TenantId,
    /// The channel.
    pub channel: ChannelId,
    /// The message.
    pub message: MessageId,
    /// Who wrote it.
    pub author: UserId,
    /// What was decided.
    pub code: Decision,
}
