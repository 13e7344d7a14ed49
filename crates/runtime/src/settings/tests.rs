use super::sections::{AdminSettings, DiscordSettings, LogSettings, NatsSettings, RunSettings};
use super::*;
use proptest::prelude::*;

fn reader(pairs: &[(&str, &str)]) -> Reader {
    Reader::new(Source::from_pairs(Process::Worker, pairs.iter().copied()))
}

/// Reads all shared sections, as both processes do.
fn read_all(pairs: &[(&str, &str)]) -> Result<Effective, SettingsError> {
    let mut reader = reader(pairs);
    let run = RunSettings::read(&mut reader);
    LogSettings::read(&mut reader);
    AdminSettings::read(&mut reader);
    NatsSettings::read(&mut reader, &run);
    DiscordSettings::read(&mut reader, &run);
    reader.finish()
}

/// A file of its own that is gone after the test.
struct TempFile(std::path::PathBuf);

impl TempFile {
    fn new(name: &str, text: &str) -> Self {
        let unique = format!("runtime-settings-{}-{name}", std::process::id());
        let path = std::env::temp_dir().join(unique);
        std::fs::write(&path, text).unwrap();
        Self(path)
    }
}

impl Drop for TempFile {
    fn drop(&mut self) {
        std::fs::remove_file(&self.0).unwrap();
    }
}

/// SEC-16, CFG-2, CFG-1.
#[test]
fn every_problem_is_told_at_once_with_name_fault_and_fix() {
    let error = read_all(&[
        ("RUN_ENV", "staging"),
        ("LOG_LEVEL", "loud"),
        ("HTTP_LISTEN", "everywhere"),
        ("EVENT_PARTITIONS", "5000"),
        ("NATS_PREFIX", "Not Allowed"),
    ])
    .unwrap_err();
    let names: Vec<_> = error
        .problems
        .iter()
        .map(|problem| problem.name.as_str())
        .collect();
    let expected = [
        "RUN_ENV",
        "LOG_LEVEL",
        "HTTP_LISTEN",
        "NATS_PREFIX",
        "EVENT_PARTITIONS",
        "DISCORD_TOKEN",
    ];
    assert_eq!(names, expected);
    let text = error.to_string();
    assert!(
        text.starts_with("6 problems with the settings:\n"),
        "{text}"
    );
    assert!(
        text.contains("\n  EVENT_PARTITIONS is out of range; allowed: 1 to 1024"),
        "{text}"
    );
    assert!(
        text.contains("\n  DISCORD_TOKEN is missing; set it in the environment"),
        "{text}"
    );
}

/// CFG-7, CFG-9, CFG-10: other words are errors, and never a default.
#[test]
fn modes_levels_and_forms_have_their_words() {
    let table = read_all(&[("DISCORD_TOKEN", "t")]).unwrap().table();
    for (name, default, others) in [
        (
            "RUN_ENV",
            "development",
            ["production ready", "Test", "dev"],
        ),
        ("LOG_LEVEL", "info", ["loud", "INFO", "warning"]),
        ("LOG_FORMAT", "json", ["xml", "JSON", "logfmt"]),
    ] {
        assert!(table.contains(&format!("{name}={default}\n")), "{table}");
        for other in others {
            let read = read_all(&[("DISCORD_TOKEN", "t"), (name, other)]);
            let text = read.unwrap_err().to_string();
            assert!(text.contains(name), "{text}");
        }
    }
}

/// CFG-12, CFG-26, CFG-37.
#[test]
fn defaults_hold_when_only_the_token_is_set() {
    let effective = read_all(&[("DISCORD_TOKEN", "t0ken")]).unwrap();
    assert!(effective.warnings.is_empty());
    let table = effective.table();
    assert!(
        table.contains("NATS_URL=nats://127.0.0.1:4222\n"),
        "{table}"
    );
    assert!(table.contains("HTTP_LISTEN=127.0.0.1:3001\n"), "{table}");
    assert!(table.contains("DISCORD_TOKEN=(set)\n"), "{table}");
    assert!(!table.contains("t0ken"));
}

/// SEC-19.
#[test]
fn secret_shows_up_neither_in_debug_nor_in_errors() {
    let reader = reader(&[("POSTGRES_PORT", "hunter2")]);
    assert!(!format!("{reader:?}").contains("hunter2"));
    let mut reader = reader;
    let port = reader.required_secret_as("POSTGRES_PORT", "1 to 65535", "port", |text| {
        text.parse::<u16>()
            .map_err(|_digits| "is not a port".to_owned())
    });
    assert_eq!(port, None);
    let error = reader.finish().unwrap_err();
    assert_eq!(
        error.to_string(),
        "1 problem with the settings:\n  POSTGRES_PORT is not a port; allowed: 1 to 65535"
    );
}

/// SEC-16, CFG-1.
#[test]
fn empty_value_counts_as_unset() {
    let mut reader = reader(&[("NATS_URL", ""), ("WORKER_MAX_TURNS", "  ")]);
    assert_eq!(
        reader.integer("WORKER_MAX_TURNS", 64, 1..=1024, "turns"),
        64
    );
    assert!(reader.finish().is_ok());
}

/// CFG-2.
#[test]
fn numbers_with_units_signs_or_fractions_are_refused() {
    for text in ["5s", "+5", "1e3", "0x10", "5.5", "१"] {
        let mut reader = reader(&[("N", text)]);
        reader.integer("N", 1, 0..=100_000, "n");
        assert!(reader.finish().is_err(), "{text}");
    }
    for text in ["inf", "nan", "1e3", "-1"] {
        let mut reader = reader(&[("N", text)]);
        reader.float("N", 1.0, 0.0..=10.0, "n");
        assert!(reader.finish().is_err(), "{text}");
    }
}

/// CFG-3.
#[test]
fn misspelt_name_is_warned_of_with_the_nearest_known_one() {
    let effective = read_all(&[("DISCORD_TOKEN", "t"), ("NATS_PREFX", "a")]).unwrap();
    assert_eq!(
        effective.warnings,
        ["the setting NATS_PREFX is not known; did you mean NATS_PREFIX?"]
    );
}

/// SEC-2, CFG-4.
#[test]
fn environment_wins_over_dot_env_and_a_broken_line_is_not_shown() {
    let good = TempFile::new("good.env", "LOG_LEVEL=debug\nNATS_PREFIX=mine\n");
    let pairs = [("LOG_LEVEL".to_owned(), "warn".to_owned())];
    let mut reader = Reader::new(Source::of(Process::Worker, pairs.into_iter(), &good.0));
    assert_eq!(reader.text("LOG_LEVEL", "info", "level"), "warn");
    assert_eq!(reader.text("NATS_PREFIX", "tomori", "prefix"), "mine");

    let bad = TempFile::new("bad.env", "LOG_LEVEL=debug\nDISCORD_TOKEN hunter2\n");
    let source = Source::of(Process::Worker, std::iter::empty(), &bad.0);
    let text = Reader::new(source).finish().unwrap_err().to_string();
    assert!(
        text.contains(".env has a line that is not NAME=value, after LOG_LEVEL"),
        "{text}"
    );
    assert!(!text.contains("hunter2"), "{text}");
}

/// SEC-1, SEC-7, CFG-22.
#[test]
fn secret_file_is_the_only_source_of_secrets() {
    let file = TempFile::new(
        "secrets.json",
        r#"{"DISCORD_TOKEN":"from file","POSTGRES_PORT":5432}"#,
    );
    let path = file.0.to_str().unwrap();
    let mut reader = reader(&[("SECRET_FILE", path), ("DISCORD_TOKEN", "ignored")]);
    assert_eq!(
        reader
            .required_secret("DISCORD_TOKEN", "token")
            .expose_secret(),
        "from file"
    );
    assert_eq!(
        reader
            .required_secret("POSTGRES_PORT", "port")
            .expose_secret(),
        "5432"
    );
    let warnings = reader.finish().unwrap().warnings;
    assert_eq!(
        warnings,
        ["ignored, because secrets come from elsewhere: DISCORD_TOKEN"]
    );
}

/// SEC-6.
#[test]
fn broken_secret_files_are_told_apart() {
    let cases = [
        ("", "names an empty file"),
        ("[]", "no JSON object"),
        ("{", "not JSON (line 1)"),
    ];
    for (number, (text, expected)) in cases.into_iter().enumerate() {
        let file = TempFile::new(&format!("broken-{number}.json"), text);
        let reader = reader(&[("SECRET_FILE", file.0.to_str().unwrap())]);
        let error = reader.finish().unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    }
    let error = reader(&[("SECRET_FILE", "/nowhere/at/all")])
        .finish()
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("names a file that does not exist"),
        "{error}"
    );
}

/// SEC-7, CFG-120, CFG-124.
#[test]
fn production_reads_no_secret_from_the_environment_and_needs_encrypted_endpoints() {
    let text = read_all(&[
        ("RUN_ENV", "production"),
        ("DISCORD_TOKEN", "not read"),
        ("NATS_URL", "nats://broker.example:4222"),
        ("DISCORD_API_URL", "http://127.0.0.1:1/api/v10"),
    ])
    .unwrap_err()
    .to_string();
    for expected in [
        "DISCORD_TOKEN is missing; add it to the secret that SECRETS_ID names",
        "NATS_URL is not",
        "DISCORD_API_URL is",
    ] {
        assert!(text.contains(expected), "{expected}: {text}");
    }
}

/// SEC-80, CFG-8, CFG-121.
#[test]
fn production_refuses_every_relaxed_switch_at_once() {
    let switches = [
        ("ALLOW_LOCAL_ENDPOINTS", "yes"),
        ("GUARDS_RELAXED", "media"),
        ("DECODE_ISOLATION", "false"),
        ("COMMAND_COOLDOWN_SCALE", "0"),
    ];
    for test_production in ["false", "true"] {
        let production = [
            ("RUN_ENV", "production"),
            ("TEST_PRODUCTION", test_production),
        ];
        let text = read_all(&[&production[..], &switches].concat())
            .unwrap_err()
            .to_string();
        for (name, _) in switches {
            assert!(
                text.contains(&format!("{name} takes a protection away")),
                "{text}"
            );
        }
    }
    let harmless = [
        ("RUN_ENV", "production"),
        ("TEST_PRODUCTION", "true"),
        ("DISCORD_TOKEN", "t"),
        ("ALLOW_LOCAL_ENDPOINTS", "false"),
        ("DECODE_ISOLATION", "true"),
        ("COMMAND_COOLDOWN_SCALE", "1"),
    ];
    assert!(read_all(&harmless).unwrap().warnings.is_empty());
}

/// SEC-80, CFG-116.
#[test]
fn relaxed_switches_are_named_at_every_start() {
    let relaxed = [("DISCORD_TOKEN", "t"), ("ALLOW_LOCAL_ENDPOINTS", "true")];
    assert_eq!(
        read_all(&relaxed).unwrap().warnings,
        ["protections are relaxed, for local use only: ALLOW_LOCAL_ENDPOINTS"]
    );
}

/// CFG-25.
#[test]
fn secret_store_without_encryption_is_only_asked_nearby() {
    for good in [
        "https://store.example",
        "http://127.0.0.1:1",
        "http://10.1.2.3",
        "http://[::1]:1",
    ] {
        let pairs = [("DISCORD_TOKEN", "t"), ("AWS_ENDPOINT_URL", good)];
        assert!(read_all(&pairs).is_ok(), "{good}");
    }
    for bad in [
        "http://store.example",
        "http://8.8.8.8",
        "store",
        "http://a:b@127.0.0.1",
    ] {
        let pairs = [("DISCORD_TOKEN", "t"), ("AWS_ENDPOINT_URL", bad)];
        assert!(read_all(&pairs).is_err(), "{bad}");
    }
}

/// SEC-25.
#[test]
fn master_keys_count_byte_for_byte_and_other_secrets_are_trimmed() {
    let mut reader = reader(&[("CRYPTO_SECRET_V1", " key\n"), ("NATS_TOKEN", " token\n")]);
    let keys = reader.matching_secrets("CRYPTO_SECRET_V", "master keys");
    assert_eq!(keys[0].1.expose_secret(), " key\n");
    let token = reader.optional_secret("NATS_TOKEN", "token").unwrap();
    assert_eq!(token.expose_secret(), "token");
}

/// SEC-10.
#[test]
fn gateway_forgets_what_it_does_not_need() {
    let file = TempFile::new(
        "all.json",
        r#"{"DISCORD_TOKEN":"t","NATS_TOKEN":"n","POSTGRES_PASSWORD":"hunter2","CRYPTO_SECRET":[]}"#,
    );
    let pairs = [("SECRET_FILE", file.0.to_str().unwrap())];
    let mut reader = Reader::new(Source::from_pairs(Process::Gateway, pairs));
    assert!(reader.optional_secret("DISCORD_TOKEN", "token").is_some());
    assert!(reader.optional_secret("NATS_TOKEN", "token").is_some());
    assert!(
        reader
            .optional_secret("POSTGRES_PASSWORD", "password")
            .is_none()
    );
    assert!(reader.finish().is_ok());
}

#[test]
fn source_that_cannot_be_read_is_the_only_problem_with_secrets() {
    let error = read_all(&[("SECRET_FILE", "/nowhere/at/all")]).unwrap_err();
    assert_eq!(error.problems.len(), 1, "{error}");
}

/// SEC-18, CFG-30.
#[test]
fn two_logins_and_half_a_login_are_refused() {
    let two = [
        ("DISCORD_TOKEN", "t"),
        ("NATS_TOKEN", "a"),
        ("NATS_NKEY_SEED", "b"),
    ];
    assert!(
        read_all(&two)
            .unwrap_err()
            .to_string()
            .contains("keep only one")
    );
    let half = [("DISCORD_TOKEN", "t"), ("NATS_USER", "a")];
    assert!(
        read_all(&half)
            .unwrap_err()
            .to_string()
            .contains("set both or neither")
    );
    let inside = [
        ("DISCORD_TOKEN", "t"),
        ("NATS_URL", "nats://a:hunter2@127.0.0.1"),
    ];
    let text = read_all(&inside).unwrap_err().to_string();
    assert!(
        text.contains("NATS_URL contains a login") && !text.contains("hunter2"),
        "{text}"
    );
}

#[test]
fn prefix_scan_returns_what_follows_the_prefix() {
    let mut reader = reader(&[
        ("CRYPTO_SECRET_V2", "b"),
        ("CRYPTO_SECRET_V1", "a"),
        ("X", "y"),
    ]);
    let found = reader.matching_secrets("CRYPTO_SECRET_V", "master keys");
    let versions: Vec<_> = found.iter().map(|(version, _)| version.as_str()).collect();
    assert_eq!(versions, ["1", "2"]);
}

/// CFG-2.
#[test]
fn lists_are_trimmed_and_empty_items_refused() {
    let mut good = reader(&[("WORDS", " a, b ,c")]);
    assert_eq!(good.list("WORDS", &[], 3, "words"), ["a", "b", "c"]);
    let mut empty_item = reader(&[("WORDS", "a,,c")]);
    empty_item.list("WORDS", &[], 3, "words");
    assert!(empty_item.finish().is_err());
    let mut too_many = reader(&[("WORDS", "a,b,c,d")]);
    too_many.list("WORDS", &[], 3, "words");
    assert!(too_many.finish().is_err());
}

proptest! {
    #[test]
    fn no_value_whatever_makes_the_reader_panic(text in ".*") {
        let names =
            ["RUN_ENV", "LOG_LEVEL", "HTTP_LISTEN", "NATS_URL", "NATS_PREFIX", "EVENT_PARTITIONS",
             "DISCORD_API_URL", "DISCORD_TOKEN", "LOG_ID_HASH"];
        for name in names {
            let read = read_all(&[(name, &text)]);
            prop_assert!(read.is_ok() || !read.unwrap_err().to_string().is_empty());
        }
    }
}
