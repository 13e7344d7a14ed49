//! What was decided about a message and what became of it.

use proto::id::EventId;

use crate::{Decision, Post, Turn};

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
