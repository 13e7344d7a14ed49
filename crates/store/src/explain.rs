//! What was decided about a message and what became of it.

use proto::id::{EventId, MessageId};

use crate::admission::parse_code;
use crate::{Decision, Error, Post, Store, Turn, TurnId};

/// The record of one message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explanation {
    /// What was decided.
    pub code: Decision,
    /// The event.
    pub event_id: EventId,
    /// Its turns in order: the turn, why it ended, its posts in order.
    pub turns: Vec<ExplainedTurn>,
}

/// A turn, the reason of its end where one is known, and its posts in order.
pub type ExplainedTurn = (Turn, Option<String>, Vec<Post>);

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
            "SELECT decision_id, event_id, code FROM turn_decisions
             WHERE message_id = $1 OR event_id = $2
             ORDER BY (code = 'accepted') DESC, decision_id DESC
             LIMIT 1",
            message.to_string(),
            creation.as_str(),
        )
        .fetch_optional(&self.pool)
        .await?;
        let Some(row) = row else { return Ok(None) };
        let event_id = EventId::from_stored(row.event_id);
        let code = parse_code(&row.code, row.decision_id)?;
        let turns = self.explained_turns(&event_id).await?;
        Ok(Some(Explanation {
            code,
            event_id,
            turns,
        }))
    }

    async fn explained_turns(&self, event_id: &EventId) -> Result<Vec<ExplainedTurn>, Error> {
        let rows = self.turns_of(event_id.as_str()).await?;
        let ids: Vec<_> = rows.iter().map(|row| row.turn_id).collect();
        let posts = self.posts_of(&ids).await?;
        rows.into_iter()
            .map(|mut row| {
                let reason = row.stop_reason.take();
                let turn = Turn::try_from(row)?;
                let posts = posts_of_turn(&posts, turn.id);
                Ok((turn, reason, posts))
            })
            .collect()
    }
}

fn posts_of_turn(posts: &[(TurnId, Post)], turn: TurnId) -> Vec<Post> {
    posts
        .iter()
        .filter(|(id, _)| *id == turn)
        .map(|(_, post)| post.clone())
        .collect()
}
