//! A message as Discord's REST API returns it, in the form in which the gateway publishes it.
//!
//! REST tells neither the author's roles nor, in channels, the server; the words of the message
//! that is answered stay away, because nobody has asked whether its author may be heard.

use proto::event;
use proto::id::GuildId;
use twilight_model::channel::Message;
use twilight_model::channel::message::{Mention, MessageReference, MessageReferenceType};
use twilight_model::id::Id;
use twilight_model::util::Timestamp;

/// Returns the event of a message that was read from a server's channel, or from a direct one.
pub(crate) fn message(message: &Message, guild: Option<GuildId>) -> event::Message {
    let reference = message.reference.as_ref();
    let is_forward = |found: &&MessageReference| found.kind == MessageReferenceType::Forward;
    event::Message {
        message_id: message.id.get(),
        channel_id: message.channel_id.get(),
        guild_id: guild.map_or(0, |guild| guild.0),
        timestamp_ms: milliseconds(message.timestamp),
        edited_at_ms: message.edited_timestamp.map_or(0, milliseconds),
        r#type: u8::from(message.kind).into(),
        flags: message.flags.map_or(0, |flags| flags.bits()),
        content: message.content.clone(),
        content_available: true,
        author: Some(author(message)),
        mentions: message.mentions.iter().map(mention).collect(),
        mention_role_ids: message.mention_roles.iter().map(|id| id.get()).collect(),
        mention_everyone: message.mention_everyone,
        attachments: message.attachments.iter().map(attachment).collect(),
        stickers: message
            .sticker_items
            .iter()
            .map(|sticker| event::Sticker {
                sticker_id: sticker.id.get(),
                name: sticker.name.clone(),
                format: u8::from(sticker.format_type).into(),
            })
            .collect(),
        embeds: Vec::new(),
        poll: message.poll.as_ref().map(|poll| event::Poll {
            question: poll.question.text.clone().unwrap_or_default(),
            answers: poll
                .answers
                .iter()
                .map(|answer| answer.poll_media.text.clone().unwrap_or_default())
                .collect(),
        }),
        snapshot_origin: reference
            .filter(is_forward)
            .map(|found| event::SnapshotOrigin {
                message_id: raw(found.message_id),
                channel_id: raw(found.channel_id),
                guild_id: raw(found.guild_id),
            }),
        reference: reference.map(|found| refer(found, message.referenced_message.as_deref())),
        nonce: String::new(),
    }
}

fn author(message: &Message) -> event::Author {
    let author = &message.author;
    event::Author {
        user_id: author.id.get(),
        username: author.name.clone(),
        display_name: author.global_name.clone().unwrap_or_default(),
        is_bot: author.bot,
        is_system: author.system.unwrap_or_default(),
        webhook_id: raw(message.webhook_id),
        application_id: raw(message.application_id),
        role_ids: Vec::new(),
        member_present: false,
    }
}

fn mention(mention: &Mention) -> event::Mention {
    event::Mention {
        user_id: mention.id.get(),
        display_name: mention.name.clone(),
    }
}

fn attachment(attachment: &twilight_model::channel::Attachment) -> event::Attachment {
    let pixels = |size: Option<u64>| size.and_then(|size| size.try_into().ok()).unwrap_or(0);
    event::Attachment {
        attachment_id: attachment.id.get(),
        filename: attachment.filename.clone(),
        content_type: attachment.content_type.clone().unwrap_or_default(),
        size_bytes: attachment.size,
        url: attachment.url.clone(),
        width_px: pixels(attachment.width),
        height_px: pixels(attachment.height),
        duration_ms: 0,
    }
}

fn refer(found: &MessageReference, answered: Option<&Message>) -> event::Reference {
    let is_forward = found.kind == MessageReferenceType::Forward;
    let answered = answered.filter(|_| !is_forward);
    event::Reference {
        message_id: raw(found.message_id),
        channel_id: raw(found.channel_id),
        guild_id: raw(found.guild_id),
        r#type: u8::from(found.kind).into(),
        author_id: answered.map_or(0, |message| message.author.id.get()),
        author_webhook_id: raw(answered.and_then(|message| message.webhook_id)),
        short_content: String::new(),
        redacted: answered.is_some(),
    }
}

fn raw<T>(id: Option<Id<T>>) -> u64 {
    id.map_or(0, Id::get)
}

fn milliseconds(timestamp: Timestamp) -> i64 {
    timestamp.as_micros() / 1000
}
