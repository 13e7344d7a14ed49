//! What the bot's message bodies mean, and what is wrong with them.

use proto::id::UserId;
use serde_json::Value;

use super::{Refusal, components, embeds, read};
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
    let mut embeds = list(body, "embeds", before.embeds, EMBEDS)?;
    embeds::complete(&mut embeds)?;
    let mut components = list(body, "components", before.components, COMPONENTS)?;
    components::complete(&mut components);
    let allowed = Allowed::parse(body.get("allowed_mentions"))?;
    let mentions = allowed.users(world, &content, replied_to);
    let names_everyone = content.contains("@everyone") || content.contains("@here");
    let mention_everyone = names_everyone && allowed.everyone;
    let mention_roles = allowed.roles(world, &content);
    Ok(Text {
        content,
        embeds,
        components,
        mentions,
        mention_roles,
        mention_everyone,
    })
}

/// Refuses a message without anything in it, and mixtures that the newer components forbid.
pub(crate) fn check(text: &Text, flags: u64, has_more: bool) -> Result<(), Refusal> {
    let has_older_parts = !text.content.is_empty() || !text.embeds.is_empty();
    let is_new = flags & FLAG_COMPONENTS_V2 != 0;
    components::check(&text.components, is_new)?;
    if is_new && has_older_parts {
        let message = "The 'content' field cannot be used when using MessageFlags.IS_COMPONENTS_V2";
        let code = "MESSAGE_CANNOT_USE_LEGACY_FIELDS_WITH_COMPONENTS_V2";
        return Err(Refusal::form("content", code, message));
    }
    let has_text = !text.content.is_empty() || !text.embeds.is_empty();
    if !has_text && text.components.is_empty() && !has_more {
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
#[expect(
    clippy::struct_excessive_bools,
    reason = "Discord's switches, as they are"
)]
struct Allowed {
    everyone: bool,
    all_users: bool,
    all_roles: bool,
    users: Vec<u64>,
    roles: Vec<u64>,
    replied_user: bool,
}

impl Allowed {
    fn parse(value: Option<&Value>) -> Result<Self, Refusal> {
        let Some(value) = value.filter(|value| value.is_object()) else {
            return Ok(Self {
                everyone: true,
                all_users: true,
                all_roles: true,
                users: Vec::new(),
                roles: Vec::new(),
                replied_user: true,
            });
        };
        let kinds = value.get("parse").and_then(Value::as_array);
        let parses = |kind: &str| kind_is_named(kinds, kind);
        let ids = |key: &str| read::ids(value, key).unwrap_or_default();
        let allowed = Self {
            everyone: parses("everyone"),
            all_users: parses("users"),
            all_roles: parses("roles"),
            users: ids("users"),
            roles: ids("roles"),
            replied_user: read::flag(value, "replied_user").unwrap_or_default(),
        };
        for (all, named, kind) in [
            (allowed.all_users, &allowed.users, "users"),
            (allowed.all_roles, &allowed.roles, "roles"),
        ] {
            if all && !named.is_empty() {
                let message =
                    format!("parse:[\"{kind}\"] and {kind}: [ids...] are mutually exclusive.");
                return Err(Refusal::form(
                    "allowed_mentions",
                    "MESSAGE_ALLOWED_MENTIONS_PARSE_EXCLUSIVE",
                    &message,
                ));
            }
        }
        Ok(allowed)
    }

    fn roles(&self, world: &World, content: &str) -> Vec<u64> {
        let mut named = named_roles(world, content);
        named.retain(|role| self.all_roles || self.roles.contains(role));
        named
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

fn kind_is_named(kinds: Option<&Vec<Value>>, kind: &str) -> bool {
    kinds
        .into_iter()
        .flatten()
        .any(|name| name.as_str() == Some(kind))
}

/// Returns the roles whose mentions stand in a text, each once.
pub(crate) fn named_roles(world: &World, content: &str) -> Vec<u64> {
    let mut roles = Vec::new();
    for part in content.split("<@&").skip(1) {
        let id = part.split_once('>').and_then(|(id, _)| id.parse().ok());
        let is_known = |id: &u64| {
            world
                .places
                .guilds
                .values()
                .any(|guild| guild.roles.contains_key(id))
        };
        roles.extend(id.filter(|id| is_known(id) && !roles.contains(id)));
    }
    roles
}
