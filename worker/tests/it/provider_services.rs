//! `/provider services`: every step of the panel.

use serde_json::Value;

use crate::panel::{assert_says, buttons, changed, filled, press_on, replaced};
use crate::setup::set_up;
use crate::world::{ALICE, World, run};

const KEY: &str = "sk-good-brave-search-1234";

async fn open(world: &mut World) -> Value {
    let answer = world.answer_to(run("provider services")).await;
    assert_eq!(answer["data"]["flags"], 64);
    answer["data"].clone()
}

async fn enter(world: &mut World, panel: &Value, button: &str, key: &str) -> Value {
    let form = world.answer_to(press_on(panel, button)).await;
    assert!(!form.to_string().contains("\"value\""), "prefilled: {form}");
    changed(world, filled(&form, &[("key", key)])).await
}

/// CMD-62.
#[tokio::test]
async fn a_key_is_set_tested_replaced_and_removed() {
    let mut world = World::start().await;
    assert_says(&open(&mut world).await, "not set up here yet");
    set_up(&mut world).await;
    let panel = open(&mut world).await;
    assert_says(&panel, "Brave Search: no key");
    let wrong = "sk-wrong-brave-0123456789";
    let refused = enter(&mut world, &panel, "Enter a key…", wrong).await;
    assert_says(&refused, "The key was refused.");
    assert_says(&refused, "Brave Search: no key");
    assert!(!refused.to_string().contains(wrong), "the key is shown");
    let saved = enter(&mut world, &refused, "Enter a key…", KEY).await;
    assert_says(&saved, "Brave Search: key ••••1234");
    assert!(!saved.to_string().contains(KEY), "the key is shown");
    let tested = changed(&mut world, press_on(&saved, "Test")).await;
    assert_says(&tested, "The key works");
    let other = enter(&mut world, &tested, "Replace…", "sk-good-brave-search-5678").await;
    assert_says(&other, "Brave Search: key ••••5678");

    let question = replaced(&mut world, press_on(&other, "Remove…")).await;
    let kept = replaced(&mut world, press_on(&question, "Keep")).await;
    assert_says(&kept, "Brave Search: key ••••5678");
    let removed = changed(&mut world, press_on(&question, "Remove")).await;
    assert_says(&removed, "Brave Search: no key");
    assert_eq!(buttons(&removed), ["Enter a key…"]);
    world.remove().await;
}

/// CMD-15.
#[tokio::test]
async fn what_somebody_else_entered_meanwhile_is_not_overwritten() {
    let mut world = World::start().await;
    set_up(&mut world).await;
    let mine = open(&mut world).await;
    let theirs = open(&mut world).await;
    let theirs = enter(&mut world, &theirs, "Enter a key…", KEY).await;
    let other = "sk-good-brave-search-5678";
    let told = enter(&mut world, &mine, "Enter a key…", other).await;
    assert_says(&told, "changed meanwhile, so nothing was done");
    assert_says(&told, "Brave Search: key ••••1234");
    let question = replaced(&mut world, press_on(&theirs, "Remove…")).await;
    enter(&mut world, &theirs, "Replace…", other).await;
    let told = changed(&mut world, press_on(&question, "Remove")).await;
    assert_says(&told, "changed meanwhile, so nothing was done");
    assert_says(&told, "Brave Search: key ••••5678");
    world.remove().await;
}

/// SEC-61, CMD-12.
#[tokio::test]
async fn every_step_asks_for_the_permission_anew() {
    let mut world = World::start().await;
    set_up(&mut world).await;
    let panel = open(&mut world).await;
    let mut demoted = press_on(&panel, "Enter a key…");
    demoted.member_permissions = 0;
    assert_says(&world.answer_to(demoted).await["data"], "Manage Server");
    let mut foreign = press_on(&panel, "Enter a key…");
    foreign.user_id = ALICE + 1;
    assert_says(&world.answer_to(foreign).await["data"], "somebody else");
    world.remove().await;
}
