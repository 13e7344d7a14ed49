//! How far the events of a shard are stored: the point from which the next process resumes.
//!
//! The library's own sequence has advanced before we see a frame; resuming there after a crash
//! would lose what was read and not stored. So every frame is tracked from reading to
//! acknowledgement, and the point is the highest frame without an unsettled one before it.

pub mod holder;
mod lease;
pub mod saver;
pub mod standby;
pub mod store;
pub(crate) mod tracker;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::{Deserialize, Serialize};
use tokio::sync::Notify;
use tokio::time::Instant;

pub use lease::Lease;
use tracker::Tracker;

/// From where a session can be resumed, as it is stored. An empty session id stands for none.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ResumePoint {
    /// Discord's name of the session.
    pub session_id: String,
    /// Where Discord wants it to be resumed.
    pub resume_url: String,
    /// Every event up to this one is stored.
    pub sequence: u64,
    /// Counts the sessions of this shard and the processes that held it; only grows.
    pub epoch: u64,
}

impl ResumePoint {
    /// Tells whether there is a session to resume.
    pub fn has_session(&self) -> bool {
        !self.session_id.is_empty()
    }
}

/// The progress of one shard; a cheap clone, shared by reader, publisher and saver.
#[derive(Clone, Debug)]
pub struct Progress {
    state: Arc<Mutex<State>>,
    /// Wakes the saver.
    begun: Arc<Notify>,
    lease: Lease,
}

#[derive(Debug)]
struct State {
    session_id: String,
    resume_url: String,
    epoch: u64,
    tracker: Tracker,
    last_read_ms: i64,
    /// Whether this shard may have read something under another session before.
    has_past: bool,
}

/// A frame that was read and is not stored yet. The resume point stays before it until
/// [`Ticket::settle`]; a ticket that is dropped unsettled keeps it there.
#[derive(Debug)]
pub struct Ticket {
    state: Arc<Mutex<State>>,
    epoch: u64,
    sequence: u64,
    lease: Lease,
}

/// A session that Discord has just begun.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Begun {
    /// The shard's new epoch.
    pub epoch: u64,
    /// When the last frame of the session before was read, Unix time in milliseconds, 0 if
    /// unknown; `None` when there was none, so that nothing can be lost.
    pub lost_since_ms: Option<i64>,
}

impl Progress {
    /// Goes on from a stored point, written at `written_at_ms`; `None` on the very first start. A
    /// point without a session has a past too: its process died before it could store the session.
    pub fn from(point: ResumePoint, written_at_ms: Option<i64>) -> Self {
        let ResumePoint {
            session_id,
            resume_url,
            sequence,
            epoch,
        } = point;
        let state = State {
            session_id,
            resume_url,
            epoch,
            tracker: Tracker::new(sequence),
            last_read_ms: written_at_ms.unwrap_or_default(),
            has_past: written_at_ms.is_some(),
        };
        Self {
            state: Arc::new(Mutex::new(state)),
            begun: Arc::default(),
            lease: Lease::new(),
        }
    }

    /// Replaces the session by a new one, which has read nothing yet.
    pub fn begin(&self, session_id: &str, resume_url: &str) -> Begun {
        let mut state = self.lock();
        let had_past = std::mem::replace(&mut state.has_past, true);
        session_id.clone_into(&mut state.session_id);
        resume_url.clone_into(&mut state.resume_url);
        state.epoch += 1;
        state.tracker = Tracker::new(0);
        self.begun.notify_one();
        Begun {
            epoch: state.epoch,
            lost_since_ms: had_past.then_some(state.last_read_ms),
        }
    }

    /// Waits until a session has begun since the last call. Cancel safe.
    pub async fn has_begun(&self) {
        self.begun.notified().await;
    }

    /// Notes a frame that need not be stored.
    pub fn skip(&self, sequence: u64, read_at_ms: i64) {
        let mut state = self.lock();
        state.tracker.read(sequence);
        state.last_read_ms = read_at_ms;
    }

    /// Notes a frame that must be stored; several tickets of one frame must all be settled.
    pub fn ticket(&self, sequence: u64, read_at_ms: i64) -> Ticket {
        let mut state = self.lock();
        state.tracker.open(sequence);
        state.last_read_ms = read_at_ms;
        Ticket {
            state: Arc::clone(&self.state),
            epoch: state.epoch,
            sequence,
            lease: self.lease.clone(),
        }
    }

    /// Holds the lease because of a write that succeeded and was begun then.
    fn renew(&self, begun: Instant) {
        self.lease.renew(begun);
    }

    /// Gives the lease up: what was read and not stored is somebody else's to store.
    fn revoke(&self) {
        self.lease.revoke();
    }

    /// Tells whether somebody else holds the shard.
    pub fn is_gone(&self) -> bool {
        self.lease.is_gone()
    }

    /// Returns the shard's epoch.
    pub fn epoch(&self) -> u64 {
        self.lock().epoch
    }

    /// Returns the point from which the next process may resume.
    pub fn point(&self) -> ResumePoint {
        let state = self.lock();
        ResumePoint {
            session_id: state.session_id.clone(),
            resume_url: state.resume_url.clone(),
            sequence: state.tracker.point(),
            epoch: state.epoch,
        }
    }

    /// Returns how many frames were read beyond the resume point.
    pub fn lag(&self) -> u64 {
        let state = self.lock();
        state.tracker.highest() - state.tracker.point()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Ticket {
    /// Returns the lease of the shard, without which nothing is published.
    pub const fn lease(&self) -> &Lease {
        &self.lease
    }

    /// Says that the event is stored, or will never be.
    pub fn settle(self) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        // Frames of a session that is gone no longer hold anything back.
        if state.epoch == self.epoch {
            state.tracker.settle(self.sequence);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stored() -> ResumePoint {
        ResumePoint {
            session_id: "old".to_owned(),
            resume_url: "wss://resume.example".to_owned(),
            sequence: 10,
            epoch: 3,
        }
    }

    #[test]
    fn point_waits_for_the_oldest_unstored_frame() {
        let progress = Progress::from(stored(), Some(0));
        let first = progress.ticket(11, 1);
        let second = progress.ticket(12, 2);
        progress.skip(13, 3);
        second.settle();
        assert_eq!(progress.point().sequence, 10);
        assert_eq!(progress.lag(), 3);
        first.settle();
        assert_eq!(progress.point().sequence, 13);
    }

    #[test]
    fn frames_of_a_lost_session_do_not_touch_the_new_one() {
        let progress = Progress::from(stored(), Some(0));
        let old = progress.ticket(11, 7_000);
        let begun = progress.begin("new", "wss://resume.example");
        assert_eq!(
            begun,
            Begun {
                epoch: 4,
                lost_since_ms: Some(7_000)
            }
        );
        let new = progress.ticket(11, 8_000);
        old.settle();
        assert_eq!(progress.point().sequence, 10);
        new.settle();
        assert_eq!(progress.point().sequence, 11);
        assert_eq!(progress.point().session_id, "new");
    }

    #[test]
    fn first_session_of_a_shard_has_lost_nothing() {
        let progress = Progress::from(ResumePoint::default(), None);
        let begun = progress.begin("first", "wss://resume.example");
        assert_eq!(begun.lost_since_ms, None);
        let begun = progress.begin("second", "wss://resume.example");
        assert!(begun.lost_since_ms.is_some());
    }

    #[test]
    fn session_that_was_never_stored_counts_as_lost() {
        let progress = Progress::from(ResumePoint::default(), Some(5));
        let begun = progress.begin("new", "wss://resume.example");
        assert_eq!(begun.lost_since_ms, Some(5));
    }
}
