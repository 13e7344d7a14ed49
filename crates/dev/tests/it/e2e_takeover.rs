//! A reply whose worker dies is continued, or ends visibly, and is never said twice.

use dev::control::Name;
use dev::part::Part;
use serde_json::json;

use crate::town::{Answer, Town, Trigger, assert_each_answered_once};

const WORKER: Part = Part::Worker(1);

async fn start() -> Town {
    let town = Town::start(1).await;
    town.set_up("Amber").await;
    town
}

/// Says something long, and kills the worker once the first post is on record.
async fn killed_after_a_post(town: &Town) -> Trigger {
    town.speak_slowly(40).await;
    let trigger = town.say("alice", "Amber", "a long answer please").await;
    town.wait_for_row("SELECT 1 FROM turn_posts WHERE state = 'sent'")
        .await;
    town.signal(WORKER, Name::Kill).await;
    trigger
}

async fn answer(town: &Town, trigger: Trigger) -> Answer {
    town.answers(vec![trigger]).await.remove(0)
}

#[tokio::test]
async fn a_reply_that_was_whole_when_its_worker_died_is_not_continued() {
    let town = start().await;
    // The end of a turn meets a database that is away.
    town.sql(
        "CREATE FUNCTION away() RETURNS trigger LANGUAGE plpgsql AS
         $$ BEGIN RAISE EXCEPTION 'away' USING ERRCODE = '57P01'; END $$;
         CREATE TRIGGER away BEFORE UPDATE ON turns FOR EACH ROW WHEN (NEW.state = 'done')
         EXECUTE FUNCTION away()",
    )
    .await;
    let trigger = town.say("alice", "Amber", "a long answer please").await;
    town.wait_for_row("SELECT 1 FROM turn_posts WHERE is_last AND state = 'sent'")
        .await;
    let asked = town.stats().await["model"]["requests"].clone();
    town.signal(WORKER, Name::Kill).await;
    town.sql("DROP TRIGGER away ON turns").await;
    town.restart(WORKER).await;
    let answer = answer(&town, trigger).await;
    assert_eq!(answer.record["turns"][0]["attempts"], 2);
    assert_each_answered_once(&[answer], &town.posts().await);
    assert_eq!(town.stats().await["model"]["requests"], asked);
    town.leave().await;
}

/// CHAT-47, CHAT-56.
#[tokio::test]
async fn an_edited_trigger_is_read_anew_by_the_successor() {
    let town = start().await;
    town.speak_slowly(40).await;
    let paragraph = "and on and on it went until the very end of it all came round ".repeat(3);
    let order = |last: &str| format!("say exactly: {paragraph}\n\n{paragraph}\n\n{last}");
    let trigger = town.say("alice", "Amber", &order(&paragraph)).await;
    town.wait_for_row("SELECT 1 FROM turn_posts WHERE state = 'sent'")
        .await;
    town.signal(WORKER, Name::Kill).await;
    town.edit(&trigger, &order("marmalade")).await;
    town.restart(WORKER).await;
    let answer = answer(&town, trigger).await;
    assert_each_answered_once(&[answer], &town.posts().await);
    let question = town.last_question().await;
    assert!(question.contains("marmalade"), "{question}");
    town.leave().await;
}

/// CHAT-47.
#[tokio::test]
async fn a_trigger_that_is_gone_ends_the_reply_at_its_successor() {
    let town = start().await;
    let trigger = killed_after_a_post(&town).await;
    let posted = town.posts().await.len();
    town.delete(&trigger).await;
    town.restart(WORKER).await;
    let answer = answer(&town, trigger).await;
    let turn = &answer.record["turns"][0];
    assert_eq!(turn["state"], "stopped", "{turn}");
    assert_eq!(turn["reason"], "deleted", "{turn}");
    assert_eq!(town.posts().await.len(), posted, "nothing follows");
    town.leave().await;
}

/// CHAT-47.
#[tokio::test]
async fn a_reply_of_long_ago_ends_with_a_visible_mark() {
    let town = start().await;
    let trigger = killed_after_a_post(&town).await;
    // As if the first post had been made six minutes earlier.
    town.sql(
        "UPDATE turn_posts SET message_id = (message_id::bigint - (360000::bigint << 22))::text
         WHERE state = 'sent'",
    )
    .await;
    town.restart(WORKER).await;
    let answer = answer(&town, trigger).await;
    let turn = &answer.record["turns"][0];
    assert_eq!(turn["state"], "interrupted", "{turn}");
    assert_eq!(turn["reason"], "too_late_to_continue", "{turn}");
    town.wait_for_text(&answer.trigger, "interrupted here")
        .await;
    town.leave().await;
}

/// CHAT-47.
#[tokio::test]
async fn a_provider_that_cannot_continue_ends_the_reply_with_a_visible_mark() {
    let town = start().await;
    let trigger = killed_after_a_post(&town).await;
    town.break_model(json!({"fault": 400, "times": 9})).await;
    town.restart(WORKER).await;
    let answer = answer(&town, trigger).await;
    let turn = &answer.record["turns"][0];
    assert_eq!(turn["state"], "interrupted", "{turn}");
    town.wait_for_text(&answer.trigger, "did not accept the request")
        .await;
    town.leave().await;
}

/// A reply of which people have seen a part, and with which the successor cannot go on for this.
async fn ends_where_people_saw_it(harm: &str, reason: &str) {
    let town = start().await;
    let trigger = killed_after_a_post(&town).await;
    town.sql(harm).await;
    town.restart(WORKER).await;
    let answer = answer(&town, trigger).await;
    let turn = &answer.record["turns"][0];
    assert_eq!(turn["state"], "interrupted", "{turn}");
    assert_eq!(turn["reason"], reason, "{turn}");
    town.wait_for_text(&answer.trigger, "interrupted here")
        .await;
    town.leave().await;
}

/// GUARD-81, CHAT-47
#[tokio::test]
async fn a_reply_that_kills_its_workers_ends_where_people_saw_it() {
    let often = "UPDATE turns SET attempts = 20, fence = fence + 20 WHERE ended_at IS NULL";
    ends_where_people_saw_it(often, "too_many_attempts").await;
}

/// CHAT-47: settings that nobody can read any more fail every successor alike.
#[tokio::test]
async fn a_reply_whose_models_cannot_be_read_ends_where_people_saw_it() {
    let lost = "ALTER TABLE fallback_models RENAME TO lost_models";
    ends_where_people_saw_it(lost, "database").await;
}

const PARTS: [&str; 3] = [
    "First I count the paper boats that drift under the quiet bridge.",
    "Then I count the silver bells that ring in the morning, one by one.",
    "At last I count the foxes, and there are seven of them again.",
];

/// Asks for the parts, and kills the worker once the first of them is on record.
async fn killed_after_the_first_part(town: &Town) -> Trigger {
    town.speak_slowly(100).await;
    let question = format!("say exactly: {}", PARTS.join("\n\n"));
    let trigger = town.say("alice", "Amber", &question).await;
    town.wait_for_row("SELECT 1 FROM turn_posts WHERE state = 'sent'")
        .await;
    town.signal(WORKER, Name::Kill).await;
    trigger
}

/// CHAT-47: text is never repeated.
#[tokio::test]
async fn a_provider_that_begins_anew_repeats_nothing() {
    let town = start().await;
    let trigger = killed_after_the_first_part(&town).await;
    town.break_model(json!({"fault": "anew", "times": 1})).await;
    town.restart(WORKER).await;
    let answer = answer(&town, trigger).await;
    let mut said = Vec::new();
    for post in answer.posts() {
        said.push(town.text(&post).await);
    }
    assert_eq!(said, PARTS);
    assert_each_answered_once(&[answer], &town.posts().await);
    town.leave().await;
}

#[tokio::test]
async fn a_provider_that_says_something_else_instead_ends_the_reply_with_a_visible_mark() {
    let town = start().await;
    let trigger = killed_after_the_first_part(&town).await;
    let otherwise = PARTS[0].replace("quiet bridge", "old mill");
    town.edit(&trigger, &format!("say exactly: {otherwise}"))
        .await;
    town.break_model(json!({"fault": "anew", "times": 1})).await;
    town.restart(WORKER).await;
    let answer = answer(&town, trigger).await;
    let turn = &answer.record["turns"][0];
    assert_eq!(turn["state"], "interrupted", "{turn}");
    assert_eq!(turn["reason"], "starts_anew", "{turn}");
    assert_eq!(answer.posts().len(), 1, "{turn}");
    town.wait_for_text(&answer.trigger, "interrupted here")
        .await;
    town.leave().await;
}

#[tokio::test]
async fn a_post_whose_answer_never_comes_is_confirmed_by_its_echo() {
    let town = start().await;
    town.break_posting(json!({"delay_ms": 20_000, "after": true, "times": 1}))
        .await;
    let trigger = town.say("alice", "Amber", "a long answer please").await;
    let answer = answer(&town, trigger).await;
    assert_each_answered_once(std::slice::from_ref(&answer), &town.posts().await);
    let made: Vec<u64> = answer
        .posts()
        .iter()
        .map(|id| id.parse::<u64>().unwrap() >> 22)
        .collect();
    assert!(made.len() > 1 && made[1] - made[0] < 8_000, "{made:?}");
    town.leave().await;
}

#[tokio::test]
async fn a_post_that_discord_made_twice_stands_there_once() {
    let town = start().await;
    town.change(&json!({"nonce_window_ms": 0})).await;
    town.break_model(json!({"fault": "slow-start", "wait_ms": 1_500, "times": 1}))
        .await;
    town.break_posting(json!({"status": 502, "after": true, "times": 1}))
        .await;
    let trigger = town.say("alice", "Amber", "say exactly: once").await;
    town.wait_for_row("SELECT 1 FROM turns WHERE state = 'preparing'")
        .await;
    // Its echo comes too late to keep the second attempt back.
    town.signal(Part::Gateway, Name::Stop).await;
    town.wait_for_posts(2).await;
    town.wait_for_row("SELECT 1 FROM turns WHERE state = 'done'")
        .await;
    town.signal(Part::Gateway, Name::Cont).await;
    let answer = answer(&town, trigger).await;
    let recorded = answer.posts();
    assert_eq!(recorded.len(), 1);
    town.wait_for_messages(&answer.trigger, &recorded).await;
    town.leave().await;
}

/// Freezes the worker that replies, until another one has ended the reply, and lets it go on.
async fn frozen_while_another_replies(town: &Town, trigger: Trigger) {
    let worker = town
        .sql("SELECT substr(worker_id, 1, 8) FROM turns WHERE ended_at IS NULL")
        .await;
    let frozen: Part = worker.trim().parse().unwrap();
    town.signal(frozen, Name::Stop).await;
    let answer = answer(town, trigger).await;
    assert_eq!(answer.record["turns"][0]["attempts"], 2);
    town.signal(frozen, Name::Cont).await;
    // Its next heartbeat tells that it is awake and had the time to do harm.
    town.wait_for_ready(frozen).await;
    let next = town.say("alice", "Amber", "are you both there?").await;
    let mut answers = vec![answer];
    answers.extend(town.answers(vec![next]).await);
    assert_each_answered_once(&answers, &town.posts().await);
}

#[tokio::test]
async fn a_worker_frozen_while_the_model_speaks_does_no_harm_when_it_wakes() {
    let town = Town::start(2).await;
    town.set_up("Amber").await;
    town.speak_slowly(40).await;
    let trigger = town.say("alice", "Amber", "a long answer please").await;
    town.wait_for_row("SELECT 1 FROM turn_posts WHERE state = 'sent'")
        .await;
    frozen_while_another_replies(&town, trigger).await;
    town.leave().await;
}

/// CHAT-45.
#[tokio::test]
async fn a_worker_frozen_before_it_posts_does_no_harm_when_it_wakes() {
    let town = Town::start(2).await;
    town.set_up("Amber").await;
    town.break_model(json!({"fault": "slow-start", "wait_ms": 3_000, "times": 1}))
        .await;
    let trigger = town.say("alice", "Amber", "a long answer please").await;
    town.wait_for_row("SELECT 1 FROM turns WHERE state = 'preparing'")
        .await;
    frozen_while_another_replies(&town, trigger).await;
    town.leave().await;
}

#[tokio::test]
async fn a_worker_frozen_while_it_posts_does_no_harm_when_it_wakes() {
    let town = Town::start(2).await;
    town.set_up("Amber").await;
    town.break_posting(json!({"delay_ms": 5_000, "after": true, "times": 1}))
        .await;
    let trigger = town.say("alice", "Amber", "a long answer please").await;
    town.wait_for_posts(1).await;
    frozen_while_another_replies(&town, trigger).await;
    town.leave().await;
}

/// CHAT-49.
#[tokio::test]
async fn a_reply_that_outlasts_the_drain_is_continued_by_another_worker_at_once() {
    let town = Town::start_with(2, &[("DRAIN_TIMEOUT_MS", "1000")]).await;
    town.set_up("Amber").await;
    town.speak_slowly(40).await;
    let trigger = town.say("alice", "Amber", "a long answer please").await;
    town.wait_for_row("SELECT 1 FROM turn_posts WHERE state = 'sent'")
        .await;
    let worker = town
        .sql("SELECT substr(worker_id, 1, 8) FROM turns WHERE ended_at IS NULL")
        .await;
    let leaving: Part = worker.trim().parse().unwrap();
    town.signal(leaving, Name::Term).await;
    let answer = answer(&town, trigger).await;
    // A release is no crash: the attempt was taken back.
    assert_eq!(answer.record["turns"][0]["attempts"], 1);
    assert_each_answered_once(&[answer], &town.posts().await);
    let fence = town.sql("SELECT fence FROM turns").await;
    assert_eq!(fence.trim(), "2", "another worker went on with it");
    town.leave().await;
}

/// CHAT-48, CFG-53.
#[tokio::test]
async fn a_reply_that_gets_nowhere_is_given_up_and_the_queue_goes_on() {
    let town = Town::start_with(1, &[("CHANNEL_LOCK_TIMEOUT_MS", "10000")]).await;
    town.set_up("Amber").await;
    town.break_model(json!({"fault": "slow-start", "wait_ms": 50_000, "times": 1}))
        .await;
    let stuck = town.say("alice", "Amber", "hello").await;
    town.wait_for_row("SELECT 1 FROM turns WHERE state = 'preparing'")
        .await;
    let next = town.say("bob", "Amber", "and me?").await;
    let answers = town.answers(vec![stuck, next]).await;
    let turn = &answers[0].record["turns"][0];
    assert_eq!(turn["state"], "failed", "{turn}");
    assert_eq!(turn["reason"], "stalled", "{turn}");
    town.wait_for_text(&answers[0].trigger, "took too long")
        .await;
    assert_eq!(answers[1].record["turns"][0]["state"], "done");
    town.leave().await;
}
