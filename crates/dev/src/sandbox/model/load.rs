//! How busy the model server is and was, which faults are to come, and what it was asked lately.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::Serialize;
use serde_json::{Value, json};

use super::fault::Faults;

/// Calls that are remembered.
const KEPT_CALLS: usize = 200;

/// One call, for people who look.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Call {
    pub(crate) at_ms: u64,
    pub(crate) format: &'static str,
    pub(crate) model: String,
    pub(crate) is_streamed: bool,
    /// The fault that it met.
    pub(crate) fault: Option<String>,
    pub(crate) system: String,
    /// The conversation, as `role: text`.
    pub(crate) said: Vec<String>,
    /// The pictures that came with it, in their order: kind, pixels and bytes.
    pub(crate) pictures: Vec<String>,
    pub(crate) answer: String,
    /// Names of the tools that were used.
    pub(crate) tools: Vec<String>,
    pub(crate) prompt_tokens: usize,
    pub(crate) written_tokens: usize,
}

/// The model server's memory.
#[derive(Debug, Default)]
pub(crate) struct Load {
    requests: AtomicU64,
    refused: AtomicU64,
    finished: AtomicU64,
    in_flight: AtomicU64,
    peak: AtomicU64,
    prompt_tokens: AtomicU64,
    written_tokens: AtomicU64,
    faults: Mutex<Faults>,
    calls: Mutex<VecDeque<Call>>,
}

impl Load {
    /// Returns the figures for the statistics.
    pub(crate) fn figures(&self) -> Value {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        json!({
            "requests": read(&self.requests), "refused": read(&self.refused),
            "finished": read(&self.finished), "in_flight": read(&self.in_flight),
            "peak_in_flight": read(&self.peak), "prompt_tokens": read(&self.prompt_tokens),
            "written_tokens": read(&self.written_tokens),
        })
    }

    /// Returns the faults.
    pub(crate) fn faults(&self) -> MutexGuard<'_, Faults> {
        self.faults.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns the latest calls, the oldest first.
    pub(crate) fn calls(&self) -> Vec<Call> {
        let calls = self.calls.lock().unwrap_or_else(PoisonError::into_inner);
        calls.iter().cloned().collect()
    }

    /// Counts a call that arrived.
    pub(super) fn arrived(&self) {
        self.requests.fetch_add(1, Ordering::Relaxed);
    }

    /// Counts a call that was refused.
    pub(super) fn refused(&self) {
        self.refused.fetch_add(1, Ordering::Relaxed);
    }

    /// Remembers a call and counts its tokens.
    pub(super) fn record(&self, call: Call) {
        let count = |tokens: usize| u64::try_from(tokens).unwrap_or(u64::MAX);
        self.prompt_tokens
            .fetch_add(count(call.prompt_tokens), Ordering::Relaxed);
        self.written_tokens
            .fetch_add(count(call.written_tokens), Ordering::Relaxed);
        let mut calls = self.calls.lock().unwrap_or_else(PoisonError::into_inner);
        if calls.len() == KEPT_CALLS {
            calls.pop_front();
        }
        calls.push_back(call);
    }
}

/// A call that is being answered; it counts until it is dropped.
pub(super) struct InFlight(Arc<Load>);

impl InFlight {
    /// Begins to answer.
    pub(super) fn start(load: Arc<Load>) -> Self {
        let now = load.in_flight.fetch_add(1, Ordering::Relaxed) + 1;
        load.peak.fetch_max(now, Ordering::Relaxed);
        Self(load)
    }

    /// The whole answer is out.
    pub(super) fn finish(self) {
        self.0.finished.fetch_add(1, Ordering::Relaxed);
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.in_flight.fetch_sub(1, Ordering::Relaxed);
    }
}
