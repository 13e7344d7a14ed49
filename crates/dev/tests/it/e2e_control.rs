//! People stop, interrupt and take back; it holds at once, wherever the reply runs.

use std::time::Duration;

use dev::control::Name;
use dev::part::Part;
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::town::{Answer, Town, Trigger, assert_each_answered_once};

/// From the order to the end of the turn: a second, and what a busy machine takes.
const SOON: Duration = Duration::from_secs(4);

async fn start(workers: u16) -> Town {
    let town = Town::start(workers).await;
    town.set_up("Amber").await;
    town
}

/// Lets the model say nothing for longer than any test waits.
async fn fall_silent(town: &Town) {
    town.break_model(json!({"fault": "slow-start", "wait_ms": 50_000, "times": 1}))
        .await;
}

/// Somebody asks, and the model says nothing.
async fn ask_silent_model(town: &Town, user: &str) -> Trigger {
    fall_silent(town).await;
    let trigger = town.say(user, "Amber", "a long answer please").await;
    town.wait_for_row("SELECT 1 FROM turns WHERE state = 'preparing'")
        .await;
    trigger
}

/// A long reply of which people see the beginning.
async fn begun(town: &Town, user: &str) -> Trigger {
    town.speak_slowly(40).await;
    let trigger = town.say(user, "Amber", "a long answer please").await;
    town.wait_for_row("SELECT 1 FROM turn_posts WHERE state = 'sent'")
        .await;
    trigger
}

async fn answer(town: &Town, trigger: &Trigger) -> Answer {
    town.answers(vec![trigger.clone()]).await.remove(0)
}

#[track_caller]
fn assert_stopped<'a>(answer: &'a Answer, reason: &str) -> &'a Value {
    let turn = &answer.record["turns"][0];
    assert_eq!(turn["state"], "stopped", "{turn}");
    assert_eq!(turn["reason"], reason, "{turn}");
    turn
}

/// CHAT-53, CHAT-54.
#[tokio::test]
async fn a_stop_word_ends_a_reply_of_a_silent_model_and_is_answered_shortly() {
    let town = start(1).await;
    let trigger = ask_silent_model(&town, "alice").await;
    // Not a stop: somebody else said it, or it is part of a sentence.
    town.mutter("bob", "Amber", "stop").await;
    let asked = Instant::now();
    let word = town.mutter("alice", "Amber", "Stop!").await;
    let stopped = answer(&town, &trigger).await;
    assert!(asked.elapsed() < SOON, "{:?}", asked.elapsed());
    assert_stopped(&stopped, "stop_word");
    let short = answer(&town, &word).await;
    assert_eq!(short.record["code"], "stop_word");
    assert_eq!(short.record["turns"].as_array().unwrap().len(), 1);
    assert!((1..=2).contains(&short.posts().len()), "{short:?}");
    assert_eq!(town.posts().await.len(), short.posts().len());
    // The flag was for that turn only.
    let next = town.say("alice", "Amber", "and now?").await;
    assert_eq!(
        answer(&town, &next).await.record["turns"][0]["state"],
        "done"
    );
    town.leave().await;
}

/// CHAT-51.
#[tokio::test]
async fn a_follow_up_interrupts_the_own_reply_and_runs_before_others() {
    let town = start(1).await;
    let first = begun(&town, "alice").await;
    let of_bob = town.say("bob", "Amber", "say exactly: for bob").await;
    town.wait_for_row("SELECT 1 FROM turns WHERE state = 'queued'")
        .await;
    let next = town
        .say("alice", "Amber", "no, say exactly: for alice")
        .await;
    let triggers = [&first, &next, &of_bob];
    let mut answers = Vec::new();
    for trigger in triggers {
        answers.push(answer(&town, trigger).await);
    }
    let turn = assert_stopped(&answers[0], "follow_up");
    assert!(
        !turn["posts"].as_array().unwrap().is_empty(),
        "posted text stays"
    );
    let expected: Vec<String> = answers.iter().flat_map(Answer::posts).collect();
    let made = town.posts().await;
    let made: Vec<&str> = made
        .iter()
        .map(|post| post["message_id"].as_str().unwrap())
        .collect();
    assert_eq!(made, expected, "the follow-up comes before what waited");
    assert!(
        town.text(&answers[1].posts()[0])
            .await
            .contains("for alice")
    );
    // Bob's answer comes after other messages: it says which one it answers.
    let of_bob_at = answers[2].posts()[0].clone();
    let posts = town.posts().await;
    let mut posts = posts.iter();
    let post = posts.find(|post| post["message_id"] == of_bob_at.as_str());
    assert_eq!(post.unwrap()["reference"], of_bob.id.as_str());
    town.leave().await;
}

/// CHAT-55, CMD-22.
#[tokio::test]
async fn a_kill_clears_the_channel_and_reaches_nothing_after_it() {
    let town = start(2).await;
    let running = ask_silent_model(&town, "bob").await;
    let waiting = town.say("carol", "Amber", "and me?").await;
    town.wait_for_row("SELECT 1 FROM turns WHERE state = 'queued'")
        .await;
    // Carol may end her own reply only.
    let told = town.command("carol", "Amber", "/bot kill").await;
    assert!(told.contains("one reply"), "{told}");
    assert_stopped(&answer(&town, &waiting).await, "kill");
    let again = town.say("carol", "Amber", "and me, again?").await;
    town.wait_for_row("SELECT 1 FROM turns WHERE state = 'queued'")
        .await;
    let asked = Instant::now();
    let told = town.command("alice", "Amber", "/bot kill").await;
    assert!(told.contains("2 replies"), "{told}");
    assert_stopped(&answer(&town, &running).await, "kill");
    assert!(asked.elapsed() < SOON, "{:?}", asked.elapsed());
    assert_stopped(&answer(&town, &again).await, "kill");
    assert!(town.posts().await.is_empty(), "a kill is not answered");
    let next = town.say("bob", "Amber", "and now?").await;
    let answers = town.answers(vec![next]).await;
    assert_each_answered_once(&answers, &town.posts().await);
    town.leave().await;
}

#[tokio::test]
async fn a_kill_during_a_takeover_ends_the_reply_for_good() {
    let town = start(2).await;
    let trigger = begun(&town, "alice").await;
    let worker = town
        .sql("SELECT substr(worker_id, 1, 8) FROM turns WHERE state = 'streaming'")
        .await;
    let dead: Part = worker.trim().parse().unwrap();
    town.signal(dead, Name::Kill).await;
    let posted = town.posts().await.len();
    let told = town.command("alice", "Amber", "/bot kill").await;
    assert!(told.contains("one reply"), "{told}");
    assert_stopped(&answer(&town, &trigger).await, "kill");
    assert_eq!(town.posts().await.len(), posted);
    town.leave().await;
}

/// CHAT-56.
#[tokio::test]
async fn a_deleted_trigger_stops_a_reply_of_which_nobody_saw_anything() {
    let town = start(1).await;
    let trigger = ask_silent_model(&town, "alice").await;
    let asked = Instant::now();
    town.delete(&trigger).await;
    assert_stopped(&answer(&town, &trigger).await, "deleted");
    assert!(asked.elapsed() < SOON, "{:?}", asked.elapsed());
    town.leave().await;
}
