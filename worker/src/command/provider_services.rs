//! `/provider services`: keys of optional services that tools use (CMD-62).

mod action;
mod panel;
mod state;
mod work;

use keyring::Keyring;
use llm::Service;
use proto::event::Interaction;
use twilight_model::channel::message::component::ButtonStyle;

use self::action::{Action, Seen};
use self::work::{NewKey, Work};
use super::answer::{After, Panel, Plan};
use super::asker::Asker;
use super::controls::{Note, Signer};
use super::form::Typed;
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
    in_time(show(app, asker, None)).await.map(Plan::show)
}

/// Takes the use of a control.
pub(super) async fn use_component(
    app: &App,
    asker: Asker,
    args: &[u8],
    mut interaction: Interaction,
) -> Result<Plan, Notice> {
    let typed = Typed::new(std::mem::take(&mut interaction.fields));
    let work = match Action::from_args(args).ok_or(Notice::UnknownControl)? {
        Action::Show => {
            let shown = in_time(show(app, &asker, None)).await;
            return shown.map(Plan::replace);
        }
        Action::AskRemove(service) => {
            let asked = in_time(ask_remove(app, &asker, service)).await;
            return asked.map(Plan::replace);
        }
        Action::Enter(service) => return open_form(app, &asker, service, None),
        Action::Replace(service, seen) => return open_form(app, &asker, service, Some(seen)),
        Action::Take(service) => set(service, None, &typed),
        Action::TakeOther(service, seen) => set(service, Some(seen), &typed),
        Action::Test(service) => Work::Test(service),
        Action::Remove(seen) => Work::Remove(seen),
    };
    let order = Order { asker, work };
    Ok(Plan::change(After::ProviderServices(Box::new(order))))
}

/// Returns what is shown while a service is asked.
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
    let note = match work::run(app, &asker, &work).await {
        Ok(notice) => Note::Done(notice),
        Err(notice) => Note::Warning(notice),
    };
    let shown = show(app, &asker, Some(&note)).await;
    // What was done is worth more than why the panel cannot be read now.
    shown.unwrap_or_else(|_unreadable| Panel::words(note.line()))
}

async fn show(app: &App, asker: &Asker, note: Option<&Note>) -> Result<Panel, Notice> {
    let state = state::read(app, asker.tenant).await?;
    panel::show(signer(asker, &app.keys.get()), &state, note)
}

async fn ask_remove(app: &App, asker: &Asker, service: Service) -> Result<Panel, Notice> {
    let state = state::read(app, asker.tenant).await?;
    let keyring = app.keys.get();
    let signer = signer(asker, &keyring);
    match state.of(service) {
        Some(key) => panel::ask_remove(signer, service, key),
        None => {
            let gone = Note::Warning(Notice::Panel(PanelText::ChangedMeanwhile));
            panel::show(signer, &state, Some(&gone))
        }
    }
}

fn open_form(
    app: &App,
    asker: &Asker,
    service: Service,
    replaced: Option<Seen>,
) -> Result<Plan, Notice> {
    panel::open_form(signer(asker, &app.keys.get()), service, replaced)
}

fn set(service: Service, replaces: Option<Seen>, typed: &Typed) -> Work {
    Work::Set(NewKey {
        service,
        replaces,
        key: typed.key(),
    })
}

fn signer<'a>(asker: &'a Asker, keyring: &'a Keyring) -> Signer<'a> {
    Signer { asker, keyring }
}
