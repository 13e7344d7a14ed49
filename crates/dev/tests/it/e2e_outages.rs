//! Broker and database are both away: what starts waits for them, what ends does not.

use dev::control::Name;
use dev::part::Part;
use tokio::time::{Duration, Instant};

use crate::road::Road;
use crate::town::{Town, Way, assert_each_answered_once, broker_url, database_server};

const WORKER: Part = Part::Worker(1);

/// What a worker is told to take for its running turns, in milliseconds.
const DRAIN_MS: u64 = 2_000;
/// What it may take besides, whatever is away, and what a busy machine may add.
const AFTER_DRAIN: Duration = Duration::from_secs(6 + 4);

/// The roads to both servers.
struct Roads {
    database: Road,
    broker: Road,
}

impl Roads {
    async fn lay() -> Self {
        let broker = broker_url();
        Self {
            database: Road::to_database(&database_server()).await,
            broker: Road::to(broker.trim_start_matches("nats://").to_owned()).await,
        }
    }

    fn way(&self) -> Way {
        Way {
            database: self.database.way(database_server()),
            nats_url: self.broker.url(),
            guard: None,
        }
    }

    fn cut(&self) {
        self.database.cut();
        self.broker.cut();
    }

    fn mend(&self) {
        self.database.mend();
        self.broker.mend();
    }
}

async fn assert_live_and_waiting_for(town: &Town, part: Part, failing: &str) {
    assert_eq!(town.ask(part, "livez").await.0, 200);
    let (status, body) = town.ask(part, "readyz").await;
    assert_eq!(status, 503, "{body}");
    assert!(body.contains(&format!("\"failing\":[{failing}]")), "{body}");
}

#[tokio::test]
async fn what_starts_before_its_servers_waits_for_them_and_goes_on() {
    let roads = Roads::lay().await;
    let town = Town::start_reaching(roads.way(), 1, &[]).await;
    town.set_up("Amber").await;
    for part in [WORKER, Part::Gateway] {
        town.signal(part, Name::Kill).await;
    }
    roads.cut();
    town.launch(WORKER).await;
    town.launch(Part::Gateway).await;
    town.wait_for_log(WORKER, "waiting for the database").await;
    town.wait_for_log(Part::Gateway, "waiting for NATS").await;
    assert_live_and_waiting_for(&town, WORKER, "\"accepting\",\"database\",\"nats\"").await;
    assert_live_and_waiting_for(&town, Part::Gateway, "\"door\",\"shards\"").await;

    roads.database.mend();
    town.wait_for_log(WORKER, "waiting for NATS").await;
    assert_live_and_waiting_for(&town, WORKER, "\"accepting\",\"nats\"").await;
    roads.broker.mend();
    for part in [WORKER, Part::Gateway] {
        town.wait_for_ready(part).await;
        let log = town.logged(part);
        assert_eq!(log.matches("waiting for NATS").count(), 1, "{log}");
    }
    let trigger = town.say("alice", "Amber", "is everybody back?").await;
    let answers = town.answers(vec![trigger]).await;
    assert_each_answered_once(&answers, &town.posts().await);
    town.leave().await;
}

#[tokio::test]
async fn a_worker_that_waits_for_its_servers_ends_at_once_when_it_is_told_to() {
    let roads = Roads::lay().await;
    let town = Town::start_reaching(roads.way(), 1, &[]).await;
    town.signal(WORKER, Name::Kill).await;
    roads.cut();
    town.launch(WORKER).await;
    town.wait_for_log(WORKER, "waiting for the database").await;
    let told = Instant::now();
    town.signal(WORKER, Name::Term).await;
    assert!(told.elapsed() < AFTER_DRAIN, "{:?}", told.elapsed());
    roads.mend();
    town.leave().await;
}

/// CHAT-49: the drain is bounded, and what it leaves behind is taken over.
#[tokio::test]
async fn a_worker_ends_in_time_while_broker_and_database_are_away_and_its_reply_goes_on() {
    let roads = Roads::lay().await;
    let drain_ms = DRAIN_MS.to_string();
    let settings = [("DRAIN_TIMEOUT_MS", &*drain_ms)];
    let town = Town::start_reaching(roads.way(), 1, &settings).await;
    town.set_up("Amber").await;
    town.speak_slowly(40).await;
    let trigger = town.say("alice", "Amber", "a long answer please").await;
    town.wait_for_row("SELECT 1 FROM turn_posts WHERE state = 'sent'")
        .await;
    roads.cut();
    let told = Instant::now();
    town.signal(WORKER, Name::Term).await;
    let limit = Duration::from_millis(DRAIN_MS) + AFTER_DRAIN;
    assert!(told.elapsed() < limit, "{:?}", told.elapsed());
    roads.mend();
    town.restart(WORKER).await;
    let answers = town.answers(vec![trigger]).await;
    assert_each_answered_once(&answers, &town.posts().await);
    town.leave().await;
}
