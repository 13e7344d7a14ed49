//! The database goes away for a while: the workers stay, and messages wait or grow too old.

use dev::part::Part;
use serde_json::json;
use tokio::time::{Duration, Instant, sleep};

use crate::road::Road;
use crate::town::{Town, Trigger, Way, assert_each_answered_once, database_server};

const WORKERS: [Part; 2] = [Part::Worker(1), Part::Worker(2)];
/// Enough that each worker has channels of some of them.
const SERVERS: [&str; 6] = ["Amber", "Birch", "Cedar", "Dune", "Ember", "Fjord"];

/// How old a message may be that is still answered.
const STALE_AFTER_MS: &str = "15000";
/// Heartbeats, four each second, that make a message older than that.
const UNTIL_STALE: f64 = 72.0;
/// Heartbeats after which all that was said has reached the workers, and is still young.
const A_MOMENT: f64 = 12.0;
/// Longest wait for those heartbeats on a busy machine.
const BEATS_WAIT: Duration = Duration::from_mins(1);

const BEATS: &str = "worker_heartbeats_total{outcome=\"acknowledged\"}";
/// What stays as it is when a worker neither stalls nor loses its partitions.
const HELD: [&str; 6] = [
    "worker_partitions_owned",
    "worker_partition_changes_total{change=\"won\"}",
    "worker_partition_changes_total{change=\"given_away\"}",
    "worker_partition_changes_total{change=\"broken\"}",
    "worker_heartbeats_total{outcome=\"withheld\"}",
    "worker_panics_total",
];

/// How the workers stand at a moment.
struct Standing {
    /// The samples of [`HELD`].
    held: Vec<String>,
    beats: Vec<f64>,
}

impl Standing {
    async fn of(town: &Town) -> Self {
        let (mut held, mut beats) = (Vec::new(), Vec::new());
        for worker in WORKERS {
            let samples = town.metrics(worker).await;
            let value = |name: &str| samples.get(name).copied().unwrap_or_default();
            held.extend(HELD.map(|name| format!("{worker} {name} {}", value(name))));
            beats.push(value(BEATS));
        }
        Self { held, beats }
    }

    fn is_later_by(&self, beats: f64, earlier: &Self) -> bool {
        let mut pairs = self.beats.iter().zip(&earlier.beats);
        pairs.all(|(now, then)| now - then >= beats)
    }
}

/// Waits until the partitions have found their owners.
async fn settled(town: &Town) -> Vec<String> {
    let give_up = Instant::now() + BEATS_WAIT;
    let mut since = Standing::of(town).await;
    loop {
        let now = Standing::of(town).await;
        if now.held != since.held {
            since = now;
        } else if now.is_later_by(A_MOMENT, &since) {
            return since.held;
        }
        assert!(Instant::now() < give_up, "{:?}", since.held);
        sleep(Duration::from_millis(100)).await;
    }
}

/// Lets each worker go on for so many heartbeats, during which it has to keep what it holds.
async fn pass(town: &Town, held: &[String], beats: f64) {
    let give_up = Instant::now() + BEATS_WAIT;
    let since = Standing::of(town).await;
    loop {
        let now = Standing::of(town).await;
        assert_eq!(now.held, held);
        if now.is_later_by(beats, &since) {
            return;
        }
        assert!(Instant::now() < give_up, "{:?}", now.beats);
        sleep(Duration::from_millis(100)).await;
    }
}

async fn say_on(town: &Town, servers: &[&str], text: &str) -> Vec<Trigger> {
    let mut triggers = Vec::new();
    for server in servers {
        triggers.push(town.say("alice", server, text).await);
    }
    triggers
}

async fn assert_live_and_not_ready(town: &Town) {
    for worker in WORKERS {
        assert_eq!(town.ask(worker, "livez").await.0, 200);
        let (status, body) = town.ask(worker, "readyz").await;
        assert_eq!(status, 503, "{body}");
        assert!(body.contains("\"failing\":[\"database\"]"), "{body}");
    }
}

#[tokio::test]
async fn while_the_database_is_away_workers_keep_their_channels_and_young_messages_wait() {
    let road = Road::to_database(&database_server()).await;
    let settings = [("STALE_EVENT_MAX_AGE_MS", STALE_AFTER_MS)];
    let way = Way {
        database: road.way(database_server()),
        ..Way::default()
    };
    let town = Town::start_reaching(way, 2, &settings).await;
    for server in SERVERS {
        town.set_up(server).await;
    }
    // The settings of some servers are remembered, those of the others are not.
    let greetings = say_on(&town, &SERVERS[..3], "hello").await;
    let mut answers = town.answers(greetings).await;
    let posts = town.posts().await;
    let held = settled(&town).await;
    let alive = town.alive();

    road.cut();
    let old = say_on(&town, &SERVERS, "is anybody there?").await;
    pass(&town, &held, UNTIL_STALE).await;
    let young = say_on(&town, &SERVERS, "and now?").await;
    pass(&town, &held, A_MOMENT).await;
    assert_live_and_not_ready(&town).await;
    assert_eq!(town.posts().await, posts);
    road.mend();

    answers.extend(town.answers(young).await);
    for answer in town.answers(old).await {
        assert_eq!(answer.record["code"], "stale", "{}", answer.record);
        assert_eq!(answer.record["turns"], json!([]), "{}", answer.record);
    }
    assert_each_answered_once(&answers, &town.posts().await);
    assert_eq!(Standing::of(&town).await.held, held);
    assert_eq!(town.alive(), alive);
    let (_, listing) = town.operate(&["dead-letters", "list"]).await;
    assert_eq!(listing["dead_letters"], json!([]));
    town.leave().await;
}
