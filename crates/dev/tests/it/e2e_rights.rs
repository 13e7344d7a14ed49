//! The whole product at the broker of a deployment: everybody has the rights they need, and the broker refuses nothing.

use async_nats::jetstream;
use dev::control::Name;
use dev::nats::Version;
use dev::part::Part;
use serde_json::json;

use crate::deploy::guarded::{Guarded, Role};
use crate::town::{Town, Way, assert_each_answered_once};

const FIRST: Part = Part::Worker(1);
const SECOND: Part = Part::Worker(2);

#[tokio::test]
async fn everything_works_with_the_rights_of_a_deployment_on_the_newest_server() {
    works(Version::Newest).await;
}

#[tokio::test]
async fn everything_works_with_the_rights_of_a_deployment_on_the_oldest_server() {
    works(Version::Oldest).await;
}

async fn works(version: Version) {
    let mut broker = Guarded::start(version).await;
    let way = Way {
        nats_url: broker.url(),
        guard: Some(broker.secrets().to_path_buf()),
        ..Way::default()
    };
    let town = Town::start_reaching(way, 2, &[]).await;
    town.set_up("Amber").await;
    assert_eq!(town.is_ready(Part::Gateway, "gateway").await, 0);
    assert_eq!(town.is_ready(FIRST, "worker").await, 0);
    messages_and_commands(&town).await;
    opting_out(&town).await;
    deaths(&town).await;
    dead_letters(&town, &broker).await;
    // Whoever follows a bucket makes a new consumer after a break.
    broker.start_servers().await;
    for part in [Part::Gateway, FIRST, SECOND] {
        town.wait_for_ready(part).await;
    }
    let said = town.say("alice", "Amber", "say exactly: back again").await;
    let answers = town.answers(vec![said]).await;
    assert_eq!(answers[0].record["turns"][0]["state"], "done");
    town.leave().await;
    assert_eq!(broker.violations(), Vec::<String>::new());
}

/// Events, and jobs with what was typed: two workers ask each other for it.
async fn messages_and_commands(town: &Town) {
    let said = town.say("alice", "Amber", "say exactly: hello").await;
    let answers = town.answers(vec![said]).await;
    assert_each_answered_once(&answers, &town.posts().await);
    let ended = "SELECT 1 FROM turns WHERE trigger_kind = 'command' AND ended_at IS NOT NULL HAVING count(*) = ";
    for time in 1..=4 {
        let line = "/bot respond prompt:say exactly: as you wish";
        let told = town.command("bob", "Amber", line).await;
        assert!(told.contains("asked to reply"), "{told}");
        town.wait_for_row(&format!("{ended}{time}")).await;
    }
    assert!(!town.command("bob", "Amber", "/tool ping").await.is_empty());
}

/// Keys of the privacy bucket come and go, and its gateway says that it knows.
async fn opting_out(town: &Town) {
    for level in ["2", "0"] {
        let told = town
            .fill("carol", "Sandbox", "/personal privacy", &[("level", level)])
            .await;
        assert!(told.starts_with("Saved"), "{told}");
    }
}

/// A worker that dies is judged and its partitions are taken; a gateway that dies resumes.
async fn deaths(town: &Town) {
    town.speak_slowly(20).await;
    let long = town.say("alice", "Amber", "a long answer please").await;
    town.wait_for_row("SELECT 1 FROM turn_posts WHERE state = 'sent'")
        .await;
    town.signal(FIRST, Name::Kill).await;
    town.restart(FIRST).await;
    town.signal(SECOND, Name::Term).await;
    town.restart(SECOND).await;
    let after = town.say("alice", "Amber", "say exactly: still here").await;
    for answer in town.answers(vec![long, after]).await {
        assert_eq!(answer.record["code"], "accepted");
    }
    for name in [Name::Kill, Name::Term] {
        town.signal(Part::Gateway, name).await;
        assert_eq!(town.is_ready(Part::Gateway, "gateway").await, 1);
        town.restart(Part::Gateway).await;
        let said = town.say("alice", "Amber", "say exactly: and here").await;
        let answers = town.answers(vec![said]).await;
        assert_eq!(answers[0].record["turns"][0]["state"], "done");
    }
}

/// An event that nobody can read is recorded by a worker, and an operator settles it.
async fn dead_letters(town: &Town, broker: &Guarded) {
    let context = jetstream::new(broker.login(Role::Gateway).await);
    let mut headers = async_nats::HeaderMap::new();
    headers.insert("Nats-Msg-Id", "mc:77");
    let subject = "tomori.ev.3.message_create";
    let sent = context.publish_with_headers(subject, headers, "\u{7f}".into());
    sent.await.unwrap().await.unwrap();
    let is_given_up = async || {
        let (code, listing) = town.operate(&["dead-letters", "list"]).await;
        assert_eq!(code, 0, "{listing}");
        listing["dead_letters"].as_array().unwrap().len() == 1
    };
    town.wait_until("a record of the event", is_given_up).await;
    let (code, answer) = town.operate(&["dead-letters", "drop", "mc:77"]).await;
    assert_eq!((code, &answer["outcome"]), (0, &json!("dropped")));
}
