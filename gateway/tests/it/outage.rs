//! A broker that is away for longer than a lease, and a session that is lost meanwhile.

use std::time::Duration;

use proto::event::envelope::Event;

use crate::broker::{Broker, PARTITIONS, Server, Version, contents};
use crate::discord::{CHANNEL, Discord, Seen};
use crate::eventually;
use crate::process::Gateway;

/// Longer than a lease, with a renewal to spare.
const AWAY: Duration = Duration::from_secs(8);

/// Between two messages.
const BETWEEN: Duration = Duration::from_millis(200);

#[tokio::test]
async fn broker_away_for_longer_than_the_lease_loses_and_reorders_nothing() {
    broker_away_under_traffic(Version::Newest, AWAY).await;
}

#[tokio::test]
async fn oldest_broker_away_for_longer_than_the_lease_loses_and_reorders_nothing() {
    broker_away_under_traffic(Version::Oldest, AWAY).await;
}

#[tokio::test]
#[ignore = "takes a minute: ./dev test --long"]
async fn long_outage_of_a_minute_under_traffic_loses_and_reorders_nothing() {
    broker_away_under_traffic(Version::Newest, Duration::from_mins(1)).await;
}

/// Five messages a second while the broker is away, and one after it came back.
async fn broker_away_under_traffic(version: Version, away: Duration) {
    let mut server = Server::of(version).await;
    let (discord, broker) = (Discord::start().await, Broker::on(&server).await);
    let gateway = Gateway::start(&discord, &broker).await.ready().await;
    broker.has_session().await;
    server.stop().await;
    let mut tick = tokio::time::interval(BETWEEN);
    let count = usize::try_from(away.as_millis() / BETWEEN.as_millis()).unwrap();
    for number in 1..=count {
        tick.tick().await;
        discord.say(CHANNEL, &number.to_string());
    }
    server.resume();
    let last = count + 1;
    discord.say(CHANNEL, &last.to_string());
    let expected: Vec<_> = (1..=last).map(|number| number.to_string()).collect();
    assert_eq!(contents(&broker.stored(last).await, CHANNEL), expected);
    assert_eq!(discord.seen().len(), 1, "{:?}", discord.seen());
    drop(gateway);
}

/// A broker that is away for ten minutes; Discord ends the session in the middle of it.
#[tokio::test]
#[ignore = "takes ten minutes: ./dev test --long"]
async fn long_outage_of_ten_minutes_with_a_lost_session_leaves_a_gap_and_what_was_read() {
    let mut server = Server::start().await;
    let (discord, broker) = (Discord::start().await, Broker::on(&server).await);
    let gateway = Gateway::start(&discord, &broker).await.ready().await;
    broker.has_session().await;
    server.stop().await;
    let mut tick = tokio::time::interval(Duration::from_secs(1));
    let mut expected = Vec::new();
    for second in 1..=600 {
        tick.tick().await;
        if second == 300 {
            discord.forget_session();
            discord.kick(4000);
            eventually("another session", async || {
                (discord.identifies() == 2).then_some(())
            })
            .await;
        }
        expected.push(second.to_string());
        discord.say(CHANNEL, &second.to_string());
    }
    server.resume();
    let stored = broker.stored(600 + usize::from(PARTITIONS)).await;
    assert_eq!(contents(&stored, CHANNEL), expected);
    assert_eq!(discord.identifies(), 2);
    gateway.measures("gateway_sessions_lost_total 1").await;
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
