//! The record of a turn's calls (POOL-24): written beside the turn, which never waits for it.

use std::fmt;
use std::time::Duration;

use chrono::DateTime;
use llm::{Class, Usage};
use store::{Attempt, KeyId, Lease, Store};
use tokio::time::Instant;
use tokio_util::task::TaskTracker;

use super::model::Model;
use crate::clock;
use crate::metrics;

/// Where the attempts of one turn are recorded, under its fence.
pub struct Record {
    store: Store,
    tracker: TaskTracker,
    lease: Lease,
    steps_before: i32,
}

/// How an attempt ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The answer was whole.
    Completed,
    /// Somebody let go of it.
    CutOff,
    /// The provider failed.
    Failed(Class),
    /// Nothing was called: there is no key.
    NoCredentials,
    /// Nothing was called: the key does not open.
    Unreadable,
    /// Nothing was called: all keys rest.
    Resting,
    /// Nothing was called: the keys were refused for good.
    Disabled,
    /// Nothing was called: every key has failed in this turn already.
    NoneLeft,
    /// Nothing was called: the provider did not answer others before.
    CircuitOpen,
}

impl Outcome {
    /// All ways, for metrics that are zero and words that are needed.
    pub(crate) const ALL: [Self; 21] = [
        Self::Completed,
        Self::CutOff,
        Self::NoCredentials,
        Self::Unreadable,
        Self::Resting,
        Self::Disabled,
        Self::NoneLeft,
        Self::CircuitOpen,
        Self::Failed(Class::RateLimit),
        Self::Failed(Class::Balance),
        Self::Failed(Class::Plan),
        Self::Failed(Class::Auth),
        Self::Failed(Class::ContentBlocked),
        Self::Failed(Class::ContextLength),
        Self::Failed(Class::UnknownModel),
        Self::Failed(Class::RequestFault),
        Self::Failed(Class::Timeout),
        Self::Failed(Class::Overloaded),
        Self::Failed(Class::Unreachable),
        Self::Failed(Class::PolicyRefused),
        Self::Failed(Class::Unknown),
    ];

    /// Returns the word on record, out of a closed set.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Completed => "completed",
            Self::CutOff => "cut_off",
            Self::Failed(class) => class.as_str(),
            Self::NoCredentials => "no_credentials",
            Self::Unreadable => "unreadable",
            Self::Resting => "resting",
            Self::Disabled => "disabled",
            Self::NoneLeft => "none_left",
            Self::CircuitOpen => "circuit_open",
        }
    }
}

/// A call that goes on, or has just ended.
#[derive(Clone, Debug)]
pub(super) struct Call {
    pub(super) step: i32,
    pub(super) attempt: i32,
    pub(super) model: Model,
    pub(super) key: Option<KeyId>,
    started_at_ms: u64,
    started: Instant,
    first_byte: Option<Duration>,
    usage: Option<Usage>,
}

impl Call {
    pub(super) fn begin(step: i32, attempt: i32, model: Model, key: Option<KeyId>) -> Self {
        Self {
            step,
            attempt,
            model,
            key,
            started_at_ms: clock::unix_now_ms(),
            started: Instant::now(),
            first_byte: None,
            usage: None,
        }
    }

    pub(super) fn has_begun(&mut self) {
        self.first_byte = Some(self.started.elapsed());
    }

    pub(super) fn cost(&mut self, usage: Usage) {
        self.usage = Some(usage);
    }

    fn into_attempt(self, outcome: Outcome) -> Attempt {
        let started_ms = i64::try_from(self.started_at_ms).unwrap_or(i64::MAX);
        Attempt {
            step: self.step,
            attempt: self.attempt,
            provider: self.model.provider.as_str().to_owned(),
            model: self.model.name,
            key: self.key,
            class: outcome.as_str().to_owned(),
            started_at: DateTime::from_timestamp_millis(started_ms).unwrap_or_default(),
            first_byte: self.first_byte,
            total: self.started.elapsed(),
            tokens_in: self.usage.map(|usage| usage.input_tokens),
            tokens_out: self.usage.map(|usage| usage.output_tokens),
        }
    }
}

impl Record {
    /// Opens the record of a turn of which so many calls are on record already.
    pub fn new(store: Store, tracker: TaskTracker, lease: Lease, steps_before: i32) -> Self {
        Self {
            store,
            tracker,
            lease,
            steps_before,
        }
    }

    pub(super) const fn steps_before(&self) -> i32 {
        self.steps_before
    }

    fn write(&self, attempt: Attempt) {
        let (store, lease) = (self.store.clone(), self.lease.clone());
        self.tracker.spawn(async move {
            if let Err(error) = store.record_attempt(&lease, &attempt).await {
                tracing::debug!(%error, "an attempt is not on record");
            }
        });
    }
}

/// Counts an attempt, and records it where there is a record.
pub(super) fn close(record: Option<&Record>, call: Call, outcome: Outcome) {
    metrics::attempt(outcome);
    if let Some(record) = record {
        record.write(call.into_attempt(outcome));
    }
}

impl fmt::Debug for Record {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Record")
            .field("turn", &self.lease.turn)
            .finish_non_exhaustive()
    }
}
