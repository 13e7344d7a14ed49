//! Tries every order of events in a small world, and tells the shortest way to a broken promise.
//!
//! A [`Model`] is a state and the steps that may come next, faults among them. [`explore`] goes
//! breadth first through all states that can be reached, so the first broken promise that it meets
//! is the one with the fewest steps. [`wander`] takes long random walks instead, through worlds that
//! are too large for that; the same seed walks the same way.

mod fingerprint;

use std::collections::{HashSet, VecDeque};
use std::fmt::{self, Display};
use std::hash::Hash;

use fingerprint::{Fingerprint, fingerprint};

/// A small world: what it is like, and what may happen next.
pub trait Model {
    /// Everything that matters for what may happen next.
    type State: Clone + Hash;
    /// One thing that happens.
    type Step: Copy + Display;

    /// Returns the world before anything has happened.
    fn start(&self) -> Self::State;

    /// Adds what may happen next.
    fn steps(&self, state: &Self::State, steps: &mut Vec<Self::Step>);

    /// Lets it happen.
    fn take(&self, state: &mut Self::State, step: Self::Step);

    /// Tells whether the step is a fault. A world in which nothing but faults can happen is at rest.
    fn is_fault(&self, step: Self::Step) -> bool;

    /// Returns the promise that is broken in this state.
    fn broken(&self, state: &Self::State) -> Option<&'static str>;

    /// Returns the promise that is not kept although the world is at rest.
    fn left_undone(&self, state: &Self::State) -> Option<&'static str>;
}

/// What an exploration came to.
#[derive(Debug)]
pub struct Explored {
    /// How many different states were met.
    pub states: usize,
    /// How many of them were at rest: ends of the story.
    pub ends: usize,
    /// The shortest way to a broken promise.
    pub counterexample: Option<Story>,
    /// Whether every state that can be reached was met.
    pub is_complete: bool,
}

/// What happened, up to a broken promise.
#[derive(Debug)]
pub struct Story {
    /// The steps, in words.
    pub steps: Vec<String>,
    /// The promise.
    pub broken: &'static str,
}

impl Display for Story {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, step) in (1..).zip(&self.steps) {
            writeln!(f, "{number:>4}. {step}")?;
        }
        write!(f, "   => {}", self.broken)
    }
}

/// A state that is to be looked at, and the place of the step that led to it.
struct Waiting<S> {
    state: S,
    place: usize,
}

/// The tree of first ways: for each state met, the state before it and the step from there.
struct Ways<S> {
    ways: Vec<(usize, Option<S>)>,
}

impl<S: Copy + Display> Ways<S> {
    fn add(&mut self, before: usize, step: S) -> usize {
        self.ways.push((before, Some(step)));
        self.ways.len() - 1
    }

    fn story(&self, mut place: usize, broken: &'static str) -> Story {
        let mut steps = Vec::new();
        while let Some((before, Some(step))) = self.ways.get(place) {
            steps.push(step.to_string());
            place = *before;
        }
        steps.reverse();
        Story { steps, broken }
    }
}

/// Meets every state that can be reached, but at most about `most_states`; ends at the first broken
/// promise.
pub fn explore<M: Model>(model: &M, most_states: usize) -> Explored {
    let start = model.start();
    let mut met: HashSet<u64, Fingerprint> = HashSet::default();
    met.insert(fingerprint(&start));
    let mut ways = Ways {
        ways: vec![(0, None)],
    };
    let mut waiting = VecDeque::from([Waiting {
        state: start,
        place: 0,
    }]);
    let mut explored = Explored {
        states: 1,
        ends: 0,
        counterexample: None,
        is_complete: false,
    };
    let mut steps = Vec::new();
    while let Some(Waiting { state, place }) = waiting.pop_front() {
        if let Some(broken) = model.broken(&state) {
            explored.counterexample = Some(ways.story(place, broken));
            return explored;
        }
        let here = fingerprint(&state);
        let mut goes_on = false;
        steps.clear();
        model.steps(&state, &mut steps);
        for &step in &steps {
            let mut next = state.clone();
            model.take(&mut next, step);
            let there = fingerprint(&next);
            goes_on |= there != here && !model.is_fault(step);
            if met.insert(there) {
                let place = ways.add(place, step);
                waiting.push_back(Waiting { state: next, place });
            }
        }
        explored.ends += usize::from(!goes_on);
        if let Some(broken) = model.left_undone(&state).filter(|_| !goes_on) {
            explored.counterexample = Some(ways.story(place, broken));
            return explored;
        }
        explored.states = met.len();
        if met.len() > most_states {
            return explored;
        }
    }
    explored.is_complete = true;
    explored
}

/// Takes one random walk of at most `length` steps per seed; returns the first broken promise.
pub fn wander<M: Model>(
    model: &M,
    seeds: impl IntoIterator<Item = u64>,
    length: usize,
) -> Option<Story> {
    seeds.into_iter().find_map(|seed| walk(model, seed, length))
}

/// One step in this many of a walk is a fault, while there are some.
const FAULT_EVERY: u64 = 8;

fn walk<M: Model>(model: &M, seed: u64, length: usize) -> Option<Story> {
    let mut state = model.start();
    let mut chance = Chance(seed);
    let mut told = Vec::new();
    let mut steps = Vec::new();
    for _ in 0..length {
        steps.clear();
        model.steps(&state, &mut steps);
        let (mut faults, mut others): (Vec<_>, Vec<_>) =
            steps.iter().partition(|step| model.is_fault(**step));
        if !chance.next().is_multiple_of(FAULT_EVERY) {
            faults.clear();
        }
        let fault = chance.take(&mut faults);
        let Some((step, next)) = change(model, &state, &mut chance, fault, &mut others) else {
            let broken = model.left_undone(&state)?;
            return Some(Story {
                steps: told,
                broken,
            });
        };
        told.push(step.to_string());
        state = next;
        if let Some(broken) = model.broken(&state) {
            return Some(Story {
                steps: told,
                broken,
            });
        }
    }
    None
}

/// Takes the fault, or any of the other steps that changes something; `None` at rest.
fn change<M: Model>(
    model: &M,
    state: &M::State,
    chance: &mut Chance,
    fault: Option<M::Step>,
    others: &mut Vec<M::Step>,
) -> Option<(M::Step, M::State)> {
    let here = fingerprint(state);
    let mut step = fault.or_else(|| chance.take(others));
    while let Some(taken) = step {
        let mut next = state.clone();
        model.take(&mut next, taken);
        if fingerprint(&next) != here {
            return Some((taken, next));
        }
        step = chance.take(others);
    }
    None
}

/// Numbers that look random and are the same for the same seed (splitmix64).
struct Chance(u64);

impl Chance {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// Takes any of them out.
    fn take<T>(&mut self, among: &mut Vec<T>) -> Option<T> {
        let count = u64::try_from(among.len()).ok().filter(|count| *count > 0)?;
        let index = usize::try_from(self.next() % count).ok()?;
        Some(among.swap_remove(index))
    }
}

#[cfg(test)]
mod tests;
