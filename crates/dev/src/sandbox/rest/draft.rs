//! What the bot's message bodies mean, and what is wrong with them.

use proto::id::{MessageId, UserId};
use serde_json::Value;

use super::{Refusal, components};
use crate::sandbox::world::World;
use crate::sandbox::world::messages::{FLAG_COMPONENTS_V2, Text};

/// Longest content, in characters (Discord message page, 2026-11).
pub(crate) const CONTENT_CHARACTERS: usize = 2_000;
/// Longest nonce, in characters.
const NONCE_CHARACTERS: usize = 25;
const EMBEDS: usize = 10;
/// Rows of the older kind of components; the newer kind counts 40 components in all.
const COMPONENTS: usize = 40;

/// Reads content, embeds and components of a body; what it does not name is kept from `before`.
///
/// `replied_to` is pinged unless the body forbids it.
pub(crate) fn text(
    world: &World,
    body: &Value,
    before: Text,
    replied_to: Option<UserId>,
) -> Result<Text, Refusal> {
    let content = match body.get("content") {
        None => before.content,
        Some(Value::Null) => String::new(),
        Some(Value::String(content)) => content.trim().to_owned(),
        Some(Value::Number(content)) => content.to_string(),
        Some(_) => return Err(wrong_type("content", "string")),
    };
    if content.chars().count() > CONTENT_CHARACTERS {
        let message = format!("Must be {CONTENT_CHARACTERS} or fewer in length.");
        return Err(Refusal::form("content", "BASE_TYPE_MAX_LENGTH", &message));
    }
    let embeds = list(body, "embeds", before.embeds, EMBEDS)?;
    let mut components = list(body, "components", before.components, COMPONENTS)?;
    components::complete(&mut components);
    let allowed = Allowed::parse(body.get("allowed_mentions"));
    let mentions = allowed.users(world, &content, replied_to);
    let names_everyone = content.contains("@everyone") || content.contains("@here");
    let mention_everyone = names_everyone && allowed.everyone;
    Ok(Text {
        content,
        embeds,
        components,
        mentions,
        mention_everyone,
    })
}

/// Refuses a message without anything in it, and mixtures that the newer components forbid.
pub(crate) fn check(text: &Text, flags: u64) -> Result<(), Refusal> {
    let has_older_parts = !text.content.is_empty() || !text.embeds.is_empty();
    if flags & FLAG_COMPONENTS_V2 != 0 && has_older_parts {
        let message = "The 'content' field cannot be used when using MessageFlags.IS_COMPONENTS_V2";
        let code = "MESSAGE_CANNOT_USE_LEGACY_FIELDS_WITH_COMPONENTS_V2";
        return Err(Refusal::form("content", code, message));
    }
    if text.content.is_empty() && text.embeds.is_empty() && text.components.is_empty() {
        return Err(Refusal::EMPTY);
    }
    Ok(())
}

/// Reads the nonce, a number or a short text.
pub(crate) fn nonce(body: &Value) -> Result<Option<Value>, Refusal> {
    match body.get("nonce") {
        None | Some(Value::Null) => Ok(None),
        Some(nonce @ Value::Number(number)) if number.is_i64() || number.is_u64() => {
            Ok(Some(nonce.clone()))
        }
        Some(nonce @ Value::String(text)) if text.chars().count() <= NONCE_CHARACTERS => {
            Ok(Some(nonce.clone()))
        }
        Some(Value::String(_)) => {
            let message = format!("Must be {NONCE_CHARACTERS} or fewer in length.");
            Err(Refusal::form("nonce", "NONCE_TYPE_TOO_LONG", &message))
        }
        Some(_) => Err(wrong_type("nonce", "integer or string")),
    }
}

/// Reads the message that is answered, and whether its absence is an error.
pub(crate) fn reference(body: &Value) -> Option<(MessageId, bool)> {
    let reference = body.get("message_reference")?;
    let id = reference.get("message_id")?;
    let id = id
        .as_str()
        .and_then(|id| id.parse().ok())
        .or_else(|| id.as_u64())?;
    let must_exist = reference
        .get("fail_if_not_exists")
        .and_then(Value::as_bool)
        .unwrap_or(true);
    Some((MessageId(id), must_exist))
}

fn wrong_type(field: &str, expected: &str) -> Refusal {
    Refusal::form(
        field,
        "BASE_TYPE_BAD_TYPE",
        &format!("Must be a {expected}."),
    )
}

fn list(body: &Value, field: &str, before: Vec<Value>, most: usize) -> Result<Vec<Value>, Refusal> {
    match body.get(field) {
        None => Ok(before),
        Some(Value::Null) => Ok(Vec::new()),
        Some(Value::Array(values)) if values.len() <= most => Ok(values.clone()),
        Some(Value::Array(_)) => {
            let message = format!("Must be {most} or fewer in length.");
            Err(Refusal::form(field, "BASE_TYPE_MAX_LENGTH", &message))
        }
        Some(_) => Err(Refusal::form(
            field,
            "LIST_TYPE_CONVERT",
            "Only iterables may be used.",
        )),
    }
}

/// Whom a message may ping; without a word about it, everybody it names.
struct Allowed {
    everyone: bool,
    all_users: bool,
    users: Vec<u64>,
    replied_user: bool,
}

impl Allowed {
    fn parse(value: Option<&Value>) -> Self {
        let Some(value) = value.filter(|value| value.is_object()) else {
            return Self {
                everyone: true,
                all_users: true,
                users: Vec::new(),
                replied_user: true,
            };
        };
        let names = |key: &str| {
            value
                .get(key)
                .and_then(Value::as_array)
                .into_iter()
                .flatten()
        };
        let parses = |kind: &str| names("parse").any(|name| name.as_str() == Some(kind));
        let users = names("users")
            .filter_map(|id| id.as_str()?.parse().ok())
            .collect();
        let replied_user = value
            .get("replied_user")
            .and_then(Value::as_bool)
            .unwrap_or_default();
        Self {
            everyone: parses("everyone"),
            all_users: parses("users"),
            users,
            replied_user,
        }
    }

    fn users(&self, world: &World, content: &str, replied_to: Option<UserId>) -> Vec<UserId> {
        let mut mentioned = named_users(world, content);
        mentioned.retain(|user| self.all_users || self.users.contains(&user.0));
        let replied_to = replied_to.filter(|_| self.replied_user);
        mentioned.extend(replied_to.filter(|user| !mentioned.contains(user)));
        mentioned
    }
}

/// Returns the users whose mentions stand in a text, each once.
pub(crate) fn named_users(world: &World, content: &str) -> Vec<UserId> {
    let mut users = Vec::new();
    for part in content.split("<@").skip(1) {
        let id = part
            .split_once('>')
            .map(|(id, _)| id.trim_start_matches('!'));
        let id = id.and_then(|id| id.parse().ok()).map(UserId);
        let known = id.filter(|&id| world.people.get(id).is_some() && !users.contains(&id));
        users.extend(known);
    }
    users
}
