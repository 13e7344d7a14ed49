//! `/personal provider`: every step of the panel.

use proto::event::Interaction;
use serde_json::Value;

use crate::fake::{BROKE_KEY, GOOD_KEY};
use crate::panel::{
    assert_says, buttons, changed, choose, choose_labelled, filled, press_on, replaced,
};
use crate::world::{ALICE, World, run};

const OTHER_KEY: &str = "sk-good-of-my-own-0123-wxyz";

async fn open(world: &mut World) -> Value {
    let answer = world.answer_to(run("personal provider")).await;
    assert_eq!(answer["data"]["flags"], 64);
    answer["data"].clone()
}

async fn enter(world: &mut World, panel: &Value, key: &str, model: &str) -> Value {
    let form = world
        .answer_to(choose(panel, "Enter a key", "openai"))
        .await;
    changed(world, filled(&form, &[("key", key), ("model", model)])).await
}

async fn look(world: &mut World, panel: &Value) -> Value {
    replaced(world, choose_labelled(panel, "Look at a key", "OpenAI")).await
}

/// PRIV-4: whoever only looks leaves no trace.
#[tokio::test]
async fn a_key_is_saved_after_its_model_has_answered() {
    let mut world = World::start().await;
    let panel = open(&mut world).await;
    assert_says(&panel, "You have none.");
    for (key, model, said) in [
        ("sk-wrong-0123456789abcd", "", "The key was refused."),
        (BROKE_KEY, "", "no credit left"),
        ("not a key", "", "does not look like a key"),
        (GOOD_KEY, "no model", "does not look like a model"),
    ] {
        let refused = enter(&mut world, &panel, key, model).await;
        assert_says(&refused, said);
        assert_says(&refused, "You have none.");
        assert!(!refused.to_string().contains(key), "the key is shown");
        let again = world
            .answer_to(press_on(&refused, "Try again with OpenAI"))
            .await;
        assert_eq!(again["type"], 9);
    }
    let users = world.read_i32("SELECT count(*)::int FROM users").await;
    assert_eq!(users, Some(0));

    let saved = enter(&mut world, &panel, GOOD_KEY, "").await;
    assert_says(&saved, "in use from now on");
    assert_says(&saved, "OpenAI: key ••••abcd, model `gpt-4.1-mini`");
    assert!(!saved.to_string().contains(GOOD_KEY), "the key is shown");
    world.remove().await;
}

#[tokio::test]
async fn a_model_is_chosen_or_typed() {
    let mut world = World::start().await;
    let panel = open(&mut world).await;
    let panel = enter(&mut world, &panel, GOOD_KEY, "typed-at-first").await;
    let key = look(&mut world, &panel).await;
    assert_says(&key, "Model: `typed-at-first`");
    let models = changed(&mut world, press_on(&key, "Choose a model")).await;
    assert_says(&models, "OpenAI names 1 models");
    let chosen = choose(&models, "Choose a model", "gpt-4.1-mini");
    let key = changed(&mut world, chosen).await;
    assert_says(&key, "The model answered");
    assert_says(&key, "Model: `gpt-4.1-mini`");
    let form = world.answer_to(press_on(&key, "Type a model…")).await;
    assert!(
        form.to_string().contains("\"value\":\"gpt-4.1-mini\""),
        "{form}"
    );
    let key = changed(&mut world, filled(&form, &[("model", "another")])).await;
    assert_says(&key, "Model: `another`");
    // A client may claim anything of a menu.
    let forged = choose(&models, "Choose a model", "no `model`");
    let refused = changed(&mut world, forged).await;
    assert_says(&refused, "does not look like a model");
    assert_says(&refused, "Model: `another`");
    world.remove().await;
}

#[tokio::test]
async fn keys_are_switched_spared_replaced_and_removed() {
    let mut world = World::start().await;
    let panel = open(&mut world).await;
    let panel = enter(&mut world, &panel, GOOD_KEY, "").await;
    let off = changed(&mut world, press_on(&panel, "Stop using my keys")).await;
    assert_says(&off, "Not in use: servers pay");
    let on = changed(&mut world, press_on(&off, "Use my keys")).await;
    assert_says(&on, "In use: what you ask me is paid with them");

    let key = look(&mut world, &on).await;
    let tested = changed(&mut world, press_on(&key, "Test")).await;
    assert_says(&tested, "The key works: its model answered.");
    let key = changed(&mut world, press_on(&tested, "Do not use for talking")).await;
    assert_says(&key, "Used for talking: no");
    // CMD-15: the panel before knows nothing of that.
    let told = changed(&mut world, press_on(&tested, "Do not use for talking")).await;
    assert_says(&told, "changed meanwhile, so nothing was done");
    let key = changed(&mut world, press_on(&told, "Use for talking")).await;
    assert_says(&key, "Used for talking: yes");

    let form = world.answer_to(press_on(&key, "Replace…")).await;
    let fields = [("key", OTHER_KEY), ("model", "another")];
    let panel = changed(&mut world, filled(&form, &fields)).await;
    assert_says(&panel, "OpenAI: key ••••wxyz, model `another`");
    let key = look(&mut world, &panel).await;
    let question = replaced(&mut world, press_on(&key, "Remove…")).await;
    let kept = replaced(&mut world, press_on(&question, "Keep")).await;
    assert_says(&kept, "your key ••••wxyz");
    let panel = changed(&mut world, press_on(&question, "Remove")).await;
    assert_says(&panel, "Servers pay again");
    assert_says(&panel, "You have none.");
    assert_eq!(buttons(&panel), ["Refresh"]);
    world.remove().await;
}

/// Everybody, in servers and in direct messages, and everybody alone.
#[tokio::test]
async fn everybody_has_their_own_everywhere() {
    let mut world = World::start().await;
    let member = |mut asked: Interaction| {
        asked.member_permissions = 0;
        asked
    };
    let direct = |mut asked: Interaction| {
        (asked.guild_id, asked.member_permissions) = (0, 0);
        asked
    };
    let panel = world.answer_to(member(run("personal provider"))).await;
    let form = member(choose(&panel["data"], "Enter a key", "openai"));
    let form = world.answer_to(form).await;
    let fields = [("key", GOOD_KEY), ("model", "")];
    let saved = changed(&mut world, member(filled(&form, &fields))).await;
    assert_says(&saved, "key ••••abcd");

    let private = world.answer_to(direct(run("personal provider"))).await;
    assert_says(&private["data"], "key ••••abcd");
    let mut bob = run("personal provider");
    bob.user_id = ALICE + 1;
    assert_says(&world.answer_to(bob).await["data"], "You have none.");
    let mut foreign = press_on(&saved, "Stop using my keys");
    foreign.user_id = ALICE + 1;
    assert_says(&world.answer_to(foreign).await["data"], "somebody else");
    world.remove().await;
}

/// POOL-10, for one's own.
#[tokio::test]
async fn a_key_that_does_not_open_can_be_replaced() {
    let mut world = World::start().await;
    let panel = open(&mut world).await;
    enter(&mut world, &panel, GOOD_KEY, "").await;
    world
        .run("UPDATE user_provider_keys SET api_key = '\\x00'")
        .await;
    let panel = open(&mut world).await;
    assert_says(&panel, "broken, it cannot be read any more");
    let panel = enter(&mut world, &panel, OTHER_KEY, "").await;
    assert_says(&panel, "OpenAI: key ••••wxyz, model `gpt-4.1-mini`");
    world.remove().await;
}
