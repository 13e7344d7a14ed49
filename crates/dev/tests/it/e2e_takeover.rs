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

#[tokio::test]
async fn an_edited_trigger_is_read_anew_by_the_successor() {
    let town = start().await;
    let trigger = killed_after_a_post(&town).await;
    town.edit(&trigger, "a long answer about marmalade please").await;
    town.restart(WORKER).await;
    let answer = answer(&town, trigger).await;
    assert_each_answered_once(&[answer], &town.posts().await);
    let question = town.last_question().await;
    assert!(question.contains("marmalade"), "{question}");
    town.leave().await;
}

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
    let channel = trigger.channel.clone();
    let answer = answer(&town, trigger).await;
    let turn = &answer.record["turns"][0];
    assert_eq!(turn["state"], "interrupted", "{turn}");
    assert_eq!(turn["reason"], "too_late_to_continue", "{turn}");
    town.wait_for_text(&channel, "interrupted here").await;
    town.leave().await;
}

#[tokio::test]
async fn a_provider_that_cannot_continue_ends_the_reply_with_a_visible_mark() {
    let town = start().await;
    let trigger = killed_after_a_post(&town).await;
    town.break_model(json!({"fault": 400, "times": 9})).await;
    town.restart(WORKER).await;
    let channel = trigger.channel.clone();
    let answer = answer(&town, trigger).await;
    let turn = &answer.record["turns"][0];
    assert_eq!(turn["state"], "interrupted", "{turn}");
    town.wait_for_text(&channel, "did not accept the request").await;
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
    let channel = trigger.channel.clone();
    let answer = answer(&town, trigger).await;
    let recorded = answer.posts();
    assert_eq!(recorded.len(), 1);
    town.wait_for_messages(&channel, &recorded).await;
    town.leave().await;
}
