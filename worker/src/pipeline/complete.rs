//! Step 5: call the model and return its answer as it comes.
//!
//! Keys, and what follows when one is refused, are the matter of [`crate::pool`].

use std::sync::Arc;

use llm::{Completion, Prompt};

use super::claim::Claimed;
use crate::app::App;
use crate::error::TurnError;
use crate::pool::Calls;

/// Opens the answer's stream; returns once its first piece is there.
pub(super) async fn complete(
    app: &App,
    claimed: &Claimed,
    prompt: &Prompt,
) -> Result<Completion, TurnError> {
    let calls = Calls {
        pools: &app.key_pools,
        keyring: app.keys.get(),
        tenant: claimed.turn.tenant,
        provider: prompt.provider,
        keys: &claimed.keys,
    };
    let llm = Arc::clone(&app.llm);
    let send = |key| {
        let llm = Arc::clone(&llm);
        async move { llm.stream(prompt, &key).await }
    };
    // On the heap: the turn, of which this is the deepest part, would grow by kilobytes.
    Ok(Box::pin(calls.make(send)).await?)
}
