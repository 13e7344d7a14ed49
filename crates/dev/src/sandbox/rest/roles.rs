//! Roles of servers.

use proto::id::GuildId;
use serde_json::{Value, json};

use super::{Answer, Call, Outcome, Refusal, read};
use crate::sandbox::shape;
use crate::sandbox::world::places::Guild;
use crate::sandbox::world::rights::{MANAGE_ROLES, MEMBER_PERMISSIONS, Role};
use crate::sandbox::world::sessions::Event;

fn guild<'a>(call: &'a Call<'_>) -> Result<&'a Guild, Refusal> {
    let guild = call.guild()?;
    call.world
        .places
        .guilds
        .get(&guild)
        .ok_or(Refusal::UNKNOWN_GUILD)
}

fn known<'a>(call: &Call<'_>, guild: &'a Guild) -> Result<&'a Role, Refusal> {
    guild
        .roles
        .get(&call.id("role")?)
        .ok_or(Refusal::UNKNOWN_ROLE)
}

/// Lists roles.
pub(crate) fn list(call: Call<'_>) -> Outcome {
    Ok(Answer::Json(
        guild(&call)?.roles.values().map(shape::role).collect(),
    ))
}

/// Gives a role.
pub(crate) fn get(call: Call<'_>) -> Outcome {
    Ok(Answer::Json(shape::role(known(&call, guild(&call)?)?)))
}

/// Reads what a body sets and leaves the rest; nobody gives what they do not have.
fn fill(call: &Call<'_>, guild: GuildId, mut role: Role) -> Result<Role, Refusal> {
    let body = &call.body;
    role.name = read::text(body, "name", 1..=100)?.unwrap_or(role.name);
    role.color = read::number(body, "color", 0..=0xff_ff_ff)?.unwrap_or(role.color);
    role.hoist = read::flag(body, "hoist").unwrap_or(role.hoist);
    role.mentionable = read::flag(body, "mentionable").unwrap_or(role.mentionable);
    if let Some(permissions) = read::permissions(body, "permissions") {
        call.need_in(guild, permissions & !role.permissions)?;
        role.permissions = permissions;
    }
    Ok(role)
}

/// Refuses to touch roles that stand as high as the bot.
fn need_above(call: &Call<'_>, guild: &Guild, role: &Role) -> Result<(), Refusal> {
    call.need_in(guild.id, MANAGE_ROLES)?;
    let is_above = guild.rank(call.world.bot()) > role.position;
    if is_above {
        Ok(())
    } else {
        Err(Refusal::MISSING_PERMISSIONS)
    }
}

fn tell(call: &mut Call<'_>, name: &'static str, guild: GuildId, role: Value) {
    let mut body = json!({"guild_id": guild.to_string()});
    let key = if role.is_string() { "role_id" } else { "role" };
    shape::set(&mut body, key, role);
    call.world.dispatch(&Event::of_guild(name, guild, body));
}

fn keep(mut call: Call<'_>, name: &'static str, guild: GuildId, role: Role) -> Answer {
    let body = shape::role(&role);
    if let Some(guild) = call.world.places.guilds.get_mut(&guild) {
        guild.roles.insert(role.id, role);
    }
    tell(&mut call, name, guild, body.clone());
    Answer::Json(body)
}

/// Creates a role at the bottom.
pub(crate) fn create(call: Call<'_>) -> Outcome {
    let guild = call.guild()?;
    call.need_in(guild, MANAGE_ROLES)?;
    let role = Role::new(0, "new role", MEMBER_PERMISSIONS, 1);
    let role = fill(&call, guild, role)?;
    let id = call.world.next_id();
    // The others make room.
    if let Some(guild) = call.world.places.guilds.get_mut(&guild) {
        let above = guild.roles.values_mut().filter(|known| known.position >= 1);
        above.for_each(|known| known.position += 1);
    }
    Ok(keep(call, "GUILD_ROLE_CREATE", guild, Role { id, ..role }))
}

/// Changes a role.
pub(crate) fn edit(call: Call<'_>) -> Outcome {
    let guild = guild(&call)?;
    let role = known(&call, guild)?;
    need_above(&call, guild, role)?;
    let role = fill(&call, guild.id, role.clone())?;
    let guild = guild.id;
    Ok(keep(call, "GUILD_ROLE_UPDATE", guild, role))
}

/// Deletes a role and takes it from everybody.
pub(crate) fn delete(mut call: Call<'_>) -> Outcome {
    let guild = guild(&call)?;
    let role = known(&call, guild)?;
    need_above(&call, guild, role)?;
    if role.managed || role.id == guild.id.0 {
        return Err(Refusal::INVALID_ROLE);
    }
    let (guild, id) = (guild.id, role.id);
    if let Some(guild) = call.world.places.guilds.get_mut(&guild) {
        guild.roles.remove(&id);
        guild.members.values_mut().for_each(|member| {
            member.roles.remove(&id);
        });
    }
    tell(&mut call, "GUILD_ROLE_DELETE", guild, id.to_string().into());
    Ok(Answer::Empty)
}
