//! `/mcp`: tool servers that a server's administrators bring, and which of their tools personas may use
//! (CMD-63, CMD-64).

mod action;
mod panel;
mod sheet;
mod state;
mod work;

use keyring::Keyring;
use proto::event::Interaction;
use store::ToolServerId;
use twilight_model::channel::message::component::ButtonStyle;

use self::action::Action;
use self::panel::{NAME_FIELD, TOKEN_FIELD, URL_FIELD};
use self::work::{Then, Typed, Work};
use super::answer::{After, Finished, Panel, Plan};
use super::asker::Asker;
use super::controls::{Note, Signer};
use super::form;
use super::reading::in_time;
use crate::app::App;
use crate::notice::{ButtonText, Notice, SheetText, ToolServersSaid};

/// Something to be done behind a claim. Has no `Debug`: it may hold a token.
pub(crate) struct Order {
    asker: Asker,
    work: Work,
}

/// Shows the list.
pub(super) async fn open(app: &App, asker: &Asker) -> Result<Plan, Notice> {
    for_servers(asker)?;
    in_time(list(app, asker, 0, None)).await.map(Plan::show)
}

/// Opens the form.
pub(super) fn open_form(app: &App, asker: &Asker) -> Result<Plan, Notice> {
    for_servers(asker)?;
    panel::open_form(signer(asker, &app.keys.get()))
}

/// In direct messages everybody manages, but tool servers are trusted like administrators' endpoints.
fn for_servers(asker: &Asker) -> Result<(), Notice> {
    if asker.tenant.is_direct() {
        return Err(ToolServersSaid::OnlyInServers.into());
    }
    Ok(())
}

/// Takes the use of a control.
pub(super) async fn use_component(
    app: &App,
    asker: Asker,
    args: &[u8],
    mut interaction: Interaction,
) -> Result<Plan, Notice> {
    for_servers(&asker)?;
    let work = match Action::from_args(args).ok_or(Notice::UnknownControl)? {
        Action::List(page) => {
            let shown = in_time(list(app, &asker, page, None)).await;
            return shown.map(Plan::replace);
        }
        Action::AskRemove(id) => {
            let asked = in_time(ask_remove(app, &asker, id)).await;
            return asked.map(Plan::replace);
        }
        Action::Add => return open_form(app, &asker),
        Action::Take => {
            let work = Work::Add(typed(std::mem::take(&mut interaction.fields)));
            let order = Order { asker, work };
            return Ok(Plan::defer(After::ToolServers(Box::new(order))));
        }
        Action::Read(id) => {
            let work = Work::Read(id);
            let order = Order { asker, work };
            return Ok(Plan::defer(After::ToolServers(Box::new(order))));
        }
        Action::Pick => Work::Show(picked(&interaction.values)?, 0),
        Action::Show(id, page) => Work::Show(id, page),
        Action::Approve(seen, page) => Work::Approve(seen, page, interaction.values),
        Action::MarkReading(seen, page) => Work::MarkReading(seen, page, interaction.values),
        Action::Test(id) => Work::Test(id),
        Action::Enable(seen) => Work::Switch(seen, true),
        Action::Disable(seen) => Work::Switch(seen, false),
        Action::Remove(seen) => Work::Remove(seen),
    };
    let order = Order { asker, work };
    Ok(Plan::change(After::ToolServers(Box::new(order))))
}

fn typed(fields: Vec<proto::event::FormField>) -> Typed {
    let typed = form::Typed::new(fields);
    Typed {
        name: typed.text(NAME_FIELD).to_owned(),
        url: typed.text(URL_FIELD).to_owned(),
        token: typed.text(TOKEN_FIELD).into(),
    }
}

fn picked(values: &[String]) -> Result<ToolServerId, Notice> {
    let id = values.first().and_then(|value| value.parse().ok());
    id.map(ToolServerId).ok_or(Notice::UnknownControl)
}

/// Returns what is shown while a tool server is asked.
pub(super) fn waiting(app: &App, order: &Order) -> Option<Panel> {
    if matches!(order.work, Work::Add(_) | Work::Read(_)) {
        return None;
    }
    let keyring = app.keys.get();
    let signer = signer(&order.asker, &keyring);
    let back = (Action::List(0), ButtonText::Back, ButtonStyle::Secondary);
    let back = panel::control(signer, back).ok()?;
    Some(Panel::asking("the tool server", back))
}

/// Does what was ordered, and shows what came of it.
pub(super) async fn finish(app: &App, order: Order) -> Finished {
    let Order { asker, work } = order;
    match work {
        Work::Read(id) => read(app, &asker, id)
            .await
            .unwrap_or_else(|notice| Panel::say(&notice).into()),
        work => change(app, &asker, work).await.into(),
    }
}

/// Hands out all that models are told of a tool server's tools, to be read before they are ticked.
async fn read(app: &App, asker: &Asker, id: ToolServerId) -> Result<Finished, Notice> {
    let looked = state::look(app, asker.tenant, id).await?;
    let standings = looked.standings();
    if standings.is_empty() {
        return Err(SheetText::Nothing.into());
    }
    let sheet = sheet::write(&looked.server, &standings);
    let name = format!("tools-of-{}.txt", looked.server.name);
    let file = discord::File::new(&name, "text/plain; charset=utf-8", sheet);
    Ok(Finished {
        files: vec![file],
        ..Panel::say(&SheetText::Here.into()).into()
    })
}

/// Changes what was ordered, and shows the panel as it is then.
async fn change(app: &App, asker: &Asker, work: Work) -> Panel {
    let (note, then) = match work::run(app, asker, &work).await {
        Ok((said, then)) => (said.map(Note::Done), then),
        Err(notice) => (Some(Note::Warning(notice)), work.place()),
    };
    let shown = match then {
        Then::List => list(app, asker, 0, note.as_ref()).await,
        Then::One(id, page) => match one(app, asker, (id, page), note.as_ref()).await {
            // It may be gone by now.
            Err(_gone) => list(app, asker, 0, note.as_ref()).await,
            shown => shown,
        },
    };
    // What was done is worth more than why the panel cannot be read now.
    shown.unwrap_or_else(|unreadable| match note {
        Some(note) => Panel::words(note.line()),
        None => Panel::say(&unreadable),
    })
}

async fn list(app: &App, asker: &Asker, page: u8, note: Option<&Note>) -> Result<Panel, Notice> {
    let servers = state::list(app, asker.tenant).await?;
    panel::list(signer(asker, &app.keys.get()), &servers, page, note)
}

async fn one(
    app: &App,
    asker: &Asker,
    (id, page): (ToolServerId, u8),
    note: Option<&Note>,
) -> Result<Panel, Notice> {
    let looked = state::look(app, asker.tenant, id).await?;
    panel::one(signer(asker, &app.keys.get()), &looked, page, note)
}

async fn ask_remove(app: &App, asker: &Asker, id: ToolServerId) -> Result<Panel, Notice> {
    let server = state::one(app, asker.tenant, id).await?;
    panel::ask_remove(signer(asker, &app.keys.get()), &server)
}

fn signer<'a>(asker: &'a Asker, keyring: &'a Keyring) -> Signer<'a> {
    Signer { asker, keyring }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Everybody manages their direct messages, and nobody may bring tool servers there.
    #[test]
    fn direct_messages_have_no_tool_servers() {
        let asker = |guild_id| {
            Asker::of(&Interaction {
                user_id: 7,
                guild_id,
                ..Interaction::default()
            })
        };
        assert!(for_servers(&asker(1)).is_ok());
        let refused = for_servers(&asker(0));
        assert_eq!(refused, Err(ToolServersSaid::OnlyInServers.into()));
    }
}
