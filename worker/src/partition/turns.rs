//! Which turns run in this process, whoever owns their partition by now.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};

use store::TurnId;

use crate::metrics;

/// The turns that a task of this process runs.
#[derive(Clone, Debug, Default)]
pub(crate) struct LiveTurns {
    running: Arc<Mutex<HashSet<TurnId>>>,
}

impl LiveTurns {
    /// Registers a turn; `None` when a task of this process runs it already.
    pub(crate) fn begin(&self, turn: TurnId) -> Option<LiveTurn> {
        let is_new = self
            .running
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(turn);
        is_new.then(|| {
            metrics::turn_started();
            LiveTurn {
                turns: self.clone(),
                turn,
            }
        })
    }

    /// Returns the turns that run now.
    pub(crate) fn all(&self) -> Vec<TurnId> {
        let running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        running.iter().copied().collect()
    }
}

/// A running turn; dropping it says that it runs no more.
#[derive(Debug)]
pub(crate) struct LiveTurn {
    turns: LiveTurns,
    turn: TurnId,
}

impl Drop for LiveTurn {
    fn drop(&mut self) {
        metrics::turn_left();
        self.turns
            .running
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .remove(&self.turn);
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    #[test]
    fn a_turn_runs_once_at_a_time_in_a_process() {
        let turns = LiveTurns::default();
        let turn = TurnId(Uuid::from_u128(1));
        let running = turns.begin(turn);
        assert!(running.is_some());
        assert!(turns.begin(turn).is_none());
        drop(running);
        assert!(turns.begin(turn).is_some());
    }
}
