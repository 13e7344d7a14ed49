//! Several workers share the channels; the death of one is not seen in the replies.

use dev::control::Name;
use dev::nats::Version;
use dev::part::Part;
use serde_json::json;

use crate::brokers::Brokers;
use crate::town::{Town, Trigger, Way, assert_each_answered_once};

const SERVERS: [&str; 5] = ["Amber", "Birch", "Cedar", "Dune", "Ember"];
const MESSAGES: usize = 40;

/// Forty messages of forty people on five servers, as fast as the sandbox takes them. Everybody
/// speaks once: who asks again while the answer is written interrupts it.
async fn talk(town: &Town) -> Vec<Trigger> {
    let mut triggers = Vec::with_capacity(MESSAGES);
    for (number, server) in (0..MESSAGES).zip(SERVERS.iter().cycle()) {
        let user = format!("user{number}");
        triggers.push(
            town.say(&user, server, &format!("what about number {number}?"))
                .await,
        );
    }
    triggers
}

async fn start() -> Town {
    let town = Town::start(3).await;
    for server in SERVERS {
        town.set_up(server).await;
    }
    town
}

/// CHAT-7, CHAT-105.
#[tokio::test]
async fn messages_shared_by_three_workers_are_each_answered_once_and_in_order() {
    let town = start().await;
    let triggers = talk(&town).await;
    let answers = town.answers(triggers).await;
    assert_each_answered_once(&answers, &town.posts().await);
    town.leave().await;
}

#[tokio::test]
async fn a_worker_killed_while_it_replies_loses_and_repeats_nothing() {
    let town = start().await;
    town.speak_slowly(40).await;
    let triggers = talk(&town).await;
    town.wait_for_posts(5).await;
    town.signal(Part::Worker(2), Name::Kill).await;
    let answers = town.answers(triggers).await;
    assert_each_answered_once(&answers, &town.posts().await);
    town.leave().await;
}

/// Kills a worker in the middle of many replies: others take its channels and its replies over.
async fn a_killed_worker_is_replaced(version: Version, servers: u16) {
    let brokers = Brokers::start(version, servers).await;
    let way = Way {
        nats_url: brokers.url(),
        ..Way::default()
    };
    let copies = servers.to_string();
    let town = Town::start_reaching(way, 2, &[("NATS_REPLICAS", &copies)]).await;
    for server in SERVERS {
        town.set_up(server).await;
    }
    town.speak_slowly(40).await;
    let triggers = talk(&town).await;
    town.wait_for_row("SELECT 1 FROM turn_posts WHERE state = 'sent'")
        .await;
    town.signal(Part::Worker(1), Name::Kill).await;
    let answers = town.answers(triggers).await;
    assert_each_answered_once(&answers, &town.posts().await);
    town.leave().await;
    brokers.leave().await;
}

#[tokio::test]
async fn takeover_with_the_oldest_broker() {
    a_killed_worker_is_replaced(Version::Oldest, 1).await;
}

#[tokio::test]
async fn takeover_with_a_cluster_of_three_newest_brokers() {
    a_killed_worker_is_replaced(Version::Newest, 3).await;
}

#[tokio::test]
async fn takeover_with_a_cluster_of_three_oldest_brokers() {
    a_killed_worker_is_replaced(Version::Oldest, 3).await;
}

/// DESIGN §6: what Discord tells one worker holds for all of them.
#[tokio::test]
async fn a_global_429_of_one_worker_stops_the_other() {
    const WAIT_MS: u64 = 6_000;
    let town = Town::start(2).await;
    for server in SERVERS {
        town.set_up(server).await;
    }
    town.break_posting(json!({
        "status": 429, "scope": "global", "retry_after_ms": WAIT_MS, "times": 1
    }))
    .await;
    let mut triggers = vec![town.say("user0", SERVERS[0], "hello").await];
    let is_told = async || {
        let sample = "discord_rate_limited_total{scope=\"global\"}";
        town.metric(Part::Worker(1), sample).await + town.metric(Part::Worker(2), sample).await
            > 0.5
    };
    town.wait_until("a worker is told to stop", is_told).await;
    // In as many channels as it takes for both workers to have one.
    for (number, server) in (1..).zip(&SERVERS[1..]) {
        let user = format!("user{number}");
        triggers.push(town.say(&user, server, "hello").await);
    }
    let opens_ms = triggers[0].id.parse::<u64>().unwrap() / (1 << 22) + WAIT_MS;
    let answers = town.answers(triggers).await;
    let posts = town.posts().await;
    assert_each_answered_once(&answers, &posts);
    for post in posts {
        let made_ms = post["message_id"].as_str().unwrap().parse::<u64>().unwrap() / (1 << 22);
        assert!(
            made_ms >= opens_ms,
            "{post}: {} ms early",
            opens_ms - made_ms
        );
    }
    town.leave().await;
}
