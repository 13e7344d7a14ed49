//! A person's own keys as the panel shows them. Reads only.

use std::collections::HashSet;

use keyring::USER_API_KEY;
use llm::Provider;
use proto::id::{TenantId, UserId};
use secrecy::SecretString;
use store::{OwnKey, OwnKeyId};
use tracing::warn;

use super::action::Seen;
use crate::app::App;
use crate::command::reading::unreadable;
use crate::notice::{Notice, fingerprint};

/// The keys of a person.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct State {
    /// Whether they pay for what the person asks.
    pub(super) is_on: bool,
    /// In the order in which they are asked.
    pub(super) keys: Vec<Key>,
}

/// A key, as far as it may be shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Key {
    pub(super) seen: Seen,
    pub(super) provider: Provider,
    pub(super) fingerprint: String,
    /// The model that talks.
    pub(super) model: String,
    /// Whether it pays for talking.
    pub(super) is_for_chat: bool,
    /// Whether its provider refused it for good.
    pub(super) is_refused: bool,
    /// Whether it was found not to open.
    pub(super) is_broken: bool,
}

/// Reads the keys, and opens each to see whether it opens.
///
/// # Errors
/// What to say when the database does not answer.
pub(super) async fn read(app: &App, user: UserId) -> Result<State, Notice> {
    let listed = app.store.own_keys(user).await.map_err(unreadable)?;
    let mut broken = HashSet::new();
    for key in &listed.keys {
        if open(app, user, key.id).await?.is_none() {
            broken.insert(key.id);
        }
    }
    // Once more: what was sealed anew on opening has another version now.
    let listed = app.store.own_keys(user).await.map_err(unreadable)?;
    let keys = listed.keys.iter().filter_map(|key| Key::of(key, &broken));
    Ok(State {
        is_on: listed.is_on,
        keys: keys.collect(),
    })
}

/// Opens a key; `None` when it does not open, or was removed.
///
/// # Errors
/// What to say when the database does not answer.
pub(super) async fn open(
    app: &App,
    user: UserId,
    key: OwnKeyId,
) -> Result<Option<SecretString>, Notice> {
    let owner = TenantId::Direct(user);
    let opened = app
        .store
        .secret(&app.keys.get(), USER_API_KEY, key.0, owner)
        .await;
    match opened {
        Ok(opened) => Ok(opened),
        Err(error) if error.is_unavailable() => Err(Notice::DatabaseAway),
        Err(error) => {
            warn!(?error, "a stored key of a person does not open");
            Ok(None)
        }
    }
}

impl State {
    /// Returns the key of a row, whatever was changed about it since it was seen.
    pub(super) fn find(&self, key: OwnKeyId) -> Option<&Key> {
        self.keys.iter().find(|known| known.seen.key == key)
    }

    /// Returns the key of a provider.
    pub(super) fn of(&self, provider: Provider) -> Option<&Key> {
        self.keys.iter().find(|key| key.provider == provider)
    }
}

impl Key {
    /// `None` for a provider that this version does not know.
    fn of(key: &OwnKey, broken: &HashSet<OwnKeyId>) -> Option<Self> {
        let provider: Provider = key.provider.parse().ok()?;
        let model = key.model.as_deref().unwrap_or(provider.default_model());
        Some(Self {
            seen: Seen {
                key: key.id,
                row_version: key.row_version,
            },
            provider,
            fingerprint: fingerprint(key.last4.as_deref()),
            model: model.to_owned(),
            is_for_chat: key.is_for_chat,
            is_refused: key.is_refused,
            is_broken: broken.contains(&key.id),
        })
    }
}
