//! Messages as Discord sends them; what all tests of this module share.

mod frames;
mod interactions;

use serde_json::{Value, json};

use super::*;

const OWN: UserId = UserId(id(900));

/// A snowflake of real length.
const fn id(number: u64) -> u64 {
    100_000_000_000_000_000 + number
}

/// A dispatched frame in Discord's order of keys.
fn frame(event_type: &str, data: &Value) -> String {
    format!(r#"{{"t":"{event_type}","s":42,"op":0,"d":{data}}}"#)
}

fn decode_frame(event_type: &str, data: &Value) -> Result<Decoded, Skip> {
    let frame = frame(event_type, data);
    let header = Header::scan(&frame).unwrap();
    assert_eq!(header.sequence, 42);
    decode(header.kind, &frame, OWN)
}

#[track_caller]
fn created(data: &Value) -> event::Message {
    match decode_frame("MESSAGE_CREATE", data) {
        Ok(Decoded::Create(message)) => message,
        Ok(_) => panic!("decoded as something else"),
        Err(reason) => panic!("skipped: {reason:?}"),
    }
}

/// A server message as Discord sends it today, with much that we do not read.
fn guild_message() -> Value {
    json!({
        "type": 19, "tts": false, "timestamp": "2026-11-20T17:03:05.123000+00:00",
        "pinned": false, "nonce": "1176543210987654144", "mention_roles": ["100000000000000501", "100000000000000502"],
        "mention_everyone": true, "id": "1176543211000000001", "flags": 16384,
        "edited_timestamp": null, "components": [], "channel_type": 0, "channel_id": "100000000000000300",
        "content": "<@900> look at this", "guild_id": "100000000000000200",
        "author": {
            "username": "alice", "public_flags": 0, "primary_guild": null, "id": "100000000000000100",
            "global_name": "Alice", "discriminator": "0", "display_name_styles": null,
            "collectibles": null, "clan": null, "avatar_decoration_data": null, "avatar": "a_1"
        },
        "member": {
            "roles": ["100000000000000401", "100000000000000402"], "premium_since": null, "pending": false, "nick": "Al",
            "mute": false, "joined_at": "2024-01-01T00:00:00.000000+00:00", "flags": 0,
            "deaf": false, "communication_disabled_until": null, "banner": null, "avatar": null
        },
        "mentions": [
            { "username": "tomori", "id": "100000000000000900", "global_name": null, "discriminator": "0001",
              "bot": true, "member": { "nick": "Tomo", "roles": [], "flags": 0 } },
            { "username": "bob", "id": "100000000000000101", "global_name": "Bob", "discriminator": "0" }
        ],
        "attachments": [{
            "width": 640, "url": "https://cdn.discordapp.com/attachments/1/2/cat.png?ex=1",
            "size": 123_456, "proxy_url": "https://media.discordapp.net/x", "placeholder": "p",
            "id": "100000000000000601", "height": 480, "filename": "cat.png", "content_type": "image/png",
            "content_scan_version": 1
        }, {
            "id": "100000000000000602", "filename": "voice.ogg", "size": 9000, "url": "https://cdn/x",
            "duration_secs": 2.5, "waveform": "AAA", "content_type": "audio/ogg"
        }],
        "sticker_items": [{ "name": "wave", "id": "100000000000000701", "format_type": 3 }],
        "embeds": [{
            "type": "rich", "title": "T", "description": "d".repeat(501), "url": "https://e",
            "image": { "url": "https://i", "width": 1, "height": 1 }, "fields": []
        }],
        "poll": {
            "question": { "text": "tea?" }, "answers": [
                { "answer_id": 1, "poll_media": { "text": "yes", "emoji": { "name": "👍" } } },
                { "answer_id": 2, "poll_media": { "text": "no" } }
            ], "expiry": null, "allow_multiselect": false, "layout_type": 1
        },
        "message_reference": { "type": 0, "message_id": "1176543210000000000",
                               "channel_id": "100000000000000300", "guild_id": "100000000000000200" },
        "referenced_message": {
            "id": "1176543210000000000", "channel_id": "100000000000000300", "type": 0,
            "content": "界".repeat(301), "webhook_id": "100000000000000800",
            "author": { "id": "100000000000000800", "username": "Persona", "bot": true, "discriminator": "0000" }
        }
    })
}

/// CHAT-3, CHAT-4.
#[test]
fn server_message_keeps_everything_that_a_worker_uses() {
    let message = created(&guild_message());
    assert_eq!(message.message_id, 1_176_543_211_000_000_001);
    assert_eq!((message.guild_id, message.channel_id), (id(200), id(300)));
    assert_eq!(message.timestamp_ms, 1_795_194_185_123);
    assert_eq!(message.edited_at_ms, 0);
    assert_eq!((message.r#type, message.flags), (19, 16_384));
    assert_eq!(message.content, "<@900> look at this");
    assert!(message.content_available && message.mention_everyone);
    assert_eq!(message.mention_role_ids, [id(501), id(502)]);

    let author = message.author.unwrap();
    assert_eq!(
        (author.user_id, author.username.as_str()),
        (id(100), "alice")
    );
    assert_eq!(author.display_name, "Al");
    assert_eq!(author.role_ids, [id(401), id(402)]);
    assert!(author.member_present && !author.is_bot && !author.is_system);

    let mentions: Vec<_> = message
        .mentions
        .iter()
        .map(|one| (one.user_id, one.display_name.as_str()))
        .collect();
    assert_eq!(mentions, [(id(900), "Tomo"), (id(101), "Bob")]);
}

/// CHAT-4.
#[test]
fn what_is_attached_travels_as_it_is_declared() {
    let message = created(&guild_message());
    let picture = &message.attachments[0];
    assert_eq!(
        (picture.content_type.as_str(), picture.size_bytes),
        ("image/png", 123_456)
    );
    assert_eq!((picture.width_px, picture.height_px), (640, 480));
    assert_eq!(message.attachments[1].duration_ms, 2_500);
    assert_eq!(
        (message.stickers[0].sticker_id, message.stickers[0].format),
        (id(701), 3)
    );
    assert_eq!(message.embeds[0].description.len(), 500);
    assert_eq!(message.embeds[0].image_url, "https://i");
    let poll = message.poll.unwrap();
    assert_eq!((poll.question.as_str(), poll.answers.len()), ("tea?", 2));
}

/// CHAT-4.
#[test]
fn answered_message_travels_as_ids_and_the_beginning_of_its_text() {
    let message = created(&guild_message());
    let reference = message.reference.unwrap();
    assert_eq!(reference.message_id, 1_176_543_210_000_000_000);
    assert_eq!(
        (reference.author_id, reference.author_webhook_id),
        (id(800), id(800))
    );
    assert_eq!(reference.short_content.chars().count(), 300);
    assert!(message.snapshot_origin.is_none());
}

#[test]
fn deleted_answered_message_leaves_its_reference() {
    let mut data = guild_message();
    data["referenced_message"] = Value::Null;
    let reference = created(&data).reference.unwrap();
    assert_eq!(reference.message_id, 1_176_543_210_000_000_000);
    assert_eq!(
        (reference.author_id, reference.short_content.as_str()),
        (0, "")
    );
}

/// CHAT-4.
#[test]
fn forwarded_message_travels_as_its_origin_only() {
    let data = json!({
        "id": "100000000000000001", "channel_id": "100000000000000300", "guild_id": "100000000000000200", "type": 0, "content": "",
        "author": { "id": "100000000000000100", "username": "alice" },
        "message_reference": { "type": 1, "message_id": "100000000000000011", "channel_id": "100000000000000012", "guild_id": "100000000000000013" },
        "message_snapshots": [{ "message": { "content": "secret of elsewhere", "embeds": [] } }]
    });
    let message = created(&data);
    let origin = message.snapshot_origin.unwrap();
    assert_eq!(
        (origin.message_id, origin.channel_id, origin.guild_id),
        (id(11), id(12), id(13))
    );
    let bytes = prost::Message::encode_to_vec(&message);
    assert!(!String::from_utf8_lossy(&bytes).contains("secret"));
}

/// CHAT-3.
#[test]
fn nonce_travels_with_our_own_posts_only() {
    assert_eq!(created(&guild_message()).nonce, "");
    let mut data = guild_message();
    data["author"] = json!({ "id": "100000000000000900", "username": "tomori", "bot": true });
    assert_eq!(created(&data).nonce, "1176543210987654144");
    data["nonce"] = json!(1_176_543_210_987_654_144_u64);
    assert_eq!(created(&data).nonce, "1176543210987654144");
}

/// CHAT-3.
#[test]
fn direct_and_webhook_messages_are_told_apart() {
    let direct = created(&json!({
        "id": "100000000000000001", "channel_id": "100000000000000002", "content": "hi", "author": { "id": "100000000000000003", "username": "a" }
    }));
    assert_eq!(direct.guild_id, 0);
    assert!(!direct.author.unwrap().member_present);

    let webhook = created(&json!({
        "id": "100000000000000001", "channel_id": "100000000000000002", "guild_id": "100000000000000004", "content": "hi", "webhook_id": "100000000000000055",
        "application_id": "100000000000000066", "author": { "id": "100000000000000055", "username": "hook", "bot": true }
    }));
    let author = webhook.author.unwrap();
    assert_eq!((author.webhook_id, author.application_id), (id(55), id(66)));
    assert!(author.is_bot);
}

#[test]
fn unusual_text_arrives_as_it_was_written() {
    let texts = [
        String::new(),
        "\u{200b}\u{200d}\u{202e}abc\u{feff}".to_owned(),
        "مرحبا بالعالم שלום".to_owned(),
        "🎉".repeat(2000),
        "```rust\nfn open(".to_owned(),
        "\"t\":\"READY\",\"s\":1,\"op\":9 \\ \" \u{0}".to_owned(),
    ];
    for text in texts {
        let mut data = guild_message();
        data["content"] = json!(text);
        assert_eq!(created(&data).content, text);
    }
}

#[test]
fn whole_update_is_told_and_a_partial_one_is_not() {
    let mut data = guild_message();
    data["edited_timestamp"] = json!("2026-11-20T17:04:05.000000+00:00");
    let Ok(Decoded::Update(message)) = decode_frame("MESSAGE_UPDATE", &data) else {
        panic!("a whole update was not decoded");
    };
    assert_eq!(message.edited_at_ms, 1_795_194_245_000);
    for missing in ["author", "content"] {
        let mut partial = guild_message();
        partial.as_object_mut().unwrap().remove(missing);
        assert_eq!(
            decode_frame("MESSAGE_UPDATE", &partial).err(),
            Some(Skip::Partial)
        );
    }
}

/// PRIV-69, CHAT-5: an outage is neither a coming nor a leaving, and of a server nothing but its id is read.
#[test]
fn coming_and_leaving_are_told_and_an_outage_is_not() {
    let guild = "100000000000000200";
    let here = json!({"id": guild, "unavailable": false, "name": "Sandbox", "members": []});
    let Ok(Decoded::GuildHere(told)) = decode_frame("GUILD_CREATE", &here) else {
        panic!("a server was not told");
    };
    assert_eq!(told.guild_id, id(200));
    let left = json!({"id": guild});
    let Ok(Decoded::GuildLeft(told)) = decode_frame("GUILD_DELETE", &left) else {
        panic!("a leaving was not told");
    };
    assert_eq!(told.guild_id, id(200));
    let outage = json!({"id": guild, "unavailable": true});
    for kind in ["GUILD_CREATE", "GUILD_DELETE"] {
        assert_eq!(decode_frame(kind, &outage).err(), Some(Skip::Outage));
        let nameless = json!({"unavailable": null});
        assert_eq!(decode_frame(kind, &nameless).err(), Some(Skip::Malformed));
    }
}

/// PRIV-69: a list that is not whole is none, or servers that it does not name would count as left.
#[test]
fn a_beginning_session_lists_all_servers_of_its_shard() {
    let list = |ready: &Value| servers(&frame("READY", ready));
    let ready = json!({"v": 10, "shard": [2, 4], "session_id": "x", "guilds": [
        {"id": "100000000000000200", "unavailable": true}, {"id": "100000000000000201"},
    ]});
    let told = list(&ready).unwrap();
    assert_eq!(
        (told.shard_count, told.guild_ids),
        (4, vec![id(200), id(201)])
    );
    for broken in [
        json!({"v": 10, "shard": [0, 1]}),
        json!({"shard": [0, 1], "guilds": [{}]}),
        json!({"shard": [0, 1], "guilds": null}),
        json!({"guilds": [{"id": "100000000000000200"}]}),
    ] {
        assert_eq!(list(&broken).err(), Some(Skip::Malformed), "{broken}");
    }
}

/// CHAT-5.
#[test]
fn deletions_name_channel_and_messages() {
    let one = json!({ "id": "100000000000000005", "channel_id": "100000000000000300", "guild_id": "100000000000000200" });
    let Ok(Decoded::Delete(deleted)) = decode_frame("MESSAGE_DELETE", &one) else {
        panic!("a deletion was not decoded");
    };
    assert_eq!((deleted.channel_id, deleted.guild_id), (id(300), id(200)));
    assert_eq!(deleted.message_ids, [id(5)]);

    let many = json!({ "ids": ["100000000000000005", "100000000000000006"], "channel_id": "100000000000000300" });
    let Ok(Decoded::Delete(deleted)) = decode_frame("MESSAGE_DELETE_BULK", &many) else {
        panic!("a bulk deletion was not decoded");
    };
    assert_eq!(deleted.message_ids, [id(5), id(6)]);
    let none = json!({ "ids": [], "channel_id": "100000000000000300" });
    assert_eq!(
        decode_frame("MESSAGE_DELETE_BULK", &none).err(),
        Some(Skip::Malformed)
    );
}
