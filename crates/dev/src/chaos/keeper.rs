//! Keeps the processes of a run alive, as a supervisor does in production, and takes them down.
//!
//! What is down on purpose stays down; everything else is started again whenever it has ended.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use rustix::process::Signal;
use tokio::sync::Mutex as AsyncMutex;
use tokio::time::{Instant, sleep};

use super::site::server_parts;
use crate::installation::{Installation, State};
use crate::launch;
use crate::part::Part;
use crate::process::Identity;
use crate::sandbox::clock;

/// Between two looks at what runs.
const LOOK_EVERY: Duration = Duration::from_millis(100);
/// Between two starts of the same process, as supervisors pause.
const PAUSE_MS: u64 = 1_000;
/// The longest wait for an end: a worker's drain and some room.
const END_WAIT: Duration = Duration::from_secs(40);

/// Everything that runs.
#[derive(Debug)]
pub(super) struct Keeper {
    /// The servers, then the product.
    homes: [Installation; 2],
    running: AsyncMutex<[State; 2]>,
    record: Mutex<Record>,
}

/// What happened to processes.
#[derive(Clone, Debug, Default)]
struct Record {
    down: BTreeSet<Part>,
    /// When a process was started, in Unix milliseconds, oldest first.
    started: Vec<(Part, u64)>,
    /// What ended although nobody told it to, and how often.
    ended: BTreeMap<String, usize>,
}

impl Record {
    fn last_start(&self, part: Part) -> u64 {
        let mut starts = self.started.iter().rev();
        starts
            .find(|(started, _)| *started == part)
            .map_or(0, |(_, at_ms)| *at_ms)
    }
}

impl Keeper {
    /// Takes over what was started.
    pub(super) fn of(homes: [Installation; 2], running: [State; 2]) -> Self {
        Self {
            homes,
            running: AsyncMutex::new(running),
            record: Mutex::default(),
        }
    }

    /// The installation of the product.
    pub(super) fn product(&self) -> &Installation {
        let [_, product] = &self.homes;
        product
    }

    fn record<T>(&self, look: impl FnOnce(&mut Record) -> T) -> T {
        look(&mut self.record.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Returns when a process was started first after a moment, in Unix milliseconds.
    pub(super) fn started_after(&self, part: Part, from_ms: u64) -> Option<u64> {
        self.record(|record| {
            let starts = record
                .started
                .iter()
                .filter(|(started, _)| *started == part);
            starts
                .map(|(_, at_ms)| *at_ms)
                .find(|at_ms| *at_ms >= from_ms)
        })
    }

    /// Returns what ended although nobody told it to, and how often.
    pub(super) fn ended_by_itself(&self) -> BTreeMap<String, usize> {
        self.record(|record| record.ended.clone())
    }

    async fn identity(&self, part: Part) -> Option<Identity> {
        let [servers, product] = &*self.running.lock().await;
        let state = if part.is_server() { servers } else { product };
        state.running(part).cloned()
    }

    /// Sends a signal that ends a process, waits for the end and leaves it down. Returns when
    /// the signal was sent, in Unix milliseconds; `None` when there is no such process.
    pub(super) async fn end(&self, part: Part, signal: Signal) -> anyhow::Result<Option<u64>> {
        let Some(identity) = self.identity(part).await else {
            return Ok(None);
        };
        self.record(|record| record.down.insert(part));
        let at_ms = clock::now_ms();
        identity.signal(signal)?;
        // Who is frozen by another order hears no signal but SIGKILL.
        identity.signal(Signal::CONT)?;
        if !identity.ended_by(Instant::now() + END_WAIT).await {
            identity.signal(Signal::KILL)?;
            identity.ended_by(Instant::now() + END_WAIT).await;
        }
        let [servers, product] = &mut *self.running.lock().await;
        let state = if part.is_server() { servers } else { product };
        state.processes.remove(&part.to_string());
        Ok(Some(at_ms))
    }

    /// Lets a process that is down come back.
    pub(super) fn let_back(&self, part: Part) {
        self.record(|record| record.down.remove(&part));
    }

    /// Freezes a process for a while; tells whether there was one.
    pub(super) async fn freeze(&self, part: Part, during: Duration) -> anyhow::Result<bool> {
        let Some(identity) = self.identity(part).await else {
            return Ok(false);
        };
        identity.signal(Signal::STOP)?;
        sleep(during).await;
        identity.signal(Signal::CONT)?;
        Ok(true)
    }

    /// Starts whatever does not run and is not down on purpose, until something cannot be started.
    pub(super) async fn keep(&self) -> anyhow::Error {
        loop {
            if let Err(error) = self.look_after_all().await {
                return error;
            }
            sleep(LOOK_EVERY).await;
        }
    }

    async fn look_after_all(&self) -> anyhow::Result<()> {
        let [servers, product] = &mut *self.running.lock().await;
        for part in server_parts(servers) {
            if self.is_to_start(servers, part) {
                let [home, _] = &self.homes;
                launch::start_volatile(home, servers, part).await?;
            }
        }
        for part in product.wanted() {
            if self.is_to_start(product, part) {
                let [_, home] = &self.homes;
                launch::start(home, product, part).await?;
            }
        }
        Ok(())
    }

    /// Tells whether a process has to be started now, and writes that down.
    fn is_to_start(&self, state: &mut State, part: Part) -> bool {
        let now_ms = clock::now_ms();
        let is_early = |record: &Record| record.last_start(part) + PAUSE_MS > now_ms;
        if state.running(part).is_some()
            || self.record(|record| record.down.contains(&part) || is_early(record))
        {
            return false;
        }
        // Whoever was ended on purpose is not in the state any more.
        let ended = state.processes.remove(&part.to_string());
        if let Some(identity) = &ended {
            identity.reap();
        }
        self.record(|record| {
            record.started.push((part, now_ms));
            if ended.is_some() {
                *record.ended.entry(part.to_string()).or_default() += 1;
            }
        });
        true
    }
}
