//! The commands that the bot registered: which there are, and who may use them where.

pub(crate) mod invoke;
pub(crate) mod resolved;
pub(crate) mod typed;

use std::collections::HashMap;

use proto::id::{ChannelId, GuildId, UserId};
use serde_json::{Value, json};

use super::admin::place::Spot;
use super::world::World;
use super::world::places::{ALL_PERMISSIONS, Channel};
use super::world::rights::{ADMINISTRATOR, USE_COMMANDS};

/// Types of commands: typed after a slash, and of the menus of people and of messages (Discord
/// application commands page, 2026-11).
const SLASH: u64 = 1;
const OF_USER: u64 = 2;

/// Types of options (same page).
const SUBCOMMAND: u64 = 1;
const GROUP: u64 = 2;
const INTEGER: u64 = 4;
const BOOLEAN: u64 = 5;
const NUMBER: u64 = 10;
const ATTACHMENT: u64 = 11;

/// Files that were handed over, by the option or field that takes them, as the bot is told.
pub(crate) type Uploads = HashMap<String, Value>;

/// Returns the commands of every type that somebody may use in a channel.
pub(crate) fn offered(world: &World, user: UserId, channel: ChannelId) -> Vec<Value> {
    let guild = world.places.channels.get(&channel).and_then(Channel::guild);
    let spot = Spot {
        user,
        channel,
        guild,
    };
    let is_offered = |command: &&Value| may_use(world, spot, command).is_ok();
    let all = registered(world, guild).into_iter();
    all.filter(is_offered).cloned().collect()
}

/// The commands of a server and of everywhere; none where the bot is not.
fn registered(world: &World, guild: Option<GuildId>) -> Vec<&Value> {
    if guild.is_some_and(|guild| !world.attends(guild)) {
        return Vec::new();
    }
    let of_guild = guild.and_then(|guild| world.commands.get(&Some(guild.0)));
    let everywhere = world.commands.get(&None);
    of_guild.into_iter().chain(everywhere).flatten().collect()
}

/// Finds a command that somebody may use.
fn find(world: &World, spot: Spot, kind: u64, name: &str) -> Result<Value, String> {
    let mut all = registered(world, spot.guild);
    all.retain(|command| command["type"] == kind);
    let found = all.iter().find(|command| command["name"] == name);
    let Some(&command) = found else {
        let command = title(kind, name);
        return Err(format!("no command {command}; registered: {}", names(&all)));
    };
    may_use(world, spot, command)?;
    Ok(command.clone())
}

/// What a command is called where it is used.
fn title(kind: u64, name: &str) -> String {
    let slash = if kind == SLASH { "/" } else { "" };
    format!("{slash}{name}")
}

fn names(all: &[&Value]) -> String {
    let names = all.iter().filter_map(|one| one["name"].as_str());
    names.collect::<Vec<_>>().join(", ")
}

fn may_use(world: &World, spot: Spot, command: &Value) -> Result<(), String> {
    let name = command["name"].as_str().unwrap_or_default();
    let title = title(command["type"].as_u64().unwrap_or(SLASH), name);
    if !is_for(command, spot.guild.is_some()) {
        return Err(format!("{title} is not offered here"));
    }
    let held = world.permissions(spot.channel, spot.user);
    let is_admin = held & ADMINISTRATOR != 0 || held == ALL_PERMISSIONS;
    if spot.guild.is_none() || is_admin {
        return Ok(());
    }
    if held & USE_COMMANDS == 0 {
        return Err("this user may not use commands here".to_owned());
    }
    let needed = command.get("default_member_permissions");
    let needed = needed.and_then(|bits| bits.as_str()?.parse::<u64>().ok());
    match needed {
        // No permission at all means: administrators only.
        Some(needed) if needed == 0 || held & needed != needed => {
            Err(format!("this user may not use {title} here"))
        }
        _ => Ok(()),
    }
}

/// Tells whether a command is for servers, or for direct conversations.
fn is_for(command: &Value, is_in_guild: bool) -> bool {
    let contexts = command.get("contexts").and_then(Value::as_array);
    let context = json!(u8::from(!is_in_guild));
    let in_direct = command.get("dm_permission").and_then(Value::as_bool);
    contexts.is_none_or(|known| known.contains(&context))
        && (is_in_guild || in_direct.unwrap_or(true))
}

/// The options of a command or of a part of it.
fn options(definition: &Value) -> Vec<&Value> {
    let options = definition.get("options").and_then(Value::as_array);
    options.into_iter().flatten().collect()
}

/// The groups and subcommands of a command or group.
fn parts(definition: &Value) -> Vec<&Value> {
    let mut parts = options(definition);
    parts.retain(|option| matches!(option["type"].as_u64(), Some(SUBCOMMAND | GROUP)));
    parts
}

/// Finds a group or subcommand; `title` says where it is looked for.
fn part<'a>(definition: &'a Value, name: &str, title: &str) -> Result<&'a Value, String> {
    let parts = parts(definition);
    let found = parts.iter().find(|part| part["name"] == name).copied();
    found.ok_or_else(|| format!("{title} needs one of: {}", names(&parts)))
}

/// Writes a value, a text or something else, as text.
fn plain(value: &Value) -> String {
    value
        .as_str()
        .map_or_else(|| value.to_string(), str::to_owned)
}
