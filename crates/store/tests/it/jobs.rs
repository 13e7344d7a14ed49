//! Jobs that one worker does for all.

use std::time::Duration;

use futures_util::future::join_all;
use store::Store;

use crate::database::Database;

const LEASE: Duration = Duration::from_mins(1);
const EVERY: Duration = Duration::from_mins(10);

async fn take(store: &Store, worker: &str, every: Duration) -> bool {
    store.take_job("job", worker, LEASE, every).await.unwrap()
}

/// DB-58, DB-79.
#[tokio::test]
async fn job_has_one_leader_however_many_ask_at_once() {
    let database = Database::migrated().await;
    let names: Vec<String> = (0..8).map(|number| number.to_string()).collect();
    let asked = names.iter().map(|name| take(&database.store, name, EVERY));
    let led = join_all(asked).await;
    assert_eq!(led.iter().filter(|leads| **leads).count(), 1);
}

/// DB-58.
#[tokio::test]
async fn leader_prolongs_its_lead_and_another_one_takes_it_when_it_has_run_out() {
    let database = Database::migrated().await;
    let store = &database.store;
    assert!(take(store, "a", EVERY).await);
    assert!(take(store, "a", EVERY).await);
    assert!(!take(store, "b", EVERY).await);
    database
        .run("UPDATE job_leases SET lease_until = now() - interval '1 second'")
        .await;
    assert!(take(store, "b", EVERY).await);
    assert!(!take(store, "a", EVERY).await);
    assert!(!store.job_done("job", "a").await.unwrap());
}

#[tokio::test]
async fn job_that_is_done_is_due_again_after_its_time() {
    let database = Database::migrated().await;
    let store = &database.store;
    assert!(take(store, "a", EVERY).await);
    assert!(store.job_done("job", "a").await.unwrap());
    assert!(!take(store, "a", EVERY).await);
    assert!(!take(store, "b", EVERY).await);
    assert!(take(store, "b", Duration::ZERO).await);
}

#[tokio::test]
async fn job_that_was_left_is_due_for_everybody_at_once() {
    let database = Database::migrated().await;
    let store = &database.store;
    assert!(take(store, "a", EVERY).await);
    store.leave_job("job", "b").await.unwrap();
    assert!(!take(store, "b", EVERY).await, "it was not theirs to leave");
    store.leave_job("job", "a").await.unwrap();
    assert!(take(store, "b", EVERY).await);
}

#[tokio::test]
async fn lengths_finer_than_those_of_the_database_are_lengths() {
    let database = Database::migrated().await;
    let store = &database.store;
    assert!(take(store, "a", Duration::from_nanos(1)).await);
    assert!(store.job_done("job", "a").await.unwrap());
    assert!(!take(store, "a", EVERY + Duration::from_nanos(1)).await);
}
