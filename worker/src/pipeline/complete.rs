//! Step 5: call the model and return its answer as it comes.
//!
//! Keys, other models, and what follows when one is refused, are the matter of [`crate::pool`].

use llm::{Class, Completion, Prompt, Tools};
use secrecy::SecretString;

use super::claim::Claimed;
use crate::app::App;
use crate::error::TurnError;
use crate::pool::{Calls, Length, Order};
use crate::spared::Part;

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

/// Asks with tools and images, unless the model is known to refuse them; one that does so now is
/// asked once more without, and remembered (CHAT-64, CHAT-109).
async fn ask(app: &App, prompt: &Prompt, key: &SecretString) -> Result<Completion, llm::Error> {
    let mut asked = prompt.clone();
    for part in [Part::Tools, Part::Images] {
        if app.spared.knows(prompt.provider, &prompt.model, part) {
            asked = without(&asked, part);
        }
    }
    loop {
        let outcome = app.llm.stream(&asked, key).await;
        let Some(part) = outcome
            .as_ref()
            .err()
            .and_then(|error| refused(error, &asked))
        else {
            return outcome;
        };
        // Where nobody says what is at fault, the images are left out this once.
        let names = |error: llm::Error| match part {
            Part::Tools => error.refuses_tools(),
            Part::Images => error.refuses_images(),
        };
        if outcome.is_err_and(names) {
            app.spared.note(prompt.provider, &prompt.model, part).await;
        }
        asked = without(&asked, part);
    }
}

/// Which part of a question is refused, of those that it has and can do without.
fn refused(error: &llm::Error, asked: &Prompt) -> Option<Part> {
    let has_tools = !asked.tools.offered.is_empty();
    if has_tools && error.refuses_tools() {
        return Some(Part::Tools);
    }
    let is_refused = error.refuses_images() || error.class() == Class::RequestFault;
    (asked.has_images() && is_refused).then_some(Part::Images)
}

fn without(prompt: &Prompt, part: Part) -> Prompt {
    match part {
        Part::Tools => without_tools(prompt),
        Part::Images => prompt.without_images(),
    }
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
