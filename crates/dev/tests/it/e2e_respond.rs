//! `/bot respond`: a turn without a message is answered once, whoever dies.

use dev::control::Name;
use dev::part::Part;
use proto::event::envelope::Event;
use proto::event::{Envelope, EventKind, Job, JobKind, SCHEMA_VERSION};
use proto::id::{EventId, InteractionId, MessageId};
use serde_json::json;

use crate::stream::{Streams, bytes_of};
use crate::town::Town;

/// When Discord's ids begin to count, in Unix milliseconds (Discord's reference, "Snowflakes").
const DISCORD_EPOCH_MS: u64 = 1_420_070_400_000;

/// What the database says of the only turn of a command.
async fn turn(town: &Town, column: &str) -> String {
    let statement = format!("SELECT {column} FROM turns WHERE trigger_kind = 'command'");
    town.sql(&statement).await.trim().to_owned()
}

async fn wait_for_end(town: &Town) {
    town.wait_for_row(
        "SELECT 1 FROM turns WHERE trigger_kind = 'command' AND ended_at IS NOT NULL",
    )
    .await;
    assert_eq!(turn(town, "state").await, "done");
}

/// The texts of the bot's replies, in order.
async fn replies(town: &Town) -> Vec<String> {
    let mut texts = Vec::new();
    for post in town.posts().await {
        texts.push(town.text(post["message_id"].as_str().unwrap()).await);
    }
    texts
}

/// CHAT-113, CMD-21.
#[tokio::test]
async fn a_prompt_of_a_command_is_shown_and_answered() {
    let town = Town::start(1).await;
    town.set_up("Amber").await;
    let line = "/bot respond prompt:say exactly: as you wish";
    let told = town.command("bob", "Amber", line).await;
    assert!(told.contains("asked to reply"), "{told}");
    wait_for_end(&town).await;
    assert_eq!(replies(&town).await, ["as you wish"]);
    // What was typed is nowhere but in the answer that shows it.
    let stored = town
        .sql("SELECT turns::text FROM turns UNION ALL SELECT turn_decisions::text FROM turn_decisions")
        .await;
    assert!(!stored.contains("as you wish"), "{stored}");
    town.leave().await;
}

#[tokio::test]
async fn a_command_without_a_prompt_is_answered() {
    let town = Town::start(1).await;
    town.set_up("Amber").await;
    town.command("bob", "Amber", "/bot respond").await;
    wait_for_end(&town).await;
    assert!(!town.posts().await.is_empty());
    town.leave().await;
}

/// CHAT-113.
#[tokio::test]
async fn a_prompt_is_read_from_the_public_answer_when_its_worker_is_gone() {
    let town = Town::start(1).await;
    town.set_up("Amber").await;
    town.break_model(json!({"fault": "slow-start", "wait_ms": 50_000, "times": 1}))
        .await;
    let line = "/bot respond prompt:say exactly: never forgotten";
    town.command("bob", "Amber", line).await;
    town.wait_for_row("SELECT 1 FROM turns WHERE state = 'preparing'")
        .await;
    town.signal(Part::Worker(1), Name::Kill).await;
    town.restart(Part::Worker(1)).await;
    wait_for_end(&town).await;
    assert_eq!(turn(&town, "attempts").await, "2");
    assert_eq!(replies(&town).await, ["never forgotten"]);
    town.leave().await;
}

/// CHAT-113. The order for a turn is as old as the public answer to the command: what waited for longer than
/// a message may is refused with a reason, and a turn that was admitted before is not.
#[tokio::test]
async fn an_order_that_nobody_took_in_time_is_not_answered_late() {
    let town = Town::start(1).await;
    town.set_up("Amber").await;
    let said = town.say("bob", "Amber", "hello").await;
    let message = town.message(&said.id).await;
    let number = |value: &serde_json::Value| value.as_str().unwrap().parse::<u64>().unwrap();
    let old = MessageId(said.id.parse().unwrap()).created_at_ms() - 600_000;
    let order = Envelope {
        schema_version: SCHEMA_VERSION,
        event_id: EventId::interaction(InteractionId(7)).as_str().to_owned(),
        kind: EventKind::Job.into(),
        event: Some(Event::Job(Job {
            kind: JobKind::Respond.into(),
            channel_id: number(&message["channel_id"]),
            guild_id: number(&message["guild_id"]),
            user_id: number(&message["author"]["id"]),
            message_id: (old - DISCORD_EPOCH_MS) << 22,
            persona_id: 0,
            may_manage: false,
        })),
        ..Envelope::default()
    };
    let streams = Streams::of(&town).await;
    streams.publish(&said, Some("ix:7"), bytes_of(&order)).await;
    town.wait_for_row("SELECT 1 FROM turn_decisions WHERE event_id = 'ix:7' AND code = 'stale'")
        .await;
    let turns = "SELECT count(*) FROM turns WHERE trigger_kind = 'command'";
    assert_eq!(town.sql(turns).await.trim(), "0");
    town.leave().await;
}
