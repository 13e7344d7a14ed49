//! Migrations: once, in order, never changed; the inventory against the catalogue.

use std::collections::BTreeSet;
use std::time::Duration;

use futures_util::future::join_all;
use keyring::INVENTORY;
use secrecy::SecretString;
use store::{Error, Settings, Store};

use crate::database::Database;
use crate::world::GUILD;

/// SEC-49, DB-5.
#[tokio::test]
async fn migrations_apply_once_and_in_order() {
    let database = Database::empty().await;
    let first = database.store.migrate().await.unwrap();
    let numbers: Vec<i64> = first.iter().map(|applied| applied.number).collect();
    assert!(
        numbers.is_sorted_by(|one, next| one < next) && numbers.first() == Some(&1),
        "{numbers:?}"
    );
    assert_eq!(first[0].description, "foundation");
    assert_eq!(database.store.migrate().await.unwrap(), []);
    database.store.check_schema().await.unwrap();
}

/// SEC-49, DB-5.
#[tokio::test]
async fn several_processes_migrate_at_once_and_each_migration_applies_once() {
    let database = Database::empty().await;
    let runs = join_all((0..5).map(|_| database.store.migrate())).await;
    let applied: usize = runs.into_iter().map(|run| run.unwrap().len()).sum();
    let recorded: i64 = database.read("SELECT count(*) FROM _sqlx_migrations").await;
    assert_eq!(i64::try_from(applied).unwrap(), recorded);
}

/// SEC-49, DB-5.
#[tokio::test]
async fn changed_migration_is_refused_and_leaves_no_lock() {
    let database = Database::migrated().await;
    database
        .run("UPDATE _sqlx_migrations SET checksum = '\\x00' WHERE version = 2")
        .await;
    for _ in 0..2 {
        let error = database.store.migrate().await.unwrap_err();
        assert!(
            matches!(error, Error::MigrationChanged { number: 2 }),
            "{error:?}"
        );
    }
}

/// SEC-22, DB-5.
#[tokio::test]
async fn unknown_schema_is_refused_and_names_the_command() {
    let database = Database::empty().await;
    let error = database.store.check_schema().await.unwrap_err();
    assert!(error.to_string().contains("worker migrate"), "{error}");
    database.store.migrate().await.unwrap();
    database
        .run(
            "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time)
             SELECT max(version) + 1, 'newer', true, '', 0 FROM _sqlx_migrations",
        )
        .await;
    assert!(matches!(
        database.store.check_schema().await,
        Err(Error::SchemaMismatch { .. })
    ));
    assert!(matches!(
        database.store.migrate().await,
        Err(Error::SchemaMismatch { .. })
    ));
    database
        .run("INSERT INTO compatible_schemas SELECT max(version) FROM _sqlx_migrations")
        .await;
    database.store.check_schema().await.unwrap();
}

/// SEC-32.
#[tokio::test]
async fn inventory_lists_every_encrypted_column_of_the_catalogue() {
    let database = Database::migrated().await;
    let columns: Vec<(String, String)> = sqlx::query_as(
        "SELECT c.table_name::text, c.column_name::text
         FROM information_schema.columns c
         JOIN information_schema.columns v USING (table_schema, table_name)
         WHERE c.table_schema = 'public' AND c.data_type = 'bytea' AND v.column_name = 'key_version'",
    )
    .fetch_all(&database.raw)
    .await
    .unwrap();
    let found: BTreeSet<(&str, &str)> = columns
        .iter()
        .map(|(table, column)| (table.as_str(), column.as_str()))
        .collect();
    let listed: BTreeSet<(&str, &str)> = INVENTORY
        .iter()
        .map(|encrypted| (encrypted.table, encrypted.column))
        .collect();
    assert_eq!(found, listed);
    for encrypted in INVENTORY {
        let key: String = sqlx::query_scalar(
            "SELECT a.attname::text FROM pg_index i
             JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = ANY (i.indkey)
             WHERE i.indisprimary AND i.indrelid = $1::regclass",
        )
        .bind(encrypted.table)
        .fetch_one(&database.raw)
        .await
        .unwrap();
        assert_eq!(key, encrypted.primary_key);
    }
}

#[tokio::test]
async fn unreachable_database_is_unavailable_and_a_wrong_role_is_not() {
    let database = Database::empty().await;
    let nobody_listens = Settings {
        port: 1,
        ..database.settings.clone()
    };
    let error = Store::connect(&nobody_listens).await.unwrap_err();
    assert!(error.is_unavailable(), "{error:?}");
    let no_such_role = Settings {
        user: "nobody_of_that_name".to_owned(),
        ..database.settings.clone()
    };
    assert!(
        !Store::connect(&no_such_role)
            .await
            .unwrap_err()
            .is_unavailable()
    );
}

/// SEC-60, CFG-33.
#[tokio::test]
async fn missing_certificate_file_is_a_fault_of_the_settings() {
    let database = Database::empty().await;
    let settings = Settings {
        ca_cert_path: Some("no/such/file.pem".into()),
        ..database.settings.clone()
    };
    let error = Store::connect(&settings).await.unwrap_err();
    assert!(matches!(error, Error::Settings(_)), "{error:?}");
}

/// SEC-58.
#[tokio::test]
async fn statement_that_waits_too_long_is_unavailable() {
    let database = Database::migrated().await;
    let hurried = Settings {
        statement_timeout: Duration::from_millis(200),
        ..database.settings.clone()
    };
    let store = Store::connect(&hurried).await.unwrap();
    let mut blocker = database.raw.begin().await.unwrap();
    sqlx::query("LOCK TABLE servers")
        .execute(&mut *blocker)
        .await
        .unwrap();
    let error = store.profile(GUILD).await.unwrap_err();
    assert!(error.is_unavailable(), "{error:?}");
    blocker.rollback().await.unwrap();
    assert_eq!(store.profile(GUILD).await.unwrap(), None);
}

/// SEC-19.
#[tokio::test]
async fn debug_of_settings_and_store_shows_no_secret() {
    let database = Database::empty().await;
    let mut settings = database.settings.clone();
    settings.password = SecretString::from("hunter2-hunter2");
    let shown = format!("{settings:?} {:?}", database.store);
    assert!(!shown.contains("hunter2"), "{shown}");
    assert!(!shown.contains(&settings.user), "{shown}");
}
