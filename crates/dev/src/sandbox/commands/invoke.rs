//! Commands as a client sends them: chosen from a list, with each option apart.

use proto::id::{MessageId, UserId};
use serde::Deserialize;
use serde_json::{Value, json};

use super::resolved::{Resolved, Thing};
use super::{
    ATTACHMENT, BOOLEAN, INTEGER, NUMBER, OF_USER, SLASH, Uploads, find, names, options, part,
    parts, plain, title,
};
use crate::sandbox::admin::ids;
use crate::sandbox::admin::place::Spot;
use crate::sandbox::shape;
use crate::sandbox::world::World;

/// A command that somebody chose and filled.
#[derive(Debug, Deserialize)]
pub(crate) struct Invocation {
    name: String,
    /// Its type; typed after a slash unless told.
    #[serde(default = "slash", rename = "type")]
    kind: u64,
    /// The person or message that a command of a menu is used on.
    #[serde(default, deserialize_with = "ids::optional")]
    target_id: Option<u64>,
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
pub(super) struct Given {
    pub(super) name: String,
    pub(super) value: Value,
}

fn slash() -> u64 {
    SLASH
}

impl Invocation {
    /// A slash command with its options.
    pub(super) fn typed(name: &str, path: Vec<String>, options: Vec<Given>) -> Self {
        Self {
            name: name.to_owned(),
            kind: SLASH,
            target_id: None,
            path,
            options,
            focused: None,
        }
    }

    fn title(&self) -> String {
        let path = self.path.iter().map(|step| format!(" {step}"));
        title(self.kind, &self.name) + &path.collect::<String>()
    }

    fn gives(&self, option: &Value) -> bool {
        self.options
            .iter()
            .any(|given| option["name"] == given.name)
    }
}

/// Turns it into the data of an interaction; a refusal says what a client would show.
pub(crate) fn data(
    world: &World,
    invocation: &Invocation,
    spot: Spot,
    uploads: &Uploads,
) -> Result<Value, String> {
    let command = find(world, spot, invocation.kind, &invocation.name)?;
    let mut data = json!({
        "id": command.get("id"), "name": invocation.name, "type": invocation.kind,
    });
    let mut resolved = Resolved::new(world, spot);
    if invocation.kind == SLASH {
        let options = filled(invocation, &command, uploads, &mut resolved)?;
        if !options.is_empty() {
            shape::set(&mut data, "options", options.into());
        }
    } else {
        let target = target(invocation, &mut resolved)?;
        shape::set(&mut data, "target_id", target.to_string().into());
    }
    resolved.add_to(&mut data);
    if let Some(guild) = command.get("guild_id") {
        shape::set(&mut data, "guild_id", guild.clone());
    }
    Ok(data)
}

/// Finds what a command of a menu is used on.
fn target(invocation: &Invocation, resolved: &mut Resolved<'_>) -> Result<u64, String> {
    let title = invocation.title();
    let id = invocation.target_id;
    let id = id.ok_or_else(|| format!("{title} is used on something: target_id"))?;
    let found = if invocation.kind == OF_USER {
        resolved.user(UserId(id))
    } else {
        resolved.message(MessageId(id))
    };
    found.ok_or_else(|| format!("what {title} is to be used on is not here"))?;
    Ok(id)
}

/// The options within their subcommand and group.
fn filled(
    invocation: &Invocation,
    command: &Value,
    uploads: &Uploads,
    resolved: &mut Resolved<'_>,
) -> Result<Vec<Value>, String> {
    let title = invocation.title();
    let (mut definition, mut steps) = (command, Vec::new());
    for step in &invocation.path {
        definition = part(definition, step, &title)?;
        steps.push(definition);
    }
    let missing = parts(definition);
    if !missing.is_empty() {
        return Err(format!("{title} needs one of: {}", names(&missing)));
    }
    let innermost = fill_all(invocation, definition, uploads, resolved)?;
    Ok(steps.into_iter().rev().fold(innermost, |inner, step| {
        vec![json!({"type": step["type"], "name": step["name"], "options": inner})]
    }))
}

fn fill_all(
    invocation: &Invocation,
    definition: &Value,
    uploads: &Uploads,
    resolved: &mut Resolved<'_>,
) -> Result<Vec<Value>, String> {
    let known = options(definition);
    let title = invocation.title();
    let mut needed = known.iter().filter(|option| option["required"] == true);
    let missing = needed.find(|option| !invocation.gives(option));
    if let Some(missing) = missing.filter(|_| invocation.focused.is_none()) {
        return Err(format!("{title} needs the option {}", missing["name"]));
    }
    let fill = |given: &Given| -> Result<Value, String> {
        let option = known.iter().find(|option| option["name"] == given.name);
        let option = option.ok_or_else(|| format!("{title} has no option \"{}\"", given.name))?;
        let mut body = json!({"type": option["type"], "name": given.name});
        if invocation.focused.as_ref() == Some(&given.name) {
            // What is being typed is told as text, whatever it will become.
            shape::set(&mut body, "value", plain(&given.value).into());
            shape::set(&mut body, "focused", true.into());
        } else {
            let value = value(option, &given.value, uploads, resolved)?;
            shape::set(&mut body, "value", value);
        }
        Ok(body)
    };
    invocation.options.iter().map(fill).collect()
}

fn value(
    option: &Value,
    given: &Value,
    uploads: &Uploads,
    resolved: &mut Resolved<'_>,
) -> Result<Value, String> {
    let wrong = |what: &str| format!("option {} must be {what}", option["name"]);
    let typed = plain(given);
    let choices = option.get("choices").and_then(Value::as_array);
    if let Some(choices) = choices.filter(|choices| !choices.is_empty()) {
        let same = |choice: &&Value| choice["name"] == *typed || plain(&choice["value"]) == typed;
        let choice = choices.iter().find(same);
        let value = choice.map(|choice| choice["value"].clone());
        return value.ok_or_else(|| wrong("one of its choices"));
    }
    let kind = option["type"].as_u64();
    if let Some(thing) = Thing::of_option(kind) {
        let found = resolved.refer(thing, &typed, option);
        found.ok_or_else(|| wrong("something that exists here and that it takes"))?;
        return Ok(typed.into());
    }
    match kind {
        Some(INTEGER) => {
            let number = typed.parse::<i64>().or(Err(wrong("a whole number")))?;
            bounded(option, number.into())
        }
        Some(NUMBER) => {
            let number = typed.parse::<f64>().or(Err(wrong("a number")))?;
            bounded(option, number.into())
        }
        Some(BOOLEAN) => {
            let flag = typed.to_lowercase().parse::<bool>();
            Ok(flag.or(Err(wrong("true or false")))?.into())
        }
        Some(ATTACHMENT) => file(option, uploads, resolved),
        _ => text(option, typed),
    }
}

fn file(option: &Value, uploads: &Uploads, resolved: &mut Resolved<'_>) -> Result<Value, String> {
    let name = option["name"].as_str().unwrap_or_default();
    let file = uploads.get(name);
    let file = file.ok_or_else(|| format!("option {name} takes a file: {name}:@PATH"))?;
    Ok(resolved.file(file))
}

fn text(option: &Value, typed: String) -> Result<Value, String> {
    let length = u64::try_from(typed.chars().count()).unwrap_or(u64::MAX);
    let bound = |key: &str| option.get(key).and_then(Value::as_u64);
    let wrong = |what: &str| format!("option {} must be {what}", option["name"]);
    if bound("min_length").is_some_and(|least| length < least) {
        return Err(wrong("longer"));
    }
    if bound("max_length").is_some_and(|most| length > most) {
        return Err(wrong("shorter"));
    }
    Ok(typed.into())
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
