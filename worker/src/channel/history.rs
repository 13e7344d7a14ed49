//! What a channel's owner remembers of its last messages.
//!
//! Filled once over REST when a turn first needs it, kept by events afterwards. Edits replace,
//! deletions leave a tombstone so that a REST answer that was on its way cannot bring a message
//! back. Lives in memory only and dies with the ownership (CHAT-58).

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use proto::id::{ChannelId, MessageId, UserId};

/// Messages kept per channel: the largest `message_fetch_limit` (CHAT-58).
pub(crate) const RING_CAPACITY: usize = 100;

/// Text kept per channel. 1,500 busy threads on one worker stay below 100 MiB.
const RING_MAX_BYTES: usize = 64 * 1024;

/// Pictures of one message that are remembered (CHAT-64); of more the names are.
pub(crate) const MOST_PICTURES: usize = 4;

/// Text kept of one message: 4,000 characters, Discord's most, of mostly one or two bytes.
const LINE_MAX_BYTES: usize = 8 * 1024;

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
    /// Who is mentioned in it, by the names that people see; an empty name was withheld.
    pub mentions: Vec<(UserId, String)>,
    /// The pictures that came with it, at most [`MOST_PICTURES`].
    pub pictures: Vec<Attached>,
    /// Posted by us.
    pub is_own: bool,
    /// What it shows again, where it forwards a message.
    pub forwarded: Option<Forwarded>,
}

/// A picture that came with a message, as Discord tells of it; nothing of it is to be believed.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Attached {
    /// What it is called.
    pub name: String,
    /// Where it is.
    pub place: PicturePlace,
    /// How large it is, where that was told.
    pub size_bytes: Option<u64>,
}

/// Where a picture is.
#[derive(Clone, PartialEq, Eq)]
pub(crate) enum PicturePlace {
    /// A file that somebody attached, at this address, which is for no log.
    File {
        /// The address.
        url: String,
        /// It is said to be a GIF, of which some frames are shown.
        is_gif: bool,
    },
    /// A sticker of this id.
    Sticker {
        /// The id.
        id: u64,
        /// It is a GIF; else a PNG, moving or not.
        is_gif: bool,
    },
}

/// A message that another one shows again. Whose words they are is not told with it, so they are
/// nobody's until the original was read (PRIV-27).
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Forwarded {
    /// Where the original was said.
    pub channel: ChannelId,
    /// The original.
    pub message: MessageId,
    /// The original itself, read for one turn; nothing remembers it.
    pub original: Option<Box<Line>>,
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
    /// Edits and deletions of messages that REST has not brought yet: they are newer than what it
    /// will bring, and no part of the conversation before that.
    early: BTreeMap<MessageId, Slot>,
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
    /// Remembers a new message. One that is told of a second time stays as it is by now: edited,
    /// or deleted.
    pub(crate) fn say(&self, line: Line) {
        let mut ring = self.lock();
        let slot = ring.slots.entry(line.id);
        slot.or_insert_with(|| Slot::Said(line.cut()));
        ring.trim();
    }

    /// Takes the new text of a message.
    pub(crate) fn edit(&self, line: Line) {
        self.change(line.id, Slot::Said(line.cut()));
    }

    /// Forgets what those people have said. Leaves no tombstone: they may be heard again.
    pub(crate) fn forget_authors(&self, is_hidden: impl Fn(UserId) -> bool) {
        let mut ring = self.lock();
        let stays = |slot: &Slot| match slot {
            Slot::Said(line) => line.is_own || !is_hidden(line.author),
            Slot::Deleted => true,
        };
        ring.slots.retain(|_, slot| stays(slot));
        ring.early.retain(|_, slot| stays(slot));
    }

    /// Forgets a message for good.
    pub(crate) fn delete(&self, message: MessageId) {
        self.change(message, Slot::Deleted);
    }

    fn change(&self, message: MessageId, to: Slot) {
        let mut ring = self.lock();
        let is_filled = ring.is_filled;
        match ring.slots.get_mut(&message) {
            Some(Slot::Deleted) => {}
            Some(slot) => *slot = to,
            // After the filling, what is not known is older than what is remembered.
            None if is_filled => {}
            None => {
                let early = ring.early.entry(message).or_insert(Slot::Deleted);
                *early = to;
            }
        }
        ring.trim();
    }

    /// Adds what REST returned, without touching what events have told since.
    pub(crate) fn fill(&self, lines: Vec<Line>) {
        let mut ring = self.lock();
        let early = std::mem::take(&mut ring.early);
        for line in lines {
            ring.slots.entry(line.id).or_insert(Slot::Said(line.cut()));
        }
        for (id, slot) in early {
            ring.slots.entry(id).and_modify(|known| *known = slot);
        }
        ring.is_filled = true;
        ring.trim();
    }

    /// Tells whether REST has been asked.
    pub(crate) fn is_filled(&self) -> bool {
        self.lock().is_filled
    }

    /// Looks a message up.
    pub(crate) fn find(&self, message: MessageId) -> Found {
        match self.lock().slots.get(&message) {
            Some(Slot::Said(line)) => Found::Said(line.clone()),
            Some(Slot::Deleted) => Found::Deleted,
            None => Found::Unknown,
        }
    }

    /// Returns the name under which somebody spoke last.
    pub(crate) fn name_of(&self, user: UserId) -> Option<String> {
        let ring = self.lock();
        let mut newest = ring.slots.values().rev();
        newest.find_map(|slot| match slot {
            Slot::Said(line) if line.author == user => Some(line.name.clone()),
            _ => None,
        })
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
        while self.slots.len() > RING_CAPACITY || self.bytes() > RING_MAX_BYTES {
            self.slots.pop_first();
        }
        while self.early.len() > RING_CAPACITY {
            self.early.pop_first();
        }
    }

    fn bytes(&self) -> usize {
        let size = |slot: &Slot| match slot {
            Slot::Said(line) => line.bytes(),
            Slot::Deleted => 0,
        };
        self.slots.values().map(size).sum()
    }
}

impl Line {
    fn bytes(&self) -> usize {
        let names = self.mentions.iter().map(|(_, name)| name.len());
        let pictures = self.pictures.iter().map(Attached::bytes);
        self.text.len() + self.name.len() + names.sum::<usize>() + pictures.sum::<usize>()
    }

    /// Keeps what a prompt would use of a very long text.
    fn cut(mut self) -> Self {
        let end = self.text.floor_char_boundary(LINE_MAX_BYTES);
        self.text.truncate(end);
        self
    }
}

impl Attached {
    fn bytes(&self) -> usize {
        let url = match &self.place {
            PicturePlace::File { url, .. } => url.len(),
            PicturePlace::Sticker { .. } => 0,
        };
        self.name.len() + url
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
            mentions: Vec::new(),
            pictures: Vec::new(),
            is_own: false,
            forwarded: None,
        }
    }

    fn texts(history: &History) -> Vec<String> {
        history
            .last(RING_CAPACITY)
            .into_iter()
            .map(|line| line.text)
            .collect()
    }

    /// CHAT-58.
    #[test]
    fn an_edit_replaces_the_text_in_its_place() {
        let history = History::default();
        history.say(line(1, "one"));
        history.say(line(2, "two"));
        history.edit(line(1, "uno"));
        assert_eq!(texts(&history), ["uno", "two"]);
    }

    #[test]
    fn a_late_rest_answer_neither_revives_nor_reverts() {
        let history = History::default();
        history.delete(MessageId(1));
        history.edit(line(2, "edited"));
        history.fill(vec![
            line(1, "deleted"),
            line(2, "original"),
            line(3, "three"),
        ]);
        assert_eq!(texts(&history), ["edited", "three"]);
        assert_eq!(history.find(MessageId(1)), Found::Deleted);
    }

    #[test]
    fn a_second_delivery_of_a_message_takes_no_edit_back() {
        let history = History::default();
        history.say(line(1, "first"));
        history.edit(line(1, "edited"));
        history.say(line(1, "first"));
        assert_eq!(texts(&history), ["edited"]);
    }

    /// CHAT-58.
    #[test]
    fn an_edit_that_arrives_after_the_deletion_revives_nothing() {
        let history = History::default();
        history.say(line(1, "one"));
        history.delete(MessageId(1));
        history.edit(line(1, "one again"));
        assert_eq!(texts(&history), Vec::<String>::new());
    }

    #[test]
    fn words_of_who_is_not_heard_any_more_are_forgotten_and_those_of_others_stay() {
        let history = History::default();
        let of = |id, author| Line {
            author: UserId(author),
            ..line(id, "words")
        };
        history.edit(of(3, 2));
        history.say(of(1, 1));
        history.say(of(2, 2));
        history.forget_authors(|user| user == UserId(2));
        assert_eq!(history.find(MessageId(2)), Found::Unknown);
        assert_ne!(history.find(MessageId(1)), Found::Unknown);
        assert!(history.lock().early.is_empty());
    }

    /// CHAT-58.
    #[test]
    fn only_the_newest_are_kept() {
        let history = History::default();
        for id in 0..150 {
            history.say(line(id, "x"));
        }
        assert_eq!(history.find(MessageId(49)), Found::Unknown);
        assert_ne!(history.find(MessageId(50)), Found::Unknown);
        assert_eq!(history.last(10).len(), 10);
    }

    #[test]
    fn moving_past_means_a_later_message_not_a_deleted_one() {
        let history = History::default();
        history.say(line(1, "one"));
        assert!(!history.has_moved_past(MessageId(1)));
        history.say(line(2, "two"));
        history.delete(MessageId(2));
        assert!(!history.has_moved_past(MessageId(1)));
        history.say(line(3, "three"));
        assert!(history.has_moved_past(MessageId(1)));
    }

    #[test]
    fn an_edit_of_an_old_message_is_no_part_of_the_conversation() {
        let history = History::default();
        history.say(line(90, "now"));
        history.edit(line(1, "pinned long ago"));
        assert_eq!(texts(&history), ["now"]);
        history.fill(vec![line(80, "before")]);
        history.edit(line(1, "pinned long ago"));
        assert_eq!(texts(&history), ["before", "now"]);
    }

    #[test]
    fn long_texts_are_bounded_by_bytes() {
        let history = History::default();
        let long = "あ".repeat(4_000);
        for id in 0..50 {
            history.say(line(id, &long));
        }
        let kept: usize = texts(&history).iter().map(String::len).sum();
        assert!(
            kept <= RING_MAX_BYTES && kept > RING_MAX_BYTES / 2,
            "{kept}"
        );
    }
}
