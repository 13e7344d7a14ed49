//! The worker's settings: read once, checked together, passed down as plain values.
//!
//! Which secrets are needed depends on the command (SEC-9 to SEC-13), so each command reads the
//! sections that it uses.

mod data;
mod database;
mod first_persona;
mod guards;
mod media;
mod memory;
mod provider_keys;
mod remote;
mod tool_servers;
mod tools;

use std::collections::HashMap;
use std::time::Duration;

use llm::{Provider, Service};
use proto::id::GuildId;
use runtime::settings::sections::{AdminSettings, DiscordSettings, NatsSettings, RunSettings};
use runtime::settings::{Reader, spec};

pub use self::data::DataSettings;
pub use self::database::read_operator_store;
use self::database::read_store;
use self::first_persona::read_bot_name;
pub use self::guards::{CommandCooldowns, GuardSettings};
pub use self::media::MediaSettings;
pub use self::memory::MemoryBounds;
use self::provider_keys::{read_key_rules, read_max_key_checks};
pub use self::remote::RemoteSettings;
pub use self::tool_servers::McpSettings;
use self::tools::read_tool_bounds;
use crate::keys::{MasterKeys, read_keys};
use crate::pool::Rules;
use crate::switches::Switches;
use crate::tool::Bounds;

/// Names of the worker's log and identity (CFG-13): what a name may consist of.
const WORKER_ID_LENGTH: usize = 32;

/// Everything that the running worker needs.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Run mode and drain time.
    pub run: RunSettings,
    /// Where health and metrics are served.
    pub admin: AdminSettings,
    /// The connection to NATS.
    pub nats: NatsSettings,
    /// The connection to Discord.
    pub discord: DiscordSettings,
    /// The database.
    pub store: store::Settings,
    /// Master keys.
    pub keys: MasterKeys,
    /// How turns are run.
    pub chat: ChatSettings,
    /// What is known of copies of people's data.
    pub data: DataSettings,
    /// How often and how much at once.
    pub guards: GuardSettings,
    /// What becomes of the pictures of a conversation.
    pub media: MediaSettings,
    /// How much is remembered.
    pub memory: MemoryBounds,
    /// Addresses that replace the built-in ones of providers (CFG-84).
    pub provider_base_urls: HashMap<Provider, llm::Url>,
    /// The same for services.
    pub service_base_urls: HashMap<Service, llm::Url>,
    /// Requests to addresses that others name.
    pub remote: RemoteSettings,
    /// What tool servers may take.
    pub tool_servers: McpSettings,
    /// What a test takes away.
    pub switches: Switches,
}

/// How turns are run.
#[derive(Clone, Debug)]
pub struct ChatSettings {
    /// The name of this worker (CFG-13).
    pub worker_id: String,
    /// Turns that run at once in this process (CFG-50).
    pub max_turns: usize,
    /// The longest that one turn may take (CFG-52).
    pub turn_max: Duration,
    /// A turn that gets nowhere for this long is given up (CFG-53).
    pub stalled_after: Duration,
    /// Turns in a row that their users may interrupt by follow-ups (CFG-57).
    pub max_follow_ups: i16,
    /// Older messages are not answered when they are first seen (CFG-55).
    pub stale_event_max_age: Duration,
    /// Messages of a channel that are read again after a lost session; 0: none.
    pub gap_backfill: u16,
    /// Time between two typing signs (CFG-58).
    pub typing_keepalive: Duration,
    /// Name of the first persona (CFG-16).
    pub default_bot_name: String,
    /// Words that address a bot which is not set up yet (CFG-17).
    pub base_trigger_words: Vec<String>,
    /// How long settings of a server are remembered (CFG-113).
    pub server_config_ttl: Duration,
    /// What becomes of a provider key after a refusal.
    pub key_rules: Rules,
    /// How often one person may have a key checked in a day (CFG-76).
    pub max_key_checks: u32,
    /// Most tokens of an answer (CFG-85).
    pub max_output_tokens: u32,
    /// Most posts of one reply (CFG-77).
    pub max_flush_count: usize,
    /// When a model has used tools for long enough (CFG-60, CFG-61).
    pub tool_bounds: Bounds,
}

impl Settings {
    /// Reads everything; problems are collected in the reader.
    pub fn read(reader: &mut Reader, run: RunSettings) -> Self {
        // Acted upon by `worker migrate`, in the same environment: here it is checked and shown.
        read_replicas(reader);
        let remote = RemoteSettings::read(reader);
        Self {
            admin: AdminSettings::read(reader),
            nats: NatsSettings::read(reader, &run),
            discord: DiscordSettings::read(reader, &run),
            store: read_store(reader, &run),
            keys: read_keys(reader),
            chat: read_chat(reader),
            data: DataSettings::read(reader),
            guards: GuardSettings::read(reader),
            media: MediaSettings::read(reader),
            memory: MemoryBounds::read(reader),
            provider_base_urls: read_provider_urls(reader, &remote),
            service_base_urls: read_service_urls(reader, &remote),
            remote,
            tool_servers: McpSettings::read(reader),
            switches: Switches::read(reader, &run),
            run,
        }
    }
}

fn read_chat(reader: &mut Reader) -> ChatSettings {
    let max_turns = reader.integer("WORKER_MAX_TURNS", 64, 1..=1024, "turns at once per worker");
    let words = reader.list(
        "BASE_TRIGGER_WORDS",
        &["tomori", "tomo", "ともり", "トモリ"],
        20,
        "words that address a bot which is not set up yet",
    );
    let tokens = reader.integer(
        "PROVIDER_MAX_OUTPUT_TOKENS",
        8192,
        256..=131_072,
        "most tokens of one answer",
    );
    let ttl = reader.integer(
        "SERVER_CONFIG_CACHE_TTL_SECONDS",
        600,
        0..=3600,
        "how long a server's settings are remembered, in seconds",
    );
    let follow_ups = reader.integer(
        "MAX_FOLLOW_UP_INTERRUPTS",
        3,
        0..=20,
        "turns in a row that a user's next message interrupts; 0: none",
    );
    let turn_max = reader.duration_ms(
        "TURN_MAX_MS",
        540_000,
        60_000..=540_000,
        "the longest turn, in milliseconds",
    );
    let flushes = reader.integer("MAX_FLUSH_COUNT", 40, 1..=200, "most posts of one reply");
    ChatSettings {
        worker_id: read_worker_id(reader),
        max_turns: usize::try_from(max_turns).unwrap_or(64),
        turn_max,
        stalled_after: read_stalled_after(reader, turn_max),
        max_follow_ups: i16::try_from(follow_ups).unwrap_or(3),
        stale_event_max_age: reader.duration_ms(
            "STALE_EVENT_MAX_AGE_MS",
            120_000,
            5_000..=600_000,
            "older messages are not answered when first seen, in milliseconds",
        ),
        gap_backfill: read_gap_backfill(reader),
        typing_keepalive: reader.duration_ms(
            "DISCORD_TYPING_KEEPALIVE_INTERVAL_MS",
            8_000,
            1_000..=9_500,
            "time between two typing signs, in milliseconds",
        ),
        default_bot_name: read_bot_name(reader),
        base_trigger_words: words,
        key_rules: read_key_rules(reader),
        max_key_checks: read_max_key_checks(reader),
        server_config_ttl: Duration::from_secs(u64::try_from(ttl).unwrap_or(600)),
        max_output_tokens: u32::try_from(tokens).unwrap_or(8192),
        max_flush_count: usize::try_from(flushes).unwrap_or(40),
        tool_bounds: read_tool_bounds(reader),
    }
}

fn read_gap_backfill(reader: &mut Reader) -> u16 {
    let most = reader.integer(
        "GAP_BACKFILL_MESSAGES",
        0,
        0..=100,
        "messages of each active channel that are read again after a lost session; 0: none",
    );
    u16::try_from(most).unwrap_or_default()
}

fn read_stalled_after(reader: &mut Reader, turn_max: Duration) -> Duration {
    let stalled_after = reader.duration_ms(
        "CHANNEL_LOCK_TIMEOUT_MS",
        180_000,
        10_000..=540_000,
        "a turn that gets nowhere for this long is given up, in milliseconds",
    );
    if stalled_after >= turn_max {
        reader.problem(
            "CHANNEL_LOCK_TIMEOUT_MS",
            "is not below TURN_MAX_MS",
            "make it smaller",
        );
    }
    stalled_after
}

fn read_worker_id(reader: &mut Reader) -> String {
    let mut default: String = runtime::host::name()
        .chars()
        .filter(|c| is_id_letter(*c))
        .take(WORKER_ID_LENGTH)
        .collect();
    if default.is_empty() {
        "worker".clone_into(&mut default);
    }
    let spec = spec(
        "WORKER_ID",
        Some(default.clone()),
        "1 to 32 letters, digits, - and _",
        "name of this worker in presence, consumer names and rows",
    );
    let read = reader.parsed(spec, |text| {
        let fits = !text.is_empty()
            && text.chars().count() <= WORKER_ID_LENGTH
            && text.chars().all(is_id_letter);
        fits.then(|| text.to_owned())
            .ok_or_else(|| "is no worker name".to_owned())
    });
    read.unwrap_or(default)
}

const fn is_id_letter(letter: char) -> bool {
    letter.is_ascii_alphanumeric() || matches!(letter, '-' | '_')
}

fn read_provider_urls(reader: &mut Reader, remote: &RemoteSettings) -> HashMap<Provider, llm::Url> {
    let meaning = "address of this provider's API instead of the built-in one";
    let urls = Provider::ALL.into_iter().filter_map(|provider| {
        let name = format!("PROVIDER_BASE_URL_{}", provider.as_str().to_uppercase());
        Some((provider, read_base_url(reader, remote, &name, meaning)?))
    });
    urls.collect()
}

fn read_service_urls(reader: &mut Reader, remote: &RemoteSettings) -> HashMap<Service, llm::Url> {
    let meaning = "address of this service's API instead of the built-in one";
    let urls = Service::ALL.into_iter().filter_map(|service| {
        let name = service.as_str().to_uppercase().replace('-', "_");
        let name = format!("SERVICE_BASE_URL_{name}");
        Some((service, read_base_url(reader, remote, &name, meaning)?))
    });
    urls.collect()
}

/// The operator's word: no stranger named it, so it is not judged, but keys go there (CFG-84).
fn read_base_url(
    reader: &mut Reader,
    remote: &RemoteSettings,
    name: &str,
    meaning: &'static str,
) -> Option<llm::Url> {
    let url = reader.optional_url(name, &["https", "http"], meaning)?;
    if url.scheme() == "http" && !remote.policy.allow_local {
        let fix = "use https://, or set ALLOW_LOCAL_ENDPOINTS=true on a developer's machine";
        reader.problem(name, "is not encrypted", fix);
    }
    let parsed = llm::Url::parse(url.as_ref()).ok();
    if parsed.is_none() {
        reader.problem(name, "is no address", "use https://host/path/");
    }
    parsed
}

/// Reads how many servers hold a copy of the stream and the buckets (CFG-40).
pub fn read_replicas(reader: &mut Reader) -> usize {
    let copies = [("1", 1), ("3", 3), ("5", 5)];
    reader.one_of(
        "NATS_REPLICAS",
        1,
        &copies,
        "copies of the stream and the buckets",
    )
}

/// Reads the only guild that gets the commands (CFG-21).
pub fn read_dev_guild(reader: &mut Reader) -> Option<GuildId> {
    let meaning = "register commands in this server only, where they show at once";
    reader.parsed(
        spec("DEV_GUILD_ID", None, "the id of a server", meaning),
        |text| text.parse().ok().ok_or_else(|| "is no id".to_owned()),
    )
}

#[cfg(test)]
mod bounds;

#[cfg(test)]
mod tests {
    use runtime::settings::Process;
    use runtime::settings::source::Source;

    use super::*;

    const NEEDED: [(&str, &str); 7] = [
        ("DISCORD_TOKEN", "t"),
        ("CRYPTO_SECRET", "k"),
        ("POSTGRES_HOST", "db"),
        ("POSTGRES_PORT", "5432"),
        ("POSTGRES_USER", "u"),
        ("POSTGRES_PASSWORD", "p"),
        ("POSTGRES_DB", "d"),
    ];

    pub(super) fn reader(more: &[(&str, &str)]) -> Reader {
        let pairs = NEEDED.iter().chain(more).copied();
        let mut reader = Reader::new(Source::from_pairs(Process::Worker, pairs));
        let run = RunSettings::read(&mut reader);
        drop(Settings::read(&mut reader, run));
        reader
    }

    /// SEC-9, SEC-17, CFG-31: all that is missing is told at once, and a port that is none.
    #[test]
    fn a_worker_asks_for_its_token_its_database_and_a_master_key() {
        let read = |pairs: &[(&'static str, &'static str)]| {
            let source = Source::from_pairs(Process::Worker, pairs.iter().copied());
            let mut reader = Reader::new(source);
            let run = RunSettings::read(&mut reader);
            drop(Settings::read(&mut reader, run));
            let error = reader.finish().unwrap_err();
            let names = error.problems.iter().map(|problem| problem.name.clone());
            names.collect::<Vec<_>>()
        };
        let mut missing = read(&[]);
        missing.sort();
        let expected = [
            "CRYPTO_SECRET (or CRYPTO_SECRET_V<n>)",
            "DISCORD_TOKEN",
            "POSTGRES_DB",
            "POSTGRES_HOST",
            "POSTGRES_PASSWORD",
            "POSTGRES_PORT",
            "POSTGRES_USER",
        ];
        assert_eq!(missing, expected);
        for port in ["0", "65536", "five"] {
            let mut given = NEEDED.to_vec();
            given.retain(|(name, _)| *name != "POSTGRES_PORT");
            given.push(("POSTGRES_PORT", port));
            assert_eq!(read(&given), ["POSTGRES_PORT"], "{port}");
        }
    }

    /// CFG-40.
    #[test]
    fn copies_of_the_stream_are_a_setting_that_a_running_worker_knows() {
        let known = reader(&[("NATS_REPLICAS", "3")]).finish().unwrap();
        let unknown = known.warnings.iter().any(|text| text.contains("not known"));
        assert!(!unknown, "{:?}", known.warnings);
        assert!(known.table().contains("NATS_REPLICAS=3"));
        let error = reader(&[("NATS_REPLICAS", "2")]).finish().unwrap_err();
        assert!(error.to_string().contains("NATS_REPLICAS"), "{error}");
    }

    /// CFG-84, CFG-116.
    #[test]
    fn a_provider_without_encryption_is_for_developers() {
        let open = ("PROVIDER_BASE_URL_OPENAI", "http://127.0.0.1:1/v1");
        let error = reader(&[open]).finish().unwrap_err();
        assert!(error.to_string().contains("is not encrypted"), "{error}");
        assert!(
            reader(&[open, ("ALLOW_LOCAL_ENDPOINTS", "true")])
                .finish()
                .is_ok()
        );
    }

    /// CFG-2: what is not understood is an error, never a default.
    #[test]
    fn remote_settings_that_are_not_understood_are_errors() {
        for wrong in [
            ("REMOTE_ALLOWED_PORTS", "443,http"),
            ("REMOTE_DNS_SERVERS", "1.1.1.1"),
            ("REMOTE_LOCAL_ALLOW", "gpu.lan"),
            ("REMOTE_EGRESS_PROXY", "socks5://127.0.0.1:1"),
            ("MAX_GIF_SIZE_MB", "101"),
            ("REMOTE_BYTE_BUDGET_MB", "15"),
        ] {
            let error = reader(&[wrong]).finish().unwrap_err();
            assert!(error.to_string().contains(wrong.0), "{error}");
        }
    }

    /// CFG-80, CFG-81, POOL-14: known, with the promised defaults, and refused out of range.
    #[test]
    fn what_follows_from_refused_keys_is_set_within_bounds() {
        let table = reader(&[]).finish().unwrap().table();
        for (name, default, outside) in [
            ("KEY_ROTATION_RATE_LIMIT_COOLDOWN_MS", "60000", "999"),
            ("KEY_ROTATION_ERROR_COOLDOWN_MS", "300000", "86400001"),
            ("KEY_POOL_SNAPSHOT_MS", "1000", "99"),
            ("KEY_AUTH_FAILURES_TO_DISABLE", "3", "0"),
        ] {
            assert!(table.contains(&format!("{name}={default}")), "{table}");
            let error = reader(&[(name, outside)]).finish().unwrap_err();
            assert!(error.to_string().contains(name), "{error}");
        }
    }
}
