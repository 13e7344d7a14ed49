//! The promise of "saved" as a small world, in which everything that can happen is tried.
//!
//! Carol opts out: a worker writes her key into the bucket and says "saved" when [`Reports`] let it.
//! Meanwhile a gateway watches the bucket, which may lag, break and begin anew, writes probes, which
//! may be lost or arrive late, and holds what it cannot judge. A message that she writes after "saved"
//! must never be published. Whether the door is open is asked of the product's own [`State`], whether
//! the worker may say "saved" of the product's own [`Reports`].

use std::fmt;
use std::time::Duration;

use explore::Model;
use proto::id::UserId;
use proto::privacy::Probe;
use proto::privacy::reports::Reports;
use tokio::time::Instant;

use super::state::State;

const CAROL: UserId = UserId(1);

/// A moment of the world; the margin for clocks is a second, so each is more than that.
const MOMENT: Duration = Duration::from_secs(2);

/// How many moments the door stays open after a probe.
const GRACE: u8 = 1;

/// The world ends after so many: a door that was opened at first has run out by then.
const LAST_MOMENT: u8 = 3;

/// Probes of the gateway in one world.
const MOST_PROBES: usize = 2;

/// What keeps the promise.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Rule {
    /// The door is open only for a while after a probe.
    DoorRunsOut,
    /// That while begins when the probe is sent, not when it comes back.
    CountedFromSending,
    /// A probe proves the watch only if it was sent after the watch began.
    ProbesOfThisWatch,
    /// "Saved" is said when every gateway has read the change.
    WaitForReports,
    /// The worker reads the bucket in its order, up to the change at least.
    ReadUpToTheChange,
}

#[derive(Clone, Copy, Debug)]
struct World {
    without: Option<Rule>,
    most_faults: u8,
}

/// What is stored in the bucket.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Stored {
    Ready,
    Carol,
    Probe { beat: u8, applied: u8 },
}

/// A probe: when it was sent, in which watch, and what it says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Sent {
    beat: u8,
    at: u8,
    watch: u8,
    applied: u8,
}

#[expect(
    clippy::struct_excessive_bools,
    reason = "a world has what it has; each is a fact of its own"
)]
#[derive(Clone, Debug, Hash)]
struct Now {
    moment: u8,
    /// The bucket, with the moment of each entry.
    bucket: Vec<(Stored, u8)>,
    /// How many entries the gateway has read in this watch; the number of the watch.
    read: usize,
    watch: u8,
    /// All probes that were sent, and one that is on its way to the bucket.
    sent: Vec<Sent>,
    flying: Option<Sent>,
    /// The moment from which the last proof counts.
    proof: Option<u8>,
    /// How many entries the worker has read.
    worker_read: usize,
    has_raised: bool,
    is_saved: bool,
    /// Whether Carol has said something since "saved" that the gateway holds, or has published.
    is_said: bool,
    is_published: bool,
    faults_left: u8,
}

#[derive(Clone, Copy, Debug)]
enum Step {
    Wait,
    Send,
    Store,
    Read,
    Publish,
    Raise,
    RaiseAgain,
    WorkerReads,
    Save,
    Say,
    Lose,
    Rewatch,
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Wait => f.write_str("a moment passes"),
            Self::Send => f.write_str("the gateway sends a probe"),
            Self::Store => f.write_str("the probe on its way is stored"),
            Self::Read => f.write_str("the gateway reads the next entry"),
            Self::Publish => f.write_str("the gateway publishes what Carol said"),
            Self::Raise => f.write_str("Carol's key is stored"),
            Self::RaiseAgain => f.write_str("Carol's key is stored once more"),
            Self::WorkerReads => f.write_str("the worker reads what is in the bucket"),
            Self::Save => f.write_str("the worker says \"saved\""),
            Self::Say => f.write_str("Carol says something"),
            Self::Lose => f.write_str("! the probe on its way is lost"),
            Self::Rewatch => f.write_str("! the watch breaks and begins anew"),
        }
    }
}

impl World {
    fn keeps(self, rule: Rule) -> bool {
        self.without != Some(rule)
    }

    /// The gateway's state as the product keeps it.
    fn state(now: &Now, base: Instant) -> State {
        let mut state = State::new(MOMENT * u32::from(GRACE));
        for (stored, _) in now.bucket.iter().take(now.read) {
            match stored {
                Stored::Ready => state.set_ready(true),
                Stored::Carol => state.hide(CAROL),
                Stored::Probe { .. } => {}
            }
        }
        if let Some(proof) = now.proof {
            let at = base + MOMENT * u32::from(proof);
            let beat = state.probe(at).beat;
            state.came_back(beat);
        }
        state
    }

    fn may_publish(self, now: &Now) -> bool {
        let base = Instant::now();
        let state = Self::state(now, base);
        let moment = if self.keeps(Rule::DoorRunsOut) {
            now.moment
        } else {
            now.proof.unwrap_or_default()
        };
        state.is_whole(base + MOMENT * u32::from(moment)) && !state.users().contains(CAROL)
    }

    fn may_save(self, now: &Now) -> bool {
        let Some(raised) = now.bucket.iter().position(|one| one.0 == Stored::Carol) else {
            return false;
        };
        if !self.keeps(Rule::WaitForReports) {
            return true;
        }
        let milliseconds = |moment: u8| i64::from(moment) * 2_000;
        let mut reports = Reports::default();
        for (place, (stored, at)) in now.bucket.iter().take(now.worker_read).enumerate() {
            reports.read(revision(place), milliseconds(*at));
            if let Stored::Probe { beat, applied } = stored {
                let probe = Probe {
                    beat: u64::from(*beat),
                    applied: u64::from(*applied),
                    grace_ms: u32::from(GRACE) * 2_000,
                };
                reports.heard("gateway", probe);
            }
        }
        if !self.keeps(Rule::ReadUpToTheChange) {
            reports.read(revision(raised), reports.now_ms());
        }
        reports.have(revision(raised))
    }

    fn read(self, now: &mut Now) {
        let (stored, _) = now.bucket[now.read];
        now.read += 1;
        let Stored::Probe { beat, .. } = stored else {
            return;
        };
        let sent = now.sent.iter().find(|sent| sent.beat == beat).unwrap();
        let counts = sent.watch == now.watch || !self.keeps(Rule::ProbesOfThisWatch);
        let from = if self.keeps(Rule::CountedFromSending) {
            sent.at
        } else {
            now.moment
        };
        if counts {
            now.proof = now.proof.max(Some(from));
        }
    }
}

/// Revisions begin at 1.
fn revision(place: usize) -> u64 {
    u64::try_from(place).unwrap() + 1
}

impl Model for World {
    type State = Now;
    type Step = Step;

    fn start(&self) -> Now {
        Now {
            moment: 0,
            bucket: vec![(Stored::Ready, 0)],
            read: 0,
            watch: 0,
            sent: Vec::new(),
            flying: None,
            proof: None,
            worker_read: 0,
            has_raised: false,
            is_saved: false,
            is_said: false,
            is_published: false,
            faults_left: self.most_faults,
        }
    }

    fn steps(&self, now: &Now, steps: &mut Vec<Step>) {
        if now.moment < LAST_MOMENT {
            steps.push(Step::Wait);
        }
        match now.flying {
            Some(_) => steps.push(Step::Store),
            None if now.sent.len() < MOST_PROBES => steps.push(Step::Send),
            None => {}
        }
        if now.read < now.bucket.len() {
            steps.push(Step::Read);
        }
        if !now.has_raised {
            steps.push(Step::Raise);
        } else if !now.is_saved && now.bucket.last().is_some_and(|last| last.1 < now.moment) {
            steps.push(Step::RaiseAgain);
        }
        if now.worker_read < now.bucket.len() && !now.is_saved {
            steps.push(Step::WorkerReads);
        }
        if !now.is_saved && self.may_save(now) {
            steps.push(Step::Save);
        }
        if now.is_saved && !now.is_said {
            steps.push(Step::Say);
        }
        if now.is_said && self.may_publish(now) {
            steps.push(Step::Publish);
        }
        if now.faults_left > 0 {
            steps.push(Step::Rewatch);
            steps.extend(now.flying.map(|_| Step::Lose));
        }
    }

    fn take(&self, now: &mut Now, step: Step) {
        now.faults_left -= u8::from(self.is_fault(step));
        match step {
            Step::Wait => now.moment += 1,
            Step::Send => {
                let beat = u8::try_from(now.sent.len()).unwrap();
                let sent = Sent {
                    beat,
                    at: now.moment,
                    watch: now.watch,
                    applied: u8::try_from(now.read).unwrap(),
                };
                now.sent.push(sent);
                now.flying = Some(sent);
            }
            Step::Store => {
                let probe = now.flying.take();
                let stored =
                    probe.map(|Sent { beat, applied, .. }| Stored::Probe { beat, applied });
                now.bucket.extend(stored.map(|stored| (stored, now.moment)));
            }
            Step::Read => self.read(now),
            Step::Publish => now.is_published = true,
            Step::Raise | Step::RaiseAgain => {
                now.has_raised = true;
                now.bucket.push((Stored::Carol, now.moment));
            }
            Step::WorkerReads => now.worker_read = now.bucket.len(),
            Step::Save => {
                now.is_saved = true;
                // The worker is done: what only it needs makes no difference any more.
                now.worker_read = 0;
                now.bucket.iter_mut().for_each(|(_, at)| *at = 0);
            }
            Step::Say => now.is_said = true,
            Step::Lose => now.flying = None,
            Step::Rewatch => {
                now.watch += 1;
                (now.read, now.proof) = (0, None);
            }
        }
    }

    fn is_fault(&self, step: Step) -> bool {
        matches!(step, Step::Lose | Step::Rewatch)
    }

    fn broken(&self, now: &Now) -> Option<&'static str> {
        now.is_published
            .then_some("what Carol said after \"saved\" was published")
    }

    fn left_undone(&self, _now: &Now) -> Option<&'static str> {
        None
    }
}

mod tests;
