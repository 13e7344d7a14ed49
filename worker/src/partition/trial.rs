//! How often an event may end its worker (GUARD-81).
//!
//! An event that was in the stream before its owner may have ended the owner before: its tries are
//! counted in PostgreSQL before it is handled. Events that arrive later cost nothing here.

use std::sync::Arc;

use proto::event::DeadLetterReason;
use proto::id::EventId;
use tokio::sync::OwnedMutexGuard;
use tokio::time::sleep;

use super::intake::DATABASE_RETRY;
use crate::app::App;

/// An event that was begun this often and never decided is given up, whether it ended its worker,
/// panicked, or met an error of a database that is there.
pub(super) const TRIES: u32 = 3;

/// The right to handle an event now.
///
/// Who was begun before is a suspect, and a worker handles one suspect at a time: when that ends
/// the worker, no innocent event of another partition was counted with it.
#[derive(Debug)]
pub(super) struct Trial {
    _alone: Option<OwnedMutexGuard<()>>,
}

/// Counts a try of this ownership, as soon as the database answers.
///
/// Cancel safe: yes; an ownership counts once, however often it asks.
pub(super) async fn begin(
    app: &App,
    ownership: &str,
    event: &EventId,
) -> Result<Trial, DeadLetterReason> {
    if until_answered(|| app.store.begin_event(event, ownership)).await {
        return Ok(Trial { _alone: None });
    }
    let alone = Arc::clone(&app.suspects).lock_owned().await;
    let tries = until_answered(|| app.store.begin_event_again(event, ownership)).await;
    if u32::try_from(tries).is_ok_and(|tries| tries > TRIES) {
        return Err(DeadLetterReason::Crashed);
    }
    tracing::warn!(event.id = %runtime::ids::Shown(event.as_str()), tries, "an event is tried again");
    Ok(Trial {
        _alone: Some(alone),
    })
}

async fn until_answered<T, F>(mut statement: impl FnMut() -> F) -> T
where
    F: Future<Output = Result<T, store::Error>>,
{
    loop {
        match statement().await {
            Ok(answer) => return answer,
            Err(error) => {
                tracing::warn!(%error, "an event waits for its try to be counted");
                sleep(DATABASE_RETRY).await;
            }
        }
    }
}
