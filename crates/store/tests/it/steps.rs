//! The journal of tools (DB-84): begun once, ended by whoever began it.

use serde_json::{Value, json};
use store::{Lease, NewStep, Store, TurnState};

use crate::database::Database;
use crate::world::{GUILD, claim, kill_all, set_up, turn};

const HASH: [u8; 32] = [7; 32];

fn step(step: i32, ordinal: i32) -> NewStep<'static> {
    NewStep {
        step,
        ordinal,
        tool: "create_thread",
        arguments_hash: HASH,
        posts_before: 2,
    }
}

fn made() -> Value {
    json!({"outcome": "thread_created", "id": "70"})
}

async fn lease(store: &Store) -> Lease {
    let profile = set_up(store, GUILD).await;
    let queued = turn(store, &profile, 1).await;
    claim(store, &queued, "w").await.unwrap()
}

async fn next_lease(store: &Store, before: &Lease) -> Lease {
    let next = store.claim_turn(before.turn, "next", before.fence).await;
    next.unwrap().unwrap()
}

async fn start(store: &Store, lease: &Lease, new: NewStep<'_>) -> bool {
    store.start_step(lease, &new).await.unwrap()
}

async fn finish(store: &Store, lease: &Lease, place: (i32, i32)) -> bool {
    store.finish_step(lease, place, &made()).await.unwrap()
}

async fn state(store: &Store, lease: &Lease) -> TurnState {
    store.turn(lease.turn).await.unwrap().unwrap().state
}

#[tokio::test]
async fn a_use_is_on_record_before_and_after_and_moves_the_turn() {
    let database = Database::migrated().await;
    let store = &database.store;
    let lease = lease(store).await;
    assert!(start(store, &lease, step(0, 0)).await);
    assert_eq!(state(store, &lease).await, TurnState::Tool);
    assert_eq!(store.steps(lease.turn).await.unwrap()[0].result, None);
    assert!(finish(store, &lease, (0, 0)).await);
    assert_eq!(state(store, &lease).await, TurnState::Streaming);
    assert!(start(store, &lease, step(1, 0)).await);
    assert!(start(store, &lease, step(0, 1)).await);
    let steps = store.steps(lease.turn).await.unwrap();
    let places: Vec<_> = steps.iter().map(|step| (step.step, step.ordinal)).collect();
    assert_eq!(places, [(0, 0), (0, 1), (1, 0)]);
    let first = &steps[0];
    assert_eq!(
        (
            first.tool.as_str(),
            first.arguments_hash,
            first.posts_before
        ),
        ("create_thread", HASH, 2)
    );
    assert_eq!(first.result, Some(made()));
}

#[tokio::test]
async fn a_use_is_begun_once() {
    let database = Database::migrated().await;
    let store = &database.store;
    let lease = lease(store).await;
    assert!(start(store, &lease, step(0, 0)).await);
    // The answer was lost, and it is asked again.
    assert!(start(store, &lease, step(0, 0)).await);
    let other = NewStep {
        arguments_hash: [8; 32],
        ..step(0, 0)
    };
    assert!(!start(store, &lease, other).await);
    let successor = next_lease(store, &lease).await;
    assert!(
        !start(store, &successor, step(0, 0)).await,
        "begun by another"
    );
    assert!(start(store, &successor, step(1, 0)).await);
    assert!(finish(store, &successor, (1, 0)).await);
    assert!(
        !start(store, &successor, step(1, 0)).await,
        "it is finished"
    );
}

#[tokio::test]
async fn a_use_is_finished_only_by_the_holder_that_began_it() {
    let database = Database::migrated().await;
    let store = &database.store;
    let old = lease(store).await;
    assert!(!finish(store, &old, (0, 0)).await, "it was never begun");
    assert!(start(store, &old, step(0, 0)).await);
    let new = next_lease(store, &old).await;
    assert!(!finish(store, &old, (0, 0)).await, "the lease is lost");
    assert!(!finish(store, &new, (0, 0)).await, "another began it");
    assert_eq!(store.steps(old.turn).await.unwrap()[0].result, None);
}

#[tokio::test]
async fn a_lost_fence_begins_nothing() {
    let database = Database::migrated().await;
    let store = &database.store;
    let old = lease(store).await;
    let new = next_lease(store, &old).await;
    assert!(!start(store, &old, step(0, 0)).await);
    let pretender = Lease {
        worker: "somebody".to_owned(),
        ..new.clone()
    };
    assert!(!start(store, &pretender, step(0, 0)).await);
    assert_eq!(store.steps(old.turn).await.unwrap(), []);
    assert_eq!(state(store, &new).await, TurnState::Preparing);
}

#[tokio::test]
async fn an_outcome_on_record_stays() {
    let database = Database::migrated().await;
    let store = &database.store;
    let lease = lease(store).await;
    assert!(start(store, &lease, step(0, 0)).await);
    assert!(finish(store, &lease, (0, 0)).await);
    let other = json!({"outcome": "not_done"});
    assert!(store.finish_step(&lease, (0, 0), &other).await.unwrap());
    let steps = store.steps(lease.turn).await.unwrap();
    assert_eq!(steps[0].result, Some(made()));
}

#[tokio::test]
async fn a_requested_stop_begins_nothing_more_and_keeps_what_was_done() {
    let database = Database::migrated().await;
    let store = &database.store;
    let lease = lease(store).await;
    assert!(start(store, &lease, step(0, 0)).await);
    kill_all(store).await;
    assert!(finish(store, &lease, (0, 0)).await);
    assert!(!start(store, &lease, step(0, 1)).await);
}

#[tokio::test]
async fn nothing_is_done_for_a_user_who_opts_out_midway() {
    let database = Database::migrated().await;
    let store = &database.store;
    let lease = lease(store).await;
    database
        .run("INSERT INTO users (user_disc_id, privacy_level) VALUES ('200000000000000001', 2)")
        .await;
    assert!(!start(store, &lease, step(0, 0)).await);
}

#[tokio::test]
async fn a_turn_that_is_over_uses_no_tools() {
    let database = Database::migrated().await;
    let store = &database.store;
    let lease = lease(store).await;
    assert!(start(store, &lease, step(0, 0)).await);
    assert!(
        store
            .end_turn(&lease, TurnState::Failed, Some("x"))
            .await
            .unwrap()
    );
    assert!(!start(store, &lease, step(0, 1)).await);
    assert!(!finish(store, &lease, (0, 0)).await);
}

#[tokio::test]
async fn a_claim_waits_for_a_use_that_is_being_journaled() {
    let database = Database::migrated().await;
    let store = &database.store;
    let lease = lease(store).await;
    for round in 1..30 {
        let old = Lease {
            fence: round.into(),
            ..lease.clone()
        };
        let new = step(round, 0);
        let (begun, claimed) = tokio::join!(
            store.start_step(&old, &new),
            store.claim_turn(lease.turn, "w", round.into())
        );
        claimed.unwrap().unwrap();
        let steps = store.steps(lease.turn).await.unwrap();
        let seen = steps.iter().any(|step| step.step == round);
        assert_eq!(begun.unwrap(), seen);
    }
}

#[tokio::test]
async fn a_finished_use_makes_the_tries_begin_anew_and_one_in_doubt_does_not() {
    let database = Database::migrated().await;
    let store = &database.store;
    let first = lease(store).await;
    let second = next_lease(store, &first).await;
    assert_eq!(second.tries, 2);
    assert!(start(store, &second, step(0, 0)).await);
    let third = next_lease(store, &second).await;
    assert_eq!(third.tries, 3);
    assert!(start(store, &third, step(1, 0)).await);
    assert!(finish(store, &third, (1, 0)).await);
    assert_eq!(next_lease(store, &third).await.tries, 1);
}
