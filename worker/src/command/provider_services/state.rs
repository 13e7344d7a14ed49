//! The keys of services as the panel shows them. Reads only.

use std::collections::HashSet;

use keyring::SERVICE_API_KEY;
use llm::Service;
use proto::id::TenantId;
use secrecy::SecretString;
use store::ServiceKey;
use tracing::warn;

use super::action::Seen;
use crate::app::App;
use crate::command::reading::unreadable;
use crate::notice::{Notice, fingerprint};

/// The keys that there are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct State {
    pub(super) keys: Vec<Key>,
}

/// The key of a service, as far as it may be shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Key {
    pub(super) service: Service,
    pub(super) seen: Seen,
    pub(super) fingerprint: String,
    /// Whether it was found not to open.
    pub(super) is_broken: bool,
}

/// Reads the keys, and opens each to see whether it opens.
///
/// # Errors
/// `NotSetUp` for a server without settings; what to say when the database does not answer.
pub(super) async fn read(app: &App, tenant: TenantId) -> Result<State, Notice> {
    let mut broken = HashSet::new();
    for key in list(app, tenant).await? {
        if open(app, tenant, &key).await?.is_none() {
            broken.insert(key.seen.key);
        }
    }
    // Once more: what was sealed anew on opening has another version now.
    let mut keys = list(app, tenant).await?;
    for key in &mut keys {
        key.is_broken = broken.contains(&key.seen.key);
    }
    Ok(State { keys })
}

async fn list(app: &App, tenant: TenantId) -> Result<Vec<Key>, Notice> {
    let listed = app.store.service_keys(tenant).await.map_err(unreadable)?;
    let listed = listed.ok_or(Notice::NotSetUp)?;
    Ok(listed.iter().filter_map(Key::of).collect())
}

/// Opens a key; `None` when it does not open, or was removed.
///
/// # Errors
/// What to say when the database does not answer.
pub(super) async fn open(
    app: &App,
    tenant: TenantId,
    key: &Key,
) -> Result<Option<SecretString>, Notice> {
    let row = key.seen.key.0;
    let opened = app
        .store
        .secret(&app.keys.get(), SERVICE_API_KEY, row, tenant)
        .await;
    match opened {
        Ok(opened) => Ok(opened),
        Err(error) if error.is_unavailable() => Err(Notice::DatabaseAway),
        Err(error) => {
            warn!(?error, "a stored key of a service does not open");
            Ok(None)
        }
    }
}

impl State {
    /// Returns the key of a service.
    pub(super) fn of(&self, service: Service) -> Option<&Key> {
        self.keys.iter().find(|key| key.service == service)
    }
}

impl Key {
    /// `None` for a service that this version does not know.
    fn of(listed: &ServiceKey) -> Option<Self> {
        Some(Self {
            service: listed.service.parse().ok()?,
            seen: Seen {
                key: listed.id,
                row_version: listed.row_version,
            },
            fingerprint: fingerprint(listed.last4.as_deref()),
            is_broken: false,
        })
    }
}
