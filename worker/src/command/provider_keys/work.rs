//! What the panel changes. Everything here follows a claim, and is told to all workers.

use llm::Provider;
use proto::id::TenantId;
use secrecy::SecretString;
use store::{Edited, KeyAdded, KeyId, MOST_POOL_KEYS, NewPoolKey, SeenKey, SeenPool};

use super::action::{Seen, SeenProvider};
use super::state::{self, Key};
use crate::app::App;
use crate::command::asker::Asker;
use crate::command::controls::Note;
use crate::command::form::{is_key, is_label};
use crate::command::live_check;
use crate::command::reading::unreadable;
use crate::notice::{CheckText, FormText, KeyCondition, KeysSaid, Notice, PanelText};

/// What is to be done. Has no `Debug`: it may hold a key.
pub(super) enum Work {
    /// Check a key and save it.
    Add(NewKey),
    /// Ask whether a key works.
    Test(Seen),
    /// Give a key another label, or none.
    Label { seen: Seen, label: String },
    /// Take a key into use.
    Enable(Seen),
    /// Take a key out of use.
    Disable(Seen),
    /// Remove a key.
    Remove(Seen),
    /// Remove all keys of a provider.
    Purge(SeenProvider),
}

/// A key that was typed. Has no `Debug`.
pub(super) struct NewKey {
    pub(super) provider: Provider,
    pub(super) label: String,
    pub(super) key: SecretString,
}

/// Where the panel goes afterwards.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum View {
    /// To the beginning of the list.
    List,
    /// There, with the form at hand once more.
    Retry(Provider),
    /// To a key.
    Key(Seen),
}

impl Work {
    /// Names the provider that is asked, which may take some time.
    pub(super) const fn asks(&self) -> Option<&'static str> {
        match self {
            Self::Add(new) => Some(new.provider.label()),
            Self::Test(_) => Some("the provider"),
            Self::Label { .. }
            | Self::Enable(_)
            | Self::Disable(_)
            | Self::Remove(_)
            | Self::Purge(_) => None,
        }
    }

    /// Returns where the panel goes once it was done.
    const fn view(&self) -> View {
        match self {
            Self::Add(_) | Self::Remove(_) | Self::Purge(_) => View::List,
            Self::Test(seen)
            | Self::Label { seen, .. }
            | Self::Enable(seen)
            | Self::Disable(seen) => View::Key(*seen),
        }
    }

    /// Returns where the panel goes when it failed.
    const fn view_of_failure(&self) -> View {
        match self {
            Self::Add(new) => View::Retry(new.provider),
            other => other.view(),
        }
    }
}

/// Does it; returns what to say, and where the panel goes.
pub(super) async fn run(app: &App, asker: &Asker, work: &Work) -> (Note, View) {
    let done = match work {
        Work::Add(new) => add(app, asker, new).await,
        Work::Test(seen) => test(app, asker, *seen).await,
        Work::Label { seen, label } => relabel(app, asker.tenant, *seen, label).await,
        Work::Enable(seen) => enable(app, asker.tenant, *seen).await,
        Work::Disable(seen) => disable(app, asker.tenant, *seen).await,
        Work::Remove(seen) => remove(app, asker.tenant, *seen).await,
        Work::Purge(seen) => purge(app, asker.tenant, *seen).await,
    };
    match done {
        Ok(notice) => (Note::Done(notice), work.view()),
        Err(notice) => (Note::Warning(notice), work.view_of_failure()),
    }
}

async fn add(app: &App, asker: &Asker, new: &NewKey) -> Result<Notice, Notice> {
    if !is_key(&new.key) {
        return Err(Notice::Form(FormText::KeyMalformed));
    }
    if !is_label(&new.label) {
        return Err(Notice::from(KeysSaid::LabelMalformed));
    }
    let provider = new.provider.as_str();
    let pool = app.store.key_pool(asker.tenant, provider).await;
    if pool.map_err(unreadable)?.len() >= MOST_POOL_KEYS as usize {
        return Err(Notice::from(KeysSaid::Full));
    }
    let checked = live_check::key(app, asker.user, new.provider, &new.key).await;
    checked.map_err(live_check::Unproven::not_taken)?;
    let row = NewPoolKey {
        tenant: asker.tenant,
        provider,
        label: Some(&*new.label).filter(|label| !label.is_empty()),
        key: &new.key,
    };
    let added = app.store.add_pool_key(&app.keys.get(), row).await;
    match added.map_err(unreadable)? {
        KeyAdded::Added(_) => {
            app.key_pools.announce(asker.tenant).await;
            Ok(Notice::from(KeysSaid::Added))
        }
        KeyAdded::Known(_) => Err(Notice::from(KeysSaid::Known)),
        KeyAdded::Full => Err(Notice::from(KeysSaid::Full)),
        KeyAdded::TooShort => Err(Notice::Form(FormText::KeyMalformed)),
        KeyAdded::NotSetUp => Err(Notice::NotSetUp),
    }
}

async fn test(app: &App, asker: &Asker, seen: Seen) -> Result<Notice, Notice> {
    let state = state::read(app, asker.tenant).await?;
    let key = state
        .find(seen)
        .ok_or(Notice::Panel(PanelText::ChangedMeanwhile))?;
    let opened = state::open(app, asker.tenant, key).await?;
    let opened = opened.ok_or(Notice::from(CheckText::Unreadable))?;
    let checked = live_check::key(app, asker.user, key.provider, &opened).await;
    checked.map_err(live_check::Unproven::fails)?;
    works(app, asker.tenant, key).await
}

/// Uses a key again that was out of use because it had been refused. One that people took out of
/// use stays so.
async fn works(app: &App, tenant: TenantId, key: &Key) -> Result<Notice, Notice> {
    let said = match (key.condition, key.seen) {
        (KeyCondition::Disabled, _) => Notice::from(KeysSaid::WorksDisabled),
        (KeyCondition::Refused, seen) => {
            enable(app, tenant, seen).await?;
            Notice::from(KeysSaid::WorksAgain)
        }
        (_, Seen::Pooled { key: row, .. }) => {
            let forgotten = app.store.key_works(tenant, row, key.generation).await;
            if forgotten.map_err(unreadable)? {
                app.key_pools.announce(tenant).await;
            }
            Notice::from(CheckText::Works)
        }
        (_, Seen::Main { .. }) => Notice::from(CheckText::Works),
    };
    Ok(said)
}

async fn relabel(app: &App, tenant: TenantId, seen: Seen, label: &str) -> Result<Notice, Notice> {
    if !is_label(label) {
        return Err(Notice::from(KeysSaid::LabelMalformed));
    }
    let label = Some(label).filter(|label| !label.is_empty());
    let done = app.store.label_key(pooled(tenant, seen)?, label).await;
    told(app, tenant, done, KeysSaid::Labelled).await
}

async fn enable(app: &App, tenant: TenantId, seen: Seen) -> Result<Notice, Notice> {
    let done = match seen {
        Seen::Pooled { .. } => app.store.enable_key(pooled(tenant, seen)?).await,
        Seen::Main { generation } => app.store.enable_main_key(tenant, generation).await,
    };
    let told = told(app, tenant, done, KeysSaid::Enabled).await;
    main_changed(app, tenant).await;
    told
}

async fn disable(app: &App, tenant: TenantId, seen: Seen) -> Result<Notice, Notice> {
    let done = app.store.disable_key(pooled(tenant, seen)?).await;
    told(app, tenant, done, KeysSaid::Disabled).await
}

async fn remove(app: &App, tenant: TenantId, seen: Seen) -> Result<Notice, Notice> {
    let done = match seen {
        Seen::Main { generation } => app.store.remove_main_key(tenant, generation).await,
        Seen::Pooled { key, row_version } => {
            let seen = SeenKey {
                tenant,
                key,
                row_version,
            };
            app.store.remove_key(seen).await
        }
    };
    let told = told(app, tenant, done, KeysSaid::Removed).await;
    main_changed(app, tenant).await;
    told
}

async fn purge(app: &App, tenant: TenantId, seen: SeenProvider) -> Result<Notice, Notice> {
    let pool = SeenPool {
        tenant,
        provider: seen.provider.as_str(),
        newest: Some(seen.newest).filter(|newest| *newest != KeyId(0)),
        main: seen.main,
    };
    let done = app.store.remove_pool(pool).await;
    let told = told(app, tenant, done, KeysSaid::Purged).await;
    main_changed(app, tenant).await;
    told
}

/// Names a row of a pool for a change; the main key outside of a pool has none.
fn pooled(tenant: TenantId, seen: Seen) -> Result<SeenKey, Notice> {
    match seen {
        Seen::Pooled { key, row_version } => Ok(SeenKey {
            tenant,
            key,
            row_version,
        }),
        Seen::Main { .. } => Err(Notice::Panel(PanelText::ChangedMeanwhile)),
    }
}

/// Tells all workers what was changed, and the person what came of it.
async fn told(
    app: &App,
    tenant: TenantId,
    done: Result<Edited, store::Error>,
    said: KeysSaid,
) -> Result<Notice, Notice> {
    match done.map_err(unreadable)? {
        Edited::Done => {
            app.key_pools.announce(tenant).await;
            Ok(Notice::from(said))
        }
        Edited::Stale => Err(Notice::Panel(PanelText::ChangedMeanwhile)),
    }
}

/// Tells all workers that the main key may be another one, in use or out of it.
async fn main_changed(app: &App, tenant: TenantId) {
    app.key_pools.announce(tenant).await;
    app.profiles.announce(&app.nats, &app.names, tenant).await;
}
