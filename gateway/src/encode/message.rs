//! Messages and deletions (CHAT-3, CHAT-4). Forwarded content never travels, only its origin.

use proto::event;
use proto::id::UserId;
use twilight_model::util::Timestamp;

use super::wire::{self, raw};

/// Longest description of an embed that travels, in characters (CHAT-4).
const EMBED_DESCRIPTION_CHARS: usize = 500;

/// Longest text of the answered message that travels, in characters (CHAT-4).
const SHORT_CONTENT_CHARS: usize = 300;

/// Discord's reference type of a forwarded message.
const REFERENCE_FORWARD: u32 = 1;

/// Encodes a message that has author and content. Discord sends whole objects for edits too, but
/// documents that it may not.
pub(super) fn whole(message: wire::Message, own: UserId) -> Option<event::Message> {
    let content = message.content?;
    let user = message.author?;
    let is_own = user.id.0 == own.0;
    // What somebody typed into a command is shown by our answer in an embed, and goes no further.
    let embeds = message.embeds.filter(|_| !is_own);
    let nonce = message.nonce.filter(|_| is_own).map(|nonce| nonce.0);
    let author = author(
        user,
        message.member,
        message.webhook_id,
        message.application_id,
    );
    let reference = message.message_reference;
    let snapshot_origin = reference
        .as_ref()
        .filter(|reference| is_forward(reference))
        .map(origin_of);
    Some(event::Message {
        message_id: message.id.0,
        channel_id: message.channel_id.0,
        guild_id: raw(message.guild_id),
        timestamp_ms: milliseconds(message.timestamp.as_deref()),
        edited_at_ms: milliseconds(message.edited_timestamp.as_deref()),
        r#type: message.kind.unwrap_or_default(),
        flags: message.flags.unwrap_or_default(),
        content,
        content_available: true,
        author: Some(author),
        mentions: each(message.mentions, mention),
        mention_role_ids: each(message.mention_roles, |id| id.0),
        mention_everyone: message.mention_everyone.unwrap_or_default(),
        attachments: each(message.attachments, attachment),
        stickers: each(message.sticker_items, sticker),
        embeds: each(embeds, embed),
        poll: message.poll.map(poll),
        reference: reference.map(|reference| refer(reference, message.referenced_message)),
        snapshot_origin,
        nonce: nonce.unwrap_or_default(),
    })
}

/// Encodes the deletion of one message.
pub(super) fn deleted(deleted: wire::Deleted) -> event::MessageDelete {
    event::MessageDelete {
        channel_id: deleted.channel_id.0,
        guild_id: raw(deleted.guild_id),
        message_ids: vec![deleted.id.0],
    }
}

/// Encodes the deletion of several; `None` when it names none.
pub(super) fn bulk_deleted(deleted: wire::BulkDeleted) -> Option<event::MessageDelete> {
    (!deleted.ids.is_empty()).then(|| event::MessageDelete {
        channel_id: deleted.channel_id.0,
        guild_id: raw(deleted.guild_id),
        message_ids: deleted.ids.iter().map(|id| id.0).collect(),
    })
}

fn author(
    user: wire::User,
    member: Option<wire::Member>,
    webhook: Option<wire::Id>,
    application: Option<wire::Id>,
) -> event::Author {
    let member_present = member.is_some();
    let (nick, roles) = member.map_or((None, None), |member| (member.nick, member.roles));
    event::Author {
        user_id: user.id.0,
        username: user.username.unwrap_or_default(),
        display_name: nick.or(user.global_name).unwrap_or_default(),
        is_bot: user.bot.unwrap_or_default(),
        is_system: user.system.unwrap_or_default(),
        webhook_id: raw(webhook),
        application_id: raw(application),
        role_ids: each(roles, |id| id.0),
        member_present,
    }
}

fn mention(mention: wire::Mention) -> event::Mention {
    let nick = mention.member.and_then(|member| member.nick);
    event::Mention {
        user_id: mention.id.0,
        display_name: nick
            .or(mention.global_name)
            .or(mention.username)
            .unwrap_or_default(),
    }
}

pub(super) fn attachment(attachment: wire::Attachment) -> event::Attachment {
    event::Attachment {
        attachment_id: attachment.id.0,
        filename: attachment.filename.unwrap_or_default(),
        content_type: attachment.content_type.unwrap_or_default(),
        size_bytes: attachment.size.unwrap_or_default(),
        url: attachment.url.unwrap_or_default(),
        width_px: attachment.width.unwrap_or_default(),
        height_px: attachment.height.unwrap_or_default(),
        duration_ms: attachment.duration_secs.map_or(0, whole_milliseconds),
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a float cast saturates, and NaN becomes 0: any input gives some duration"
)]
fn whole_milliseconds(seconds: f64) -> u32 {
    (seconds * 1000.0).round() as u32
}

fn sticker(sticker: wire::Sticker) -> event::Sticker {
    event::Sticker {
        sticker_id: sticker.id.0,
        name: sticker.name.unwrap_or_default(),
        format: sticker.format_type.unwrap_or_default(),
    }
}

fn embed(embed: wire::Embed) -> event::Embed {
    let description = embed.description.unwrap_or_default();
    event::Embed {
        title: embed.title.unwrap_or_default(),
        description: beginning(description, EMBED_DESCRIPTION_CHARS),
        url: embed.url.unwrap_or_default(),
        image_url: embed.image.and_then(|image| image.url).unwrap_or_default(),
    }
}

fn poll(poll: wire::Poll) -> event::Poll {
    let text = |media: Option<wire::PollMedia>| media.and_then(|media| media.text);
    event::Poll {
        question: text(poll.question).unwrap_or_default(),
        answers: each(poll.answers, |answer| {
            text(answer.poll_media).unwrap_or_default()
        }),
    }
}

fn is_forward(reference: &wire::Reference) -> bool {
    reference.kind == Some(REFERENCE_FORWARD)
}

fn origin_of(reference: &wire::Reference) -> event::SnapshotOrigin {
    event::SnapshotOrigin {
        message_id: raw(reference.message_id),
        channel_id: raw(reference.channel_id),
        guild_id: raw(reference.guild_id),
    }
}

fn refer(reference: wire::Reference, answered: Option<Box<wire::Referenced>>) -> event::Reference {
    let answered = answered
        .filter(|_| !is_forward(&reference))
        .map(|answered| *answered);
    let is_quoted = answered.is_some();
    let (author, webhook, content) = answered.map_or((None, None, None), |answered| {
        (
            answered.author.map(|user| user.id),
            answered.webhook_id,
            answered.content,
        )
    });
    event::Reference {
        message_id: raw(reference.message_id),
        channel_id: raw(reference.channel_id),
        guild_id: raw(reference.guild_id),
        r#type: reference.kind.unwrap_or_default(),
        author_id: raw(author),
        author_webhook_id: raw(webhook),
        // Whose words they are must be known, or nobody can say whether they may be read (PRIV-34).
        short_content: author.map_or_else(String::new, |_| {
            beginning(content.unwrap_or_default(), SHORT_CONTENT_CHARS)
        }),
        redacted: author.is_none() && is_quoted,
    }
}

/// Returns at most the first `chars` characters.
fn beginning(mut text: String, chars: usize) -> String {
    if let Some((end, _)) = text.char_indices().nth(chars) {
        text.truncate(end);
    }
    text
}

/// Returns Unix time in milliseconds, 0 for what is absent or not a time.
fn milliseconds(timestamp: Option<&str>) -> i64 {
    let parsed = timestamp.and_then(|text| Timestamp::parse(text).ok());
    parsed.map_or(0, |timestamp| timestamp.as_micros() / 1000)
}

fn each<T, U>(items: Option<Vec<T>>, encode: impl FnMut(T) -> U) -> Vec<U> {
    items.unwrap_or_default().into_iter().map(encode).collect()
}
