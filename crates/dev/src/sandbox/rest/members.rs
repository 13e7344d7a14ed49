//! Users and members of servers.

use proto::id::{GuildId, UserId};
use serde_json::Value;

use super::{Answer, Call, Outcome, Refusal, read};
use crate::sandbox::world::places::Member;
use crate::sandbox::world::rights::{
    CHANGE_NICKNAME, KICK_MEMBERS, MANAGE_NICKNAMES, MANAGE_ROLES, MODERATE_MEMBERS,
};
use crate::sandbox::{clock, shape};

/// Intent bit for members, which listing them needs.
const GUILD_MEMBERS: u64 = 1 << 1;
/// Longest time-out.
const TIMEOUT_MS: u64 = 28 * 24 * 3_600_000;

/// Gives a user.
pub(crate) fn user(call: Call<'_>) -> Outcome {
    let user = call.user()?;
    Ok(Answer::Json(shape::user(call.world, user)))
}

fn member(call: &Call<'_>) -> Result<(GuildId, UserId), Refusal> {
    let (guild, user) = (call.guild()?, call.user()?);
    let known = call
        .world
        .places
        .guilds
        .get(&guild)
        .ok_or(Refusal::UNKNOWN_GUILD)?;
    known
        .members
        .contains_key(&user)
        .then_some((guild, user))
        .ok_or(Refusal::UNKNOWN_MEMBER)
}

fn show(call: &Call<'_>, guild: GuildId, user: UserId) -> Outcome {
    let member = shape::member(call.world, guild, user);
    member.map(Answer::Json).ok_or(Refusal::UNKNOWN_MEMBER)
}

/// Gives a member.
pub(crate) fn get(call: Call<'_>) -> Outcome {
    let (guild, user) = member(&call)?;
    show(&call, guild, user)
}

/// Lists members by id; the application must be allowed the intent for members.
pub(crate) fn list(call: Call<'_>) -> Outcome {
    let guild = call.guild()?;
    if call.world.settings.allowed_intents & GUILD_MEMBERS == 0 {
        return Err(Refusal::MISSING_ACCESS);
    }
    let limit = call.query.limit(1, 1_000)?;
    let after = UserId(call.query.number("after").unwrap_or_default());
    page(&call, guild, limit, |user| user > after)
}

/// Lists members whose name or nickname begins with the query.
pub(crate) fn search(call: Call<'_>) -> Outcome {
    let guild = call.guild()?;
    let limit = call.query.limit(1, 1_000)?;
    let query = call
        .query
        .get("query")
        .ok_or_else(|| read::required("query"))?
        .to_lowercase();
    let known = call
        .world
        .places
        .guilds
        .get(&guild)
        .ok_or(Refusal::UNKNOWN_GUILD)?;
    page(&call, guild, limit, |user| {
        let name = call
            .world
            .people
            .get(user)
            .map(|user| user.name.to_lowercase());
        let nick = known
            .members
            .get(&user)
            .and_then(|member| member.nick.clone());
        let names = [name, nick.map(|nick| nick.to_lowercase())];
        names
            .into_iter()
            .flatten()
            .any(|name| name.starts_with(&query))
    })
}

fn page(
    call: &Call<'_>,
    guild: GuildId,
    limit: usize,
    is_wanted: impl Fn(UserId) -> bool,
) -> Outcome {
    let known = call
        .world
        .places
        .guilds
        .get(&guild)
        .ok_or(Refusal::UNKNOWN_GUILD)?;
    let users = known
        .members
        .keys()
        .copied()
        .filter(|&user| is_wanted(user))
        .take(limit);
    let shown = users.filter_map(|user| shape::member(call.world, guild, user));
    Ok(Answer::Json(shown.collect()))
}

/// Refuses unless the bot may do it, and stands above whom it is done to.
pub(super) fn need_above(
    call: &Call<'_>,
    guild: GuildId,
    user: UserId,
    bits: u64,
) -> Result<(), Refusal> {
    call.need_in(guild, bits)?;
    let bot = call.world.bot();
    let known = call
        .world
        .places
        .guilds
        .get(&guild)
        .ok_or(Refusal::UNKNOWN_GUILD)?;
    let is_above = user == bot || known.rank(bot) > known.rank(user);
    if is_above {
        Ok(())
    } else {
        Err(Refusal::MISSING_PERMISSIONS)
    }
}

/// Refuses roles that do not exist or that stand as high as the bot.
fn need_role(call: &Call<'_>, guild: GuildId, role: u64) -> Result<(), Refusal> {
    call.need_in(guild, MANAGE_ROLES)?;
    let known = call
        .world
        .places
        .guilds
        .get(&guild)
        .ok_or(Refusal::UNKNOWN_GUILD)?;
    let role = known.roles.get(&role).ok_or(Refusal::UNKNOWN_ROLE)?;
    let is_below = known.rank(call.world.bot()) > role.position && !role.managed;
    if is_below {
        Ok(())
    } else {
        Err(Refusal::MISSING_PERMISSIONS)
    }
}

/// Changes a member's nickname, roles or time-out.
pub(crate) fn edit(call: Call<'_>) -> Outcome {
    let (guild, user) = member(&call)?;
    let known = call.world.places.guilds.get(&guild);
    let known = known.and_then(|guild| guild.members.get(&user));
    let mut new: Member = known.cloned().ok_or(Refusal::UNKNOWN_MEMBER)?;
    if call.body.get("nick").is_some() {
        let is_own = user == call.world.bot();
        let bit = if is_own {
            CHANGE_NICKNAME
        } else {
            MANAGE_NICKNAMES
        };
        need_above(&call, guild, user, bit)?;
        new.nick = read::text(&call.body, "nick", 0..=32)?.filter(|nick| !nick.is_empty());
    }
    if let Some(roles) = read::ids(&call.body, "roles") {
        let roles = roles.into_iter().collect();
        new.roles
            .symmetric_difference(&roles)
            .try_for_each(|&role| need_role(&call, guild, role))?;
        new.roles = roles;
    }
    if let Some(until) = call.body.get("communication_disabled_until") {
        need_above(&call, guild, user, MODERATE_MEMBERS)?;
        new.silent_until_ms = time(until)?;
    }
    call.world
        .change_member(guild, user, |member| *member = new);
    show(&call, guild, user)
}

fn time(value: &Value) -> Result<Option<u64>, Refusal> {
    let Some(text) = value.as_str() else {
        return Ok(None);
    };
    let time = chrono::DateTime::parse_from_rfc3339(text).ok();
    let time = time.and_then(|time| u64::try_from(time.timestamp_millis()).ok());
    let time = time.filter(|&time| time <= clock::now_ms() + TIMEOUT_MS);
    let message = "Could not parse the time, or it is more than 28 days from now.";
    time.map(Some).ok_or_else(|| {
        Refusal::form(
            "communication_disabled_until",
            "INVALID_COMMUNICATION_DISABLED_TIMESTAMP",
            message,
        )
    })
}

/// Changes the bot's own nickname.
pub(crate) fn edit_own(call: Call<'_>) -> Outcome {
    let guild = call.guild()?;
    call.need_in(guild, CHANGE_NICKNAME)?;
    let nick = read::text(&call.body, "nick", 0..=32)?.filter(|nick| !nick.is_empty());
    let bot = call.world.bot();
    call.world
        .change_member(guild, bot, |member| member.nick = nick);
    show(&call, guild, bot)
}

/// Takes a member out of a server.
pub(crate) fn kick(call: Call<'_>) -> Outcome {
    let (guild, user) = member(&call)?;
    need_above(&call, guild, user, KICK_MEMBERS)?;
    call.world.remove_member(guild, user);
    Ok(Answer::Empty)
}

fn change_role(call: Call<'_>, has_it: bool) -> Outcome {
    let (guild, user) = member(&call)?;
    let role: u64 = call.id("role")?;
    need_role(&call, guild, role)?;
    call.world.change_member(guild, user, |member| {
        member.roles.remove(&role);
        member.roles.extend(has_it.then_some(role));
    });
    Ok(Answer::Empty)
}

/// Gives a role to a member.
pub(crate) fn add_role(call: Call<'_>) -> Outcome {
    change_role(call, true)
}

/// Takes a role from a member.
pub(crate) fn remove_role(call: Call<'_>) -> Outcome {
    change_role(call, false)
}
