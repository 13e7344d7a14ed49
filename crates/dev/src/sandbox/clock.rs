//! The sandbox's one clock, and how Discord writes times.

use chrono::DateTime;

/// Returns Unix time in milliseconds.
#[expect(
    clippy::disallowed_methods,
    reason = "the one place where the sandbox reads the time"
)]
pub(crate) fn now_ms() -> u64 {
    u64::try_from(chrono::Utc::now().timestamp_millis()).unwrap_or_default()
}

/// Writes a time as Discord does: `2026-11-22T17:00:00.123000+00:00`.
pub(crate) fn timestamp(unix_ms: u64) -> String {
    let time = i64::try_from(unix_ms)
        .ok()
        .and_then(DateTime::from_timestamp_millis);
    time.unwrap_or_default()
        .format("%Y-%m-%dT%H:%M:%S%.6f+00:00")
        .to_string()
}
