//! Administrators are told once of a key that was refused for good (POOL-17).

use std::time::Duration;

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
    fail_pooled(store).await;
}

async fn fail_pooled(store: &Store) {
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
async fn a_key_is_looked_for_until_somebody_says_that_it_is_told() {
    let database = Database::migrated().await;
    let store = &database.store;
    let refused = two_refused(&database).await;
    let mut found = store.untold_refusals().await.unwrap();
    found.sort_by_key(|key| key.is_main);
    assert_eq!(found, refused, "a look changes nothing");
    for (key, left) in refused.iter().zip([1, 0]) {
        assert!(store.refusal_is_told(key).await.unwrap());
        assert!(!store.refusal_is_told(key).await.unwrap());
        assert_eq!(store.untold_refusals().await.unwrap().len(), left);
    }
}

/// Takes both keys into use again.
async fn enable(store: &Store, pooled: &RefusedKey) {
    let WhichKey::Pooled(key) = pooled.which else {
        panic!("{pooled:?}");
    };
    let enabled = store.enable_key(seen(store, key).await).await;
    assert_eq!(enabled.unwrap(), Edited::Done);
    let keys = store.provider_keys(OTHER_GUILD).await.unwrap().unwrap();
    let rejected = keys.main.unwrap().generation;
    let enabled = store.enable_main_key(OTHER_GUILD, rejected).await;
    assert_eq!(enabled.unwrap(), Edited::Done);
}

#[tokio::test]
async fn nobody_is_told_of_a_key_that_is_in_use_again() {
    let database = Database::migrated().await;
    let store = &database.store;
    let [pooled, main] = two_refused(&database).await;
    enable(store, &pooled).await;
    assert!(store.untold_refusals().await.unwrap().is_empty());
    for key in [pooled, main] {
        assert!(!store.refusal_is_told(&key).await.unwrap());
    }
}

/// A worker that was slow to tell of the first refusal says nothing about the second.
#[tokio::test]
async fn a_key_that_is_refused_again_is_told_again() {
    let database = Database::migrated().await;
    let store = &database.store;
    let [pooled, main] = two_refused(&database).await;
    enable(store, &pooled).await;
    fail_pooled(store).await;
    refuse_main(store).await;
    for key in [pooled, main] {
        assert!(!store.refusal_is_told(&key).await.unwrap());
    }
    assert_eq!(store.untold_refusals().await.unwrap().len(), 2);
}

#[tokio::test]
async fn a_key_that_people_disabled_is_not_told() {
    let database = Database::migrated().await;
    let store = &database.store;
    let [pooled, main] = two_refused(&database).await;
    enable(store, &pooled).await;
    refuse_main(store).await;
    let WhichKey::Pooled(key) = pooled.which else {
        panic!("{pooled:?}");
    };
    store.disable_key(seen(store, key).await).await.unwrap();
    let untold = store.untold_refusals().await.unwrap();
    let untold: Vec<_> = untold.iter().map(|key| key.which).collect();
    assert_eq!(untold, [main.which]);
}
