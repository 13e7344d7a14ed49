//! Asks a provider whether it takes a key, before the key is stored or when somebody wants to know.

use std::time::Duration;

use futures_util::StreamExt;
use llm::{Class, Prompt, Provider, Role, Turn};
use secrecy::SecretString;
use tokio::time::timeout;

use crate::app::App;
use crate::notice::{Fault, Notice};

/// Longest wait for the first word of the test reply (CMD-85).
const TEST_DEADLINE: Duration = Duration::from_secs(20);

/// Asks for the list of models: the cheapest call that needs a key (CHAT-107). The list is not
/// compared with the model, because some providers leave out names that they accept.
pub(super) async fn accepts_key(
    app: &App,
    provider: Provider,
    key: &SecretString,
) -> Result<(), Notice> {
    match app.llm.models(provider, key).await {
        Ok(_models) => Ok(()),
        // A provider without a list says so; the test reply decides.
        Err(error) if matches!(error.class(), Class::RequestFault | Class::UnknownModel) => Ok(()),
        Err(error) => Err(refused(&error)),
    }
}

/// Waits for the first word of a real reply. Only that shows that the model exists and that the
/// account can pay: some providers list their models without looking at the key.
pub(super) async fn answers(
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
