//! How long it took until all went on after a lone kill. Pure.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use proto::id::MessageId;
use serde::Serialize;

use super::effects::Thread;
use super::judge::{Asked, Seen, Wanted};
use crate::part::Part;

/// A process that was killed while nothing else was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Death {
    pub(super) part: Part,
    /// When, in Unix milliseconds.
    pub(super) at_ms: u64,
    /// Of a worker: the messages that it was answering, and whether a post or a use of a tool was on
    /// its way.
    pub(super) turns: Vec<(MessageId, bool)>,
}

/// Times of one kind, in milliseconds, sorted.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub(super) struct Times {
    count: usize,
    p50: u64,
    p99: u64,
    max: u64,
    /// All of them, so that several runs can be put together.
    samples: Vec<u64>,
}

impl Times {
    /// Sorts times and takes their quantiles, each the least that so many do not exceed.
    pub(super) fn of(mut samples: Vec<u64>) -> Self {
        samples.sort_unstable();
        let count = samples.len();
        let at = |hundredths: usize| {
            let rank = (count * hundredths).div_ceil(100).max(1);
            samples.get(rank - 1).copied().unwrap_or_default()
        };
        Self {
            count,
            p50: at(50),
            p99: at(99),
            max: at(100),
            samples,
        }
    }
}

impl fmt::Display for Times {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            count,
            p50,
            p99,
            max,
            ..
        } = self;
        write!(
            f,
            "{count} times, p50 {p50} ms, p99 {p99} ms, longest {max} ms"
        )
    }
}

/// What a reply waited for besides its next worker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Beside {
    Nothing,
    /// For what its dead worker had on its way: nobody knew yet whether that had arrived.
    InFlight,
    /// For its provider: the message asked for a fault, which is answered by further tries.
    Provider,
}

/// A reply that went on after the worker that was writing it had died.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct WentOn {
    pub(super) trigger: MessageId,
    /// From the kill to its next part or thread.
    pub(super) after_ms: u64,
    pub(super) beside: Beside,
}

/// Returns the replies that workers were writing when they were killed and that went on.
pub(super) fn of_workers(
    deaths: &[Death],
    asked: &[Asked],
    (seen, threads): (&[Seen], &[Thread]),
) -> Vec<WentOn> {
    let numbers: BTreeMap<u32, &Asked> = asked.iter().map(|asked| (asked.number, asked)).collect();
    let mut posts: BTreeMap<MessageId, Vec<u64>> = BTreeMap::new();
    for seen in seen {
        let mut marks = seen.marks.iter();
        let asked = marks.find_map(|mark| numbers.get(&mark.message));
        if let Some(trigger) = asked.map(|asked| asked.trigger).or(seen.answers) {
            posts
                .entry(trigger)
                .or_default()
                .push(seen.id.created_at_ms());
        }
    }
    for thread in threads {
        if let Some(asked) = numbers.get(&thread.number) {
            let made_at_ms = thread.note.created_at_ms();
            posts.entry(asked.trigger).or_default().push(made_at_ms);
        }
    }
    let faulty: BTreeSet<MessageId> = asked
        .iter()
        .filter(|asked| asked.wanted == Wanted::Excuse)
        .map(|asked| asked.trigger)
        .collect();
    let mut all = Vec::new();
    for death in deaths {
        for &(trigger, was_in_flight) in &death.turns {
            let posts = posts.get(&trigger).map(Vec::as_slice).unwrap_or_default();
            // A reply of which nothing was left to say does not go on.
            let next = posts.iter().filter(|at_ms| **at_ms > death.at_ms).min();
            let beside = match (faulty.contains(&trigger), was_in_flight) {
                (true, _) => Beside::Provider,
                (false, true) => Beside::InFlight,
                (false, false) => Beside::Nothing,
            };
            all.extend(next.map(|next| WentOn {
                trigger,
                after_ms: next - death.at_ms,
                beside,
            }));
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use proto::id::ChannelId;

    use super::*;
    use crate::chaos::script::Mark;

    fn at(ms: u64) -> MessageId {
        MessageId(ms << 22)
    }

    fn part(at_ms: u64, message: u32, part: u32) -> Seen {
        Seen {
            id: at(at_ms),
            channel: ChannelId(1),
            marks: vec![Mark { message, part }],
            answers: None,
        }
    }

    #[test]
    fn the_next_part_of_a_reply_that_was_being_written_counts() {
        let asked = [1, 2, 3, 4, 5].map(|number: u32| Asked {
            number,
            trigger: MessageId(u64::from(number)),
            channel: ChannelId(1),
            parts: 2,
            wanted: if number == 5 {
                Wanted::Excuse
            } else {
                Wanted::Answer
            },
            wants_thread: false,
        });
        let zero_ms = at(0).created_at_ms();
        let death = Death {
            part: Part::Worker(1),
            at_ms: zero_ms + 1_000,
            turns: vec![
                (MessageId(1), false),
                (MessageId(2), true),
                (MessageId(3), false),
                (MessageId(4), false),
                (MessageId(5), false),
            ],
        };
        let seen = [
            part(900, 1, 1),
            part(7_000, 1, 2),
            part(17_000, 2, 1),
            part(999, 3, 2),
            part(9_000, 5, 1),
        ];
        let thread = Thread {
            note: at(6_500),
            number: 4,
        };
        let times = of_workers(&[death], &asked, (&seen, &[thread]));
        let went_on = |number, after_ms, beside| WentOn {
            trigger: MessageId(number),
            after_ms,
            beside,
        };
        let wanted = [
            went_on(1, 6_000, Beside::Nothing),
            went_on(2, 16_000, Beside::InFlight),
            went_on(4, 5_500, Beside::Nothing),
            went_on(5, 8_000, Beside::Provider),
        ];
        assert_eq!(times, wanted);
    }

    #[test]
    fn quantiles_are_the_least_times_that_so_many_do_not_exceed() {
        let times = Times::of((1..=200).rev().collect());
        assert_eq!((times.p50, times.p99, times.max), (100, 198, 200));
        assert_eq!(Times::of(vec![7]).p99, 7);
        assert_eq!(Times::of(Vec::new()).max, 0);
    }
}
