//! Who is not answered is told why, once, whatever dies or refuses meanwhile.

use dev::control::Name;
use dev::part::Part;
use serde_json::{Value, json};

use crate::town::{Town, Trigger};

const WORKER: Part = Part::Worker(1);

/// The provider refuses every call; the turn ends with this reason.
const REASON: &str = "request_fault";

async fn start() -> Town {
    let town = Town::start(1).await;
    town.set_up("Amber").await;
    town.break_model(json!({"fault": 400, "times": 9})).await;
    town
}

/// Waits for the end of the turn, which must be told by exactly one message.
async fn assert_told_once(town: &Town, trigger: Trigger) -> Value {
    let answer = town.answers(vec![trigger]).await.remove(0);
    let turn = answer.record["turns"][0].clone();
    assert_eq!(turn["state"], "failed", "{turn}");
    assert_eq!(turn["reason"], REASON, "{turn}");
    assert_eq!(turn["posts"], json!([]), "{turn}");
    assert_eq!(turn["notice"]["state"], "sent", "{turn}");
    let notice = turn["notice"]["message_id"].as_str().unwrap().to_owned();
    assert_eq!(town.posts().await.len(), 1);
    let text = town.text(&notice).await;
    assert!(text.contains("did not accept the request"), "{text}");
    town.wait_for_messages(&answer.trigger, &[notice]).await;
    turn
}

#[tokio::test]
async fn a_notice_waits_for_discord_as_a_post_does() {
    let town = start().await;
    // Longer than one attempt may take.
    town.break_posting(json!({"status": 429, "retry_after_ms": 12_000, "times": 1}))
        .await;
    let trigger = town.say("alice", "Amber", "hello").await;
    assert_told_once(&town, trigger).await;
    town.leave().await;
}

#[tokio::test]
async fn a_notice_whose_worker_dies_before_the_end_is_recorded_is_said_once() {
    let town = start().await;
    town.sql(
        "CREATE FUNCTION away() RETURNS trigger LANGUAGE plpgsql AS
         $$ BEGIN RAISE EXCEPTION 'away' USING ERRCODE = '57P01'; END $$;
         CREATE TRIGGER away BEFORE UPDATE ON turns FOR EACH ROW WHEN (NEW.state = 'failed')
         EXECUTE FUNCTION away()",
    )
    .await;
    let trigger = town.say("alice", "Amber", "hello").await;
    town.wait_for_row("SELECT 1 FROM turn_posts WHERE state = 'sent'")
        .await;
    let asked = town.stats().await["model"]["requests"].clone();
    town.signal(WORKER, Name::Kill).await;
    town.sql("DROP TRIGGER away ON turns").await;
    town.restart(WORKER).await;
    let turn = assert_told_once(&town, trigger).await;
    assert_eq!(turn["attempts"], 2, "{turn}");
    assert_eq!(town.stats().await["model"]["requests"], asked);
    town.leave().await;
}

#[tokio::test]
async fn a_notice_in_doubt_is_found_by_the_successor() {
    let town = start().await;
    town.change(&json!({"nonce_window_ms": 0})).await;
    town.break_posting(json!({"delay_ms": 30_000, "after": true, "times": 1}))
        .await;
    let trigger = town.say("alice", "Amber", "hello").await;
    town.wait_for_posts(1).await;
    town.signal(WORKER, Name::Kill).await;
    town.restart(WORKER).await;
    assert_told_once(&town, trigger).await;
    town.leave().await;
}
