//! What the panel changes. Everything here follows a claim. Nothing is announced: whose key pays is
//! read anew for every reply.

use llm::Provider;
use proto::id::UserId;
use secrecy::SecretString;
use store::{Edited, NewOwnKey, SeenOwnKey};

use super::action::Seen;
use super::state::{self, Key, State};
use crate::app::App;
use crate::command::form::{is_key, is_model};
use crate::command::live_check::{self, Unproven};
use crate::command::reading::unreadable;
use crate::notice::{CheckText, FormText, Notice, PanelText, PersonalSaid};

/// What is to be done. Has no `Debug`: it may hold a key.
pub(super) enum Work {
    /// Check a key and save it.
    Set(NewKey),
    /// Ask whether a key works.
    Test(Seen),
    /// Use a key for talking.
    Use(Seen),
    /// Use it for that no more.
    Spare(Seen),
    /// Ask which models a provider has, and show a part of them.
    List(Seen, u8),
    /// Check a model and save it; an empty name is the one that is offered first.
    SetModel { seen: Seen, model: String },
    /// Remove a key.
    Remove(Seen),
    /// Let the keys pay.
    SwitchOn,
    /// Let them not pay.
    SwitchOff,
}

/// A key that was typed. Has no `Debug`.
pub(super) struct NewKey {
    pub(super) provider: Provider,
    /// The version of the key that it replaces.
    pub(super) replaces: Option<i32>,
    /// Empty for the one that is offered first.
    pub(super) model: String,
    pub(super) key: SecretString,
}

/// What came of it.
pub(super) enum Done {
    /// Something to say.
    Said(PersonalSaid),
    /// Models to choose from, sorted.
    Models(Vec<String>),
}

impl Work {
    /// Names the provider that is asked, which may take some time.
    pub(super) const fn asks(&self) -> Option<&'static str> {
        match self {
            Self::Set(new) => Some(new.provider.label()),
            Self::Test(_) | Self::List(..) | Self::SetModel { .. } => Some("the provider"),
            Self::Use(_) | Self::Spare(_) | Self::Remove(_) | Self::SwitchOn | Self::SwitchOff => {
                None
            }
        }
    }
}

/// Does it.
///
/// # Errors
/// What to say when it was not done.
pub(super) async fn run(app: &App, user: UserId, work: &Work) -> Result<Done, Notice> {
    let said = match work {
        Work::Set(new) => set(app, user, new).await?,
        Work::Test(seen) => test(app, user, *seen).await?,
        Work::List(seen, _) => return list(app, user, *seen).await,
        Work::SetModel { seen, model } => set_model(app, user, *seen, model).await?,
        Work::Remove(seen) => remove(app, user, *seen).await?,
        Work::Use(seen) => {
            let done = app.store.use_own_key(named(user, *seen)).await;
            told(done, PersonalSaid::Used)?
        }
        Work::Spare(seen) => {
            let done = app.store.spare_own_key(named(user, *seen)).await;
            told(done, PersonalSaid::Spared)?
        }
        Work::SwitchOn => {
            let done = app.store.switch_own_keys_on(user).await;
            told(done, PersonalSaid::SwitchedOn)?
        }
        Work::SwitchOff => {
            let done = app.store.switch_own_keys_off(user).await;
            done.map_err(unreadable)?;
            PersonalSaid::SwitchedOff
        }
    };
    Ok(Done::Said(said))
}

async fn set(app: &App, user: UserId, new: &NewKey) -> Result<PersonalSaid, Notice> {
    if !is_key(&new.key) {
        return Err(Notice::Form(FormText::KeyMalformed));
    }
    let model = chosen(new.provider, &new.model)?;
    let checked = live_check::model(app, user, (new.provider, model), &new.key).await;
    checked.map_err(Unproven::not_taken)?;
    let is_first = app.store.own_keys(user).await.map_err(unreadable)?;
    let is_first = is_first.keys.is_empty();
    let row = NewOwnKey {
        user,
        provider: new.provider.as_str(),
        model: Some(model),
        key: &new.key,
        replaces: new.replaces,
    };
    let done = app.store.set_own_key(&app.keys.get(), row).await;
    let said = if is_first {
        PersonalSaid::SavedAndOn
    } else {
        PersonalSaid::Saved
    };
    told(done, said)
}

async fn test(app: &App, user: UserId, seen: Seen) -> Result<PersonalSaid, Notice> {
    let state = state::read(app, user).await?;
    let key = found(&state, seen)?;
    let opened = open(app, user, key).await?;
    let checked = live_check::model(app, user, (key.provider, &key.model), &opened).await;
    checked.map_err(Unproven::fails)?;
    if !key.is_refused {
        return Ok(PersonalSaid::Answers);
    }
    let done = app.store.enable_own_key(named(user, key.seen)).await;
    told(done, PersonalSaid::WorksAgain)
}

async fn list(app: &App, user: UserId, seen: Seen) -> Result<Done, Notice> {
    let state = state::read(app, user).await?;
    let key = found(&state, seen)?;
    let opened = open(app, user, key).await?;
    let listed = live_check::models(app, user, key.provider, &opened).await;
    let mut names = listed.map_err(Unproven::fails)?;
    if names.is_empty() {
        return Err(PersonalSaid::NoModels.into());
    }
    names.sort();
    names.dedup();
    Ok(Done::Models(names))
}

async fn set_model(
    app: &App,
    user: UserId,
    seen: Seen,
    model: &str,
) -> Result<PersonalSaid, Notice> {
    let state = state::read(app, user).await?;
    let key = found(&state, seen)?;
    let model = chosen(key.provider, model)?;
    let opened = open(app, user, key).await?;
    let checked = live_check::model(app, user, (key.provider, model), &opened).await;
    checked.map_err(Unproven::not_taken)?;
    let done = app.store.set_own_model(named(user, seen), model).await;
    told(done, PersonalSaid::ModelSaved)
}

async fn remove(app: &App, user: UserId, seen: Seen) -> Result<PersonalSaid, Notice> {
    let done = app.store.remove_own_key(named(user, seen)).await;
    told(done, PersonalSaid::Removed)?;
    let left = app.store.own_keys(user).await.map_err(unreadable)?;
    Ok(if left.keys.is_empty() {
        PersonalSaid::LastRemoved
    } else {
        PersonalSaid::Removed
    })
}

/// Returns the model that was typed, or the one that is offered first.
fn chosen(provider: Provider, typed: &str) -> Result<&str, Notice> {
    if typed.is_empty() {
        return Ok(provider.default_model());
    }
    if !is_model(typed) {
        return Err(Notice::Form(FormText::ModelMalformed));
    }
    Ok(typed)
}

fn found(state: &State, seen: Seen) -> Result<&Key, Notice> {
    let found = state.find(seen.key);
    found.ok_or(Notice::Panel(PanelText::ChangedMeanwhile))
}

async fn open(app: &App, user: UserId, key: &Key) -> Result<SecretString, Notice> {
    let opened = state::open(app, user, key.seen.key).await?;
    opened.ok_or(Notice::from(CheckText::Unreadable))
}

const fn named(user: UserId, seen: Seen) -> SeenOwnKey {
    SeenOwnKey {
        user,
        key: seen.key,
        row_version: seen.row_version,
    }
}

fn told(done: Result<Edited, store::Error>, said: PersonalSaid) -> Result<PersonalSaid, Notice> {
    match done.map_err(unreadable)? {
        Edited::Done => Ok(said),
        Edited::Stale => Err(Notice::Panel(PanelText::ChangedMeanwhile)),
    }
}
