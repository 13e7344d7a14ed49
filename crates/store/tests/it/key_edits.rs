//! What people see and change of the keys of a pool.

use futures_util::future::join_all;
use secrecy::{ExposeSecret, SecretString};
use store::{Edited, KeyAdded, KeyId, KeyState, ListedKeys, NewPoolKey, SeenKey, SeenPool, Store};

use crate::database::Database;
use crate::world::{GUILD, KEY, OTHER_GUILD, keyring, seen, set_up};

const PROVIDER: &str = "openai";

async fn add(store: &Store, provider: &str, label: Option<&str>, key: &str) -> KeyId {
    let key = SecretString::from(key);
    let new = NewPoolKey {
        tenant: GUILD,
        provider,
        label,
        key: &key,
    };
    match store.add_pool_key(&keyring(), new).await.unwrap() {
        KeyAdded::Added(id) => id,
        other => panic!("not added: {other:?}"),
    }
}

/// A server with its main key and one more; returns that one.
async fn two_keys(store: &Store) -> KeyId {
    set_up(store, GUILD).await;
    add(store, PROVIDER, Some("second"), "sk-a-second-key-0002").await
}

async fn listed(store: &Store) -> ListedKeys {
    store.provider_keys(GUILD).await.unwrap().unwrap()
}

#[tokio::test]
async fn keys_are_listed_by_provider_and_never_shown() {
    let database = Database::migrated().await;
    let store = &database.store;
    assert_eq!(store.provider_keys(GUILD).await.unwrap(), None);
    set_up(store, GUILD).await;
    let alone = listed(store).await;
    let main = alone.main.unwrap();
    assert_eq!((main.provider.as_str(), main.disabled_at), (PROVIDER, None));
    assert_eq!(main.last4.as_deref(), Some("0001"));
    assert_eq!(alone.pools, []);

    add(store, "deepseek", None, "sk-another-provider-1").await;
    let second = add(store, PROVIDER, Some("second"), "sk-a-second-key-0002").await;
    let pools = listed(store).await.pools;
    let shown: Vec<_> = pools
        .iter()
        .map(|row| {
            (
                row.provider.as_str(),
                row.key.is_main,
                row.key.label.as_deref(),
            )
        })
        .collect();
    assert_eq!(
        shown,
        [
            (PROVIDER, true, None),
            (PROVIDER, false, Some("second")),
            ("deepseek", false, None)
        ]
    );
    assert_eq!(pools[0].key.last4.as_deref(), Some("0001"));
    assert_eq!(pools[1].key.id, second);
    let printed = format!("{:?}", listed(store).await);
    assert!(
        !printed.contains(KEY) && !printed.contains("sk-a-second"),
        "{printed}"
    );
    assert_eq!(store.provider_keys(OTHER_GUILD).await.unwrap(), None);
}

/// CMD-15: what somebody else changed since is not overwritten, and counts of use are no change.
#[tokio::test]
async fn a_change_rests_on_what_was_shown() {
    let database = Database::migrated().await;
    let store = &database.store;
    let key = two_keys(store).await;
    let first = seen(store, key).await;
    store.count_key_uses(&[(key, 5)]).await.unwrap();
    assert_eq!(
        store.label_key(first, Some("mine")).await.unwrap(),
        Edited::Done
    );
    assert_eq!(
        store.label_key(first, Some("yours")).await.unwrap(),
        Edited::Stale
    );
    assert_eq!(store.disable_key(first).await.unwrap(), Edited::Stale);
    assert_eq!(store.remove_key(first).await.unwrap(), Edited::Stale);

    let second = seen(store, key).await;
    assert_eq!(store.disable_key(second).await.unwrap(), Edited::Done);
    assert_eq!(store.enable_key(second).await.unwrap(), Edited::Stale);
    let pools = listed(store).await.pools;
    assert_eq!(pools[1].key.label.as_deref(), Some("mine"));
    assert_eq!(pools[1].disabled_reason.as_deref(), Some("people"));
    assert_eq!(pools[1].key.usage_count, 5);
    let (now, too_long) = (seen(store, key).await, "x".repeat(33));
    assert!(store.label_key(now, Some(&too_long)).await.is_err());
}

/// SEC-62.
#[tokio::test]
async fn no_change_reaches_a_row_of_another_server() {
    for database in Database::with_and_without_policies().await {
        no_change_of_others_is_done(&database.store).await;
    }
}

async fn no_change_of_others_is_done(store: &Store) {
    let key = two_keys(store).await;
    set_up(store, OTHER_GUILD).await;
    let before = listed(store).await;
    let foreign = SeenKey {
        tenant: OTHER_GUILD,
        ..seen(store, key).await
    };
    assert_eq!(store.label_key(foreign, None).await.unwrap(), Edited::Stale);
    assert_eq!(store.disable_key(foreign).await.unwrap(), Edited::Stale);
    assert_eq!(store.remove_key(foreign).await.unwrap(), Edited::Stale);
    let pool = SeenPool {
        tenant: OTHER_GUILD,
        provider: PROVIDER,
        newest: Some(key),
        main: None,
    };
    assert_eq!(store.remove_pool(pool).await.unwrap(), Edited::Stale);
    assert_eq!(listed(store).await, before);
    nobody_else_enables(store, key).await;
}

async fn nobody_else_enables(store: &Store, key: KeyId) {
    let disabling = store.disable_key(seen(store, key).await).await;
    assert_eq!(disabling.unwrap(), Edited::Done);
    let foreign = SeenKey {
        tenant: OTHER_GUILD,
        ..seen(store, key).await
    };
    assert_eq!(store.enable_key(foreign).await.unwrap(), Edited::Stale);
}

/// The row of the main key goes with the main key, and with nothing else.
#[tokio::test]
async fn the_row_of_the_main_key_is_not_removed_alone() {
    let database = Database::migrated().await;
    let store = &database.store;
    two_keys(store).await;
    let before = listed(store).await;
    let pointer = seen(store, before.pools[0].key.id).await;
    assert_eq!(store.remove_key(pointer).await.unwrap(), Edited::Stale);
    assert_eq!(listed(store).await, before);
}

/// POOL-1: whoever removes the last two keys at once leaves no row of the main key behind.
#[tokio::test]
async fn keys_that_are_removed_at_once_leave_no_row_of_the_main_key() {
    let database = Database::migrated().await;
    let store = &database.store;
    set_up(store, GUILD).await;
    for round in 0..5 {
        let mut keys = Vec::new();
        for n in 0..4 {
            let key = format!("sk-number-{n}-of-round-{round}");
            let key = add(store, PROVIDER, None, &key).await;
            keys.push(seen(store, key).await);
        }
        let removing = keys.into_iter().map(|key| store.remove_key(key));
        for removed in join_all(removing).await {
            assert_eq!(removed.unwrap(), Edited::Done);
        }
        assert_eq!(listed(store).await.pools, [], "round {round}");
    }
}

/// POOL-5, POOL-8.
#[tokio::test]
async fn a_key_that_is_enabled_again_begins_anew() {
    let database = Database::migrated().await;
    let store = &database.store;
    let key = two_keys(store).await;
    let main = listed(store).await.pools[0].key.id;
    store
        .count_key_uses(&[(main, 50), (key, 40)])
        .await
        .unwrap();
    let before = seen(store, key).await;
    assert_eq!(store.disable_key(before).await.unwrap(), Edited::Done);
    let disabled = listed(store).await.pools.remove(1);
    assert_eq!(
        disabled.key.state(std::time::Duration::ZERO),
        KeyState::Disabled
    );
    store.count_key_uses(&[(main, 30)]).await.unwrap();
    let again = seen(store, key).await;
    assert_eq!(store.enable_key(again).await.unwrap(), Edited::Done);
    let enabled = listed(store).await.pools.remove(1);
    assert_eq!(
        enabled.key.state(std::time::Duration::ZERO),
        KeyState::Ready
    );
    assert_eq!(
        (enabled.key.usage_count, enabled.disabled_reason),
        (80, None)
    );
    assert_eq!(enabled.key.generation, disabled.key.generation + 1);
}

/// POOL-1: without another key of its provider the main key is in no pool, and in use or out of it
/// as before; the same when it gets a pool again.
#[tokio::test]
async fn a_main_key_that_is_left_alone_stays_as_it_was() {
    for is_disabled in [false, true] {
        let database = Database::migrated().await;
        let store = &database.store;
        let key = two_keys(store).await;
        if is_disabled {
            let pointer = listed(store).await.pools[0].key.id;
            let pointer = seen(store, pointer).await;
            assert_eq!(store.disable_key(pointer).await.unwrap(), Edited::Done);
        }
        let second = seen(store, key).await;
        assert_eq!(store.remove_key(second).await.unwrap(), Edited::Done);
        let left = listed(store).await;
        assert_eq!(left.pools, []);
        let main = left.main.unwrap();
        assert_eq!(main.disabled_at.is_some(), is_disabled);
        assert_eq!(main.last_error, None);
        add(store, PROVIDER, None, "sk-a-third-key-0003").await;
        let again = listed(store).await;
        assert_eq!(again.main.unwrap().disabled_at, None, "its row says it now");
        assert_eq!(again.pools[0].key.is_enabled, !is_disabled);
        let reason = is_disabled.then_some("people");
        assert_eq!(again.pools[0].disabled_reason.as_deref(), reason);
    }
}

/// POOL-17: what the provider holds against the main key goes with it into the pool and out of it.
#[tokio::test]
async fn a_refused_main_key_stays_refused_in_a_pool_and_without() {
    let database = Database::migrated().await;
    let store = &database.store;
    set_up(store, GUILD).await;
    database
        .run(
            "UPDATE server_model_configs
             SET main_key_disabled_at = now(), main_key_auth_failures = 3,
                 main_key_last_error = 'refused'",
        )
        .await;
    let key = add(store, PROVIDER, None, "sk-a-second-key-0002").await;
    let pooled = listed(store).await;
    assert_eq!(pooled.main.unwrap().disabled_at, None);
    assert_eq!(pooled.pools[0].disabled_reason.as_deref(), Some("auth"));
    assert_eq!(
        pooled.pools[0].last_error.as_ref().unwrap().message,
        "refused"
    );
    let removed = store.remove_key(seen(store, key).await).await;
    assert_eq!(removed.unwrap(), Edited::Done);
    let main = listed(store).await.main.unwrap();
    assert!(main.disabled_at.is_some());
    assert_eq!(main.last_error.as_deref(), Some("refused"));
    assert_eq!(store.untold_refusals().await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_removed_main_key_leaves_the_others_of_its_provider() {
    let database = Database::migrated().await;
    let store = &database.store;
    let key = two_keys(store).await;
    let main = listed(store).await.main.unwrap();
    let older = store.remove_main_key(GUILD, main.generation - 1);
    assert_eq!(older.await.unwrap(), Edited::Stale);
    assert!(
        listed(store).await.pools[0].key.is_main,
        "nothing was removed"
    );
    let removed = store.remove_main_key(GUILD, main.generation).await;
    assert_eq!(removed.unwrap(), Edited::Done);
    let left = listed(store).await;
    assert_eq!(left.main, None);
    let rows: Vec<KeyId> = left.pools.iter().map(|row| row.key.id).collect();
    assert_eq!(rows, [key]);
    assert!(store.main_key(&keyring(), GUILD).await.unwrap().is_none());
}

/// CMD-16, CMD-15: what nobody saw is not removed with the rest.
#[tokio::test]
async fn a_purge_removes_what_was_shown() {
    let database = Database::migrated().await;
    let store = &database.store;
    let key = two_keys(store).await;
    let other = add(store, "zai", None, "sk-another-provider-1").await;
    let main = listed(store).await.main.unwrap();
    let pool = SeenPool {
        tenant: GUILD,
        provider: PROVIDER,
        newest: Some(key),
        main: Some(main.generation),
    };
    let later = add(store, PROVIDER, None, "sk-added-meanwhile-03").await;
    let wrong = SeenPool {
        main: Some(main.generation - 1),
        ..pool
    };
    assert_eq!(store.remove_pool(wrong).await.unwrap(), Edited::Stale);
    assert_eq!(listed(store).await.pools.len(), 4, "nothing was removed");
    assert_eq!(store.remove_pool(pool).await.unwrap(), Edited::Done);
    let left = listed(store).await;
    assert_eq!(left.main, None);
    let mut rows: Vec<KeyId> = left.pools.iter().map(|row| row.key.id).collect();
    rows.sort();
    assert_eq!(rows, [other, later]);
    let opened = store
        .secret(&keyring(), keyring::POOL_API_KEY, later.0, GUILD)
        .await;
    assert_eq!(
        opened.unwrap().unwrap().expose_secret(),
        "sk-added-meanwhile-03"
    );
}
