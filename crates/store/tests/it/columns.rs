//! Every column of the inventory: bound to its cell, never silently damaged, read in its old form,
//! and invisible to the database's log.

use std::io::Write;
use std::sync::{Arc, Mutex};

use keyring::{Cell, EncryptedColumn, INVENTORY, Keyring};
use proto::id::{TenantId, UserId};
use secrecy::ExposeSecret;
use sqlx::AssertSqlSafe;
use store::{Error, Reason, Settings, Store, Tls};
use tracing_subscriber::fmt::MakeWriter;

use crate::database::Database;
use crate::proxy::Recorder;
use crate::world::{ALICE, GUILD, OTHER_GUILD, keyring, keyring_of, set_up, setup_of};

pub(crate) const FIRST: &str = "the first master key of this installation";
pub(crate) const SECOND: &str = "the second master key of this installation";
const BOB: UserId = UserId(200_000_000_000_000_002);

/// Makes one row in every table but that of the main key, for a server and for a user, with values
/// that nothing opens yet. The n-th call makes the n-th row of each.
pub(crate) async fn rows(database: &Database, tenant: TenantId, user: UserId, n: u64) {
    set_up(&database.store, tenant).await;
    let statements = [
        "INSERT INTO users (user_disc_id) VALUES ($2) ON CONFLICT DO NOTHING",
        "INSERT INTO opt_api_keys (server_id, service_name, api_key, key_version, key_form)
         SELECT server_id, 'brave-search', 'x', 1, 2 FROM servers WHERE server_disc_id = $1
         ON CONFLICT DO NOTHING",
        "INSERT INTO api_key_rotation (server_id, provider, api_key, key_version, key_form)
         SELECT server_id, 'openai', 'x', 1, 2 FROM servers WHERE server_disc_id = $1",
        "INSERT INTO user_provider_keys (user_id, provider, api_key, key_version, key_form)
         SELECT user_id, 'p' || $3, 'x', 1, 2 FROM users WHERE user_disc_id = $2",
        "INSERT INTO custom_endpoints
             (server_id, label, capability, endpoint_url, auth_token, key_version, key_form)
         SELECT server_id, 'l' || $3, 'text', 'https://a.example', 'x', 1, 2
         FROM servers WHERE server_disc_id = $1",
        "INSERT INTO guild_mcp_servers (server_id, name, url, auth_token, key_version, key_form)
         SELECT server_id, 'n' || $3, 'https://a.example', 'x', 1, 2
         FROM servers WHERE server_disc_id = $1",
        "INSERT INTO discord_managed_webhooks
             (server_id, channel_disc_id, kind, webhook_disc_id, webhook_token, key_version, key_form)
         SELECT server_id, (300000000000000000 + $3)::text, 'persona',
                (500000000000000000 + $3)::text, 'x', 1, 2
         FROM servers WHERE server_disc_id = $1",
    ];
    for statement in statements {
        // Every statement knows all three, so that one call binds them all.
        let statement = format!(
            "WITH known AS (SELECT $1::text, $2::text, $3::bigint) {}",
            statement.replace("$3", "$3::bigint")
        );
        sqlx::query(AssertSqlSafe(statement))
            .bind(tenant.disc_id().to_string())
            .bind(user.to_string())
            .bind(i64::try_from(n).unwrap())
            .execute(&database.raw)
            .await
            .unwrap();
    }
}

/// Who owns the rows of a column.
pub(crate) fn owner(column: EncryptedColumn, tenant: TenantId, user: UserId) -> TenantId {
    if column == keyring::USER_API_KEY {
        TenantId::Direct(user)
    } else {
        tenant
    }
}

/// The ids of the rows of a column that hold something; the row of a pool that stands for the main key does not.
pub(crate) async fn ids(database: &Database, column: EncryptedColumn) -> Vec<i64> {
    let (table, name, key) = (column.table, column.column, column.primary_key);
    let sql = format!("SELECT {key} FROM {table} WHERE {name} IS NOT NULL ORDER BY {key}");
    sqlx::query_scalar(AssertSqlSafe(sql))
        .fetch_all(&database.raw)
        .await
        .unwrap()
}

/// Seals a value as a worker does, and writes it where it belongs.
pub(crate) async fn put(database: &Database, keyring: &Keyring, cell: &Cell, plaintext: &str) {
    let sealed = keyring.seal(cell, &plaintext.into()).unwrap();
    let EncryptedColumn {
        table,
        column,
        primary_key,
    } = cell.column;
    let sql = format!(
        "UPDATE {table} SET {column} = pgp_sym_encrypt_bytea(
             $2, $3, 'cipher-algo=aes256, compress-algo=0, s2k-mode=1'),
             key_version = $4, key_form = 2
         WHERE {primary_key} = $1"
    );
    sqlx::query(AssertSqlSafe(sql))
        .bind(cell.row_key.parse::<i64>().unwrap())
        .bind(&sealed.envelope[..])
        .bind(sealed.passphrase.expose_secret())
        .bind(i32::try_from(sealed.version).unwrap())
        .execute(&database.raw)
        .await
        .unwrap();
}

pub(crate) fn cell(column: EncryptedColumn, row: i64, owner: TenantId) -> Cell {
    Cell {
        column,
        row_key: row.to_string(),
        tenant: owner.disc_id().to_string(),
    }
}

/// A database with one sealed value in every column, each its own.
async fn filled() -> (Database, Vec<(EncryptedColumn, i64, TenantId)>) {
    let database = Database::migrated().await;
    let values = fill(&database).await;
    (database, values)
}

async fn fill(database: &Database) -> Vec<(EncryptedColumn, i64, TenantId)> {
    rows(database, GUILD, ALICE, 1).await;
    let mut values = Vec::new();
    for &column in INVENTORY {
        let (row, owner) = (ids(database, column).await[0], owner(column, GUILD, ALICE));
        put(
            database,
            &keyring(),
            &cell(column, row, owner),
            &value(column),
        )
        .await;
        values.push((column, row, owner));
    }
    values
}

fn value(column: EncryptedColumn) -> String {
    format!("value of {column}")
}

async fn set_bytes(database: &Database, column: EncryptedColumn, row: i64, bytes: &[u8]) {
    let (table, name, key) = (column.table, column.column, column.primary_key);
    let sql = format!("UPDATE {table} SET {name} = $2 WHERE {key} = $1");
    let update = sqlx::query(AssertSqlSafe(sql)).bind(row).bind(bytes);
    update.execute(&database.raw).await.unwrap();
}

async fn bytes(database: &Database, column: EncryptedColumn, row: i64) -> Vec<u8> {
    let (table, name, key) = (column.table, column.column, column.primary_key);
    let sql = format!("SELECT {name} FROM {table} WHERE {key} = $1");
    let read = sqlx::query_scalar(AssertSqlSafe(sql)).bind(row);
    read.fetch_one(&database.raw).await.unwrap()
}

async fn version_and_form(database: &Database, column: EncryptedColumn, row: i64) -> (i32, i16) {
    let (table, key) = (column.table, column.primary_key);
    let sql = format!("SELECT key_version, key_form FROM {table} WHERE {key} = $1");
    let read = sqlx::query_as(AssertSqlSafe(sql)).bind(row);
    read.fetch_one(&database.raw).await.unwrap()
}

#[tokio::test]
async fn value_of_every_column_opens_for_its_owner_and_for_nobody_else() {
    for database in Database::with_and_without_policies().await {
        opens_for_its_owner_only(&database).await;
    }
}

async fn opens_for_its_owner_only(database: &Database) {
    for (column, row, owner) in fill(database).await {
        let ours = keyring();
        let opened = database
            .store
            .secret(&ours, column, row, owner)
            .await
            .unwrap();
        assert_eq!(opened.unwrap().expose_secret(), value(column));
        let foreign = database.store.secret(&ours, column, row, OTHER_GUILD).await;
        assert!(foreign.unwrap().is_none(), "{column}");
        let missing = database
            .store
            .secret(&ours, column, row + 1000, owner)
            .await;
        assert!(missing.unwrap().is_none(), "{column}");
    }
}

/// SEC-30.
#[tokio::test]
async fn ciphertext_moved_to_another_tenant_row_or_column_never_opens() {
    let (database, values) = filled().await;
    rows(&database, OTHER_GUILD, BOB, 2).await;
    rows(&database, GUILD, ALICE, 3).await;
    let mut targets = Vec::new();
    for &column in INVENTORY {
        let rows = ids(&database, column).await;
        targets.extend(rows.into_iter().map(|row| (column, row)));
    }
    let mut judged = 0;
    for &(from, row, _) in &values {
        let moved = bytes(&database, from, row).await;
        for &(column, target) in targets.iter().filter(|to| **to != (from, row)) {
            judged += judge_move(&database, &moved, column, target).await;
        }
    }
    assert!(judged > 100, "only {judged} moves were judged");
}

/// Writes bytes into a cell, sees that they do not open there for anybody, and takes them back.
/// Returns how often they were tried.
async fn judge_move(database: &Database, moved: &[u8], column: EncryptedColumn, row: i64) -> usize {
    let before = bytes(database, column, row).await;
    set_bytes(database, column, row, moved).await;
    let mut tried = 0;
    for (tenant, user) in [(GUILD, ALICE), (OTHER_GUILD, BOB)] {
        let owner = owner(column, tenant, user);
        let opened = database.store.secret(&keyring(), column, row, owner).await;
        let is_closed = matches!(opened, Ok(None) | Err(Error::Corrupt { .. }));
        assert!(is_closed, "a value opens in {column}, row {row}");
        tried += usize::from(opened.is_err());
    }
    set_bytes(database, column, row, &before).await;
    tried
}

#[tokio::test]
async fn each_flipped_byte_of_fifty_ciphertexts_is_detected() {
    let database = Database::migrated().await;
    rows(&database, GUILD, ALICE, 1).await;
    let column = keyring::TOOL_SERVER_TOKEN;
    let row = ids(&database, column).await[0];
    let owner = owner(column, GUILD, ALICE);
    let keyring = keyring();
    let mut flips = 0;
    for n in 0..50 {
        let plaintext = format!("token number {n}");
        put(&database, &keyring, &cell(column, row, owner), &plaintext).await;
        let whole = bytes(&database, column, row).await;
        for place in 0..whole.len() {
            let mut damaged = whole.clone();
            damaged[place] ^= 0xff;
            set_bytes(&database, column, row, &damaged).await;
            let opened = database.store.secret(&keyring, column, row, owner).await;
            assert!(
                matches!(opened, Err(Error::Corrupt { .. })),
                "ciphertext {n}, byte {place}"
            );
            flips += 1;
        }
    }
    assert!(flips > 50 * 100, "only {flips} bytes were flipped");
}

#[tokio::test]
async fn value_without_an_envelope_opens_once_more_and_is_sealed_anew() {
    let (database, values) = filled().await;
    for (column, row, owner) in values {
        // As `SELECT pgp_sym_encrypt('…', '…')` in psql writes it, with pgcrypto's own defaults.
        let (table, name, key) = (column.table, column.column, column.primary_key);
        let sql = format!(
            "UPDATE {table} SET {name} = pgp_sym_encrypt('plain {column}', '{FIRST}'),
                 key_version = 1, key_form = 1 WHERE {key} = {row}"
        );
        let old = sqlx::query(AssertSqlSafe(sql)).execute(&database.raw);
        old.await.unwrap();
        for _ in 0..2 {
            let opened = database.store.secret(&keyring(), column, row, owner).await;
            assert_eq!(
                opened.unwrap().unwrap().expose_secret(),
                format!("plain {column}")
            );
            assert_eq!(version_and_form(&database, column, row).await, (1, 2));
        }
    }
}

/// Made by psql: `SELECT encode(pgp_sym_encrypt('sk-from-another-installation',
/// 'the first master key of this installation'), 'hex')`.
const FIXTURE: &str = "c30d0407030296bf40550e4d6caa63d24d010e3f0a06c4082ffa7bd1918671cee48c844024985a864f8459a32bc383acbb934f41a6401b11b04e8579a0f62ff32bd88e19711d220281b277aaaceff719a75b8a66b5d3552bbbe60b8f553a";

/// SEC-29, SEC-30, SEC-33.
#[tokio::test]
async fn bytes_that_another_installation_wrote_open_and_are_sealed_anew() {
    let (database, values) = filled().await;
    let (column, row, owner) = values[3];
    let (table, name) = (column.table, column.column);
    for version in ["NULL", "0", "1"] {
        // Where the column allows no version to be absent, 0 stands for it.
        let version = if version == "NULL" && column != keyring::SERVER_API_KEY {
            "0"
        } else {
            version
        };
        let sql = format!(
            "UPDATE {table} SET {name} = decode('{FIXTURE}', 'hex'), key_version = {version},
                 key_form = 1"
        );
        sqlx::query(AssertSqlSafe(sql))
            .execute(&database.raw)
            .await
            .unwrap();
        let opened = database.store.secret(&keyring(), column, row, owner).await;
        assert_eq!(
            opened.unwrap().unwrap().expose_secret(),
            "sk-from-another-installation"
        );
        assert_eq!(version_and_form(&database, column, row).await, (1, 2));
    }
    let sql = format!("UPDATE {table} SET {name} = decode('{FIXTURE}', 'hex'), key_form = 1");
    sqlx::query(AssertSqlSafe(sql))
        .execute(&database.raw)
        .await
        .unwrap();
    let wrong = keyring_of(&[(1, SECOND)]);
    let error = database
        .store
        .secret(&wrong, column, row, owner)
        .await
        .unwrap_err();
    assert!(matches!(error, Error::Corrupt { .. }), "{error:?}");
}

/// SEC-33, SEC-34.
#[tokio::test]
async fn value_is_sealed_anew_under_the_current_version_in_every_column() {
    let (database, values) = filled().await;
    let both = keyring_of(&[(1, FIRST), (2, SECOND)]);
    let second_only = keyring_of(&[(2, SECOND)]);
    for (column, row, owner) in values {
        let opened = database.store.secret(&both, column, row, owner).await;
        assert_eq!(opened.unwrap().unwrap().expose_secret(), value(column));
        assert_eq!(version_and_form(&database, column, row).await, (2, 2));
        let opened = database
            .store
            .secret(&second_only, column, row, owner)
            .await;
        assert_eq!(opened.unwrap().unwrap().expose_secret(), value(column));
        // Who lacks the version is told so, and overwrites nothing.
        let error = database
            .store
            .secret(&keyring(), column, row, owner)
            .await
            .unwrap_err();
        assert!(matches!(error, Error::Keyring(_)), "{error:?}");
        assert_eq!(version_and_form(&database, column, row).await, (2, 2));
    }
}

/// SEC-33.
#[tokio::test]
async fn renewal_that_the_database_refuses_does_not_cost_the_value() {
    let (database, values) = filled().await;
    database
        .run("ALTER TABLE opt_api_keys ADD CONSTRAINT no_second CHECK (key_version < 2)")
        .await;
    let both = keyring_of(&[(1, FIRST), (2, SECOND)]);
    let (column, row, owner) = values[1];
    let opened = database.store.secret(&both, column, row, owner).await;
    assert_eq!(opened.unwrap().unwrap().expose_secret(), value(column));
    assert_eq!(version_and_form(&database, column, row).await, (1, 2));
}

/// SEC-38, SEC-39.
#[tokio::test]
async fn audit_names_every_value_that_does_not_open_and_why() {
    let (database, values) = filled().await;
    database.store.check_keyring(&keyring()).await.unwrap();
    let good = database.store.audit_keys(&keyring(), &mut |_, _| {}).await;
    assert_eq!(good.len(), INVENTORY.len());
    for audit in good {
        assert_eq!((audit.rows, audit.by_version[&1], audit.stale), (1, 1, 0));
        assert!(audit.undecryptable.is_empty() && audit.failure.is_none());
    }
    // Damaged: the envelope of another cell, under the right key.
    let moved = bytes(&database, values[0].0, values[0].1).await;
    set_bytes(&database, values[1].0, values[1].1, &moved).await;
    // Of a version that nobody holds.
    database
        .run("UPDATE api_key_rotation SET key_version = 9")
        .await;
    let bad = database.store.audit_keys(&keyring(), &mut |_, _| {}).await;
    assert_eq!(bad[0].undecryptable, []);
    assert_eq!(bad[1].undecryptable[0].reason, Reason::Corrupt);
    assert_eq!(bad[1].undecryptable[0].row, values[1].1);
    assert_eq!(bad[2].undecryptable[0].reason, Reason::MissingVersion);
    assert_eq!(bad[2].undecryptable[0].version, 9);
    // Another key than the database was filled with.
    let wrong = keyring_of(&[(1, SECOND)]);
    let wrong = database.store.audit_keys(&wrong, &mut |_, _| {}).await;
    assert_eq!(wrong[0].undecryptable[0].reason, Reason::WrongKey);
}

/// SEC-38.
#[tokio::test]
async fn audit_goes_on_after_a_column_that_cannot_be_read() {
    let (database, _) = filled().await;
    database
        .run("ALTER TABLE user_provider_keys RENAME TO elsewhere")
        .await;
    let audits = database.store.audit_keys(&keyring(), &mut |_, _| {}).await;
    assert_eq!(audits.len(), INVENTORY.len());
    assert!(audits[3].failure.is_some());
    for audit in audits
        .iter()
        .filter(|audit| audit.column != audits[3].column)
    {
        assert_eq!((audit.rows, &audit.failure), (1, &None), "{}", audit.column);
    }
}

/// Everything logged that PostgreSQL can log, and each line of the log sent to the session that
/// caused it as well, parameters included: what passes by on the wire is then the log, too.
const LOUDEST: [(&str, &str); 5] = [
    ("log_statement", "'all'"),
    ("log_min_duration_statement", "0"),
    ("log_parameter_max_length", "-1"),
    ("log_parameter_max_length_on_error", "-1"),
    ("client_min_messages", "'log'"),
];

/// SEC-37.
#[tokio::test]
async fn neither_plaintext_nor_master_key_reaches_the_server_or_its_log() {
    let (database, values) = filled().await;
    let name: String = database.read("SELECT current_database()::text").await;
    for (setting, value) in LOUDEST {
        let sql = format!("ALTER DATABASE {name} SET {setting} = {value}");
        sqlx::query(AssertSqlSafe(sql))
            .execute(&database.raw)
            .await
            .unwrap();
    }
    let recorder = Recorder::start(&database.settings).await;
    let settings = Settings {
        host: recorder.host.clone(),
        port: recorder.port,
        tls: Tls::Disable,
        ..database.settings.clone()
    };
    let store = Store::connect(&settings).await.unwrap();
    let both = keyring_of(&[(1, FIRST), (2, SECOND)]);
    store.check_keyring(&both).await.unwrap();
    let mut setup = setup_of(OTHER_GUILD);
    setup.key = "sk-planted-0123456789".into();
    store.set_up(&both, setup).await.unwrap();
    for &(column, row, owner) in &values {
        // Read, sealed anew, read again; and an error with all parameters in its context.
        for _ in 0..2 {
            let opened = store.secret(&both, column, row, owner).await.unwrap();
            assert_eq!(opened.unwrap().expose_secret(), value(column));
        }
        let wrong = keyring_of(&[(2, "a third master key, which is the wrong one")]);
        store.secret(&wrong, column, row, owner).await.unwrap_err();
    }
    store.audit_keys(&both, &mut |_, _| {}).await;
    // The log is heard: the names of statements and the version as a parameter are in it.
    assert!(recorder.has_heard("pgp_sym_decrypt_bytea") && recorder.has_heard("arameters: $1 = "));
    let planted = [
        "sk-planted-0123456789",
        "value of ",
        FIRST,
        SECOND,
        "a third master key",
    ];
    for secret in planted {
        assert!(!recorder.has_heard(secret), "{secret} went by");
    }
    // The same search finds what the old form cannot hide.
    let heard = "mk-heard-on-purpose-0123456789abcdef";
    let loud = keyring_of(&[(1, heard), (2, SECOND)]);
    let (column, row, owner) = values[1];
    let sql = format!(
        "UPDATE opt_api_keys SET api_key = pgp_sym_encrypt('sk-old-form', '{heard}'),
             key_version = 1, key_form = 1"
    );
    sqlx::query(AssertSqlSafe(sql))
        .execute(&database.raw)
        .await
        .unwrap();
    store.secret(&loud, column, row, owner).await.unwrap();
    assert!(recorder.has_heard("sk-old-form") && recorder.has_heard(heard));
    let logged = format!("$2 = '{heard}'");
    assert!(recorder.has_heard(&logged), "parameters are not in the log");
}

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl MakeWriter<'_> for Log {
    type Writer = Self;

    fn make_writer(&self) -> Self {
        self.clone()
    }
}

/// SEC-35: where it stands and under which version, so that an operator finds it; nothing of what it holds.
#[tokio::test]
async fn what_does_not_open_is_logged_by_its_place() {
    let (database, values) = filled().await;
    let log = Log::default();
    let subscriber = tracing_subscriber::fmt()
        .with_ansi(false)
        .with_max_level(tracing_subscriber::filter::LevelFilter::INFO)
        .with_writer(log.clone())
        .finish();
    let _guard = tracing_subscriber::util::SubscriberInitExt::set_default(subscriber);
    let (column, row, owner) = values[1];
    set_bytes(&database, column, row, b"damaged-on-purpose").await;
    let opened = database.store.secret(&keyring(), column, row, owner).await;
    assert!(matches!(opened, Err(Error::Corrupt { .. })), "{opened:?}");
    let newer_only = keyring_of(&[(2, SECOND)]);
    let (other, its_row, its_owner) = values[2];
    let lacking = database
        .store
        .secret(&newer_only, other, its_row, its_owner)
        .await;
    assert!(matches!(lacking, Err(Error::Keyring(_))), "{lacking:?}");

    let log = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    for told in [
        format!("column={column} row={row} version=1 available=[1]"),
        format!("column={other} row={its_row} version=1 available=[2]"),
    ] {
        assert!(log.contains(&told), "{told}: {log}");
    }
    for hidden in ["damaged-on-purpose", "value of ", FIRST, SECOND] {
        assert!(!log.contains(hidden), "{hidden}: {log}");
    }
}
