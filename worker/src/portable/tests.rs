//! What is written is read back, what is read is within bounds, and what is wrong is refused as a whole.

use chrono::DateTime;
use proptest::prelude::*;
use proto::id::UserId;
use serde_json::{Value, json};
use store::{PrivacyLevel, ServerSettings};

use super::*;

const ALICE: UserId = UserId(80_351_110_224_678_912);
const MOST: u16 = 1_000;

fn file(file_type: FileType, contents: Value) -> Vec<u8> {
    let contents = Contents {
        file_type,
        owner: ALICE.0,
        part: None,
        contents,
    };
    write(contents, DateTime::UNIX_EPOCH)
}

fn opened(bytes: &[u8], wanted: FileType) -> Result<Value, Refusal> {
    open(bytes, wanted, ALICE).map(|opened| opened.contents)
}

fn read_memories(bytes: &[u8]) -> Result<Vec<String>, Refusal> {
    let contents = opened(bytes, FileType::GlobalPersonalMemories)?;
    memories_of(&contents, "personal_memories", MOST)
}

fn read_settings(config: &Value) -> Result<(ServerSettings, Vec<String>), Refusal> {
    let bytes = file(FileType::ServerConfig, config.clone());
    let contents = opened(&bytes, FileType::ServerConfig)?;
    let mut ignored = Vec::new();
    let settings = apply(&SERVER, &ServerSettings::default(), &contents, &mut ignored)?;
    Ok((settings, ignored))
}

/// PRIV-47, PRIV-51b: to the letter, because other programs read it.
#[test]
fn a_file_looks_as_promised() {
    let bytes = file(FileType::GlobalPersonalMemories, json!(["likes \"tea\""]));
    let expected = r#"{
  "version": "1.0",
  "type": "global_personal_memories",
  "exported_at": "1970-01-01T00:00:00.000Z",
  "owner": "80351110224678912",
  "data": {
    "personal_memories": [
      "likes \"tea\""
    ]
  }
}"#;
    assert_eq!(String::from_utf8(bytes).unwrap(), expected);
    let settings = PersonalSettings {
        nickname: Some("Ren".to_owned()),
        privacy_level: PrivacyLevel::Partial,
    };
    let bytes = file(FileType::PersonalSettings, show(&PERSONAL, &settings));
    let text = String::from_utf8(bytes).unwrap();
    assert!(
        text.ends_with("\"privacy_level\": 1,\n    \"user_nickname\": \"Ren\"\n  }\n}"),
        "{text}"
    );
}

/// PRIV-57.
#[test]
fn what_is_no_file_of_ours_is_refused() {
    let good = file(FileType::GlobalPersonalMemories, json!(["a"]));
    let text = String::from_utf8(good.clone()).unwrap();
    let changed = |from, to| text.replace(from, to).into_bytes();
    let mut broken = good.clone();
    broken.insert(36, 0xff);
    let other = FileType::ServerConfig;
    let wanted = FileType::GlobalPersonalMemories;
    let cases: [(Vec<u8>, Refusal); 10] = [
        (
            b"{\"a\": 1,}".to_vec(),
            Refusal::NotJson { line: 1, column: 9 },
        ),
        (b"{} {}".to_vec(), Refusal::NotJson { line: 1, column: 4 }),
        (
            broken,
            Refusal::NotJson {
                line: 3,
                column: 15,
            },
        ),
        (b"[1]".to_vec(), Refusal::NotOurs),
        (b"{\"version\": \"1.0\"}".to_vec(), Refusal::NotOurs),
        (changed("1.0", "2.0"), Refusal::Version),
        (
            file(other, json!({})),
            Refusal::Type {
                found: Some(other),
                wanted,
            },
        ),
        (
            changed("global_personal_memories", "recipes"),
            Refusal::Type {
                found: None,
                wanted,
            },
        ),
        (changed("80351110224678912", "1"), Refusal::Foreign),
        (
            changed("personal_memories\": [", "memories\": ["),
            Refusal::NoContents {
                name: "personal_memories",
            },
        ),
    ];
    for (bytes, why) in cases {
        assert_eq!(read_memories(&bytes).unwrap_err(), why);
    }
    assert_eq!(read_memories(&good).unwrap(), ["a"]);
    // By hand: without an owner, and with the mark that some editors put in front.
    let by_hand = b"\xef\xbb\xbf{\"version\":\"1.0\",\"type\":\"global_personal_memories\",
        \"data\":{\"personal_memories\":[\" a \"]}}";
    assert_eq!(read_memories(by_hand).unwrap(), ["a"]);
}

/// NET-35.
#[test]
fn what_is_too_deep_or_too_much_is_refused() {
    let deep = |levels| {
        ["[".repeat(levels), "]".repeat(levels)]
            .concat()
            .into_bytes()
    };
    assert_eq!(read_memories(&deep(65)), Err(Refusal::TooDeep));
    assert_eq!(read_memories(&deep(64)), Err(Refusal::NotOurs));
    let many = |values: usize| format!("[{}0]", "0,".repeat(values - 1)).into_bytes();
    assert_eq!(read_memories(&many(200_000)), Err(Refusal::TooManyValues));
    assert_eq!(read_memories(&many(199_999)), Err(Refusal::NotOurs));
    assert_eq!(
        read_memories(b"{\"a\": 1, \"a\": 1}"),
        Err(Refusal::NamedTwice)
    );
}

/// PRIV-57: one that cannot be remembered refuses all, and is named.
#[test]
fn a_list_with_one_wrong_memory_is_refused() {
    let read = |entries: Value| read_memories(&file(FileType::GlobalPersonalMemories, entries));
    let wrong = |number, fault| Err(Refusal::Memory { number, fault });
    let long = "ö".repeat(1_001);
    assert_eq!(read(json!(["a", " \u{0} "])), wrong(2, TextFault::Empty));
    assert_eq!(read(json!(["a", 7])), wrong(2, TextFault::NotText));
    assert_eq!(
        read(json!([long, "a"])),
        wrong(1, TextFault::TooLong { most: MOST })
    );
    assert!(read(json!([format!("  {}\n", "ö".repeat(1_000))])).is_ok());
    assert_eq!(
        read(vec!["a"; 10_000].into()),
        Err(Refusal::TooManyMemories {
            found: 10_000,
            most: 1_000
        })
    );
    assert_eq!(
        read(json!({})),
        Err(Refusal::NoContents {
            name: "personal_memories"
        })
    );
}

/// PRIV-57: every setting at its ends, beyond them, and of another type.
#[test]
fn a_setting_that_cannot_be_so_refuses_all() {
    for (name, inside, outside) in [
        (
            "llm_temperature",
            vec![json!(0), json!(2.0)],
            vec![json!(-0.1), json!(2.1)],
        ),
        (
            "llm_max_output_tokens",
            vec![json!(null), json!(131_072)],
            vec![json!(0), json!(131_073)],
        ),
        (
            "user_byok_mode",
            vec![json!(true)],
            vec![json!(1), json!(null)],
        ),
        (
            "humanizer_degree",
            vec![json!(0), json!(3)],
            vec![json!(-1), json!(4), json!(1.5)],
        ),
        (
            "message_fetch_limit",
            vec![json!(20), json!(100)],
            vec![json!(19), json!(101)],
        ),
        (
            "system_prompt",
            vec![json!(null), json!("x".repeat(8_000))],
            vec![json!(""), json!("x".repeat(8_001)), json!("\u{0}")],
        ),
        (
            "tool_notice_hidden_keys",
            vec![json!([]), json!(["model_fallback"])],
            vec![json!("x"), json!([1]), json!(vec!["x"; 65]), json!([""])],
        ),
        ("tool_use_enabled", vec![json!(false)], vec![json!("no")]),
    ] {
        for value in inside {
            let set = read_settings(&json!({ name: value })).unwrap();
            let shown = show(&SERVER, &set.0);
            let is_same =
                shown[name].as_f64() == value.as_f64() && shown[name].is_null() == value.is_null();
            assert!(is_same, "{name} = {value}: {}", shown[name]);
        }
        for value in outside {
            let refused = read_settings(&json!({ "humanizer_degree": 2, name: value }));
            let is_named =
                matches!(&refused, Err(Refusal::Setting { name: named, .. }) if *named == name);
            assert!(is_named, "{name} = {value}: {refused:?}");
        }
    }
}

/// PRIV-57, PRIV-52, CHAT-112: what there is no field for is passed over and told.
#[test]
fn names_that_mean_nothing_are_told() {
    let config = json!({ "api_key": "k", "llm_temperature": 0.7, "video": true });
    let (settings, ignored) = read_settings(&config).unwrap();
    assert_eq!(ignored, ["api_key", "video"]);
    let before = ServerSettings::default();
    let changed = differences(&SERVER, &before, &settings);
    let expected = Difference {
        name: "llm_temperature",
        before: json!(1.0),
        after: json!(0.7),
    };
    assert_eq!(changed, [expected]);
}

proptest! {
    /// Whatever people remember comes back as it was, in parts that can all be handed in.
    #[test]
    fn memories_come_back_as_they_were(
        memories in proptest::collection::vec("\\PC{1,40}|[\\x01-\\x1f\"\\\\a]{3,9}x", 0..40),
        most_bytes in 1_100_usize..4_000,
    ) {
        let clean: Vec<String> =
            memories.iter().filter_map(|text| memory_text(text, MOST).ok()).collect();
        let mut back = Vec::new();
        for part in split(clean.clone(), most_bytes) {
            let bytes = file(FileType::GlobalPersonalMemories, part.clone().into());
            prop_assert!(bytes.len() <= most_bytes || part.len() == 1);
            back.extend(read_memories(&bytes).unwrap());
        }
        prop_assert_eq!(back, clean);
    }

    /// What is taken says the same when it is written and read once more.
    #[test]
    fn what_is_taken_is_written_the_same(text in "[\\[\\]{},:\"a1. \\\\n]{0,60}") {
        let text = format!(
            "{{\"version\":\"1.0\",\"type\":\"server_config\",\"data\":{{\"config\":{text}}}}}"
        );
        if let Ok(contents) = opened(text.as_bytes(), FileType::ServerConfig) {
            let again = opened(&file(FileType::ServerConfig, contents.clone()), FileType::ServerConfig);
            prop_assert_eq!(again, Ok(contents));
        }
    }

    #[test]
    fn any_bytes_are_read_without_a_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        for file_type in FileType::ALL {
            prop_assert!(opened(&bytes, file_type).is_err());
        }
    }
}
