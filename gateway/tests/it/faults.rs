//! Bad frames, lost sessions, refusals, a second gateway.

use std::sync::atomic::{AtomicU64, Ordering};

use proto::event::DeadLetterReason;
use proto::event::envelope::Event;
use serde_json::json;

use crate::broker::{Broker, PARTITIONS, contents};
use crate::discord::{CHANNEL, Discord, message};
use crate::eventually;
use crate::process::Gateway;

#[tokio::test]
async fn garbage_between_messages_is_counted_and_the_session_goes_on() {
    let (discord, broker) = (Discord::start().await, Broker::start().await);
    let gateway = Gateway::start(&discord, &broker).await.ready().await;
    discord.say(CHANNEL, "before");
    discord.dispatch("MESSAGE_CREATE", &json!({ "id": "not a snowflake" }));
    discord.dispatch("MESSAGE_CREATE", &json!([1, 2, 3]));
    discord.dispatch(
        "MESSAGE_UPDATE",
        &json!({ "id": "100000000000000001", "channel_id": CHANNEL.to_string() }),
    );
    discord.dispatch("SOMETHING_NEW", &json!({ "deep": [[[[]]]] }));
    discord.frame(r#"{"t":null,"s":null,"op":77,"d":{}}"#.to_owned());
    discord.say(CHANNEL, "");
    discord.say(CHANNEL, "after");

    let stored = broker.stored(3).await;
    assert_eq!(contents(&stored, CHANNEL), ["before", "", "after"]);
    // Two messages, and the beginning of the session, which listed no servers.
    gateway
        .measures(r#"gateway_frames_skipped_total{reason="malformed"} 3"#)
        .await;
    gateway
        .measures(r#"gateway_frames_skipped_total{reason="partial"} 1"#)
        .await;
    let last = discord.sequence() as u64;
    eventually("the resume point passes what was skipped", async || {
        (broker.point().await.sequence >= last).then_some(())
    })
    .await;
    assert_eq!(discord.seen().len(), 1, "{:?}", discord.seen());
}

#[tokio::test]
async fn text_that_is_no_frame_does_not_end_the_process_or_lose_a_message() {
    let (discord, broker) = (Discord::start().await, Broker::start().await);
    let gateway = Gateway::start(&discord, &broker).await.ready().await;
    for text in ["", "null", "{\"op\":", "\u{0}\u{202e}"] {
        discord.frame(text.to_owned());
    }
    discord.say(CHANNEL, "after");
    assert_eq!(contents(&broker.stored(1).await, CHANNEL), ["after"]);
    drop(gateway);
}

#[tokio::test]
async fn message_too_large_for_the_broker_is_stored_without_its_bulk() {
    let (discord, broker) = (Discord::start().await, Broker::start().await);
    let gateway = Gateway::start(&discord, &broker).await.ready().await;
    let mut huge = message(CHANNEL + 5, CHANNEL, &"界".repeat(700_000));
    huge["embeds"] = json!(vec![json!({ "title": "t".repeat(1000) }); 100]);
    discord.dispatch("MESSAGE_CREATE", &huge);
    discord.say(CHANNEL, "after");

    let stored = broker.stored(2).await;
    let contents = contents(&stored, CHANNEL);
    assert_eq!(contents[0].chars().count(), 8_000);
    assert_eq!(contents[1], "after");
    gateway.measures("gateway_events_stripped_total 1").await;
}

#[tokio::test]
async fn event_too_large_even_when_stripped_leaves_a_record_and_frees_its_channel() {
    let (discord, broker) = (Discord::start().await, Broker::start().await);
    let gateway = Gateway::start(&discord, &broker).await.ready().await;
    let ids: Vec<String> = (1..400_000_u64)
        .map(|id| (CHANNEL + id).to_string())
        .collect();
    discord.dispatch(
        "MESSAGE_DELETE_BULK",
        &json!({ "ids": ids, "channel_id": CHANNEL.to_string() }),
    );
    discord.say(CHANNEL, "after");

    assert_eq!(contents(&broker.stored(1).await, CHANNEL), ["after"]);
    gateway
        .measures("gateway_dead_letters_total{reason=\"too_large\"} 1")
        .await;
    let letters = broker.letters().await;
    let letter = &letters[0];
    assert_eq!(letters.len(), 1);
    assert_eq!(letter.reason(), DeadLetterReason::TooLarge);
    assert_eq!(
        (letter.channel_id, letter.message_id),
        (CHANNEL, CHANNEL + 1)
    );
    assert!(letter.size_bytes > 1_000_000);
}

#[tokio::test]
async fn edits_and_deletions_keep_their_place_behind_the_message() {
    let (discord, broker) = (Discord::start().await, Broker::start().await);
    let gateway = Gateway::start(&discord, &broker).await.ready().await;
    let id = discord.say(CHANNEL, "first");
    let mut edited = message(id, CHANNEL, "second");
    edited["edited_timestamp"] = json!("2026-11-20T17:04:05.000000+00:00");
    discord.dispatch("MESSAGE_UPDATE", &edited);
    discord.dispatch(
        "MESSAGE_DELETE",
        &json!({ "id": id.to_string(), "channel_id": CHANNEL.to_string() }),
    );

    let stored = broker.stored(3).await;
    let ids: Vec<_> = stored
        .iter()
        .map(|envelope| envelope.event_id.clone())
        .collect();
    let expected = [
        format!("mc:{id}"),
        format!("mu:{id}:1795194245000"),
        format!("md:{id}:1"),
    ];
    assert_eq!(ids, expected);
    drop(gateway);
}

/// CHAT-5.
#[tokio::test]
async fn lost_session_is_told_to_every_partition() {
    let (discord, broker) = (Discord::start().await, Broker::start().await);
    let gateway = Gateway::start(&discord, &broker).await.ready().await;
    discord.say(CHANNEL, "before");
    broker.stored(1).await;
    gateway.terminate().await;
    discord.forget_session();

    let gateway = Gateway::start(&discord, &broker).await.ready().await;
    discord.say(CHANNEL, "after");
    let stored = broker.stored(2 + usize::from(PARTITIONS)).await;
    let gaps = stored
        .iter()
        .filter(|envelope| matches!(envelope.event, Some(Event::Gap(_))));
    let mut partitions: Vec<_> = gaps.map(|envelope| envelope.partition).collect();
    partitions.sort_unstable();
    assert_eq!(partitions, [0, 1, 2, 3]);
    assert_eq!(contents(&stored, CHANNEL), ["before", "after"]);
    assert_eq!(discord.identifies(), 2);
    gateway.measures("gateway_sessions_lost_total 1").await;
}

#[tokio::test]
async fn process_that_died_before_it_stored_its_session_leaves_a_gap() {
    let (discord, broker) = (Discord::start().await, Broker::start().await);
    let point = gateway::resume::ResumePoint {
        epoch: 1 << 16,
        ..Default::default()
    };
    broker.store_point(&point).await;

    let gateway = Gateway::start(&discord, &broker).await.ready().await;
    let stored = broker.stored(usize::from(PARTITIONS)).await;
    assert!(
        stored
            .iter()
            .all(|envelope| matches!(envelope.event, Some(Event::Gap(_))))
    );
    assert!(stored.iter().all(|envelope| envelope.shard_epoch > 2 << 16));
    drop(gateway);
}

#[tokio::test]
async fn other_number_of_shards_leaves_a_gap_and_forgets_the_old_sessions() {
    let (discord, broker) = (Discord::start().await, Broker::start().await);
    let epoch = 7 << 16;
    for key in ["0.2", "1.2"] {
        let point = gateway::resume::ResumePoint {
            session_id: "of another division".to_owned(),
            resume_url: "ws://127.0.0.1:1".to_owned(),
            sequence: 9,
            epoch,
        };
        broker.store_point_at(key, &point).await;
    }

    let gateway = Gateway::start(&discord, &broker).await.ready().await;
    let stored = broker.stored(usize::from(PARTITIONS)).await;
    for (envelope, partition) in stored.iter().zip(0..) {
        let Some(Event::Gap(gap)) = &envelope.event else {
            panic!("no gap");
        };
        assert!(gap.lost_since_ms > 0);
        assert!(envelope.shard_epoch > epoch, "ids of gaps must not repeat");
        assert!(stored.iter().any(|one| one.partition == partition));
    }
    gateway.measures("gateway_sessions_lost_total 1").await;
    eventually("only the new session is left", async || {
        (broker.session_keys().await == ["0.1"]).then_some(())
    })
    .await;
    assert_eq!(discord.identifies(), 1);
    drop(gateway);
}

#[tokio::test]
async fn gateway_of_a_forgotten_division_stops() {
    let (discord, broker) = (Discord::start().await, Broker::start().await);
    let gateway = Gateway::start(&discord, &broker).await.ready().await;
    broker.has_session().await;
    broker.sessions().await.delete("0.1").await.unwrap();
    discord.say(CHANNEL, "one");

    let ended = gateway.ended().await;
    assert_eq!(ended.status.code(), Some(2), "{}", ended.stderr);
    assert!(
        ended.stderr.contains("number of shards"),
        "{}",
        ended.stderr
    );
}

#[tokio::test]
async fn fatal_close_stops_with_its_own_code_and_says_what_to_do() {
    for (code, advice) in [(4004, "DISCORD_TOKEN"), (4014, "MESSAGE CONTENT INTENT")] {
        let (discord, broker) = (Discord::start().await, Broker::start().await);
        discord.refuse(code);
        let ended = Gateway::start(&discord, &broker).await.ended().await;
        assert_eq!(ended.status.code(), Some(3), "{}", ended.stderr);
        assert!(ended.stderr.contains(advice), "{}", ended.stderr);
        assert_eq!(discord.identifies(), 1);
    }
}

#[tokio::test]
async fn events_wait_while_the_resume_point_cannot_be_written() {
    let (discord, broker) = (Discord::start().await, Broker::start().await);
    let gateway = Gateway::start(&discord, &broker).await.ready().await;
    broker.has_session().await;
    discord.say(CHANNEL, "before");
    broker.stored(1).await;
    broker.drop_sessions().await;
    let said = AtomicU64::new(0);
    eventually("an event waits", async || {
        discord.say(CHANNEL, &said.fetch_add(1, Ordering::Relaxed).to_string());
        let waits = r#"gateway_publish_retries_total{reason="no_lease"}"#;
        let answer = gateway.get("/metrics").await?;
        let line = answer.lines().find(|line| line.starts_with(waits))?;
        (!line.ends_with(" 0")).then_some(())
    })
    .await;
    let said = said.into_inner();
    let name = broker.names.event_stream();
    let stream = broker.jetstream.get_stream(&name).await.unwrap();
    let published = stream.get_info().await.unwrap().state.messages;
    assert!(
        published < 1 + said,
        "an event was published without a lease"
    );

    broker.make_sessions().await;
    let stored = broker.stored(usize::try_from(1 + said).unwrap()).await;
    let numbers = (0..said).map(|number| number.to_string());
    let expected: Vec<_> = std::iter::once("before".to_owned())
        .chain(numbers)
        .collect();
    assert_eq!(contents(&stored, CHANNEL), expected);
    drop(gateway);
}
