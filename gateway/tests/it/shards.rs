//! Several gateways: one holds a shard, the others wait for it.

use std::time::{Duration, Instant};

use rustix::process::Signal;

use crate::broker::{Broker, Server, contents};
use crate::discord::{CHANNEL, Discord, Seen};
use crate::eventually;
use crate::process::Gateway;

const HOLDS: &str = "gateway_shards_connected 1";
const WAITS: &str = "gateway_shards_standby 1";

fn numbers(last: usize) -> Vec<String> {
    (1..=last).map(|number| number.to_string()).collect()
}

fn say(discord: &Discord, first: usize, last: usize) {
    for number in first..=last {
        discord.say(CHANNEL, &number.to_string());
    }
}

fn resumes(discord: &Discord) -> usize {
    discord.count(|seen| matches!(seen, Seen::Resumed { .. }))
}

#[tokio::test]
async fn second_gateway_waits_and_resumes_a_dead_ones_session() {
    let (discord, broker) = (Discord::start().await, Broker::start().await);
    let first = Gateway::start(&discord, &broker).await.ready().await;
    broker.has_session().await;
    let second = Gateway::start(&discord, &broker).await.ready().await;
    second.measures(WAITS).await;
    say(&discord, 1, 10);
    broker.stored(10).await;
    first.measures(HOLDS).await;

    first.kill().await;
    say(&discord, 11, 20);
    second.measures(HOLDS).await;
    say(&discord, 21, 30);
    let stored = broker.stored(30).await;
    assert_eq!(contents(&stored, CHANNEL), numbers(30));
    assert_eq!((discord.identifies(), resumes(&discord)), (1, 1));
}

#[tokio::test]
async fn shard_that_is_given_back_is_taken_at_once() {
    let (discord, broker) = (Discord::start().await, Broker::start().await);
    let first = Gateway::start(&discord, &broker).await.ready().await;
    broker.has_session().await;
    let second = Gateway::start(&discord, &broker).await.ready().await;
    second.measures(WAITS).await;
    say(&discord, 1, 10);
    let ended = first.terminate().await;
    assert_eq!(ended.status.code(), Some(0), "{}", ended.stderr);

    say(&discord, 11, 20);
    let given_back = Instant::now();
    second.measures(HOLDS).await;
    let idle = given_back.elapsed();
    assert!(
        idle < Duration::from_secs(5),
        "{idle:?}: it waited for the lease"
    );
    assert_eq!(contents(&broker.stored(20).await, CHANNEL), numbers(20));
    assert_eq!((discord.identifies(), resumes(&discord)), (1, 1));
}

#[tokio::test]
async fn gateway_that_wakes_after_its_lease_publishes_nothing_and_waits() {
    // The stream forgets ids at once: nothing but the lease keeps an event from being stored twice.
    let broker = Broker::remembering(Duration::from_millis(100)).await;
    let (discord, wire) = (Discord::start().await, broker.wire().await);
    let settings = [("NATS_URL", wire.url.as_str())];
    let first = Gateway::start_with(&discord, &broker, &settings).await;
    let first = first.ready().await;
    broker.has_session().await;
    let second = Gateway::start(&discord, &broker).await.ready().await;
    second.measures(WAITS).await;
    say(&discord, 1, 5);
    broker.stored(5).await;
    eventually("the resume point", async || {
        (broker.point().await.sequence == 6).then_some(())
    })
    .await;
    wire.cut();
    first.measures("gateway_nats_connected 0").await;
    say(&discord, 6, 10);
    first
        .measures(r#"gateway_frames_total{kind="message_create"} 10"#)
        .await;
    first.signal(Signal::STOP);

    second.measures(HOLDS).await;
    assert_eq!(contents(&broker.stored(10).await, CHANNEL), numbers(10));
    wire.mend();
    first.signal(Signal::CONT);
    first.measures(WAITS).await;
    first.measures("gateway_spool_bytes 0").await;
    say(&discord, 11, 15);
    assert_eq!(contents(&broker.stored(15).await, CHANNEL), numbers(15));
    let left = first.metric("gateway_events_left_behind_total").await;
    assert_ne!(left, "gateway_events_left_behind_total 0");
    assert_eq!(discord.identifies(), 1);
}

#[tokio::test]
async fn broker_that_stands_still_expires_no_gateway() {
    let server = Server::start().await;
    let (discord, broker) = (Discord::start().await, Broker::on(&server).await);
    let first = Gateway::start(&discord, &broker).await.ready().await;
    broker.has_session().await;
    let second = Gateway::start(&discord, &broker).await.ready().await;
    second.measures(WAITS).await;
    // Long enough for both leases, and not for either client to give the connection up.
    server.signal(Signal::STOP);
    say(&discord, 1, 10);
    tokio::time::sleep(Duration::from_secs(10)).await;
    server.signal(Signal::CONT);
    assert_eq!(contents(&broker.stored(10).await, CHANNEL), numbers(10));

    // Six more looks of the second one, each of which writes the clock.
    let revision = async || broker.sessions().await.entry("clock").await.unwrap();
    let before = revision().await.unwrap().revision;
    eventually("more looks", async || {
        let now = revision().await?.revision;
        (now >= before + 14).then_some(())
    })
    .await;
    second.measures(WAITS).await;
    first.measures(HOLDS).await;
    assert_eq!(discord.seen().len(), 1, "{:?}", discord.seen());
}

#[tokio::test]
async fn idle_gateway_notices_that_another_one_has_its_shard_and_waits() {
    let (discord, broker) = (Discord::start().await, Broker::start().await);
    let gateway = Gateway::start(&discord, &broker).await.ready().await;
    broker.has_session().await;
    let epoch = broker.point().await.epoch + (1 << 16);
    broker
        .store_holder("elsewhere/127.0.0.1:3000#0", epoch)
        .await;
    gateway.measures(WAITS).await;

    // That one never writes again, so the shard comes back.
    gateway.measures(HOLDS).await;
    assert!(broker.point().await.epoch > epoch);
    assert_eq!((discord.identifies(), resumes(&discord)), (1, 1));
}

#[tokio::test]
async fn gateways_with_ranges_share_the_shards_and_the_identify_slots() {
    let (discord, broker) = (Discord::start().await, Broker::start().await);
    discord.advise_shards(3);
    let first = Gateway::start_with(&discord, &broker, &[("SHARD_IDS", "0-1")]).await;
    let second = Gateway::start_with(&discord, &broker, &[("SHARD_IDS", "2")]).await;
    first.measures("gateway_shards_connected 2").await;
    second.measures(HOLDS).await;
    for shard in 0..3 {
        discord.say_on(shard, CHANNEL + shard, &shard.to_string());
    }
    let stored = broker.stored(3).await;
    for shard in 0..3 {
        assert_eq!(contents(&stored, CHANNEL + shard), [shard.to_string()]);
    }

    let identified = discord.identified();
    let mut shards: Vec<_> = identified.iter().map(|(_, shard)| *shard).collect();
    shards.sort_unstable();
    assert_eq!(shards, [0, 1, 2]);
    for pair in identified.windows(2) {
        let between = pair[1].0 - pair[0].0;
        assert!(between >= Duration::from_secs(5), "{between:?}");
    }
}

#[tokio::test]
async fn last_identifies_of_a_day_are_left_to_the_operator() {
    let (discord, broker) = (Discord::start().await, Broker::start().await);
    discord.allow_identifies(20);
    let gateway = Gateway::start(&discord, &broker).await;
    gateway.measures("gateway_identifies_left 20").await;
    // The slot is asked for first, and a taken one stays for six seconds: one look has passed.
    let slots = broker
        .jetstream
        .get_key_value(broker.names.identify_bucket());
    let slots = slots.await.unwrap();
    eventually("a slot is taken", async || slots.entry("0").await.unwrap()).await;
    eventually("the slot is free again", async || {
        slots.entry("0").await.unwrap().is_none().then_some(())
    })
    .await;
    assert_eq!(discord.identifies(), 0);

    discord.allow_identifies(21);
    gateway.ready().await;
    assert_eq!(discord.identifies(), 1);
}
