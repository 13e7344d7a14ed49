//! The door: what people say is held, dropped or redacted, and nobody can pass it by.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use futures_util::StreamExt;
use proto::event::envelope::Event;
use proto::event::{Envelope, Message};
use serde_json::{Value, json};
use tokio_util::task::TaskTracker;

use crate::broker::{Broker, Server, contents};
use crate::discord::{CHANNEL, Discord, Seen, message};
use crate::eventually;
use crate::process::Gateway;

const WHOLE: &str = "gateway_door_whole 1";
const CLOSED: &str = "gateway_door_whole 0";
const HELD: &str = "gateway_privacy_not_ready_total";

const CAROL: u64 = 100_000_000_000_000_102;
const BOB: u64 = 100_000_000_000_000_103;

/// A message of somebody.
fn by(author: u64, id: u64, channel: u64, content: &str) -> Value {
    let mut said = message(id, channel, content);
    said["author"] = person(author, "somebody");
    said
}

fn person(id: u64, name: &str) -> Value {
    json!({ "id": id.to_string(), "username": name, "global_name": name })
}

fn only_message(envelope: &Envelope) -> &Message {
    match envelope.event.as_ref() {
        Some(Event::MessageCreate(message)) => message,
        _ => panic!("no message"),
    }
}

/// Hears every event that is published, byte by byte, from now on.
struct Ear {
    heard: tokio::sync::mpsc::Receiver<Vec<u8>>,
}

impl Ear {
    async fn open(broker: &Broker) -> Self {
        let subject = broker.names.all_events();
        let mut events = broker.client.subscribe(subject).await.unwrap();
        broker.client.flush().await.unwrap();
        let (told, heard) = tokio::sync::mpsc::channel(10_000);
        TaskTracker::new().spawn(async move {
            while let Some(event) = events.next().await {
                if told.send(event.payload.to_vec()).await.is_err() {
                    return;
                }
            }
        });
        Self { heard }
    }

    /// Everything that was published so far, as one text.
    fn text(&mut self) -> String {
        let mut all = Vec::new();
        while let Ok(bytes) = self.heard.try_recv() {
            all.extend(bytes);
            all.push(b'\n');
        }
        String::from_utf8_lossy(&all).into_owned()
    }
}

/// PRIV-23
#[tokio::test]
async fn closed_door_holds_messages_in_order_and_lets_ids_and_gaps_go_on() {
    let (discord, broker) = (Discord::start().await, Broker::start().await);
    broker.not_compared().await;
    broker.hide(CAROL).await;
    let gateway = Gateway::start(&discord, &broker).await;
    gateway.measures("gateway_shards_connected 1").await;
    let answer = gateway.get("/readyz").await.unwrap();
    assert!(answer.contains(r#""failing":["door"]"#), "{answer}");
    let first = discord.sequence() as u64;
    for number in 1..=5 {
        discord.say(CHANNEL, &number.to_string());
        let carols = by(CAROL, CHANNEL + 500 + number, CHANNEL, "not for anybody");
        discord.dispatch("MESSAGE_CREATE", &carols);
    }
    gateway.measures(&format!("{HELD} 1")).await;
    let deleted = json!({ "id": "100000000000000777", "channel_id": (CHANNEL + 1).to_string() });
    discord.dispatch("MESSAGE_DELETE", &deleted);
    let stored = broker.stored(1).await;
    assert!(matches!(stored[0].event, Some(Event::MessageDelete(_))));
    assert_eq!(stored.len(), 1, "nothing but ids");
    eventually("the resume point stays before what is held", async || {
        (broker.point().await.sequence == first).then_some(())
    })
    .await;

    broker.compared(1).await;
    let gateway = gateway.ready().await;
    let stored = broker.stored(6).await;
    assert_eq!(contents(&stored, CHANNEL), ["1", "2", "3", "4", "5"]);
    gateway.measures("gateway_privacy_dropped_total 5").await;
    gateway.measures("gateway_spool_bytes 0").await;
    let last = discord.sequence() as u64;
    eventually("the resume point passes what is stored", async || {
        (broker.point().await.sequence == last).then_some(())
    })
    .await;
}

/// PRIV-24
#[tokio::test]
async fn word_that_the_bucket_is_whole_closes_the_door_when_it_is_taken_back() {
    let (discord, broker) = (Discord::start().await, Broker::start().await);
    let gateway = Gateway::start(&discord, &broker).await.ready().await;
    discord.say(CHANNEL, "before");
    broker.stored(1).await;
    broker.not_compared().await;
    gateway.measures(CLOSED).await;
    discord.say(CHANNEL, "held");
    gateway.counts(HELD).await;
    broker.compared(0).await;
    discord.say(CHANNEL, "after");
    let stored = broker.stored(3).await;
    assert_eq!(contents(&stored, CHANNEL), ["before", "held", "after"]);
}

/// PRIV-24
#[tokio::test]
async fn door_closes_without_a_proof_and_judges_what_was_held_when_there_is_one() {
    let (discord, broker) = (Discord::start().await, Broker::start().await);
    let settings = [("PRIVACY_WATCH_GRACE_MS", "2000")];
    let gateway = Gateway::start_with(&discord, &broker, &settings)
        .await
        .ready()
        .await;
    let broken = Arc::new(AtomicBool::new(true));
    let breaking = TaskTracker::new();
    let task = breaking.spawn({
        let (broken, broker) = (Arc::clone(&broken), broker.again().await);
        async move {
            while broken.load(Ordering::Relaxed) {
                broker.break_privacy_watches().await;
            }
        }
    });
    gateway.measures(CLOSED).await;
    for number in 1..=20 {
        discord.say(CHANNEL, &number.to_string());
    }
    discord.dispatch(
        "MESSAGE_CREATE",
        &by(CAROL, CHANNEL + 600, CHANNEL, "never"),
    );
    discord.say(CHANNEL, "21");
    gateway.counts(HELD).await;
    gateway
        .measures(r#"gateway_frames_total{kind="message_create"} 22"#)
        .await;
    // She opts out while nobody hears of it.
    broker.hide(CAROL).await;
    let published = broker.published().await;
    assert_eq!(published, 0, "a closed door lets nothing pass");
    broken.store(false, Ordering::Relaxed);
    task.await.unwrap();

    gateway.measures(WHOLE).await;
    let stored = broker.stored(21).await;
    let expected: Vec<_> = (1..=21).map(|number| number.to_string()).collect();
    assert_eq!(contents(&stored, CHANNEL), expected);
    gateway.measures("gateway_privacy_dropped_total 1").await;
    assert_eq!(discord.seen().len(), 1, "{:?}", discord.seen());
}

/// PRIV-25, PRIV-80
#[tokio::test]
async fn nothing_of_who_is_not_heard_reaches_the_subjects_of_events_or_a_log() {
    let (discord, broker) = (Discord::start().await, Broker::start().await);
    let settings = [("LOG_LEVEL", "debug"), ("LOG_ID_HASH", "false")];
    let gateway = Gateway::start_with(&discord, &broker, &settings).await;
    let gateway = gateway.ready().await;
    let mut ear = Ear::open(&broker).await;
    let revision = broker.hide(CAROL).await;
    broker.applied(revision).await;
    let id = CHANNEL + 700;
    let said = by(CAROL, id, CHANNEL, "marker-of-carol");
    discord.dispatch("MESSAGE_CREATE", &said);
    let mut edited = said;
    edited["content"] = json!("marker-of-carol, edited");
    edited["edited_timestamp"] = json!("2026-11-20T17:04:05.000000+00:00");
    discord.dispatch("MESSAGE_UPDATE", &edited);
    let mut direct = by(CAROL, id + 1, CHANNEL + 1, "marker-of-carol, direct");
    direct["guild_id"] = Value::Null;
    direct["attachments"] =
        json!([{ "id": "1000000000000000", "filename": "marker-of-carol.png" }]);
    discord.dispatch("MESSAGE_CREATE", &direct);
    discord.dispatch(
        "MESSAGE_DELETE",
        &json!({ "id": id.to_string(), "channel_id": CHANNEL.to_string() }),
    );
    discord.say(CHANNEL, "alice");

    let stored = broker.stored(2).await;
    assert!(matches!(stored[0].event, Some(Event::MessageDelete(_))));
    assert_eq!(contents(&stored, CHANNEL), ["alice"]);
    gateway.measures("gateway_privacy_dropped_total 3").await;
    let heard = ear.text();
    assert!(heard.contains("alice"), "the ear hears");
    assert!(!heard.contains("marker-of-carol"));

    let revision = broker.show(CAROL).await;
    broker.applied(revision).await;
    discord.dispatch(
        "MESSAGE_CREATE",
        &by(CAROL, id + 2, CHANNEL, "marker-of-carol, again"),
    );
    broker.stored(3).await;
    assert!(ear.text().contains("marker-of-carol, again"));
    let log = gateway.terminate().await.stderr;
    assert!(!log.contains("marker-of-carol"), "{log}");
    assert!(!log.contains(&CAROL.to_string()), "{log}");
}

/// PRIV-26, PRIV-27
#[tokio::test]
async fn quotes_names_and_forwards_lose_what_belongs_to_who_is_not_heard() {
    let (discord, broker) = (Discord::start().await, Broker::start().await);
    let gateway = Gateway::start(&discord, &broker).await.ready().await;
    let revision = broker.hide(CAROL).await;
    broker.applied(revision).await;
    let mut ear = Ear::open(&broker).await;
    let quoted = by(CAROL, CHANNEL + 800, CHANNEL, "marker-in-a-quote");
    let mut reply = by(BOB, CHANNEL + 801, CHANNEL, "I answer");
    reply["type"] = json!(19);
    reply["mentions"] = json!([person(CAROL, "marker-name"), person(BOB, "bob")]);
    reply["message_reference"] = json!({
        "type": 0, "message_id": quoted["id"], "channel_id": CHANNEL.to_string()
    });
    reply["referenced_message"] = quoted.clone();
    discord.dispatch("MESSAGE_CREATE", &reply);
    let mut forward = by(BOB, CHANNEL + 802, CHANNEL, "");
    forward["message_reference"] = json!({
        "type": 1, "message_id": quoted["id"], "channel_id": CHANNEL.to_string()
    });
    forward["message_snapshots"] = json!([{ "message": { "content": "marker-in-a-forward" } }]);
    discord.dispatch("MESSAGE_CREATE", &forward);
    let mut of_nobody = by(BOB, CHANNEL + 803, CHANNEL, "and to this");
    of_nobody["message_reference"] = reply["message_reference"].clone();
    of_nobody["referenced_message"] = json!({ "content": "marker-of-nobody" });
    discord.dispatch("MESSAGE_CREATE", &of_nobody);

    let stored = broker.stored(3).await;
    let answered = only_message(&stored[0]);
    assert_eq!(answered.content, "I answer");
    let reference = answered.reference.as_ref().unwrap();
    assert!(reference.redacted && reference.short_content.is_empty());
    assert_eq!(reference.author_id, CAROL);
    let names: Vec<_> = answered
        .mentions
        .iter()
        .map(|one| one.display_name.as_str())
        .collect();
    assert_eq!(names, ["", "bob"]);
    assert!(only_message(&stored[1]).snapshot_origin.is_some());
    let unknown = only_message(&stored[2]).reference.as_ref().unwrap();
    assert!(unknown.redacted, "who said it is not known (PRIV-34)");
    let heard = ear.text();
    assert!(heard.contains("I answer") && !heard.contains("marker"));
    gateway.measures("gateway_privacy_redacted_total 1").await;
}

/// PRIV-25: the set is asked at each attempt.
#[tokio::test]
async fn who_opts_out_while_an_event_waits_for_the_stream_is_not_heard_any_more() {
    let (discord, broker) = (Discord::start().await, Broker::start().await);
    let gateway = Gateway::start(&discord, &broker).await.ready().await;
    broker.has_session().await;
    // Nothing can be published without the lease, which is in this bucket; the door stays open.
    broker.drop_sessions().await;
    gateway
        .counts(r#"gateway_resume_saves_total{outcome="failed"}"#)
        .await;
    discord.say(CHANNEL + 1, "lets the lease run out");
    eventually("the lease has run out", async || {
        discord.say(CHANNEL + 1, "another");
        let metric = gateway
            .metric(r#"gateway_publish_retries_total{reason="no_lease"}"#)
            .await;
        (!metric.ends_with(" 0")).then_some(())
    })
    .await;
    discord.dispatch(
        "MESSAGE_CREATE",
        &by(CAROL, CHANNEL + 900, CHANNEL, "too late"),
    );
    discord.say(CHANNEL, "after");
    let revision = broker.hide(CAROL).await;
    broker.applied(revision).await;
    broker.make_sessions().await;
    gateway.measures("gateway_spool_bytes 0").await;
    gateway.measures("gateway_privacy_dropped_total 1").await;
    let stored = broker.stored(2).await;
    assert_eq!(contents(&stored, CHANNEL), ["after"]);
}

/// GUARD-82
#[tokio::test]
async fn spool_that_is_full_behind_a_closed_door_stops_reading_and_loses_nothing() {
    let (discord, broker) = (Discord::start().await, Broker::start().await);
    broker.not_compared().await;
    let settings = [("GATEWAY_SPOOL_MB", "1")];
    let gateway = Gateway::start_with(&discord, &broker, &settings).await;
    gateway.measures("gateway_shards_connected 1").await;
    let text = "x".repeat(3900);
    for number in 0..500 {
        discord.say(CHANNEL, &format!("{number} {text}"));
    }
    gateway.measures("gateway_spool_full_total 1").await;
    eventually("a resumable close", async || {
        discord.seen().contains(&Seen::Closed(4000)).then_some(())
    })
    .await;
    broker.compared(0).await;
    let stored = broker.stored(500).await;
    let contents = contents(&stored, CHANNEL);
    assert!((0..500).all(|number| contents[number].starts_with(&format!("{number} "))));
    assert_eq!(discord.identifies(), 1);
}

/// PRIV-22, PRIV-86
#[tokio::test]
async fn gateway_reports_what_it_has_read_soon_and_leaves_no_probe_behind() {
    let (discord, broker) = (Discord::start().await, Broker::start().await);
    let first = Gateway::start(&discord, &broker).await.ready().await;
    let second = Gateway::start(&discord, &broker).await.ready().await;
    assert_eq!(broker.probes().await.len(), 2);
    let began = std::time::Instant::now();
    for number in 0..20 {
        let revision = broker.hide(CAROL + number).await;
        broker.applied(revision).await;
    }
    let each = began.elapsed() / 20;
    assert!(each.as_millis() < 900, "reports wait for a tick: {each:?}");
    let ended = first.terminate().await;
    assert_eq!(ended.status.code(), Some(0), "{}", ended.stderr);
    assert_eq!(broker.probes().await.len(), 1);
    second.kill().await;
    assert_eq!(broker.probes().await.len(), 1, "it had no time to say so");
}

#[tokio::test]
async fn a_broker_that_restarts_opens_the_door_again_with_everybody_behind_it() {
    let mut server = Server::start().await;
    let (discord, broker) = (Discord::start().await, Broker::on(&server).await);
    let gateway = Gateway::start(&discord, &broker).await.ready().await;
    broker.hide(CAROL).await;
    gateway.measures("gateway_door_users 1").await;
    server.stop().await;
    gateway.measures(CLOSED).await;
    discord.say(CHANNEL, "held");
    server.resume();
    gateway.measures(WHOLE).await;
    discord.dispatch(
        "MESSAGE_CREATE",
        &by(CAROL, CHANNEL + 950, CHANNEL, "never"),
    );
    discord.say(CHANNEL, "after");
    assert_eq!(
        contents(&broker.stored(2).await, CHANNEL),
        ["held", "after"]
    );
    gateway.measures("gateway_privacy_dropped_total 1").await;
}

/// What is read passes through the memory and does not stay there: the users themselves take some
/// nine bytes each.
#[tokio::test]
async fn many_users_take_little_memory_while_and_after_they_are_loaded() {
    const USERS: u64 = 100_000;
    const MOST_BYTES: usize = 8 << 20;
    let server = Server::start().await;
    let (discord, broker) = (Discord::start().await, Broker::on(&server).await);
    let gateway = Gateway::start(&discord, &broker).await.ready().await;
    let usual = gateway.most_memory_bytes();
    gateway.terminate().await;
    broker.hide_all(USERS).await;

    let gateway = Gateway::start(&discord, &broker).await.ready().await;
    gateway
        .measures(&format!("gateway_door_users {USERS}"))
        .await;
    let loaded = gateway.most_memory_bytes();
    println!("{usual} bytes without, at most {loaded} bytes with {USERS} users");
    assert!(loaded - usual < MOST_BYTES, "{} bytes", loaded - usual);
}
