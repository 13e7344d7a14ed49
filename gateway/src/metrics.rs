//! Every metric of the gateway: its name, what it means, and the only functions that touch it.

use std::time::Duration;

use metrics::{
    Unit, counter, describe_counter, describe_gauge, describe_histogram, gauge, histogram,
};
use runtime::metrics::Buckets;

use crate::encode::{Kind, Skip};
use crate::error::FatalClose;

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

/// What each counter counts.
const COUNTERS: [(&str, &str); 16] = [
    (FRAMES, "dispatched frames, by kind"),
    (FRAMES_SKIPPED, "frames that go no further, by reason"),
    (
        RECEIVE_ERRORS,
        "frames or connections that could not be read",
    ),
    (EVENTS_STORED, "events that the stream has acknowledged"),
    (
        PUBLISH_RETRIES,
        "publishes that had to wait or be tried again, by reason",
    ),
    (
        EVENTS_STRIPPED,
        "events published without what made them too large",
    ),
    (DEAD_LETTERS, "events given up, by reason"),
    (
        SPOOL_FULL,
        "times that reading stopped because the spool was full",
    ),
    (SESSIONS, "sessions begun or resumed, by start"),
    (SESSIONS_LOST, "sessions that could not be resumed"),
    (DISCONNECTS, "connections to Discord that ended"),
    (
        FATAL_CLOSES,
        "closes after which the gateway stops, by code",
    ),
    (
        EVENTS_LEFT_BEHIND,
        "events not stored because another gateway has taken the shard, and reads them too",
    ),
    (RESUME_SAVES, "writes of a resume point, by outcome"),
    (
        PROMISES_MENDED,
        "deferred answers that the gateway ended because their worker did not",
    ),
    (
        INTERACTIONS,
        "interactions, by how they ended for the gateway",
    ),
];

/// What each gauge shows.
const GAUGES: [(&str, Unit, &str); 8] = [
    (
        PUBLISH_IN_FLIGHT,
        Unit::Count,
        "publishes that await acknowledgement",
    ),
    (
        SPOOL_BYTES,
        Unit::Bytes,
        "events in memory that are not stored yet",
    ),
    (SHARDS_CONNECTED, Unit::Count, "shards with a live session"),
    (
        SHARDS_STANDBY,
        Unit::Count,
        "shards that another gateway holds, waited for",
    ),
    (
        IDENTIFIES_LEFT,
        Unit::Count,
        "identifies that Discord still allows today",
    ),
    (
        RESUME_LAG,
        Unit::Count,
        "frames read beyond the resume point, by all shards",
    ),
    (
        PROMISES,
        Unit::Count,
        "deferred answers that workers still owe",
    ),
    (NATS_CONNECTED, Unit::Count, "1 while NATS is connected"),
];

/// What the histograms measure.
const HISTOGRAMS: [(&str, &str); 2] = [
    (STORE_SECONDS, "from reading a frame to its acknowledgement"),
    (INTERACTION_SECONDS, "from an interaction to its end here"),
];

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

/// Describes every metric and makes zero visible.
pub fn describe() {
    for (name, meaning) in COUNTERS {
        describe_counter!(name, meaning);
    }
    for (name, unit, meaning) in GAUGES {
        describe_gauge!(name, unit, meaning);
    }
    for (name, meaning) in HISTOGRAMS {
        describe_histogram!(name, Unit::Seconds, meaning);
    }
    touch();
}

fn touch() {
    for kind in Kind::ALL {
        counter!(FRAMES, "kind" => kind.label()).absolute(0);
    }
    for reason in Skip::ALL {
        counter!(FRAMES_SKIPPED, "reason" => reason.label()).absolute(0);
    }
    for reason in Retry::ALL {
        counter!(PUBLISH_RETRIES, "reason" => reason.label()).absolute(0);
    }
    for reason in DeadLetter::ALL {
        counter!(DEAD_LETTERS, "reason" => reason.label()).absolute(0);
    }
    for outcome in Asked::ALL {
        counter!(INTERACTIONS, "outcome" => outcome.label()).absolute(0);
    }
    for start in ["identified", "resumed"] {
        counter!(SESSIONS, "start" => start).absolute(0);
    }
    for outcome in ["saved", "failed"] {
        counter!(RESUME_SAVES, "outcome" => outcome).absolute(0);
    }
    for plain in [
        RECEIVE_ERRORS,
        EVENTS_STORED,
        EVENTS_STRIPPED,
        EVENTS_LEFT_BEHIND,
        SPOOL_FULL,
        SESSIONS_LOST,
        PROMISES_MENDED,
        DISCONNECTS,
    ] {
        counter!(plain).absolute(0);
    }
    for plain in [
        PUBLISH_IN_FLIGHT,
        SPOOL_BYTES,
        SHARDS_CONNECTED,
        SHARDS_STANDBY,
        PROMISES,
        NATS_CONNECTED,
    ] {
        gauge!(plain).set(0);
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

pub(crate) fn nats_connected(connected: bool) {
    gauge!(NATS_CONNECTED).set(u8::from(connected));
}

/// Gauges are floats; beyond 4 billion nobody looks at units.
fn whole(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}
