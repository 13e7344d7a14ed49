//! Reading what a panel shows before the first answer, and what is said when that fails.

use std::time::Duration;

use tokio::time::timeout;
use tracing::warn;

use crate::notice::Notice;

/// Longest reading before the first answer: the gateway asks a second worker after 700 ms (CMD-2).
const READ_DEADLINE: Duration = Duration::from_millis(600);

/// Reads before the first answer, or says that the database is away.
pub(super) async fn in_time<T>(
    reading: impl Future<Output = Result<T, Notice>>,
) -> Result<T, Notice> {
    match timeout(READ_DEADLINE, reading).await {
        Ok(read) => read,
        Err(_elapsed) => Err(Notice::DatabaseAway),
    }
}

/// Returns what to say about a failure of the database, which is logged here.
pub(super) fn unreadable(error: store::Error) -> Notice {
    warn!(?error, "settings cannot be read or written");
    if error.is_unavailable() {
        Notice::DatabaseAway
    } else {
        Notice::Unexpected
    }
}
