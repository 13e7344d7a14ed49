//! The one place that reads the wall clock; everything else takes time as an argument.

use std::time::{SystemTime, UNIX_EPOCH};

/// Returns the Unix time in milliseconds; 0 on a machine whose clock is before 1970.
#[expect(
    clippy::disallowed_methods,
    reason = "this is the source of the argument"
)]
pub(crate) fn unix_now_ms() -> u64 {
    let since_epoch = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    u64::try_from(since_epoch.as_millis()).unwrap_or(u64::MAX)
}
