//! Every metric of the worker: name, meaning, and the one function that emits it.

mod errands;
mod pictures;
mod privacy;

use std::time::Duration;

use keyring::{EncryptedColumn, INVENTORY};
use llm::Provider;
use metrics::{
    Unit, counter, describe_counter, describe_gauge, describe_histogram, gauge, histogram,
};
use proto::event::DeadLetterReason;
use store::{Decision, TurnState};

pub(crate) use self::errands::{Ran, errand};
pub(crate) use self::pictures::picture;
pub(crate) use self::privacy::{
    Repair, compared, deleted, hidden_users, privacy_unknown, purged, repaired, retained,
};
use crate::pipeline::Stage;
use crate::pool::Outcome;
use crate::telling::Told;

const EVENTS_TOTAL: &str = "worker_events_total";
const DECISIONS_TOTAL: &str = "worker_decisions_total";
const TURNS_TOTAL: &str = "worker_turns_total";
const TURNS_RUNNING: &str = "worker_turns_running";
const TAKEOVERS_TOTAL: &str = "worker_turn_takeovers_total";
const STAGE_DURATION_SECONDS: &str = "worker_stage_duration_seconds";
const FIRST_POST_SECONDS: &str = "worker_first_post_seconds";
const POSTS_TOTAL: &str = "worker_posts_total";
const TOOL_CALLS_TOTAL: &str = "worker_tool_calls_total";
const HEARTBEATS_TOTAL: &str = "worker_heartbeats_total";
const PARTITIONS_OWNED: &str = "worker_partitions_owned";
const PARTITION_CHANGES_TOTAL: &str = "worker_partition_changes_total";
const INTERACTIONS_TOTAL: &str = "worker_interactions_total";
const DEAD_LETTERS_TOTAL: &str = "worker_dead_letters_total";
const DECRYPT_FAILED_TOTAL: &str = "worker_decrypt_failed_total";
const KEY_CHANGES_TOTAL: &str = "worker_key_changes_total";
const MODEL_ATTEMPTS_TOTAL: &str = "worker_model_attempts_total";
const MODEL_STAND_INS_TOTAL: &str = "worker_model_stand_ins_total";
const CIRCUITS_OPENED_TOTAL: &str = "worker_provider_circuits_opened_total";
const KEY_TELLINGS_TOTAL: &str = "worker_key_tellings_total";
const COOLDOWN_FAIL_OPEN_TOTAL: &str = "worker_cooldown_fail_open_total";
const PANICS_TOTAL: &str = "worker_panics_total";

/// Buckets around the objective of 250 ms for a stage without a model, up to a long answer.
const STAGE_BUCKETS: &[f64] = &[
    0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 120.0,
];

/// The histograms of this process with their buckets.
pub const HISTOGRAMS: &[(&str, &[f64])] = &[
    (STAGE_DURATION_SECONDS, STAGE_BUCKETS),
    (FIRST_POST_SECONDS, STAGE_BUCKETS),
];

/// Describes all metrics, and touches the counters.
pub fn describe() {
    describe_counter!(
        EVENTS_TOTAL,
        Unit::Count,
        "events taken from the stream, by kind"
    );
    describe_counter!(
        DECISIONS_TOTAL,
        Unit::Count,
        "decisions about new messages, by code"
    );
    describe_counter!(
        TURNS_TOTAL,
        Unit::Count,
        "turns that ended here, by state and reason"
    );
    describe_gauge!(TURNS_RUNNING, Unit::Count, "turns that run in this process");
    describe_counter!(
        TAKEOVERS_TOTAL,
        Unit::Count,
        "turns taken over from another worker"
    );
    describe_histogram!(
        STAGE_DURATION_SECONDS,
        Unit::Seconds,
        "time spent in a step, by step"
    );
    describe_histogram!(
        FIRST_POST_SECONDS,
        Unit::Seconds,
        "from the admission of a message to the first post of its reply"
    );
    describe_counter!(POSTS_TOTAL, Unit::Count, "posts of turns, by outcome");
    describe_counter!(
        TOOL_CALLS_TOTAL,
        Unit::Count,
        "calls of tools that models asked for, by tool and by what came of them"
    );
    describe_counter!(HEARTBEATS_TOTAL, Unit::Count, "heartbeats, by outcome");
    describe_gauge!(
        PARTITIONS_OWNED,
        Unit::Count,
        "partitions that this worker owns"
    );
    describe_counter!(
        PARTITION_CHANGES_TOTAL,
        Unit::Count,
        "partitions won and given up, by cause"
    );
    describe_counter!(
        INTERACTIONS_TOTAL,
        Unit::Count,
        "interactions asked of this worker, by outcome"
    );
    describe_faults();
    describe_calls();
    privacy::describe();
    errands::describe();
    pictures::describe();
    touch();
}

/// What comes of calls of models.
fn describe_calls() {
    describe_counter!(
        MODEL_ATTEMPTS_TOTAL,
        Unit::Count,
        "calls of models that ended, and models that were not called, by outcome"
    );
    describe_counter!(
        MODEL_STAND_INS_TOTAL,
        Unit::Count,
        "replies of a model in the place of another that failed"
    );
    describe_counter!(
        CIRCUITS_OPENED_TOTAL,
        Unit::Count,
        "times that a provider did not answer and was left alone for half a minute, by provider"
    );
    describe_counter!(
        KEY_TELLINGS_TOTAL,
        Unit::Count,
        "tries to tell administrators of a key that was refused for good, by who was told"
    );
}

/// What an operator has to look at.
fn describe_faults() {
    describe_counter!(
        DEAD_LETTERS_TOTAL,
        Unit::Count,
        "events that were given up, by reason"
    );
    describe_counter!(
        DECRYPT_FAILED_TOTAL,
        Unit::Count,
        "sealed values that did not open, by column; worker audit-keys names their rows"
    );
    describe_counter!(
        KEY_CHANGES_TOTAL,
        Unit::Count,
        "changes of the state of provider keys, by change"
    );
    describe_counter!(
        COOLDOWN_FAIL_OPEN_TOTAL,
        Unit::Count,
        "commands that were let pass because the database did not tell whether they rest"
    );
    describe_counter!(
        PANICS_TOTAL,
        Unit::Count,
        "panics that were caught; each is a defect"
    );
}

/// Makes zero visible from the start.
fn touch() {
    for decision in Decision::ALL {
        counter!(DECISIONS_TOTAL, "code" => decision.as_str()).absolute(0);
    }
    for outcome in ["acknowledged", "failed", "withheld"] {
        counter!(HEARTBEATS_TOTAL, "outcome" => outcome).absolute(0);
    }
    for outcome in Interacted::ALL {
        counter!(INTERACTIONS_TOTAL, "outcome" => outcome.as_str()).absolute(0);
    }
    for reason in DeadLetterReason::ALL {
        counter!(DEAD_LETTERS_TOTAL, "reason" => reason.label()).absolute(0);
    }
    for column in INVENTORY {
        counter!(DECRYPT_FAILED_TOTAL, "column" => column.to_string()).absolute(0);
    }
    for change in KeyChange::ALL {
        counter!(KEY_CHANGES_TOTAL, "change" => change.as_str()).absolute(0);
    }
    for outcome in Outcome::ALL {
        counter!(MODEL_ATTEMPTS_TOTAL, "outcome" => outcome.as_str()).absolute(0);
    }
    for provider in Provider::ALL {
        counter!(CIRCUITS_OPENED_TOTAL, "provider" => provider.as_str()).absolute(0);
    }
    for told in Told::ALL {
        counter!(KEY_TELLINGS_TOTAL, "told" => told.as_str()).absolute(0);
    }
    counter!(MODEL_STAND_INS_TOTAL).absolute(0);
    privacy::touch();
    counter!(TAKEOVERS_TOTAL).absolute(0);
    counter!(COOLDOWN_FAIL_OPEN_TOTAL).absolute(0);
    counter!(PANICS_TOTAL).absolute(0);
    gauge!(TURNS_RUNNING).set(0);
    gauge!(PARTITIONS_OWNED).set(0);
}

pub(crate) fn event(kind: &'static str) {
    counter!(EVENTS_TOTAL, "kind" => kind).increment(1);
}

pub(crate) fn decision(code: Decision) {
    counter!(DECISIONS_TOTAL, "code" => code.as_str()).increment(1);
}

pub(crate) fn dead_letter(reason: DeadLetterReason) {
    counter!(DEAD_LETTERS_TOTAL, "reason" => reason.label()).increment(1);
}

pub(crate) fn turn_started() {
    gauge!(TURNS_RUNNING).increment(1);
}

pub(crate) fn turn_left() {
    gauge!(TURNS_RUNNING).decrement(1);
}

pub(crate) fn turn_ended(state: TurnState, reason: &'static str) {
    counter!(TURNS_TOTAL, "state" => state.as_str(), "reason" => reason).increment(1);
}

pub(crate) fn takeover() {
    counter!(TAKEOVERS_TOTAL).increment(1);
}

pub(crate) fn stage(stage: Stage, elapsed: Duration) {
    histogram!(STAGE_DURATION_SECONDS, "stage" => stage.as_str()).record(elapsed);
}

pub(crate) fn first_post(since_admission: Duration) {
    histogram!(FIRST_POST_SECONDS).record(since_admission);
}

pub(crate) fn post(outcome: &'static str) {
    counter!(POSTS_TOTAL, "outcome" => outcome).increment(1);
}

pub(crate) fn tool(tool: &'static str, outcome: &'static str) {
    counter!(TOOL_CALLS_TOTAL, "tool" => tool, "outcome" => outcome).increment(1);
}

pub(crate) fn heartbeat(outcome: &'static str) {
    counter!(HEARTBEATS_TOTAL, "outcome" => outcome).increment(1);
}

pub(crate) fn partition_won() {
    gauge!(PARTITIONS_OWNED).increment(1);
    counter!(PARTITION_CHANGES_TOTAL, "change" => "won").increment(1);
}

pub(crate) fn partition_left(cause: &'static str) {
    gauge!(PARTITIONS_OWNED).decrement(1);
    counter!(PARTITION_CHANGES_TOTAL, "change" => cause).increment(1);
}

/// What became of an interaction that this worker was asked about.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Interacted {
    /// Discord took the first answer.
    Claimed,
    /// Somebody else had answered, or it was too late at Discord.
    NotMine,
    /// Too old on arrival.
    TooOld,
    /// The request could not be read.
    Unreadable,
    /// Nobody knows whose it is.
    InDoubt,
}

impl Interacted {
    const ALL: [Self; 5] = [
        Self::Claimed,
        Self::NotMine,
        Self::TooOld,
        Self::Unreadable,
        Self::InDoubt,
    ];

    const fn as_str(self) -> &'static str {
        match self {
            Self::Claimed => "claimed",
            Self::NotMine => "not_mine",
            Self::TooOld => "too_old",
            Self::Unreadable => "unreadable",
            Self::InDoubt => "in_doubt",
        }
    }
}

pub(crate) fn interaction(outcome: Interacted) {
    counter!(INTERACTIONS_TOTAL, "outcome" => outcome.as_str()).increment(1);
}

/// Counts a value that was to be read and did not open: damaged, moved, or of a missing key.
pub(crate) fn decrypt_failed(column: EncryptedColumn) {
    counter!(DECRYPT_FAILED_TOTAL, "column" => column.to_string()).increment(1);
}

/// A change of the state of a provider key.
#[derive(Clone, Copy, Debug)]
pub(crate) enum KeyChange {
    Rests,
    Probed,
    Works,
    Disabled,
}

impl KeyChange {
    const ALL: [Self; 4] = [Self::Rests, Self::Probed, Self::Works, Self::Disabled];

    const fn as_str(self) -> &'static str {
        match self {
            Self::Rests => "rests",
            Self::Probed => "probed",
            Self::Works => "works",
            Self::Disabled => "disabled",
        }
    }
}

pub(crate) fn key_change(change: KeyChange) {
    counter!(KEY_CHANGES_TOTAL, "change" => change.as_str()).increment(1);
}

pub(crate) fn attempt(outcome: Outcome) {
    counter!(MODEL_ATTEMPTS_TOTAL, "outcome" => outcome.as_str()).increment(1);
}

pub(crate) fn stood_in() {
    counter!(MODEL_STAND_INS_TOTAL).increment(1);
}

pub(crate) fn circuit_opened(provider: Provider) {
    counter!(CIRCUITS_OPENED_TOTAL, "provider" => provider.as_str()).increment(1);
}

pub(crate) fn told_of_key(told: Told) {
    counter!(KEY_TELLINGS_TOTAL, "told" => told.as_str()).increment(1);
}

pub(crate) fn cooldown_failed_open() {
    counter!(COOLDOWN_FAIL_OPEN_TOTAL).increment(1);
}

pub(crate) fn panicked() {
    counter!(PANICS_TOTAL).increment(1);
}
