//! `/server data delete`: what is stored about a server is told, deleted, and gone everywhere.

use proto::event::Interaction;
use serde_json::Value;

use crate::panel::{assert_says, changed, filled, press_on, replaced};
use crate::setup::set_up;
use crate::world::{ALICE, World, run};

/// Discord's bit for administrators; owners have it.
const ADMINISTRATOR: u64 = 1 << 3;

fn by_administrator(interaction: Interaction) -> Interaction {
    Interaction {
        member_permissions: ADMINISTRATOR,
        ..interaction
    }
}

async fn ask(world: &mut World, interaction: Interaction) -> Value {
    world.answer_to(by_administrator(interaction)).await
}

/// PRIV-68, CMD-77: who may, what has to be typed, the receipt, and that the bot is as new.
#[tokio::test]
async fn everything_of_a_server_is_deleted_and_a_receipt_is_given() {
    let mut world = World::start().await;
    set_up(&mut world).await;
    let form = world.answer_to(run("memory server add")).await;
    world
        .answer_to(filled(&form, &[("memory", "we meet on Fridays")]))
        .await;
    assert_says(&world.fake.next_call().await.body, "I will remember");

    let told = world.answer_to(run("server data delete")).await;
    assert_says(&told["data"], "the permission \"Administrator\"");
    let panel = ask(&mut world, run("server data delete")).await;
    assert_says(&panel["data"], "memories: 1");
    let button = press_on(&panel["data"], "Delete everything…");
    let told = world.answer_to(button.clone()).await;
    assert_says(&told["data"], "the permission \"Administrator\"");
    let form = ask(&mut world, button).await;
    let wrong = by_administrator(filled(&form, &[("phrase", "delete")]));
    let told = replaced(&mut world, wrong).await;
    assert_says(&told, "That was not the phrase. Nothing was deleted.");
    let left = "SELECT count(*)::int FROM servers";
    assert_eq!(world.read_i32(left).await, Some(1));

    let right = by_administrator(filled(&form, &[("phrase", "DELETE SERVER DATA")]));
    let done = changed(&mut world, right).await;
    let direct = loop {
        let call = world.fake.next_call().await;
        if call.kind == "message" && call.token == ALICE.to_string() {
            break call.body;
        }
    };
    for receipt in [&done, &direct] {
        assert_says(receipt, "**Everything of the server is deleted.**");
        assert_says(receipt, "memories: 1");
    }
    assert_eq!(world.read_i32(left).await, Some(0));
    let told = world.answer_to(run("memory server add")).await;
    assert_says(&told["data"], "I am not set up here yet");
    world.remove().await;
}
