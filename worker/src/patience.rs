//! Waiting for a database or for Discord while it is away.

use std::time::Duration;

use tokio::time::{Instant, sleep};

/// How long a running turn waits for the database before it ends with a mark (DESIGN §10). Reads
/// of Discord are given the same time.
const PATIENCE: Duration = Duration::from_mins(1);

/// Between two tries; an outage lasts seconds at least.
const RETRY_EVERY: Duration = Duration::from_millis(500);

/// Repeats a statement that is safe to repeat until the database answers, for a minute at most.
pub(crate) async fn with_patience<T, F>(statement: impl FnMut() -> F) -> Result<T, store::Error>
where
    F: Future<Output = Result<T, store::Error>>,
{
    retry(statement, |error| {
        error.is_unavailable().then_some(RETRY_EVERY)
    })
    .await
}

/// Repeats a read of Discord until it answers, for a minute at most.
pub(crate) async fn with_rest_patience<T, F>(read: impl FnMut() -> F) -> Result<T, discord::Error>
where
    F: Future<Output = Result<T, discord::Error>>,
{
    retry(read, |error| match error {
        discord::Error::InDoubt { .. }
        | discord::Error::NotSent { .. }
        | discord::Error::Unavailable { .. } => Some(error.retry_after().unwrap_or(RETRY_EVERY)),
        discord::Error::Refused { .. }
        | discord::Error::Unauthorized
        | discord::Error::Malformed { .. } => None,
    })
    .await
}

async fn retry<T, E, F>(
    mut attempt: impl FnMut() -> F,
    pause_after: impl Fn(&E) -> Option<Duration>,
) -> Result<T, E>
where
    F: Future<Output = Result<T, E>>,
{
    let give_up = Instant::now() + PATIENCE;
    loop {
        let error = match attempt().await {
            Ok(answer) => return Ok(answer),
            Err(error) => error,
        };
        match pause_after(&error) {
            Some(pause) if Instant::now() + pause < give_up => sleep(pause).await,
            _ => return Err(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn patience_ends_after_a_minute_and_at_an_error_that_stays() {
        let tries = Cell::new(0);
        let fail = || {
            tries.set(tries.get() + 1);
            async { Err::<(), _>("away") }
        };
        let started = Instant::now();
        assert_eq!(retry(fail, |_| Some(RETRY_EVERY)).await, Err("away"));
        assert!(started.elapsed() <= PATIENCE && tries.get() > 100);
        tries.set(0);
        assert_eq!(retry(fail, |_| None).await, Err("away"));
        assert_eq!(tries.get(), 1);
    }
}
