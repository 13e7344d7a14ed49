//! What tools have left behind, against what was asked for: every thread once at most.
//!
//! A thread is known by its name, which names the message that asked for it. One that is missing has
//! to have a reason on record: nobody knows what came of it, or Discord did not take it.

use std::collections::{BTreeMap, BTreeSet};

use proto::id::MessageId;

use super::judge::{Asked, Verdict};
use super::site::Site;

/// A thread of the bot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Thread {
    /// Discord's note about it.
    pub(super) note: MessageId,
    /// The number of the message that asked for it.
    pub(super) number: u32,
}

/// What came of the threads of a run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Effects {
    /// Messages that asked for a thread and got it.
    pub(super) made: BTreeSet<MessageId>,
    /// One entry for each thread that repeats one.
    pub(super) repeated: Vec<MessageId>,
    /// Notes of threads that nobody asked for.
    pub(super) stray: Vec<MessageId>,
    /// Messages with their whole answer, and without their thread.
    pub(super) missing: BTreeSet<MessageId>,
}

/// What the bot has on record about the threads that are missing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Reasons {
    /// Begun, and nobody knows what came of it.
    pub(super) unknown: usize,
    /// Discord refused it or was out of reach.
    pub(super) not_done: usize,
    /// No reason is on record.
    pub(super) lost: BTreeSet<MessageId>,
}

/// Compares threads with messages. Pure.
pub(super) fn judge(asked: &[Asked], threads: &[Thread], verdict: &Verdict) -> Effects {
    let wanting = asked.iter().filter(|asked| asked.wants_thread);
    let wanting: BTreeMap<u32, &Asked> = wanting.map(|asked| (asked.number, asked)).collect();
    let mut effects = Effects::default();
    for thread in threads {
        match wanting.get(&thread.number) {
            None => effects.stray.push(thread.note),
            Some(asked) if !effects.made.insert(asked.trigger) => {
                effects.repeated.push(asked.trigger);
            }
            Some(_) => {}
        }
    }
    let is_due = |asked: &&Asked| asked.is_answered() && !verdict.missing.contains(&asked.trigger);
    let due = wanting.into_values().filter(is_due);
    let missing = due.filter(|asked| !effects.made.contains(&asked.trigger));
    effects.missing = missing.map(|asked| asked.trigger).collect();
    effects
}

impl Effects {
    /// Looks up why threads are missing.
    pub(super) async fn reasons(&self, site: &Site) -> anyhow::Result<Reasons> {
        let mut reasons = Reasons::default();
        for message in &self.missing {
            let statement = format!(
                "SELECT COALESCE(s.result ->> 'outcome', 'unknown')
                 FROM turn_steps s JOIN turns t ON t.turn_id = s.turn_id
                 WHERE t.trigger_message_id = '{message}'
                 ORDER BY s.step DESC, s.ordinal DESC LIMIT 1"
            );
            match site.query(&statement).await?.trim() {
                "unknown" => reasons.unknown += 1,
                "refused" | "not_done" => reasons.not_done += 1,
                // Never begun, or made and not there.
                _ => {
                    reasons.lost.insert(*message);
                }
            }
        }
        Ok(reasons)
    }
}

#[cfg(test)]
mod tests {
    use proto::id::ChannelId;

    use super::*;
    use crate::chaos::judge::Wanted;

    fn asked(number: u32, wanted: Wanted) -> Asked {
        Asked {
            number,
            trigger: MessageId(u64::from(number) * 10),
            channel: ChannelId(1),
            parts: 2,
            wanted,
            wants_thread: true,
        }
    }

    fn thread(note: u64, number: u32) -> Thread {
        Thread {
            note: MessageId(note),
            number,
        }
    }

    #[test]
    fn a_thread_is_there_once() {
        let asked = [asked(1, Wanted::Answer), asked(2, Wanted::Answer)];
        let threads = [thread(100, 1), thread(101, 2)];
        let effects = judge(&asked, &threads, &Verdict::default());
        assert_eq!(effects.made, BTreeSet::from([10, 20].map(MessageId)));
        assert!(effects.repeated.is_empty() && effects.missing.is_empty());
    }

    #[test]
    fn every_further_thread_of_a_message_repeats_the_first() {
        let threads = [thread(100, 1), thread(101, 1), thread(102, 1)];
        let asked = [asked(1, Wanted::AnyBeginning)];
        let effects = judge(&asked, &threads, &Verdict::default());
        assert_eq!(effects.repeated, [MessageId(10), MessageId(10)]);
    }

    #[test]
    fn a_thread_that_nobody_asked_for_is_stray() {
        let mut silent = asked(1, Wanted::Answer);
        silent.wants_thread = false;
        let threads = [thread(100, 1), thread(101, 7)];
        let effects = judge(&[silent], &threads, &Verdict::default());
        assert_eq!(effects.stray, [100, 101].map(MessageId));
    }

    #[test]
    fn a_thread_is_missing_only_where_the_answer_is_whole() {
        let asked = [
            asked(1, Wanted::Answer),
            asked(2, Wanted::Answer),
            asked(3, Wanted::AnyBeginning),
        ];
        let verdict = Verdict {
            missing: BTreeSet::from([MessageId(20)]),
            ..Verdict::default()
        };
        let effects = judge(&asked, &[], &verdict);
        assert_eq!(effects.missing, BTreeSet::from([MessageId(10)]));
    }
}
