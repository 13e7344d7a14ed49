//! What people say: words, files, stickers, polls, forwards.

use axum::body::Bytes;
use axum::extract::State;
use axum::response::Response;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use http::StatusCode;
use proto::id::{ChannelId, MessageId, UserId};
use serde::Deserialize;
use serde_json::{Value, json};

use super::place::{Place, Spot};
use super::{Outcome, Wrong, answer, ids, parse};
use crate::sandbox::Sandbox;
use crate::sandbox::rest::{self, FILE_BYTES, FILES, STICKERS, named_users};
use crate::sandbox::shape;
use crate::sandbox::world::World;
use crate::sandbox::world::files::NewFile;
use crate::sandbox::world::messages::{
    Attachment, Draft, Extras, FLAG_FORWARD, KIND_DEFAULT, KIND_REPLY, Text,
};
use crate::sandbox::world::rights::MENTION_EVERYONE;
use crate::sandbox::world::speech::Silence;

/// Longest message of a person: with a paid plan.
const CONTENT_CHARACTERS: usize = 4_000;

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
    /// Names or ids of stickers.
    #[serde(default)]
    stickers: Vec<String>,
    forward: Option<Forward>,
    /// As bots send it.
    poll: Option<Value>,
    /// What Discord would make of the links.
    #[serde(default)]
    embeds: Vec<Value>,
}

/// A message that is shown again elsewhere.
#[derive(Deserialize)]
struct Forward {
    #[serde(deserialize_with = "ids::one")]
    channel_id: ChannelId,
    #[serde(deserialize_with = "ids::one")]
    message_id: MessageId,
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

impl Saying {
    fn is_bare(&self) -> bool {
        self.attachments.is_empty()
            && self.stickers.is_empty()
            && self.poll.is_none()
            && self.embeds.is_empty()
    }
}

/// Says something as a person.
pub(super) async fn say(State(sandbox): State<Sandbox>, body: Bytes) -> Response {
    answer(parse(&body).and_then(|saying| sandbox.with(|world| speak(world, &sandbox, saying))))
}

fn speak(world: &mut World, sandbox: &Sandbox, mut saying: Saying) -> Outcome {
    let spot = saying.place.find(world)?;
    if let Some(silence) = world.silence(spot.channel, spot.user) {
        return Err(silence.into());
    }
    let files = std::mem::take(&mut saying.attachments);
    let mut draft = match saying.forward {
        Some(ref forward) if saying.is_bare() && saying.content.is_empty() && files.is_empty() => {
            forwarded(world, spot, forward)?
        }
        Some(_) => return Err(Wrong::bad("a forward has nothing of its own")),
        None => said(world, spot, saying, files.is_empty())?,
    };
    if files.len() > FILES {
        return Err(Wrong::bad(format!("a message has at most {FILES} files")));
    }
    let files = files.into_iter();
    let files = files.map(|file| keep(world, sandbox, spot.channel, file));
    draft.attachments = files.collect::<Result<_, _>>()?;
    let id = world.say(spot.channel, spot.user, draft);
    Ok(json!({
        "id": id.to_string(), "channel_id": spot.channel.to_string(),
        "guild_id": spot.guild.map(|guild| guild.to_string()), "author_id": spot.user.to_string(),
    }))
}

fn said(world: &World, spot: Spot, saying: Saying, has_no_file: bool) -> Result<Draft, Wrong> {
    let mut content = saying.content.trim().to_owned();
    let bot = world.bot();
    if saying.address && !named_users(world, &content).contains(&bot) {
        content = format!("<@{bot}> {content}");
    }
    check(&content, has_no_file && saying.is_bare())?;
    let replied = saying.reply_to.map(|id| {
        let replied = world.message(spot.channel, id);
        replied.ok_or_else(|| Wrong::absent("message"))
    });
    let replied = replied.transpose()?.map(|message| message.author);
    let mut text = text(world, spot, content, replied.filter(|_| saying.ping));
    text.embeds = saying.embeds;
    rest::complete_embeds(&mut text.embeds)?;
    let kind = if saying.reply_to.is_some() {
        KIND_REPLY
    } else {
        KIND_DEFAULT
    };
    Ok(Draft {
        kind,
        text,
        reference: saying.reply_to,
        extras: Extras {
            poll: rest::read_poll(&json!({"poll": saying.poll}))?,
            stickers: stickers(world, spot, &saying.stickers)?,
            snapshots: Vec::new(),
        },
        ..Draft::default()
    })
}

fn forwarded(world: &World, spot: Spot, forward: &Forward) -> Result<Draft, Wrong> {
    let from = Some(forward.channel_id).filter(|&from| world.may_see(from, spot.user));
    let said = from.and_then(|from| world.message(from, forward.message_id));
    let said = said.filter(|said| !said.is_ephemeral());
    let said = said.ok_or_else(|| Wrong::absent("message"))?;
    Ok(Draft {
        flags: FLAG_FORWARD,
        reference: Some(said.id),
        from,
        extras: Extras {
            snapshots: vec![json!({"message": shape::snapshot(world, said)})],
            ..Extras::default()
        },
        ..Draft::default()
    })
}

/// Finds stickers by name or id, those of the server first.
fn stickers(world: &World, spot: Spot, wanted: &[String]) -> Result<Vec<Value>, Wrong> {
    if wanted.len() > STICKERS {
        return Err(Wrong::bad(format!(
            "a message has at most {STICKERS} stickers"
        )));
    }
    let home = spot.guild.and_then(|guild| world.places.guilds.get(&guild));
    let guilds = home.into_iter().chain(world.places.guilds.values());
    let known: Vec<_> = guilds.flat_map(|guild| &guild.stickers).collect();
    let find = |wanted: &String| {
        let mut known = known.iter();
        let found = known.find(|(id, name)| *name == wanted || id.to_string() == *wanted);
        let found = found.map(|(id, name)| shape::sticker_item(**id, name));
        found.ok_or_else(|| Wrong::absent("sticker"))
    };
    wanted.iter().map(find).collect()
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

/// A form that is wrong is wrong for people too.
impl From<rest::Refusal> for Wrong {
    fn from(refusal: rest::Refusal) -> Self {
        Self::bad(refusal.to_string())
    }
}

/// Refuses nothing at all, and too much.
pub(super) fn check(content: &str, has_nothing_else: bool) -> Result<(), Wrong> {
    if content.is_empty() && has_nothing_else {
        return Err(Wrong::bad("an empty message cannot be sent"));
    }
    if content.chars().count() > CONTENT_CHARACTERS {
        return Err(Wrong::bad(format!(
            "a message has at most {CONTENT_CHARACTERS} characters"
        )));
    }
    Ok(())
}

/// The words of a person, and whom they ping.
pub(super) fn text(world: &World, spot: Spot, content: String, replied: Option<UserId>) -> Text {
    let mut mentions = named_users(world, &content);
    mentions.extend(replied.filter(|user| !mentions.contains(user)));
    let may_ping_all = world.permissions(spot.channel, spot.user) & MENTION_EVERYONE != 0;
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
    if bytes.len() > FILE_BYTES {
        let reason = format!("attachment {}: larger than {FILE_BYTES} bytes", file.name);
        return Err(Wrong(StatusCode::PAYLOAD_TOO_LARGE, reason));
    }
    let file = NewFile {
        name: file.name,
        content_type: file.content_type,
        bytes: bytes.into(),
        description: None,
    };
    Ok(world.keep_file(&sandbox.files_url(), channel, file))
}
