//! A broker that is away for longer than a lease, and a session that is lost meanwhile.

use std::time::Duration;

use proto::event::envelope::Event;

use crate::broker::{Broker, PARTITIONS, Server, contents};
use crate::discord::{CHANNEL, Discord, Seen};
use crate::eventually;
use crate::process::Gateway;

/// Longer than a lease, with a renewal to spare.
const AWAY: Duration = Duration::from_secs(8);

#[tokio::test]
async fn broker_away_for_longer_than_the_lease_loses_and_reorders_nothing() {
    let mut server = Server::start().await;
    let (discord, broker) = (Discord::start().await, Broker::on(&server).await);
    let gateway = Gateway::start(&discord, &broker).await.ready().await;
    broker.has_session().await;
    server.stop().await;
    let mut tick = tokio::time::interval(AWAY / 40);
    for number in 1..=40 {
        tick.tick().await;
        discord.say(CHANNEL, &number.to_string());
    }
    server.resume();
    discord.say(CHANNEL, "41");
    let expected: Vec<_> = (1..=41).map(|number| number.to_string()).collect();
    assert_eq!(contents(&broker.stored(41).await, CHANNEL), expected);
    assert_eq!(discord.seen().len(), 1, "{:?}", discord.seen());
    drop(gateway);
}

#[tokio::test]
async fn session_lost_while_the_broker_is_away_leaves_a_gap_and_what_was_read() {
    let mut server = Server::start().await;
    let (discord, broker) = (Discord::start().await, Broker::on(&server).await);
    let gateway = Gateway::start(&discord, &broker).await.ready().await;
    broker.has_session().await;
    server.stop().await;
    discord.say(CHANNEL, "read before");
    gateway
        .measures(r#"gateway_frames_total{kind="message_create"} 1"#)
        .await;
    discord.forget_session();
    discord.kick(4000);
    // The other gateways cannot be asked for a slot: after a while it identifies all the same.
    eventually("another session", async || {
        (discord.identifies() == 2).then_some(())
    })
    .await;
    discord.say(CHANNEL, "read after");
    server.resume();

    let stored = broker.stored(2 + usize::from(PARTITIONS)).await;
    assert_eq!(contents(&stored, CHANNEL), ["read before", "read after"]);
    let gaps = stored
        .iter()
        .filter(|envelope| matches!(envelope.event, Some(Event::Gap(_))));
    assert_eq!(gaps.count(), usize::from(PARTITIONS));
    gateway.measures("gateway_sessions_lost_total 1").await;
    assert!(!discord.seen().contains(&Seen::Closed(1001)));
}
