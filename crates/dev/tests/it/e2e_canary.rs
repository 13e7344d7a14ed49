//! Canaries: words of one person that occur nowhere else, and the search for them in everything that
//! is stored, written and asked. The broker's store is neither encrypted nor compressed here, and for
//! half of the time nobody takes events from it, so that nothing is gone only because it was taken.

use std::collections::BTreeSet;
use std::path::PathBuf;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use dev::control::Name;
use dev::part::Part;
use dev::traces;
use serde_json::{Value, json};

use crate::town::{Town, Trigger, home};

/// Messages of the person who is looked for.
const MESSAGES: usize = 500;

/// One town in which carol speaks and others do.
struct Aviary {
    town: Town,
    /// What stands in every word of carol's, and nowhere else.
    canary: String,
    spoken: usize,
    /// Something that bob said.
    of_bob: Trigger,
}

impl Aviary {
    async fn open(level: &str) -> Self {
        let town = Town::start(1).await;
        town.set_up("Amber").await;
        let fields = [("level", level)];
        town.fill("carol", "Amber", "/personal privacy", &fields)
            .await;
        let thread = json!({
            "user": "bob", "server": "Amber", "channel": "general", "name": "aside",
        });
        town.tell("threads", &thread).await;
        let of_bob = town.mutter("bob", "Amber", "good morning").await;
        Self {
            town,
            canary: format!("kanarienvogel{:016x}", rand::random::<u64>()),
            spoken: 0,
            of_bob,
        }
    }

    /// Says something on the server; `more` says what, and where if not in the usual channel.
    async fn say(&self, user: &str, more: Value) -> Trigger {
        let mut body = json!({"user": user, "server": "Amber", "channel": "general"});
        let more = more.as_object().unwrap().clone();
        body.as_object_mut().unwrap().extend(more);
        self.town.post(&body).await
    }

    /// Lets carol say the next thing, each time in another way.
    async fn speak(&mut self) -> Trigger {
        self.spoken += 1;
        // What JSON may write otherwise stands around the letters that it leaves alone.
        let word = format!("„ö{}n{}\"", self.canary, self.spoken);
        match self.spoken % 9 {
            0 => {
                let body = json!({"user": "carol", "dm": true, "content": word});
                self.town.post(&body).await
            }
            1 => {
                let there = json!({"channel": "aside", "content": word});
                self.say("carol", there).await
            }
            2 => {
                let answer = json!({"content": word, "reply_to": self.of_bob.id});
                self.say("carol", answer).await
            }
            3 => {
                let said = self.say("carol", json!({"content": "hm"})).await;
                self.town.edit(&said, &word).await;
                said
            }
            4 => {
                let name = format!("{}n{}.txt", self.canary, self.spoken);
                let data = BASE64_STANDARD.encode(&word);
                let file = json!({"name": name, "content_type": "text/plain", "data": data});
                self.say("carol", json!({"attachments": [file]})).await
            }
            5 => {
                let answers = [json!({"poll_media": {"text": word}})];
                let poll = json!({"question": {"text": word}, "answers": answers});
                self.say("carol", json!({"poll": poll})).await
            }
            6 => {
                let embed = json!({"title": word, "description": word});
                self.say("carol", json!({"content": "look", "embeds": [embed]}))
                    .await
            }
            7 if self.spoken % 63 == 7 => {
                let asking = json!({"content": word, "address": true});
                self.say("carol", asking).await
            }
            _ => self.say("carol", json!({"content": word})).await,
        }
    }

    /// What others do with what carol said: answer, quote, show it elsewhere, react, go on about it.
    async fn take_up(&self, said: &Trigger) {
        let answer = json!({
            "content": "indeed", "channel_id": said.channel, "reply_to": said.id,
        });
        self.say("bob", answer).await;
        self.say("alice", forward(said)).await;
        let reaction = json!({
            "user": "bob", "channel_id": said.channel, "message_id": said.id, "emoji": "👍",
        });
        self.town.tell("reactions", &reaction).await;
        if self.spoken % 9 == 1 {
            // It is in a thread already.
            return;
        }
        let thread = json!({
            "user": "bob", "server": "Amber", "channel": "general",
            "name": format!("about it {}", self.spoken), "message_id": said.id,
        });
        self.town.tell("threads", &thread).await;
    }

    /// Lets carol speak half of the time; now and then others take it up in the same channel.
    async fn chat(&mut self) {
        for _ in 0..MESSAGES / 2 {
            let said = self.speak().await;
            // Each way of saying something comes up, direct messages aside: nobody else sees those.
            if self.spoken % 17 == 8 && !self.spoken.is_multiple_of(9) {
                self.take_up(&said).await;
            }
        }
    }

    /// Lets bob talk with the bot about what was said last.
    async fn ask(&mut self) {
        let said = self.say("carol", json!({"content": self.canary})).await;
        self.take_up(&said).await;
        let about = json!({"content": "what was that?", "reply_to": said.id, "address": true});
        let asked = vec![
            self.say("bob", about).await,
            self.town.say("bob", "Amber", "say exactly: go on").await,
        ];
        self.town.answers(asked).await;
    }

    /// Waits until everything that was said so far has left the gateway and is in the store.
    async fn is_stored(&self) {
        let beacon = format!("leuchtturm{:016x}", rand::random::<u64>());
        self.town.mutter("alice", "Amber", &beacon).await;
        let words = BTreeSet::from([beacon]);
        let store = home().join("servers/nats");
        let town = &self.town;
        town.wait_until("the last word is in the store", async || {
            let found = traces::files_with(&words, &store).await.unwrap();
            !found.is_empty()
        })
        .await;
        town.wait_until("the gateway has nothing left", async || {
            let metrics = town.metrics(Part::Gateway).await;
            metrics["gateway_publish_in_flight"] < 0.5 && metrics["gateway_spool_bytes"] < 0.5
        })
        .await;
    }

    /// The files of the database, the broker and all processes in which a canary stands.
    async fn traces(&self) -> Vec<PathBuf> {
        self.town.sql("CHECKPOINT").await;
        let words = BTreeSet::from([self.canary.clone()]);
        let servers = home().join("servers");
        let mut found = traces::files_with(&words, &servers).await.unwrap();
        let own = traces::files_with(&words, self.town.folder()).await;
        found.extend(own.unwrap());
        found
    }

    /// Whether the model was ever sent a canary.
    async fn is_known_to_the_model(&self) -> bool {
        let calls = self.town.look("model/calls").await;
        assert!(
            calls.as_array().unwrap().len() < 200,
            "older calls are lost"
        );
        calls.to_string().contains(&self.canary)
    }

    /// Chats with a worker, then without one, and returns where canaries stand meanwhile.
    async fn live(&mut self) -> Vec<PathBuf> {
        self.chat().await;
        self.ask().await;
        self.town.signal(Part::Worker(1), Name::Term).await;
        self.chat().await;
        self.is_stored().await;
        let stored = self.traces().await;
        // Who knows nothing reads from Discord what was said before.
        self.town.restart(Part::Worker(1)).await;
        self.ask().await;
        self.town
            .wait_until("every turn is over", async || {
                let open = "SELECT 1 FROM turns WHERE ended_at IS NULL";
                self.town.sql(open).await.trim().is_empty()
            })
            .await;
        stored
    }
}

fn forward(said: &Trigger) -> Value {
    json!({"forward": {"channel_id": said.channel, "message_id": said.id}})
}

/// PRIV-5, PRIV-7, PRIV-25
#[tokio::test]
async fn e2e_canary_of_somebody_who_opted_out_is_nowhere() {
    let mut aviary = Aviary::open("2").await;
    let stored = aviary.live().await;
    assert!(stored.is_empty(), "while nobody took events: {stored:?}");
    let stored = aviary.traces().await;
    assert!(stored.is_empty(), "{stored:?}");
    assert!(!aviary.is_known_to_the_model().await);
    let town = aviary.town;
    for part in [Part::Gateway, Part::Worker(1)] {
        let (_, metrics) = town.ask(part, "metrics").await;
        assert!(!metrics.contains(&aviary.canary), "{part:?}");
    }
    let dropped = town
        .metric(Part::Gateway, "gateway_privacy_dropped_total")
        .await;
    assert!(dropped >= 500.0, "of all that was said {dropped} came");
    town.leave().await;
}

/// PRIV-73, PRIV-78. The same search finds what it looks for where that is.
#[tokio::test]
async fn e2e_canary_of_somebody_who_is_heard_is_in_the_stream_and_at_the_model_and_nowhere_else() {
    let mut aviary = Aviary::open("0").await;
    let stored = aviary.live().await;
    let (_, prefix) = aviary.town.broker();
    let events = format!("{prefix}_EVENTS");
    let is_event = |file: &PathBuf| file.components().any(|part| part.as_os_str() == &*events);
    assert!(stored.iter().any(is_event), "{stored:?}");
    let elsewhere: Vec<_> = stored.iter().filter(|file| !is_event(file)).collect();
    assert!(elsewhere.is_empty(), "PRIV-73, PRIV-78: {elsewhere:?}");
    assert!(aviary.is_known_to_the_model().await);
    let question = aviary.town.look("model/calls").await.to_string();
    let shown = format!("[forwarded message: {}", aviary.canary);
    assert!(question.contains(&shown));
    aviary.town.leave().await;
}
