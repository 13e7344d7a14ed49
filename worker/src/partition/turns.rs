//! Which turns run in this process, whoever owns their partition by now.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use store::TurnId;
use tokio_util::sync::CancellationToken;

use crate::metrics;

/// The turns that a task of this process runs.
#[derive(Clone, Debug, Default)]
pub(crate) struct LiveTurns {
    running: Arc<Mutex<HashMap<TurnId, CancellationToken>>>,
}

impl LiveTurns {
    /// Registers a turn; `None` when a task of this process runs it already.
    pub(crate) fn begin(&self, turn: TurnId) -> Option<LiveTurn> {
        let stop = CancellationToken::new();
        match self.lock().entry(turn) {
            Entry::Vacant(place) => place.insert(stop.clone()),
            Entry::Occupied(_) => return None,
        };
        metrics::turn_started();
        Some(LiveTurn {
            turns: self.clone(),
            turn,
            stop,
        })
    }

    /// Cancels a turn that runs here.
    pub(crate) fn stop(&self, turn: TurnId) {
        if let Some(stop) = self.lock().get(&turn) {
            stop.cancel();
        }
    }

    /// Returns the turns that run now.
    pub(crate) fn all(&self) -> Vec<TurnId> {
        self.lock().keys().copied().collect()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<TurnId, CancellationToken>> {
        // A panic cannot leave the map half changed: every change is one call on it.
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A running turn; dropping it says that it runs no more.
#[derive(Debug)]
pub(crate) struct LiveTurn {
    turns: LiveTurns,
    turn: TurnId,
    stop: CancellationToken,
}

impl LiveTurn {
    /// Returns what fires when somebody asked this turn to stop.
    pub(crate) fn stop(&self) -> CancellationToken {
        self.stop.clone()
    }
}

impl Drop for LiveTurn {
    fn drop(&mut self) {
        metrics::turn_left();
        self.turns.lock().remove(&self.turn);
    }
}

#[cfg(test)]
mod tests {
    use store::ServerId;
    use uuid::Uuid;

    use super::*;

    fn turn_id(row: u128) -> TurnId {
        TurnId {
            server: ServerId(1),
            row: Uuid::from_u128(row),
        }
    }

    #[test]
    fn a_turn_runs_once_at_a_time_in_a_process() {
        let turns = LiveTurns::default();
        let turn = turn_id(1);
        let running = turns.begin(turn);
        assert!(running.is_some());
        assert!(turns.begin(turn).is_none());
        drop(running);
        assert!(turns.begin(turn).is_some());
    }

    /// CHAT-53.
    #[test]
    fn a_stop_reaches_the_turn_that_runs_and_not_the_next_one() {
        let turns = LiveTurns::default();
        let turn = turn_id(1);
        turns.stop(turn);
        let running = turns.begin(turn).unwrap();
        assert!(!running.stop().is_cancelled());
        turns.stop(turn_id(2));
        assert!(!running.stop().is_cancelled());
        turns.stop(turn);
        assert!(running.stop().is_cancelled());
    }
}
