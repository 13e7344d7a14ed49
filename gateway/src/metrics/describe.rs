//! What every metric means, and zero for each from the start.

use metrics::{Unit, counter, describe_counter, describe_gauge, describe_histogram, gauge};

use super::{
    Asked, DEAD_LETTERS, DISCONNECTS, DOOR_PROOF_AGE, DOOR_USERS, DOOR_WHOLE, DeadLetter,
    EVENTS_LEFT_BEHIND, EVENTS_STORED, EVENTS_STRIPPED, FATAL_CLOSES, FRAMES, FRAMES_SKIPPED,
    IDENTIFIES_LEFT, INTERACTION_SECONDS, INTERACTIONS, NATS_CONNECTED, PRIVACY_DROPPED,
    PRIVACY_NOT_READY, PRIVACY_REDACTED, PROMISES, PROMISES_MENDED, PUBLISH_IN_FLIGHT,
    PUBLISH_RETRIES, RECEIVE_ERRORS, RESUME_LAG, RESUME_SAVES, Retry, SESSIONS, SESSIONS_LOST,
    SHARDS_CONNECTED, SHARDS_STANDBY, SPOOL_BYTES, SPOOL_FULL, STORE_SECONDS,
};
use crate::encode::{Kind, Skip};

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
        PRIVACY_NOT_READY,
        PRIVACY_DROPPED,
        PRIVACY_REDACTED,
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
        DOOR_WHOLE,
        DOOR_USERS,
    ] {
        gauge!(plain).set(0);
    }
    gauge!(DOOR_PROOF_AGE).set(f64::INFINITY);
}

/// What each counter counts.
const COUNTERS: [(&str, &str); 19] = [
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
    (
        PRIVACY_NOT_READY,
        "times that an event was held because the door was closed",
    ),
    (
        PRIVACY_DROPPED,
        "events whose author has opted out of everything, never published",
    ),
    (
        PRIVACY_REDACTED,
        "events published without what belongs to somebody who has opted out",
    ),
];

/// What each gauge shows.
const GAUGES: [(&str, Unit, &str); 11] = [
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
    (
        DOOR_WHOLE,
        Unit::Count,
        "1 while it is proven who has opted out, so that messages are published",
    ),
    (
        DOOR_PROOF_AGE,
        Unit::Seconds,
        "since the last proof of that was sent; infinite before the first",
    ),
    (
        DOOR_USERS,
        Unit::Count,
        "users who have opted out of everything, as far as is known",
    ),
];

/// What the histograms measure.
const HISTOGRAMS: [(&str, &str); 2] = [
    (STORE_SECONDS, "from reading a frame to its acknowledgement"),
    (INTERACTION_SECONDS, "from an interaction to its end here"),
];
