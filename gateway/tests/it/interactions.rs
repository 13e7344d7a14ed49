//! Interactions: claimed by a worker, by a second one, or answered by us.

use std::time::{Duration, Instant};

use futures_util::StreamExt;
use prost::Message as _;
use proto::event::{Interaction, InteractionOutcome, InteractionReply};
use proto::subject::{INTERACTIONS_GROUP, InteractionClass};
use serde_json::{Value, json};

use crate::broker::Broker;
use crate::discord::{CHANNEL, Discord, Seen};
use crate::eventually;
use crate::process::Gateway;

/// Flags of a private answer, and of one that is only promised.
const WHOLE: u64 = 1 << 6;
const DEFERRED: u64 = WHOLE | 1 << 7;

fn use_command(discord: &Discord) {
    use_command_in(discord, 100_000_000_000_000_077, "ja");
}

fn use_command_in(discord: &Discord, id: u64, locale: &str) {
    discord.dispatch(
        "INTERACTION_CREATE",
        &json!({
            "version": 1, "type": 2, "token": "interaction-token", "id": id.to_string(),
            "application_id": "100000000000000901", "guild_id": "100000000000000200", "channel_id": CHANNEL.to_string(), "locale": locale,
            "member": { "user": { "id": "100000000000000100", "username": "alice" }, "roles": [],
                        "permissions": "8" },
            "data": { "type": 1, "id": "100000000000000005", "name": "tool",
                      "options": [{ "type": 1, "name": "ping", "options": [] }] }
        }),
    );
}

async fn workers(broker: &Broker) -> async_nats::Subscriber {
    let subject = broker.names.interaction(InteractionClass::Fast);
    let group = INTERACTIONS_GROUP.to_owned();
    let subscriber = broker.client.queue_subscribe(subject, group).await.unwrap();
    // The server has answered something that came after the subscription, so it knows of it.
    broker.sessions().await;
    subscriber
}

/// Waits for the next question to a worker.
async fn question(workers: &mut async_nats::Subscriber, gateway: &Gateway) -> async_nats::Message {
    let next = tokio::time::timeout(crate::DEADLINE, workers.next());
    if let Ok(request) = next.await {
        return request.unwrap();
    }
    panic!("nobody asks: {}", gateway.get("/metrics").await.unwrap())
}

async fn claim(broker: &Broker, request: &async_nats::Message) {
    say(broker, request, InteractionOutcome::Claimed).await;
}

/// Says a word about an interaction, as a worker does.
async fn say(broker: &Broker, request: &async_nats::Message, outcome: InteractionOutcome) {
    let mut reply = InteractionReply {
        worker_id: "w".to_owned(),
        ..InteractionReply::default()
    };
    reply.set_outcome(outcome);
    let inbox = request.reply.clone().unwrap();
    broker
        .client
        .publish(inbox, reply.encode_to_vec().into())
        .await
        .unwrap();
}

#[tokio::test]
async fn claimed_interaction_is_not_answered_by_us() {
    let (discord, broker) = (Discord::start().await, Broker::start().await);
    let gateway = Gateway::start(&discord, &broker).await.ready().await;
    let mut workers = workers(&broker).await;
    use_command(&discord);

    let request = question(&mut workers, &gateway).await;
    let interaction = Interaction::decode(request.payload.clone()).unwrap();
    assert_eq!(interaction.command_path, "tool ping");
    assert_eq!(interaction.token, "interaction-token");
    assert!(interaction.received_at_ms > 0);
    claim(&broker, &request).await;
    gateway
        .measures(r#"gateway_interactions_total{outcome="claimed"} 1"#)
        .await;
    assert_eq!(discord.count(|seen| matches!(seen, Seen::Answered(_))), 0);
}

/// CMD-2, CFG-49.
#[tokio::test]
async fn silent_worker_is_followed_by_a_second_one() {
    let (discord, broker) = (Discord::start().await, Broker::start().await);
    let gateway = Gateway::start(&discord, &broker).await.ready().await;
    let mut workers = workers(&broker).await;
    use_command(&discord);

    question(&mut workers, &gateway).await;
    let second = question(&mut workers, &gateway).await;
    claim(&broker, &second).await;
    gateway
        .measures(r#"gateway_interactions_total{outcome="claimed"} 1"#)
        .await;
    assert_eq!(discord.count(|seen| matches!(seen, Seen::Answered(_))), 0);
}

/// One more than there are places for at once, while workers are silent: that person is told so
/// without anybody being asked.
#[tokio::test]
async fn whoever_finds_no_place_is_told_to_try_again() {
    const PLACES: u64 = 512;
    const FIRST: u64 = 100_000_000_000_001_000;
    let (discord, broker) = (Discord::start().await, Broker::start().await);
    let gateway = Gateway::start(&discord, &broker).await.ready().await;
    let _silent = workers(&broker).await;
    for n in 0..PLACES {
        use_command_in(&discord, FIRST + n, "ja");
    }
    use_command_in(&discord, FIRST + PLACES, "en-US");
    gateway
        .measures(r#"gateway_interactions_total{outcome="overload"} 1"#)
        .await;
    eventually("an answer to the last one", async || {
        let is_told = |seen: Seen| match seen {
            Seen::Answered(body) => body.to_string().contains("I am busy right now"),
            _ => false,
        };
        discord.seen().into_iter().any(is_told).then_some(())
    })
    .await;
}

/// CMD-2.
#[tokio::test]
async fn without_workers_the_person_is_told_to_try_again_in_private() {
    let (discord, broker) = (Discord::start().await, Broker::start().await);
    let gateway = Gateway::start(&discord, &broker).await.ready().await;
    use_command(&discord);

    let answer = eventually("an answer", async || {
        discord.seen().into_iter().find_map(|seen| match seen {
            Seen::Answered(body) => Some(body),
            _ => None,
        })
    })
    .await;
    assert_eq!(
        (&answer["type"], &answer["data"]["flags"]),
        (&json!(4), &json!(64))
    );
    assert!(
        answer["data"]["content"]
            .as_str()
            .unwrap()
            .contains("もう一度")
    );
    gateway
        .measures(r#"gateway_interactions_total{outcome="busy"} 1"#)
        .await;
}

/// SEC-63.
#[tokio::test]
async fn interaction_is_answered_busy_while_the_broker_is_away_and_never_stored() {
    let (discord, broker) = (Discord::start().await, Broker::start().await);
    let gateway = Gateway::start(&discord, &broker).await.ready().await;
    let mut workers = workers(&broker).await;
    broker.cut();
    gateway.measures("gateway_nats_connected 0").await;
    use_command(&discord);
    gateway
        .measures(r#"gateway_interactions_total{outcome="busy"} 1"#)
        .await;

    broker.mend();
    discord.say(CHANNEL, "after");
    assert_eq!(broker.stored(1).await.len(), 1);
    // Had the request waited in a buffer, it would have come before the message was stored.
    let late = tokio::time::timeout(Duration::from_millis(200), workers.next()).await;
    assert!(late.is_err(), "a dead interaction was sent");
}

#[tokio::test]
async fn worker_that_gives_up_is_followed_by_another_at_once() {
    let (discord, broker) = (Discord::start().await, Broker::start().await);
    let gateway = Gateway::start(&discord, &broker).await.ready().await;
    let mut workers = workers(&broker).await;
    use_command(&discord);

    let first = question(&mut workers, &gateway).await;
    let asked = Instant::now();
    say(&broker, &first, InteractionOutcome::GaveUp).await;
    let second = question(&mut workers, &gateway).await;
    let waited = asked.elapsed();
    assert!(waited < Duration::from_millis(500), "{waited:?}");
    claim(&broker, &second).await;
    gateway
        .measures(r#"gateway_interactions_total{outcome="claimed"} 1"#)
        .await;
}

/// Waits until the gateway has ended an answer, and returns with what.
async fn edited(discord: &Discord) -> Value {
    eventually("an edit", async || {
        discord.seen().into_iter().find_map(|seen| match seen {
            Seen::Edited(body) => Some(body),
            _ => None,
        })
    })
    .await
}

/// CMD-4.
#[tokio::test]
async fn answer_of_a_worker_that_falls_silent_is_ended() {
    let (discord, broker) = (Discord::start().await, Broker::start().await);
    let gateway = Gateway::start(&discord, &broker).await.ready().await;
    let mut workers = workers(&broker).await;
    use_command(&discord);

    let request = question(&mut workers, &gateway).await;
    discord.answer_interaction(DEFERRED);
    say(&broker, &request, InteractionOutcome::Working).await;
    gateway.measures("gateway_interaction_promises 1").await;
    let answer = edited(&discord).await;
    assert!(answer["content"].as_str().unwrap().contains("もう一度"));
    gateway
        .measures("gateway_interaction_promises_mended_total 1")
        .await;
    gateway.measures("gateway_interaction_promises 0").await;
}

#[tokio::test]
async fn answer_is_left_alone_while_its_worker_works_and_once_it_is_there() {
    let (discord, broker) = (Discord::start().await, Broker::start().await);
    let gateway = Gateway::start(&discord, &broker).await.ready().await;
    let mut workers = workers(&broker).await;
    use_command(&discord);

    let request = question(&mut workers, &gateway).await;
    discord.answer_interaction(DEFERRED);
    let mut tick = tokio::time::interval(Duration::from_secs(2));
    // Longer than the silence after which a worker counts as gone.
    for _ in 0..7 {
        tick.tick().await;
        say(&broker, &request, InteractionOutcome::Working).await;
    }
    gateway.measures("gateway_interaction_promises 1").await;
    say(&broker, &request, InteractionOutcome::Done).await;
    gateway.measures("gateway_interaction_promises 0").await;
    assert_eq!(discord.count(|seen| matches!(seen, Seen::Edited(_))), 0);
    gateway
        .measures("gateway_interaction_promises_mended_total 0")
        .await;
}

#[tokio::test]
async fn deferral_whose_worker_never_spoke_is_ended_too() {
    let (discord, broker) = (Discord::start().await, Broker::start().await);
    let gateway = Gateway::start(&discord, &broker).await.ready().await;
    let mut workers = workers(&broker).await;
    use_command(&discord);

    // Discord took the deferral of a worker that died before it could say so.
    question(&mut workers, &gateway).await;
    discord.answer_interaction(DEFERRED);
    let second = question(&mut workers, &gateway).await;
    say(&broker, &second, InteractionOutcome::NotMine).await;
    edited(&discord).await;
    gateway
        .measures("gateway_interaction_promises_mended_total 1")
        .await;
}

#[tokio::test]
async fn whole_answer_whose_worker_never_spoke_is_left_alone() {
    let (discord, broker) = (Discord::start().await, Broker::start().await);
    let gateway = Gateway::start(&discord, &broker).await.ready().await;
    let mut workers = workers(&broker).await;
    use_command(&discord);

    question(&mut workers, &gateway).await;
    discord.answer_interaction(WHOLE);
    gateway.measures("gateway_interaction_promises 1").await;
    gateway.measures("gateway_interaction_promises 0").await;
    assert_eq!(discord.count(|seen| matches!(seen, Seen::Edited(_))), 0);
}

#[tokio::test]
async fn broker_that_is_away_makes_no_worker_silent() {
    let (discord, broker) = (Discord::start().await, Broker::start().await);
    let gateway = Gateway::start(&discord, &broker).await.ready().await;
    let mut workers = workers(&broker).await;
    use_command(&discord);

    let request = question(&mut workers, &gateway).await;
    discord.answer_interaction(DEFERRED);
    say(&broker, &request, InteractionOutcome::Working).await;
    gateway.measures("gateway_interaction_promises 1").await;
    broker.cut();
    gateway.measures("gateway_nats_connected 0").await;
    tokio::time::sleep(Duration::from_secs(11)).await;
    broker.mend();
    gateway.measures("gateway_nats_connected 1").await;
    // The subscription is back once the next word is heard.
    eventually("the last word", async || {
        say(&broker, &request, InteractionOutcome::Done).await;
        let answer = gateway.get("/metrics").await?;
        answer
            .lines()
            .any(|line| line == "gateway_interaction_promises 0")
            .then_some(())
    })
    .await;
    assert_eq!(discord.count(|seen| matches!(seen, Seen::Edited(_))), 0);
}
