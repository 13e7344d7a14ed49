//! `/provider keys`: the provider keys of a server (CMD-58).
//!
//! A list, one key at a time, and forms. Every look reads anew, and every change names what the
//! person saw, so that nothing is changed that somebody else has changed since (CMD-15). Keys are
//! typed into forms only and never shown again.

mod action;
mod form;
mod key;
mod list;
mod state;
mod work;

use keyring::Keyring;
use llm::Provider;
use proto::event::Interaction;
use twilight_model::channel::message::component::ButtonStyle;

use self::action::{Action, Seen};
use self::list::Page;
use self::work::{NewKey, View, Work};
use super::answer::{After, Panel, Plan};
use super::asker::Asker;
use super::controls::{Note, Signer};
use super::form::{LABEL_FIELD, Typed};
use super::reading::in_time;
use crate::app::App;
use crate::notice::{ButtonText, Notice, PanelText};

/// Something to be done behind a claim. Has no `Debug`: it may hold a key.
pub(crate) struct Order {
    asker: Asker,
    work: Work,
}

/// Shows the beginning of the list.
pub(super) async fn open(app: &App, asker: &Asker) -> Result<Plan, Notice> {
    in_time(page(app, asker, 0)).await.map(Plan::show)
}

/// Takes the use of a control.
pub(super) async fn use_component(
    app: &App,
    asker: Asker,
    args: &[u8],
    mut interaction: Interaction,
) -> Result<Plan, Notice> {
    let action = Action::from_args(args).ok_or(Notice::UnknownControl)?;
    let chosen = interaction.values.first().map_or("", String::as_str);
    let typed = Typed::new(std::mem::take(&mut interaction.fields));
    let work = match action {
        Action::Add => return open_form(app, &asker, provider(chosen)?),
        Action::AddOf(provider) => return open_form(app, &asker, provider),
        Action::Label(seen) => return open_label(app, &asker, seen).await,
        Action::Page(number) => {
            let shown = in_time(page(app, &asker, number.into())).await;
            return shown.map(Plan::replace);
        }
        Action::Look | Action::Show(_) | Action::AskRemove(_) | Action::AskPurge => {
            let shown = in_time(look(app, &asker, action, chosen)).await;
            return shown.map(Plan::replace);
        }
        Action::Take(provider) => Work::Add(NewKey {
            provider,
            label: typed.text(LABEL_FIELD).to_owned(),
            key: typed.key(),
        }),
        Action::TakeLabel(seen) => Work::Label {
            seen,
            label: typed.text(LABEL_FIELD).to_owned(),
        },
        Action::Test(seen) => Work::Test(seen),
        Action::Enable(seen) => Work::Enable(seen),
        Action::Disable(seen) => Work::Disable(seen),
        Action::Remove(seen) => Work::Remove(seen),
        Action::Purge(seen) => Work::Purge(seen),
    };
    let order = Order { asker, work };
    Ok(Plan::change(After::ProviderKeys(Box::new(order))))
}

/// Returns what is shown while a provider is asked.
pub(super) fn waiting(app: &App, order: &Order) -> Option<Panel> {
    let whom = order.work.asks()?;
    let keyring = app.keys.get();
    let signer = signer(&order.asker, &keyring);
    let (back, style) = (Action::Page(0), ButtonStyle::Secondary);
    let back = list::control(signer, back, ButtonText::Back, style).ok()?;
    Some(Panel::asking(whom, back))
}

/// Does what was ordered, and shows the panel as it is then.
pub(super) async fn finish(app: &App, order: Order) -> Panel {
    let Order { asker, work } = order;
    let (note, view) = work::run(app, &asker, &work).await;
    let shown = show(app, &asker, view, &note).await;
    // What was done is worth more than why the panel cannot be read now.
    shown.unwrap_or_else(|_unreadable| Panel::words(note.line()))
}

async fn page(app: &App, asker: &Asker, number: usize) -> Result<Panel, Notice> {
    let mut state = state::read(app, asker.tenant).await?;
    let page = Page::of(number, state.keys.len());
    state::find_broken(app, asker.tenant, page.keys_mut(&mut state)).await?;
    let keyring = app.keys.get();
    list::show(signer(asker, &keyring), &state, page, None)
}

/// Shows one key, or a question about keys.
async fn look(app: &App, asker: &Asker, action: Action, chosen: &str) -> Result<Panel, Notice> {
    let mut state = state::read(app, asker.tenant).await?;
    let keyring = app.keys.get();
    let signer = signer(asker, &keyring);
    let found = match action {
        Action::AskPurge => {
            let seen = state.seen_of(provider(chosen)?);
            return list::ask_purge(signer, &state, seen);
        }
        Action::AskRemove(seen) => {
            // As it is now: the question is what the removal rests on.
            let key = state.find(seen).map(|key| key::ask_remove(signer, key));
            return key.unwrap_or_else(|| gone(signer, &state));
        }
        Action::Show(seen) => state.find(seen).map(|key| key.seen),
        _ => state.called(chosen).map(|key| key.seen),
    };
    let Some(seen) = found else {
        return gone(signer, &state);
    };
    for key in state.keys.iter_mut().filter(|key| key.seen == seen) {
        state::find_broken(app, asker.tenant, std::slice::from_mut(key)).await?;
    }
    key::show(signer, &state, seen, None)
}

/// Shows the panel after something was done.
async fn show(app: &App, asker: &Asker, view: View, note: &Note) -> Result<Panel, Notice> {
    let mut state = state::read(app, asker.tenant).await?;
    let first = Page::of(0, state.keys.len());
    state::find_broken(app, asker.tenant, first.keys_mut(&mut state)).await?;
    let keyring = app.keys.get();
    let signer = signer(asker, &keyring);
    match view {
        View::List => list::show(signer, &state, first, Some(note)),
        View::Retry(provider) => list::show_retry(signer, &state, note, provider),
        View::Key(seen) => key::show(signer, &state, seen, Some(note)),
    }
}

fn gone(signer: Signer<'_>, state: &state::State) -> Result<Panel, Notice> {
    let note = Note::Warning(Notice::Panel(PanelText::ChangedMeanwhile));
    list::show(signer, state, Page::of(0, state.keys.len()), Some(&note))
}

fn open_form(app: &App, asker: &Asker, provider: Provider) -> Result<Plan, Notice> {
    form::open_key(signer(asker, &app.keys.get()), provider)
}

async fn open_label(app: &App, asker: &Asker, seen: Seen) -> Result<Plan, Notice> {
    let state = in_time(state::read(app, asker.tenant)).await?;
    let keyring = app.keys.get();
    let signer = signer(asker, &keyring);
    match state.find(seen) {
        Some(key) => form::open_label(signer, seen, key.label.as_deref()),
        None => gone(signer, &state).map(Plan::replace),
    }
}

fn provider(chosen: &str) -> Result<Provider, Notice> {
    chosen.parse().ok().ok_or(Notice::UnknownControl)
}

fn signer<'a>(asker: &'a Asker, keyring: &'a Keyring) -> Signer<'a> {
    Signer { asker, keyring }
}
