//! A flood of events at a steady rate, the same for the same seed: for measuring bots and tools.
//!
//! The events are real: what is said can be read, edited and deleted by REST afterwards.

mod source;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::time::{Instant, interval};

use super::Sandbox;
use super::world::World;
use super::world::crowd::Crowd;
use source::Source;

/// Between two bursts; short, so that a client sees a stream rather than waves.
const BURST_EVERY: Duration = Duration::from_millis(5);
/// Events that happen before others get a turn.
const BURST: u64 = 100;
/// The highest rate that is taken.
const MOST_PER_SECOND: u64 = 100_000;
/// The longest text that people can write.
const LONGEST_TEXT: usize = 4_000;

/// What happens, as shares of the whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Kind {
    /// Somebody says something.
    Message,
    /// Somebody says something to the bot.
    Addressed,
    /// Somebody changes what they said.
    Edit,
    /// Somebody deletes what they said.
    Delete,
    /// Somebody types.
    Typing,
}

/// What is wanted.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Flood {
    /// Events a second.
    rate: u64,
    /// How many events there are to be.
    events: u64,
    seed: u64,
    crowd: Crowd,
    /// The share of each kind.
    mix: BTreeMap<Kind, u32>,
    /// The shortest and the longest text, in characters; most are nearer to the shortest.
    characters: (usize, usize),
}

impl Flood {
    /// Tells what is wrong with it.
    pub(crate) fn problem(&self) -> Option<String> {
        let (shortest, longest) = self.characters;
        match () {
            () if !(1..=MOST_PER_SECOND).contains(&self.rate) => {
                Some(format!("there are 1 to {MOST_PER_SECOND} events a second"))
            }
            () if shortest == 0 || shortest > longest || longest > LONGEST_TEXT => {
                Some(format!("texts have 1 to {LONGEST_TEXT} characters"))
            }
            () if self.mix.values().all(|share| *share == 0) => {
                Some("the mix has no share of anything".to_owned())
            }
            () => self.crowd.problem(),
        }
    }
}

/// A flood that runs or ran.
#[derive(Debug, Default)]
pub(crate) struct Run {
    planned: u64,
    happened: AtomicU64,
    elapsed_ms: AtomicU64,
    is_running: AtomicBool,
}

impl Run {
    /// Tells whether nothing more comes.
    pub(crate) fn is_over(&self) -> bool {
        !self.is_running.load(Ordering::Relaxed)
    }
}

/// How far a flood is.
#[derive(Debug, Serialize)]
pub(crate) struct Progress {
    is_over: bool,
    planned: u64,
    happened: u64,
    elapsed_ms: u64,
}

impl Progress {
    /// Looks at the newest flood.
    pub(crate) fn of(world: &World) -> Self {
        let run = &world.flood;
        Self {
            is_over: run.is_over(),
            planned: run.planned,
            happened: run.happened.load(Ordering::Relaxed),
            elapsed_ms: run.elapsed_ms.load(Ordering::Relaxed),
        }
    }
}

/// Starts a flood; it ends by itself, when another one starts, or with the sandbox.
pub(crate) fn start(sandbox: &Sandbox, wanted: &Flood) {
    let run = Arc::new(Run {
        planned: wanted.events,
        is_running: AtomicBool::new(true),
        ..Run::default()
    });
    let source = sandbox.with(|world| {
        world.flood = Arc::clone(&run);
        Source::new(world, wanted)
    });
    let flowing = flow(sandbox.clone(), wanted.rate, source, run);
    #[expect(
        clippy::disallowed_methods,
        reason = "it ends with its load or with the sandbox, and leaves nothing to wait for"
    )]
    drop(tokio::spawn(flowing));
}

async fn flow(sandbox: Sandbox, rate: u64, mut source: Source, run: Arc<Run>) {
    let began = Instant::now();
    let mut pace = interval(BURST_EVERY);
    let mut happened = 0;
    while happened < run.planned {
        tokio::select! {
            _ = pace.tick() => {}
            () = sandbox.shutdown().cancelled() => return,
        }
        if !sandbox.peek(|world| Arc::ptr_eq(&world.flood, &run)) {
            break;
        }
        let elapsed_ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
        let due = elapsed_ms.saturating_mul(rate) / 1_000;
        while happened < due.min(run.planned) {
            let burst = (due.min(run.planned) - happened).min(BURST);
            sandbox.with(|world| (0..burst).for_each(|_| source.next(world)));
            happened += burst;
            tokio::task::yield_now().await;
        }
        run.happened.store(happened, Ordering::Relaxed);
        run.elapsed_ms.store(elapsed_ms, Ordering::Relaxed);
    }
    run.is_running.store(false, Ordering::Relaxed);
    sandbox.with(|_| ());
}
