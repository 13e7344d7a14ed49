//! A main key without a pool: rejected after the third refusal in a row, and never for what its
//! predecessor did (POOL-17).

use futures_util::future::join_all;
use secrecy::ExposeSecret;
use store::{Edited, KeyFault, KeyReport, MainKey, NewPoolKey, Store, UsableKey};

use crate::database::Database;
use crate::world::{GUILD, KEY, OTHER_GUILD, WRONG, keyring, set_up, setup_of};

const PROVIDER: &str = "openai";

async fn usable(store: &Store) -> Option<UsableKey> {
    let found = store.main_key_for_call(&keyring(), GUILD, PROVIDER).await;
    match found.unwrap() {
        MainKey::Usable(key) => Some(key),
        MainKey::Refused | MainKey::None => None,
    }
}

/// Reports a refusal of a call that began now.
async fn fail(store: &Store, fault: KeyFault) -> KeyReport {
    let generation = usable(store).await.unwrap().generation;
    let failed = store.main_key_failed(GUILD, generation, fault, "auth (status 401)");
    failed.await.unwrap()
}

async fn refuse_for_good(store: &Store) {
    for _ in 0..2 {
        assert_eq!(fail(store, WRONG).await, KeyReport::Noted);
    }
    assert_eq!(fail(store, WRONG).await, KeyReport::Refused);
}

async fn generation(store: &Store) -> i64 {
    let keys = store.provider_keys(GUILD).await.unwrap().unwrap();
    keys.main.unwrap().generation
}

/// POOL-17: counted once per round however many saw it, and rejected by one report.
#[tokio::test]
async fn third_refusal_in_a_row_rejects_the_main_key_once() {
    let database = Database::migrated().await;
    set_up(&database.store, GUILD).await;
    let other = Store::connect(&database.settings).await.unwrap();
    let stores = [&database.store, &other];
    let mut refused = 0;
    for _round in 0..3 {
        let generation = usable(&database.store).await.unwrap().generation;
        let racing = (0..20)
            .map(|n| stores[n % 2].main_key_failed(GUILD, generation, WRONG, "auth (status 401)"));
        let reports: Vec<_> = join_all(racing).await.into_iter().flatten().collect();
        let counted = |wanted| reports.iter().filter(|report| **report == wanted).count();
        refused += counted(KeyReport::Refused);
        assert_eq!(counted(KeyReport::Noted) + counted(KeyReport::Refused), 1);
    }
    assert_eq!(refused, 1);
    assert!(usable(&database.store).await.is_none());
    let profile = database.store.profile(GUILD).await.unwrap().unwrap();
    assert!(!profile.has_key && profile.is_key_refused);
}

#[tokio::test]
async fn another_answer_between_refusals_begins_the_count_anew() {
    let database = Database::migrated().await;
    set_up(&database.store, GUILD).await;
    let store = &database.store;
    for _ in 0..2 {
        fail(store, WRONG).await;
        fail(store, WRONG).await;
        let key = usable(store).await.unwrap();
        assert!(key.has_failed);
        assert!(store.main_key_works(GUILD, key.generation).await.unwrap());
    }
    fail(store, WRONG).await;
    fail(store, WRONG).await;
    fail(store, KeyFault::RateLimit).await;
    fail(store, WRONG).await;
    assert!(usable(store).await.is_some());
}

/// POOL-17: what a call learned about a key says nothing about the one that replaced it.
#[tokio::test]
async fn a_key_that_was_replaced_meanwhile_is_not_marked() {
    let database = Database::migrated().await;
    set_up(&database.store, GUILD).await;
    let store = &database.store;
    fail(store, WRONG).await;
    fail(store, WRONG).await;
    let late = usable(store).await.unwrap().generation;
    set_up(store, GUILD).await;

    let report = store.main_key_failed(GUILD, late, WRONG, "auth (status 401)");
    assert_eq!(report.await.unwrap(), KeyReport::Outdated);
    let renewed = usable(store).await.unwrap();
    assert!(!renewed.has_failed);
    assert!(!store.main_key_works(GUILD, late).await.unwrap());
}

/// POOL-17: until it is replaced or tested again.
#[tokio::test]
async fn a_rejected_key_comes_back_by_a_test_or_a_replacement() {
    let database = Database::migrated().await;
    set_up(&database.store, GUILD).await;
    let store = &database.store;
    let enable = async |generation| store.enable_main_key(GUILD, generation).await.unwrap();
    assert_eq!(enable(generation(store).await).await, Edited::Stale);
    refuse_for_good(store).await;
    assert_eq!(enable(generation(store).await).await, Edited::Done);
    assert!(!usable(store).await.unwrap().has_failed);
    refuse_for_good(store).await;
    set_up(store, GUILD).await;
    assert!(usable(store).await.is_some());
    assert!(store.untold_refusals().await.unwrap().is_empty());
}

/// POOL-17: a test of a key says nothing about the one that replaced it and was refused, too.
#[tokio::test]
async fn a_test_of_the_key_before_takes_no_rejected_key_into_use() {
    let database = Database::migrated().await;
    set_up(&database.store, GUILD).await;
    let store = &database.store;
    refuse_for_good(store).await;
    let tested = generation(store).await;
    set_up(store, GUILD).await;
    refuse_for_good(store).await;
    let enabled = store.enable_main_key(GUILD, tested).await;
    assert_eq!(enabled.unwrap(), Edited::Stale);
    assert!(usable(store).await.is_none());
}

/// A key is shown to its own provider and to nobody else.
#[tokio::test]
async fn a_main_key_is_none_of_another_provider_or_server() {
    for database in Database::with_and_without_policies().await {
        let store = &database.store;
        set_up(store, GUILD).await;
        for (tenant, provider) in [(GUILD, "zai"), (OTHER_GUILD, PROVIDER)] {
            let found = store.main_key_for_call(&keyring(), tenant, provider).await;
            assert!(matches!(found.unwrap(), MainKey::None), "{provider}");
        }
    }
}

#[tokio::test]
async fn failures_of_a_key_are_no_change_of_settings_and_its_rejection_is() {
    let database = Database::migrated().await;
    let before = set_up(&database.store, GUILD).await.settings_version;
    let store = &database.store;
    let version = async || {
        store
            .profile(GUILD)
            .await
            .unwrap()
            .unwrap()
            .settings_version
    };
    fail(store, WRONG).await;
    fail(store, WRONG).await;
    assert_eq!(version().await, before);
    fail(store, WRONG).await;
    assert_eq!(version().await, before + 1);
    let rejected = generation(store).await;
    store.enable_main_key(GUILD, rejected).await.unwrap();
    assert_eq!(version().await, before + 2);
}

/// POOL-4, POOL-6: the pointer follows the main key from pool to pool.
#[tokio::test]
async fn a_new_main_key_takes_part_in_the_pool_of_its_provider_alone() {
    let database = Database::migrated().await;
    set_up(&database.store, GUILD).await;
    let store = &database.store;
    for (provider, key) in [
        (PROVIDER, "sk-second-of-openai"),
        ("zai", "sk-first-of-zai-01"),
    ] {
        let new = NewPoolKey {
            tenant: GUILD,
            provider,
            label: None,
            key: &key.into(),
        };
        store.add_pool_key(&keyring(), new).await.unwrap();
    }
    let mains = async |provider| {
        let pool = store.key_pool(GUILD, provider).await.unwrap();
        let mains = pool.iter().filter(|key| key.is_main).count();
        (pool.len(), mains)
    };
    assert_eq!(
        (mains(PROVIDER).await, mains("zai").await),
        ((2, 1), (1, 0))
    );
    let pointer = store.key_pool(GUILD, PROVIDER).await.unwrap().remove(0);

    let mut moved = setup_of(GUILD);
    moved.provider = "zai".to_owned();
    store.set_up(&keyring(), moved).await.unwrap();
    assert_eq!(
        (mains(PROVIDER).await, mains("zai").await),
        ((1, 0), (2, 1))
    );
    // Whoever read the pool before must not show the new key to the old provider.
    let opened = store.pool_key(&keyring(), GUILD, PROVIDER, &pointer).await;
    assert!(opened.unwrap().is_none());
    let pointer = store.key_pool(GUILD, "zai").await.unwrap().remove(1);
    let opened = store.pool_key(&keyring(), GUILD, "zai", &pointer).await;
    assert_eq!(opened.unwrap().unwrap().expose_secret(), KEY);
    // A row that was left behind stands for no key of another provider.
    database
        .run("UPDATE server_model_configs SET provider = 'deepseek'")
        .await;
    assert_eq!(mains("zai").await, (1, 0));
    let listed = store.provider_keys(GUILD).await.unwrap().unwrap();
    assert!(listed.pools.iter().all(|row| !row.key.is_main));
}

#[tokio::test]
async fn a_replaced_main_key_begins_anew_in_its_pool() {
    let database = Database::migrated().await;
    set_up(&database.store, GUILD).await;
    let store = &database.store;
    refuse_for_good(store).await;
    let new = NewPoolKey {
        tenant: GUILD,
        provider: PROVIDER,
        label: None,
        key: &"sk-second-of-openai".into(),
    };
    store.add_pool_key(&keyring(), new).await.unwrap();
    let pointer = store.key_pool(GUILD, PROVIDER).await.unwrap().remove(0);
    assert!(!pointer.is_enabled, "a rejected key takes part as such");
    set_up(store, GUILD).await;
    let renewed = store.key_pool(GUILD, PROVIDER).await.unwrap().remove(0);
    assert!(renewed.is_enabled && renewed.generation > pointer.generation);
}
