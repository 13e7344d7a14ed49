//! `worker rotate-keys` beside writers, killed midway, and what `worker audit-keys` says then.

use std::collections::HashMap;
use std::process::{Output, Stdio};
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::future::join_all;
use futures_util::stream;
use keyring::{Cell, Keyring, TOOL_SERVER_TOKEN};
use proto::id::{GuildId, TenantId};
use secrecy::ExposeSecret as _;
use serde_json::Value;
use sqlx::PgPool;
use store::{RoleName, Settings, Store, Tls};
use tokio::time::{Instant, interval};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use uuid::Uuid;

use crate::world::{command, execute, url_parts, variable};

const FIRST: &str = "mk-first-0123456789abcdef0123456789";
const SECOND: &str = "mk-second-fedcba9876543210fedcba98";
const GUILD: TenantId = TenantId::Guild(GuildId(81_384_788_765_712_384));
const WRITERS: i64 = 8;
const NOWHERE: &str = "http://127.0.0.1:9";

/// A database with many sealed values.
struct Vault {
    name: String,
    pool: PgPool,
    store: Store,
}

impl Vault {
    /// Values of the old form, as another installation wrote them: psql makes them fastest.
    async fn with(rows: i64) -> Self {
        let name = format!("worker_test_{}", Uuid::now_v7().simple());
        let server_url = variable("TEST_POSTGRES_URL");
        execute(&server_url, format!("CREATE DATABASE {name}")).await;
        let parts = url_parts(&server_url);
        let settings = Settings {
            host: parts.host,
            port: parts.port.parse().unwrap(),
            user: parts.user,
            password: parts.password.into(),
            database: name.clone(),
            tls: Tls::Prefer,
            ca_cert_path: None,
            app_role: RoleName::default(),
            pool_max: 10,
            statement_timeout: Duration::from_mins(10),
        };
        let store = Store::connect(&settings).await.unwrap();
        store.migrate().await.unwrap();
        let store = Store::connect(&settings).await.unwrap();
        store.check_keyring(&keyring(None)).await.unwrap();
        let (address, _) = server_url.rsplit_once('/').unwrap();
        let pool = PgPool::connect(&format!("{address}/{name}")).await.unwrap();
        sqlx::query(
            "WITH made AS (
                 INSERT INTO servers (server_disc_id) VALUES ($1) RETURNING server_id
             )
             INSERT INTO guild_mcp_servers
                 (server_id, name, url, auth_token, key_version, key_form)
             SELECT server_id, 'n' || n, 'https://a.example',
                    pgp_sym_encrypt('value ' || n, $2, 's2k-mode=1'), 1, 1
             FROM made, generate_series(1, $3) AS n",
        )
        .bind(GUILD.disc_id().to_string())
        .bind(FIRST)
        .bind(rows)
        .execute(&pool)
        .await
        .unwrap();
        Self { name, pool, store }
    }

    /// An operator command with both master keys.
    async fn operate(&self, arguments: &[&str]) -> Output {
        let mut command = self.command(arguments);
        command.output().await.unwrap()
    }

    fn command(&self, arguments: &[&str]) -> tokio::process::Command {
        let mut command = command(&self.name, NOWHERE);
        command
            .args(arguments)
            .env("CRYPTO_SECRET_V2", SECOND)
            .kill_on_drop(true);
        command
    }

    /// How many values are sealed with the second key.
    async fn rotated(&self) -> i64 {
        let count = "SELECT count(*) FROM guild_mcp_servers WHERE key_version = 2 AND key_form = 2";
        sqlx::query_scalar(count)
            .fetch_one(&self.pool)
            .await
            .unwrap()
    }

    /// Waits until no rotation holds its lock.
    async fn unlocked(&self) {
        let held = "SELECT count(*) FROM pg_locks l JOIN pg_database d ON d.oid = l.database
                    WHERE l.locktype = 'advisory' AND d.datname = current_database()";
        let mut tick = interval(Duration::from_millis(20));
        while sqlx::query_scalar::<_, i64>(held)
            .fetch_one(&self.pool)
            .await
            .unwrap()
            > 0
        {
            tick.tick().await;
        }
    }

    async fn remove(self) {
        self.store.close().await;
        self.pool.close().await;
        let drop = format!("DROP DATABASE {} WITH (FORCE)", self.name);
        execute(&variable("TEST_POSTGRES_URL"), drop).await;
    }
}

fn keyring(current: Option<u32>) -> Keyring {
    let keys = [(1, FIRST.into()), (2, SECOND.into())];
    Keyring::new(keys.into_iter().collect(), current).unwrap()
}

/// Changes the values of its own rows until it is stopped, as a worker whose current key is this;
/// returns what it wrote last.
async fn write(
    pool: PgPool,
    keyring: Keyring,
    (mut row, rows): (i64, i64),
    stop: CancellationToken,
) -> HashMap<i64, String> {
    let first = row;
    let mut written = HashMap::new();
    for round in 0_u64.. {
        if stop.is_cancelled() {
            break;
        }
        let text = format!("row {row} in round {round}");
        let cell = Cell {
            column: TOOL_SERVER_TOKEN,
            row_key: row.to_string(),
            tenant: GUILD.disc_id().to_string(),
        };
        let sealed = keyring.seal(&cell, &text.as_str().into()).unwrap();
        sqlx::query(
            "UPDATE guild_mcp_servers SET auth_token = pgp_sym_encrypt_bytea(
                 $2, $3, 'cipher-algo=aes256, compress-algo=0, s2k-mode=1'),
                 key_version = $4, key_form = 2 WHERE guild_mcp_id = $1",
        )
        .bind(row)
        .bind(&sealed.envelope[..])
        .bind(sealed.passphrase.expose_secret())
        .bind(i32::try_from(sealed.version).unwrap())
        .execute(&pool)
        .await
        .unwrap();
        written.insert(row, text);
        // A stride that meets pages at different places.
        row += WRITERS * 7;
        if row > rows {
            row = first;
        }
    }
    written
}

/// How many rows and how many kills; the big figures are asked for by environment.
fn size() -> (i64, i64) {
    #[expect(clippy::disallowed_methods, reason = "the size of this test")]
    let rows = std::env::var("TEST_ROTATION_ROWS").ok();
    match rows.and_then(|rows| rows.parse().ok()) {
        Some(rows) => (rows, 5),
        None => (1_500, 2),
    }
}

/// SEC-42, SEC-43, SEC-46.
#[tokio::test]
async fn keys_rotate_beside_writers_and_kills_and_every_row_keeps_its_last_value() {
    let (rows, kills) = size();
    let vault = Vault::with(rows).await;
    let (stop, tracker) = (CancellationToken::new(), TaskTracker::new());
    let writers: Vec<_> = (1..=WRITERS)
        .map(|first| {
            // Every second one has not heard of the new key yet.
            let keyring = keyring(Some(if first % 2 == 0 { 1 } else { 2 }));
            tracker.spawn(write(
                vault.pool.clone(),
                keyring,
                (first, rows),
                stop.clone(),
            ))
        })
        .collect();
    let started = Instant::now();
    for kill in 1..=kills {
        kill_midway(&vault, rows * kill / (kills + 2)).await;
    }
    stop.cancel();
    let mut expected: HashMap<i64, String> = (1..=rows)
        .map(|row| (row, format!("value {row}")))
        .collect();
    for written in join_all(writers).await {
        expected.extend(written.unwrap());
    }
    let done = vault.operate(&["rotate-keys"]).await;
    let said = String::from_utf8(done.stdout).unwrap();
    assert_eq!(done.status.code(), Some(0), "{said}");
    println!(
        "{rows} rows, {kills} kills: {:.1} s\n{said}",
        started.elapsed().as_secs_f64()
    );
    assert!(said.contains("failed 0, remaining 0, to V2"), "{said}");
    assert_audit_is_good(&vault).await;
    assert_eq!(
        differing(&vault, expected).await,
        0,
        "values are not those that were written last"
    );
    vault.remove().await;
}

/// Begins a rotation and kills it when so many values are sealed with the second key.
async fn kill_midway(vault: &Vault, rotated: i64) {
    let mut rotation = vault.command(&["rotate-keys", "--batch-size", "50"]);
    let rotation = rotation.stdout(Stdio::null()).stderr(Stdio::null());
    let mut rotation = rotation.spawn().unwrap();
    let mut tick = interval(Duration::from_millis(10));
    while vault.rotated().await < rotated {
        tick.tick().await;
        let ended = rotation.try_wait().unwrap();
        assert!(ended.is_none(), "it ended before it was killed");
    }
    rotation.kill().await.unwrap();
    vault.unlocked().await;
}

async fn assert_audit_is_good(vault: &Vault) {
    let audit = vault.operate(&["audit-keys", "--json"]).await;
    let document: Value = serde_json::from_slice(&audit.stdout).unwrap();
    assert_eq!(audit.status.code(), Some(0), "{document}");
    assert_eq!(document["ok"], true);
    assert_eq!(document["needs_rotation"], 0);
    assert_eq!(document["removable_versions"], serde_json::json!([1]));
}

/// How many values are not what they are expected to be.
async fn differing(vault: &Vault, expected: HashMap<i64, String>) -> usize {
    let keyring = keyring(None);
    stream::iter(expected)
        .map(|(row, text)| {
            let (store, keyring) = (&vault.store, &keyring);
            async move {
                let opened = store.secret(keyring, TOOL_SERVER_TOKEN, row, GUILD).await;
                opened.unwrap().unwrap().expose_secret() != text
            }
        })
        .buffer_unordered(8)
        .filter(|differs| std::future::ready(*differs))
        .count()
        .await
}

/// SEC-39, SEC-47.
#[tokio::test]
async fn keys_that_are_missing_make_a_dry_run_and_an_audit_say_so() {
    let vault = Vault::with(12).await;
    let dry = vault.operate(&["rotate-keys", "--dry-run"]).await;
    let said = String::from_utf8(dry.stdout).unwrap();
    assert_eq!(dry.status.code(), Some(0), "{said}");
    for expected in [
        "guild_mcp_servers.auth_token: V1 12",
        "V1 -> V2 guild_mcp_servers(1)",
        "… and 2 more",
    ] {
        assert!(said.contains(expected), "{expected}\n{said}");
    }
    assert_eq!(vault.rotated().await, 0);
    let mut dry = vault.command(&["rotate-keys", "--dry-run"]);
    let dry = dry.env_remove("CRYPTO_SECRET_V1").output().await.unwrap();
    assert_eq!(dry.status.code(), Some(1));
    let said = String::from_utf8(dry.stdout).unwrap();
    assert!(said.contains("the master key of V1 is missing"), "{said}");
    let mut audit = vault.command(&["audit-keys"]);
    let audit = audit.env_remove("CRYPTO_SECRET_V1").output().await.unwrap();
    assert_eq!(audit.status.code(), Some(1));
    let said = String::from_utf8(audit.stdout).unwrap();
    for expected in [
        "CRITICAL: in use but not available: V1",
        "does not open: guild_mcp_servers.auth_token row 12, V1, missing_version",
        "may be removed: none",
        "restore the master keys of the missing versions V1",
    ] {
        assert!(said.contains(expected), "{expected}\n{said}");
    }
    vault.remove().await;
}

/// SEC-12, SEC-16, SEC-43.
#[tokio::test]
async fn keys_commands_end_with_2_when_they_cannot_begin() {
    for command_name in ["audit-keys", "rotate-keys"] {
        let ended = command("no_such_database", NOWHERE)
            .arg(command_name)
            .output()
            .await;
        assert_eq!(ended.unwrap().status.code(), Some(2), "{command_name}");
        let ended = command("unused", NOWHERE)
            .arg(command_name)
            .env_remove("CRYPTO_SECRET_V1")
            .env_remove("POSTGRES_DB")
            .output()
            .await
            .unwrap();
        assert_eq!(ended.status.code(), Some(2), "{command_name}");
        let said = String::from_utf8(ended.stderr).unwrap();
        for missing in [
            "POSTGRES_DB is missing",
            "CRYPTO_SECRET (or CRYPTO_SECRET_V<n>) is missing",
        ] {
            assert!(said.contains(missing), "{said}");
        }
    }
    let ended = command("unused", NOWHERE)
        .args(["rotate-keys", "--batch-size", "1001"])
        .output()
        .await;
    assert_eq!(ended.unwrap().status.code(), Some(2));
}
