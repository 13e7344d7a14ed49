//! What the panel changes. Everything here follows a claim.

use secrecy::{ExposeSecret as _, SecretString};
use store::{Added, ApprovedTool, Edited, NewToolServer, SeenToolServer, ToolServerId};

use super::panel::{PER_PAGE, value_of};
use super::state::{self, Looked, Tools, fault};
use crate::app::App;
use crate::command::asker::Asker;
use crate::command::live_check;
use crate::command::reading::unreadable;
use crate::notice::{Notice, PanelText, ToolServersSaid as Said, ToolServersText};

/// The longest token, in bytes.
const LONGEST_TOKEN: usize = 512;
/// The longest name, in characters (NET-45).
const LONGEST_NAME: usize = 32;

/// What is to be done. Has no `Debug`: it may hold a token.
pub(super) enum Work {
    /// Try a tool server and save it.
    Add(Typed),
    /// Show a part of the tools of one.
    Show(ToolServerId, u8),
    /// Hand out all that models are told of the tools of one.
    Read(ToolServerId),
    /// Find out whether one answers.
    Test(ToolServerId),
    /// Approve those of a part of its tools that have these values.
    Approve(SeenToolServer, u8, Vec<String>),
    /// Take those of a part of its tools that have these values for what only reads.
    MarkReading(SeenToolServer, u8, Vec<String>),
    /// Switch one on or off.
    Switch(SeenToolServer, bool),
    /// Remove one.
    Remove(SeenToolServer),
}

/// What was typed into the form. Has no `Debug`.
pub(super) struct Typed {
    pub(super) name: String,
    pub(super) url: String,
    pub(super) token: SecretString,
}

/// What is shown afterwards.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Then {
    List,
    One(ToolServerId, u8),
}

impl Work {
    /// Returns what is shown when it was not done.
    pub(super) const fn place(&self) -> Then {
        match self {
            Self::Add(_) => Then::List,
            Self::Show(id, page) => Then::One(*id, *page),
            Self::Read(id) | Self::Test(id) => Then::One(*id, 0),
            Self::Approve(seen, page, _) | Self::MarkReading(seen, page, _) => {
                Then::One(seen.id, *page)
            }
            Self::Switch(seen, _) | Self::Remove(seen) => Then::One(seen.id, 0),
        }
    }
}

/// Does it; returns what to say, if anything, and what to show.
///
/// # Errors
/// What to say when it was not done.
pub(super) async fn run(
    app: &App,
    asker: &Asker,
    work: &Work,
) -> Result<(Option<Notice>, Then), Notice> {
    let store = &app.store;
    let tenant = asker.tenant;
    let said = match work {
        Work::Show(..) | Work::Read(_) => return Ok((None, work.place())),
        Work::Add(typed) => {
            let id = add(app, asker, typed).await?;
            return Ok((Some(Said::Added.into()), Then::One(id, 0)));
        }
        Work::Test(id) => test(app, asker, *id).await?,
        Work::Approve(seen, page, values) => approve(app, asker, (*seen, *page), values).await?,
        Work::MarkReading(seen, page, values) => {
            mark_reading(app, asker, (*seen, *page), values).await?
        }
        Work::Switch(seen, is_enabled) => {
            let done = store.switch_tool_server(tenant, *seen, *is_enabled).await;
            let said = if *is_enabled {
                Said::SwitchedOn
            } else {
                Said::SwitchedOff
            };
            told(done, said)?
        }
        Work::Remove(seen) => {
            let done = store.remove_tool_server(tenant, *seen).await;
            return Ok((Some(told(done, Said::Removed)?), Then::List));
        }
    };
    Ok((Some(said), work.place()))
}

async fn add(app: &App, asker: &Asker, typed: &Typed) -> Result<ToolServerId, Notice> {
    if !is_name(&typed.name) {
        return Err(Said::NameMalformed.into());
    }
    let token = Some(&typed.token).filter(|token| !token.expose_secret().is_empty());
    if token.is_some_and(|token| !is_token(token)) {
        return Err(Said::TokenMalformed.into());
    }
    let most = app.settings.tool_servers.servers_per_guild;
    // Where there is no room, no address is asked. What counts is counted when it is added.
    let there = state::list(app, asker.tenant).await?.len();
    if u32::try_from(there).is_ok_and(|there| there >= most) {
        return Err(Said::Full { most }.into());
    }
    let tried = live_check::tool_server(app, asker.user, &typed.url, token).await?;
    tried.map_err(|error| Notice::from(Said::NotAdded(fault(&error))))?;
    let new = NewToolServer {
        tenant: asker.tenant,
        name: &typed.name,
        url: &typed.url,
        token,
        most,
    };
    let added = app.store.add_tool_server(&app.keys.get(), new).await;
    match added.map_err(unreadable)? {
        Added::Done(id) => Ok(id),
        Added::NameTaken => Err(Said::NameTaken.into()),
        Added::Full => Err(Said::Full { most }.into()),
        Added::NotSetUp => Err(Notice::NotSetUp),
    }
}

/// Asks anew, whatever a session knows; one that rests is tried as well.
async fn test(app: &App, asker: &Asker, id: ToolServerId) -> Result<Notice, Notice> {
    let server = state::one(app, asker.tenant, id).await?;
    let token = state::token(app, asker.tenant, &server).await?;
    let tried = live_check::tool_server(app, asker.user, &server.url, token.as_ref()).await?;
    let noted = app
        .store
        .note_tool_server(asker.tenant, id, tried.is_ok())
        .await;
    noted.map_err(unreadable)?;
    match tried {
        Ok(()) => Ok(Said::Works.into()),
        Err(error) => Err(ToolServersText::Fault(fault(&error)).into()),
    }
}

/// Takes what is ticked among the tools that were shown; those of other parts stay as they are.
async fn approve(
    app: &App,
    asker: &Asker,
    (seen, page): (SeenToolServer, u8),
    values: &[String],
) -> Result<Notice, Notice> {
    let looked = state::look(app, asker.tenant, seen.id).await?;
    let shown = shown(&looked, page)?;
    let ticked = ticked(shown, values)?;
    let known = &looked.server.approved;
    let is_shown = |known: &&ApprovedTool| shown.iter().any(|tool| tool.name == known.name);
    let others = known.iter().filter(|known| !is_shown(known)).cloned();
    let ticked = ticked.into_iter().map(|tool| approved(known, tool));
    let all: Vec<ApprovedTool> = others.chain(ticked).collect();
    let done = app.store.approve_tools(asker.tenant, seen, &all).await;
    told(done, Said::Approved)
}

/// Takes what is ticked among the tools that were shown and are approved for what only reads.
async fn mark_reading(
    app: &App,
    asker: &Asker,
    (seen, page): (SeenToolServer, u8),
    values: &[String],
) -> Result<Notice, Notice> {
    let looked = state::look(app, asker.tenant, seen.id).await?;
    let shown = shown(&looked, page)?;
    let ticked = ticked(shown, values)?;
    let mut all = looked.server.approved.clone();
    for known in &mut all {
        if shown.iter().any(|tool| is_same(known, tool)) {
            known.is_read_only = ticked.iter().any(|tool| is_same(known, tool));
        }
    }
    let done = app.store.approve_tools(asker.tenant, seen, &all).await;
    told(done, Said::Marked)
}

/// Returns the tools of this part of the list.
fn shown(looked: &Looked, page: u8) -> Result<&[mcp::Tool], Notice> {
    let Tools::Told(tools) = &looked.tools else {
        return Err(changed());
    };
    let shown = tools.chunks(PER_PAGE).nth(usize::from(page));
    shown.ok_or_else(changed)
}

/// Returns those with these values, if all are there as they were shown.
fn ticked<'a>(shown: &'a [mcp::Tool], values: &[String]) -> Result<Vec<&'a mcp::Tool>, Notice> {
    let ticked = shown.iter().filter(|tool| values.contains(&value_of(tool)));
    let ticked: Vec<&mcp::Tool> = ticked.collect();
    if ticked.len() < values.len() {
        return Err(changed());
    }
    Ok(ticked)
}

const fn changed() -> Notice {
    Notice::Panel(PanelText::ChangedMeanwhile)
}

/// Approves a tool as it is; one that was approved as it is keeps what was said of it.
fn approved(known: &[ApprovedTool], tool: &mcp::Tool) -> ApprovedTool {
    let known = known.iter().find(|known| is_same(known, tool));
    known.cloned().unwrap_or_else(|| ApprovedTool {
        name: tool.name.clone(),
        fingerprint: tool.fingerprint,
        is_read_only: false,
    })
}

fn is_same(known: &ApprovedTool, tool: &mcp::Tool) -> bool {
    known.name == tool.name && known.fingerprint == tool.fingerprint
}

fn is_name(name: &str) -> bool {
    let is_plain = |letter: char| letter.is_ascii_alphanumeric() || letter == '-';
    name.len() <= LONGEST_NAME
        && name.starts_with(|letter: char| letter.is_ascii_alphanumeric())
        && name.chars().all(is_plain)
}

fn is_token(token: &SecretString) -> bool {
    let token = token.expose_secret();
    token.len() <= LONGEST_TOKEN && token.bytes().all(|byte| byte.is_ascii_graphic())
}

fn told(done: Result<Edited, store::Error>, said: Said) -> Result<Notice, Notice> {
    match done.map_err(unreadable)? {
        Edited::Done => Ok(said.into()),
        Edited::Stale => Err(changed()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// NET-45.
    #[test]
    fn what_cannot_be_a_name_or_token_is_known_without_asking() {
        assert!(is_name("a") && is_name("Docs-2") && is_name(&"x".repeat(32)));
        for name in ["", "-a", "a b", "a_b", "ä", &"x".repeat(33)] {
            assert!(!is_name(name), "{name}");
        }
        assert!(is_token(&"mcp-token".into()));
        for token in ["two words", "ä", &"x".repeat(513)] {
            assert!(!is_token(&token.into()), "{token}");
        }
    }

    fn tool(byte: u8) -> mcp::Tool {
        mcp::Tool {
            name: "search".to_owned(),
            description: String::new(),
            schema: serde_json::Map::new(),
            fingerprint: [byte; 32],
            claims_read_only: true,
        }
    }

    /// NET-49: who ticks what has changed meanwhile ticks nothing, and the mark of another tool of that
    /// name is not its own.
    #[test]
    fn what_is_ticked_is_what_was_shown() {
        let (before, now) = (tool(1), tool(2));
        let values = [value_of(&before)];
        let shown = [now];
        assert_eq!(ticked(&shown, &values), Err(changed()));
        assert_eq!(ticked(&shown, &[value_of(&shown[0])]).unwrap().len(), 1);
        let known = [ApprovedTool {
            name: "search".to_owned(),
            fingerprint: [1; 32],
            is_read_only: true,
        }];
        assert!(approved(&known, &before).is_read_only);
        assert!(!approved(&known, &shown[0]).is_read_only);
    }
}
