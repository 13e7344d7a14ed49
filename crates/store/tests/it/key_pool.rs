//! The pool of provider keys: state changes that only one caller wins, and none of yesterday's.

use std::time::Duration;

use futures_util::future::join_all;
use secrecy::{ExposeSecret, SecretString};
use store::{
    Edited, KeyAdded, KeyFailure, KeyFault, KeyId, KeyReport, KeyState, MOST_POOL_KEYS, NewPoolKey,
    PoolKey, Rested, Settings, Store,
};

use crate::database::Database;
use crate::world::{DIRECT, GUILD, KEY, OTHER_GUILD, WRONG, keyring, seen, set_up};

const PROVIDER: &str = "openai";
const MINUTE: Duration = Duration::from_mins(1);

async fn add(store: &Store, key: &str) -> KeyAdded {
    let key = SecretString::from(key);
    let new = NewPoolKey {
        tenant: GUILD,
        provider: PROVIDER,
        label: None,
        key: &key,
    };
    store.add_pool_key(&keyring(), new).await.unwrap()
}

/// A server with its main key and one more in the pool; returns the second.
async fn two_keys(database: &Database) -> PoolKey {
    set_up(&database.store, GUILD).await;
    add(&database.store, "sk-a-second-key-0002").await;
    second(&database.store).await
}

async fn second(store: &Store) -> PoolKey {
    store.key_pool(GUILD, PROVIDER).await.unwrap().remove(1)
}

fn failure(fault: KeyFault, rest: Duration) -> KeyFailure<'static> {
    KeyFailure {
        fault,
        rest,
        was_probe: false,
        message: "model call failed: auth (status 401)",
    }
}

/// Connections of several processes: few, because signing in costs more than what is tested.
async fn processes(database: &Database) -> Vec<Store> {
    let settings = Settings {
        pool_max: 4,
        ..database.settings.clone()
    };
    join_all((0..4).map(|_| async { Store::connect(&settings).await.unwrap() })).await
}

/// Ends the rest of every key.
async fn end_rests(database: &Database) {
    database
        .run("UPDATE api_key_rotation SET cooldown_until = now() WHERE cooldown_until > now()")
        .await;
}

/// POOL-1, POOL-4, DB-21.
#[tokio::test]
async fn first_key_of_the_main_provider_brings_the_pointer() {
    let database = Database::migrated().await;
    assert_eq!(
        add(&database.store, "sk-nobodys-0001").await,
        KeyAdded::NotSetUp
    );
    let added = two_keys(&database).await;

    let pool = database.store.key_pool(GUILD, PROVIDER).await.unwrap();
    assert_eq!(pool.len(), 2);
    assert!(pool[0].is_main && !pool[1].is_main);
    assert_eq!(pool[0].last4.as_deref(), Some("0001"));
    for (key, text) in [(&pool[0], KEY), (&pool[1], "sk-a-second-key-0002")] {
        let opened = database
            .store
            .pool_key(&keyring(), GUILD, PROVIDER, key)
            .await;
        assert_eq!(opened.unwrap().unwrap().expose_secret(), text);
    }
    assert_eq!(
        add(&database.store, "sk-a-second-key-0002").await,
        KeyAdded::Known(added.id)
    );
    assert_eq!(add(&database.store, KEY).await, KeyAdded::Known(pool[0].id));
    assert!(
        database
            .store
            .key_pool(GUILD, "zai")
            .await
            .unwrap()
            .is_empty()
    );
}

/// SEC-62.
#[tokio::test]
async fn a_pool_is_that_of_its_server_alone() {
    for database in Database::with_and_without_policies().await {
        let (store, added) = (&database.store, two_keys(&database).await);
        for tenant in [OTHER_GUILD, DIRECT] {
            let pool = store.key_pool(tenant, PROVIDER).await;
            assert!(pool.unwrap().is_empty());
            let foreign = store.pool_key(&keyring(), tenant, PROVIDER, &added).await;
            assert!(foreign.unwrap().is_none());
        }
    }
}

/// POOL-4.
#[tokio::test]
async fn pool_of_many_at_once_is_never_larger_than_it_may_be() {
    let database = Database::migrated().await;
    set_up(&database.store, GUILD).await;
    let stores = processes(&database).await;
    let adding = (0..30).map(|n| {
        let store = &stores[n % stores.len()];
        async move { add(store, &format!("sk-one-of-many-{n:04}")).await }
    });
    let full = join_all(adding)
        .await
        .into_iter()
        .filter(|added| *added == KeyAdded::Full);

    assert_eq!(full.count(), 11);
    let pool = database.store.key_pool(GUILD, PROVIDER).await.unwrap();
    assert_eq!(pool.len(), usize::try_from(MOST_POOL_KEYS).unwrap());
    assert_eq!(pool.iter().filter(|key| key.is_main).count(), 1);
}

/// POOL-12.
#[tokio::test]
async fn of_all_callers_one_probes_per_expiry() {
    let database = Database::migrated().await;
    let key = two_keys(&database).await;
    let stores = processes(&database).await;
    let store = &database.store;
    assert_eq!(
        store
            .probe_key(GUILD, key.id, key.generation)
            .await
            .unwrap(),
        None
    );
    let failed = failure(KeyFault::RateLimit, MINUTE);
    store
        .rest_key(GUILD, key.id, key.generation, failed)
        .await
        .unwrap();

    for _expiry in 0..3 {
        let resting = second(store).await;
        assert!(matches!(
            resting.state(Duration::ZERO),
            KeyState::Resting(_)
        ));
        let early = store
            .probe_key(GUILD, key.id, resting.generation)
            .await
            .unwrap();
        assert_eq!(early, None);
        end_rests(&database).await;
        let due = second(store).await;
        assert_eq!(due.state(Duration::ZERO), KeyState::Due);
        let winner = one_winner(&stores, &due).await;
        let probed = second(store).await;
        assert!(matches!(probed.state(Duration::ZERO), KeyState::Probed(_)));
        let again = store
            .probe_key(GUILD, key.id, probed.generation)
            .await
            .unwrap();
        assert_eq!(again, None, "while the lease lasts");

        // The winner died; its lease ends, and what it says then is too late.
        database
            .run("UPDATE api_key_rotation SET probe_until = now()")
            .await;
        let next = one_winner(&stores, &second(store).await).await;
        assert!(!store.key_works(GUILD, key.id, winner).await.unwrap());
        let failed = KeyFailure {
            was_probe: true,
            ..failed
        };
        let rested = store.rest_key(GUILD, key.id, next, failed).await.unwrap();
        assert_eq!(rested, Rested::Resting);
    }
}

/// Lets 64 callers try, and returns the generation of the one that won.
async fn one_winner(stores: &[Store], due: &PoolKey) -> i64 {
    let (id, generation) = (due.id, due.generation);
    let racing = (0..64).map(|n| {
        let store = &stores[n % stores.len()];
        async move { store.probe_key(GUILD, id, generation).await.unwrap() }
    });
    let won: Vec<i64> = join_all(racing).await.into_iter().flatten().collect();
    assert_eq!(won.len(), 1);
    won[0]
}

/// POOL-8, POOL-13.
#[tokio::test]
async fn a_rest_is_counted_once_and_never_shortened() {
    let database = Database::migrated().await;
    let key = two_keys(&database).await;
    let stores = processes(&database).await;
    let racing = (0..64).map(|n| {
        let store = &stores[n % stores.len()];
        let (id, generation) = (key.id, key.generation);
        async move {
            let failed = failure(KeyFault::RateLimit, MINUTE);
            store.rest_key(GUILD, id, generation, failed).await.unwrap()
        }
    });
    let rested = join_all(racing).await;
    let counted = rested.iter().filter(|rested| **rested == Rested::Resting);
    assert_eq!(counted.count(), 1);
    assert_eq!(
        database
            .read::<i32>("SELECT max(error_count) FROM api_key_rotation")
            .await,
        1
    );

    let resting = second(&database.store).await;
    let shorter = failure(KeyFault::RateLimit, Duration::from_secs(1));
    let store = &database.store;
    store
        .rest_key(GUILD, key.id, resting.generation, shorter)
        .await
        .unwrap();
    let rest = second(store).await.rest.unwrap();
    assert!(rest > Duration::from_secs(30), "{rest:?}");
}

/// POOL-8, POOL-11.
#[tokio::test]
async fn a_late_success_clears_no_newer_rest() {
    let database = Database::migrated().await;
    let key = two_keys(&database).await;
    let store = &database.store;
    let failed = failure(KeyFault::RateLimit, MINUTE);
    store
        .rest_key(GUILD, key.id, key.generation, failed)
        .await
        .unwrap();

    assert!(
        !store
            .key_works(GUILD, key.id, key.generation)
            .await
            .unwrap()
    );
    let resting = second(store).await;
    assert!(matches!(
        resting.state(Duration::ZERO),
        KeyState::Resting(_)
    ));
    assert_eq!(resting.state(2 * MINUTE), KeyState::Due);

    end_rests(&database).await;
    let probing = store
        .probe_key(GUILD, key.id, resting.generation)
        .await
        .unwrap();
    assert!(
        store
            .key_works(GUILD, key.id, probing.unwrap())
            .await
            .unwrap()
    );
    let works = second(store).await;
    assert_eq!(works.state(Duration::ZERO), KeyState::Ready);
    assert!(
        !store
            .key_works(GUILD, key.id, works.generation)
            .await
            .unwrap(),
        "nothing to clear"
    );
}

/// POOL-8.
#[tokio::test]
async fn a_failed_probe_doubles_the_rest_up_to_an_hour() {
    let database = Database::migrated().await;
    let key = two_keys(&database).await;
    let store = &database.store;
    let first = failure(KeyFault::Account, 10 * MINUTE);
    store
        .rest_key(GUILD, key.id, key.generation, first)
        .await
        .unwrap();
    for minutes in [20, 40, 60, 60] {
        // The rest passes: its beginning moves into the past with its end.
        database
            .run(
                "UPDATE api_key_rotation SET last_error_at = now() - (cooldown_until - last_error_at),
                        cooldown_until = now() WHERE cooldown_until IS NOT NULL",
            )
            .await;
        let probing = store
            .probe_key(GUILD, key.id, second(store).await.generation)
            .await
            .unwrap();
        let failed = KeyFailure {
            was_probe: true,
            ..first
        };
        store
            .rest_key(GUILD, key.id, probing.unwrap(), failed)
            .await
            .unwrap();
        let rest = second(store).await.rest.unwrap();
        let expected = minutes * MINUTE;
        assert!(
            rest <= expected && rest + Duration::from_secs(10) > expected,
            "{rest:?}"
        );
    }
}

/// POOL-17.
#[tokio::test]
async fn third_refusal_in_a_row_disables_and_one_caller_tells() {
    let database = Database::migrated().await;
    let key = two_keys(&database).await;
    let stores = processes(&database).await;
    let mut told = 0;
    for refusal in 1..=3 {
        let now = second(&database.store).await;
        assert!(now.is_enabled);
        let racing = stores.iter().map(|store| async {
            let failed = failure(WRONG, 5 * MINUTE);
            store
                .rest_key(GUILD, key.id, now.generation, failed)
                .await
                .unwrap()
        });
        let outcomes = join_all(racing).await;
        let first = |wanted| {
            outcomes
                .iter()
                .filter(|outcome| **outcome == wanted)
                .count()
        };
        told += first(Rested::Disabled);
        assert_eq!(
            first(Rested::Resting) + first(Rested::Disabled),
            1,
            "{refusal}"
        );
    }
    assert_eq!(told, 1);
    let disabled = second(&database.store).await;
    assert_eq!(disabled.state(Duration::ZERO), KeyState::Disabled);
    assert_eq!(
        database
            .read::<String>("SELECT disabled_reason FROM api_key_rotation WHERE NOT is_enabled")
            .await,
        "auth"
    );
    let probing = database
        .store
        .probe_key(GUILD, key.id, disabled.generation)
        .await;
    assert_eq!(probing.unwrap(), None);
}

/// POOL-17.
#[tokio::test]
async fn another_answer_between_refusals_begins_the_count_anew() {
    let database = Database::migrated().await;
    let key = two_keys(&database).await;
    for fault in [WRONG, WRONG, KeyFault::RateLimit, WRONG] {
        let now = second(&database.store).await;
        let failed = failure(fault, MINUTE);
        let rested = database
            .store
            .rest_key(GUILD, key.id, now.generation, failed)
            .await;
        assert_eq!(rested.unwrap(), Rested::Resting);
    }
}

/// POOL-5.
#[tokio::test]
async fn an_enabled_key_begins_anew_with_the_least_use() {
    let database = Database::migrated().await;
    let key = two_keys(&database).await;
    let store = &database.store;
    let main = store.key_pool(GUILD, PROVIDER).await.unwrap().remove(0);
    store
        .count_key_uses(&[(main.id, 40), (key.id, 90)])
        .await
        .unwrap();
    let failed = failure(WRONG, MINUTE);
    store
        .rest_key(GUILD, key.id, key.generation, failed)
        .await
        .unwrap();
    let before = seen(store, key.id).await;
    assert_eq!(store.disable_key(before).await.unwrap(), Edited::Done);
    let disabled = seen(store, key.id).await;
    assert_eq!(store.enable_key(disabled).await.unwrap(), Edited::Done);

    let enabled = second(store).await;
    assert_eq!(enabled.state(Duration::ZERO), KeyState::Ready);
    assert_eq!(enabled.usage_count, 40);
    assert!(
        !store
            .key_works(GUILD, key.id, key.generation)
            .await
            .unwrap()
    );
    add(store, "sk-a-third-key-0003").await;
    let third = store.key_pool(GUILD, PROVIDER).await.unwrap().remove(2);
    assert_eq!(third.usage_count, 40);
}

/// POOL-9.
#[tokio::test]
async fn batches_of_many_processes_add_up() {
    let database = Database::migrated().await;
    let key = two_keys(&database).await;
    let main = KeyId(key.id.0 - 1);
    let stores = processes(&database).await;
    let counting = (0..40).map(|n| {
        let store = &stores[n % stores.len()];
        let mut uses = [(main, 2), (key.id, 3)];
        if n % 2 == 0 {
            uses.reverse();
        }
        async move { store.count_key_uses(&uses).await.unwrap() }
    });
    join_all(counting).await;

    let pool = database.store.key_pool(GUILD, PROVIDER).await.unwrap();
    let counts: Vec<u64> = pool.iter().map(|key| key.usage_count).collect();
    assert_eq!(counts, [80, 120]);
}

#[tokio::test]
async fn a_probe_that_found_nothing_out_is_free_for_the_next() {
    let database = Database::migrated().await;
    let key = two_keys(&database).await;
    let store = &database.store;
    let failed = failure(KeyFault::RateLimit, MINUTE);
    store
        .rest_key(GUILD, key.id, key.generation, failed)
        .await
        .unwrap();
    end_rests(&database).await;
    let due = second(store).await;
    let probing = store
        .probe_key(GUILD, key.id, due.generation)
        .await
        .unwrap()
        .unwrap();
    store.release_probe(GUILD, key.id, probing).await.unwrap();

    let free = second(store).await;
    assert_eq!(free.state(Duration::ZERO), KeyState::Due);
    assert!(
        store
            .probe_key(GUILD, key.id, free.generation)
            .await
            .unwrap()
            .is_some()
    );
}

/// POOL-8: what is said of a probe whose lease is over says nothing about the next one.
#[tokio::test]
async fn a_late_end_of_a_probe_leaves_the_next_probe_alone() {
    let database = Database::migrated().await;
    let key = two_keys(&database).await;
    let store = &database.store;
    let failed = failure(KeyFault::RateLimit, MINUTE);
    store
        .rest_key(GUILD, key.id, key.generation, failed)
        .await
        .unwrap();
    end_rests(&database).await;
    let probe = async || {
        let due = second(store).await.generation;
        store.probe_key(GUILD, key.id, due).await.unwrap().unwrap()
    };
    let late = probe().await;
    database
        .run("UPDATE api_key_rotation SET probe_until = now()")
        .await;
    probe().await;
    store.release_probe(GUILD, key.id, late).await.unwrap();
    let probed = second(store).await;
    assert!(matches!(probed.state(Duration::ZERO), KeyState::Probed(_)));
}

/// POOL-5: the use of a key that is not used tells nothing about the others.
#[tokio::test]
async fn a_new_key_begins_with_the_least_use_of_those_in_use() {
    let database = Database::migrated().await;
    let key = two_keys(&database).await;
    let store = &database.store;
    let main = store.key_pool(GUILD, PROVIDER).await.unwrap().remove(0);
    let uses = [(main.id, 40), (key.id, 10)];
    store.count_key_uses(&uses).await.unwrap();
    let disabled = store.disable_key(seen(store, key.id).await).await;
    assert_eq!(disabled.unwrap(), Edited::Done);
    add(store, "sk-a-third-key-0003").await;
    let third = store.key_pool(GUILD, PROVIDER).await.unwrap().remove(2);
    assert_eq!(third.usage_count, 40);
}

/// POOL-13.
#[tokio::test]
async fn a_recorded_error_has_a_bound() {
    let database = Database::migrated().await;
    let key = two_keys(&database).await;
    let store = &database.store;
    let message = "é".repeat(600);
    let failed = KeyFailure {
        message: &message,
        ..failure(WRONG, MINUTE)
    };
    let rested = store.rest_key(GUILD, key.id, key.generation, failed).await;
    assert_eq!(rested.unwrap(), Rested::Resting);
    let main = store.provider_keys(GUILD).await.unwrap().unwrap().main;
    let generation = main.unwrap().generation;
    let noted = store.main_key_failed(GUILD, generation, WRONG, &message);
    assert_eq!(noted.await.unwrap(), KeyReport::Noted);
    let listed = store.provider_keys(GUILD).await.unwrap().unwrap();
    let pooled = listed.pools[1].last_error.as_ref();
    let main = listed.main.unwrap().last_error;
    for recorded in [&pooled.unwrap().message, &main.unwrap()] {
        assert_eq!(recorded.chars().count(), 500);
    }
}

/// POOL-10.
#[tokio::test]
async fn a_row_that_does_not_open_leaves_the_others() {
    let database = Database::migrated().await;
    let key = two_keys(&database).await;
    database
        .run("UPDATE api_key_rotation SET api_key = 'x' WHERE NOT is_main_key_pointer")
        .await;
    let store = &database.store;
    let pool = store.key_pool(GUILD, PROVIDER).await.unwrap();
    assert!(
        store
            .pool_key(&keyring(), GUILD, PROVIDER, &key)
            .await
            .is_err()
    );
    let main = store
        .pool_key(&keyring(), GUILD, PROVIDER, &pool[0])
        .await
        .unwrap();
    assert_eq!(main.unwrap().expose_secret(), KEY);
    assert!(matches!(
        add(store, "sk-a-third-key-0003").await,
        KeyAdded::Added(_)
    ));
}

/// POOL-4: shorter ones are mistakes.
#[tokio::test]
async fn a_key_that_is_too_short_is_refused() {
    let database = Database::migrated().await;
    set_up(&database.store, GUILD).await;
    assert_eq!(add(&database.store, "sk-short1").await, KeyAdded::TooShort);
    assert!(matches!(
        add(&database.store, "sk-short10").await,
        KeyAdded::Added(_)
    ));
}

/// POOL-4: equal keys are found although both were on their way.
#[tokio::test]
async fn the_same_key_added_by_many_at_once_is_in_the_pool_once() {
    let database = Database::migrated().await;
    set_up(&database.store, GUILD).await;
    let stores = processes(&database).await;
    let adding = (0..12).map(|n| add(&stores[n % stores.len()], "sk-the-very-same-01"));
    let added = join_all(adding).await;
    let pool = database.store.key_pool(GUILD, PROVIDER).await.unwrap();
    assert_eq!(pool.len(), 2, "{added:?}");
    let kept = added
        .iter()
        .filter(|added| matches!(added, KeyAdded::Added(_)));
    assert_eq!(kept.count(), 1, "{added:?}");
}
