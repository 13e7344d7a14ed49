//! When what happened to a message: the sandbox's own view, for people who ask why.
//!
//! Times, routes and ids only, never words, and no more than a bounded number of entries.

use std::collections::VecDeque;

use proto::id::MessageId;
use serde::Serialize;

/// Entries kept of each kind.
const KEPT: usize = 4_096;

/// A message that was handed to the bot's sessions.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct Dispatch {
    #[serde(skip)]
    message: MessageId,
    /// When it was handed over.
    pub(crate) at_ms: u64,
    /// How many sessions were told.
    pub(crate) sessions: u64,
}

/// A call of Discord's REST interface.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct RestCall {
    /// The parameter that has its own rate limit: mostly the channel.
    #[serde(skip)]
    pub(crate) major: u64,
    /// When it was answered.
    pub(crate) at_ms: u64,
    pub(crate) route: &'static str,
    pub(crate) status: u16,
}

/// A request to the model server.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct Asked {
    pub(crate) at_ms: u64,
}

/// What is remembered.
#[derive(Debug, Default)]
pub(crate) struct Journal {
    dispatches: VecDeque<Dispatch>,
    calls: VecDeque<RestCall>,
    asked: VecDeque<Asked>,
}

impl Journal {
    /// Remembers that a message was handed to this many sessions.
    pub(crate) fn dispatched(&mut self, message: MessageId, at_ms: u64, sessions: u64) {
        push(
            &mut self.dispatches,
            Dispatch {
                message,
                at_ms,
                sessions,
            },
        );
    }

    /// Remembers a call.
    pub(crate) fn called(&mut self, call: RestCall) {
        push(&mut self.calls, call);
    }

    /// Remembers a request to the model server.
    pub(crate) fn asked(&mut self, at_ms: u64) {
        push(&mut self.asked, Asked { at_ms });
    }

    /// Returns how a message was handed over.
    pub(crate) fn dispatch_of(&self, message: MessageId) -> Option<Dispatch> {
        let newest_first = self.dispatches.iter().rev();
        newest_first
            .copied()
            .find(|dispatch| dispatch.message == message)
    }

    /// Returns the calls about a channel in a span of time, oldest first.
    pub(crate) fn calls_in(&self, major: u64, from_ms: u64, to_ms: u64) -> Vec<RestCall> {
        let during = |call: &&RestCall| (from_ms..=to_ms).contains(&call.at_ms);
        let about = |call: &&RestCall| call.major == major;
        self.calls
            .iter()
            .filter(during)
            .filter(about)
            .copied()
            .collect()
    }

    /// Returns the requests to the model server in a span of time, oldest first.
    pub(crate) fn asked_in(&self, from_ms: u64, to_ms: u64) -> Vec<Asked> {
        let during = |asked: &&Asked| (from_ms..=to_ms).contains(&asked.at_ms);
        self.asked.iter().filter(during).copied().collect()
    }
}

fn push<T>(entries: &mut VecDeque<T>, entry: T) {
    if entries.len() == KEPT {
        entries.pop_front();
    }
    entries.push_back(entry);
}
