//! Waiting for a database that is away.

use std::time::Duration;

use tokio::time::{Instant, sleep};

/// How long a running turn waits for the database before it ends with a mark (DESIGN §10).
const PATIENCE: Duration = Duration::from_mins(1);

/// Between two tries; an outage lasts seconds at least.
const RETRY_EVERY: Duration = Duration::from_millis(500);

/// Repeats a statement that is safe to repeat until the database answers, for a minute at most.
pub(crate) async fn with_patience<T, F>(mut statement: impl FnMut() -> F) -> Result<T, store::Error>
where
    F: Future<Output = Result<T, store::Error>>,
{
    let give_up = Instant::now() + PATIENCE;
    loop {
        match statement().await {
            Err(error) if error.is_unavailable() && Instant::now() < give_up => {
                sleep(RETRY_EVERY).await;
            }
            answer => return answer,
        }
    }
}
