//! Nothing lost, nothing twice, in order, whatever restarts.

use proto::event::envelope::Event;
use proto::event::{Guild, GuildList};
use serde_json::json;

use crate::broker::{Broker, Server, Version, contents};
use crate::discord::{CHANNEL, Discord, Seen};
use crate::eventually;
use crate::process::Gateway;

const CHANNELS: [u64; 3] = [CHANNEL, CHANNEL + 1, CHANNEL + 2];

/// Posts numbered messages in every channel, from `first` to `last`.
fn say_all(discord: &Discord, first: usize, last: usize) {
    for number in first..=last {
        for channel in CHANNELS {
            discord.say(channel, &number.to_string());
        }
    }
}

#[track_caller]
fn assert_complete(stored: &[proto::event::Envelope], last: usize) {
    let expected: Vec<_> = (1..=last).map(|number| number.to_string()).collect();
    for channel in CHANNELS {
        assert_eq!(contents(stored, channel), expected, "channel {channel}");
    }
    assert_eq!(stored.len(), last * CHANNELS.len());
}

#[tokio::test]
async fn message_reaches_the_stream_with_the_intents_and_compression_that_we_want() {
    let (discord, broker) = (Discord::start().await, Broker::start().await);
    let gateway = Gateway::start(&discord, &broker).await.ready().await;
    let id = discord.say(CHANNEL, "hello");

    let stored = broker.stored(1).await;
    assert_eq!(stored[0].event_id, format!("mc:{id}"));
    assert_eq!((stored[0].shard_id, stored[0].session_sequence), (0, 2));
    assert_eq!(contents(&stored, CHANNEL), ["hello"]);
    let intents = 1 | 1 << 9 | 1 << 12 | 1 << 15;
    assert_eq!(discord.seen(), [Seen::Identified { intents }]);
    assert!(discord.queries()[0].contains("compress=zstd-stream"));
    gateway.measures("gateway_events_stored_total 1").await;
    gateway.measures("gateway_spool_bytes 0").await;
}

/// PRIV-69: each server that is shown is told of in its own lane, also when it was listed: it may have been left
/// and joined again in between.
#[tokio::test]
async fn a_session_tells_of_all_its_servers_at_once_and_of_others_as_they_come() {
    let listed = [CHANNEL, CHANNEL + 1];
    let (discord, broker) = (Discord::start().await, Broker::start().await);
    discord.has_guilds(&listed);
    let gateway = Gateway::start(&discord, &broker).await.ready().await;
    let shown = |guild: u64| json!({"id": guild.to_string(), "unavailable": false});
    for guild in [listed[0], CHANNEL + 2, listed[0]] {
        discord.dispatch("GUILD_CREATE", &shown(guild));
    }

    gateway.measures("gateway_events_stored_total 4").await;
    gateway.measures("gateway_spool_bytes 0").await;
    let stored = broker.stored(4).await.into_iter();
    let told: Vec<_> = stored.map(|stored| stored.event.unwrap()).collect();
    let list = GuildList {
        shard_count: 1,
        guild_ids: listed.to_vec(),
    };
    assert_eq!(told.len(), 4);
    assert!(told.contains(&Event::GuildsHere(list)));
    for (guild_id, times) in [(CHANNEL + 2, 1), (listed[0], 2)] {
        let of_it = Event::GuildHere(Guild { guild_id });
        let count = told.iter().filter(|event| **event == of_it).count();
        assert_eq!(count, times);
    }
}

#[tokio::test]
async fn sigterm_closes_resumably_and_the_next_process_goes_on() {
    let (discord, broker) = (Discord::start().await, Broker::start().await);
    let gateway = Gateway::start(&discord, &broker).await.ready().await;
    say_all(&discord, 1, 10);
    broker.stored(30).await;

    let ended = gateway.terminate().await;
    assert_eq!(ended.status.code(), Some(0), "{}", ended.stderr);
    assert_eq!(discord.seen().last(), Some(&Seen::Closed(4000)));
    let point = broker.point().await;
    assert_eq!(point.sequence, discord.sequence() as u64);

    say_all(&discord, 11, 20);
    let gateway = Gateway::start(&discord, &broker).await.ready().await;
    assert_complete(&broker.stored(60).await, 20);
    assert_eq!(discord.identifies(), 1);
    assert!(discord.seen().contains(&Seen::Resumed {
        sequence: point.sequence
    }));
    drop(gateway);
}

#[tokio::test]
async fn second_sigterm_ends_the_drain_at_once() {
    let (discord, broker) = (Discord::start().await, Broker::start().await);
    let settings = [("DRAIN_TIMEOUT_MS", "600000")];
    let gateway = Gateway::start_with(&discord, &broker, &settings)
        .await
        .ready()
        .await;
    broker.cut();
    gateway.measures("gateway_nats_connected 0").await;
    discord.say(CHANNEL, "cannot be stored");
    gateway
        .measures(r#"gateway_frames_total{kind="message_create"} 1"#)
        .await;
    gateway.signal_term();
    eventually("the drain", async || {
        discord.seen().contains(&Seen::Closed(4000)).then_some(())
    })
    .await;

    let ended = gateway.terminate().await;
    assert_eq!(ended.status.code(), Some(128 + 15), "{}", ended.stderr);
}

#[tokio::test]
async fn account_without_room_is_waited_for() {
    let server = Server::with_room(256 * 1024).await;
    let (discord, broker) = (Discord::start().await, Broker::on(&server).await);
    let gateway = Gateway::start(&discord, &broker).await.ready().await;
    let text = "x".repeat(3900);
    for number in 0..200 {
        discord.say(CHANNEL, &format!("{number} {text}"));
    }
    gateway
        .counts(r#"gateway_publish_retries_total{reason="busy"}"#)
        .await;

    let taken = broker.take(200).await;
    let contents = contents(&taken, CHANNEL);
    assert!((0..200).all(|number| contents[number].starts_with(&format!("{number} "))));
    gateway
        .measures(r#"gateway_dead_letters_total{reason="rejected"} 0"#)
        .await;
}

#[tokio::test]
async fn killed_process_resumes_from_what_was_stored_and_not_from_what_was_read() {
    let (discord, broker) = (Discord::start().await, Broker::start().await);
    let gateway = Gateway::start(&discord, &broker).await.ready().await;
    say_all(&discord, 1, 2);
    broker.stored(6).await;
    broker.has_session().await;
    broker.cut();
    say_all(&discord, 3, 4);
    gateway
        .measures(r#"gateway_frames_total{kind="message_create"} 12"#)
        .await;
    broker.mend();
    let gateway = gateway.crash(&discord, &broker).await.ready().await;
    assert_complete(&broker.stored(12).await, 4);
    let resumed = discord.seen().into_iter().find_map(|seen| match seen {
        Seen::Resumed { sequence } => Some(sequence),
        _ => None,
    });
    assert!(
        resumed.unwrap() <= 7,
        "READY and six messages were stored: {resumed:?}"
    );
    assert_eq!(discord.identifies(), 1);
    drop(gateway);
}

#[tokio::test]
async fn kills_while_messages_flow_lose_and_repeat_nothing() {
    let (discord, broker) = (Discord::start().await, Broker::start().await);
    let mut gateway = Gateway::start(&discord, &broker).await.ready().await;
    broker.has_session().await;
    for round in 0..4 {
        say_all(&discord, round * 50 + 1, round * 50 + 50);
        broker.stored(round * 150 + 20).await;
        gateway = gateway.crash(&discord, &broker).await.ready().await;
    }
    assert_complete(&broker.stored(600).await, 200);
    assert_eq!(discord.identifies(), 1);
    drop(gateway);
}

#[tokio::test]
async fn broker_away_and_back_keeps_order_session_and_heartbeats() {
    let (discord, broker) = (Discord::start().await, Broker::start().await);
    let gateway = Gateway::start(&discord, &broker).await.ready().await;
    for round in 0..3 {
        broker.cut();
        let heartbeats = discord.heartbeats();
        say_all(&discord, round * 100 + 1, round * 100 + 100);
        eventually("heartbeats without a broker", async || {
            (discord.heartbeats() > heartbeats + 2).then_some(())
        })
        .await;
        gateway.measures("gateway_nats_connected 0").await;
        broker.mend();
    }
    assert_complete(&broker.stored(900).await, 300);
    assert_eq!(discord.seen().len(), 1, "{:?}", discord.seen());
    drop(gateway);
}

#[tokio::test]
async fn broker_killed_while_messages_flow_loses_and_reorders_nothing() {
    broker_killed_while_messages_flow(Version::Newest).await;
}

#[tokio::test]
async fn oldest_broker_killed_while_messages_flow_loses_and_reorders_nothing() {
    broker_killed_while_messages_flow(Version::Oldest).await;
}

async fn broker_killed_while_messages_flow(version: Version) {
    let mut server = Server::of(version).await;
    let (discord, broker) = (Discord::start().await, Broker::on(&server).await);
    let gateway = Gateway::start(&discord, &broker).await.ready().await;
    for round in 0..4 {
        say_all(&discord, round * 50 + 1, round * 50 + 50);
        broker.stored(round * 150 + 10).await;
        server.crash().await;
    }
    assert_complete(&broker.stored(600).await, 200);
    assert_eq!(discord.seen().len(), 1, "{:?}", discord.seen());
    drop(gateway);
}

/// CFG-44.
#[tokio::test]
async fn full_spool_stops_reading_and_goes_on_without_loss() {
    let (discord, broker) = (Discord::start().await, Broker::start().await);
    let settings = [("GATEWAY_SPOOL_MB", "1")];
    let gateway = Gateway::start_with(&discord, &broker, &settings)
        .await
        .ready()
        .await;
    broker.cut();
    let text = "x".repeat(3900);
    for number in 0..500 {
        discord.say(CHANNEL, &format!("{number} {text}"));
    }
    gateway.measures("gateway_spool_full_total 1").await;
    eventually("a resumable close", async || {
        discord.seen().contains(&Seen::Closed(4000)).then_some(())
    })
    .await;
    discord.say(CHANNEL, "after the close");

    broker.mend();
    let stored = broker.stored(501).await;
    let contents = contents(&stored, CHANNEL);
    assert_eq!(contents.len(), 501);
    assert!((0..500).all(|number| contents[number].starts_with(&format!("{number} "))));
    assert_eq!(contents[500], "after the close");
    assert_eq!(discord.identifies(), 1);
    drop(gateway);
}
