//! Checks a key with its provider, then saves it with everything else in one transaction (CMD-84).

use std::time::Duration;

use futures_util::StreamExt;
use llm::{Class, Prompt, Provider, Role, Turn};
use secrecy::SecretString;
use store::NewSetup;
use tokio::time::timeout;
use tracing::warn;

use super::state;
use super::submission::{Mode, Submission};
use crate::app::App;
use crate::notice::{Fault, Notice, SetupText};

/// Longest wait for the first word of the test reply (CMD-85).
const TEST_DEADLINE: Duration = Duration::from_secs(20);

/// Most trigger words of a persona (CHAT-36).
const MAX_TRIGGER_WORDS: usize = 10;

/// Saves the setup when the provider answers with it; otherwise nothing is changed.
///
/// # Errors
/// What to say about the first thing that is wrong.
pub(super) async fn and_save(app: &App, submission: Submission) -> Result<(), Notice> {
    let model = submission.well_formed()?.to_owned();
    refuse_unasked_replacement(app, &submission).await?;
    let provider = submission.choice.provider;
    accepts_key(app, provider, &submission.key).await?;
    answers(app, provider, &model, &submission.key).await?;
    let tenant = submission.asker.tenant;
    let chat = &app.settings.chat;
    let setup = NewSetup {
        tenant,
        locale: submission.asker.locale.to_owned(),
        display_name: None,
        provider: provider.as_str().to_owned(),
        model,
        key: submission.key,
        bot_name: chat.default_bot_name.clone(),
        trigger_words: trigger_words(&chat.default_bot_name, &chat.base_trigger_words),
    };
    app.store
        .set_up(&app.keys.get(), setup)
        .await
        .map_err(state::unreadable)?;
    tell_others(app, tenant.disc_id()).await;
    Ok(())
}

/// Refuses to overwrite a key of which the person was not told. Two forms sent within the same
/// moment can both pass; then the later one stays, as if it had replaced the other.
async fn refuse_unasked_replacement(app: &App, submission: &Submission) -> Result<(), Notice> {
    let state = state::read(app, submission.asker.tenant).await?;
    match (submission.choice.mode, state.key) {
        (Mode::First, Some(_)) => Err(Notice::Setup(SetupText::SetUpMeanwhile)),
        (Mode::First, None) | (Mode::Replace, _) => Ok(()),
    }
}

/// Asks for the list of models: the cheapest call that needs a key (CHAT-107). The list is not
/// compared with the model, because some providers leave out names that they accept.
async fn accepts_key(app: &App, provider: Provider, key: &SecretString) -> Result<(), Notice> {
    match app.llm.models(provider, key).await {
        Ok(_models) => Ok(()),
        // A provider without a list says so; the test reply decides.
        Err(error) if matches!(error.class(), Class::RequestFault | Class::UnknownModel) => Ok(()),
        Err(error) => Err(refused(&error)),
    }
}

/// Waits for the first word of a real reply. Only that shows that the model exists and that the
/// account can pay: some providers list their models without looking at the key.
async fn answers(
    app: &App,
    provider: Provider,
    model: &str,
    key: &SecretString,
) -> Result<(), Notice> {
    let prompt = Prompt {
        provider,
        model: model.to_owned(),
        system: "You are a friendly chat companion.".to_owned(),
        turns: vec![Turn {
            role: Role::User,
            text: "Say hello in one short sentence.".to_owned(),
        }],
        max_output_tokens: None,
        temperature: 1.0,
        continue_from: None,
    };
    let first = async {
        let mut reply = app.llm.stream(&prompt, key).await?;
        reply.next().await.transpose()
    };
    match timeout(TEST_DEADLINE, first).await {
        Ok(Ok(Some(_delta))) => Ok(()),
        Ok(Ok(None)) => Err(Notice::EmptyReply),
        Ok(Err(error)) => Err(refused(&error)),
        Err(_elapsed) => Err(Notice::Provider(Fault::TimedOut)),
    }
}

fn refused(error: &llm::Error) -> Notice {
    Notice::Provider(Fault::of(error))
}

/// Words that call the first persona: its name, then the installation's, without repetition.
fn trigger_words(bot_name: &str, base: &[String]) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    for word in std::iter::once(bot_name).chain(base.iter().map(String::as_str)) {
        let word = word.to_lowercase();
        if !words.contains(&word) && words.len() < MAX_TRIGGER_WORDS {
            words.push(word);
        }
    }
    words
}

/// Hints to all workers that what they hold of this tenant is old. A lost hint costs nothing:
/// admission compares the version of the settings.
async fn tell_others(app: &App, tenant_disc_id: u64) {
    let subject = app.names.settings_changed();
    if let Err(error) = app
        .nats
        .publish(subject, tenant_disc_id.to_string().into())
        .await
    {
        warn!(%error, "the hint of changed settings was not sent");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_calls_the_persona_once_and_first() {
        let base = ["tomo", "tomori", "ともり"].map(String::from);
        assert_eq!(trigger_words("Tomori", &base), ["tomori", "tomo", "ともり"]);
    }

    #[test]
    fn trigger_words_stay_within_their_limit() {
        let base: Vec<String> = (0..20).map(|number| format!("word{number}")).collect();
        assert_eq!(trigger_words("Tomori", &base).len(), MAX_TRIGGER_WORDS);
    }
}
