//! Looks at the processes of the product from outside while they work: memory, counters.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::time::Duration;

use tokio::time::{Instant, MissedTickBehavior, interval};

use super::report::{Events, Memory};
use super::scrape::{Counters, parse};
use crate::http::Local;
use crate::installation::Installation;
use crate::part::Part;
use crate::process::Identity;
use crate::status::address;

/// Between two looks.
const EVERY: Duration = Duration::from_secs(5);
/// The moment whose memory the end is compared with; a shorter run takes its first fifth.
const WARM_AFTER: Duration = Duration::from_mins(1);
/// A figure for memory is the median of the looks in this time before its moment.
const SPAN: Duration = Duration::from_secs(30);

/// A process that is watched.
#[derive(Debug)]
struct Watched {
    part: Part,
    identity: Identity,
    counters: Counters,
    /// When, and resident KiB.
    memory: Vec<(Instant, u32)>,
    was_restarted: bool,
}

/// All processes that are watched.
#[derive(Debug)]
pub(super) struct Watch {
    installation: Installation,
    web: Local,
    began: Instant,
    watched: BTreeMap<Part, Watched>,
    notes: Vec<String>,
}

impl Watch {
    /// Notes where every process stands now.
    pub(super) async fn begin(installation: &Installation) -> anyhow::Result<Self> {
        let mut watch = Self {
            installation: installation.clone(),
            web: Local::default(),
            began: Instant::now(),
            watched: BTreeMap::new(),
            notes: Vec::new(),
        };
        let state = installation.state()?;
        for part in state.alive().into_iter().filter(|part| is_watched(*part)) {
            let Some(identity) = state.running(part).cloned() else {
                continue;
            };
            let counters = Counters::since(watch.scrape(part).await.unwrap_or_default());
            let watched = Watched {
                part,
                identity,
                counters,
                memory: Vec::new(),
                was_restarted: false,
            };
            watch.watched.insert(part, watched);
        }
        Ok(watch)
    }

    /// Looks again and again; ends only when that cannot be done. Cancel safe: a look that was
    /// broken off counts nothing.
    pub(super) async fn keep_looking(&mut self) -> anyhow::Error {
        let kept: anyhow::Result<Infallible> = async {
            let mut pace = interval(EVERY);
            pace.set_missed_tick_behavior(MissedTickBehavior::Delay);
            loop {
                pace.tick().await;
                self.look().await?;
            }
        }
        .await;
        match kept {
            Err(error) => error,
        }
    }

    /// Looks once.
    pub(super) async fn look(&mut self) -> anyhow::Result<()> {
        let state = self.installation.state()?;
        for part in state.alive().into_iter().filter(|part| is_watched(*part)) {
            let Some(identity) = state.running(part).cloned() else {
                continue;
            };
            let scrape = self.scrape(part).await;
            let at = Instant::now();
            let seconds = self.began.elapsed().as_secs();
            let watched = self.watched.entry(part).or_insert_with(|| Watched {
                part,
                identity: identity.clone(),
                counters: Counters::default(),
                memory: Vec::new(),
                was_restarted: false,
            });
            if watched.identity != identity {
                self.notes
                    .push(format!("{part} was started again after {seconds} s"));
                watched.identity = identity;
                watched.memory.clear();
                watched.was_restarted = true;
            }
            if let Some(scrape) = scrape {
                watched.counters.look(scrape);
            }
            let memory = resident_kib(watched.identity.pid);
            watched.memory.extend(memory.map(|kib| (at, kib)));
        }
        Ok(())
    }

    /// Returns what the metrics of a process say; `None` when it has none or does not answer.
    async fn scrape(&self, part: Part) -> Option<super::scrape::Scrape> {
        if !part.has_admin_port() {
            return None;
        }
        let port = self.installation.state().ok()?.port(part)?;
        let url = format!("{}/metrics", address(part, port));
        let (status, text) = self.web.get(&url).await.ok()?;
        status
            .is_success()
            .then(|| parse(&String::from_utf8_lossy(&text)))
    }

    /// Compares the memory of every process at the first minute with that at the end of the load.
    pub(super) fn memory(&self, lasted: Duration) -> Vec<Memory> {
        let end = self.began + lasted;
        let warm = self.began + WARM_AFTER.min(lasted / 5);
        let at = |watched: &Watched, moment| resident_at(&watched.memory, moment);
        let compare = |watched: &Watched| {
            Some(Memory::new(
                watched.part,
                at(watched, warm)?,
                at(watched, end)?,
            ))
        };
        self.watched.values().filter_map(compare).collect()
    }

    fn workers(&self) -> impl Iterator<Item = &Counters> {
        let workers = self
            .watched
            .values()
            .filter(|one| matches!(one.part, Part::Worker(_)));
        workers.map(|worker| &worker.counters)
    }

    /// Returns how many turns ended, by state and reason.
    pub(super) fn turns(&self) -> BTreeMap<String, u64> {
        let mut turns = BTreeMap::new();
        for counters in self.workers() {
            let ended = counters.by_labels("worker_turns_total", ["state", "reason"]);
            for ([state, reason], count) in ended {
                let how = match reason.as_str() {
                    "" | "none" | "done" => state,
                    reason => format!("{state} ({reason})"),
                };
                *turns.entry(how).or_default() += count;
            }
        }
        turns
    }

    /// Returns how many turns ended or were never begun because their message was refused.
    pub(super) fn settled(&self) -> u64 {
        let refused = |counters: &Counters| {
            let decided = counters.by_labels("worker_decisions_total", ["code", ""]);
            let is_refusal = |code: &str| code != "accepted" && code != "own_post";
            let refused = decided.iter().filter(|([code, _], _)| is_refusal(code));
            refused.map(|(_, count)| count).sum::<u64>()
        };
        let one = |counters: &Counters| counters.sum("worker_turns_total") + refused(counters);
        self.workers().map(one).sum()
    }

    /// Returns how many turns ran at the last look.
    pub(super) fn running(&self) -> u64 {
        self.workers()
            .map(|counters| counters.now("worker_turns_running"))
            .sum()
    }

    /// Returns what the gateway counted since the beginning.
    pub(super) fn events(&self) -> Events {
        let Some(gateway) = self.watched.get(&Part::Gateway) else {
            return Events::default();
        };
        let frames = gateway
            .counters
            .by_labels("gateway_frames_total", ["kind", ""]);
        let published = |kind: &str| kind.starts_with("message_") || kind.starts_with("guild_");
        let of_events = frames.iter().filter(|([kind, _], _)| published(kind));
        let skipped = gateway
            .counters
            .by_labels("gateway_frames_skipped_total", ["reason", ""]);
        let skipped = skipped.iter().filter(|([reason, _], _)| reason != "unused");
        let frames: u64 = of_events.map(|(_, count)| count).sum();
        Events {
            published: frames.saturating_sub(skipped.map(|(_, count)| count).sum()),
            acknowledged: gateway.counters.sum("gateway_events_stored_total"),
            given_up: gateway.counters.sum("gateway_dead_letters_total"),
            retried: gateway.counters.sum("gateway_publish_retries_total"),
            are_partial: gateway.was_restarted,
        }
    }

    /// Returns what was unusual.
    pub(super) fn notes(&self) -> Vec<String> {
        self.notes.clone()
    }
}

fn is_watched(part: Part) -> bool {
    !matches!(part, Part::Postgres)
}

/// Returns the memory of a process that is in RAM, in KiB (`VmRSS`, proc(5)).
fn resident_kib(pid: i32) -> Option<u32> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.split_whitespace().next()?.parse().ok()
}

/// Returns the median of the looks within [`SPAN`] before a moment, or the first one after it.
fn resident_at(looks: &[(Instant, u32)], moment: Instant) -> Option<u32> {
    let is_near = |at: Instant| at <= moment && at + SPAN > moment;
    let mut near: Vec<u32> = looks
        .iter()
        .filter(|(at, _)| is_near(*at))
        .map(|(_, kib)| *kib)
        .collect();
    near.sort_unstable();
    let after = looks
        .iter()
        .find(|(at, _)| *at > moment)
        .map(|(_, kib)| *kib);
    near.get(near.len() / 2).copied().or(after)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_single_high_look_does_not_decide() {
        let began = Instant::now();
        let at = |seconds| began + Duration::from_secs(seconds);
        let looks = [(at(40), 100), (at(45), 900), (at(50), 101), (at(61), 500)];
        assert_eq!(resident_at(&looks, at(60)), Some(101));
        assert_eq!(resident_at(&looks, at(10)), Some(100));
        assert_eq!(resident_at(&looks, at(200)), None);
    }

    #[test]
    fn this_process_is_in_memory() {
        let pid = i32::try_from(std::process::id()).unwrap();
        assert!(resident_kib(pid).unwrap() > 100);
    }
}
