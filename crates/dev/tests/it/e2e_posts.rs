//! A post appears once, whatever happens between its row and its message.

use dev::control::Name;
use dev::part::Part;
use serde_json::json;

use crate::town::{Town, assert_each_answered_once};

async fn start() -> Town {
    let town = Town::start(1).await;
    town.set_up("Amber").await;
    town
}

/// CHAT-46.
#[tokio::test]
async fn posts_whose_answers_are_lost_appear_once() {
    let town = start().await;
    town.break_posting(json!({"status": 502, "after": true, "times": 3}))
        .await;
    let trigger = town.say("alice", "Amber", "a long answer please").await;
    let answers = town.answers(vec![trigger]).await;
    assert_each_answered_once(&answers, &town.posts().await);
    assert!(answers[0].posts().len() > 1);
    town.leave().await;
}

/// CHAT-46.
#[tokio::test]
async fn a_post_in_doubt_is_found_by_the_successor_when_its_nonce_is_forgotten() {
    let town = start().await;
    town.change(&json!({"nonce_window_ms": 0})).await;
    // Discord takes the first post at once, and its answer never reaches the worker.
    town.break_posting(json!({"delay_ms": 20_000, "after": true, "times": 1}))
        .await;
    let trigger = town.say("alice", "Amber", "a long answer please").await;
    town.wait_for_posts(1).await;
    town.signal(Part::Worker(1), Name::Kill).await;
    town.restart(Part::Worker(1)).await;
    let answers = town.answers(vec![trigger]).await;
    assert_each_answered_once(&answers, &town.posts().await);
    assert_eq!(answers[0].record["turns"][0]["attempts"], 2);
    assert!(answers[0].posts().len() > 1);
    town.leave().await;
}

#[tokio::test]
async fn a_refused_post_ends_the_turn_and_leaves_no_row_in_doubt() {
    let town = start().await;
    town.break_posting(json!({"status": 403, "times": 1})).await;
    let trigger = town.say("alice", "Amber", "hello").await;
    let answers = town.answers(vec![trigger]).await;
    let turn = &answers[0].record["turns"][0];
    assert_eq!(turn["state"], "failed", "{turn}");
    assert_eq!(turn["posts"], json!([]), "{turn}");
    // The channel is free again.
    let next = town.say("alice", "Amber", "and now?").await;
    assert_each_answered_once(&town.answers(vec![next]).await, &town.posts().await);
    town.leave().await;
}

#[tokio::test]
async fn a_post_that_waits_for_a_limit_has_no_row() {
    let town = start().await;
    town.set_up("Sandbox").await;
    // The limit of all routes is known from the first post on; the second one has to wait for it.
    town.break_posting(
        json!({"status": 429, "scope": "global", "retry_after_ms": 6_000, "times": 1}),
    )
    .await;
    let first = town.say("alice", "Amber", "hello").await;
    town.wait_for_row("SELECT 1 FROM turn_posts").await;
    let second = town.say("bob", "Sandbox", "hello").await;
    let answers = town.answers(vec![first, second]).await;
    assert_each_answered_once(&answers, &town.posts().await);
    let waited = town
        .sql("SELECT max(created_at) - min(created_at) > interval '5 s' FROM turn_posts")
        .await;
    assert_eq!(waited.trim(), "t");
    town.leave().await;
}

/// CHAT-56.
#[tokio::test]
async fn a_trigger_that_is_deleted_while_it_waits_is_not_answered() {
    let town = start().await;
    town.speak_slowly(60).await;
    let first = town.say("alice", "Amber", "a long answer please").await;
    town.wait_for_posts(1).await;
    let second = town.say("bob", "Amber", "and me?").await;
    town.delete(&second).await;
    let answers = town.answers(vec![first, second]).await;
    let turn = &answers[1].record["turns"][0];
    assert_eq!(turn["state"], "stopped", "{turn}");
    assert_eq!(turn["reason"], "deleted", "{turn}");
    assert_each_answered_once(&answers[..1], &town.posts().await);
    town.leave().await;
}

/// CHAT-49.
#[tokio::test]
async fn a_worker_told_to_stop_finishes_its_reply() {
    let town = start().await;
    town.speak_slowly(40).await;
    let trigger = town.say("alice", "Amber", "a long answer please").await;
    town.wait_for_posts(1).await;
    town.signal(Part::Worker(1), Name::Term).await;
    let answers = town.answers(vec![trigger]).await;
    assert_each_answered_once(&answers, &town.posts().await);
    assert_eq!(answers[0].record["turns"][0]["attempts"], 1);
    town.leave().await;
}
