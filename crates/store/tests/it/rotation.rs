//! Rotation: one at a time, beside writers, and what it leaves alone.

use keyring::INVENTORY;
use secrecy::ExposeSecret;
use store::Reason;

use crate::columns::{FIRST, SECOND, cell, ids, owner, put, rows};
use crate::database::Database;
use crate::world::{ALICE, GUILD, keyring, keyring_of};

async fn filled() -> Database {
    let database = Database::migrated().await;
    rows(&database, GUILD, ALICE, 1).await;
    for &column in INVENTORY {
        let (row, owner) = (ids(&database, column).await[0], owner(column, GUILD, ALICE));
        put(&database, &keyring(), &cell(column, row, owner), "a value").await;
    }
    database
}

/// SEC-44.
#[tokio::test]
async fn rotation_seals_every_column_anew_and_a_second_run_finds_nothing() {
    let database = filled().await;
    let both = keyring_of(&[(1, FIRST), (2, SECOND)]);
    let (first, counts) = database.store.stale_rows(&both, 3).await.unwrap();
    assert_eq!((first.len(), counts.len()), (3, INVENTORY.len()));
    let rotation = database.store.rotation(&both, 100).await.unwrap().unwrap();
    for done in rotation.run(&mut |_| {}).await.unwrap() {
        assert_eq!(
            (done.found, done.rotated, done.remaining),
            (1, 1, 0),
            "{}",
            done.column
        );
    }
    for done in rotation.run(&mut |_| {}).await.unwrap() {
        assert_eq!((done.found, done.rotated), (0, 0), "{}", done.column);
    }
    drop(rotation);
    let second_only = keyring_of(&[(2, SECOND)]);
    for audit in database
        .store
        .audit_keys(&second_only, &mut |_, _| {})
        .await
    {
        assert_eq!(
            (audit.stale, audit.undecryptable.len()),
            (0, 0),
            "{}",
            audit.column
        );
    }
}

/// SEC-43.
#[tokio::test]
async fn second_rotation_is_refused_while_the_first_runs() {
    let database = filled().await;
    let keyring = keyring();
    let first = database.store.rotation(&keyring, 100).await.unwrap();
    assert!(first.is_some());
    assert!(
        database
            .store
            .rotation(&keyring, 100)
            .await
            .unwrap()
            .is_none()
    );
    drop(first);
    // The server needs a moment to see that the connection is gone.
    let again = async {
        let mut tick = tokio::time::interval(std::time::Duration::from_millis(20));
        while database
            .store
            .rotation(&keyring, 100)
            .await
            .unwrap()
            .is_none()
        {
            tick.tick().await;
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(10), again)
        .await
        .unwrap();
}

/// SEC-45, SEC-46.
#[tokio::test]
async fn value_that_does_not_open_is_listed_and_the_rest_goes_on() {
    let database = filled().await;
    database
        .run("UPDATE opt_api_keys SET api_key = 'damaged'")
        .await;
    let both = keyring_of(&[(1, FIRST), (2, SECOND)]);
    let rotation = database.store.rotation(&both, 100).await.unwrap().unwrap();
    let done = rotation.run(&mut |_| {}).await.unwrap();
    assert_eq!((done[1].rotated, done[1].remaining), (0, 1));
    assert_eq!(done[1].failed[0].reason, Reason::Corrupt);
    assert_eq!((done[2].rotated, done[2].remaining), (1, 0));
}

/// SEC-44: the form alone is reason enough.
#[tokio::test]
async fn value_without_an_envelope_is_rotated_although_its_version_is_current() {
    let database = filled().await;
    let column = INVENTORY[1];
    database
        .run(
            "UPDATE opt_api_keys SET key_version = 1, key_form = 1, api_key = pgp_sym_encrypt(
                 'a plain value', 'the first master key of this installation')",
        )
        .await;
    let keyring = keyring();
    let (first, _) = database.store.stale_rows(&keyring, 10).await.unwrap();
    let columns: Vec<_> = first.iter().map(|stale| stale.column).collect();
    assert_eq!(columns, [column]);
    let rotation = database.store.rotation(&keyring, 100).await;
    let rotation = rotation.unwrap().unwrap();
    let done = rotation.run(&mut |_| {}).await.unwrap();
    assert_eq!((done[1].found, done[1].rotated), (1, 1));
    let form = database.read::<i16>("SELECT key_form FROM opt_api_keys");
    assert_eq!(form.await, 2);
    let row = ids(&database, column).await[0];
    let opened = database.store.secret(&keyring, column, row, GUILD).await;
    assert_eq!(opened.unwrap().unwrap().expose_secret(), "a plain value");
}

#[tokio::test]
async fn wrong_master_key_rotates_nothing() {
    let database = filled().await;
    database.store.check_keyring(&keyring()).await.unwrap();
    let wrong = keyring_of(&[(1, SECOND), (2, FIRST)]);
    let error = database.store.rotation(&wrong, 100).await.unwrap_err();
    assert!(error.to_string().contains("version 1"), "{error}");
}

/// SEC-44, SEC-45.
#[tokio::test]
async fn value_that_changed_since_it_was_read_is_left_alone_and_looked_at_again() {
    let database = filled().await;
    let both = keyring_of(&[(1, FIRST), (2, SECOND)]);
    // Every update of the rotation finds the row changed, as if a worker had been faster.
    database
        .run(
            "CREATE FUNCTION be_faster() RETURNS trigger LANGUAGE plpgsql AS $$
             BEGIN RETURN NULL; END $$",
        )
        .await;
    database
        .run(
            "CREATE TRIGGER faster BEFORE UPDATE ON opt_api_keys
             FOR EACH ROW EXECUTE FUNCTION be_faster()",
        )
        .await;
    let rotation = database.store.rotation(&both, 100).await.unwrap().unwrap();
    let done = rotation.run(&mut |_| {}).await.unwrap();
    assert_eq!(
        (done[1].rotated, done[1].skipped, done[1].remaining),
        (0, 3, 1)
    );
    drop(rotation);
    let column = INVENTORY[1];
    let row = ids(&database, column).await[0];
    let opened = database
        .store
        .secret(&both, column, row, GUILD)
        .await
        .unwrap();
    assert_eq!(opened.unwrap().expose_secret(), "a value");
}
