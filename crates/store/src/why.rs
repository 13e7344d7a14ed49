//! What people are told about their own messages (CHAT-104): from their own records, and no others.

use proto::id::{EventId, MessageId, TenantId, UserId};

use crate::admission::parse_code;
use crate::turn::turns_of;
use crate::{Decision, Error, Store, TriggerKind, Turn, TurnState};

/// What was decided about a message of somebody, and what became of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Why {
    /// What was decided.
    pub code: Decision,
    /// Its turns in order; empty for refusals, and once they are over for long.
    pub turns: Vec<WhyTurn>,
}

/// A turn as its author is told of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WhyTurn {
    /// What made it start.
    pub kind: TriggerKind,
    /// How far it is.
    pub state: TurnState,
    /// Why it ended so, where that is known: a word of our own.
    pub reason: Option<String>,
}

impl Store {
    /// Returns what was decided about a message that this person wrote there; `None` when nothing is
    /// recorded: nothing asked for an answer, it was more than a day ago, it was another person's, or
    /// they are at level 2. An admission comes before any other decision about the same message.
    ///
    /// # Errors
    /// `Corrupt`, `Unavailable`.
    pub async fn why(
        &self,
        tenant: TenantId,
        author: UserId,
        message: MessageId,
    ) -> Result<Option<Why>, Error> {
        let row = sqlx::query!(
            "SELECT decision_id, event_id, code FROM turn_decisions
             WHERE user_disc_id = $1 AND message_id = $2 AND guild_disc_id = $3
             ORDER BY (code = 'accepted') DESC, decision_id DESC
             LIMIT 1",
            author.to_string(),
            message.to_string(),
            tenant.disc_id().to_string(),
        )
        .fetch_optional(self.pool.tenant(tenant))
        .await?;
        let Some(row) = row else { return Ok(None) };
        Ok(Some(Why {
            code: parse_code(&row.code, row.decision_id)?,
            turns: self
                .why_turns(tenant, &EventId::from_stored(row.event_id))
                .await?,
        }))
    }

    async fn why_turns(&self, tenant: TenantId, event_id: &EventId) -> Result<Vec<WhyTurn>, Error> {
        let rows = turns_of(self.pool.tenant(tenant), event_id.as_str()).await?;
        let turns = rows.into_iter().map(|mut row| {
            let reason = row.stop_reason.take();
            let turn = Turn::try_from(row)?;
            Ok(WhyTurn {
                kind: turn.trigger_kind,
                state: turn.state,
                reason,
            })
        });
        turns.collect()
    }
}
