//! Commands of the application, everywhere or in one server.

use serde_json::{Value, json};

use super::{Answer, Call, Outcome, Refusal, read};
use crate::sandbox::shape;

/// Commands of each type that an application may have: chat input, user, message.
const COMMANDS: [(u64, usize); 3] = [(1, 100), (2, 15), (3, 15)];
/// New commands in a day (Discord application commands page, 2026-11).
const NEW_PER_DAY: u32 = 200;
/// Most options of a command and choices of an option.
const OPTIONS: usize = 25;
/// Longest sum of all names, descriptions and values of a command.
const CHARACTERS: usize = 8_000;
const LOCALIZED: [&str; 2] = ["name_localizations", "description_localizations"];

/// Returns the server that the path names, if any; the application must be the bot's.
fn scope(call: &Call<'_>) -> Result<Option<u64>, Refusal> {
    let application: u64 = call.id("application")?;
    if application != call.world.application().0 {
        return Err(Refusal::OTHER_APPLICATION);
    }
    if call.at.text("guild").is_empty() {
        return Ok(None);
    }
    call.guild().map(|guild| Some(guild.0))
}

fn known<'a>(call: &'a Call<'_>, scope: Option<u64>) -> &'a [Value] {
    call.world.commands.get(&scope).map_or(&[], Vec::as_slice)
}

fn find(call: &Call<'_>, scope: Option<u64>) -> Result<Value, Refusal> {
    let id = call.at.text("command");
    let found = known(call, scope)
        .iter()
        .find(|command| command["id"] == id);
    found.cloned().ok_or(Refusal::UNKNOWN_COMMAND)
}

/// Lists commands, with their localizations only when asked.
pub(crate) fn list(call: Call<'_>) -> Outcome {
    let mut commands = known(&call, scope(&call)?).to_vec();
    if !call.query.flag("with_localizations") {
        commands.iter_mut().for_each(strip);
    }
    Ok(Answer::Json(commands.into()))
}

fn strip(definition: &mut Value) {
    for key in LOCALIZED {
        shape::unset(definition, key);
    }
    for key in ["options", "choices"] {
        let inner = definition.get_mut(key).and_then(Value::as_array_mut);
        inner.into_iter().flatten().for_each(strip);
    }
}

/// Gives a command.
pub(crate) fn get(call: Call<'_>) -> Outcome {
    find(&call, scope(&call)?).map(Answer::Json)
}

/// Replaces all commands; those that keep their name keep their id.
pub(crate) fn replace(mut call: Call<'_>) -> Outcome {
    let scope = scope(&call)?;
    let Value::Array(given) = call.body.take() else {
        let message = "Only iterables may be used.";
        return Err(Refusal::form("commands", "LIST_TYPE_CONVERT", message));
    };
    let before = known(&call, scope).to_vec();
    let mut commands: Vec<Value> = Vec::with_capacity(given.len());
    for command in given {
        let command = build(&mut call, scope, &before, command)?;
        if same(&commands, &command).is_some() {
            let message = "Application command names must be unique";
            return Err(Refusal::form(
                "name",
                "APPLICATION_COMMANDS_DUPLICATE_NAME",
                message,
            ));
        }
        commands.push(command);
    }
    check_count(&commands)?;
    call.world.commands.insert(scope, commands.clone());
    Ok(Answer::Json(commands.into()))
}

/// Creates a command, or replaces the one of that name.
pub(crate) fn create(mut call: Call<'_>) -> Outcome {
    let scope = scope(&call)?;
    let mut commands = known(&call, scope).to_vec();
    let given = call.body.take();
    let command = build(&mut call, scope, &commands, given)?;
    let place =
        same(&commands, &command).and_then(|same| commands.iter().position(|known| known == same));
    match place.and_then(|place| commands.get_mut(place)) {
        Some(known) => known.clone_from(&command),
        None => commands.push(command.clone()),
    }
    check_count(&commands)?;
    call.world.commands.insert(scope, commands);
    Ok(if place.is_some() {
        Answer::Json(command)
    } else {
        Answer::Created(command)
    })
}

/// Changes a command.
pub(crate) fn edit(call: Call<'_>) -> Outcome {
    let scope = scope(&call)?;
    let before = find(&call, scope)?;
    let mut command = before.clone();
    for (key, value) in call.body.as_object().into_iter().flatten() {
        shape::set(&mut command, key, value.clone());
    }
    check(&command)?;
    let version = call.world.next_id().to_string();
    shape::set(&mut command, "version", version.into());
    let commands = call.world.commands.entry(scope).or_default();
    let is_it = |known: &&mut Value| known.get("id") == before.get("id");
    if let Some(known) = commands.iter_mut().find(is_it) {
        known.clone_from(&command);
    }
    Ok(Answer::Json(command))
}

/// Deletes a command.
pub(crate) fn delete(call: Call<'_>) -> Outcome {
    let scope = scope(&call)?;
    let command = find(&call, scope)?;
    let commands = call.world.commands.entry(scope).or_default();
    commands.retain(|known| known.get("id") != command.get("id"));
    Ok(Answer::Empty)
}

/// Lists permissions that administrators set for commands: nobody sets any here.
pub(crate) fn all_permissions(call: Call<'_>) -> Outcome {
    scope(&call)?;
    Ok(Answer::Json(json!([])))
}

/// Gives permissions that administrators set for one command.
pub(crate) fn permissions(call: Call<'_>) -> Outcome {
    scope(&call)?;
    Err(Refusal::UNKNOWN_COMMAND_PERMISSIONS)
}

/// Only people set permissions for commands.
pub(crate) fn set_permissions(call: Call<'_>) -> Outcome {
    scope(&call)?;
    Err(Refusal::ONLY_PEOPLE)
}

fn kind(command: &Value) -> u64 {
    command.get("type").and_then(Value::as_u64).unwrap_or(1)
}

fn same<'a>(commands: &'a [Value], command: &Value) -> Option<&'a Value> {
    let is_same = |known: &&Value| known["name"] == command["name"] && kind(known) == kind(command);
    commands.iter().find(is_same)
}

fn check_count(commands: &[Value]) -> Result<(), Refusal> {
    let count = |wanted| {
        commands
            .iter()
            .filter(|command| kind(command) == wanted)
            .count()
    };
    let is_too_many = COMMANDS.iter().any(|&(kind, most)| count(kind) > most);
    if is_too_many {
        Err(Refusal::TOO_MANY_COMMANDS)
    } else {
        Ok(())
    }
}

/// Checks a command and adds what Discord fills in.
fn build(
    call: &mut Call<'_>,
    scope: Option<u64>,
    before: &[Value],
    mut command: Value,
) -> Result<Value, Refusal> {
    check(&command)?;
    let known = same(before, &command).and_then(|known| known.get("id").cloned());
    let version: Value = call.world.next_id().to_string().into();
    if known.is_none()
        && !call
            .world
            .limits
            .take_command(scope.unwrap_or_default(), NEW_PER_DAY)
    {
        return Err(Refusal::TOO_MANY_NEW_COMMANDS);
    }
    let kind = kind(&command);
    shape::set(&mut command, "id", known.unwrap_or_else(|| version.clone()));
    shape::set(&mut command, "version", version);
    let application = call.world.application().to_string();
    shape::set(&mut command, "application_id", application.into());
    if let Some(guild) = scope {
        shape::set(&mut command, "guild_id", guild.to_string().into());
    }
    for (key, value) in [
        ("type", json!(kind)),
        ("description", json!("")),
        ("default_member_permissions", Value::Null),
        ("nsfw", json!(false)),
        ("integration_types", json!([0])),
        ("contexts", Value::Null),
    ] {
        if command.get(key).is_none() {
            shape::set(&mut command, key, value);
        }
    }
    Ok(command)
}

fn check(command: &Value) -> Result<(), Refusal> {
    let name = read::needed(command, "name", 1..=32)?;
    if kind(command) == 1 {
        check_name(&name)?;
        read::needed(command, "description", 1..=100)?;
    }
    check_options(command)?;
    if characters(command) > CHARACTERS {
        let message = "Command exceeds maximum size (8000)";
        return Err(Refusal::form(
            "options",
            "APPLICATION_COMMAND_TOO_LARGE",
            message,
        ));
    }
    Ok(())
}

fn check_name(name: &str) -> Result<(), Refusal> {
    let is_good =
        |letter: char| letter.is_alphanumeric() && !letter.is_uppercase() || "-_'".contains(letter);
    if name.chars().all(is_good) {
        return Ok(());
    }
    let message = "Command name is invalid";
    Err(Refusal::form(
        "name",
        "APPLICATION_COMMAND_INVALID_NAME",
        message,
    ))
}

fn check_options(definition: &Value) -> Result<(), Refusal> {
    let options = definition.get("options").and_then(Value::as_array);
    let options = options.map_or(&[][..], Vec::as_slice);
    if options.len() > OPTIONS {
        return Err(read::length("options", &(0..=OPTIONS)));
    }
    let required = options.iter().map(|option| option["required"] == true);
    if !required.is_sorted_by(|before, after| before >= after) {
        let message = "Required options must be placed before non-required options";
        return Err(Refusal::form(
            "options",
            "APPLICATION_COMMAND_OPTIONS_REQUIRED_INVALID",
            message,
        ));
    }
    for option in options {
        check_name(&read::needed(option, "name", 1..=32)?)?;
        read::needed(option, "description", 1..=100)?;
        read::choice(option, "type", &[1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11])?
            .ok_or_else(|| read::required("type"))?;
        let choices = option.get("choices").and_then(Value::as_array);
        if choices.is_some_and(|choices| choices.len() > OPTIONS) {
            return Err(read::length("choices", &(0..=OPTIONS)));
        }
        check_options(option)?;
    }
    Ok(())
}

fn characters(definition: &Value) -> usize {
    let own = ["name", "description", "value"]
        .iter()
        .filter_map(|key| definition[*key].as_str());
    let own: usize = own.map(|text| text.chars().count()).sum();
    let inner = ["options", "choices"]
        .iter()
        .filter_map(|key| definition.get(*key)?.as_array());
    own + inner.flatten().map(characters).sum::<usize>()
}
