//! The keys of a server as the panel shows them. Reads only.

use std::time::Duration;

use chrono::{DateTime, Utc};
use llm::Provider;
use proto::id::TenantId;
use store::{KeyId, KeyState, ListedKey, ListedKeys, ListedMain};
use tracing::warn;

use super::action::{Seen, SeenProvider};
use crate::app::App;
use crate::command::reading::unreadable;
use crate::notice::{KeyCondition, KeyName, Notice, fingerprint};

/// Why a key is disabled that was refused again and again, as the database says it.
const BY_REFUSALS: &str = "auth";

/// Every key of a server, in the order of the list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct State {
    pub(super) keys: Vec<Key>,
}

/// A key, as far as it may be shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Key {
    /// What a change of it names.
    pub(super) seen: Seen,
    /// What its removal names: for the main key the settings that hold it.
    pub(super) removal: Seen,
    pub(super) provider: Provider,
    pub(super) name: KeyName,
    pub(super) label: Option<String>,
    /// How it fares, whether it opens or not.
    pub(super) condition: KeyCondition,
    /// Whether it was found not to open.
    pub(super) is_broken: bool,
    /// `None` where nobody counts.
    pub(super) uses: Option<u64>,
    pub(super) last_used_at: Option<DateTime<Utc>>,
    pub(super) failed: Option<Failure>,
    /// Names the state that the result of a test is about.
    pub(super) generation: i64,
}

/// The last failure of a key since it worked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Failure {
    pub(super) at: DateTime<Utc>,
    pub(super) message: String,
}

/// Reads the keys without opening any.
///
/// # Errors
/// `NotSetUp` for a server without settings; what to say when the database does not answer.
pub(super) async fn read(app: &App, tenant: TenantId) -> Result<State, Notice> {
    let listed = app.store.provider_keys(tenant).await.map_err(unreadable)?;
    listed.map(State::from).ok_or(Notice::NotSetUp)
}

/// Opens keys to see whether they open, and notes which do not (POOL-10).
///
/// # Errors
/// What to say when the database does not answer.
pub(super) async fn find_broken(
    app: &App,
    tenant: TenantId,
    keys: &mut [Key],
) -> Result<(), Notice> {
    for key in keys {
        key.is_broken = open(app, tenant, key).await?.is_none();
    }
    Ok(())
}

/// Opens a key; `None` when it does not open, or was removed.
///
/// # Errors
/// What to say when the database does not answer.
pub(super) async fn open(
    app: &App,
    tenant: TenantId,
    key: &Key,
) -> Result<Option<secrecy::SecretString>, Notice> {
    let keyring = app.keys.get();
    let opened = match key.seen {
        Seen::Pooled { key: row, .. } if !key.name.is_main => {
            let column = keyring::POOL_API_KEY;
            app.store.secret(&keyring, column, row.0, tenant).await
        }
        Seen::Pooled { .. } | Seen::Main { .. } => {
            let provider = key.provider.as_str();
            app.store.main_key_of(&keyring, tenant, provider).await
        }
    };
    match opened {
        Ok(opened) => Ok(opened),
        Err(error) if error.is_unavailable() => Err(Notice::DatabaseAway),
        Err(error) => {
            warn!(?error, "a stored provider key does not open");
            Ok(None)
        }
    }
}

impl State {
    /// Returns the key that a menu calls so.
    pub(super) fn called(&self, value: &str) -> Option<&Key> {
        self.keys.iter().find(|key| key.seen.value() == value)
    }

    /// Returns the key, whatever was changed about it since it was seen.
    pub(super) fn find(&self, seen: Seen) -> Option<&Key> {
        self.called(&seen.value())
    }

    /// Returns the keys of a provider.
    pub(super) fn of(&self, provider: Provider) -> impl Iterator<Item = &Key> {
        self.keys.iter().filter(move |key| key.provider == provider)
    }

    /// Returns what the removal of all keys of a provider names.
    pub(super) fn seen_of(&self, provider: Provider) -> SeenProvider {
        let rows = self.of(provider).filter_map(|key| match key.seen {
            Seen::Pooled { key, .. } => Some(key),
            Seen::Main { .. } => None,
        });
        SeenProvider {
            provider,
            newest: rows.max().unwrap_or(KeyId(0)),
            main: self.of(provider).find_map(|key| match key.removal {
                Seen::Main { generation } => Some(generation),
                Seen::Pooled { .. } => None,
            }),
        }
    }
}

impl From<ListedKeys> for State {
    fn from(ListedKeys { main, pools }: ListedKeys) -> Self {
        let is_pooled = pools.iter().any(|pooled| pooled.key.is_main);
        let alone = main.as_ref().filter(|_| !is_pooled).and_then(Key::of_main);
        let pooled = pools
            .iter()
            .filter_map(|row| Key::of_row(row, main.as_ref()));
        Self {
            keys: alone.into_iter().chain(pooled).collect(),
        }
    }
}

impl Key {
    /// Returns what people are told of it.
    pub(super) const fn told_condition(&self) -> KeyCondition {
        if self.is_broken {
            KeyCondition::Unreadable
        } else {
            self.condition
        }
    }

    /// `None` for a provider that this version does not know: its key is of no use to it.
    fn of_main(main: &ListedMain) -> Option<Self> {
        let seen = Seen::Main {
            generation: main.generation,
        };
        let failed = main.disabled_at.zip(main.last_error.clone());
        Some(Self {
            seen,
            removal: seen,
            provider: main.provider.parse().ok()?,
            name: KeyName {
                fingerprint: fingerprint(main.last4.as_deref()),
                is_main: true,
            },
            label: None,
            condition: match (main.disabled_at, &main.last_error) {
                (None, _) => KeyCondition::Ready,
                (Some(_), Some(_)) => KeyCondition::Refused,
                (Some(_), None) => KeyCondition::Disabled,
            },
            is_broken: false,
            uses: None,
            last_used_at: None,
            failed: failed.map(|(at, message)| Failure { at, message }),
            generation: 0,
        })
    }

    fn of_row(row: &ListedKey, main: Option<&ListedMain>) -> Option<Self> {
        let seen = Seen::Pooled {
            key: row.key.id,
            row_version: row.row_version,
        };
        let of_main = main.map(|main| Seen::Main {
            generation: main.generation,
        });
        Some(Self {
            seen,
            removal: of_main.filter(|_| row.key.is_main).unwrap_or(seen),
            provider: row.provider.parse().ok()?,
            name: KeyName {
                fingerprint: fingerprint(row.key.last4.as_deref()),
                is_main: row.key.is_main,
            },
            label: row.key.label.clone(),
            condition: condition(row),
            is_broken: false,
            uses: Some(row.key.usage_count),
            last_used_at: row.last_used_at,
            failed: row.last_error.as_ref().map(|error| Failure {
                at: error.at,
                message: error.message.clone(),
            }),
            generation: row.key.generation,
        })
    }
}

fn condition(row: &ListedKey) -> KeyCondition {
    match row.key.state(Duration::ZERO) {
        KeyState::Ready => KeyCondition::Ready,
        KeyState::Resting(_) => match row.key.rests_until {
            Some(until) => KeyCondition::Resting {
                until_unix: until.timestamp(),
            },
            None => KeyCondition::Due,
        },
        KeyState::Due => KeyCondition::Due,
        KeyState::Probed(_) => KeyCondition::Tried,
        KeyState::Disabled if row.disabled_reason.as_deref() == Some(BY_REFUSALS) => {
            KeyCondition::Refused
        }
        KeyState::Disabled => KeyCondition::Disabled,
    }
}
