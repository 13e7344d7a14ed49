//! One active channel: what was said in it, and the turns that wait for it.
//!
//! Plain data of the partition's intake loop; nothing here waits or decides about a message.

pub(crate) mod history;

use std::collections::VecDeque;
use std::time::Duration;

use store::{Turn, TurnId};
use tokio::time::Instant;

use self::history::History;
use crate::pipeline::Granted;

/// A channel without a turn and without a message for this long is forgotten; its history is
/// read again when it wakes.
const IDLE: Duration = Duration::from_mins(30);

/// The same notice is given in a channel at most this often (CHAT-21).
const NOTICE_EVERY: Duration = Duration::from_mins(5);

/// A channel of an owned partition.
#[derive(Debug)]
pub(crate) struct Channel {
    pub(crate) history: History,
    /// Admitted turns in the order of their admission; the first one runs or is next.
    pub(crate) queue: VecDeque<Granted>,
    /// The turn at the head of the queue, while a task of this process runs it for us.
    pub(crate) running: Option<TurnId>,
    last_active: Instant,
    last_notice: Option<Instant>,
}

impl Channel {
    pub(crate) fn new(now: Instant) -> Self {
        Self {
            history: History::default(),
            queue: VecDeque::new(),
            running: None,
            last_active: now,
            last_notice: None,
        }
    }

    /// Notes that something happened here.
    pub(crate) const fn touch(&mut self, now: Instant) {
        self.last_active = now;
    }

    /// Adds a turn unless it waits here already.
    pub(crate) fn enqueue(&mut self, granted: Granted) {
        let id = granted.turn().id;
        if !self.queue.iter().any(|waiting| waiting.turn().id == id) {
            self.queue.push_back(granted);
        }
    }

    /// Takes a newer reading of a waiting turn's row.
    pub(crate) fn refresh(&mut self, turn: Turn) {
        let mut waiting = self.queue.iter_mut();
        if let Some(granted) = waiting.find(|granted| granted.turn().id == turn.id) {
            granted.refresh(turn);
        }
    }

    /// Takes a turn out of the queue: it is over.
    pub(crate) fn remove(&mut self, turn: TurnId) {
        self.queue.retain(|granted| granted.turn().id != turn);
    }

    /// Tells whether turns wait and none runs here.
    pub(crate) fn is_waiting(&self) -> bool {
        self.running.is_none() && !self.queue.is_empty()
    }

    /// Tells whether the channel can be forgotten.
    pub(crate) fn is_idle(&self, now: Instant) -> bool {
        self.queue.is_empty()
            && self.running.is_none()
            && now.duration_since(self.last_active) > IDLE
    }

    /// Tells whether a notice may be given now, and notes that it is.
    pub(crate) fn may_notice(&mut self, now: Instant) -> bool {
        let due = self
            .last_notice
            .is_none_or(|last| now.duration_since(last) > NOTICE_EVERY);
        if due {
            self.last_notice = Some(now);
        }
        due
    }
}
