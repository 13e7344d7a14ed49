//! Names for messages and channels that a model can use: good for one turn, and nothing in them
//! tells Discord's ids (CHAT-63).

use proto::id::{ChannelId, MessageId};

/// Messages that have a handle. A model loses count long before.
pub(super) const MOST_REFS: usize = 20;

/// The handles of one turn.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Handles {
    /// Newest first.
    refs: Vec<MessageId>,
    channels: Vec<ChannelId>,
}

impl Handles {
    /// Names the messages of a conversation, which comes oldest first: `ref_1` is the newest.
    pub(crate) fn of(messages: impl DoubleEndedIterator<Item = MessageId>) -> Self {
        Self {
            refs: messages.rev().take(MOST_REFS).collect(),
            channels: Vec::new(),
        }
    }

    /// Returns the message that a handle names.
    pub(super) fn message(&self, handle: &str) -> Option<MessageId> {
        let number: usize = handle.trim().strip_prefix("ref_")?.parse().ok()?;
        self.refs.get(number.checked_sub(1)?).copied()
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_named_from_the_newest() {
        let handles = Handles::of([5, 6, 7].map(MessageId).into_iter());
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
        let handles = Handles::of((0..100).map(MessageId));
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
