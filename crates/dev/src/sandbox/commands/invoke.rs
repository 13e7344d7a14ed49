//! Slash commands as a client sends them: chosen from a list, with each option apart.

use proto::id::{ChannelId, UserId};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    ATTACHMENT, BOOLEAN, GROUP, INTEGER, NUMBER, Resolved, SUBCOMMAND, USER, Uploads, choices,
    find, may_use, plain,
};
use crate::sandbox::shape;
use crate::sandbox::world::World;
use crate::sandbox::world::places::Channel;

/// Types of options that name something (Discord application commands page, 2026-11).
const CHANNEL: u64 = 7;
const ROLE: u64 = 8;
const MENTIONABLE: u64 = 9;

/// A command that somebody chose and filled.
#[derive(Debug, Deserialize)]
pub(crate) struct Invocation {
    name: String,
    /// Names of the group and the subcommand, where there are any.
    #[serde(default)]
    path: Vec<String>,
    #[serde(default)]
    options: Vec<Given>,
    /// The option that is being typed: choices are asked for, nothing is run.
    pub(crate) focused: Option<String>,
}

/// An option with its value; users, channels and roles are ids.
#[derive(Debug, Deserialize)]
struct Given {
    name: String,
    value: Value,
}

/// Turns it into the data of an interaction; a refusal says what a client would show.
pub(crate) fn data(
    world: &World,
    invocation: &Invocation,
    (user, channel): (UserId, ChannelId),
    uploads: &Uploads,
) -> Result<Value, String> {
    let name = &invocation.name;
    let guild = world.places.channels.get(&channel).and_then(Channel::guild);
    let command = find(world, guild.map(|guild| guild.0), name)?;
    may_use(
        &command,
        world.permissions(channel, user),
        guild.is_some(),
        name,
    )?;
    let mut definition = &command;
    for step in &invocation.path {
        let branch = choices(definition).into_iter().find(|option| {
            option["name"] == step.as_str()
                && matches!(option["type"].as_u64(), Some(SUBCOMMAND | GROUP))
        });
        definition = branch.ok_or_else(|| format!("/{name} has no part \"{step}\""))?;
    }
    let mut resolved = Resolved::new(uploads);
    let mut options = fill_all(world, invocation, definition, channel, &mut resolved)?;
    for (depth, step) in invocation.path.iter().enumerate().rev() {
        let is_group = depth + 1 < invocation.path.len();
        let kind = if is_group { GROUP } else { SUBCOMMAND };
        options = vec![json!({"type": kind, "name": step, "options": options})];
    }
    let mut data = json!({"id": command.get("id"), "name": name, "type": 1});
    if !options.is_empty() {
        shape::set(&mut data, "options", options.into());
    }
    if !resolved.told.is_empty() {
        shape::set(&mut data, "resolved", resolved.told.into());
    }
    if let Some(guild) = command.get("guild_id") {
        shape::set(&mut data, "guild_id", guild.clone());
    }
    Ok(data)
}

fn fill_all(
    world: &World,
    invocation: &Invocation,
    definition: &Value,
    channel: ChannelId,
    resolved: &mut Resolved<'_>,
) -> Result<Vec<Value>, String> {
    let known = choices(definition);
    let name = &invocation.name;
    let is_given = |option: &Value| {
        invocation
            .options
            .iter()
            .any(|given| option["name"] == given.name)
    };
    let missing = known
        .iter()
        .find(|option| option["required"] == true && !is_given(option));
    if let Some(missing) = missing.filter(|_| invocation.focused.is_none()) {
        return Err(format!("/{name} needs the option {}", missing["name"]));
    }
    let mut filled = Vec::with_capacity(invocation.options.len());
    for given in &invocation.options {
        let option = known.iter().find(|option| option["name"] == given.name);
        let option = option.ok_or_else(|| format!("/{name} has no option \"{}\"", given.name))?;
        let is_focused = invocation.focused.as_deref() == Some(given.name.as_str());
        let mut body = json!({"type": option["type"], "name": given.name});
        if is_focused {
            // What is being typed is told as text, whatever it will become.
            shape::set(&mut body, "value", plain(&given.value).into());
            shape::set(&mut body, "focused", true.into());
        } else {
            let value = value(world, option, &given.value, channel, resolved)?;
            shape::set(&mut body, "value", value);
        }
        filled.push(body);
    }
    Ok(filled)
}

fn value(
    world: &World,
    option: &Value,
    given: &Value,
    channel: ChannelId,
    resolved: &mut Resolved<'_>,
) -> Result<Value, String> {
    let name = &option["name"];
    let wrong = |what: &str| format!("option {name} must be {what}");
    let typed = plain(given);
    if let Some(choices) = option.get("choices").and_then(Value::as_array) {
        let same = |choice: &&Value| choice["name"] == *typed || plain(&choice["value"]) == typed;
        let choice = choices
            .iter()
            .find(same)
            .map(|choice| choice["value"].clone());
        return choice.ok_or_else(|| wrong("one of its choices"));
    }
    let kind = option["type"].as_u64().unwrap_or_default();
    let value = match kind {
        INTEGER => bounded(
            option,
            typed
                .parse::<i64>()
                .or(Err(wrong("a whole number")))?
                .into(),
        )?,
        NUMBER => bounded(
            option,
            typed.parse::<f64>().or(Err(wrong("a number")))?.into(),
        )?,
        BOOLEAN => typed
            .parse::<bool>()
            .or(Err(wrong("true or false")))?
            .into(),
        USER | CHANNEL | ROLE | MENTIONABLE => {
            refer(world, kind, &typed, channel, resolved)
                .ok_or_else(|| wrong("something that exists"))?;
            typed.into()
        }
        ATTACHMENT => resolved.file(option)?,
        _ => {
            let length = u64::try_from(typed.chars().count()).unwrap_or(u64::MAX);
            let bound = |key: &str| option.get(key).and_then(Value::as_u64);
            if bound("min_length").is_some_and(|least| length < least) {
                return Err(wrong("longer"));
            }
            if bound("max_length").is_some_and(|most| length > most) {
                return Err(wrong("shorter"));
            }
            typed.into()
        }
    };
    Ok(value)
}

fn bounded(option: &Value, value: Value) -> Result<Value, String> {
    let bound = |key: &str| option.get(key).and_then(Value::as_f64);
    let number = value.as_f64().unwrap_or_default();
    let is_small = bound("min_value").is_some_and(|least| number < least);
    let is_large = bound("max_value").is_some_and(|most| number > most);
    if is_small || is_large {
        return Err(format!("option {} is out of range", option["name"]));
    }
    Ok(value)
}

/// Adds what an id stands for; `None` when there is no such thing.
fn refer(
    world: &World,
    kind: u64,
    id: &str,
    place: ChannelId,
    resolved: &mut Resolved<'_>,
) -> Option<()> {
    let number: u64 = id.parse().ok()?;
    let guild = world.places.channels.get(&place).and_then(Channel::guild);
    let user = UserId(number);
    if matches!(kind, USER | MENTIONABLE) && world.people.get(user).is_some() {
        resolved.put("users", id, shape::user(world, user));
        if let Some(mut member) = guild.and_then(|guild| shape::member(world, guild, user)) {
            if let Some(fields) = member.as_object_mut() {
                fields.remove("user");
            }
            resolved.put("members", id, member);
        }
        return Some(());
    }
    if matches!(kind, ROLE | MENTIONABLE) {
        let settings = shape::guild_settings(world.places.guilds.get(&guild?)?);
        let roles = settings.get("roles")?.as_array()?;
        let role = roles.iter().find(|role| role["id"] == id)?.clone();
        resolved.put("roles", id, role);
        return Some(());
    }
    resolved.put("channels", id, shape::channel(world, ChannelId(number))?);
    Some(())
}
