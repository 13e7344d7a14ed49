//! `interact_with_recent_message`: reacts to a message of the conversation, or replies to it.
//!
//! A reaction that is there already is no second one; a reply carries a nonce.

use discord::{NewMessage, Wanted};
use proto::id::{ChannelId, MessageId};
use serde::Deserialize;
use serde_json::{Value, json};

use super::Outcome;
use super::handles::MOST_REFS;

/// Discord's longest message.
const REPLY_MOST_CHARACTERS: usize = 2_000;

/// The longest emoji, a family or a flag of a region, has some 35 bytes.
const EMOJI_MOST_BYTES: usize = 64;

const DESCRIPTION: &str = "Reacts to one of the last messages with an emoji, or replies to it in \
    particular. Messages are named from the newest: ref_1 is the message that you are answering, \
    ref_2 the one before it, and so on. What you say without this tool needs no reply.";

pub(super) fn offer() -> (&'static str, Value) {
    let schema = json!({
        "type": "object",
        "properties": {
            "message": {"type": "string", "description": format!("ref_1 to ref_{MOST_REFS}.")},
            "reaction": {"type": "string", "description": "One Unicode emoji. Not with a reply."},
            "reply": {"type": "string", "description": "What to reply. Not with a reaction."},
        },
        "required": ["message"],
    });
    (DESCRIPTION, schema)
}

/// What the model gives.
#[derive(Deserialize)]
pub(super) struct Arguments {
    /// The handle of a message.
    pub(super) message: String,
    reaction: Option<String>,
    reply: Option<String>,
}

/// What to do with the message.
pub(super) enum Deed {
    React(String),
    Reply(String),
}

impl Arguments {
    /// Returns what is to be done: exactly one of both.
    pub(super) fn deed(self) -> Option<Deed> {
        let filled = |text: Option<String>| text.filter(|text| !text.trim().is_empty());
        match (filled(self.reaction), filled(self.reply)) {
            (Some(emoji), None) => is_emoji(emoji.trim()).then(|| Deed::React(emoji.trim().into())),
            (None, Some(text)) => {
                let fits = text.chars().count() <= REPLY_MOST_CHARACTERS;
                fits.then_some(Deed::Reply(text))
            }
            (None, None) | (Some(_), Some(_)) => None,
        }
    }
}

/// Tells whether it may be a Unicode emoji; Discord knows which there are. One of a server would
/// have to be named by its id.
fn is_emoji(text: &str) -> bool {
    text.len() <= EMOJI_MOST_BYTES
        && !text
            .chars()
            .any(|letter| letter.is_alphabetic() || letter.is_whitespace())
        && !text.is_ascii()
}

/// A reply to one message.
#[derive(Clone, Copy)]
pub(super) struct NewReply<'a> {
    pub(super) to: MessageId,
    pub(super) text: &'a str,
    pub(super) nonce: u64,
}

pub(super) async fn react(
    discord: &discord::Client,
    message: (ChannelId, MessageId),
    emoji: &str,
    wanted: Wanted<'_>,
) -> Result<Outcome, discord::Error> {
    discord.add_reaction(message, emoji, wanted).await?;
    Ok(Outcome::Reacted)
}

pub(super) async fn reply(
    discord: &discord::Client,
    channel: ChannelId,
    reply: NewReply<'_>,
    wanted: Wanted<'_>,
) -> Result<Outcome, discord::Error> {
    let message = NewMessage {
        content: reply.text.to_owned(),
        nonce: Some(reply.nonce),
        reply_to: Some(reply.to),
        mention_users: Vec::new(),
        components: Vec::new(),
        files: Vec::new(),
        deadline: wanted.until,
    };
    let sent = discord.create_message_while(channel, &message, None, wanted.may_send);
    Ok(Outcome::Replied(sent.await?.id))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_looks_like_an_emoji_is_one() {
        for emoji in ["👍", "❤️", "👨‍👩‍👧‍👦", "🇯🇵", "1️⃣", "🏴󠁧󠁢󠁥󠁮󠁧󠁿"]
        {
            assert!(is_emoji(emoji), "{emoji}");
        }
        for other in [
            "ok",
            "",
            ":thumbsup:",
            "tomori:123456789",
            "<:a:123>",
            "👍 👍",
            "あ",
        ] {
            assert!(!is_emoji(other), "{other}");
        }
    }

    #[test]
    fn one_thing_is_done_at_a_time() {
        let deed = |arguments: Value| {
            let given: Arguments = serde_json::from_value(arguments).unwrap();
            given.deed()
        };
        assert!(matches!(
            deed(json!({"message": "ref_1", "reaction": " 👍 ", "reply": ""})),
            Some(Deed::React(emoji)) if emoji == "👍"
        ));
        assert!(matches!(
            deed(json!({"message": "ref_1", "reply": "yes"})),
            Some(Deed::Reply(text)) if text == "yes"
        ));
        let both = json!({"message": "ref_1", "reaction": "👍", "reply": "yes"});
        assert!(deed(both).is_none());
        assert!(deed(json!({"message": "ref_1"})).is_none());
        assert!(deed(json!({"message": "ref_1", "reply": "x".repeat(2_001)})).is_none());
    }
}
