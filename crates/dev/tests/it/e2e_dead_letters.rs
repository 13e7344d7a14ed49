//! Events that cannot be handled cost themselves and nothing else; what remains of them are ids.

use bytes::Bytes;
use dev::control::Name;
use dev::part::Part;
use futures_util::StreamExt as _;
use prost::Message as _;
use proto::event::Envelope;
use proto::event::envelope::Event;
use proto::id::MessageId;
use serde_json::{Value, json};
use tokio::time::{Duration, Instant, sleep};

use crate::stream::{Streams, bytes_of, direct_message};
use crate::town::{Town, Trigger, assert_each_answered_once};

/// Longest wait for a record: three deaths of a worker, each followed by a takeover.
const LETTER_WAIT: Duration = Duration::from_mins(2);

/// The least that `STALE_EVENT_MAX_AGE_MS` may be.
const STALE_MS: u64 = 5_000;

/// Words that must be nowhere but in the message.
const SECRET: &str = "marmalade";

/// Waits until there are that many records, and returns them as `list` shows them.
async fn dead_letters(town: &Town, count: usize) -> Vec<Value> {
    let give_up = Instant::now() + LETTER_WAIT;
    loop {
        let (code, listing) = town.operate(&["dead-letters", "list"]).await;
        assert_eq!(code, 0, "{listing}");
        let letters = listing["dead_letters"].as_array().unwrap().clone();
        if letters.len() >= count {
            return letters;
        }
        assert!(Instant::now() < give_up, "{listing}");
        sleep(Duration::from_millis(100)).await;
    }
}

/// Waits until a message is older than events may be when they are first seen.
async fn until_stale(town: &Town, trigger: &Trigger) {
    let said_ms = MessageId(trigger.id.parse().unwrap()).created_at_ms();
    let now = "SELECT (extract(epoch FROM clock_timestamp()) * 1000)::bigint";
    while town.sql(now).await.trim().parse::<u64>().unwrap() <= said_ms + STALE_MS {
        sleep(Duration::from_millis(100)).await;
    }
}

async fn assert_no_words(town: &Town) {
    for letter in Streams::of(town).await.dead_letters().await {
        let text = String::from_utf8_lossy(&letter);
        assert!(!text.contains(SECRET), "{text}");
    }
}

fn event_of(trigger: &Trigger) -> String {
    format!("mc:{}", trigger.id)
}

/// SEC-81, PRIV-81.
#[tokio::test]
async fn unreadable_events_are_given_up_and_the_next_one_is_answered() {
    // She asks again while the answer is written.
    let town = Town::start_with(1, &[("MAX_FOLLOW_UP_INTERRUPTS", "0")]).await;
    let first = town.say_privately("alice", "hello").await;
    let message = town.message(&first.id).await;
    let streams = Streams::of(&town).await;
    let garbage = format!("\u{7f}{SECRET}").into_bytes();
    streams
        .publish(&first, Some("mc:77"), garbage.clone())
        .await;
    streams.publish(&first, None, garbage).await;
    let mut tomorrow = direct_message(&message, MessageId(78), SECRET);
    tomorrow.schema_version = 99;
    streams
        .publish(&first, Some("mc:78"), bytes_of(&tomorrow))
        .await;
    let last = town.say_privately("alice", "still there?").await;
    let answers = town.answers(vec![first, last]).await;
    assert_each_answered_once(&answers, &town.posts().await);

    let letters = dead_letters(&town, 3).await;
    let reasons: Vec<_> = letters.iter().map(|letter| &letter["reason"]).collect();
    assert_eq!(reasons, ["malformed", "malformed", "unknown_version"]);
    assert_eq!(letters[0]["event_id"], "mc:77");
    assert_eq!(letters[0]["kind"], "message_create");
    let unnamed = letters[1]["event_id"].as_str().unwrap();
    assert!(unnamed.starts_with("seq:"), "{unnamed}");
    assert_no_words(&town).await;
    let sample = "worker_dead_letters_total{reason=\"malformed\"}";
    assert!((town.metric(Part::Worker(1), sample).await - 2.0).abs() < 0.5);

    // Nothing tells which channel it was: it stays until somebody drops it.
    let (code, answer) = town.operate(&["dead-letters", "retry", "mc:77"]).await;
    assert_eq!((code, &answer["outcome"]), (1, &json!("not_a_message")));
    let (code, answer) = town.operate(&["dead-letters", "drop", "mc:77"]).await;
    assert_eq!((code, &answer["outcome"]), (0, &json!("dropped")));
    for task in ["show", "drop", "retry"] {
        let (code, answer) = town.operate(&["dead-letters", task, "mc:77"]).await;
        assert_eq!((code, &answer["outcome"]), (1, &json!("unknown")));
    }
    town.leave().await;
}

/// Lets every decision that fits `condition` do this to the statement that records it.
async fn when_decided(town: &Town, condition: &str, what: &str) {
    town.sql(&format!(
        "CREATE FUNCTION harm() RETURNS trigger LANGUAGE plpgsql AS
         $$ BEGIN {what}; RETURN NEW; END $$;
         CREATE TRIGGER harm BEFORE INSERT ON turn_decisions FOR EACH ROW
         WHEN ({condition}) EXECUTE FUNCTION harm()"
    ))
    .await;
}

/// GUARD-81. A worker that dies while it handles an event leaves no other trace than the count.
#[tokio::test]
async fn an_event_that_kills_its_worker_three_times_is_given_up_and_the_others_are_answered() {
    let town = Town::start(1).await;
    town.set_up("Sandbox").await;
    town.signal(Part::Worker(1), Name::Term).await;
    let before = town.say("alice", "Sandbox", "one").await;
    let poison = town.say("alice", "Sandbox", SECRET).await;
    // Somebody else: who asks again while the answer is written interrupts it.
    let after = town.say("bob", "Sandbox", "two").await;
    let event = event_of(&poison);
    let condition = format!("NEW.event_id = '{event}'");
    when_decided(&town, &condition, "PERFORM pg_sleep(600)").await;
    for tries in 1..=3 {
        town.try_to_start(Part::Worker(1)).await;
        let begun =
            format!("SELECT 1 FROM event_attempts WHERE event_id = '{event}' AND tries = {tries}");
        town.wait_for_row(&begun).await;
        town.signal(Part::Worker(1), Name::Kill).await;
    }
    town.try_to_start(Part::Worker(1)).await;
    let letters = dead_letters(&town, 1).await;
    assert_eq!(letters.len(), 1, "{letters:?}");
    assert_eq!(letters[0]["event_id"], event_of(&poison));
    assert_eq!(letters[0]["reason"], "crashed");
    assert_eq!(letters[0]["channel_id"], poison.channel);
    assert_no_words(&town).await;
    let answers = town.answers(vec![before, after]).await;
    assert_each_answered_once(&answers, &town.posts().await);
    town.leave().await;
}

/// Somebody who must not be heard.
async fn opted_out_bob(town: &Town) -> u64 {
    let said = town.mutter("bob", "Sandbox", "hello").await;
    let bob = town.message(&said.id).await["author"]["id"].clone();
    let bob = bob.as_str().unwrap();
    town.sql(&format!(
        "INSERT INTO users (user_disc_id, privacy_level) VALUES ('{bob}', 2)"
    ))
    .await;
    bob.parse().unwrap()
}

/// The people whom an event mentions, and their names.
fn named_in(payload: Bytes) -> Vec<(u64, String)> {
    let envelope = Envelope::decode(payload).unwrap();
    let Some(Event::MessageCreate(message)) = envelope.event else {
        panic!("{envelope:?}");
    };
    let named = message.mentions.into_iter();
    named.map(|one| (one.user_id, one.display_name)).collect()
}

/// PRIV-26, SEC-81: nobody else goes past the gateway's door.
#[tokio::test]
async fn a_retried_event_is_judged_anew_by_what_its_message_says_now() {
    let stale_ms = STALE_MS.to_string();
    let town = Town::start_with(1, &[("STALE_EVENT_MAX_AGE_MS", &stale_ms)]).await;
    when_decided(&town, "NEW.code = 'accepted'", "RAISE EXCEPTION 'harm'").await;
    let mut poisoned = Vec::new();
    for _ in 0..3 {
        poisoned.push(town.say_privately("alice", SECRET).await);
    }
    let letters = dead_letters(&town, 3).await;
    assert!(
        letters
            .iter()
            .all(|letter| letter["reason"] == "undecidable")
    );
    assert_no_words(&town).await;
    let (code, shown) = town
        .operate(&["dead-letters", "show", &event_of(&poisoned[0])])
        .await;
    assert_eq!((code, &shown["message_id"]), (0, &json!(poisoned[0].id)));

    let retry = async |trigger: &Trigger| {
        let event = event_of(trigger);
        let (code, answer) = town.operate(&["dead-letters", "retry", &event]).await;
        (code, answer["outcome"].as_str().unwrap().to_owned())
    };
    // It is given up again for as long as nothing has changed.
    assert_eq!(retry(&poisoned[0]).await, (0, "published".to_owned()));
    dead_letters(&town, 3).await;
    let bob = opted_out_bob(&town).await;
    town.edit(&poisoned[0], &format!("and now, <@{bob}>?"))
        .await;
    town.sql("DROP TRIGGER harm ON turn_decisions").await;
    // Only the operator's wish makes it young again.
    until_stale(&town, &poisoned[0]).await;
    let mut events = Streams::of(&town).await.follow().await;
    assert_eq!(retry(&poisoned[0]).await, (0, "published".to_owned()));
    assert_eq!(retry(&poisoned[0]).await, (1, "unknown".to_owned()));
    let published = events.next().await.unwrap().payload;
    assert_eq!(named_in(published), [(bob, String::new())]);
    let answers = town.answers(vec![poisoned[0].clone()]).await;
    assert_each_answered_once(&answers, &town.posts().await);
    let question = town.last_question().await;
    assert!(question.contains("and now"), "{question}");

    town.delete(&poisoned[1]).await;
    assert_eq!(retry(&poisoned[1]).await, (0, "gone".to_owned()));
    town.sql(
        "INSERT INTO users (user_disc_id, privacy_level)
         SELECT DISTINCT responsible_disc_id, 2 FROM turns
         ON CONFLICT (user_disc_id) DO UPDATE SET privacy_level = 2",
    )
    .await;
    assert_eq!(retry(&poisoned[2]).await, (0, "opted_out".to_owned()));
    assert_eq!(dead_letters(&town, 0).await, Vec::<Value>::new());
    town.leave().await;
}
