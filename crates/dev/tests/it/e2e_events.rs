//! Events that come too late or more than once, and what is known although no event told it.

use dev::control::Name;
use dev::part::Part;
use proto::id::MessageId;

use crate::stream::{Streams, bytes_of, direct_message};
use crate::town::{Answer, Town, Trigger, assert_each_answered_once};

/// Three minutes of a Discord id's time: a minute more than the age at which a message is stale.
const THREE_MINUTES: u64 = 180_000 << 22;

async fn answered(town: &Town, trigger: Trigger) -> Answer {
    let answers = town.answers(vec![trigger]).await;
    assert_each_answered_once(&answers, &town.posts().await);
    answers.into_iter().next().unwrap()
}

/// CHAT-9.
#[tokio::test]
async fn an_event_that_is_old_when_first_seen_is_recorded_and_not_answered() {
    let town = Town::start(1).await;
    let now = answered(&town, town.say_privately("alice", "hello").await).await;
    let message = town.message(&now.trigger.id).await;
    let id: u64 = now.trigger.id.parse().unwrap();
    let old = Trigger {
        id: (id - THREE_MINUTES).to_string(),
        channel: now.trigger.channel.clone(),
    };
    let posts = town.posts().await.len();
    let envelope = direct_message(&message, MessageId(id - THREE_MINUTES), "are you there?");
    let streams = Streams::of(&town).await;
    streams
        .publish(&old, Some(&envelope.event_id), bytes_of(&envelope))
        .await;
    let answer = town.answers(vec![old]).await.remove(0);
    assert_eq!(answer.record["code"], "stale", "{}", answer.record);
    assert_eq!(answer.record["turns"], serde_json::json!([]));
    assert_eq!(town.posts().await.len(), posts);
    town.leave().await;
}

#[tokio::test]
async fn an_admitted_trigger_is_not_stale_after_a_takeover() {
    // Less than a takeover takes: whoever judged the age again would answer nothing.
    let town = Town::start_with(2, &[("STALE_EVENT_MAX_AGE_MS", "5000")]).await;
    town.speak_slowly(40).await;
    let mut triggers = Vec::new();
    for server in ["Amber", "Birch", "Cedar"] {
        town.set_up(server).await;
        triggers.push(town.say("alice", server, "tell me something").await);
    }
    let setups = town.posts().await.len();
    town.wait_for_posts(setups + 1).await;
    for worker in [1, 2] {
        town.signal(Part::Worker(worker), Name::Kill).await;
    }
    town.restart(Part::Worker(1)).await;
    let answers = town.answers(triggers).await;
    assert_each_answered_once(&answers, &town.posts().await);
    town.leave().await;
}

/// CHAT-8.
#[tokio::test]
async fn an_event_that_comes_again_changes_nothing() {
    let town = Town::start(1).await;
    town.speak_slowly(20).await;
    let trigger = town.say_privately("alice", "once, please").await;
    let message = town.message(&trigger.id).await;
    let id = MessageId(trigger.id.parse().unwrap());
    let envelope = direct_message(&message, id, "once, please");
    let streams = Streams::of(&town).await;
    let replay = async |name| {
        streams.publish(&trigger, name, bytes_of(&envelope)).await;
    };
    // The stream knows the first one by its name, but not those that have another or none.
    replay(Some(&*envelope.event_id)).await;
    replay(None).await;
    let first = answered(&town, trigger.clone()).await;
    replay(None).await;
    replay(Some("mc:1")).await;
    // In the same channel, so all of the above was handled when this is answered.
    let last = town.say_privately("alice", "and again").await;
    let answers = town.answers(vec![first.trigger, last]).await;
    assert_each_answered_once(&answers, &town.posts().await);
    town.leave().await;
}

#[tokio::test]
async fn a_turn_that_nobody_was_told_of_is_found_in_its_row() {
    let town = Town::start(1).await;
    let first = answered(&town, town.say_privately("alice", "hello").await).await;
    // A second turn of the same message, as if the answer to its admission had been lost.
    town.sql(&format!(
        "INSERT INTO turns (server_id, channel_disc_id, partition, trigger_key, persona_ordinal,
                            trigger_message_id, trigger_kind, responsible_disc_id, persona_id,
                            paid_by)
         SELECT server_id, channel_disc_id, partition, trigger_key, 1,
                trigger_message_id, trigger_kind, responsible_disc_id, persona_id, paid_by
         FROM turns WHERE trigger_key = 'mc:{}'",
        first.trigger.id
    ))
    .await;
    let found = town.answers(vec![first.trigger]).await.remove(0);
    let turns = found.record["turns"].as_array().unwrap();
    assert_eq!(turns.len(), 2, "{}", found.record);
    assert_eq!(turns[1]["state"], "done", "{}", found.record);
    assert_eq!(found.posts().len(), town.posts().await.len());
    town.leave().await;
}

/// CHAT-105.
#[tokio::test]
async fn settings_whose_hint_was_lost_are_read_again() {
    let town = Town::start(1).await;
    answered(&town, town.say_privately("alice", "hello").await).await;
    let version = "SELECT max(settings_version) FROM servers";
    let before = town.sql(version).await;
    // Changed behind the worker's back.
    town.sql("UPDATE servers SET settings_version = settings_version + 1")
        .await;
    assert_ne!(town.sql(version).await, before);
    let trigger = town.say_privately("alice", "and now?").await;
    let answer = town.answers(vec![trigger]).await.remove(0);
    assert_eq!(answer.record["code"], "accepted", "{}", answer.record);
    town.leave().await;
}

/// CHAT-7.
#[tokio::test]
async fn a_new_worker_runs_the_turns_that_waited_at_the_old_one() {
    let town = Town::start(1).await;
    let servers = ["Amber", "Birch", "Cedar", "Dune", "Ember", "Fjord"];
    for server in servers {
        town.set_up(server).await;
    }
    // Slow enough for the second worker to start and take its share, on a busy machine too.
    town.speak_slowly(200).await;
    let mut triggers = Vec::new();
    for number in 0..3 {
        for server in servers {
            let words = format!("what about number {number}?");
            // Who asks again while the answer is written interrupts it.
            let user = format!("user{number}");
            triggers.push(town.say(&user, server, &words).await);
        }
    }
    town.wait_for_posts(1).await;
    town.restart(Part::Worker(2)).await;
    let answers = town.answers(triggers).await;
    assert_each_answered_once(&answers, &town.posts().await);
    let ran_by = |part: &str| {
        let begin = format!("{part}-");
        answers.iter().any(|answer| {
            let worker = answer.record["turns"][0]["worker"].as_str();
            worker.is_some_and(|worker| worker.starts_with(&begin))
        })
    };
    assert!(ran_by("worker-1"), "the new worker ran everything");
    assert!(ran_by("worker-2"), "the new worker ran nothing");
    town.leave().await;
}
