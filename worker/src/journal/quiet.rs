//! Waiting until nothing that was sent for a turn can still arrive at Discord.
//!
//! Before that nobody may look for what is in doubt, and the turn may not end: it would be missed,
//! or appear among the posts of the channel's next turn.

use std::time::Duration;

use discord::Slot;
use tokio::time::{Instant, sleep, sleep_until};

use super::Journal;
use crate::error::TurnError;

/// How long a successor waits until nothing of a dead worker can still arrive. It takes 15 s
/// when the worker has just died; more means that this worker cannot judge, and lets go.
const IN_FLIGHT_MAX: Duration = Duration::from_secs(40);
/// The longest wait for a slot; behind a stop that lasts longer the row is made before it is over.
const SLOT_WITHIN: Duration = Duration::from_mins(1);
const IN_FLIGHT_EVERY: Duration = Duration::from_millis(200);

impl Journal<'_> {
    /// Waits for a slot under Discord's limits before the row is made: a row whose post waits for
    /// one would be in doubt when this worker dies, and its successor would have to wait for long.
    pub(super) async fn slot(&self) -> Option<Slot> {
        let deadline = Instant::now() + SLOT_WITHIN;
        tokio::select! {
            slot = self.discord.slot_to_post(self.channel, deadline) => slot,
            () = self.pace.stopped() => None,
        }
    }

    /// Waits until nothing of this turn can arrive any more: the channel's next turn begins when
    /// this one has ended.
    pub(crate) async fn until_quiet(&self) {
        if let Some(quiet_at) = self.quiet_at.max(self.acts.quiet_at) {
            sleep_until(quiet_at).await;
        }
    }

    /// Waits until nothing that a dead worker sent can arrive any more.
    pub(super) async fn until_silence_of(&self, worker: &str) -> Result<(), TurnError> {
        let give_up = Instant::now() + IN_FLIGHT_MAX;
        while !self.app.presence.is_past_in_flight(worker) {
            if Instant::now() > give_up {
                return Err(TurnError::Abandoned);
            }
            sleep(IN_FLIGHT_EVERY).await;
        }
        Ok(())
    }
}
