//! Bytes of every released version still decode to what they meant, and today's encoder still
//! writes them: a changed field number, type or meaning fails here.
//!
//! A new field gets a new file beside the old ones; a file that exists is never rewritten.

use std::fmt::Write as _;
use std::path::Path;

use prost::Message as _;
use proto::event::{
    Attachment, Author, CommandOption, DeadLetter, DeadLetterReason, Embed, Envelope, EventKind,
    FormField, Gap, Guild, GuildList, Interaction, InteractionOutcome, InteractionReply,
    InteractionType, Job, JobKind, Mention, Message, MessageDelete, Poll, Reference,
    SnapshotOrigin, Sticker, envelope::Event,
};

fn envelope(kind: EventKind, event_id: &str, event: Event) -> Envelope {
    Envelope {
        schema_version: 1,
        event_id: event_id.to_owned(),
        kind: kind.into(),
        partition: 46,
        shard_id: 3,
        shard_epoch: 7,
        session_sequence: 1_234_567,
        received_at_ms: 1_795_000_000_123,
        retried_at_ms: 0,
        event: Some(event),
    }
}

fn author() -> Author {
    Author {
        user_id: 200,
        username: "ren".to_owned(),
        display_name: "Ren ともり".to_owned(),
        is_bot: true,
        is_system: true,
        webhook_id: 201,
        application_id: 202,
        role_ids: vec![203, 204],
        member_present: true,
    }
}

fn message() -> Message {
    Message {
        message_id: 100,
        channel_id: 101,
        guild_id: 102,
        timestamp_ms: 1_795_000_000_000,
        edited_at_ms: 1_795_000_001_000,
        r#type: 19,
        flags: 16_384,
        content: "hello <@300>".to_owned(),
        content_available: true,
        author: Some(author()),
        mentions: vec![Mention {
            user_id: 300,
            display_name: "Tomori".to_owned(),
        }],
        mention_role_ids: vec![301],
        mention_everyone: true,
        attachments: vec![Attachment {
            attachment_id: 400,
            filename: "cat.png".to_owned(),
            content_type: "image/png".to_owned(),
            size_bytes: 5_000_000_000,
            url: "https://cdn.example/cat.png".to_owned(),
            width_px: 640,
            height_px: 480,
            duration_ms: 1500,
        }],
        stickers: vec![Sticker {
            sticker_id: 500,
            name: "wave".to_owned(),
            format: 2,
        }],
        embeds: vec![Embed {
            title: "title".to_owned(),
            description: "description".to_owned(),
            url: "https://example.org".to_owned(),
            image_url: "https://example.org/i.png".to_owned(),
        }],
        poll: Some(Poll {
            question: "tea?".to_owned(),
            answers: vec!["yes".to_owned()],
        }),
        reference: Some(Reference {
            message_id: 600,
            channel_id: 601,
            guild_id: 602,
            r#type: 1,
            author_id: 603,
            author_webhook_id: 604,
            short_content: "earlier".to_owned(),
            redacted: true,
        }),
        snapshot_origin: Some(SnapshotOrigin {
            message_id: 700,
            channel_id: 701,
            guild_id: 702,
        }),
        nonce: "18446744073709551615".to_owned(),
    }
}

fn interaction() -> Interaction {
    Interaction {
        interaction_id: 1,
        application_id: 2,
        token: "token".to_owned(),
        r#type: InteractionType::Modal.into(),
        guild_id: 3,
        channel_id: 4,
        user_id: 5,
        username: "ren".to_owned(),
        display_name: "Ren".to_owned(),
        role_ids: vec![6],
        member_permissions: 1 << 50,
        app_permissions: 1 << 11,
        locale: "ja".to_owned(),
        guild_locale: "en-US".to_owned(),
        received_at_ms: 1_795_000_000_123,
        command_path: "tool ping".to_owned(),
        options: vec![CommandOption {
            name: "scope".to_owned(),
            value: "server".to_owned(),
            focused: true,
            ..CommandOption::default()
        }],
        target_id: 7,
        custom_id: "v1.setup".to_owned(),
        values: vec!["openai".to_owned()],
        fields: vec![FormField {
            custom_id: "key".to_owned(),
            values: vec!["k".to_owned()],
        }],
        message_id: 8,
        ..Interaction::default()
    }
}

/// A file that was handed over, and a message with a link.
fn interaction_with_file() -> Interaction {
    let mut interaction = interaction();
    "https://cdn.example/x.json".clone_into(&mut interaction.link_url);
    interaction.options[0].file = message().attachments.pop();
    interaction
}

fn retried() -> Envelope {
    let create = Event::MessageCreate(message());
    Envelope {
        retried_at_ms: 1_795_000_100_000,
        ..envelope(EventKind::MessageCreate, "mc:100", create)
    }
}

fn dead_letter() -> DeadLetter {
    DeadLetter {
        schema_version: 1,
        event_id: "mc:100".to_owned(),
        kind: EventKind::MessageCreate.into(),
        partition: 46,
        guild_id: 102,
        channel_id: 101,
        message_id: 100,
        reason: DeadLetterReason::Crashed.into(),
        given_up_at_ms: 1_795_000_000_123,
        stream_sequence: 12_345,
        size_bytes: 600_000,
    }
}

fn job() -> Job {
    Job {
        kind: JobKind::Respond.into(),
        channel_id: 101,
        guild_id: 102,
        user_id: 200,
        message_id: 103,
        persona_id: 9,
        may_manage: false,
    }
}

fn guild_here() -> Envelope {
    let here = Event::GuildHere(Guild { guild_id: 102 });
    envelope(EventKind::GuildHere, "gh:102:7:1", here)
}

fn guilds_here() -> Envelope {
    let list = GuildList {
        shard_count: 16,
        guild_ids: vec![102, 103],
    };
    envelope(EventKind::GuildHere, "gs:3:7:1", Event::GuildsHere(list))
}

fn guild_left() -> Envelope {
    let left = Event::GuildLeft(Guild { guild_id: 102 });
    envelope(EventKind::GuildLeft, "gl:102:7:2", left)
}

fn samples() -> Vec<(&'static str, Vec<u8>)> {
    let delete = MessageDelete {
        channel_id: 101,
        guild_id: 102,
        message_ids: vec![100, 103],
    };
    let gap = Gap {
        lost_since_ms: 1_795_000_000_000,
    };
    let reply = InteractionReply {
        outcome: InteractionOutcome::Claimed.into(),
        worker_id: "worker-1-abc".to_owned(),
    };
    let event = |kind, id, event| envelope(kind, id, event).encode_to_vec();
    vec![
        (
            "message_create.v1",
            event(
                EventKind::MessageCreate,
                "mc:100",
                Event::MessageCreate(message()),
            ),
        ),
        (
            "message_update.v1",
            event(
                EventKind::MessageUpdate,
                "mu:100:1",
                Event::MessageUpdate(message()),
            ),
        ),
        (
            "message_delete.v1",
            event(
                EventKind::MessageDelete,
                "md:100:2",
                Event::MessageDelete(delete),
            ),
        ),
        (
            "gap.v1",
            event(EventKind::Gap, "gap:3:7:46", Event::Gap(gap)),
        ),
        ("message_create.v1.retried", retried().encode_to_vec()),
        ("guild_here.v1", guild_here().encode_to_vec()),
        ("guild_left.v1", guild_left().encode_to_vec()),
        ("guilds_here.v1", guilds_here().encode_to_vec()),
        ("job.v1", event(EventKind::Job, "ix:600", Event::Job(job()))),
        ("interaction.v1", interaction().encode_to_vec()),
        (
            "interaction.v1.file",
            interaction_with_file().encode_to_vec(),
        ),
        ("interaction_reply.v1", reply.encode_to_vec()),
        ("dead_letter.v1", dead_letter().encode_to_vec()),
    ]
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").unwrap();
        text
    })
}

fn unhex(text: &str) -> Vec<u8> {
    let digits: Vec<u32> = text
        .chars()
        .map(|digit| digit.to_digit(16).unwrap())
        .collect();
    digits
        .chunks(2)
        .map(|pair| u8::try_from(pair[0] * 16 + pair[1]).unwrap())
        .collect()
}

fn released(name: &str) -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/golden");
    let text = std::fs::read_to_string(folder.join(format!("{name}.hex")));
    text.expect("a golden file").trim().to_owned()
}

#[test]
fn todays_encoder_writes_the_released_bytes() {
    for (name, bytes) in samples() {
        assert_eq!(
            released(name),
            hex(&bytes),
            "{name}: the wire format changed"
        );
    }
}

#[test]
fn released_bytes_decode_to_what_they_meant() {
    let create = unhex(&released("message_create.v1"));
    assert_eq!(
        Envelope::decode(create.as_slice()).unwrap(),
        envelope(
            EventKind::MessageCreate,
            "mc:100",
            Event::MessageCreate(message())
        )
    );
    let again = unhex(&released("message_create.v1.retried"));
    assert_eq!(Envelope::decode(again.as_slice()).unwrap(), retried());
    let left = unhex(&released("guild_left.v1"));
    assert_eq!(Envelope::decode(left.as_slice()).unwrap(), guild_left());
    let list = unhex(&released("guilds_here.v1"));
    assert_eq!(Envelope::decode(list.as_slice()).unwrap(), guilds_here());
    let form = unhex(&released("interaction.v1"));
    assert_eq!(Interaction::decode(form.as_slice()).unwrap(), interaction());
    let file = unhex(&released("interaction.v1.file"));
    assert_eq!(
        Interaction::decode(file.as_slice()).unwrap(),
        interaction_with_file()
    );
    let letter = unhex(&released("dead_letter.v1"));
    assert_eq!(
        DeadLetter::decode(letter.as_slice()).unwrap(),
        dead_letter()
    );
}

#[test]
fn debug_output_holds_no_words_and_no_token() {
    let printed = format!("{:?} {:?}", message(), interaction());
    for secret in ["hello", "token\"", "ren", "openai"] {
        assert!(!printed.contains(secret), "{secret} in {printed}");
    }
}

#[test]
fn unknown_fields_of_a_newer_gateway_are_passed_over() {
    let mut bytes = samples().remove(0).1;
    // Field 999, length-delimited, "new".
    bytes.extend([0xba, 0x3e, 3, b'n', b'e', b'w']);
    assert_eq!(
        Envelope::decode(bytes.as_slice()).unwrap().event_id,
        "mc:100"
    );
}
