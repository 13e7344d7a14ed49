//! How people stand in a server and with a persona, read for one turn. It is remembered for none after
//! it, so that what somebody changes holds for the very next message.

use std::time::Duration;

use proto::id::{TenantId, UserId};
use store::PersonaId;
use tokio::time::sleep;

use super::filter::Standings;
use crate::app::App;
use crate::metrics;
use crate::patience::with_patience;
use crate::pipeline::Stage;

/// Before rows that could not be read count as the strictest (PRIV-45).
const AGAIN_AFTER: Duration = Duration::from_millis(100);

/// Reads it; `None` where that failed twice (PRIV-38, PRIV-45).
///
/// # Errors
/// `Unavailable`: the database was away for so long that the turn cannot go on.
pub(crate) async fn read(
    app: &App,
    tenant: TenantId,
    persona: PersonaId,
    people: &[UserId],
) -> Result<Option<Standings>, store::Error> {
    twice(|| with_patience(|| app.store.standings(tenant, persona, people))).await
}

async fn twice<T, F>(mut read: impl FnMut() -> F) -> Result<Option<T>, store::Error>
where
    F: Future<Output = Result<T, store::Error>>,
{
    match read().await {
        Ok(read) => return Ok(Some(read)),
        Err(error) if error.is_unavailable() => return Err(error),
        Err(_once_more) => sleep(AGAIN_AFTER).await,
    }
    match read().await {
        Ok(read) => Ok(Some(read)),
        Err(error) if error.is_unavailable() => Err(error),
        Err(error) => {
            tracing::warn!(%error, "everybody counts as blocked for one turn");
            metrics::privacy_unknown(Stage::Collect);
            Ok(None)
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::future::ready;

    use tokio::time::Instant;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn what_fails_twice_is_not_known() {
        for (failures, expected) in [(0, Some(())), (1, Some(())), (2, None)] {
            let (begun, tries) = (Instant::now(), Cell::new(0));
            let read = || {
                tries.set(tries.get() + 1);
                let fails = tries.get() <= failures;
                let read = (!fails).then_some(());
                ready(read.ok_or(store::Error::Invalid("a test")))
            };
            assert_eq!(twice(read).await.unwrap(), expected);
            let paused = if failures == 0 {
                Duration::ZERO
            } else {
                AGAIN_AFTER
            };
            assert_eq!(begun.elapsed(), paused);
        }
    }
}
