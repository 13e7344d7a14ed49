//! What is set up already, as the panel shows it. Reads only.

use llm::Provider;
use proto::id::TenantId;
use secrecy::{ExposeSecret, SecretString};
use store::Profile;
use tracing::warn;

use crate::app::App;
use crate::notice::Notice;

/// Shortest secret of which the end is shown (SEC-23).
const SHOWN_FROM_CHARS: usize = 12;

/// Characters that are shown.
const SHOWN_CHARS: usize = 4;

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
    let key = if profile.has_key {
        app.store.main_key(&app.keyring, tenant).await
    } else {
        Ok(None)
    };
    let problem = match &key {
        Err(error) if error.is_unavailable() => return Err(Notice::DatabaseAway),
        Err(error) => {
            warn!(?error, "a stored provider key does not open");
            Some(Notice::KeyUnreadable)
        }
        Ok(_) => None,
    };
    Ok(from_profile(
        &profile,
        key.ok().flatten().as_ref(),
        problem,
        bot_name,
    ))
}

/// Returns what to say about a failure of the database, which is logged here.
pub(super) fn unreadable(error: store::Error) -> Notice {
    warn!(?error, "settings cannot be read or written");
    if error.is_unavailable() {
        Notice::DatabaseAway
    } else {
        Notice::Unexpected
    }
}

fn from_profile(
    profile: &Profile,
    key: Option<&SecretString>,
    problem: Option<Notice>,
    bot_name: &str,
) -> State {
    let main = profile.personas.iter().find(|persona| persona.is_main);
    let fingerprint = key.map_or_else(hidden, fingerprint);
    let choice = profile.model.as_ref().filter(|_| profile.has_key);
    State {
        key: choice.map(|choice| StoredKey {
            provider: choice.provider.parse().map_or_else(
                |_| choice.provider.clone(),
                |provider: Provider| provider.label().to_owned(),
            ),
            model: choice.model.clone(),
            fingerprint,
        }),
        persona: main.map_or_else(|| bot_name.to_owned(), |persona| persona.nickname.clone()),
        word: main.and_then(|persona| persona.trigger_words.first().cloned()),
        problem,
    }
}

fn hidden() -> String {
    "••••".to_owned()
}

/// Returns as much of a secret as may be shown: its last four characters, where they are a small
/// part of it (SEC-23).
fn fingerprint(secret: &SecretString) -> String {
    let text = secret.expose_secret();
    if text.chars().count() < SHOWN_FROM_CHARS {
        return hidden();
    }
    let shown_from = text
        .char_indices()
        .rev()
        .nth(SHOWN_CHARS - 1)
        .map_or(0, |(at, _)| at);
    hidden() + text.get(shown_from..).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fingerprint_shows_the_last_four_characters() {
        assert_eq!(
            fingerprint(&SecretString::from("sk-0123456789abcd")),
            "••••abcd"
        );
    }

    #[test]
    fn fingerprint_of_a_short_secret_shows_nothing() {
        assert_eq!(fingerprint(&SecretString::from("0123456789a")), "••••");
        assert_eq!(fingerprint(&SecretString::from("0123456789ab")), "••••89ab");
    }
}
