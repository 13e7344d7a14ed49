//! What is set up already, as the panel shows it. Reads only.

use llm::Provider;
use proto::id::TenantId;
use store::Profile;
use tracing::warn;

use crate::app::App;
use crate::command::reading::unreadable;
use crate::notice::{CredentialText, Notice, fingerprint};

/// The state of one tenant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct State {
    /// The key and what it is used for.
    pub(super) key: Option<StoredKey>,
    /// Name of the main persona, or what it will be called.
    pub(super) persona: String,
    /// A word that calls it.
    pub(super) word: Option<String>,
    /// Something that must be mended though all is there.
    pub(super) problem: Option<Notice>,
}

/// A stored key, as far as it may be shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct StoredKey {
    /// The provider's name as people know it.
    pub(super) provider: String,
    /// The model's name.
    pub(super) model: String,
    /// The key's fingerprint.
    pub(super) fingerprint: String,
}

/// Reads the state.
///
/// # Errors
/// What to say when the database does not answer.
pub(super) async fn read(app: &App, tenant: TenantId) -> Result<State, Notice> {
    let profile = app.store.profile(tenant).await.map_err(unreadable)?;
    let bot_name = &app.settings.chat.default_bot_name;
    let Some(profile) = profile else {
        return Ok(State {
            key: None,
            persona: bot_name.clone(),
            word: None,
            problem: None,
        });
    };
    // Opened only to see whether it opens.
    let key = if profile.has_key {
        app.store.main_key(&app.keys.get(), tenant).await
    } else {
        Ok(None)
    };
    let problem = match &key {
        Ok(_) if profile.is_key_refused => Some(Notice::Credentials(CredentialText::MainRefused)),
        Err(error) if error.is_unavailable() => return Err(Notice::DatabaseAway),
        Err(error) => {
            warn!(?error, "a stored provider key does not open");
            Some(Notice::KeyUnreadable)
        }
        Ok(_) => None,
    };
    Ok(from_profile(&profile, problem, bot_name))
}

fn from_profile(profile: &Profile, problem: Option<Notice>, bot_name: &str) -> State {
    let main = profile.personas.iter().find(|persona| persona.is_main);
    let choice = profile.model.as_ref().filter(|_| profile.has_key);
    State {
        key: choice.map(|choice| StoredKey {
            provider: choice.provider.parse().map_or_else(
                |_| choice.provider.clone(),
                |provider: Provider| provider.label().to_owned(),
            ),
            model: choice.model.clone(),
            fingerprint: fingerprint(profile.key_last4.as_deref()),
        }),
        persona: main.map_or_else(|| bot_name.to_owned(), |persona| persona.nickname.clone()),
        word: main.and_then(|persona| persona.trigger_words.first().cloned()),
        problem,
    }
}
