//! Every kind of change of a key is in force within a second in workers that nobody told of it
//! (POOL-8, CFG-82): a broadcast that is lost costs no more than that.

use std::time::Duration;

use store::{KeyId, NewPoolKey, NewSetup, SeenKey, SeenPool};
use tokio::time::sleep;

use crate::keys_pool::{Bench, GUILD, PROVIDER, Worker, key, keyring};

/// What is promised.
const WITHIN: Duration = Duration::from_secs(1);

/// Calls after which a key that may be used has been: each takes the less used of two.
const CALLS: usize = 8;

/// Calls with what the worker knows, changes something behind its back, and returns which keys it
/// calls with a second later.
async fn called_after(
    bench: &Bench,
    worker: &Worker,
    change: impl Future<Output = ()>,
) -> Vec<String> {
    worker.call().await.unwrap();
    change.await;
    sleep(WITHIN).await;
    let before = bench.provider.calls().len();
    for _ in 0..CALLS {
        worker.call().await.unwrap();
    }
    let calls = bench.provider.calls().split_off(before);
    let mut keys: Vec<String> = calls.into_iter().map(|call| call.key).collect();
    keys.sort_unstable();
    keys.dedup();
    keys
}

async fn add(bench: &Bench, n: usize) {
    let new = NewPoolKey {
        tenant: GUILD,
        provider: PROVIDER.as_str(),
        label: None,
        key: &key(n).into(),
    };
    bench.store.add_pool_key(&keyring(), new).await.unwrap();
}

/// The n-th key of the pool as it is shown now.
async fn seen(bench: &Bench, n: usize) -> SeenKey {
    let listed = bench.store.provider_keys(GUILD).await.unwrap().unwrap();
    let id: KeyId = bench.rows().await[n].id;
    let row = listed.pools.iter().find(|row| row.key.id == id).unwrap();
    SeenKey {
        tenant: GUILD,
        key: id,
        row_version: row.row_version,
    }
}

async fn replace_main(bench: &Bench, n: usize) {
    let setup = NewSetup {
        tenant: GUILD,
        locale: "en-US".to_owned(),
        display_name: None,
        provider: PROVIDER.as_str().to_owned(),
        model: "gpt-small".to_owned(),
        key: key(n).into(),
        replaces: true,
        bot_name: "Tomori".to_owned(),
        trigger_words: Vec::new(),
    };
    bench.store.set_up(&keyring(), setup).await.unwrap();
}

async fn main_generation(bench: &Bench) -> i64 {
    let listed = bench.store.provider_keys(GUILD).await.unwrap().unwrap();
    listed.main.unwrap().generation
}

#[tokio::test]
async fn changes_of_pooled_keys_are_in_force_within_a_second() {
    let bench = Bench::with_keys(1).await;
    let worker = bench.worker().await;
    let added = called_after(&bench, &worker, add(&bench, 1)).await;
    assert_eq!(added, [key(0), key(1)], "added");
    let disabling = async {
        bench
            .store
            .disable_key(seen(&bench, 1).await)
            .await
            .unwrap();
    };
    assert_eq!(called_after(&bench, &worker, disabling).await, [key(0)]);
    let enabling = async {
        bench.store.enable_key(seen(&bench, 1).await).await.unwrap();
    };
    // It has some catching up to do.
    let enabled = called_after(&bench, &worker, enabling).await;
    assert!(enabled.contains(&key(1)), "{enabled:?}");
    let removing = async {
        bench.store.remove_key(seen(&bench, 1).await).await.unwrap();
    };
    assert_eq!(called_after(&bench, &worker, removing).await, [key(0)]);
    bench.remove().await;
}

#[tokio::test]
async fn changes_of_the_main_key_are_in_force_within_a_second() {
    let bench = Bench::with_keys(3).await;
    let worker = bench.worker().await;
    let replaced = called_after(&bench, &worker, replace_main(&bench, 7)).await;
    assert_eq!(replaced, [key(1), key(2), key(7)], "replaced");
    let removing = async {
        let generation = main_generation(&bench).await;
        bench
            .store
            .remove_main_key(GUILD, generation)
            .await
            .unwrap();
    };
    let removed = called_after(&bench, &worker, removing).await;
    assert_eq!(removed, [key(1), key(2)], "removed");
    let entered = called_after(&bench, &worker, replace_main(&bench, 8)).await;
    assert_eq!(entered, [key(1), key(2), key(8)], "entered anew");
    let purging = async {
        let newest = bench.rows().await.last().map(|row| row.id);
        let pool = SeenPool {
            tenant: GUILD,
            provider: PROVIDER.as_str(),
            newest,
            main: Some(main_generation(&bench).await),
        };
        bench.store.remove_pool(pool).await.unwrap();
        replace_main(&bench, 9).await;
    };
    assert_eq!(called_after(&bench, &worker, purging).await, [key(9)]);
    bench.remove().await;
}
