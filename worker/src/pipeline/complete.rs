//! Step 5: call the model and return its answer as it comes.
//!
//! The key is opened per attempt and dropped with it. Another attempt is made only before the
//! first piece of the answer, and only for faults that pass (spec POOL 5.3).

use std::time::Duration;

use keyring::SERVER_API_KEY;
use llm::{Class, Completion, Prompt};
use rand::Rng;
use tokio::time::sleep;

use super::claim::Claimed;
use crate::app::App;
use crate::error::TurnError;
use crate::metrics;
use crate::patience::with_patience;

/// Calls per request, retries included (POOL-15).
const ATTEMPTS: u32 = 3;

/// Before a retry: a second, and up to half of one more so that callers spread (POOL 5.3).
const RETRY_AFTER: Duration = Duration::from_secs(1);
const JITTER_MAX_MS: u64 = 500;

/// Opens the answer's stream; returns once its first piece is there.
pub(super) async fn complete(
    app: &App,
    claimed: &Claimed,
    prompt: &Prompt,
) -> Result<Completion, TurnError> {
    let mut attempt = 1;
    loop {
        let keyring = app.keys.get();
        let key = with_patience(|| app.store.main_key(&keyring, claimed.turn.tenant))
            .await
            .map_err(unreadable)?
            .ok_or(TurnError::NoCredentials)?;
        let error = match app.llm.stream(prompt, &key).await {
            Ok(stream) => return Ok(stream),
            Err(error) => error,
        };
        drop(key);
        if attempt == ATTEMPTS || !is_passing(error.class()) {
            return Err(error.into());
        }
        attempt += 1;
        let jitter = Duration::from_millis(rand::rng().random_range(0..=JITTER_MAX_MS));
        sleep(RETRY_AFTER + jitter).await;
    }
}

/// A key that does not open is the operator's matter; a database that is away is not.
fn unreadable(error: store::Error) -> TurnError {
    match error {
        store::Error::Keyring(_)
        | store::Error::WrongMasterKey { .. }
        | store::Error::Corrupt { .. } => {
            tracing::error!(%error, "a provider key cannot be read");
            metrics::decrypt_failed(SERVER_API_KEY);
            TurnError::KeyUnreadable
        }
        other => other.into(),
    }
}

const fn is_passing(class: Class) -> bool {
    match class {
        Class::Timeout | Class::Overloaded | Class::Unreachable => true,
        Class::RateLimit
        | Class::Balance
        | Class::Plan
        | Class::Auth
        | Class::ContentBlocked
        | Class::ContextLength
        | Class::UnknownModel
        | Class::RequestFault
        | Class::PolicyRefused
        | Class::Unknown => false,
    }
}
