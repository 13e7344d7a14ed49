//! Commands, buttons, menus and forms, as Discord sends them.

use proto::event::InteractionType;
use serde_json::{Value, json};

use super::*;

#[track_caller]
fn interaction(data: &Value) -> event::Interaction {
    match decode_frame("INTERACTION_CREATE", data) {
        Ok(Decoded::Interaction(interaction)) => *interaction,
        Ok(_) => panic!("decoded as something else"),
        Err(reason) => panic!("skipped: {reason:?}"),
    }
}

pub(super) fn with_data(kind: u32, data: Value) -> Value {
    json!({
        "version": 1, "type": kind, "token": "t0ken", "id": "100000000000000077", "application_id": "100000000000000088",
        "guild_id": "100000000000000200", "guild_locale": "ja", "locale": "en-US", "channel_id": "100000000000000300",
        "channel": { "id": "100000000000000300", "type": 0 }, "app_permissions": "2248473465835073",
        "member": {
            "user": { "id": "100000000000000100", "username": "alice", "global_name": "Alice" },
            "roles": ["100000000000000401"], "permissions": "1125899906842623", "nick": null
        },
        "message": { "id": "100000000000000555", "channel_id": "100000000000000300" }, "data": data, "entitlements": []
    })
}

/// CMD-1.
#[test]
fn subcommand_in_a_group_becomes_a_path_with_options() {
    let encoded = interaction(&with_data(
        2,
        json!({
            "type": 1, "name": "server", "id": "100000000000000009", "options": [{ "type": 2, "name": "key",
                "options": [{ "type": 1, "name": "add", "options": [
                    { "type": 3, "name": "label", "value": "main" },
                    { "type": 4, "name": "count", "value": 3 },
                    { "type": 5, "name": "public", "value": true, "focused": true },
                    { "type": 10, "name": "ratio", "value": 0.5 }
                ] }] }]
        }),
    ));
    assert_eq!(encoded.r#type(), InteractionType::Command);
    assert_eq!(encoded.command_path, "server key add");
    let options: Vec<_> = encoded
        .options
        .iter()
        .map(|one| (one.name.as_str(), one.value.as_str()))
        .collect();
    assert_eq!(
        options,
        [
            ("label", "main"),
            ("count", "3"),
            ("public", "true"),
            ("ratio", "0.5")
        ]
    );
    assert!(encoded.options[2].focused);
    assert_eq!(
        (encoded.user_id, encoded.display_name.as_str()),
        (id(100), "Alice")
    );
    assert_eq!(encoded.member_permissions, 1_125_899_906_842_623);
    assert_eq!((encoded.guild_id, encoded.channel_id), (id(200), id(300)));
    assert_eq!(
        (encoded.locale.as_str(), encoded.guild_locale.as_str()),
        ("en-US", "ja")
    );
}

#[test]
fn a_file_among_the_options_is_told() {
    let encoded = interaction(&with_data(
        2,
        json!({
            "type": 1, "name": "import", "id": "100000000000000009", "options": [
                { "type": 11, "name": "file", "value": "100000000000000101" },
                { "type": 3, "name": "target", "value": "global" }
            ],
            "resolved": { "attachments": { "100000000000000101": {
                "id": "100000000000000101", "filename": "mine.json", "size": 1234, "ephemeral": true,
                "content_type": "application/json", "url": "https://cdn.example/mine.json?ex=1"
            } } }
        }),
    ));
    let file = encoded.options[0].file.as_ref().unwrap();
    assert_eq!(
        (file.filename.as_str(), file.size_bytes, file.url.as_str()),
        ("mine.json", 1234, "https://cdn.example/mine.json?ex=1")
    );
    assert!(encoded.options[1].file.is_none());
}

#[test]
fn the_link_of_a_message_whose_button_was_pressed_is_told() {
    let mut pressed = with_data(3, json!({ "custom_id": "x", "component_type": 2 }));
    pressed["message"]["components"] = json!([
        { "type": 1, "components": [
            { "type": 2, "style": 1, "label": "Go", "custom_id": "x" },
            { "type": 2, "style": 5, "label": "File", "url": "https://cdn.example/mine.json" }
        ] },
        { "type": 10, "content": "a text that holds nothing" }
    ]);
    let encoded = interaction(&pressed);
    assert_eq!(encoded.link_url, "https://cdn.example/mine.json");
    assert_eq!(encoded.message_id, id(555));
}

#[test]
fn a_bot_among_the_options_is_told() {
    let encoded = interaction(&with_data(
        2,
        json!({
            "type": 1, "name": "block", "id": "100000000000000009", "options": [
                { "type": 6, "name": "first", "value": "100000000000000101" },
                { "type": 6, "name": "second", "value": "100000000000000102" },
                { "type": 4, "name": "hours", "value": 3 }
            ],
            "resolved": { "members": {}, "users": {
                "100000000000000101": { "id": "100000000000000101", "username": "bob" },
                "100000000000000102": { "id": "100000000000000102", "username": "robot", "bot": true }
            } }
        }),
    ));
    let are_bots: Vec<bool> = encoded.options.iter().map(|one| one.is_bot).collect();
    assert_eq!(are_bots, [false, true, false]);
}

/// CMD-1.
#[test]
fn fields_of_both_kinds_of_forms_are_found() {
    let encoded = interaction(&with_data(
        5,
        json!({
            "custom_id": "setup", "components": [
                { "type": 1, "components": [{ "type": 4, "custom_id": "model", "value": "gpt" }] },
                { "type": 18, "component": { "type": 3, "custom_id": "provider", "values": ["openai"] } },
                { "type": 18, "component": { "type": 4, "custom_id": "key", "value": "sk-1" } }
            ]
        }),
    ));
    let fields: Vec<_> = encoded
        .fields
        .iter()
        .map(|field| (field.custom_id.as_str(), field.values[0].as_str()))
        .collect();
    assert_eq!(
        fields,
        [("model", "gpt"), ("provider", "openai"), ("key", "sk-1")]
    );
    assert_eq!(encoded.custom_id, "setup");
}

/// CMD-1.
#[test]
fn component_carries_its_values_and_its_message() {
    let data = json!({ "component_type": 3, "custom_id": "pick", "values": ["a", "b"] });
    let encoded = interaction(&with_data(3, data));
    assert_eq!(encoded.r#type(), InteractionType::Component);
    assert_eq!(encoded.values, ["a", "b"]);
    assert_eq!(encoded.message_id, id(555));
}

#[test]
fn interaction_in_direct_messages_has_a_bare_user() {
    let encoded = interaction(&json!({
        "type": 2, "token": "t", "id": "100000000000000077", "application_id": "100000000000000088", "channel_id": "100000000000000300",
        "user": { "id": "100000000000000100", "username": "alice" }, "data": { "name": "setup" }
    }));
    assert_eq!((encoded.user_id, encoded.guild_id), (id(100), 0));
    assert_eq!(encoded.command_path, "setup");
}

#[test]
fn interaction_of_an_unknown_kind_or_without_a_person_is_malformed() {
    let unknown = with_data(99, json!({}));
    assert_eq!(
        decode_frame("INTERACTION_CREATE", &unknown).err(),
        Some(Skip::Malformed)
    );
    let mut nobody = with_data(2, json!({}));
    nobody.as_object_mut().unwrap().remove("member");
    assert_eq!(
        decode_frame("INTERACTION_CREATE", &nobody).err(),
        Some(Skip::Malformed)
    );
}
