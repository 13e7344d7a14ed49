//! A message as one line of history: what is attached in brackets, mentions as Discord writes them.
//!
//! Events and REST answers come in different shapes and must read the same.

use proto::event;
use proto::id::{ChannelId, MessageId, UserId};
use twilight_model::channel::Message;
use twilight_model::channel::message::{Mention, MessageReference, MessageReferenceType};
use twilight_model::id::Id;

use super::history::{Forwarded, Line};

/// Discord's own note that a thread was started; in the name of whoever started it (its message
/// page, 2026-11).
const THREAD_CREATED: u32 = 18;

/// Tells whether somebody said it: the note about a thread is nobody's words.
pub(crate) const fn is_said(kind: u32) -> bool {
    kind != THREAD_CREATED
}

/// Reads a message as the gateway published it.
pub(crate) fn of_event(message: &event::Message, bot: UserId) -> Line {
    let author = message.author.clone().unwrap_or_default();
    let name = if author.display_name.is_empty() {
        author.username
    } else {
        author.display_name
    };
    let mut text = Text::new(&message.content);
    for file in &message.attachments {
        text.note("attached", &file.filename);
    }
    for sticker in &message.stickers {
        text.note("sticker", &sticker.name);
    }
    if let Some(poll) = &message.poll {
        text.note("poll", &poll.question);
    }
    Line {
        id: MessageId(message.message_id),
        author: UserId(author.user_id),
        name,
        text: text.0,
        mentions: message
            .mentions
            .iter()
            .map(|mention| (UserId(mention.user_id), mention.display_name.clone()))
            .collect(),
        is_own: author.user_id == bot.0,
        forwarded: message.snapshot_origin.map(|origin| Forwarded {
            channel: ChannelId(origin.channel_id),
            message: MessageId(origin.message_id),
            original: None,
        }),
    }
}

/// Reads a message as Discord's REST API returned it.
pub(crate) fn of_rest(message: &Message, bot: UserId) -> Line {
    let author = &message.author;
    let nick = message
        .member
        .as_ref()
        .and_then(|member| member.nick.clone());
    let mut text = Text::new(&message.content);
    for file in &message.attachments {
        text.note("attached", &file.filename);
    }
    for sticker in &message.sticker_items {
        text.note("sticker", &sticker.name);
    }
    if let Some(poll) = &message.poll {
        text.note("poll", poll.question.text.as_deref().unwrap_or_default());
    }
    Line {
        id: MessageId(message.id.get()),
        author: UserId(author.id.get()),
        name: nick
            .or_else(|| author.global_name.clone())
            .unwrap_or_else(|| author.name.clone()),
        text: text.0,
        mentions: message.mentions.iter().map(mention).collect(),
        is_own: author.id.get() == bot.0,
        forwarded: message.reference.as_ref().and_then(forwarded),
    }
}

fn forwarded(reference: &MessageReference) -> Option<Forwarded> {
    let is_forward = reference.kind == MessageReferenceType::Forward;
    is_forward.then(|| Forwarded {
        channel: ChannelId(reference.channel_id.map_or(0, Id::get)),
        message: MessageId(reference.message_id.map_or(0, Id::get)),
        original: None,
    })
}

fn mention(mention: &Mention) -> (UserId, String) {
    let nick = mention.member.as_ref().and_then(|m| m.nick.as_deref());
    let name = nick.unwrap_or(&mention.name);
    (UserId(mention.id.get()), name.to_owned())
}

struct Text(String);

impl Text {
    fn new(content: &str) -> Self {
        Self(content.to_owned())
    }

    fn note(&mut self, kind: &str, what: &str) {
        if !self.0.is_empty() {
            self.0.push('\n');
        }
        self.0.extend(["[", kind, ": ", what, "]"]);
    }
}

#[cfg(test)]
mod tests {
    use proto::event::{Attachment, Author, Mention, Message, SnapshotOrigin};

    use super::*;

    #[test]
    fn mentions_keep_their_names_beside_the_text_and_attachments_are_named() {
        let message = Message {
            content: "hi <@9> and <@!9>, <@8>".to_owned(),
            mentions: vec![
                Mention {
                    user_id: 9,
                    display_name: "Tomori".to_owned(),
                },
                Mention {
                    user_id: 8,
                    display_name: String::new(),
                },
            ],
            attachments: vec![Attachment {
                filename: "cat.png".to_owned(),
                ..Attachment::default()
            }],
            author: Some(Author {
                user_id: 9,
                username: "tomori".to_owned(),
                ..Author::default()
            }),
            ..Message::default()
        };
        let line = of_event(&message, UserId(9));
        assert_eq!(line.text, "hi <@9> and <@!9>, <@8>\n[attached: cat.png]");
        let expected = [(9, "Tomori"), (8, "")].map(|(id, name)| (UserId(id), name.to_owned()));
        assert_eq!(line.mentions, expected);
        assert_eq!(line.name, "tomori");
        assert!(line.is_own);
    }

    /// PRIV-27
    #[test]
    fn forward_comes_with_where_its_original_is_and_without_words() {
        let message = Message {
            snapshot_origin: Some(SnapshotOrigin {
                message_id: 7,
                channel_id: 6,
                guild_id: 5,
            }),
            ..Message::default()
        };
        let line = of_event(&message, UserId(9));
        let forwarded = line.forwarded.unwrap();
        let origin = (forwarded.channel, forwarded.message);
        assert_eq!(origin, (ChannelId(6), MessageId(7)));
        assert!(line.text.is_empty() && forwarded.original.is_none());
    }
}
