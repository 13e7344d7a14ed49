//! The panel: the list of tool servers, one of them with a part of its tools, and the form.

use store::{SeenToolServer, ToolServer};
use twilight_model::channel::message::Component;
use twilight_model::channel::message::component::{ButtonStyle, SelectMenuOption};

use super::action::Action;
use super::state::{Looked, Tools};
use crate::command::answer::{Panel, Plan};
use crate::command::component::Route;
use crate::command::controls::{
    Note, Signer, button, checklist, cut, menu, option, row, turn_pages,
};
use crate::command::form::line_field;
use crate::notice::{
    ButtonText, Notice, SheetText, ToolServerForm, ToolServersText, ToolState, fingerprint,
};
use crate::tool_servers::Standing;

/// Tools, and tool servers, in one part of their list (CMD-14).
pub(super) const PER_PAGE: usize = 10;
/// Characters of a tool's name and of what it is for in a line: ten of them fit into one message.
const NAME_CHARS: usize = 40;
const DESCRIPTION_CHARS: usize = 80;
/// The longest label of an option.
const OPTION_CHARS: usize = 100;

/// Names of the form's fields.
pub(super) const NAME_FIELD: &str = "name";
pub(super) const URL_FIELD: &str = "url";
pub(super) const TOKEN_FIELD: &str = "token";

/// Shows all tool servers, and what was just done.
pub(super) fn list(
    signer: Signer<'_>,
    servers: &[ToolServer],
    page: u8,
    note: Option<&Note>,
) -> Result<Panel, Notice> {
    let (number, shown) = part(servers, page);
    let mut lines = vec![say(ToolServersText::Title)];
    lines.extend(note.map(Note::line));
    lines.push(say(ToolServersText::WhatFor));
    if servers.is_empty() {
        lines.push(say(ToolServersText::Empty));
    }
    lines.extend(shown.iter().map(|server| {
        say(ToolServersText::Line {
            name: server.name.clone(),
            approved: server.approved.len(),
            is_enabled: server.is_enabled,
            is_resting: server.is_resting,
        })
    }));
    let mut rows = Vec::new();
    if !servers.is_empty() {
        let options = shown.iter();
        let options = options.map(|server| option(&server.name, &server.id.0.to_string()));
        let pick = sign(signer, Action::Pick)?;
        rows.push(menu(pick, &ToolServersText::Pick.into(), options.collect()));
    }
    let pages = (usize::from(number), servers.len().div_ceil(PER_PAGE));
    rows.extend(turn_pages(pages, |page| sign(signer, Action::List(page)))?);
    let add = sign(signer, Action::Add)?;
    let add = button(add, &ToolServerForm::Open.into(), ButtonStyle::Primary);
    rows.push(row(vec![add]));
    Ok(Panel {
        text: lines.join("\n"),
        rows,
        quote: None,
    })
}

/// Shows one tool server with a part of its tools, and what was just done.
pub(super) fn one(
    signer: Signer<'_>,
    looked: &Looked,
    page: u8,
    note: Option<&Note>,
) -> Result<Panel, Notice> {
    let server = &looked.server;
    let standings = looked.standings();
    let (number, shown) = part(&standings, page);
    let mut lines = head(looked, &standings, note);
    let first = usize::from(number) * PER_PAGE + 1;
    lines.extend((first..).zip(shown).map(|(number, standing)| {
        say(ToolServersText::Tool {
            number,
            name: plain(&standing.tool.name, NAME_CHARS),
            description: plain(&standing.tool.description, DESCRIPTION_CHARS),
            state: standing.state,
        })
    }));
    let seen = SeenToolServer {
        id: server.id,
        row_version: server.row_version,
    };
    if !shown.is_empty() {
        lines.push(say(ToolServersText::ReadAll));
    }
    let mut rows = checklists(signer, seen, (number, shown))?;
    let pages = (usize::from(number), standings.len().div_ceil(PER_PAGE));
    let show = |page| sign(signer, Action::Show(seen.id, page));
    rows.extend(turn_pages(pages, show)?);
    rows.push(row(buttons(signer, server, seen)?));
    Ok(Panel {
        text: lines.join("\n"),
        rows,
        quote: None,
    })
}

/// The lines above the tools.
fn head(looked: &Looked, standings: &[Standing<'_>], note: Option<&Note>) -> Vec<String> {
    let server = &looked.server;
    let mut lines = vec![say(ToolServersText::One {
        name: server.name.clone(),
        origin: origin(&server.url),
    })];
    lines.extend(note.map(Note::line));
    lines.push(say(ToolServersText::Token {
        fingerprint: server
            .has_token
            .then(|| fingerprint(server.last4.as_deref())),
    }));
    lines.push(say(about(looked, standings)));
    lines
}

/// Asks whether a tool server shall be removed (CMD-16).
pub(super) fn ask_remove(signer: Signer<'_>, server: &ToolServer) -> Result<Panel, Notice> {
    let seen = SeenToolServer {
        id: server.id,
        row_version: server.row_version,
    };
    let remove = (
        Action::Remove(seen),
        ButtonText::Remove,
        ButtonStyle::Danger,
    );
    let keep = Action::Show(server.id, 0);
    let keep = (keep, ButtonText::Keep, ButtonStyle::Secondary);
    let buttons = [remove, keep].into_iter();
    let buttons = buttons.map(|one| control(signer, one));
    Ok(Panel {
        text: say(ToolServersText::RemoveQuestion {
            name: server.name.clone(),
        }),
        rows: vec![row(buttons.collect::<Result<_, _>>()?)],
        quote: None,
    })
}

/// Opens the form for another tool server.
pub(super) fn open_form(signer: Signer<'_>) -> Result<Plan, Notice> {
    use ToolServerForm as Form;
    let id = sign(signer, Action::Take)?;
    let field = |name, label: Form, hint: Form, longest, is_required| {
        line_field(name, (&label.into(), &hint.into()), longest, is_required)
    };
    let contents = vec![
        field(NAME_FIELD, Form::NameLabel, Form::NameHint, 32, true),
        field(URL_FIELD, Form::UrlLabel, Form::UrlHint, 2048, true),
        field(TOKEN_FIELD, Form::TokenLabel, Form::TokenHint, 1000, false),
    ];
    let title = Notice::from(Form::Title).text().into_owned();
    Ok(Plan::form(id, title, contents))
}

/// Makes a button of this panel.
pub(super) fn control(
    signer: Signer<'_>,
    (action, label, style): (Action, ButtonText, ButtonStyle),
) -> Result<Component, Notice> {
    Ok(button(sign(signer, action)?, &label.into(), style))
}

/// Names a tool as it was shown: what says otherwise of itself by then is not meant.
pub(super) fn value_of(tool: &mcp::Tool) -> String {
    let bytes = tool.fingerprint.iter().take(16);
    let digits = bytes.map(|byte| format!("{byte:02x}"));
    digits.collect::<Vec<_>>().concat()
}

fn about(looked: &Looked, standings: &[Standing<'_>]) -> ToolServersText {
    match &looked.tools {
        Tools::NotAsked => ToolServersText::IsOff,
        Tools::Resting => ToolServersText::IsResting,
        Tools::Silent(fault) => ToolServersText::Fault(fault.clone()),
        Tools::Told(tools) if tools.is_empty() => ToolServersText::NoTools,
        Tools::Told(_) => ToolServersText::Count {
            approved: standings
                .iter()
                .filter(|standing| standing.state.is_on())
                .count(),
            all: standings.len(),
        },
    }
}

/// Returns a part of a list with its number, the last one for those that there are not.
fn part<T>(all: &[T], page: u8) -> (u8, &[T]) {
    let last = all.len().div_ceil(PER_PAGE).saturating_sub(1);
    let number = page.min(u8::try_from(last).unwrap_or(u8::MAX));
    let shown = all.chunks(PER_PAGE).nth(usize::from(number));
    (number, shown.unwrap_or_default())
}

/// What may be ticked of a part of the tools: which of them may be used, and which of those only read.
fn checklists(
    signer: Signer<'_>,
    seen: SeenToolServer,
    (number, shown): (u8, &[Standing<'_>]),
) -> Result<Vec<Component>, Notice> {
    let usable = shown.iter();
    let usable = usable.filter(|standing| standing.state != ToolState::Namesake);
    let usable = usable.map(|standing| tickable(standing, standing.state.is_on()));
    let on = shown.iter().filter(|standing| standing.state.is_on());
    let on = on.map(|standing| tickable(standing, standing.state == ToolState::OnForReading));
    let lists: [(Action, ToolServersText, Vec<SelectMenuOption>); 2] = [
        (
            Action::Approve(seen, number),
            ToolServersText::Tick,
            usable.collect(),
        ),
        (
            Action::MarkReading(seen, number),
            ToolServersText::TickReading,
            on.collect(),
        ),
    ];
    let lists = lists
        .into_iter()
        .filter(|(_, _, options)| !options.is_empty());
    let lists = lists.map(|(action, words, options)| {
        Ok(checklist(sign(signer, action)?, &words.into(), options))
    });
    lists.collect()
}

fn tickable(standing: &Standing<'_>, is_ticked: bool) -> SelectMenuOption {
    let tool = standing.tool;
    SelectMenuOption {
        default: is_ticked,
        ..option(&cut(&tool.name, OPTION_CHARS), &value_of(tool))
    }
}

fn buttons(
    signer: Signer<'_>,
    server: &ToolServer,
    seen: SeenToolServer,
) -> Result<Vec<Component>, Notice> {
    let secondary = ButtonStyle::Secondary;
    let switch = if server.is_enabled {
        (Action::Disable(seen), ButtonText::Disable, secondary)
    } else {
        (
            Action::Enable(seen),
            ButtonText::Enable,
            ButtonStyle::Primary,
        )
    };
    let buttons = [
        (Action::Test(server.id), ButtonText::Test, secondary),
        switch,
        (
            Action::AskRemove(server.id),
            ButtonText::AskRemove,
            ButtonStyle::Danger,
        ),
        (Action::List(0), ButtonText::Back, secondary),
    ];
    let read = sign(signer, Action::Read(server.id))?;
    let read = button(read, &SheetText::Open.into(), ButtonStyle::Primary);
    let others = buttons.into_iter().map(|one| control(signer, one));
    std::iter::once(Ok(read)).chain(others).collect()
}

/// Scheme, host and port: a path may hold what only the server should read.
fn origin(url: &str) -> String {
    let (scheme, rest) = url.split_once("://").unwrap_or(("", url));
    let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
    plain(&format!("{scheme}://{host}"), OPTION_CHARS)
}

/// Words of a server in one line, in which nothing can end their quotation.
fn plain(text: &str, most: usize) -> String {
    let letters = text.chars().filter(|letter| !mcp::is_hidden(*letter));
    cut(&letters.collect::<String>().replace('`', "'"), most)
}

fn sign(signer: Signer<'_>, action: Action) -> Result<String, Notice> {
    signer.sign(Route::ToolServers, action.to_args())
}

fn say(text: ToolServersText) -> String {
    Notice::from(text).text().into_owned()
}

#[cfg(test)]
mod tests;
