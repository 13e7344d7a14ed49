//! `/server data delete`: what is stored about a server is told, deleted, and gone everywhere.

use proto::event::Interaction;
use serde_json::Value;

use crate::fake::SERVER;
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

/// Does what deletes; returns the answer and the direct message.
async fn receipts(world: &mut World, doing: Interaction) -> [Value; 2] {
    let done = changed(world, doing).await;
    loop {
        let call = world.fake.next_call().await;
        if call.kind == "message" && call.token == ALICE.to_string() {
            return [done, call.body];
        }
    }
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
    for wrong in ["delete", "DELETE SERVER DATA"] {
        let wrong = by_administrator(filled(&form, &[("proof", wrong)]));
        let told = replaced(&mut world, wrong).await;
        assert_says(
            &told,
            "That is not the name of this server. Nothing was deleted.",
        );
    }
    let left = "SELECT count(*)::int FROM servers";
    assert_eq!(world.read_i32(left).await, Some(1));

    let right = by_administrator(filled(&form, &[("proof", SERVER)]));
    for receipt in receipts(&mut world, right).await {
        assert_says(
            &receipt,
            "**Everything of the server `Tea House` is deleted.**",
        );
        assert_says(&receipt, "memories: 1");
    }
    assert_eq!(world.read_i32(left).await, Some(0));
    let told = world.answer_to(run("memory server add")).await;
    assert_says(&told["data"], "I am not set up here yet");
    world.remove().await;
}

/// PRIV-68: a part of it goes, and the rest goes on.
#[tokio::test]
async fn memories_alone_and_personas_alone_are_deleted() {
    let mut world = World::start().await;
    set_up(&mut world).await;
    let form = world.answer_to(run("memory server add")).await;
    world
        .answer_to(filled(&form, &[("memory", "we meet on Fridays")]))
        .await;
    assert_says(&world.fake.next_call().await.body, "I will remember");

    for (label, told, held) in [
        (
            "Delete memories only…",
            "**Everything that I remembered of the server `Tea House` is deleted.**",
            "memories: 1",
        ),
        (
            "Delete personas only…",
            "**All personas of the server `Tea House` are deleted.**",
            "personas: 1",
        ),
    ] {
        let panel = ask(&mut world, run("server data delete")).await;
        let form = ask(&mut world, press_on(&panel["data"], label)).await;
        let right = by_administrator(filled(&form, &[("proof", SERVER)]));
        for receipt in receipts(&mut world, right).await {
            assert_says(&receipt, told);
            assert_says(&receipt, held);
        }
    }
    let left = "SELECT count(*)::int FROM server_memories";
    assert_eq!(world.read_i32(left).await, Some(0));
    let personas = "SELECT count(*)::int FROM personas WHERE nickname = 'Tomori'";
    assert_eq!(world.read_i32(personas).await, Some(1));
    let form = world.answer_to(run("memory server add")).await;
    assert_eq!(form["type"], 9, "it is set up as before: {form}");
    world.remove().await;
}
