//! What was decided about a message and what became of it.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use proto::id::{EventId, MessageId};
use uuid::Uuid;

use crate::admission::parse_code;
use crate::post::posts_of;
use crate::step::steps_of;
use crate::turn::turns_of;
use crate::{Decision, Error, Post, Step, Store, Turn};

/// The record of one message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explanation {
    /// What was decided.
    pub code: Decision,
    /// When it was decided.
    pub decided_at: DateTime<Utc>,
    /// The event.
    pub event_id: EventId,
    /// Its turns in order.
    pub turns: Vec<ExplainedTurn>,
}

/// A turn and what became of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExplainedTurn {
    /// The turn.
    pub turn: Turn,
    /// Why it ended, where that is known.
    pub reason: Option<String>,
    /// When it came how far.
    pub times: TurnTimes,
    /// Its posts in order.
    pub posts: Vec<Post>,
    /// Its uses of tools in order.
    pub steps: Vec<Step>,
}

/// When a turn came how far.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TurnTimes {
    /// It was admitted.
    pub admitted: DateTime<Utc>,
    /// A worker took it, the last one if there were several.
    pub claimed: Option<DateTime<Utc>>,
    /// It was over.
    pub ended: Option<DateTime<Utc>>,
}

impl Store {
    /// Returns what was decided about a message, `None` when nothing is recorded (no longer, or
    /// not yet). An admission comes before any other decision about the same message.
    ///
    /// # Errors
    /// `Corrupt`, `Unavailable`.
    pub async fn explain(&self, message: MessageId) -> Result<Option<Explanation>, Error> {
        // By the event id as well: a record at privacy level 2 holds no message id.
        let creation = EventId::message_create(message);
        let row = sqlx::query!(
            "SELECT decision_id, event_id, code, created_at FROM turn_decisions
             WHERE message_id = $1 OR event_id = $2
             ORDER BY (code = 'accepted') DESC, decision_id DESC
             LIMIT 1",
            message.to_string(),
            creation.as_str(),
        )
        .fetch_optional(self.pool.system())
        .await?;
        let Some(row) = row else { return Ok(None) };
        let event_id = EventId::from_stored(row.event_id);
        let code = parse_code(&row.code, row.decision_id)?;
        let turns = self.explained_turns(&event_id).await?;
        Ok(Some(Explanation {
            code,
            decided_at: row.created_at,
            event_id,
            turns,
        }))
    }

    async fn explained_turns(&self, event_id: &EventId) -> Result<Vec<ExplainedTurn>, Error> {
        let rows = turns_of(self.pool.system(), event_id.as_str()).await?;
        let ids: Vec<_> = rows.iter().map(|row| row.turn_id).collect();
        let posts = posts_of(self.pool.system(), &ids).await?;
        let steps = steps_of(self.pool.system(), &ids).await?;
        let times = self.times_of(&ids).await?;
        let explained = rows.into_iter().filter_map(|mut row| {
            // A turn that was deleted between the two reads is left out.
            let times = *times.get(&row.turn_id)?;
            let reason = row.stop_reason.take();
            let turn = Turn::try_from(row);
            Some(turn.map(|turn| ExplainedTurn {
                posts: those_of(&posts, turn.id.row),
                steps: those_of(&steps, turn.id.row),
                turn,
                reason,
                times,
            }))
        });
        explained.collect()
    }

    async fn times_of(&self, turns: &[Uuid]) -> Result<HashMap<Uuid, TurnTimes>, Error> {
        let rows = sqlx::query!(
            "SELECT turn_id, created_at, claimed_at, ended_at FROM turns WHERE turn_id = ANY($1)",
            turns,
        )
        .fetch_all(self.pool.system())
        .await?;
        let times = rows.into_iter().map(|row| {
            let times = TurnTimes {
                admitted: row.created_at,
                claimed: row.claimed_at,
                ended: row.ended_at,
            };
            (row.turn_id, times)
        });
        Ok(times.collect())
    }
}

fn those_of<T: Clone>(all: &[(Uuid, T)], turn: Uuid) -> Vec<T> {
    let own = all.iter().filter(|(id, _)| *id == turn);
    own.map(|(_, one)| one.clone()).collect()
}
