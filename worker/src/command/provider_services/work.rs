//! What the panel changes. Everything here follows a claim.

use llm::Service;
use secrecy::SecretString;
use store::{Edited, NewServiceKey};

use super::action::Seen;
use super::state;
use crate::app::App;
use crate::command::asker::Asker;
use crate::command::form::is_key;
use crate::command::live_check::{self, Unproven};
use crate::command::reading::unreadable;
use crate::notice::{CheckText, FormText, Notice, PanelText, ServicesText};

/// What is to be done. Has no `Debug`: it may hold a key.
pub(super) enum Work {
    /// Check a key and save it.
    Set(NewKey),
    /// Ask whether the key works.
    Test(Service),
    /// Remove the key.
    Remove(Seen),
}

/// A key that was typed. Has no `Debug`.
pub(super) struct NewKey {
    pub(super) service: Service,
    /// The key that it replaces.
    pub(super) replaces: Option<Seen>,
    pub(super) key: SecretString,
}

impl Work {
    /// Names the service that is asked, which may take some time.
    pub(super) const fn asks(&self) -> Option<&'static str> {
        match self {
            Self::Set(NewKey { service, .. }) | Self::Test(service) => Some(service.label()),
            Self::Remove(_) => None,
        }
    }
}

/// Does it, and returns what to say.
///
/// # Errors
/// What to say when it was not done.
pub(super) async fn run(app: &App, asker: &Asker, work: &Work) -> Result<Notice, Notice> {
    match work {
        Work::Set(new) => set(app, asker, new).await,
        Work::Test(service) => test(app, asker, *service).await,
        Work::Remove(seen) => {
            let Seen { key, row_version } = *seen;
            let done = app
                .store
                .remove_service_key(asker.tenant, key, row_version)
                .await;
            told(done, ServicesText::Removed)
        }
    }
}

async fn set(app: &App, asker: &Asker, new: &NewKey) -> Result<Notice, Notice> {
    if !is_key(&new.key) {
        return Err(Notice::Form(FormText::KeyMalformed));
    }
    let checked = live_check::service(app, asker.user, new.service, &new.key).await;
    checked.map_err(Unproven::not_taken)?;
    let row = NewServiceKey {
        tenant: asker.tenant,
        service: new.service.as_str(),
        key: &new.key,
        replaces: new.replaces.map(|seen| seen.row_version),
    };
    let done = app.store.set_service_key(&app.keys.get(), row).await;
    told(done, ServicesText::Saved)
}

async fn test(app: &App, asker: &Asker, service: Service) -> Result<Notice, Notice> {
    let state = state::read(app, asker.tenant).await?;
    let key = state.of(service);
    let key = key.ok_or(Notice::Panel(PanelText::ChangedMeanwhile))?;
    let opened = state::open(app, asker.tenant, key).await?;
    let opened = opened.ok_or(Notice::from(CheckText::Unreadable))?;
    let checked = live_check::service(app, asker.user, service, &opened).await;
    checked.map_err(Unproven::fails)?;
    Ok(CheckText::Works.into())
}

fn told(done: Result<Edited, store::Error>, said: ServicesText) -> Result<Notice, Notice> {
    match done.map_err(unreadable)? {
        Edited::Done => Ok(said.into()),
        Edited::Stale => Err(Notice::Panel(PanelText::ChangedMeanwhile)),
    }
}
