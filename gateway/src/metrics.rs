//! Every metric of the gateway: its name, what it means, and the only functions that touch it.

mod describe;

use std::time::Duration;

use metrics::{counter, gauge, histogram};
use runtime::metrics::Buckets;

use crate::encode::{Kind, Skip};
use crate::error::FatalClose;

pub use describe::describe;

const FRAMES: &str = "gateway_frames_total";
const FRAMES_SKIPPED: &str = "gateway_frames_skipped_total";
const RECEIVE_ERRORS: &str = "gateway_receive_errors_total";
const EVENTS_STORED: &str = "gateway_events_stored_total";
const STORE_SECONDS: &str = "gateway_store_duration_seconds";
const PUBLISH_RETRIES: &str = "gateway_publish_retries_total";
const PUBLISH_IN_FLIGHT: &str = "gateway_publish_in_flight";
const EVENTS_STRIPPED: &str = "gateway_events_stripped_total";
const DEAD_LETTERS: &str = "gateway_dead_letters_total";
const SPOOL_BYTES: &str = "gateway_spool_bytes";
const SPOOL_FULL: &str = "gateway_spool_full_total";
const SESSIONS: &str = "gateway_sessions_total";
const SESSIONS_LOST: &str = "gateway_sessions_lost_total";
const DISCONNECTS: &str = "gateway_disconnects_total";
const FATAL_CLOSES: &str = "gateway_fatal_closes_total";
const SHARDS_CONNECTED: &str = "gateway_shards_connected";
const SHARDS_STANDBY: &str = "gateway_shards_standby";
const IDENTIFIES_LEFT: &str = "gateway_identifies_left";
const EVENTS_LEFT_BEHIND: &str = "gateway_events_left_behind_total";
const RESUME_LAG: &str = "gateway_resume_lag_events";
const RESUME_SAVES: &str = "gateway_resume_saves_total";
const INTERACTIONS: &str = "gateway_interactions_total";
const INTERACTION_SECONDS: &str = "gateway_interaction_duration_seconds";
const PROMISES: &str = "gateway_interaction_promises";
const PROMISES_MENDED: &str = "gateway_interaction_promises_mended_total";
const NATS_CONNECTED: &str = "gateway_nats_connected";
const PRIVACY_NOT_READY: &str = "gateway_privacy_not_ready_total";
const PRIVACY_DROPPED: &str = "gateway_privacy_dropped_total";
const PRIVACY_REDACTED: &str = "gateway_privacy_redacted_total";
const DOOR_WHOLE: &str = "gateway_door_whole";
const DOOR_PROOF_AGE: &str = "gateway_door_proof_age_seconds";
const DOOR_USERS: &str = "gateway_door_users";

/// Storing takes well under a millisecond; seconds mean that the broker was away.
const STORE_BUCKETS: [f64; 12] = [
    0.0005, 0.001, 0.002, 0.005, 0.01, 0.05, 0.2, 1.0, 5.0, 15.0, 60.0, 300.0,
];

/// Discord gives three seconds, a second worker is asked after 0.7, we answer after 1.5.
const INTERACTION_BUCKETS: [f64; 9] = [0.01, 0.05, 0.1, 0.3, 0.7, 1.0, 1.5, 2.0, 3.0];

/// The buckets of every histogram here.
pub const BUCKETS: [Buckets<'static>; 2] = [
    (STORE_SECONDS, &STORE_BUCKETS),
    (INTERACTION_SECONDS, &INTERACTION_BUCKETS),
];

/// Why a publish is tried again, out of a closed set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Retry {
    /// No answer in time.
    Timeout,
    /// The connection broke while the answer was awaited.
    Disconnected,
    /// The stream does not exist, or its server is electing a leader.
    NoStream,
    /// The stream is full, or its server is in trouble.
    Busy,
    /// The resume point could not be written for a while: the shard may be somebody else's.
    NoLease,
}

impl Retry {
    const ALL: [Self; 5] = [
        Self::Timeout,
        Self::Disconnected,
        Self::NoStream,
        Self::Busy,
        Self::NoLease,
    ];

    /// Returns the metric label.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Timeout => "timeout",
            Self::Disconnected => "disconnected",
            Self::NoStream => "no_stream",
            Self::Busy => "busy",
            Self::NoLease => "no_lease",
        }
    }
}

/// Why an event is given up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeadLetter {
    /// Too large even without what can be left out.
    TooLarge,
    /// The server says that it will never take it.
    Rejected,
}

impl DeadLetter {
    const ALL: [Self; 2] = [Self::TooLarge, Self::Rejected];

    /// Returns the metric label.
    pub const fn label(self) -> &'static str {
        match self {
            Self::TooLarge => "too_large",
            Self::Rejected => "rejected",
        }
    }
}

/// How an interaction ended for the gateway.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asked {
    /// A worker has it, or at least Discord has somebody's answer.
    Claimed,
    /// We told the person to try again.
    Busy,
    /// Nobody could tell the person anything.
    Unanswered,
    /// More interactions at once than we ask for.
    Overload,
}

impl Asked {
    const ALL: [Self; 4] = [Self::Claimed, Self::Busy, Self::Unanswered, Self::Overload];

    /// Returns the metric label.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Claimed => "claimed",
            Self::Busy => "busy",
            Self::Unanswered => "unanswered",
            Self::Overload => "overload",
        }
    }
}

pub(crate) fn frame(kind: Kind) {
    counter!(FRAMES, "kind" => kind.label()).increment(1);
}

pub(crate) fn skipped(reason: Skip) {
    counter!(FRAMES_SKIPPED, "reason" => reason.label()).increment(1);
}

pub(crate) fn receive_error() {
    counter!(RECEIVE_ERRORS).increment(1);
}

pub(crate) fn stored(since_read: Duration) {
    counter!(EVENTS_STORED).increment(1);
    histogram!(STORE_SECONDS).record(since_read);
}

pub(crate) fn retry(reason: Retry) {
    counter!(PUBLISH_RETRIES, "reason" => reason.label()).increment(1);
}

pub(crate) fn stripped() {
    counter!(EVENTS_STRIPPED).increment(1);
}

pub(crate) fn dead_letter(reason: DeadLetter) {
    counter!(DEAD_LETTERS, "reason" => reason.label()).increment(1);
}

pub(crate) fn in_flight(publishes: usize) {
    gauge!(PUBLISH_IN_FLIGHT).set(whole(publishes));
}

pub(crate) fn spool_bytes(bytes: usize) {
    gauge!(SPOOL_BYTES).set(whole(bytes));
}

pub(crate) fn spool_full() {
    counter!(SPOOL_FULL).increment(1);
}

pub(crate) fn identified() {
    counter!(SESSIONS, "start" => "identified").increment(1);
}

pub(crate) fn resumed() {
    counter!(SESSIONS, "start" => "resumed").increment(1);
}

pub(crate) fn session_lost() {
    counter!(SESSIONS_LOST).increment(1);
}

pub(crate) fn disconnected() {
    counter!(DISCONNECTS).increment(1);
}

pub(crate) fn fatal_close(code: FatalClose) {
    counter!(FATAL_CLOSES, "code" => code.code()).increment(1);
}

pub(crate) fn shards_connected(shards: usize) {
    gauge!(SHARDS_CONNECTED).set(whole(shards));
}

pub(crate) fn shards_standby(shards: usize) {
    gauge!(SHARDS_STANDBY).set(whole(shards));
}

pub(crate) fn identifies_left(left: u32) {
    gauge!(IDENTIFIES_LEFT).set(left);
}

pub(crate) fn left_to_another() {
    counter!(EVENTS_LEFT_BEHIND).increment(1);
}

pub(crate) fn resume_lag(shard: u32, frames: u64) {
    let frames = u32::try_from(frames).unwrap_or(u32::MAX);
    gauge!(RESUME_LAG, "shard" => shard.to_string()).set(frames);
}

pub(crate) fn resume_saved() {
    counter!(RESUME_SAVES, "outcome" => "saved").increment(1);
}

pub(crate) fn resume_not_saved() {
    counter!(RESUME_SAVES, "outcome" => "failed").increment(1);
}

pub(crate) fn interaction(outcome: Asked, time: Duration) {
    counter!(INTERACTIONS, "outcome" => outcome.label()).increment(1);
    histogram!(INTERACTION_SECONDS).record(time);
}

pub(crate) fn promises(number: usize) {
    gauge!(PROMISES).set(whole(number));
}

pub(crate) fn promise_mended() {
    counter!(PROMISES_MENDED).increment(1);
}

pub(crate) fn held() {
    counter!(PRIVACY_NOT_READY).increment(1);
}

pub(crate) fn dropped() {
    counter!(PRIVACY_DROPPED).increment(1);
}

pub(crate) fn redacted() {
    counter!(PRIVACY_REDACTED).increment(1);
}

pub(crate) fn door(is_whole: bool, proof_age: Option<Duration>, users: usize) {
    gauge!(DOOR_WHOLE).set(u8::from(is_whole));
    gauge!(DOOR_PROOF_AGE).set(proof_age.map_or(f64::INFINITY, |age| age.as_secs_f64()));
    gauge!(DOOR_USERS).set(whole(users));
}

pub(crate) fn nats_connected(connected: bool) {
    gauge!(NATS_CONNECTED).set(u8::from(connected));
}

/// Gauges are floats; beyond 4 billion nobody looks at units.
fn whole(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}
