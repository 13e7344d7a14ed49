//! A message as one line of history: mentions by name, what is attached in brackets.
//!
//! Events and REST answers come in different shapes and must read the same.

use proto::event;
use proto::id::{MessageId, UserId};
use twilight_model::channel::Message;

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
    for mention in &message.mentions {
        text.mention(mention.user_id, &mention.display_name);
    }
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
    for mention in &message.mentions {
        let nick = mention.member.as_ref().and_then(|m| m.nick.as_deref());
        text.mention(mention.id.get(), nick.unwrap_or(&mention.name));
    }
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
        is_own: author.id.get() == bot.0,
    }
}

struct Text(String);

impl Text {
    fn new(content: &str) -> Self {
        Self(content.to_owned())
    }

    fn mention(&mut self, user: u64, name: &str) {
        let name = if name.is_empty() { "someone" } else { name };
        for form in [format!("<@{user}>"), format!("<@!{user}>")] {
            self.0 = self.0.replace(&form, &format!("@{name}"));
        }
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
    fn mentions_are_read_by_name_and_attachments_are_named() {
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
        assert_eq!(
            line.text,
            "hi @Tomori and @Tomori, @someone\n[attached: cat.png]"
        );
        assert_eq!(line.name, "tomori");
        assert!(line.is_own);
    }
}
