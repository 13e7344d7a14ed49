//! Interactions: claimed by a worker, by a second one, or answered by us.

use futures_util::StreamExt;
use prost::Message as _;
use proto::event::{Interaction, InteractionOutcome, InteractionReply};
use proto::subject::{INTERACTIONS_GROUP, InteractionClass};
use serde_json::json;

use crate::broker::Broker;
use crate::discord::{CHANNEL, Discord, Seen};
use crate::eventually;
use crate::process::Gateway;

fn use_command(discord: &Discord) {
    discord.dispatch(
        "INTERACTION_CREATE",
        &json!({
            "version": 1, "type": 2, "token": "interaction-token", "id": "100000000000000077",
            "application_id": "100000000000000901", "guild_id": "100000000000000200", "channel_id": CHANNEL.to_string(), "locale": "ja",
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
    broker.client.flush().await.unwrap();
    subscriber
}

async fn claim(broker: &Broker, request: &async_nats::Message) {
    let mut reply = InteractionReply {
        worker_id: "w".to_owned(),
        ..InteractionReply::default()
    };
    reply.set_outcome(InteractionOutcome::Claimed);
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

    let request = workers.next().await.unwrap();
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

#[tokio::test]
async fn silent_worker_is_followed_by_a_second_one() {
    let (discord, broker) = (Discord::start().await, Broker::start().await);
    let gateway = Gateway::start(&discord, &broker).await.ready().await;
    let mut workers = workers(&broker).await;
    use_command(&discord);

    workers.next().await.unwrap();
    let second = workers.next().await.unwrap();
    claim(&broker, &second).await;
    gateway
        .measures(r#"gateway_interactions_total{outcome="claimed"} 1"#)
        .await;
    assert_eq!(discord.count(|seen| matches!(seen, Seen::Answered(_))), 0);
}

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
    let late = tokio::time::timeout(std::time::Duration::from_millis(200), workers.next()).await;
    assert!(late.is_err(), "a dead interaction was sent");
}
