//! Step 5: call the model and return its answer as it comes.
//!
//! Keys, other models, and what follows when one is refused, are the matter of [`crate::pool`].

use llm::{Completion, Prompt, Tools};
use secrecy::SecretString;

use super::claim::Claimed;
use crate::app::App;
use crate::error::TurnError;
use crate::pool::{Calls, Length, Order};

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
        purse: claimed.purse(),
        models: &claimed.models,
        keys: &claimed.keys,
    };
    let send = |order: Order| async move {
        let asked = asked(prompt, &order);
        ask(app, &asked, &order.key).await
    };
    // On the heap: the turn, of which this is the deepest part, would grow by kilobytes.
    Ok(Box::pin(calls.make(send)).await?)
}

/// The question as this call asks it.
fn asked(prompt: &Prompt, order: &Order) -> Prompt {
    let asked = prompt.to_model(order.model.provider, &order.model.name);
    match order.length {
        Length::Whole => asked,
        Length::Shortened => asked.shortened(),
    }
}

/// Asks with tools, unless the model is known to refuse them; one that does so now is asked once
/// more without, and remembered (CHAT-109).
async fn ask(app: &App, prompt: &Prompt, key: &SecretString) -> Result<Completion, llm::Error> {
    let Prompt {
        provider, model, ..
    } = prompt;
    let has_tools = !prompt.tools.offered.is_empty();
    if !has_tools || !app.toolless.knows(*provider, model) {
        match app.llm.stream(prompt, key).await {
            Err(error) if has_tools && error.refuses_tools() => {}
            outcome => return outcome,
        }
        app.toolless.note(*provider, model).await;
    }
    app.llm.stream(&without_tools(prompt), key).await
}

fn without_tools(prompt: &Prompt) -> Prompt {
    let tools = Tools {
        offered: Vec::new(),
        ..prompt.tools.clone()
    };
    Prompt {
        tools,
        ..prompt.clone()
    }
}
