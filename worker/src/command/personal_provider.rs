//! `/personal provider`: a person's own keys and models (CMD-31).
//!
//! For everybody, in servers and in direct messages; shown to that person alone. Who pays for a reply
//! is decided at its admission, not here.

mod action;
mod key;
mod panel;
mod state;
mod work;

use keyring::Keyring;
use llm::Provider;
use proto::event::Interaction;
use store::OwnKeyId;
use twilight_model::channel::message::component::ButtonStyle;

use self::action::{Action, Seen};
use self::state::State;
use self::work::{Done, NewKey, Work};
use super::answer::{After, Panel, Plan};
use super::asker::Asker;
use super::controls::{Note, Signer};
use super::form::{MODEL_FIELD, Typed};
use super::reading::in_time;
use crate::app::App;
use crate::notice::{ButtonText, Notice, PanelText};

/// Something to be done behind a claim. Has no `Debug`: it may hold a key.
pub(crate) struct Order {
    asker: Asker,
    work: Work,
}

/// Shows the panel.
pub(super) async fn open(app: &App, asker: &Asker) -> Result<Plan, Notice> {
    let state = in_time(state::read(app, asker.user)).await?;
    panel::show(signer(asker, &app.keys.get()), &state, None).map(Plan::show)
}

/// Returns the arguments of a control elsewhere that opens the panel.
pub(super) fn opening() -> Vec<u8> {
    Action::Open.to_args()
}

/// Takes the use of a control.
pub(super) async fn use_component(
    app: &App,
    asker: Asker,
    args: &[u8],
    mut interaction: Interaction,
) -> Result<Plan, Notice> {
    let action = Action::from_args(args).ok_or(Notice::UnknownControl)?;
    if action == Action::Open {
        return open(app, &asker).await;
    }
    let chosen = interaction.values.first().map_or("", String::as_str);
    let typed = Typed::new(std::mem::take(&mut interaction.fields));
    let Some(work) = work_of(action, chosen, &typed) else {
        return look(app, &asker, action, chosen).await;
    };
    let order = Order { asker, work };
    Ok(Plan::change(After::PersonalProvider(Box::new(order))))
}

/// Returns what is to be done; `None` for what only shows something.
fn work_of(action: Action, chosen: &str, typed: &Typed) -> Option<Work> {
    Some(match action {
        Action::SwitchOn => Work::SwitchOn,
        Action::SwitchOff => Work::SwitchOff,
        Action::Take(provider) => Work::Set(new_key(provider, None, typed)),
        Action::TakeOther(provider, version) => Work::Set(new_key(provider, Some(version), typed)),
        Action::Test(seen) => Work::Test(seen),
        Action::Use(seen) => Work::Use(seen),
        Action::Spare(seen) => Work::Spare(seen),
        Action::Models(seen, page) => Work::List(seen, page),
        Action::ChooseModel(seen) => Work::SetModel {
            seen,
            model: chosen.to_owned(),
        },
        Action::TakeModel(seen) => Work::SetModel {
            seen,
            model: typed.text(MODEL_FIELD).to_owned(),
        },
        Action::Remove(seen) => Work::Remove(seen),
        Action::Open
        | Action::Show
        | Action::Enter
        | Action::EnterOf(_)
        | Action::Look
        | Action::ShowKey(_)
        | Action::TypeModel(_)
        | Action::AskRemove(_) => return None,
    })
}

fn new_key(provider: Provider, replaces: Option<i32>, typed: &Typed) -> NewKey {
    NewKey {
        provider,
        replaces,
        model: typed.text(MODEL_FIELD).to_owned(),
        key: typed.key(),
    }
}

/// Shows something, or opens a form.
async fn look(app: &App, asker: &Asker, action: Action, chosen: &str) -> Result<Plan, Notice> {
    let state = in_time(state::read(app, asker.user)).await?;
    let keyring = app.keys.get();
    let signer = signer(asker, &keyring);
    let found = |key: OwnKeyId| state.find(key);
    let key = match action {
        Action::Enter => {
            let provider = chosen.parse().ok().ok_or(Notice::UnknownControl)?;
            return panel::open_form(signer, provider, state.of(provider));
        }
        Action::EnterOf(provider) => {
            return panel::open_form(signer, provider, state.of(provider));
        }
        Action::TypeModel(seen) => match found(seen.key) {
            Some(key) => return panel::open_model_form(signer, key),
            None => None,
        },
        Action::AskRemove(seen) => match found(seen.key) {
            Some(key) => return key::ask_remove(signer, key).map(Plan::replace),
            None => None,
        },
        Action::ShowKey(seen) => found(seen.key),
        Action::Look => chosen.parse().ok().and_then(|row| found(OwnKeyId(row))),
        _ => return panel::show(signer, &state, None).map(Plan::replace),
    };
    let shown = match key {
        Some(key) => key::show(signer, &state, key.seen, None),
        None => {
            let gone = Note::Warning(Notice::Panel(PanelText::ChangedMeanwhile));
            panel::show(signer, &state, Some(&gone))
        }
    };
    shown.map(Plan::replace)
}

/// Returns what is shown while a provider is asked.
pub(super) fn waiting(app: &App, order: &Order) -> Option<Panel> {
    let whom = order.work.asks()?;
    let keyring = app.keys.get();
    let signer = signer(&order.asker, &keyring);
    let (back, style) = (ButtonText::Back, ButtonStyle::Secondary);
    let back = panel::control(signer, Action::Show, back, style).ok()?;
    Some(Panel::asking(whom, back))
}

/// Does what was ordered, and shows the panel as it is then.
pub(super) async fn finish(app: &App, order: Order) -> Panel {
    let Order { asker, work } = order;
    let done = work::run(app, asker.user, &work).await;
    let fallback = match &done {
        Ok(Done::Said(said)) => Note::Done((*said).into()),
        Ok(Done::Models(_)) => Note::Warning(Notice::DatabaseAway),
        Err(notice) => Note::Warning(notice.clone()),
    };
    let shown = match state::read(app, asker.user).await {
        Ok(state) => paint(signer(&asker, &app.keys.get()), &state, &work, done),
        Err(notice) => Err(notice),
    };
    // What was done is worth more than why the panel cannot be read now.
    shown.unwrap_or_else(|_unreadable| Panel::words(fallback.line()))
}

/// Shows what came of the work, where it belongs.
fn paint(
    signer: Signer<'_>,
    state: &State,
    work: &Work,
    done: Result<Done, Notice>,
) -> Result<Panel, Notice> {
    let note = match done {
        Ok(Done::Models(names)) => return paint_models(signer, state, work, &names),
        Ok(Done::Said(said)) => Note::Done(said.into()),
        Err(notice) => Note::Warning(notice),
    };
    match (work, &note) {
        (Work::Set(new), Note::Warning(_)) => panel::show_retry(signer, state, &note, new.provider),
        (Work::Set(_) | Work::Remove(_) | Work::SwitchOn | Work::SwitchOff, _) => {
            panel::show(signer, state, Some(&note))
        }
        (
            Work::Test(seen)
            | Work::Use(seen)
            | Work::Spare(seen)
            | Work::List(seen, _)
            | Work::SetModel { seen, .. },
            _,
        ) => key::show(signer, state, *seen, Some(&note)),
    }
}

fn paint_models(
    signer: Signer<'_>,
    state: &State,
    work: &Work,
    names: &[String],
) -> Result<Panel, Notice> {
    match work {
        Work::List(Seen { key, .. }, page) => match state.find(*key) {
            Some(key) => key::show_models(signer, key, names, (*page).into()),
            None => panel::show(signer, state, None),
        },
        _ => panel::show(signer, state, None),
    }
}

fn signer<'a>(asker: &'a Asker, keyring: &'a Keyring) -> Signer<'a> {
    Signer { asker, keyring }
}
