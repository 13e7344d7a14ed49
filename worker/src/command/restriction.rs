//! `/server user-blacklist` and `/persona block`: whose memories a server does without, and whom a
//! persona does not answer for a while (CMD-55, CMD-72, CMD-73, PRIV-36 to PRIV-46).
//!
//! Nothing of it is remembered in a worker: every reply reads it anew.

mod action;
mod panel;

use keyring::Keyring;
use proto::event::{CommandOption, Interaction};
use proto::id::UserId;
use store::{BlockKind, NewBlock, Persona, PersonaId, RestrictionId};

use self::action::{Action, Shown};
use super::answer::{After, Panel, Plan};
use super::asker::Asker;
use super::controls::{Note, Signer};
use super::reading::{given, in_time, persona_named, profile_of, unreadable};
use crate::app::App;
use crate::notice::{Notice, RestrictionText};

/// The longest block, in hours (CMD-55).
const MOST_HOURS: u16 = 168;

/// The longest reason, in characters (PRIV-41).
const REASON_CHARS: usize = 250;

/// What is stored where nobody says why.
const NO_REASON: &str = "no reason given";

/// Something to be done behind a claim. Has no `Debug`: it holds what somebody typed.
pub(crate) struct Order {
    asker: Asker,
    work: Work,
}

enum Work {
    Blacklist(UserId),
    Block(NewRow),
    Lift(Shown, Vec<RestrictionId>),
}

/// A mute or block as it was ordered.
struct NewRow {
    persona: PersonaId,
    /// What it is called.
    name: String,
    user: UserId,
    kind: BlockKind,
    hours: u16,
    reason: String,
}

/// Takes somebody for the blacklist of this server.
pub(super) fn blacklist(asker: &Asker, interaction: &Interaction) -> Result<Plan, Notice> {
    only_in_servers(asker)?;
    let member = member(interaction)?;
    if member.is_bot {
        return Err(RestrictionText::IsBot.into());
    }
    Ok(defer(asker, Work::Blacklist(user_of(member)?)))
}

/// Takes somebody whom a persona shall not answer.
pub(super) async fn block(
    app: &App,
    asker: &Asker,
    interaction: &Interaction,
) -> Result<Plan, Notice> {
    only_in_servers(asker)?;
    let profile = in_time(profile_of(app, asker.tenant)).await?;
    let name = given(interaction, "persona").ok_or(Notice::UnknownCommand)?;
    let persona = persona_named(&profile, name)?;
    let kind = given(interaction, "type").and_then(|kind| kind.parse().ok());
    let hours = given(interaction, "hours").and_then(|hours| hours.parse().ok());
    let hours = hours.filter(|hours| (1..=MOST_HOURS).contains(hours));
    let reason = given(interaction, "reason").unwrap_or(NO_REASON);
    let reason = Some(reason.replace('\0', "")).filter(|reason| is_reason(reason));
    let row = NewRow {
        persona: persona.id,
        name: persona.nickname.clone(),
        user: user_of(member(interaction)?)?,
        kind: kind.ok_or(Notice::UnknownCommand)?,
        hours: hours.ok_or(RestrictionText::Unfit)?,
        reason: reason.ok_or(RestrictionText::Unfit)?,
    };
    if row.user == app.bot {
        return Err(RestrictionText::IsOurself.into());
    }
    Ok(defer(asker, Work::Block(row)))
}

/// Shows what can be lifted.
pub(super) async fn open(app: &App, asker: &Asker) -> Result<Plan, Notice> {
    only_in_servers(asker)?;
    in_time(look(app, asker, 0, None)).await.map(Plan::show)
}

/// Takes the use of a control.
pub(super) async fn use_component(
    app: &App,
    asker: Asker,
    args: &[u8],
    interaction: &Interaction,
) -> Result<Plan, Notice> {
    match Action::from_args(args).ok_or(Notice::UnknownControl)? {
        Action::Show(page) => {
            let shown = in_time(look(app, &asker, page, None)).await;
            shown.map(Plan::replace)
        }
        Action::Lift(shown) => {
            let ids = interaction.values.iter().map(|id| id.parse().ok());
            let kept: Option<Vec<i64>> = ids.collect();
            let kept = kept.ok_or(Notice::UnknownControl)?;
            let kept = kept.into_iter().map(RestrictionId).collect();
            let work = Work::Lift(shown, kept);
            let order = Box::new(Order { asker, work });
            Ok(Plan::change(After::Restrict(order)))
        }
    }
}

/// Does what was ordered.
pub(super) async fn finish(app: &App, order: Order) -> Panel {
    let Order { asker, work } = order;
    let said = match work {
        Work::Blacklist(user) => add(app, &asker, user).await,
        Work::Block(row) => add_block(app, &asker, row).await,
        Work::Lift(shown, kept) => return lift(app, &asker, shown, &kept).await,
    };
    match said {
        Ok(said) => Panel::words(Note::Done(said.into()).line()),
        Err(notice) => Panel::words(Note::Warning(notice).line()),
    }
}

/// Refuses a reply of a persona that has muted or blocked this person (PRIV-46).
pub(super) async fn permit(app: &App, asker: &Asker, persona: &Persona) -> Result<(), Notice> {
    let people = [asker.user];
    let standings = app.store.standings(asker.tenant, persona.id, &people).await;
    let standing = standings.map_err(unreadable)?.remove(&asker.user);
    match standing.and_then(|standing| standing.block) {
        None => Ok(()),
        Some(block) => Err(RestrictionText::Muted {
            persona: persona.nickname.clone(),
            hours: block.hours_left,
        }
        .into()),
    }
}

async fn add(app: &App, asker: &Asker, user: UserId) -> Result<RestrictionText, Notice> {
    let added = app.store.blacklist(asker.tenant, user, asker.user).await;
    let added = added.map_err(unreadable)?.ok_or(Notice::NotSetUp)?;
    Ok(RestrictionText::Blacklisted {
        user,
        is_new: added.is_new,
        are_memories_on: added.are_memories_on,
    })
}

async fn add_block(app: &App, asker: &Asker, row: NewRow) -> Result<RestrictionText, Notice> {
    let new = NewBlock {
        persona: row.persona,
        user: row.user,
        kind: row.kind,
        reason: &row.reason,
        hours: row.hours,
    };
    let is_there = app.store.block(asker.tenant, new).await;
    if !is_there.map_err(unreadable)? {
        // The persona was removed meanwhile.
        return Err(Notice::UnknownControl);
    }
    Ok(RestrictionText::Blocked {
        persona: row.name,
        user: row.user,
        kind: row.kind,
        hours: row.hours.into(),
    })
}

async fn lift(app: &App, asker: &Asker, shown: Shown, kept: &[RestrictionId]) -> Panel {
    let lifted = app.store.lift(asker.tenant, shown.range(), kept).await;
    let note = match lifted.map_err(unreadable) {
        Ok(count) => Note::Done(RestrictionText::Lifted { count }.into()),
        Err(notice) => Note::Warning(notice),
    };
    let panel = look(app, asker, shown.page, Some(&note)).await;
    panel.unwrap_or_else(|_unreadable| Panel::words(note.line()))
}

async fn look(app: &App, asker: &Asker, page: u8, note: Option<&Note>) -> Result<Panel, Notice> {
    let all = app.store.restrictions(asker.tenant).await;
    let all = all.map_err(unreadable)?;
    panel::show(signer(asker, &app.keys.get()), &all, page, note)
}

fn only_in_servers(asker: &Asker) -> Result<(), Notice> {
    if asker.tenant.is_direct() {
        return Err(RestrictionText::OnlyInServers.into());
    }
    Ok(())
}

fn member(interaction: &Interaction) -> Result<&CommandOption, Notice> {
    let mut options = interaction.options.iter();
    let member = options.find(|option| option.name == "member");
    member.ok_or(Notice::UnknownCommand)
}

fn user_of(member: &CommandOption) -> Result<UserId, Notice> {
    let user = member.value.parse().ok().and_then(UserId::non_zero);
    user.ok_or(Notice::UnknownCommand)
}

fn is_reason(reason: &str) -> bool {
    (1..=REASON_CHARS).contains(&reason.chars().count())
}

fn defer(asker: &Asker, work: Work) -> Plan {
    let asker = asker.clone();
    let order = Box::new(Order { asker, work });
    Plan::defer(After::Restrict(order))
}

fn signer<'a>(asker: &'a Asker, keyring: &'a Keyring) -> Signer<'a> {
    Signer { asker, keyring }
}
