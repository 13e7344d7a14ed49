//! The bot's own account, its commands, and where the gateway is.

use serde_json::{Value, json};

use super::{Answer, Call, Outcome, Refusal};
use crate::sandbox::{clock, shape};

/// Commands of type chat input that an application may have.
const COMMANDS: usize = 110;

/// Says where the gateway is, how many shards are advised and how many identifies are left.
pub(crate) fn gateway_bot(call: &Call<'_>) -> Answer {
    let settings = &call.world.settings;
    let (remaining, reset_after_ms) = call.world.starts.left(settings, clock::now_ms());
    Answer::Json(json!({
        "url": call.sandbox.gateway_url(), "shards": settings.shards,
        "session_start_limit": {
            "total": settings.session_starts, "remaining": remaining,
            "reset_after": reset_after_ms, "max_concurrency": settings.max_concurrency,
        },
    }))
}

/// Says where the gateway is.
pub(crate) fn gateway(call: &Call<'_>) -> Answer {
    Answer::Json(json!({"url": call.sandbox.gateway_url()}))
}

/// Gives the bot's user.
pub(crate) fn current_user(call: &Call<'_>) -> Answer {
    Answer::Json(shape::current_user(call.world))
}

/// Gives the bot's application.
pub(crate) fn current_application(call: &Call<'_>) -> Answer {
    Answer::Json(shape::application(call.world))
}

/// Lists commands.
pub(crate) fn commands(call: &Call<'_>, guild: Option<u64>) -> Answer {
    let commands = call.world.commands.get(&guild).cloned().unwrap_or_default();
    Answer::Json(commands.into())
}

/// Replaces all commands; those that keep their name keep their id.
pub(crate) fn set_commands(call: Call<'_>, guild: Option<u64>) -> Outcome {
    let Call { world, body, .. } = call;
    let Value::Array(given) = body else {
        return Err(Refusal::form(
            "commands",
            "LIST_TYPE_CONVERT",
            "Only iterables may be used.",
        ));
    };
    if given.len() > COMMANDS {
        let message = format!("Must be {COMMANDS} or fewer in length.");
        return Err(Refusal::form("commands", "BASE_TYPE_MAX_LENGTH", &message));
    }
    let before = world.commands.remove(&guild).unwrap_or_default();
    let mut commands = Vec::with_capacity(given.len());
    for mut command in given {
        let kind = command.get("type").and_then(Value::as_u64).unwrap_or(1);
        check(&command, kind)?;
        let name = command.get("name").cloned();
        let same = |known: &&Value| known.get("name") == name.as_ref() && known["type"] == kind;
        let known = before
            .iter()
            .find(same)
            .and_then(|known| known.get("id").cloned());
        let id = known.unwrap_or_else(|| world.next_id().to_string().into());
        complete(&mut command, kind, id, world.application().to_string());
        if let Some(guild) = guild {
            shape::set(&mut command, "guild_id", guild.to_string().into());
        }
        commands.push(command);
    }
    world.commands.insert(guild, commands.clone());
    Ok(Answer::Json(commands.into()))
}

fn check(command: &Value, kind: u64) -> Result<(), Refusal> {
    let name = command
        .get("name")
        .and_then(Value::as_str)
        .unwrap_or_default();
    if !(1..=32).contains(&name.chars().count()) {
        let message = "Must be between 1 and 32 in length.";
        return Err(Refusal::form("name", "BASE_TYPE_BAD_LENGTH", message));
    }
    let is_chat = kind == 1;
    if is_chat
        && name
            .chars()
            .any(|letter| letter.is_whitespace() || letter.is_uppercase())
    {
        let message = "Command name is invalid";
        return Err(Refusal::form(
            "name",
            "APPLICATION_COMMAND_INVALID_NAME",
            message,
        ));
    }
    let description = command
        .get("description")
        .and_then(Value::as_str)
        .unwrap_or_default();
    if is_chat && !(1..=100).contains(&description.chars().count()) {
        let message = "Must be between 1 and 100 in length.";
        return Err(Refusal::form(
            "description",
            "BASE_TYPE_BAD_LENGTH",
            message,
        ));
    }
    Ok(())
}

/// Adds what Discord fills in.
fn complete(command: &mut Value, kind: u64, id: Value, application: String) {
    shape::set(command, "version", id.clone());
    shape::set(command, "id", id);
    shape::set(command, "application_id", application.into());
    for (key, value) in [
        ("type", json!(kind)),
        ("description", json!("")),
        ("default_member_permissions", Value::Null),
        ("nsfw", json!(false)),
        ("integration_types", json!([0])),
        ("contexts", Value::Null),
    ] {
        if command.get(key).is_none() {
            shape::set(command, key, value);
        }
    }
}
