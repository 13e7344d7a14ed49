//! What was said against what was answered. Pure.

use std::collections::{BTreeMap, HashMap};

use proto::id::{ChannelId, MessageId};

use super::crowd::Sent;

/// A message of the bot that answers one of this run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Reply {
    /// The number of the message that it answers.
    pub(super) number: u64,
    pub(super) message: MessageId,
    pub(super) channel: ChannelId,
}

/// What came of a run.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Verdict {
    /// Messages with at least one reply in their channel.
    pub(super) answered: usize,
    /// Messages without.
    pub(super) lost: Vec<Sent>,
    /// Replies beyond the first to their message.
    pub(super) doubled: usize,
    /// Replies that stand after the reply to a later message of their channel.
    pub(super) out_of_order: usize,
    /// Milliseconds from each answered message to its first reply, sorted.
    pub(super) waits_ms: Vec<u64>,
}

/// Judges a run; the order of both lists does not matter.
pub(super) fn judge(sent: &[Sent], replies: &[Reply]) -> Verdict {
    let mut of_message: HashMap<(ChannelId, u64), Vec<MessageId>> = HashMap::new();
    for reply in replies {
        of_message
            .entry((reply.channel, reply.number))
            .or_default()
            .push(reply.message);
    }
    let mut verdict = Verdict::default();
    let mut firsts: BTreeMap<ChannelId, Vec<(MessageId, MessageId)>> = BTreeMap::new();
    for message in sent {
        let Some(answers) = of_message.get(&(message.channel, message.number)) else {
            verdict.lost.push(*message);
            continue;
        };
        let first = answers.iter().copied().min().unwrap_or(message.trigger);
        verdict.answered += 1;
        verdict.doubled += answers.len().saturating_sub(1);
        let wait_ms = first
            .created_at_ms()
            .saturating_sub(message.trigger.created_at_ms());
        verdict.waits_ms.push(wait_ms);
        firsts
            .entry(message.channel)
            .or_default()
            .push((first, message.trigger));
    }
    verdict.waits_ms.sort_unstable();
    verdict.out_of_order = firsts.into_values().map(overtaken).sum();
    verdict
}

/// Counts the replies of one channel that stand after a reply to a later message.
fn overtaken(mut answered: Vec<(MessageId, MessageId)>) -> usize {
    answered.sort_unstable();
    let mut latest = MessageId(0);
    let mut count = 0;
    for (_, trigger) in answered {
        count += usize::from(trigger < latest);
        latest = latest.max(trigger);
    }
    count
}

#[cfg(test)]
mod tests {
    use super::*;

    const HERE: ChannelId = ChannelId(1);

    fn sent(number: u64) -> Sent {
        Sent {
            number,
            trigger: MessageId(number << 22),
            channel: HERE,
        }
    }

    fn reply(number: u64, at: u64) -> Reply {
        Reply {
            number,
            message: MessageId(at << 22),
            channel: HERE,
        }
    }

    #[test]
    fn one_reply_each_in_order_is_what_is_wanted() {
        let verdict = judge(&[sent(2), sent(1)], &[reply(1, 10), reply(2, 11)]);
        let wanted = Verdict {
            answered: 2,
            waits_ms: vec![9, 9],
            ..Verdict::default()
        };
        assert_eq!(verdict, wanted);
    }

    #[test]
    fn a_message_without_a_reply_is_lost_and_one_with_two_is_doubled() {
        let verdict = judge(&[sent(1), sent(2)], &[reply(2, 10), reply(2, 11)]);
        assert_eq!((verdict.lost, verdict.doubled), (vec![sent(1)], 1));
    }

    #[test]
    fn a_reply_in_another_channel_answers_nothing() {
        let elsewhere = Reply {
            channel: ChannelId(2),
            ..reply(1, 10)
        };
        assert_eq!(judge(&[sent(1)], &[elsewhere]).lost, [sent(1)]);
    }

    #[test]
    fn replies_that_overtook_another_are_counted() {
        let replies = [reply(1, 10), reply(3, 11), reply(2, 12), reply(4, 13)];
        assert_eq!(
            judge(&[sent(1), sent(2), sent(3), sent(4)], &replies).out_of_order,
            1
        );
    }
}
