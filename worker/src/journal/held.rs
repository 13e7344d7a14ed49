//! Whether the turn is still ours.

use std::time::Duration;

use tokio::time::sleep;

use super::Journal;
use crate::error::TurnError;
use crate::patience::with_patience;

/// Between two looks at whether heartbeats are acknowledged again.
const FRESHNESS_EVERY: Duration = Duration::from_millis(100);

impl Journal<'_> {
    /// Returns at once while heartbeats are acknowledged without a break. After a break, noticed or
    /// not, the fence is asked again, for somebody may have taken the turn over meanwhile.
    pub(super) async fn wait_until_held(&mut self) -> Result<(), TurnError> {
        loop {
            let Some(run) = self.app.presence.run() else {
                sleep(FRESHNESS_EVERY).await;
                continue;
            };
            if self.held_in == Some(run) {
                return Ok(());
            }
            if !self.is_held().await? && !self.switches().no_fence {
                return Err(TurnError::FenceLost);
            }
            self.held_in = Some(run);
        }
    }

    pub(super) async fn why_refused(&self) -> TurnError {
        match self.is_held().await {
            Ok(true) => TurnError::StopRequested,
            Ok(false) => TurnError::FenceLost,
            Err(error) => error,
        }
    }

    /// Tells whether the turn is still ours and not over.
    pub(super) async fn is_held(&self) -> Result<bool, TurnError> {
        let owner = with_patience(|| self.app.store.turn_owner(self.lease.turn)).await?;
        Ok(owner.is_some_and(|(state, worker, fence)| {
            !state.is_final()
                && worker.as_deref() == Some(&self.lease.worker)
                && fence == self.lease.fence
        }))
    }
}
