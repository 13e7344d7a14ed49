//! What had to be answered against what the bot's messages say. Pure.
//!
//! The words that are defined here are those of docs/delivery.md.

use std::collections::{BTreeMap, BTreeSet};

use proto::id::{ChannelId, MessageId};

use super::script::Mark;

/// What must become of a message that was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wanted {
    /// The whole answer.
    Answer,
    /// The answer as far as the provider's fault lets it come, then a word about the fault.
    Excuse,
    /// Whatever was said before it was deleted: from nothing to the whole answer.
    AnyBeginning,
}

/// A message that asked for an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Asked {
    pub(super) number: u32,
    pub(super) trigger: MessageId,
    pub(super) channel: ChannelId,
    pub(super) parts: u32,
    pub(super) wanted: Wanted,
    /// It asks for a thread as well.
    pub(super) wants_thread: bool,
}

impl Asked {
    /// Tells whether the whole answer has to come.
    pub(super) fn is_answered(&self) -> bool {
        self.wanted == Wanted::Answer
    }
}

/// A message of the bot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Seen {
    pub(super) id: MessageId,
    pub(super) channel: ChannelId,
    /// The parts of answers that it holds; empty: a word of the bot's own.
    pub(super) marks: Vec<Mark>,
    /// The message that it answers, where it names one.
    pub(super) answers: Option<MessageId>,
}

/// What came of a run: each list names the messages concerned.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Verdict {
    /// Messages that had to be answered.
    pub(super) expected: usize,
    /// Messages without their whole answer, whatever the record says about why.
    pub(super) missing: BTreeSet<MessageId>,
    /// Messages whose answer met a fault of the provider and that were not told so.
    pub(super) untold: BTreeSet<MessageId>,
    /// Messages whose answer has a hole: a part came although one before it is missing.
    pub(super) holes: BTreeSet<MessageId>,
    /// One entry for each post that repeats one that stands already.
    pub(super) duplicated: Vec<MessageId>,
    /// One entry for each post that stands behind one that had to come after it.
    pub(super) out_of_order: Vec<MessageId>,
    /// Posts that belong to no message that asked for them; here the posts themselves.
    pub(super) orphaned: Vec<MessageId>,
}

impl Verdict {
    /// Tells whether a further wait can change nothing for the better.
    pub(super) fn is_whole(&self) -> bool {
        self.missing.is_empty() && self.untold.is_empty()
    }
}

/// Judges a run; the order of both lists does not matter.
pub(super) fn judge(asked: &[Asked], seen: &[Seen]) -> Verdict {
    let mut verdict = Verdict {
        expected: asked
            .iter()
            .filter(|asked| asked.wanted == Wanted::Answer)
            .count(),
        ..Verdict::default()
    };
    let mut sorted: Vec<&Seen> = seen.iter().collect();
    sorted.sort_by_key(|seen| seen.id);
    let mut ledger = Ledger::new(asked);
    for post in sorted {
        ledger.enter(post, &mut verdict);
    }
    for asked in asked {
        ledger.close(asked, &mut verdict);
    }
    verdict
}

/// What has been seen so far, post by post in the order of the channel.
struct Ledger<'a> {
    by_number: BTreeMap<(ChannelId, u32), &'a Asked>,
    by_trigger: BTreeMap<MessageId, &'a Asked>,
    parts: BTreeMap<u32, BTreeSet<u32>>,
    words: BTreeSet<MessageId>,
    /// The furthest place that each channel has reached.
    reached: BTreeMap<ChannelId, (MessageId, u32)>,
}

impl<'a> Ledger<'a> {
    fn new(asked: &'a [Asked]) -> Self {
        let by_number = asked
            .iter()
            .map(|asked| ((asked.channel, asked.number), asked));
        Self {
            by_number: by_number.collect(),
            by_trigger: asked.iter().map(|asked| (asked.trigger, asked)).collect(),
            parts: BTreeMap::new(),
            words: BTreeSet::new(),
            reached: BTreeMap::new(),
        }
    }

    fn enter(&mut self, post: &Seen, verdict: &mut Verdict) {
        if post.marks.is_empty() {
            return self.enter_word(post, verdict);
        }
        for mark in &post.marks {
            let asked = self.by_number.get(&(post.channel, mark.message));
            let Some(asked) = asked.filter(|asked| (1..=asked.parts).contains(&mark.part)) else {
                verdict.orphaned.push(post.id);
                continue;
            };
            if !self
                .parts
                .entry(mark.message)
                .or_default()
                .insert(mark.part)
            {
                verdict.duplicated.push(asked.trigger);
                continue;
            }
            let place = (asked.trigger, mark.part);
            let reached = self.reached.entry(post.channel).or_insert(place);
            if place < *reached {
                verdict.out_of_order.push(asked.trigger);
            }
            *reached = place.max(*reached);
        }
    }

    /// A word of the bot's own must answer a message that asked, and say so once.
    fn enter_word(&mut self, post: &Seen, verdict: &mut Verdict) {
        let asked = post.answers.and_then(|id| self.by_trigger.get(&id));
        match asked {
            None => verdict.orphaned.push(post.id),
            Some(asked) if !self.words.insert(asked.trigger) => {
                verdict.duplicated.push(asked.trigger);
            }
            // "It went wrong" under an answer that is whole belongs to nothing.
            Some(asked) if asked.wanted == Wanted::Answer && self.is_whole(asked) => {
                verdict.orphaned.push(post.id);
            }
            Some(_) => {}
        }
    }

    fn count(&self, asked: &Asked) -> u32 {
        let parts = self.parts.get(&asked.number);
        parts.map_or(0, |parts| u32::try_from(parts.len()).unwrap_or(u32::MAX))
    }

    fn is_whole(&self, asked: &Asked) -> bool {
        self.count(asked) == asked.parts
    }

    fn close(&self, asked: &Asked, verdict: &mut Verdict) {
        let last = self
            .parts
            .get(&asked.number)
            .and_then(|parts| parts.last().copied());
        if last.unwrap_or_default() != self.count(asked) {
            verdict.holes.insert(asked.trigger);
        }
        if self.is_whole(asked) {
            return;
        }
        match asked.wanted {
            Wanted::Answer => {
                verdict.missing.insert(asked.trigger);
            }
            Wanted::Excuse if !self.words.contains(&asked.trigger) => {
                verdict.untold.insert(asked.trigger);
            }
            Wanted::Excuse | Wanted::AnyBeginning => {}
        }
    }
}

#[cfg(test)]
#[path = "judge/tests.rs"]
mod tests;
