//! From Discord into the stream as a small world, in which everything that can happen is tried.
//!
//! A session of a few frames of two channels, a gateway that reads and publishes them, a broker.
//! Between any two steps the process may die and the next one resume, a publish or its answer may be
//! lost, the broker may forget the ids that it has seen. What is kept is what the workers build on:
//! every frame is stored, the frames of a channel in their order, and none twice unless the broker
//! forgot its id. Which publish may leave next and how far the resume point is, is asked of the
//! product's own [`Lanes`] and [`Tracker`].

use std::fmt;

use explore::Model;

use crate::publish::lanes::Lanes;
use crate::resume::tracker::Tracker;

/// The channel of each frame of the session.
const CHANNELS: [u8; 4] = [0, 1, 0, 1];
const FRAMES: usize = CHANNELS.len();

/// What keeps a promise.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Rule {
    /// One unacknowledged publish per channel.
    OwnLanes,
    /// The resume point never passes a frame that is not stored.
    PointWithoutGap,
    /// A frame is published again under the same id.
    SameId,
}

#[derive(Clone, Copy, Debug)]
struct Gateway {
    without: Option<Rule>,
    most_faults: u8,
}

#[derive(Clone, Debug, Hash)]
struct World {
    /// The point from which this process resumed, and how far it has read.
    resumed: usize,
    read: usize,
    /// Frames whose publish is awaited, and those that were acknowledged to this process.
    out: [bool; FRAMES],
    settled: [bool; FRAMES],
    /// Publishes on their way, also those of a process that is dead.
    flying: Vec<usize>,
    /// The point that is written down.
    saved: usize,
    /// All that was ever stored, in order.
    stored: Vec<usize>,
    /// The ids that the broker knows.
    ids: [bool; FRAMES],
    has_forgotten: bool,
    faults_left: u8,
}

#[derive(Clone, Copy, Debug)]
enum Step {
    Read,
    Publish(usize),
    Arrive(usize),
    Save,
    Crash,
    LosePublish(usize),
    LoseAnswer(usize),
    Forget,
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Read => f.write_str("the gateway reads the next frame"),
            Self::Publish(frame) => write!(f, "it publishes frame {}", frame + 1),
            Self::Arrive(flight) => write!(f, "publish {flight} on its way arrives"),
            Self::Save => f.write_str("the resume point is written down"),
            Self::Crash => f.write_str("! the gateway dies, and the next one resumes"),
            Self::LosePublish(flight) => write!(f, "! publish {flight} on its way is lost"),
            Self::LoseAnswer(flight) => {
                write!(f, "! publish {flight} arrives, and the answer is lost")
            }
            Self::Forget => f.write_str("! the broker restarts and forgets the ids"),
        }
    }
}

impl Gateway {
    fn keeps(self, rule: Rule) -> bool {
        self.without != Some(rule)
    }

    /// The frames that may be published now: each lane gives its first one.
    fn next(self, world: &World) -> Vec<usize> {
        let mut lanes = Lanes::default();
        let is_shared = self.keeps(Rule::OwnLanes);
        let read = (world.resumed..world.read).filter(|frame| !world.settled[*frame]);
        for frame in read {
            let own = u8::try_from(frame).unwrap();
            lanes.push(if is_shared { CHANNELS[frame] } else { own }, frame);
        }
        std::iter::from_fn(|| lanes.take())
            .filter(|frame| !world.flying.contains(frame) || !world.out[*frame])
            .collect()
    }

    fn point(self, world: &World) -> usize {
        if !self.keeps(Rule::PointWithoutGap) {
            let last = world.settled.iter().rposition(|settled| *settled);
            return last.map_or(world.resumed, |last| last + 1);
        }
        let sequence = |frame: usize| u64::try_from(frame + 1).unwrap();
        let mut tracker = Tracker::new(u64::try_from(world.resumed).unwrap());
        for frame in world.resumed..world.read {
            tracker.open(sequence(frame));
            if world.settled[frame] {
                tracker.settle(sequence(frame));
            }
        }
        usize::try_from(tracker.point()).unwrap()
    }

    fn arrive(self, world: &mut World, flight: usize, is_answered: bool) {
        let frame = world.flying.remove(flight);
        if !world.ids[frame] || !self.keeps(Rule::SameId) {
            world.ids[frame] = true;
            world.stored.push(frame);
        }
        if is_answered && world.out[frame] {
            world.out[frame] = false;
            world.settled[frame] = true;
        }
    }
}

impl Model for Gateway {
    type State = World;
    type Step = Step;

    fn start(&self) -> World {
        World {
            resumed: 0,
            read: 0,
            out: [false; FRAMES],
            settled: [false; FRAMES],
            flying: Vec::new(),
            saved: 0,
            stored: Vec::new(),
            ids: [false; FRAMES],
            has_forgotten: false,
            faults_left: self.most_faults,
        }
    }

    fn steps(&self, world: &World, steps: &mut Vec<Step>) {
        if world.read < FRAMES {
            steps.push(Step::Read);
        }
        steps.extend(self.next(world).into_iter().map(Step::Publish));
        steps.extend((0..world.flying.len()).map(Step::Arrive));
        steps.push(Step::Save);
        if world.faults_left > 0 {
            steps.extend([Step::Crash, Step::Forget]);
            steps.extend((0..world.flying.len()).map(Step::LosePublish));
            steps.extend((0..world.flying.len()).map(Step::LoseAnswer));
        }
    }

    fn take(&self, world: &mut World, step: Step) {
        world.faults_left -= u8::from(self.is_fault(step));
        match step {
            Step::Read => world.read += 1,
            Step::Publish(frame) => {
                world.out[frame] = true;
                world.flying.push(frame);
            }
            Step::Arrive(flight) => self.arrive(world, flight, true),
            Step::Save => world.saved = self.point(world),
            Step::Crash => {
                (world.resumed, world.read) = (world.saved, world.saved);
                (world.out, world.settled) = ([false; FRAMES], [false; FRAMES]);
            }
            Step::LosePublish(flight) => {
                world.flying.remove(flight);
            }
            Step::LoseAnswer(flight) => self.arrive(world, flight, false),
            Step::Forget => {
                world.ids = [false; FRAMES];
                world.has_forgotten = true;
            }
        }
    }

    fn is_fault(&self, step: Step) -> bool {
        match step {
            Step::Read | Step::Publish(_) | Step::Arrive(_) | Step::Save => false,
            Step::Crash | Step::LosePublish(_) | Step::LoseAnswer(_) | Step::Forget => true,
        }
    }

    fn broken(&self, world: &World) -> Option<&'static str> {
        let mut firsts: Vec<usize> = Vec::new();
        for frame in &world.stored {
            if !firsts.contains(frame) {
                firsts.push(*frame);
            } else if !world.has_forgotten {
                return Some("a frame was stored twice");
            }
        }
        let is_sorted = |channel: u8| {
            let own = firsts.iter().filter(|frame| CHANNELS[**frame] == channel);
            own.is_sorted()
        };
        (!is_sorted(0) || !is_sorted(1)).then_some("a channel is out of order")
    }

    fn left_undone(&self, world: &World) -> Option<&'static str> {
        let is_stored = |frame| world.stored.contains(&frame);
        (!(0..FRAMES).all(is_stored)).then_some("a frame was never stored")
    }
}

mod tests;
