//! A user's own keys.

use keyring::USER_API_KEY;
use proto::id::{TenantId, UserId};
use secrecy::{ExposeSecret, SecretString};
use store::{Edited, NewOwnKey, OwnKey, OwnKeys, SeenOwnKey, Store};

use crate::database::Database;
use crate::world::{ALICE, keyring};

const BOB: UserId = UserId(200_000_000_000_000_002);

async fn set(
    store: &Store,
    (user, provider): (UserId, &str),
    (key, model): (&str, Option<&str>),
    replaces: Option<i32>,
) -> Edited {
    let new = NewOwnKey {
        user,
        provider,
        model,
        key: &SecretString::from(key),
        replaces,
    };
    store.set_own_key(&keyring(), new).await.unwrap()
}

async fn first(store: &Store, provider: &str) {
    let done = set(store, (ALICE, provider), ("sk-alices-own-0001", None), None).await;
    assert_eq!(done, Edited::Done);
}

async fn only(store: &Store) -> OwnKey {
    let keys = store.own_keys(ALICE).await.unwrap().keys;
    let [key] = <[OwnKey; 1]>::try_from(keys).unwrap();
    key
}

fn seen(key: &OwnKey) -> SeenOwnKey {
    SeenOwnKey {
        user: ALICE,
        key: key.id,
        row_version: key.row_version,
    }
}

async fn opened(store: &Store, key: &OwnKey, user: UserId) -> Option<String> {
    let owner = TenantId::Direct(user);
    let opened = store
        .secret(&keyring(), USER_API_KEY, key.id.0, owner)
        .await;
    opened.unwrap().map(|key| key.expose_secret().to_owned())
}

/// PRIV-4: nobody is remembered who stores nothing.
#[tokio::test]
async fn a_users_row_comes_with_the_first_key_alone() {
    let database = Database::migrated().await;
    let store = &database.store;
    assert_eq!(store.own_keys(ALICE).await.unwrap(), OwnKeys::default());
    assert_eq!(
        store.switch_own_keys_on(ALICE).await.unwrap(),
        Edited::Stale
    );
    store.switch_own_keys_off(ALICE).await.unwrap();
    let stale = set(
        store,
        (ALICE, "openai"),
        ("sk-alices-own-0001", None),
        Some(4),
    )
    .await;
    assert_eq!(stale, Edited::Stale);
    assert_eq!(database.read::<i64>("SELECT count(*) FROM users").await, 0);
    first(store, "openai").await;
    assert_eq!(database.read::<i64>("SELECT count(*) FROM users").await, 1);
}

#[tokio::test]
async fn the_first_key_pays_at_once_and_the_last_one_ends_it() {
    let database = Database::migrated().await;
    let store = &database.store;
    first(store, "openai").await;
    assert!(store.own_keys(ALICE).await.unwrap().is_on);
    store.switch_own_keys_off(ALICE).await.unwrap();
    first(store, "deepseek").await;
    let own = store.own_keys(ALICE).await.unwrap();
    assert!(!own.is_on, "another key switches nothing on");
    assert_eq!(store.switch_own_keys_on(ALICE).await.unwrap(), Edited::Done);
    for (key, is_on) in own.keys.iter().zip([true, false]) {
        assert_eq!(store.remove_own_key(seen(key)).await.unwrap(), Edited::Done);
        assert_eq!(store.own_keys(ALICE).await.unwrap().is_on, is_on);
    }
}

/// CMD-15.
#[tokio::test]
async fn a_key_is_changed_as_it_was_shown() {
    let database = Database::migrated().await;
    let store = &database.store;
    let of = (ALICE, "openai");
    first(store, "openai").await;
    let one = only(store).await;
    assert_eq!((one.model.as_deref(), one.is_for_chat), (None, true));
    assert_eq!(one.last4.as_deref(), Some("0001"));
    let other = ("sk-alices-other-0002", Some("gpt-x"));
    assert_eq!(set(store, of, other, None).await, Edited::Stale);
    assert_eq!(
        set(store, of, other, Some(one.row_version)).await,
        Edited::Done
    );
    let two = only(store).await;
    assert_eq!((two.id, two.model.as_deref()), (one.id, Some("gpt-x")));
    assert_eq!(opened(store, &two, ALICE).await.unwrap(), other.0);
    assert_eq!(opened(store, &two, BOB).await, None);

    assert_eq!(store.spare_own_key(seen(&two)).await.unwrap(), Edited::Done);
    for stale in [
        store.spare_own_key(seen(&two)).await,
        store.use_own_key(seen(&two)).await,
        store.set_own_model(seen(&two), "y").await,
        store.remove_own_key(seen(&two)).await,
    ] {
        assert_eq!(stale.unwrap(), Edited::Stale);
    }
    let spared = only(store).await;
    assert_eq!(
        (spared.is_for_chat, spared.model.as_deref()),
        (false, Some("gpt-x"))
    );
    assert_eq!(
        store.use_own_key(seen(&spared)).await.unwrap(),
        Edited::Done
    );
    let used = only(store).await;
    assert!(used.is_for_chat);
    assert_eq!(
        store.set_own_model(seen(&used), "y").await.unwrap(),
        Edited::Done
    );
    assert_eq!(only(store).await.model.as_deref(), Some("y"));
}

/// SEC-62: nobody reaches a key of somebody else.
#[tokio::test]
async fn no_change_reaches_a_key_of_somebody_else() {
    let database = Database::migrated().await;
    let store = &database.store;
    first(store, "openai").await;
    let bobs = set(store, (BOB, "openai"), ("sk-bobs-own-key-0001", None), None).await;
    assert_eq!(bobs, Edited::Done);
    let before = only(store).await;
    let foreign = SeenOwnKey {
        user: BOB,
        ..seen(&before)
    };
    for stale in [
        store.spare_own_key(foreign).await,
        store.use_own_key(foreign).await,
        store.set_own_model(foreign, "y").await,
        store.remove_own_key(foreign).await,
    ] {
        assert_eq!(stale.unwrap(), Edited::Stale);
    }
    assert_eq!(only(store).await, before);
}

/// Two forms at once: the second sees the key of the first.
#[tokio::test]
async fn two_first_keys_at_once_are_one() {
    let database = Database::migrated().await;
    let store = &database.store;
    let entering = (0..8).map(|_| set(store, (ALICE, "zai"), ("sk-alices-own-0001", None), None));
    let done = futures_util::future::join_all(entering).await;
    assert_eq!(done.iter().filter(|done| **done == Edited::Done).count(), 1);
    only(store).await;
}
