//! What people say, change and delete; what was said.

use axum::body::Bytes;
use axum::extract::{Path, Query, State};
use axum::response::Response;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use http::StatusCode;
use proto::id::{ChannelId, MessageId};
use serde::Deserialize;
use serde_json::{Value, json};

use super::place::{Place, Spot};
use super::{Outcome, Wait, Wrong, answer, ids, parse};
use crate::sandbox::Sandbox;
use crate::sandbox::rest::named_users;
use crate::sandbox::shape;
use crate::sandbox::world::World;
use crate::sandbox::world::files::NewFile;
use crate::sandbox::world::messages::{Attachment, Draft, KIND_DEFAULT, KIND_REPLY, Message, Text};
use crate::sandbox::world::speech::Silence;

/// Longest message of a person: with a paid plan.
const CONTENT_CHARACTERS: usize = 4_000;
/// Messages that one call lists.
const PAGE: usize = 1_000;

/// Something that a person says.
#[derive(Deserialize)]
struct Saying {
    #[serde(flatten)]
    place: Place,
    #[serde(default)]
    content: String,
    /// Puts a mention of the bot in front, unless there is one.
    #[serde(default)]
    address: bool,
    #[serde(default, deserialize_with = "ids::optional")]
    reply_to: Option<MessageId>,
    /// A reply pings whom it answers, as the client's switch stands by default.
    #[serde(default = "yes")]
    ping: bool,
    #[serde(default)]
    attachments: Vec<File>,
}

/// A file that somebody hands over.
#[derive(Deserialize)]
pub(super) struct File {
    name: String,
    content_type: String,
    /// The bytes in base64.
    data: String,
}

fn yes() -> bool {
    true
}

/// Says something as a person.
pub(super) async fn say(State(sandbox): State<Sandbox>, body: Bytes) -> Response {
    answer(parse(&body).and_then(|saying| sandbox.with(|world| speak(world, &sandbox, saying))))
}

fn speak(world: &mut World, sandbox: &Sandbox, saying: Saying) -> Outcome {
    let spot = saying.place.find(world)?;
    if let Some(silence) = world.silence(spot.channel, spot.user) {
        return Err(silence.into());
    }
    let mut content = saying.content.trim().to_owned();
    let bot = world.bot();
    if saying.address && !named_users(world, &content).contains(&bot) {
        content = format!("<@{bot}> {content}");
    }
    check(&content, saying.attachments.is_empty())?;
    let replied = match saying.reply_to {
        Some(id) => Some(
            world
                .message(spot.channel, id)
                .ok_or_else(|| Wrong::absent("message"))?,
        ),
        None => None,
    };
    let replied = replied
        .map(|message| message.author)
        .filter(|_| saying.ping);
    let text = text(world, spot, content, replied);
    let attachments = saying.attachments.into_iter();
    let attachments = attachments.map(|file| keep(world, sandbox, spot.channel, file));
    let attachments = attachments.collect::<Result<_, _>>()?;
    let kind = if saying.reply_to.is_some() {
        KIND_REPLY
    } else {
        KIND_DEFAULT
    };
    let reference = saying.reply_to;
    let draft = Draft {
        kind,
        text,
        attachments,
        reference,
        ..Draft::default()
    };
    let id = world.say(spot.channel, spot.user, draft);
    Ok(json!({
        "id": id.to_string(), "channel_id": spot.channel.to_string(),
        "guild_id": spot.guild.map(|guild| guild.to_string()), "author_id": spot.user.to_string(),
    }))
}

/// A refusal with Discord's code, which its own client is given.
impl From<Silence> for Wrong {
    fn from(silence: Silence) -> Self {
        match silence {
            Silence::Locked => {
                let reason = "the thread is locked (160005)".to_owned();
                Self(StatusCode::FORBIDDEN, reason)
            }
            Silence::Slow { left_ms } => {
                let reason = format!("slow mode: speak again in {left_ms} ms (20016)");
                Self(StatusCode::TOO_MANY_REQUESTS, reason)
            }
        }
    }
}

fn check(content: &str, has_no_file: bool) -> Result<(), Wrong> {
    if content.is_empty() && has_no_file {
        return Err(Wrong::bad("an empty message cannot be sent"));
    }
    if content.chars().count() > CONTENT_CHARACTERS {
        return Err(Wrong::bad(format!(
            "a message has at most {CONTENT_CHARACTERS} characters"
        )));
    }
    Ok(())
}

fn text(world: &World, spot: Spot, content: String, replied: Option<proto::id::UserId>) -> Text {
    let mut mentions = named_users(world, &content);
    mentions.extend(replied.filter(|user| !mentions.contains(user)));
    let may_ping_all = world.permissions(spot.channel, spot.user) & 1 << 17 != 0;
    let names_all = content.contains("@everyone") || content.contains("@here");
    let mention_everyone = spot.guild.is_some() && may_ping_all && names_all;
    Text {
        content,
        mentions,
        mention_everyone,
        ..Text::default()
    }
}

/// Keeps a file for a channel.
pub(super) fn keep(
    world: &mut World,
    sandbox: &Sandbox,
    channel: ChannelId,
    file: File,
) -> Result<Attachment, Wrong> {
    let bytes = BASE64_STANDARD.decode(&file.data);
    let bytes = bytes.map_err(|error| Wrong::bad(format!("attachment {}: {error}", file.name)))?;
    let file = NewFile {
        name: file.name,
        content_type: file.content_type,
        bytes: bytes.into(),
        description: None,
    };
    Ok(world.keep_file(&sandbox.files_url(), channel, file))
}

/// Which messages are wanted: of a channel by id or by name, after one of them.
#[derive(Deserialize)]
pub(super) struct Wanted {
    #[serde(default, deserialize_with = "ids::optional")]
    channel_id: Option<ChannelId>,
    #[serde(flatten)]
    place: Names,
    #[serde(default, deserialize_with = "ids::optional")]
    after: Option<MessageId>,
    #[serde(default)]
    wait_ms: u64,
}

#[derive(Deserialize)]
struct Names {
    server: Option<String>,
    channel: Option<String>,
}

/// Lists messages of a channel, oldest first; waits until there is one.
pub(super) async fn list(State(sandbox): State<Sandbox>, Query(wanted): Query<Wanted>) -> Response {
    let Some(channel) = sandbox.peek(|world| channel(world, &wanted)) else {
        return answer(Err(Wrong::absent("channel")));
    };
    let from = wanted
        .after
        .map_or(MessageId(0), |after| MessageId(after.0.saturating_add(1)));
    let find = |world: &mut World| {
        let said = &world.places.channels.get(&channel)?.messages;
        let page: Vec<_> = said
            .range(from..)
            .take(PAGE)
            .map(|(_, said)| show(world, said))
            .collect();
        (!page.is_empty()).then_some(page)
    };
    let longest = Wait {
        wait_ms: wanted.wait_ms,
    }
    .longest();
    answer(Ok(sandbox
        .wait(longest, find)
        .await
        .unwrap_or_default()
        .into()))
}

fn channel(world: &mut World, wanted: &Wanted) -> Option<ChannelId> {
    let named = || {
        let place = json!({"server": wanted.place.server, "channel": wanted.place.channel});
        let place: Place = serde_json::from_value(place).ok()?;
        place.find(world).ok().map(|spot| spot.channel)
    };
    wanted.channel_id.or_else(named)
}

/// Shows a message as people see it.
pub(crate) fn show(world: &World, message: &Message) -> Value {
    let mut body = shape::message(world, message);
    shape::set_guild(&mut body, message.guild);
    body
}

/// Gives a message, wherever it was said.
pub(super) async fn get(State(sandbox): State<Sandbox>, Path(id): Path<u64>) -> Response {
    let found = sandbox.peek(|world| {
        let mut channels = world.places.channels.values();
        let message = channels.find_map(|channel| channel.messages.get(&MessageId(id)))?;
        Some(show(world, message))
    });
    answer(found.ok_or_else(|| Wrong::absent("message")))
}

#[derive(Deserialize)]
struct Change {
    content: String,
}

/// Changes a person's message.
pub(super) async fn edit(
    State(sandbox): State<Sandbox>,
    Path((channel, id)): Path<(u64, u64)>,
    body: Bytes,
) -> Response {
    answer(parse::<Change>(&body).and_then(|change| {
        let (channel, id) = (ChannelId(channel), MessageId(id));
        check(&change.content, true)?;
        sandbox.with(|world| {
            let message = world
                .message(channel, id)
                .ok_or_else(|| Wrong::absent("message"))?;
            let spot = Spot {
                user: message.author,
                channel,
                guild: message.guild,
            };
            let text = text(world, spot, change.content, None);
            world.edit(channel, id, text);
            Ok(json!({}))
        })
    }))
}

/// Deletes anybody's message.
pub(super) async fn delete(
    State(sandbox): State<Sandbox>,
    Path((channel, id)): Path<(u64, u64)>,
) -> Response {
    let is_gone = sandbox.with(|world| world.delete(ChannelId(channel), MessageId(id)));
    answer(if is_gone {
        Ok(json!({}))
    } else {
        Err(Wrong::absent("message"))
    })
}
