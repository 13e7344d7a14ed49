//! Who answers an interaction, and who may ask for what.

use prost::Message as _;
use proto::event::{InteractionOutcome, InteractionType};
use proto::id::InteractionId;
use proto::subject::InteractionClass;
use serde_json::json;

use crate::fake::TAKEN;
use crate::world::{World, interaction, new_id, press, run};

/// Discord's flag for messages that only the asker sees.
const EPHEMERAL: u64 = 64;

/// CMD-27.
#[tokio::test]
async fn ping_is_answered_to_the_asker_alone() {
    let mut world = World::start().await;
    let answer = world.answer_to(run("tool ping")).await;
    assert_eq!(
        (&answer["type"], &answer["data"]["flags"]),
        (&json!(4), &json!(EPHEMERAL))
    );
    assert_eq!(answer["data"]["allowed_mentions"], json!({"parse": []}));
    assert!(
        answer["data"]["content"]
            .as_str()
            .unwrap()
            .starts_with("Pong! Discord to gateway: ")
    );
    world.remove().await;
}

/// CMD-2.
#[tokio::test]
async fn an_interaction_that_somebody_else_has_answered_is_not_mine() {
    let mut world = World::start().await;
    let mut taken = run("tool ping");
    taken.token = TAKEN.to_owned();
    assert_eq!(world.ask(taken).await, InteractionOutcome::NotMine);
    world.remove().await;
}

/// CMD-3.
#[tokio::test]
async fn an_interaction_that_is_too_old_is_given_up_silently() {
    let mut world = World::start().await;
    let mut old = run("tool ping");
    old.interaction_id = InteractionId(new_id().0 - (5_000 << 22)).0;
    old.token = world.token();
    let subject = world.names.interaction(InteractionClass::Fast);
    world
        .nats
        .publish(subject, old.encode_to_vec().into())
        .await
        .unwrap();
    // The first answer that Discord sees is the next one's.
    let answer = world.answer_to(run("tool ping")).await;
    assert_eq!(answer["type"], 4);
    world.remove().await;
}

#[tokio::test]
async fn garbage_is_survived() {
    let mut world = World::start().await;
    let subject = world.names.interaction(InteractionClass::Modal);
    world
        .nats
        .publish(subject, "\u{0}not protobuf".into())
        .await
        .unwrap();
    for (asked, said) in [
        (run("no such command"), "do not know this command"),
        (run(""), "do not know this command"),
        (press("no such component"), "does not work any more"),
        (
            interaction(InteractionType::Modal),
            "does not work any more",
        ),
    ] {
        let answer = world.answer_to(asked).await;
        let content = answer["data"]["content"].as_str().unwrap();
        assert!(content.contains(said), "{content}");
        assert_eq!(answer["data"]["flags"], EPHEMERAL);
    }
    world.remove().await;
}

/// CMD-6, CMD-17.
#[tokio::test]
async fn members_without_the_permission_cannot_set_up() {
    let mut world = World::start().await;
    let mut asked = run("setup");
    asked.member_permissions = 0;
    let answer = world.answer_to(asked).await;
    assert!(
        answer["data"]["content"]
            .as_str()
            .unwrap()
            .contains("Manage Server")
    );
    assert_eq!(answer["data"]["components"], json!([]));
    world.remove().await;
}
