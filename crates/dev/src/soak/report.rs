//! The figures of a run, for people and for programs.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use serde::Serialize;

use super::crowd::Sent;
use super::ledger::Verdict;
use crate::part::Part;

/// What the memory of a process may be at the end, as a multiple of that after the first minute.
const MOST_GROWTH: f64 = 1.1;

/// The memory of one process.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Memory {
    process: String,
    /// Whether its growth decides: it is a part of the product, not of the test.
    is_judged: bool,
    first_minute_kib: u32,
    last_minute_kib: u32,
    ratio: f64,
}

impl Memory {
    pub(super) fn new(part: Part, first: u32, last: u32) -> Self {
        let ratio = f64::from(last) / f64::from(first.max(1));
        Self {
            process: part.to_string(),
            is_judged: part != Part::Sandbox,
            first_minute_kib: first,
            last_minute_kib: last,
            ratio: (ratio * 1_000.0).round() / 1_000.0,
        }
    }

    fn has_grown(&self) -> bool {
        self.is_judged && self.ratio > MOST_GROWTH
    }
}

/// What the gateway counted.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub(super) struct Events {
    /// Frames of messages that were to be published.
    pub(super) published: u64,
    /// Events whose storing the broker acknowledged.
    pub(super) acknowledged: u64,
    /// Events that were given up.
    pub(super) given_up: u64,
    /// Attempts that were repeated.
    pub(super) retried: u64,
    /// The gateway was started again meanwhile: what a process counted after it was last looked at
    /// went with it, so nothing is judged by these figures.
    pub(super) are_partial: bool,
}

/// Milliseconds from a message to its reply, by the ids of both.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub(super) struct Waits {
    median_ms: u64,
    p95_ms: u64,
    longest_ms: u64,
}

/// Everything about a run.
#[derive(Debug, Default, Serialize)]
pub(super) struct Report {
    /// Whether everything that is promised was kept.
    pub(super) met: bool,
    /// What was not kept; empty when `met`.
    pub(super) not_met: Vec<String>,
    sent: u64,
    /// Messages among them that asked for an answer.
    asked: usize,
    seconds: f64,
    per_second: f64,
    /// Whether all turns were final before the patience ended.
    pub(super) is_settled: bool,
    answered: usize,
    lost: usize,
    /// What the record says about messages without a reply.
    #[serde(serialize_with = "as_object")]
    pub(super) unanswered: Vec<(String, usize)>,
    doubled: usize,
    out_of_order: usize,
    /// Posts that the sandbox accepted or knew already, of whatever run.
    pub(super) posts: u64,
    /// Posts among them that were sent a second time and made no second message.
    pub(super) repeated: usize,
    /// Turns that ended, by state and reason.
    pub(super) turns: BTreeMap<String, u64>,
    pub(super) events: Events,
    /// Events that the stream took, each once.
    pub(super) stored: u64,
    /// Events in the stream at the end.
    pub(super) pending: u64,
    /// Events that workers had taken and not acknowledged at the end.
    pub(super) unacknowledged: usize,
    waits: Waits,
    pub(super) memory: Vec<Memory>,
    pub(super) notes: Vec<String>,
}

fn as_object<S: serde::Serializer>(pairs: &[(String, usize)], to: S) -> Result<S::Ok, S::Error> {
    to.collect_map(pairs.iter().map(|(reason, count)| (reason, count)))
}

impl Report {
    /// Starts with what was sent and what came back.
    pub(super) fn of(messages: u64, asked: &[Sent], verdict: &Verdict, lasted: Duration) -> Self {
        let count = u32::try_from(messages).unwrap_or(u32::MAX);
        let tenths = |number: f64| (number * 10.0).round() / 10.0;
        Self {
            sent: messages,
            asked: asked.len(),
            seconds: tenths(lasted.as_secs_f64()),
            per_second: tenths(f64::from(count) / lasted.as_secs_f64().max(0.001)),
            answered: verdict.answered,
            lost: verdict.lost.len(),
            doubled: verdict.doubled,
            out_of_order: verdict.out_of_order,
            waits: waits(&verdict.waits_ms),
            ..Self::default()
        }
    }

    /// Decides whether everything was kept.
    pub(super) fn judged(mut self) -> Self {
        let Events {
            published,
            acknowledged,
            are_partial,
            ..
        } = self.events;
        let mut faults = vec![
            (
                self.lost > 0,
                format!("{} messages have no reply", self.lost),
            ),
            (
                self.doubled > 0,
                format!("{} replies too many", self.doubled),
            ),
            (
                self.out_of_order > 0,
                format!("{} replies out of order", self.out_of_order),
            ),
            (
                !self.is_settled,
                "not all turns were final in time".to_owned(),
            ),
            (
                !are_partial && (published != acknowledged || acknowledged != self.stored),
                format!(
                    "{published} events published, {acknowledged} acknowledged, {} stored",
                    self.stored
                ),
            ),
            (
                self.pending > 0 || self.unacknowledged > 0,
                format!(
                    "{} events left in the stream, {} taken",
                    self.pending, self.unacknowledged
                ),
            ),
        ];
        faults.extend(self.memory.iter().map(|memory| {
            (
                memory.has_grown(),
                format!("{} grew to {} times", memory.process, memory.ratio),
            )
        }));
        self.not_met = faults
            .into_iter()
            .filter(|(is_so, _)| *is_so)
            .map(|(_, fault)| fault)
            .collect();
        self.met = self.not_met.is_empty();
        self
    }
}

fn waits(sorted_ms: &[u64]) -> Waits {
    let at = |hundredths: usize| {
        let index = sorted_ms.len().saturating_sub(1) * hundredths / 100;
        sorted_ms.get(index).copied().unwrap_or_default()
    };
    Waits {
        median_ms: at(50),
        p95_ms: at(95),
        longest_ms: at(100),
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.write_answers(f)?;
        self.write_events(f)?;
        for memory in &self.memory {
            writeln!(f, "{memory}")?;
        }
        for note in &self.notes {
            writeln!(f, "note          {note}")?;
        }
        if self.met {
            write!(f, "met")
        } else {
            write!(f, "NOT met: {}", self.not_met.join("; "))
        }
    }
}

impl Report {
    fn write_answers(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (sent, asked) = (self.sent, self.asked);
        let (seconds, per_second) = (self.seconds, self.per_second);
        writeln!(
            f,
            "sent          {sent} in {seconds} s, {per_second} a second; {asked} asked for an answer"
        )?;
        write!(f, "answered      {}, lost {}", self.answered, self.lost)?;
        writeln!(
            f,
            ", doubled {}, out of order {}",
            self.doubled, self.out_of_order
        )?;
        for (reason, count) in &self.unanswered {
            writeln!(f, "  unanswered  {count}: {reason}")?;
        }
        let (posts, repeated) = (self.posts, self.repeated);
        writeln!(
            f,
            "posts         {posts}, of which {repeated} were sent again"
        )?;
        for (how, count) in &self.turns {
            writeln!(f, "turns         {count} {how}")?;
        }
        let Waits {
            median_ms,
            p95_ms,
            longest_ms,
        } = self.waits;
        write!(f, "first words   after {median_ms} ms (median), ")?;
        writeln!(f, "{p95_ms} ms (95 %), {longest_ms} ms (longest)")
    }

    fn write_events(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Events {
            published,
            acknowledged,
            given_up,
            retried,
            are_partial,
        } = self.events;
        write!(
            f,
            "events        {published} published, {acknowledged} acknowledged, "
        )?;
        writeln!(
            f,
            "{} stored, {retried} retried, {given_up} given up{}",
            self.stored,
            if are_partial {
                " (without what earlier gateways counted last)"
            } else {
                ""
            }
        )?;
        let (pending, taken) = (self.pending, self.unacknowledged);
        writeln!(
            f,
            "at the end    {pending} in the stream, {taken} taken and not acknowledged"
        )
    }
}

impl fmt::Display for Memory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (first, last, ratio) = (self.first_minute_kib, self.last_minute_kib, self.ratio);
        let only_shown = if self.is_judged { "" } else { " (not judged)" };
        let name = &self.process;
        write!(
            f,
            "{name:<13} {first} KiB, then {last} KiB: {ratio:.3}{only_shown}"
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn good() -> Report {
        let memory = vec![Memory::new(Part::Gateway, 1_000, 1_100)];
        Report {
            is_settled: true,
            memory,
            ..Report::default()
        }
    }

    #[test]
    fn a_run_without_a_fault_is_met() {
        assert!(good().judged().met);
    }

    #[test]
    fn memory_that_grew_by_more_than_a_tenth_is_named() {
        let memory = vec![Memory::new(Part::Worker(2), 1_000, 1_102)];
        let report = Report { memory, ..good() }.judged();
        assert_eq!(report.not_met, ["worker-2 grew to 1.102 times"]);
    }

    #[test]
    fn the_sandbox_may_grow_because_it_keeps_everything() {
        let memory = vec![Memory::new(Part::Sandbox, 1_000, 9_000)];
        assert!(Report { memory, ..good() }.judged().met);
    }

    #[test]
    fn an_event_that_was_not_acknowledged_is_a_fault() {
        let events = Events {
            published: 2,
            acknowledged: 1,
            ..Events::default()
        };
        assert!(
            !Report {
                events,
                stored: 1,
                ..good()
            }
            .judged()
            .met
        );
    }

    #[test]
    fn figures_that_went_with_a_killed_gateway_are_no_fault() {
        let events = Events {
            published: 2,
            acknowledged: 1,
            are_partial: true,
            ..Events::default()
        };
        assert!(
            Report {
                events,
                stored: 9,
                ..good()
            }
            .judged()
            .met
        );
    }

    #[test]
    fn the_longest_wait_is_the_last_one() {
        let waits = waits(&[1, 2, 3, 40]);
        assert_eq!((waits.median_ms, waits.longest_ms), (2, 40));
    }
}
