//! Slash commands as people type them, `/name sub option:value`: words become options, names ids.

use serde_json::Value;

use super::invoke::{Given, Invocation};
use super::resolved::Thing;
use super::{SLASH, find, names, options, part, parts};
use crate::sandbox::admin::place::Spot;
use crate::sandbox::world::World;

/// Ids have at least this many digits; what is shorter is a name.
const ID_DIGITS: usize = 15;

/// Reads a line; a refusal says what Discord's client would show, or not offer.
pub(crate) fn parse(world: &mut World, typed: &str, spot: Spot) -> Result<Invocation, String> {
    let typed = typed.trim();
    let line = typed.strip_prefix('/');
    let (name, mut rest) = first_word(line.ok_or_else(|| format!("no command: \"{typed}\""))?);
    let command = find(world, spot, SLASH, name)?;
    let (mut definition, mut path, mut title) = (&command, Vec::new(), format!("/{name}"));
    while !parts(definition).is_empty() {
        let (step, left) = first_word(rest);
        definition = part(definition, step, &title)?;
        title = format!("{title} {step}");
        path.push(step.to_owned());
        rest = left;
    }
    let given = split(&options(definition), rest, &title)?;
    let given = given.into_iter().map(|(option, typed)| Given {
        name: option["name"].as_str().unwrap_or_default().to_owned(),
        value: meant(world, spot, option, &typed).unwrap_or(typed).into(),
    });
    Ok(Invocation::typed(name, path, given.collect()))
}

fn first_word(text: &str) -> (&str, &str) {
    let (word, rest) = text.split_once(char::is_whitespace).unwrap_or((text, ""));
    (word, rest.trim())
}

/// Splits `first:some words second:more` at the names of known options.
fn split<'a>(
    known: &[&'a Value],
    typed: &str,
    title: &str,
) -> Result<Vec<(&'a Value, String)>, String> {
    let mut given: Vec<(&Value, String)> = Vec::new();
    for word in typed.split(' ').filter(|word| !word.is_empty()) {
        let named = word.split_once(':').and_then(|(name, value)| {
            let option = known.iter().find(|option| option["name"] == name);
            option.map(|&option| (option, value))
        });
        match (named, given.last_mut()) {
            (Some((option, value)), _) => given.push((option, value.to_owned())),
            (None, Some((_, value))) => {
                value.push(' ');
                value.push_str(word);
            }
            (None, None) => {
                let names = names(known);
                return Err(format!(
                    "{title} has no option \"{word}\"; options: {names}"
                ));
            }
        }
    }
    for (_, value) in &mut given {
        *value = unquoted(value);
    }
    Ok(given)
}

fn unquoted(value: &str) -> String {
    let inner = value.strip_prefix('"');
    let inner = inner.and_then(|value| value.strip_suffix('"'));
    inner.unwrap_or(value).to_owned()
}

/// The id of what an option names; `None` when it names nothing, or nothing of that name is here.
fn meant(world: &mut World, spot: Spot, option: &Value, typed: &str) -> Option<String> {
    let thing = Thing::of_option(option["type"].as_u64())?;
    let mention = typed
        .strip_prefix('<')
        .and_then(|rest| rest.strip_suffix('>'));
    let name = mention
        .unwrap_or(typed)
        .trim_start_matches(['@', '#', '&', '!']);
    let is_id = name.len() >= ID_DIGITS && name.parse::<u64>().is_ok();
    match thing {
        _ if name.is_empty() => None,
        _ if is_id => Some(name.to_owned()),
        Thing::User => Some(person(world, spot, name)),
        Thing::Role => role(world, spot, name),
        Thing::Mentionable => role(world, spot, name).or_else(|| Some(person(world, spot, name))),
        Thing::Channel => {
            let channel = world.channel_called(spot.guild?, name)?;
            Some(channel.to_string())
        }
    }
}

/// Somebody of that name; who is named for the first time is a member here from now on.
fn person(world: &mut World, spot: Spot, name: &str) -> String {
    if let Some(known) = world.people.named(name) {
        return known.to_string();
    }
    let user = world.user(name);
    if let Some(guild) = spot.guild {
        world.join(guild, user);
    }
    user.to_string()
}

fn role(world: &World, spot: Spot, name: &str) -> Option<String> {
    let guild = world.places.guilds.get(&spot.guild?)?;
    let mut roles = guild.roles.values();
    let found = roles.find(|role| role.name.trim_start_matches('@') == name);
    found.map(|role| role.id.to_string())
}
