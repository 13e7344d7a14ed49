//! Administrators are told once of a key that was refused for good (POOL-17).

use std::time::Duration;

use futures_util::future::join_all;
use proto::id::ChannelId;
use store::{Edited, KeyFailure, MainKey, NewPoolKey, RefusedKey, Store, WhichKey};

use crate::database::Database;
use crate::world::{GUILD, OTHER_GUILD, WRONG, keyring, seen, set_up};

const PROVIDER: &str = "openai";

/// Refuses the second key of the pool three times.
async fn refuse_pooled(store: &Store) {
    let new = NewPoolKey {
        tenant: GUILD,
        provider: PROVIDER,
        label: Some("spare"),
        key: &"sk-a-second-key-0002".into(),
    };
    store.add_pool_key(&keyring(), new).await.unwrap();
    for _ in 0..3 {
        let key = store.key_pool(GUILD, PROVIDER).await.unwrap().remove(1);
        let failure = KeyFailure {
            fault: WRONG,
            rest: Duration::from_secs(1),
            was_probe: false,
            message: "auth (status 401)",
        };
        store
            .rest_key(GUILD, key.id, key.generation, failure)
            .await
            .unwrap();
    }
}

/// Refuses the main key of a server without a pool three times.
async fn refuse_main(store: &Store) {
    for _ in 0..3 {
        let found = store
            .main_key_for_call(&keyring(), OTHER_GUILD, PROVIDER)
            .await;
        let MainKey::Usable(key) = found.unwrap() else {
            panic!("not usable");
        };
        let fault = WRONG;
        let failed = store.main_key_failed(OTHER_GUILD, key.generation, fault, "auth");
        failed.await.unwrap();
    }
}

/// A pooled key and a main key that were refused, the pooled one first.
async fn two_refused(database: &Database) -> [RefusedKey; 2] {
    let store = &database.store;
    set_up(store, GUILD).await;
    set_up(store, OTHER_GUILD).await;
    refuse_pooled(store).await;
    refuse_main(store).await;
    let mut untold = store.untold_refusals().await.unwrap();
    untold.sort_by_key(|key| key.is_main);
    untold.try_into().unwrap()
}

#[tokio::test]
async fn refused_keys_are_named_by_provider_label_and_last_characters() {
    let database = Database::migrated().await;
    set_up(&database.store, GUILD).await;
    database
        .run("UPDATE server_chat_configs SET notice_channel_disc_id = '300000000000000009'")
        .await;
    let [pooled, main] = two_refused(&database).await;
    assert_eq!(
        (pooled.tenant, &*pooled.provider, pooled.is_main),
        (GUILD, PROVIDER, false)
    );
    assert_eq!(
        (pooled.label.as_deref(), pooled.last4.as_deref()),
        (Some("spare"), Some("0002"))
    );
    let channel = ChannelId(300_000_000_000_000_009);
    assert_eq!(pooled.notice_channel, Some(channel));
    assert_eq!((main.tenant, main.is_main), (OTHER_GUILD, true));
    assert_eq!((main.label, main.last4.as_deref()), (None, Some("0001")));
    assert_eq!(main.notice_channel, None);
}

#[tokio::test]
async fn of_all_workers_one_tells() {
    let database = Database::migrated().await;
    let refused = two_refused(&database).await;
    let stores = join_all((0..4).map(|_| Store::connect(&database.settings))).await;
    for key in &refused {
        let racing = (0..40).map(|n| {
            let store = stores[n % 4].as_ref().unwrap();
            store.claim_telling(key.tenant, key.which)
        });
        let won = join_all(racing).await.into_iter().flatten();
        assert_eq!(won.filter(|won| *won).count(), 1, "{key:?}");
    }
    assert!(database.store.untold_refusals().await.unwrap().is_empty());
}

#[tokio::test]
async fn whoever_reaches_nobody_leaves_it_to_the_next() {
    let database = Database::migrated().await;
    for key in &two_refused(&database).await {
        assert!(
            database
                .store
                .claim_telling(key.tenant, key.which)
                .await
                .unwrap()
        );
        database
            .store
            .give_telling_back(key.tenant, key.which)
            .await
            .unwrap();
    }
    assert_eq!(database.store.untold_refusals().await.unwrap().len(), 2);
}

#[tokio::test]
async fn nobody_is_told_of_a_key_that_is_in_use_again() {
    let database = Database::migrated().await;
    let [pooled, main] = two_refused(&database).await;
    let WhichKey::Pooled(key) = pooled.which else {
        panic!("{pooled:?}");
    };
    let store = &database.store;
    store.enable_key(seen(store, key).await).await.unwrap();
    let keys = store.provider_keys(OTHER_GUILD).await.unwrap().unwrap();
    let rejected = keys.main.unwrap().generation;
    let enabled = store.enable_main_key(OTHER_GUILD, rejected).await;
    assert_eq!(enabled.unwrap(), Edited::Done);
    for key in [pooled, main] {
        assert!(!store.claim_telling(key.tenant, key.which).await.unwrap());
    }
    assert!(store.untold_refusals().await.unwrap().is_empty());
}

#[tokio::test]
async fn a_key_that_people_disabled_is_not_told() {
    let database = Database::migrated().await;
    let [pooled, _] = two_refused(&database).await;
    let WhichKey::Pooled(key) = pooled.which else {
        panic!("{pooled:?}");
    };
    let store = &database.store;
    store.enable_key(seen(store, key).await).await.unwrap();
    store.disable_key(seen(store, key).await).await.unwrap();
    assert!(
        !store
            .claim_telling(pooled.tenant, pooled.which)
            .await
            .unwrap()
    );
    assert_eq!(
        store.untold_refusals().await.unwrap().len(),
        1,
        "the main key"
    );
}
