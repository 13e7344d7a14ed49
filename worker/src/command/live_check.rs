//! Asks a provider or service whether it takes a key, before the key is stored or when somebody wants to know.

use std::time::Duration;

use futures_util::StreamExt;
use llm::{Class, Prompt, Provider, Role, Service, Tools, Turn};
use proto::id::UserId;
use secrecy::SecretString;
use store::{Operation, Reservation, ReservedUse};
use tokio::time::timeout;
use tracing::warn;

use super::reading::{counter, unreadable};
use crate::app::App;
use crate::notice::{Advice, CheckText, Fault, Notice, Silence};

/// Longest wait for the first word of the test reply (CMD-85).
const TEST_DEADLINE: Duration = Duration::from_secs(20);

/// Why a key is not known to work.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Unproven {
    /// What the provider answered, or that it did not.
    Fault(Fault),
    /// Anything else.
    Other(Notice),
}

impl From<Unproven> for Notice {
    fn from(unproven: Unproven) -> Self {
        match unproven {
            Unproven::Fault(fault) => Self::Provider(fault),
            Unproven::Other(notice) => notice,
        }
    }
}

impl Unproven {
    /// Returns what to say in a panel about a key that was typed.
    pub(super) fn not_taken(self) -> Notice {
        match self {
            Self::Fault(fault) => Notice::from(CheckText::NotTaken(fault)),
            Self::Other(notice) => notice,
        }
    }

    /// Returns what to say in a panel about a stored key.
    pub(super) fn fails(self) -> Notice {
        match self {
            Self::Fault(fault) => Notice::from(CheckText::Fails(fault)),
            Self::Other(notice) => notice,
        }
    }
}

/// Asks the provider whether it takes a key, as one of the checks that this person may cause in a
/// day.
///
/// # Errors
/// What it answers, or that it may not be asked.
pub(super) async fn key(
    app: &App,
    user: UserId,
    provider: Provider,
    key: &SecretString,
) -> Result<(), Unproven> {
    counted(app, user, call(app, provider, key)).await
}

/// Asks a service whether it takes a key, as one of the same checks.
///
/// # Errors
/// What it answers, or that it may not be asked.
pub(super) async fn service(
    app: &App,
    user: UserId,
    service: Service,
    key: &SecretString,
) -> Result<(), Unproven> {
    let asking = async {
        let checked = app.services.check(service, key).await;
        checked.map_err(|error| refused(&error))
    };
    counted(app, user, asking).await
}

/// Opens a session with a tool server, as one of the same checks; the failure is given apart.
///
/// # Errors
/// That nothing may be tried.
pub(super) async fn tool_server(
    app: &App,
    user: UserId,
    url: &str,
    token: Option<&SecretString>,
) -> Result<Result<(), mcp::Error>, Notice> {
    // Each counts, whatever comes of it: else somebody could look through a network.
    let _counted = reserve(app, user).await?;
    Ok(app.tool_servers.try_out(url, token).await.map(drop))
}

/// Counts a check, and gives it back where nobody was reached.
async fn counted<T>(
    app: &App,
    user: UserId,
    check: impl Future<Output = Result<T, Unproven>>,
) -> Result<T, Unproven> {
    let reserved = reserve(app, user).await?;
    let checked = check.await;
    if let Err(Unproven::Fault(
        Fault::NotAnswering {
            silence: Silence::Unreachable,
            ..
        }
        | Fault::AddressRefused,
    )) = checked
    {
        give_back(app, reserved).await;
    }
    checked
}

async fn call(app: &App, provider: Provider, key: &SecretString) -> Result<(), Unproven> {
    accepts_key(app, provider, key).await?;
    if provider.lists_to_everybody() {
        answers(app, provider, provider.default_model(), key).await?;
    }
    Ok(())
}

/// Asks the provider whether it takes a key, and answers with a model.
///
/// # Errors
/// What it answers, or that it may not be asked.
pub(super) async fn model(
    app: &App,
    user: UserId,
    (provider, model): (Provider, &str),
    key: &SecretString,
) -> Result<(), Unproven> {
    let asking = async {
        accepts_key(app, provider, key).await?;
        answers(app, provider, model, key).await
    };
    counted(app, user, asking).await
}

/// Asks the provider which models it has, as one of the same checks.
///
/// # Errors
/// What it answers, or that it may not be asked.
pub(super) async fn models(
    app: &App,
    user: UserId,
    provider: Provider,
    key: &SecretString,
) -> Result<Vec<String>, Unproven> {
    let asking = async {
        let listed = app.llm.models(provider, key).await;
        listed.map_err(|error| refused(&error))
    };
    counted(app, user, asking).await
}

/// Asks for the list of models: the cheapest call that needs a key (CHAT-107). The list is not
/// compared with the model, because some providers leave out names that they accept.
async fn accepts_key(app: &App, provider: Provider, key: &SecretString) -> Result<(), Unproven> {
    match app.llm.models(provider, key).await {
        Ok(_models) => Ok(()),
        // A provider without a list says so; the first reply decides.
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
) -> Result<(), Unproven> {
    let prompt = Prompt {
        provider,
        model: model.to_owned(),
        system: "You are a friendly chat companion.".to_owned(),
        turns: vec![Turn {
            role: Role::User,
            text: "Say hello in one short sentence.".to_owned(),
            images: Vec::new(),
        }],
        max_output_tokens: None,
        temperature: 1.0,
        tools: Tools::default(),
        continue_from: None,
    };
    let first = async {
        let mut reply = app.llm.stream(&prompt, key).await?;
        reply.next().await.transpose()
    };
    match timeout(TEST_DEADLINE, first).await {
        Ok(Ok(Some(_delta))) => Ok(()),
        Ok(Ok(None)) => Err(Unproven::Other(Notice::EmptyReply)),
        Ok(Err(error)) => Err(refused(&error)),
        Err(_elapsed) => Err(Unproven::Fault(Fault::NotAnswering {
            silence: Silence::TimedOut,
            advice: Advice::Wait,
        })),
    }
}

fn refused(error: &llm::Error) -> Unproven {
    Unproven::Fault(Fault::of(error))
}

/// Counts one more check of this person (GUARD-39f).
async fn reserve(app: &App, user: UserId) -> Result<ReservedUse, Unproven> {
    let limit = app.settings.chat.max_key_checks;
    let counter = counter(app, user).map_err(Unproven::Other)?;
    let reserving = app
        .store
        .reserve_operation(counter, Operation::KeyCheck, limit);
    match reserving.await {
        Ok(Reservation::Granted(reserved)) => Ok(reserved),
        Ok(Reservation::Refused(again)) => Err(Unproven::Other(Notice::from(CheckText::UsedUp {
            again_unix: again.map(|again| again.timestamp()),
        }))),
        Err(error) => Err(Unproven::Other(unreadable(error))),
    }
}

/// Gives a check back for which nobody was asked (GUARD-40).
async fn give_back(app: &App, reserved: ReservedUse) {
    if let Err(error) = app.store.give_operation_back(reserved).await {
        warn!(%error, "a check of a key that did not happen stays counted");
    }
}
