//! A message as one line of history: what is attached in brackets, mentions as Discord writes them.
//!
//! Events and REST answers come in different shapes and must read the same.

use proto::event;
use proto::id::{MessageId, UserId};
use twilight_model::channel::Message;
use twilight_model::channel::message::Mention;

use super::history::Line;

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
    if message.snapshot_origin.is_some() {
        text.forwarded();
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
    if !message.message_snapshots.is_empty() {
        text.forwarded();
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
    }
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
        self.add(&format!("[{kind}: {what}]"));
    }

    fn forwarded(&mut self) {
        self.add("[forwarded message]");
    }

    fn add(&mut self, note: &str) {
        if !self.0.is_empty() {
            self.0.push('\n');
        }
        self.0.push_str(note);
    }
}

#[cfg(test)]
mod tests {
    use proto::event::{Attachment, Author, Mention, Message};

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
}
