//! People opt out, and are not heard: from the form to the last byte.

use std::time::Duration;

use dev::control::Name;
use dev::part::Part;
use futures_util::StreamExt as _;
use proto::subject::Names;
use rustix::process::Signal;
use serde_json::json;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout};

use crate::town::{Town, Trigger};

/// The longest that anything takes to be heard.
const HEARD_WITHIN: Duration = Duration::from_secs(30);

/// Hears everything that is published as an event, byte by byte.
struct Ear {
    heard: mpsc::Receiver<Vec<u8>>,
    /// Everything so far.
    all: Vec<u8>,
    _task: JoinSet<()>,
}

impl Ear {
    async fn open(town: &Town) -> Self {
        let (url, prefix) = town.broker();
        let client = async_nats::connect(url).await.unwrap();
        let subject = Names::new(prefix).all_events();
        let mut events = client.subscribe(subject).await.unwrap();
        client.flush().await.unwrap();
        let (told, heard) = mpsc::channel(10_000);
        let mut task = JoinSet::new();
        task.spawn(async move {
            // The connection lives as long as this.
            let _client = client;
            while let Some(event) = events.next().await {
                if told.send(event.payload.to_vec()).await.is_err() {
                    return;
                }
            }
        });
        Self {
            heard,
            all: Vec::new(),
            _task: task,
        }
    }

    fn has(&self, text: &str) -> bool {
        let mut windows = self.all.windows(text.len());
        windows.any(|bytes| bytes == text.as_bytes())
    }

    /// Waits until a text was published.
    async fn hears(&mut self, text: &str) {
        let deadline = Instant::now() + HEARD_WITHIN;
        while !self.has(text) {
            let left = deadline.saturating_duration_since(Instant::now());
            let next = timeout(left, self.heard.recv()).await;
            let next = next.unwrap_or_else(|_| panic!("{text} was never published"));
            self.all.extend(next.unwrap());
        }
    }
}

async fn choose(town: &Town, user: &str, level: &str) -> String {
    let fields = [("level", level)];
    town.fill(user, "Sandbox", "/personal privacy", &fields)
        .await
}

/// Whether a word stands in anything that the model was sent.
async fn was_asked_about(town: &Town, word: &str) -> bool {
    town.look("model/calls").await.to_string().contains(word)
}

/// PRIV-86, SEC-78: a hundred times, with two gateways and three workers.
#[tokio::test]
async fn e2e_what_is_written_after_saved_is_never_published() {
    const TIMES: usize = 100;
    let settings = [("SHARD_COUNT", "2"), ("SHARD_IDS", "0")];
    let town = Town::start_with(3, &settings).await;
    let second = town.another_gateway(&[("SHARD_IDS", "1")]).await;
    // Names have the same ids in every sandbox; these are on both shards, as is seen at the end.
    let servers = ["Sandbox", "Amber", "Birch", "Cedar"];
    let mut ear = Ear::open(&town).await;
    for server in servers {
        town.mutter("carol", server, &format!("marker-before-{server}"))
            .await;
        ear.hears(&format!("marker-before-{server}")).await;
    }
    for time in 0..TIMES {
        let told = choose(&town, "carol", "2").await;
        assert!(told.starts_with("Saved"), "{told}");
        let server = servers[time % servers.len()];
        town.mutter("carol", server, "marker-of-carol").await;
        town.mutter_privately("carol", "marker-of-carol").await;
        // Same channels, same order: where this is, hers would be before it.
        for place in [server, "Sandbox"] {
            let beacon = format!("beacon {time} in {place}");
            town.mutter("alice", place, &beacon).await;
            ear.hears(&beacon).await;
        }
        assert!(!ear.has("marker-of-carol"), "time {time}: {told}");
        let told = choose(&town, "carol", "0").await;
        assert!(told.starts_with("Saved"), "{told}");
    }
    town.mutter("carol", "Sandbox", "marker-after").await;
    ear.hears("marker-after").await;
    assert!(!ear.has("marker-of-carol"));
    let dropped = "gateway_privacy_dropped_total";
    let first = town.metric(Part::Gateway, dropped).await;
    let second = second.metric(dropped).await;
    assert!(first > 0.0 && second > 0.0, "{first} and {second}");
    let counted = (first + second).to_string();
    assert_eq!(counted, (2 * TIMES).to_string());
    town.leave().await;
}

/// The shard of a server, of two.
async fn shard(town: &Town, server: &str) -> u64 {
    let said = json!({"user": "alice", "server": server, "channel": "general", "content": "hi"});
    let said = town.tell("messages", &said).await;
    let guild: u64 = said["guild_id"].as_str().unwrap().parse().unwrap();
    (guild >> 22) % 2
}

/// PRIV-86, CMD-29: one of two gateways stands still, and goes on later.
#[tokio::test]
async fn e2e_in_effect_within_seconds_becomes_saved_when_a_silent_gateway_can_publish_no_more() {
    let settings = [("SHARD_COUNT", "2"), ("SHARD_IDS", "0")];
    let town = Town::start_with(1, &settings).await;
    let second = town.another_gateway(&[("SHARD_IDS", "1")]).await;
    let mut ear = Ear::open(&town).await;
    let mut servers = ["", ""];
    for server in ["Sandbox", "Amber", "Birch", "Cedar"] {
        servers[usize::from(shard(&town, server).await == 1)] = server;
    }
    let [near, far] = servers;
    let before = town.mutter("alice", near, "before").await;
    second.signal(Signal::STOP);
    let told = town
        .fill("carol", near, "/personal privacy", &[("level", "2")])
        .await;
    assert!(told.starts_with("In effect within seconds"), "{told}");
    town.wait_for_text(&before, "Saved: in effect").await;
    town.mutter("carol", far, "marker-of-carol").await;
    second.signal(Signal::CONT);
    town.mutter("alice", far, "goes on").await;
    ear.hears("goes on").await;
    assert!(!ear.has("marker-of-carol"));
    town.leave().await;
}

/// PRIV-3, PRIV-6, PRIV-21
#[tokio::test]
async fn e2e_who_opts_out_is_ignored_and_is_answered_by_commands() {
    let town = Town::start(2).await;
    town.set_up("Amber").await;
    let fields = [("level", "2")];
    let told = town
        .fill("carol", "Amber", "/personal privacy", &fields)
        .await;
    assert!(
        told.starts_with("Saved") && told.contains("/personal privacy"),
        "{told}"
    );
    let again = town
        .fill("carol", "Amber", "/personal privacy", &fields)
        .await;
    assert!(again.contains("already"), "{again}");
    town.mutter("carol", "Amber", "Tomori, marker-of-carol?")
        .await;
    let line = "/bot respond prompt:say exactly: for you";
    town.command("carol", "Amber", line).await;
    town.wait_for_posts(1).await;
    let posts = town.posts().await;
    assert_eq!(posts.len(), 1, "{posts:?}");
    let post = posts[0]["message_id"].as_str().unwrap();
    assert_eq!(town.text(post).await, "for you");
    assert!(!was_asked_about(&town, "marker-of-carol").await);
    let named = town
        .sql("SELECT count(*) FROM turn_decisions WHERE user_disc_id IS NOT NULL")
        .await;
    assert_eq!(named.trim(), "0", "PRIV-19");
    town.fill("carol", "Amber", "/personal privacy", &[("level", "1")])
        .await;
    let asked = town.say("carol", "Amber", "say exactly: heard").await;
    let answers = town.answers(vec![asked]).await;
    assert_eq!(town.text(&answers[0].posts()[0]).await, "heard");
    town.leave().await;
}

/// PRIV-7, PRIV-35
#[tokio::test]
async fn e2e_words_of_who_has_opted_out_leave_the_conversation_of_others() {
    let town = Town::start(1).await;
    town.set_up("Amber").await;
    town.mutter("carol", "Amber", "marker-of-carol").await;
    let first = town.say("bob", "Amber", "say exactly: one").await;
    town.answers(vec![first]).await;
    assert!(was_asked_about(&town, "marker-of-carol").await);
    town.fill("carol", "Amber", "/personal privacy", &[("level", "2")])
        .await;
    let second = town.say("bob", "Amber", "say exactly: two").await;
    town.answers(vec![second]).await;
    let question = town.last_question().await;
    assert!(question.contains("say exactly: two"), "{question}");
    assert!(!question.contains("marker-of-carol"), "{question}");
    // A worker that knows nothing reads the history from Discord.
    town.signal(Part::Worker(1), Name::Kill).await;
    town.restart(Part::Worker(1)).await;
    let third = town.say("bob", "Amber", "say exactly: three").await;
    town.answers(vec![third]).await;
    let question = town.last_question().await;
    assert!(question.contains("say exactly: three"), "{question}");
    assert!(!question.contains("marker-of-carol"), "{question}");
    town.leave().await;
}

/// PRIV-33, PRIV-35: messages that wait in a busy channel, and a reply that is being written.
#[tokio::test]
async fn e2e_what_waits_for_an_answer_when_its_author_opts_out_reaches_no_model() {
    let town = Town::start(2).await;
    town.set_up("Amber").await;
    let silent = json!({"fault": "slow-start", "wait_ms": 50_000, "times": 1});
    town.break_model(silent).await;
    town.say("bob", "Amber", "and what do you think?").await;
    town.wait_for_row("SELECT 1 FROM turns WHERE state = 'preparing'")
        .await;
    let waiting = town.say("carol", "Amber", "marker-that-waits").await;
    town.wait_for_row("SELECT 1 FROM turns WHERE state = 'queued'")
        .await;
    town.fill("carol", "Amber", "/personal privacy", &[("level", "2")])
        .await;
    let fate = ended(&town, &waiting).await;
    assert_eq!(fate, "stopped privacy");
    town.command("bob", "Amber", "/bot kill").await;
    let next = town.say("bob", "Amber", "say exactly: done").await;
    town.answers(vec![next]).await;
    assert!(!was_asked_about(&town, "marker-that-waits").await);

    // Now one that is being said.
    town.fill("carol", "Amber", "/personal privacy", &[("level", "0")])
        .await;
    town.speak_slowly(200).await;
    let running = town.say("carol", "Amber", "a long answer please").await;
    town.wait_for_row(&format!(
        "SELECT 1 FROM turns t JOIN turn_posts p USING (turn_id)
         WHERE t.trigger_message_id = '{}' AND p.state = 'sent'",
        running.id
    ))
    .await;
    town.fill("carol", "Amber", "/personal privacy", &[("level", "2")])
        .await;
    assert_eq!(ended(&town, &running).await, "stopped privacy");
    town.leave().await;
}

async fn ended(town: &Town, trigger: &Trigger) -> String {
    let of = format!("FROM turns WHERE trigger_message_id = '{}'", trigger.id);
    town.wait_for_row(&format!("SELECT 1 {of} AND ended_at IS NOT NULL"))
        .await;
    let fate = town
        .sql(&format!("SELECT state || ' ' || stop_reason {of}"))
        .await;
    fate.trim().to_owned()
}

/// PRIV-29: the bucket is thrown away; the database knows.
#[tokio::test]
async fn e2e_bucket_that_is_lost_is_filled_again_and_nobody_is_heard_meanwhile() {
    let town = Town::start(2).await;
    let told = choose(&town, "carol", "2").await;
    assert!(told.starts_with("Saved"), "{told}");
    let mut ear = Ear::open(&town).await;
    let (url, prefix) = town.broker();
    let client = async_nats::connect(url).await.unwrap();
    let jetstream = async_nats::jetstream::new(client);
    let bucket = Names::new(prefix).privacy_bucket();
    jetstream.delete_key_value(&bucket).await.unwrap();
    town.wait_until("the door closes", async || {
        town.metric(Part::Gateway, "gateway_door_whole").await == 0.0
    })
    .await;
    town.mutter("carol", "Sandbox", "marker-of-carol").await;
    town.mutter("alice", "Sandbox", "held for a while").await;
    town.migrate().await;
    ear.hears("held for a while").await;
    assert!(!ear.has("marker-of-carol"));
    let bucket = jetstream.get_key_value(bucket).await.unwrap();
    assert!(bucket.get("ready").await.unwrap().is_some());
    town.leave().await;
}

/// PRIV-28, PRIV-29: what is left when a change fails midway is mended by the next comparison.
#[tokio::test]
async fn e2e_bucket_is_compared_with_the_database_at_the_start_of_a_worker() {
    let town = Town::start(1).await;
    let (url, prefix) = town.broker();
    let client = async_nats::connect(url).await.unwrap();
    let jetstream = async_nats::jetstream::new(client);
    let bucket = Names::new(prefix).privacy_bucket();
    let bucket = jetstream.get_key_value(bucket).await.unwrap();
    let young = "u.100000000000000077";
    bucket.put(young, "2".into()).await.unwrap();
    town.sql("INSERT INTO users (user_disc_id, privacy_level) VALUES ('100000000000000078', 2)")
        .await;
    town.signal(Part::Worker(1), Name::Term).await;
    town.restart(Part::Worker(1)).await;
    town.wait_until("who is missing is added", async || {
        let added = bucket.get("u.100000000000000078").await.unwrap();
        added.is_some()
    })
    .await;
    let repairs = "worker_privacy_repairs_total{repair=\"added\"}";
    town.wait_until("it is counted", async || {
        town.metric(Part::Worker(1), repairs).await > 0.5
    })
    .await;
    assert!(
        bucket.get(young).await.unwrap().is_some(),
        "somebody may be raising their level at this moment"
    );
    town.leave().await;
}
