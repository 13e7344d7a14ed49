//! A message as one line of history: what is attached in brackets, unless it is a picture; mentions as
//! Discord writes them.
//!
//! Events and REST answers come in different shapes and must read the same.

use proto::event;
use proto::id::{ChannelId, MessageId, UserId};
use twilight_model::channel::Message;
use twilight_model::channel::message::{Mention, MessageReference, MessageReferenceType};
use twilight_model::id::Id;

use super::history::{Attached, Forwarded, Line, MOST_PICTURES, PicturePlace};

/// Discord's own note that a thread was started; in the name of whoever started it (its message
/// page, 2026-11).
const THREAD_CREATED: u32 = 18;

/// Formats of stickers that are pictures (Discord's sticker page, 2026-11).
const STICKER_PNG: u32 = 1;
const STICKER_APNG: u32 = 2;
const STICKER_GIF: u32 = 4;

/// Longer addresses are none of Discord's.
const URL_MAX_BYTES: usize = 1024;

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
    let mut said = Said::new(&message.content);
    for file in &message.attachments {
        said.attach(
            &file.filename,
            &file.content_type,
            &file.url,
            file.size_bytes,
        );
    }
    for sticker in &message.stickers {
        said.stick(sticker.sticker_id, &sticker.name, sticker.format);
    }
    if let Some(poll) = &message.poll {
        said.note("poll", &poll.question);
    }
    Line {
        id: MessageId(message.message_id),
        author: UserId(author.user_id),
        name,
        text: said.text,
        pictures: said.pictures,
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
    let mut said = Said::new(&message.content);
    for file in &message.attachments {
        let declared = file.content_type.as_deref().unwrap_or_default();
        said.attach(&file.filename, declared, &file.url, file.size);
    }
    for sticker in &message.sticker_items {
        let format = u8::from(sticker.format_type).into();
        said.stick(sticker.id.get(), &sticker.name, format);
    }
    if let Some(poll) = &message.poll {
        said.note("poll", poll.question.text.as_deref().unwrap_or_default());
    }
    Line {
        id: MessageId(message.id.get()),
        author: UserId(author.id.get()),
        name: nick
            .or_else(|| author.global_name.clone())
            .unwrap_or_else(|| author.name.clone()),
        text: said.text,
        pictures: said.pictures,
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

/// What a message says and shows.
struct Said {
    text: String,
    pictures: Vec<Attached>,
}

impl Said {
    fn new(content: &str) -> Self {
        Self {
            text: content.to_owned(),
            pictures: Vec::new(),
        }
    }

    fn note(&mut self, kind: &str, what: &str) {
        if !self.text.is_empty() {
            self.text.push('\n');
        }
        self.text.extend(["[", kind, ": ", what, "]"]);
    }

    /// A file that is said to be a picture; others are named.
    fn attach(&mut self, name: &str, declared: &str, url: &str, size_bytes: u64) {
        match is_gif(name, declared) {
            Some(is_gif) if url.len() <= URL_MAX_BYTES => {
                let url = url.to_owned();
                self.show(
                    "attached",
                    Attached {
                        name: name.to_owned(),
                        place: PicturePlace::File { url, is_gif },
                        size_bytes: Some(size_bytes),
                    },
                );
            }
            _ => self.note("attached", name),
        }
    }

    /// A sticker that is a picture; others move by a program of their own, and are named.
    fn stick(&mut self, id: u64, name: &str, format: u32) {
        let is_gif = match format {
            STICKER_PNG | STICKER_APNG => false,
            STICKER_GIF => true,
            _ => return self.note("sticker", name),
        };
        self.show(
            "sticker",
            Attached {
                name: name.to_owned(),
                place: PicturePlace::Sticker { id, is_gif },
                size_bytes: None,
            },
        );
    }

    fn show(&mut self, kind: &str, picture: Attached) {
        if self.pictures.len() < MOST_PICTURES {
            self.pictures.push(picture);
        } else {
            self.note(kind, &picture.name);
        }
    }
}

/// Tells whether a file is said to be a GIF, and `None` where it is said to be no picture that
/// models are shown. A type that is not told is taken from the name.
fn is_gif(name: &str, declared: &str) -> Option<bool> {
    let ending = || name.rsplit_once('.').map_or("", |(_, ending)| ending);
    let said = declared.split(';').next().unwrap_or_default().trim();
    let said = if said.is_empty() { ending() } else { said };
    match said.to_ascii_lowercase().as_str() {
        "image/gif" | "gif" => Some(true),
        "image/png" | "image/jpeg" | "image/webp" | "png" | "jpg" | "jpeg" | "webp" => Some(false),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use proto::event::{Attachment, Author, Mention, Message, SnapshotOrigin, Sticker};

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
                filename: "cat.txt".to_owned(),
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
        assert_eq!(line.text, "hi <@9> and <@!9>, <@8>\n[attached: cat.txt]");
        let expected = [(9, "Tomori"), (8, "")].map(|(id, name)| (UserId(id), name.to_owned()));
        assert_eq!(line.mentions, expected);
        assert_eq!(line.name, "tomori");
        assert!(line.is_own);
    }

    /// CHAT-64.
    #[test]
    fn pictures_are_kept_beside_the_text_and_what_is_more_is_named() {
        let file = |name: &str, declared: &str| Attachment {
            filename: name.to_owned(),
            content_type: declared.to_owned(),
            url: format!("https://cdn.discordapp.com/{name}"),
            size_bytes: 9,
            ..Attachment::default()
        };
        let sticker = |format| Sticker {
            sticker_id: 5,
            name: format!("s{format}"),
            format,
        };
        let message = Message {
            attachments: vec![
                file("a.PNG", ""),
                file("b.bin", "image/gif; x=y"),
                file("c.png", "application/zip"),
                file("d.svg", "image/svg+xml"),
            ],
            stickers: vec![sticker(3), sticker(2), sticker(4), sticker(1)],
            ..Message::default()
        };
        let line = of_event(&message, UserId(9));
        let named = "[attached: c.png]\n[attached: d.svg]\n[sticker: s3]\n[sticker: s1]";
        assert_eq!(line.text, named);
        let kinds = line.pictures.iter().map(|picture| match picture.place {
            PicturePlace::File { is_gif, .. } => (picture.name.as_str(), false, is_gif),
            PicturePlace::Sticker { is_gif, .. } => (picture.name.as_str(), true, is_gif),
        });
        assert_eq!(
            kinds.collect::<Vec<_>>(),
            [
                ("a.PNG", false, false),
                ("b.bin", false, true),
                ("s2", true, false),
                ("s4", true, true),
            ]
        );
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
