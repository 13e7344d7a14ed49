//! Names for messages, people and channels that a model can use: good for one turn, and nothing in
//! them tells Discord's ids (CHAT-63).

use proto::id::{ChannelId, MessageId, UserId};

use crate::privacy::filter::Visible;

/// Messages that have a handle. A model loses count long before.
pub(super) const MOST_REFS: usize = 20;

/// The handles of one turn.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Handles {
    /// Newest first.
    refs: Vec<Ref>,
    /// Those who were named to the model by a handle.
    people: Vec<UserId>,
    channels: Vec<ChannelId>,
}

/// A line of the conversation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Ref {
    /// `None` where the model does not see what it says.
    pub(super) message: Option<MessageId>,
    /// `None` for the persona's own.
    pub(super) author: Option<UserId>,
}

impl Handles {
    /// Names the lines of a conversation, which comes oldest first: `ref_1` is the newest.
    pub(crate) fn of(lines: &[Visible]) -> Self {
        let named = |line: &Visible| Ref {
            message: (!line.is_stand_in()).then_some(line.id()),
            author: line.author(),
        };
        Self::of_refs(lines.iter().map(named))
    }

    pub(super) fn of_refs(refs: impl DoubleEndedIterator<Item = Ref>) -> Self {
        Self {
            refs: refs.rev().take(MOST_REFS).collect(),
            ..Self::default()
        }
    }

    /// Names a person, and returns the handle.
    pub(crate) fn name(&mut self, user: UserId) -> String {
        self.people.push(user);
        format!("user_{}", self.people.len())
    }

    /// Returns the message that a handle names.
    pub(super) fn message(&self, handle: &str) -> Option<MessageId> {
        self.line(handle)?.message
    }

    /// Returns the person whom a handle names, or who wrote the message that it names.
    pub(super) fn person(&self, handle: &str) -> Option<UserId> {
        match handle.trim().strip_prefix("user_") {
            Some(number) => self.people.get(place(number)?).copied(),
            None => self.line(handle)?.author,
        }
    }

    fn line(&self, handle: &str) -> Option<Ref> {
        let number = handle.trim().strip_prefix("ref_")?;
        self.refs.get(place(number)?).copied()
    }

    /// Returns the handle of a channel; the first use of it makes one.
    pub(super) fn channel(&mut self, channel: ChannelId) -> String {
        let known = self.channels.iter().position(|known| *known == channel);
        let place = known.unwrap_or_else(|| {
            self.channels.push(channel);
            self.channels.len() - 1
        });
        format!("channel_{}", place + 1)
    }
}

/// Handles count from 1.
fn place(number: &str) -> Option<usize> {
    number.parse::<usize>().ok()?.checked_sub(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(id: u64) -> Ref {
        Ref {
            message: Some(MessageId(id)),
            author: Some(UserId(100 + id)),
        }
    }

    /// CHAT-63.
    #[test]
    fn people_are_named_by_what_they_wrote_or_by_a_handle_of_their_own() {
        let unseen = Ref {
            message: None,
            ..said(6)
        };
        let own = Ref {
            author: None,
            ..said(7)
        };
        let mut handles = Handles::of_refs([said(5), unseen, own].into_iter());
        assert_eq!(handles.person("ref_1"), None);
        assert_eq!(handles.person("ref_2"), Some(UserId(106)));
        assert_eq!(handles.message("ref_2"), None);
        assert_eq!(handles.person("user_1"), None);
        assert_eq!(handles.name(UserId(9)), "user_1");
        assert_eq!(handles.person(" user_1 "), Some(UserId(9)));
        assert_eq!(handles.message("user_1"), None);
        for wrong in ["user_0", "user_2", "user_", "9", "bob"] {
            assert_eq!(handles.person(wrong), None, "{wrong}");
        }
    }

    /// CHAT-63.
    #[test]
    fn messages_are_named_from_the_newest() {
        let handles = Handles::of_refs([5, 6, 7].map(said).into_iter());
        assert_eq!(handles.message("ref_1"), Some(MessageId(7)));
        assert_eq!(handles.message(" ref_3 "), Some(MessageId(5)));
        for wrong in [
            "ref_0",
            "ref_4",
            "ref_",
            "7",
            "ref_-1",
            "ref_99999999999999999999",
        ] {
            assert_eq!(handles.message(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn only_so_many_messages_have_a_name() {
        let handles = Handles::of_refs((0..100).map(said));
        assert!(handles.message(&format!("ref_{MOST_REFS}")).is_some());
        assert_eq!(handles.message(&format!("ref_{}", MOST_REFS + 1)), None);
    }

    #[test]
    fn a_channel_keeps_its_name() {
        let mut handles = Handles::default();
        assert_eq!(handles.channel(ChannelId(70)), "channel_1");
        assert_eq!(handles.channel(ChannelId(71)), "channel_2");
        assert_eq!(handles.channel(ChannelId(70)), "channel_1");
    }
}
