//! The wall clock, read at the one place where a frame arrives.

use std::time::SystemTime;

/// Returns Unix time in milliseconds.
#[expect(
    clippy::disallowed_methods,
    reason = "the moment at which a frame is read exists nowhere but here; it travels as a value"
)]
pub(crate) fn now_ms() -> i64 {
    let since_epoch = SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap_or_default();
    i64::try_from(since_epoch.as_millis()).unwrap_or(i64::MAX)
}
