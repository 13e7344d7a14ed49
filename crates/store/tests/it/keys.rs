//! Sealed keys in the database: bound to their row, never readable, wrong master keys recognised.

use futures_util::future::join_all;
use secrecy::ExposeSecret;
use store::{Edited, Error, NewSetup};

use crate::database::Database;
use crate::world::{DIRECT, GUILD, KEY, OTHER_GUILD, keyring, keyring_of, set_up, setup_of};

/// SEC-30.
#[tokio::test]
async fn stored_key_comes_back_and_rests_sealed() {
    let database = Database::migrated().await;
    set_up(&database.store, GUILD).await;
    let key = database
        .store
        .main_key(&keyring(), GUILD)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(key.expose_secret(), KEY);
    let row: (Vec<u8>, i32, i16, String) = sqlx::query_as(
        "SELECT api_key, key_version, key_form, key_last4 FROM server_model_configs",
    )
    .fetch_one(&database.raw)
    .await
    .unwrap();
    assert_eq!((row.1, row.2, row.3.as_str()), (1, 2, "0001"));
    // Tag 3 of OpenPGP begins the packet; byte 4 is the cipher, 9 = AES-256.
    assert_eq!(row.0[3], 9);
    assert!(!row.0.windows(4).any(|window| window == b"sk-a"));
}

/// SEC-31.
#[tokio::test]
async fn tenant_without_a_key_has_none() {
    let database = Database::migrated().await;
    assert!(
        database
            .store
            .main_key(&keyring(), GUILD)
            .await
            .unwrap()
            .is_none()
    );
    set_up(&database.store, GUILD).await;
    database
        .run("UPDATE server_model_configs SET api_key = NULL")
        .await;
    assert!(
        database
            .store
            .main_key(&keyring(), GUILD)
            .await
            .unwrap()
            .is_none()
    );
}

#[tokio::test]
async fn ciphertext_moved_to_another_tenant_does_not_open() {
    let database = Database::migrated().await;
    set_up(&database.store, GUILD).await;
    set_up(&database.store, OTHER_GUILD).await;
    database
        .run(
            "UPDATE server_model_configs SET api_key = (
                 SELECT api_key FROM server_model_configs ORDER BY server_id LIMIT 1)",
        )
        .await;
    assert!(database.store.main_key(&keyring(), GUILD).await.is_ok());
    let error = database
        .store
        .main_key(&keyring(), OTHER_GUILD)
        .await
        .unwrap_err();
    assert!(
        matches!(
            error,
            Error::Corrupt {
                table: "server_model_configs",
                column: "api_key",
                ..
            }
        ),
        "{error:?}"
    );
}

#[tokio::test]
async fn row_moved_to_another_tenant_does_not_open() {
    let database = Database::migrated().await;
    set_up(&database.store, GUILD).await;
    database
        .run("UPDATE servers SET server_disc_id = '100000000000000002'")
        .await;
    let error = database
        .store
        .main_key(&keyring(), OTHER_GUILD)
        .await
        .unwrap_err();
    assert!(matches!(error, Error::Corrupt { .. }), "{error:?}");
}

#[tokio::test]
async fn every_flipped_byte_is_detected() {
    let database = Database::migrated().await;
    set_up(&database.store, GUILD).await;
    let size: i32 = database
        .read("SELECT octet_length(api_key) FROM server_model_configs")
        .await;
    let whole: Vec<u8> = database
        .read("SELECT api_key FROM server_model_configs")
        .await;
    for place in 0..size {
        sqlx::query(
            "UPDATE server_model_configs SET api_key = set_byte($1, $2, get_byte($1, $2) # 1)",
        )
        .bind(&whole)
        .bind(place)
        .execute(&database.raw)
        .await
        .unwrap();
        let result = database.store.main_key(&keyring(), GUILD).await;
        // pgcrypto ignores one bit pattern of its headers; the plaintext is then untouched.
        if let Ok(key) = result {
            assert_eq!(key.unwrap().expose_secret(), KEY, "byte {place}");
        }
    }
}

/// SEC-37.
#[tokio::test]
async fn wrong_master_key_is_recognised_at_the_start() {
    let database = Database::migrated().await;
    database.store.check_keyring(&keyring()).await.unwrap();
    database.store.check_keyring(&keyring()).await.unwrap();
    let wrong = keyring_of(&[(1, "another master key, as long as the first one")]);
    let error = database.store.check_keyring(&wrong).await.unwrap_err();
    assert!(
        matches!(error, Error::WrongMasterKey { version: 1 }),
        "{error:?}"
    );
}

#[tokio::test]
async fn key_under_another_master_key_does_not_open() {
    let database = Database::migrated().await;
    set_up(&database.store, GUILD).await;
    let wrong = keyring_of(&[(1, "another master key, as long as the first one")]);
    let error = database.store.main_key(&wrong, GUILD).await.unwrap_err();
    assert!(matches!(error, Error::Corrupt { .. }), "{error:?}");
    let newer_only = keyring_of(&[(2, "the second master key of this installation")]);
    let error = database
        .store
        .main_key(&newer_only, GUILD)
        .await
        .unwrap_err();
    assert!(error.to_string().contains("worker audit-keys"), "{error}");
}

#[tokio::test]
async fn key_of_an_older_version_is_sealed_anew_when_it_is_read() {
    let database = Database::migrated().await;
    set_up(&database.store, GUILD).await;
    let both = keyring_of(&[
        (1, "the first master key of this installation"),
        (2, "the second master key of this installation"),
    ]);
    let key = database
        .store
        .main_key(&both, GUILD)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(key.expose_secret(), KEY);
    let version: i32 = database
        .read("SELECT key_version FROM server_model_configs")
        .await;
    assert_eq!(version, 2);
    let newer_only = keyring_of(&[(2, "the second master key of this installation")]);
    let key = database
        .store
        .main_key(&newer_only, GUILD)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(key.expose_secret(), KEY);
}

/// SEC-29.
#[tokio::test]
async fn missing_version_is_read_as_the_first() {
    let database = Database::migrated().await;
    set_up(&database.store, DIRECT).await;
    database
        .run("UPDATE server_model_configs SET key_version = NULL")
        .await;
    assert!(
        database
            .store
            .main_key(&keyring(), DIRECT)
            .await
            .unwrap()
            .is_some()
    );
}

/// SEC-23.
#[tokio::test]
async fn short_key_shows_no_part_of_itself() {
    let database = Database::migrated().await;
    let mut setup = setup_of(GUILD);
    setup.key = "sk-12345678".into();
    database.store.set_up(&keyring(), setup).await.unwrap();
    let shown: Option<String> = database
        .read("SELECT key_last4 FROM server_model_configs")
        .await;
    assert_eq!(shown, None);
    let profile = database.store.profile(GUILD).await.unwrap().unwrap();
    assert!(profile.has_key);
    assert_eq!(profile.key_last4, None);
}

#[tokio::test]
async fn profile_shows_the_last_four_characters_of_the_newest_key() {
    let database = Database::migrated().await;
    let store = &database.store;
    assert_eq!(
        set_up(store, GUILD).await.key_last4.as_deref(),
        Some("0001")
    );
    let mut setup = setup_of(GUILD);
    setup.key = "sk-a-provider-key-0002".into();
    store.set_up(&keyring(), setup).await.unwrap();
    let profile = store.profile(GUILD).await.unwrap().unwrap();
    assert_eq!(profile.key_last4.as_deref(), Some("0002"));
}

/// SEC-31.
#[tokio::test]
async fn empty_key_is_refused_and_nothing_is_saved() {
    let database = Database::migrated().await;
    let mut setup = setup_of(GUILD);
    setup.key = " ".into();
    let error = database.store.set_up(&keyring(), setup).await.unwrap_err();
    assert!(
        matches!(error, Error::Keyring(keyring::Error::EmptyPlaintext { .. })),
        "{error:?}"
    );
    assert_eq!(database.store.profile(GUILD).await.unwrap(), None);
}

#[tokio::test]
async fn neither_plaintext_nor_master_key_reaches_the_database() {
    let database = Database::migrated().await;
    // With every parameter logged on error, the worst this session could be told to do.
    let setup = setup_of(GUILD);
    let shown = format!("{setup:?}");
    assert!(!shown.contains(KEY) && !shown.contains("Tomori"), "{shown}");
    database.store.set_up(&keyring(), setup).await.unwrap();
    let envelope: Vec<u8> =
        sqlx::query_scalar("SELECT pgp_sym_decrypt_bytea(api_key, $1) FROM server_model_configs")
            .bind(keyring().passphrase(1).unwrap().expose_secret())
            .fetch_one(&database.raw)
            .await
            .unwrap();
    assert!(
        !envelope
            .windows(KEY.len())
            .any(|window| window == KEY.as_bytes())
    );
}

/// CMD-84: two people set a server up at once; who was not told of the other's key does not replace it.
#[tokio::test]
async fn a_first_key_takes_the_place_of_none_that_is_in_use() {
    let database = Database::migrated().await;
    let store = &database.store;
    let first = |key: &str| NewSetup {
        key: key.into(),
        replaces: false,
        ..setup_of(GUILD)
    };
    let keyring = keyring();
    let racing = ["sk-of-one-person-01", "sk-of-another-0002"];
    let racing = racing.map(|key| store.set_up(&keyring, first(key)));
    let done = join_all(racing).await.into_iter().map(Result::unwrap);
    assert_eq!(done.filter(|done| *done == Edited::Done).count(), 1);
    database
        .run("UPDATE server_model_configs SET main_key_disabled_at = now()")
        .await;
    let again = store.set_up(&keyring, first("sk-of-a-third-one-03")).await;
    assert_eq!(
        again.unwrap(),
        Edited::Done,
        "of a refused key nothing is lost"
    );
}
