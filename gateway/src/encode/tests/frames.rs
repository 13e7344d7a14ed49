//! Frames of every kind, whole or not, and what is never decoded.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::interactions::with_data;
use super::*;

#[test]
fn frames_that_are_no_dispatch_have_no_header() {
    for text in [
        "",
        "{}",
        "null",
        "[",
        r#"{"op":11}"#,
        r#"{"t":null,"s":null,"op":10,"d":{}}"#,
        r#"{"t":"READY","s":null,"op":0,"d":{}}"#,
        r#"{"t":5,"s":1,"op":0}"#,
        r#"{"t":"MESSAGE_CREATE","s":-1,"op":0,"d":{}}"#,
    ] {
        assert_eq!(Header::scan(text), None, "{text}");
    }
}

#[test]
fn kinds_that_nobody_uses_are_not_decoded() {
    let frame = r#"{"t":"TYPING_START","s":7,"op":0,"d":{"never":"parsed""#;
    let header = Header::scan(frame).unwrap();
    assert_eq!((header.kind, header.sequence), (Kind::Other, 7));
    assert_eq!(decode(header.kind, frame, OWN).err(), Some(Skip::Unused));
}

#[test]
fn id_that_the_database_would_refuse_makes_a_frame_malformed() {
    let one = |id: &Value| json!({ "id": id, "channel_id": "100000000000000300" });
    for refused in [
        json!("0"),
        json!(0),
        json!("99999999999999"),
        json!("000000000000007"),
        json!("100000000000000000000"),
        json!("18446744073709551616"),
        json!(""),
        json!("-100000000000000"),
    ] {
        let decoded = decode_frame("MESSAGE_DELETE", &one(&refused));
        assert_eq!(decoded.err(), Some(Skip::Malformed), "{refused}");
    }
    for taken in ["100000000000000", "18446744073709551615"] {
        assert!(decode_frame("MESSAGE_DELETE", &one(&json!(taken))).is_ok());
    }
    for place in ["channel_id", "guild_id", "webhook_id"] {
        let mut data = guild_message();
        data[place] = json!("0");
        let decoded = decode_frame("MESSAGE_CREATE", &data);
        assert_eq!(decoded.err(), Some(Skip::Malformed), "{place}");
    }
    let mut data = guild_message();
    data["author"]["id"] = json!("12");
    assert_eq!(
        decode_frame("MESSAGE_CREATE", &data).err(),
        Some(Skip::Malformed)
    );
}

/// Any JSON at all, to stand where Discord puts something sensible.
fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        ".{0,20}".prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::hash_map("[a-z_]{1,12}", inner, 0..4)
                .prop_map(|map| map.into_iter().collect()),
        ]
    })
}

const TYPES: [&str; 7] = [
    "MESSAGE_CREATE",
    "MESSAGE_UPDATE",
    "MESSAGE_DELETE",
    "MESSAGE_DELETE_BULK",
    "INTERACTION_CREATE",
    "READY",
    "GUILD_CREATE",
];

proptest! {
    #[test]
    fn any_text_is_survived(text in ".{0,400}") {
        if let Some(header) = Header::scan(&text) {
            drop(decode(header.kind, &text, OWN));
        }
    }

    #[test]
    fn one_field_of_another_shape_never_panics(
        event_type in prop::sample::select(TYPES.as_slice()),
        is_interaction in any::<bool>(),
        index in any::<prop::sample::Index>(),
        value in any_json(),
    ) {
        let mut data = if is_interaction {
            with_data(2, json!({ "name": "a", "options": [] }))
        } else {
            guild_message()
        };
        let keys: Vec<_> = data.as_object().unwrap().keys().cloned().collect();
        data[index.get(&keys)] = value;
        drop(decode_frame(event_type, &data));
    }

    #[test]
    fn a_frame_that_is_cut_off_is_skipped(cut in any::<prop::sample::Index>()) {
        let whole = frame("MESSAGE_CREATE", &guild_message());
        let mut end = cut.index(whole.len());
        while !whole.is_char_boundary(end) {
            end -= 1;
        }
        let text = whole.get(..end).unwrap();
        if let Some(header) = Header::scan(text) {
            prop_assert_eq!(decode(header.kind, text, OWN).err(), Some(Skip::Malformed));
        }
    }
}
