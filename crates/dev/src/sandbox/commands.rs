//! Slash commands as people type them, `/name sub option:value`, against what the bot registered.

pub(crate) mod invoke;

use std::collections::HashMap;

use proto::id::{ChannelId, UserId};
use serde_json::{Map, Value, json};

use super::shape;
use super::world::World;
use super::world::places::{ALL_PERMISSIONS, Channel};

/// Types of options (Discord application commands page, 2026-11).
const SUBCOMMAND: u64 = 1;
const GROUP: u64 = 2;
const INTEGER: u64 = 4;
const BOOLEAN: u64 = 5;
const USER: u64 = 6;
const NUMBER: u64 = 10;
const ATTACHMENT: u64 = 11;
/// An administrator may use every command.
const ADMINISTRATOR: u64 = 1 << 3;

/// Files that were handed over with a command, by the option that takes them, as the bot is told.
pub(crate) type Uploads = HashMap<String, Value>;

/// What the values of options refer to.
struct Resolved<'a> {
    uploads: &'a Uploads,
    told: Map<String, Value>,
}

impl<'a> Resolved<'a> {
    fn new(uploads: &'a Uploads) -> Self {
        let told = Map::new();
        Self { uploads, told }
    }

    fn put(&mut self, kind: &str, id: &str, value: Value) {
        let known = self.told.entry(kind).or_insert_with(|| json!({}));
        shape::set(known, id, value);
    }

    /// Adds the file of an option and returns its id.
    fn file(&mut self, option: &Value) -> Result<Value, String> {
        let name = option["name"].as_str().unwrap_or_default();
        let file = self
            .uploads
            .get(name)
            .ok_or_else(|| format!("option {name} takes a file: {name}:@PATH"))?;
        self.put("attachments", &plain(&file["id"]), file.clone());
        Ok(file["id"].clone())
    }
}

/// Turns what is typed into the data of an interaction; a refusal says what Discord's client would
/// show, or not offer.
pub(crate) fn parse(
    world: &mut World,
    typed: &str,
    (user, channel): (UserId, ChannelId),
    uploads: &Uploads,
) -> Result<Value, String> {
    let typed = typed.trim();
    let line = typed
        .strip_prefix('/')
        .ok_or_else(|| format!("no command: \"{typed}\""))?;
    let (name, rest) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
    let guild = world.places.channels.get(&channel).and_then(Channel::guild);
    let command = find(world, guild.map(|guild| guild.0), name)?;
    let permissions = world.permissions(channel, user);
    may_use(&command, permissions, guild.is_some(), name)?;
    let mut resolved = Resolved::new(uploads);
    let options = options(world, &command, rest.trim(), name, &mut resolved)?;
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

/// Returns the commands that somebody may use in a channel.
pub(crate) fn offered(world: &World, user: UserId, channel: ChannelId) -> Vec<Value> {
    let guild = world.places.channels.get(&channel).and_then(Channel::guild);
    let of_guild = guild.and_then(|guild| world.commands.get(&Some(guild.0)));
    let all = of_guild
        .into_iter()
        .chain(world.commands.get(&None))
        .flatten();
    let permissions = world.permissions(channel, user);
    let is_offered = |command: &&Value| {
        let name = command["name"].as_str().unwrap_or_default();
        command["type"] == 1 && may_use(command, permissions, guild.is_some(), name).is_ok()
    };
    all.filter(is_offered).cloned().collect()
}

fn find(world: &World, guild: Option<u64>, name: &str) -> Result<Value, String> {
    let of_guild = guild.and_then(|guild| world.commands.get(&Some(guild)));
    let commands: Vec<_> = of_guild
        .into_iter()
        .chain(world.commands.get(&None))
        .flatten()
        .collect();
    let found = commands
        .iter()
        .find(|command| command["name"] == name && command["type"] == 1);
    found.map(|&command| command.clone()).ok_or_else(|| {
        let names: Vec<_> = commands
            .iter()
            .filter_map(|command| command["name"].as_str())
            .collect();
        format!("no command /{name}; registered: {}", names.join(", "))
    })
}

fn may_use(command: &Value, permissions: u64, is_in_guild: bool, name: &str) -> Result<(), String> {
    let contexts = command.get("contexts").and_then(Value::as_array);
    let context = u8::from(!is_in_guild);
    let is_offered = contexts.is_none_or(|known| known.contains(&json!(context)));
    let in_direct = command
        .get("dm_permission")
        .and_then(Value::as_bool)
        .unwrap_or(true);
    if !is_offered || (!is_in_guild && !in_direct) {
        return Err(format!("/{name} is not offered here"));
    }
    let needed = command
        .get("default_member_permissions")
        .and_then(Value::as_str);
    let needed: u64 = needed
        .and_then(|bits| bits.parse().ok())
        .unwrap_or_default();
    let is_admin = permissions & ADMINISTRATOR != 0 || permissions == ALL_PERMISSIONS;
    if is_in_guild && !is_admin && permissions & needed != needed {
        return Err(format!("this user may not use /{name} here"));
    }
    Ok(())
}

fn choices(definition: &Value) -> Vec<&Value> {
    definition
        .get("options")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .collect()
}

fn options(
    world: &mut World,
    definition: &Value,
    typed: &str,
    path: &str,
    resolved: &mut Resolved<'_>,
) -> Result<Vec<Value>, String> {
    let known = choices(definition);
    let is_branch = |option: &&&Value| matches!(option["type"].as_u64(), Some(SUBCOMMAND | GROUP));
    if known.iter().any(|option| is_branch(&option)) {
        let (name, rest) = typed.split_once(char::is_whitespace).unwrap_or((typed, ""));
        let branch = known
            .iter()
            .filter(is_branch)
            .find(|option| option["name"] == name);
        let Some(branch) = branch else {
            let names: Vec<_> = known
                .iter()
                .filter_map(|option| option["name"].as_str())
                .collect();
            return Err(format!("/{path} needs one of: {}", names.join(", ")));
        };
        let path = format!("{path} {name}");
        let inner = options(world, branch, rest.trim(), &path, resolved)?;
        return Ok(vec![
            json!({"type": branch["type"], "name": name, "options": inner}),
        ]);
    }
    let given = split(&known, typed, path)?;
    for option in known.iter().filter(|option| option["required"] == true) {
        if !given
            .iter()
            .any(|(known, _)| known["name"] == option["name"])
        {
            return Err(format!("/{path} needs the option {}", option["name"]));
        }
    }
    given
        .into_iter()
        .map(|(option, value)| fill(world, option, &value, resolved))
        .collect()
}

/// Splits `first:some words second:more` at the names of known options.
fn split<'a>(
    known: &[&'a Value],
    typed: &str,
    path: &str,
) -> Result<Vec<(&'a Value, String)>, String> {
    let mut given: Vec<(&Value, String)> = Vec::new();
    for word in typed.split(' ').filter(|word| !word.is_empty()) {
        let named = word.split_once(':').and_then(|(name, value)| {
            known
                .iter()
                .find(|option| option["name"] == name)
                .map(|&option| (option, value))
        });
        match (named, given.last_mut()) {
            (Some((option, value)), _) => given.push((option, value.to_owned())),
            (None, Some((_, value))) => {
                value.push(' ');
                value.push_str(word);
            }
            (None, None) => {
                let names: Vec<_> = known
                    .iter()
                    .filter_map(|option| option["name"].as_str())
                    .collect();
                let names = names.join(", ");
                return Err(format!(
                    "/{path} has no option \"{word}\"; options: {names}"
                ));
            }
        }
    }
    for (_, value) in &mut given {
        let inner = value
            .strip_prefix('"')
            .and_then(|value| value.strip_suffix('"'));
        if let Some(inner) = inner.map(str::to_owned) {
            *value = inner;
        }
    }
    Ok(given)
}

fn fill(
    world: &mut World,
    option: &Value,
    typed: &str,
    resolved: &mut Resolved<'_>,
) -> Result<Value, String> {
    let name = &option["name"];
    let wrong = |what: &str| format!("option {name} must be {what}");
    let choice = option
        .get("choices")
        .and_then(Value::as_array)
        .map(|choices| {
            let same =
                |choice: &&Value| choice["name"] == typed || plain(&choice["value"]) == typed;
            choices
                .iter()
                .find(same)
                .map(|choice| choice["value"].clone())
        });
    let kind = option["type"].as_u64().unwrap_or_default();
    let value = match (choice, kind) {
        (Some(choice), _) => choice.ok_or_else(|| wrong("one of its choices"))?,
        (_, INTEGER) => typed
            .parse::<i64>()
            .or(Err(wrong("a whole number")))?
            .into(),
        (_, NUMBER) => typed.parse::<f64>().or(Err(wrong("a number")))?.into(),
        (_, BOOLEAN) => typed
            .to_lowercase()
            .parse::<bool>()
            .or(Err(wrong("true or false")))?
            .into(),
        (_, USER) => {
            let id = world.user(typed.trim_start_matches('@'));
            resolved.put("users", &id.to_string(), shape::user(world, id));
            id.to_string().into()
        }
        (_, ATTACHMENT) => resolved.file(option)?,
        _ => typed.into(),
    };
    Ok(json!({"type": kind, "name": name, "value": value}))
}

fn plain(value: &Value) -> String {
    value
        .as_str()
        .map_or_else(|| value.to_string(), str::to_owned)
}
