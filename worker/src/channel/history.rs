//! What a channel's owner remembers of its last messages.
//!
//! Filled once over REST when a turn first needs it, kept by events afterwards. Edits replace,
//! deletions leave a tombstone so that a REST answer that was on its way cannot bring a message
//! back. Lives in memory only and dies with the ownership (CHAT-58).

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use proto::id::{MessageId, UserId};

/// Messages kept per channel: the largest `message_fetch_limit` (CHAT-58).
pub(crate) const RING_CAPACITY: usize = 100;

/// One remembered message.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Line {
    /// The message.
    pub id: MessageId,
    /// Who wrote it.
    pub author: UserId,
    /// The name that people see.
    pub name: String,
    /// What it says, with mentions as Discord writes them.
    pub text: String,
    /// Posted by us.
    pub is_own: bool,
}

impl std::fmt::Debug for Line {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Line")
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}

#[derive(Debug)]
enum Slot {
    Said(Line),
    Deleted,
}

#[derive(Debug, Default)]
struct Ring {
    slots: BTreeMap<MessageId, Slot>,
    is_filled: bool,
}

/// A channel's memory, shared between its intake and its running turn.
#[derive(Clone, Debug, Default)]
pub(crate) struct History {
    ring: Arc<Mutex<Ring>>,
}

/// What a message that was asked for turned out to be.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Found {
    Said(Line),
    Deleted,
    Unknown,
}

impl History {
    /// Remembers a message, or its new text.
    pub(crate) fn say(&self, line: Line) {
        let mut ring = self.lock();
        if !matches!(ring.slots.get(&line.id), Some(Slot::Deleted)) {
            ring.slots.insert(line.id, Slot::Said(line));
        }
        ring.trim();
    }

    /// Forgets a message for good.
    pub(crate) fn delete(&self, message: MessageId) {
        let mut ring = self.lock();
        ring.slots.insert(message, Slot::Deleted);
        ring.trim();
    }

    /// Adds what REST returned, without touching what events have told since.
    pub(crate) fn fill(&self, lines: Vec<Line>) {
        let mut ring = self.lock();
        for line in lines {
            ring.slots.entry(line.id).or_insert(Slot::Said(line));
        }
        ring.is_filled = true;
        ring.trim();
    }

    /// Tells whether REST has been asked.
    pub(crate) fn is_filled(&self) -> bool {
        self.lock().is_filled
    }

    /// Returns the oldest remembered message.
    pub(crate) fn oldest(&self) -> Option<MessageId> {
        self.lock().slots.keys().next().copied()
    }

    /// Looks a message up.
    pub(crate) fn find(&self, message: MessageId) -> Found {
        match self.lock().slots.get(&message) {
            Some(Slot::Said(line)) => Found::Said(line.clone()),
            Some(Slot::Deleted) => Found::Deleted,
            None => Found::Unknown,
        }
    }

    /// Tells whether anybody said anything after that message.
    pub(crate) fn has_moved_past(&self, message: MessageId) -> bool {
        let ring = self.lock();
        let mut later = ring
            .slots
            .range(message..)
            .skip_while(|(id, _)| **id == message);
        later.any(|(_, slot)| matches!(slot, Slot::Said(_)))
    }

    /// Returns the last messages in order, oldest first, at most `limit`.
    pub(crate) fn last(&self, limit: usize) -> Vec<Line> {
        let ring = self.lock();
        let mut lines: Vec<Line> = ring
            .slots
            .values()
            .rev()
            .filter_map(|slot| match slot {
                Slot::Said(line) => Some(line.clone()),
                Slot::Deleted => None,
            })
            .take(limit)
            .collect();
        lines.reverse();
        lines
    }

    fn lock(&self) -> MutexGuard<'_, Ring> {
        // A panic cannot leave the map half changed: every change is one call on it.
        self.ring.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Ring {
    fn trim(&mut self) {
        while self.slots.len() > RING_CAPACITY {
            self.slots.pop_first();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(id: u64, text: &str) -> Line {
        Line {
            id: MessageId(id),
            author: UserId(1),
            name: "ren".to_owned(),
            text: text.to_owned(),
            is_own: false,
        }
    }

    fn texts(history: &History) -> Vec<String> {
        history
            .last(RING_CAPACITY)
            .into_iter()
            .map(|line| line.text)
            .collect()
    }

    #[test]
    fn an_edit_replaces_the_text_in_its_place() {
        let history = History::default();
        history.say(line(1, "one"));
        history.say(line(2, "two"));
        history.say(line(1, "uno"));
        assert_eq!(texts(&history), ["uno", "two"]);
    }

    #[test]
    fn a_late_rest_answer_neither_revives_nor_reverts() {
        let history = History::default();
        history.delete(MessageId(1));
        history.say(line(2, "edited"));
        history.fill(vec![
            line(1, "deleted"),
            line(2, "original"),
            line(3, "three"),
        ]);
        assert_eq!(texts(&history), ["edited", "three"]);
        assert_eq!(history.find(MessageId(1)), Found::Deleted);
    }

    #[test]
    fn an_edit_that_arrives_after_the_deletion_revives_nothing() {
        let history = History::default();
        history.say(line(1, "one"));
        history.delete(MessageId(1));
        history.say(line(1, "one again"));
        assert_eq!(texts(&history), Vec::<String>::new());
    }

    #[test]
    fn only_the_newest_are_kept() {
        let history = History::default();
        for id in 0..150 {
            history.say(line(id, "x"));
        }
        assert_eq!(history.oldest(), Some(MessageId(50)));
        assert_eq!(history.last(10).len(), 10);
    }

    #[test]
    fn moving_past_means_a_later_message_not_a_deleted_one() {
        let history = History::default();
        history.say(line(1, "one"));
        assert!(!history.has_moved_past(MessageId(1)));
        history.delete(MessageId(2));
        assert!(!history.has_moved_past(MessageId(1)));
        history.say(line(3, "three"));
        assert!(history.has_moved_past(MessageId(1)));
    }
}
