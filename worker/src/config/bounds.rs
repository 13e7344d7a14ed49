//! Tests of the defaults and bounds of settings, as docs/config.md tells them.

use super::tests::reader;

/// A setting has this default, and each of these is refused by its name.
#[track_caller]
fn assert_bounded(name: &'static str, default: &str, refused: &[&str]) {
    let table = reader(&[]).finish().unwrap().table();
    let line = format!("{name}={default}");
    assert!(table.lines().any(|told| told == line), "{line}: {table}");
    assert_refused(name, refused);
}

#[track_caller]
fn assert_refused(name: &'static str, refused: &[&str]) {
    for value in refused {
        let error = reader(&[(name, value)]).finish().unwrap_err();
        let names: Vec<_> = error.problems.iter().map(|one| &*one.name).collect();
        assert_eq!(names, [name], "{value}");
    }
}

/// CFG-13, CFG-14, CFG-16.
#[test]
fn a_process_is_called_and_ends_as_it_is_told() {
    assert_refused("WORKER_ID", &["a worker", "a.b", &"x".repeat(33)]);
    assert_bounded("DRAIN_TIMEOUT_MS", "25000", &["-1", "600001"]);
    assert_bounded("DEFAULT_BOTNAME", "Tomori", &[&"x".repeat(33)]);
}

/// CFG-17, CFG-20, CFG-79.
#[test]
fn words_and_days_are_bounded() {
    let words = "tomori,tomo,ともり,トモリ";
    assert_bounded("BASE_TRIGGER_WORDS", words, &[&"x,".repeat(20), "a,,b"]);
    assert_refused("BACKUP_RETENTION_DAYS", &["0", "3651"]);
    assert_bounded("GUILD_PURGE_DAYS", "30", &["0", "366"]);
}

/// CFG-34, CFG-35, CFG-36.
#[test]
fn connections_to_the_database_are_bounded() {
    assert_bounded("POSTGRES_POOL_MAX", "20", &["1", "201"]);
    assert_bounded("POSTGRES_STATEMENT_TIMEOUT_MS", "5000", &["99", "60001"]);
    assert_bounded("POSTGRES_APP_ROLE", "tomori_app", &["Tomori", "a role"]);
}

/// CFG-32.
#[test]
fn encryption_to_the_database_has_four_words() {
    assert_bounded("POSTGRES_TLS", "prefer", &["allow", "on"]);
}

/// CFG-38, CFG-124, CFG-125.
#[test]
fn addresses_and_files_of_others_are_looked_at() {
    assert_refused("NATS_CA_CERT_PATH", &["/no/such/file"]);
    assert_refused("DISCORD_API_URL", &["ftp://a.example", "a.example"]);
    assert_refused("DISCORD_PROXY_URL", &["ftp://a.example", "a.example"]);
}

/// CFG-50, CFG-52, CFG-53.
#[test]
fn turns_are_bounded_in_number_and_time() {
    assert_bounded("WORKER_MAX_TURNS", "64", &["0", "1025"]);
    assert_bounded("TURN_MAX_MS", "540000", &["59999", "540001"]);
    assert_bounded("CHANNEL_LOCK_TIMEOUT_MS", "180000", &["9999", "540001"]);
}

/// CFG-55, CFG-57, CFG-58.
#[test]
fn what_happens_around_a_turn_is_bounded() {
    assert_bounded("STALE_EVENT_MAX_AGE_MS", "120000", &["4999", "600001"]);
    assert_bounded("MAX_FOLLOW_UP_INTERRUPTS", "3", &["-1", "21"]);
    let often = "DISCORD_TYPING_KEEPALIVE_INTERVAL_MS";
    assert_bounded(often, "8000", &["999", "9501"]);
}

/// CFG-60, CFG-61, CFG-78.
#[test]
fn what_models_do_is_bounded() {
    assert_bounded("BOT_MAX_FUNCTION_CALL_ITERATIONS", "100", &["0", "501"]);
    assert_bounded("BOT_MAX_CONSECUTIVE_TOOL_ERRORS", "5", &["0", "51"]);
    assert_bounded("BLOCK_USER_MAX_DURATION_HOURS", "168", &["0", "8761"]);
}

/// CFG-67, CFG-77, CFG-85.
#[test]
fn what_is_said_is_bounded() {
    assert_bounded("DISCORD_GLOBAL_RPS", "45", &["0", "1001"]);
    assert_bounded("MAX_FLUSH_COUNT", "40", &["0", "201"]);
    assert_bounded("PROVIDER_MAX_OUTPUT_TOKENS", "8192", &["255", "131073"]);
}

/// CFG-76, CFG-106, CFG-113.
#[test]
fn uses_memories_and_copies_are_bounded() {
    assert_bounded("MAX_IMPORT_OPERATIONS_PER_DAY", "50", &["-1", "100001"]);
    assert_bounded("MAX_KEY_CHECKS_PER_DAY", "60", &["-1", "100001"]);
    assert_bounded("MAX_PERSONAL_MEMORIES", "25", &["0", "1001"]);
    assert_bounded("MAX_SERVER_MEMORIES", "25", &["0", "1001"]);
    assert_bounded("MAX_MEMORY_LENGTH", "1000", &["49", "1001"]);
    assert_bounded("SERVER_CONFIG_CACHE_TTL_SECONDS", "600", &["-1", "3601"]);
}

/// CFG-87, CFG-88, CFG-90.
#[test]
fn requests_to_strangers_are_bounded() {
    assert_refused("REMOTE_ALLOWED_PORTS", &["0", "443-80", &"1,".repeat(64)]);
    assert_bounded("USER_REMOTE_FETCH_MAX_REDIRECTS", "3", &["-1", "11"]);
    assert_bounded("REMOTE_MAX_CONCURRENT", "16", &["0", "257"]);
}

/// CFG-89, CFG-91, CFG-128.
#[test]
fn the_ways_of_requests_to_strangers_are_looked_at() {
    assert_refused("REMOTE_BYTE_BUDGET_MB", &["15", "65537"]);
    assert_refused("REMOTE_EGRESS_PROXY", &["socks5://127.0.0.1:1", "a:1"]);
    assert_refused("REMOTE_DNS_SERVERS", &["1.1.1.1", "dns.example:53"]);
}

/// CFG-92, CFG-93, CFG-94.
#[test]
fn downloads_are_bounded_by_what_they_are_for() {
    for (name, default) in [
        ("MAX_MEDIA_SIZE_MB", "10"),
        ("MAX_GIF_SIZE_MB", "50"),
        ("MAX_AVATAR_SIZE_MB", "10"),
        ("VIDEO_CONTEXT_MAX_INLINE_MB", "20"),
        ("PROVIDER_VIDEO_DOWNLOAD_MAX_MB", "25"),
        ("SEARCH_IMAGE_DOWNLOAD_MAX_MB", "25"),
        ("CHAT_DOCUMENT_MAX_SIZE_MB", "8"),
        ("MAX_DOCUMENT_SIZE_MB", "4"),
        ("MAX_DATA_IMPORT_SIZE_MB", "2"),
        ("MAX_PERSONA_IMPORT_SIZE_MB", "10"),
        ("MAX_FETCH_SIZE_MB", "5"),
    ] {
        assert_bounded(name, default, &["0", "101"]);
    }
}

/// CFG-70, CFG-71, CFG-72.
#[test]
fn rests_of_commands_are_bounded() {
    for (name, default) in [
        ("DEFAULT_COMMAND_COOLDOWN", "1600"),
        ("COOLDOWN_CONFIG", "3000"),
        ("COOLDOWN_PERSONA", "10000"),
        ("COOLDOWN_MEMORY", "3000"),
        ("COOLDOWN_SERVER", "3000"),
        ("COOLDOWN_PERSONAL", "3000"),
    ] {
        assert_bounded(name, default, &["-1", "600001"]);
    }
    assert_refused("COMMAND_COOLDOWN_SCALE", &["-1", "11", "much"]);
}

/// CFG-73, CFG-74, CFG-75.
#[test]
fn what_waits_for_replies_at_once_is_bounded() {
    assert_bounded("DISABLE_COOLDOWN_EXEMPTIONS", "false", &["maybe"]);
    assert_bounded("COOLDOWN_RELEASE_ON_EMPTY", "true", &["maybe"]);
    assert_bounded("MAX_USER_ACTIVE_MESSAGES", "3", &["0", "1001"]);
    assert_bounded("MAX_SERVER_ACTIVE_MESSAGES", "10", &["0", "1001"]);
    assert_bounded("MAX_CHANNEL_QUEUE", "10", &["0", "1001"]);
}

/// CFG-98, CFG-99, CFG-100.
#[test]
fn tool_servers_are_bounded() {
    assert_bounded("MAX_MCP_SERVERS_PER_GUILD", "10", &["-1", "51"]);
    assert_bounded("GUILD_MCP_CONNECT_TIMEOUT_MS", "15000", &["999", "60001"]);
    assert_bounded(
        "GUILD_MCP_EXECUTION_TIMEOUT_MS",
        "30000",
        &["999", "300001"],
    );
    assert_bounded("GUILD_MCP_CONNECTION_TTL_MINUTES", "10", &["0", "121"]);
    assert_bounded("MCP_MAX_RESPONSE_MB", "4", &["0", "33"]);
}
