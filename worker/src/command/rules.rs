//! `/server cooldown`, `/server whitelist` and `/server limits`: who is answered where, how often and
//! by how many personas (CMD-67 to CMD-69). What is said here holds for the next message.

mod action;
mod panel;

use keyring::Keyring;
use proto::event::Interaction;
use proto::id::{ChannelId, UserId};
use store::{ListedRow, NewLimits, NewQuota, QuotaPool, QuotaUse, TypedCooldown};

use self::action::Action;
use super::answer::{After, Panel, Plan};
use super::asker::Asker;
use super::controls::{Note, Signer};
use super::reading::{given, in_time, persona_named, profile_of, unreadable};
use crate::app::App;
use crate::notice::{Notice, RestrictionText, RuleText};

/// Something to be done behind a claim.
pub(crate) struct Order {
    asker: Asker,
    work: Work,
}

enum Work {
    Cooldown(TypedCooldown),
    Limits(NewLimits),
    Quota(NewQuota),
    Reset(QuotaPool),
    List(ListedRow, Option<TypedCooldown>),
    Unlist(u8, ListedRow),
}

/// What is shown with what was done.
enum View {
    Lists(u8),
    Quota,
    Nothing,
}

/// Takes what rests in this server after an answered message.
pub(super) fn cooldown(asker: &Asker, interaction: &Interaction) -> Result<Plan, Notice> {
    only_in_servers(asker)?;
    let typed = TypedCooldown {
        kind: number(interaction, "type", 0, 4)?.ok_or(Notice::UnknownCommand)?,
        length_seconds: number(interaction, "length", 1, 86_400)?.ok_or(Notice::UnknownCommand)?,
    };
    Ok(Plan::defer(order(asker, Work::Cooldown(typed))))
}

/// Takes limits of this server, or shows them.
pub(super) async fn limits(
    app: &App,
    asker: &Asker,
    interaction: &Interaction,
) -> Result<Plan, Notice> {
    let new = NewLimits {
        messages: number(interaction, "messages", 20, 100)?,
        personas: number(interaction, "personas", 1, 10)?,
        humanizer: number(interaction, "humanizer", 0, 3)?,
    };
    if new != NewLimits::default() {
        return Ok(Plan::defer(order(asker, Work::Limits(new))));
    }
    let shown = in_time(limits_of(app, asker)).await?;
    Ok(Plan::show(Panel::say(&shown.into())))
}

/// Takes how many replies there are, or shows what is used of them.
pub(super) async fn quota(
    app: &App,
    asker: &Asker,
    interaction: &Interaction,
) -> Result<Plan, Notice> {
    only_in_servers(asker)?;
    let new = NewQuota {
        daily_user: number(interaction, "daily_user_quota", 0, 100)?,
        serverwide: number(interaction, "serverwide_quota", 0, 99_999)?,
        resets_in_days: number(interaction, "serverwide_quota_resets_in", 1, 365)?,
    };
    if new != NewQuota::default() {
        return Ok(Plan::defer(order(asker, Work::Quota(new))));
    }
    let used = in_time(used(app, asker)).await?;
    Ok(Plan::show(Panel::say(&RuleText::QuotaUse(used).into())))
}

async fn used(app: &App, asker: &Asker) -> Result<QuotaUse, Notice> {
    let used = app.store.quota_use(asker.tenant).await;
    used.map_err(unreadable)?.ok_or(Notice::NotSetUp)
}

/// Takes whose used replies shall be forgotten.
pub(super) fn reset_quota(asker: &Asker, interaction: &Interaction) -> Result<Plan, Notice> {
    only_in_servers(asker)?;
    let member = given(interaction, "member").map(|id| id.parse().ok().and_then(UserId::non_zero));
    let member = member.map(|user| user.ok_or(Notice::UnknownCommand));
    let pool = match given(interaction, "scope") {
        Some("server") => QuotaPool::Server,
        Some("user") => QuotaPool::Users(member.transpose()?),
        _ => return Err(Notice::UnknownCommand),
    };
    Ok(Plan::defer(order(asker, Work::Reset(pool))))
}

/// Takes something for a list of this server, or shows the lists.
pub(super) async fn whitelist(
    app: &App,
    asker: &Asker,
    interaction: &Interaction,
) -> Result<Plan, Notice> {
    only_in_servers(asker)?;
    let profile = in_time(profile_of(app, asker.tenant)).await?;
    let id = |name| given(interaction, name).map(|id| id.parse::<u64>().ok());
    let id = |name| id(name).map(|id| id.filter(|id| *id != 0).ok_or(Notice::UnknownCommand));
    let channel = id("channel").transpose()?.map(ChannelId);
    let role = id("role").transpose()?;
    let persona = given(interaction, "persona").map(|name| persona_named(&profile, name));
    let persona = persona.transpose()?.map(|persona| persona.id);
    let rests = rests(interaction)?;
    let row = match (channel, role, persona, rests) {
        (None, None, None, None) => {
            let shown = panel::show(signer(asker, &app.keys.get()), &profile, 0, None);
            return shown.map(Plan::show);
        }
        (Some(channel), None, None, _) => ListedRow::Channel(channel),
        (None, Some(role), None, None) => ListedRow::Role(role),
        (Some(channel), None, Some(persona), None) => ListedRow::Persona(persona, channel),
        _ => return Err(RuleText::OneAtATime.into()),
    };
    Ok(Plan::defer(order(asker, Work::List(row, rests))))
}

/// Takes the use of a control of the lists.
pub(super) async fn use_component(
    app: &App,
    asker: Asker,
    args: &[u8],
    interaction: &Interaction,
) -> Result<Plan, Notice> {
    let action = Action::from_args(args).ok_or(Notice::UnknownControl)?;
    match action {
        Action::Show(page) => {
            let profile = in_time(profile_of(app, asker.tenant)).await?;
            let shown = panel::show(signer(&asker, &app.keys.get()), &profile, page, None);
            shown.map(Plan::replace)
        }
        Action::Unlist(page) => {
            let row = interaction.values.first().and_then(|row| action::row(row));
            let row = row.ok_or(Notice::UnknownControl)?;
            Ok(Plan::change(order(&asker, Work::Unlist(page, row))))
        }
    }
}

/// Does what was ordered.
pub(super) async fn finish(app: &App, order: Order) -> Panel {
    let Order { asker, work } = order;
    let view = match work {
        Work::List(..) => View::Lists(0),
        Work::Unlist(page, _) => View::Lists(page),
        Work::Quota(_) | Work::Reset(_) => View::Quota,
        Work::Cooldown(_) | Work::Limits(_) => View::Nothing,
    };
    let done = change(app, &asker, work).await;
    // Every worker reads anew at its next message; the hint is for what would not be one.
    app.profiles
        .announce(&app.nats, &app.names, asker.tenant)
        .await;
    let note = match done {
        Ok(said) => Note::Done(said.into()),
        Err(notice) => Note::Warning(notice),
    };
    let shown = match view {
        View::Lists(page) => look(app, &asker, page, &note).await,
        View::Quota => used(app, &asker).await.map(|used| {
            let used = Notice::from(RuleText::QuotaUse(used));
            Panel::words(format!("{}\n{}", note.line(), used.text()))
        }),
        View::Nothing => Err(Notice::UnknownControl),
    };
    shown.unwrap_or_else(|_unshown| Panel::words(note.line()))
}

async fn change(app: &App, asker: &Asker, work: Work) -> Result<RuleText, Notice> {
    let (store, tenant) = (&app.store, asker.tenant);
    let (done, said, otherwise) = match work {
        Work::Cooldown(typed) => (
            store.set_cooldown(tenant, typed).await,
            RuleText::Cooldown(typed),
            Notice::NotSetUp,
        ),
        Work::Limits(new) => (
            store.set_limits(tenant, new).await,
            RuleText::LimitsSaved,
            Notice::NotSetUp,
        ),
        Work::Quota(quota) => (
            store.set_quota(tenant, quota).await,
            RuleText::QuotaSaved,
            Notice::NotSetUp,
        ),
        Work::Reset(pool) => (
            store.reset_quota(tenant, pool).await.map(|_forgotten| true),
            RuleText::QuotaReset,
            Notice::NotSetUp,
        ),
        Work::List(row, rests) => (
            store.list(tenant, row, rests).await,
            RuleText::Listed,
            RuleText::Full.into(),
        ),
        Work::Unlist(_, row) => (
            store.unlist(tenant, row).await,
            RuleText::Unlisted,
            RuleText::GoneBefore.into(),
        ),
    };
    done.map_err(unreadable)?.then_some(said).ok_or(otherwise)
}

async fn look(app: &App, asker: &Asker, page: u8, note: &Note) -> Result<Panel, Notice> {
    let profile = profile_of(app, asker.tenant).await?;
    panel::show(signer(asker, &app.keys.get()), &profile, page, Some(note))
}

async fn limits_of(app: &App, asker: &Asker) -> Result<RuleText, Notice> {
    let profile = profile_of(app, asker.tenant).await?;
    let open = app.store.open_messages(asker.tenant).await;
    Ok(RuleText::Limits {
        messages: profile.message_fetch_limit,
        personas: profile.routing.match_limit,
        humanizer: profile.humanizer_degree,
        open: open.map_err(unreadable)?,
        most_open: app.settings.guards.limits.server,
    })
}

/// What a channel is listed with: both numbers or none.
fn rests(interaction: &Interaction) -> Result<Option<TypedCooldown>, Notice> {
    let kind = number(interaction, "type", 0, 4)?;
    let length_seconds = number(interaction, "length", 0, 86_400)?;
    match (kind, length_seconds) {
        (None, None) => Ok(None),
        (Some(kind), Some(length_seconds)) => Ok(Some(TypedCooldown {
            kind,
            length_seconds,
        })),
        _ => Err(RuleText::OneAtATime.into()),
    }
}

/// Reads a number; a client may send any other than the command asks for.
fn number<N: TryFrom<i64>>(
    interaction: &Interaction,
    name: &str,
    least: i64,
    most: i64,
) -> Result<Option<N>, Notice> {
    let Some(typed) = given(interaction, name) else {
        return Ok(None);
    };
    let number = typed
        .parse()
        .ok()
        .filter(|number| (least..=most).contains(number));
    let number = number.and_then(|number| N::try_from(number).ok());
    number
        .map(Some)
        .ok_or(RuleText::Unfit { least, most }.into())
}

fn only_in_servers(asker: &Asker) -> Result<(), Notice> {
    if asker.tenant.is_direct() {
        return Err(RestrictionText::OnlyInServers.into());
    }
    Ok(())
}

fn order(asker: &Asker, work: Work) -> After {
    let asker = asker.clone();
    After::SetRules(Box::new(Order { asker, work }))
}

fn signer<'a>(asker: &'a Asker, keyring: &'a Keyring) -> Signer<'a> {
    Signer { asker, keyring }
}
