//! `/provider keys`: every step of the panel, and who may take it.

use futures_util::StreamExt;
use serde_json::{Value, json};

use crate::fake::{GOOD_KEY, SLOW_KEY};
use crate::panel::{
    assert_says, buttons, changed, choose, choose_labelled, filled, press_on, replaced,
};
use crate::setup::set_up;
use crate::world::{ALICE, GUILD, World, run};

const SECOND_KEY: &str = "sk-good-the-second-key-wxyz";

/// Opens the panel.
async fn open(world: &mut World) -> Value {
    let answer = world.answer_to(run("provider keys")).await;
    assert_eq!(answer["data"]["flags"], 64);
    answer["data"].clone()
}

/// Opens the form for a key of `OpenAI`, and sends it.
async fn add(world: &mut World, panel: &Value, key: &str, label: &str) -> Value {
    let form = world.answer_to(choose(panel, "Add a key", "openai")).await;
    assert!(!form.to_string().contains("\"value\""), "prefilled: {form}");
    changed(world, filled(&form, &[("key", key), ("label", label)])).await
}

/// Looks at a key by the number or label that the menu shows.
async fn look(world: &mut World, panel: &Value, label: &str) -> Value {
    let chosen = choose_labelled(panel, "Look at a key", label);
    replaced(world, chosen).await
}

/// A server with its main key and another one; returns the list.
async fn two_keys(world: &mut World) -> Value {
    set_up(world).await;
    let panel = open(world).await;
    let added = add(world, &panel, SECOND_KEY, "second").await;
    assert_says(&added, "saved and in use");
    added
}

#[tokio::test]
async fn a_key_is_added_after_its_provider_has_taken_it() {
    let mut world = World::start().await;
    let before = world.answer_to(run("provider keys")).await;
    assert_says(&before["data"], "not set up here yet");
    set_up(&mut world).await;
    let subject = world.names.keys_changed();
    let mut hints = world.nats.subscribe(subject).await.unwrap();
    let panel = open(&mut world).await;
    assert_says(&panel, "`1` main key ••••abcd · ready");

    let wrong = "sk-wrong-0123456789abcd";
    let refused = add(&mut world, &panel, wrong, "").await;
    assert_says(&refused, "The key was refused.");
    assert!(!refused.to_string().contains(wrong), "the key is shown");
    let again = world
        .answer_to(press_on(&refused, "Try again with OpenAI"))
        .await;
    let fields = [("key", SECOND_KEY), ("label", "work")];
    let added = changed(&mut world, filled(&again, &fields)).await;
    assert_says(&added, "saved and in use");
    assert_says(&added, "`1` main key ••••abcd · ready · 0 uses");
    assert_says(&added, "`2` key ••••wxyz `work` · ready · 0 uses");
    assert!(!added.to_string().contains(SECOND_KEY), "the key is shown");
    assert_eq!(hints.next().await.unwrap().payload, GUILD.to_string());

    for (key, said) in [
        (SECOND_KEY, "here already"),
        (GOOD_KEY, "here already"),
        ("two words of a key", "does not look like a key"),
    ] {
        let refused = add(&mut world, &added, key, "").await;
        assert_says(&refused, said);
        assert!(!refused["content"].as_str().unwrap().contains("`3`"));
    }
    world.remove().await;
}

/// CMD-16: nothing is deleted by one press.
#[tokio::test]
async fn a_key_is_named_disabled_enabled_and_removed() {
    let mut world = World::start().await;
    let list = two_keys(&mut world).await;
    let key = look(&mut world, &list, "second").await;
    assert_says(&key, "Label: `second`");
    let form = world.answer_to(press_on(&key, "Label…")).await;
    assert!(form.to_string().contains("\"value\":\"second\""), "{form}");
    let key = changed(&mut world, filled(&form, &[("label", "other")])).await;
    assert_says(&key, "Label: `other`");
    let key = changed(&mut world, press_on(&key, "Disable")).await;
    assert_says(&key, "State: disabled");
    let tested = changed(&mut world, press_on(&key, "Test")).await;
    assert_says(&tested, "stays disabled until somebody enables it");
    assert_says(&tested, "State: disabled");
    let key = changed(&mut world, press_on(&tested, "Enable")).await;
    assert_says(&key, "State: ready");

    let question = replaced(&mut world, press_on(&key, "Remove…")).await;
    assert_says(&question, "Remove the key ••••wxyz of OpenAI?");
    let kept = replaced(&mut world, press_on(&question, "Keep")).await;
    assert_says(&kept, "Label: `other`");
    let list = changed(&mut world, press_on(&question, "Remove")).await;
    assert_says(&list, "The key is removed.");
    assert!(!list.to_string().contains("••••wxyz"), "{list}");
    // The main key is alone again: nothing of it is counted by a pool.
    assert_says(&list, "`1` main key ••••abcd · ready\n");
    world.remove().await;
}

/// CMD-15.
#[tokio::test]
async fn what_somebody_else_changed_meanwhile_is_not_overwritten() {
    let mut world = World::start().await;
    let list = two_keys(&mut world).await;
    let mine = look(&mut world, &list, "second").await;
    let form = world.answer_to(press_on(&mine, "Label…")).await;
    let question = replaced(&mut world, press_on(&mine, "Remove…")).await;
    let theirs = look(&mut world, &list, "second").await;
    changed(&mut world, press_on(&theirs, "Disable")).await;

    for doing in [
        filled(&form, &[("label", "mine")]),
        press_on(&mine, "Disable"),
    ] {
        let told = changed(&mut world, doing).await;
        assert_says(&told, "changed meanwhile, so nothing was done");
        assert_says(&told, "Label: `second`");
        assert_says(&told, "State: disabled");
    }
    let told = changed(&mut world, press_on(&question, "Remove")).await;
    assert_says(&told, "changed meanwhile, so nothing was done");
    assert_says(&told, "`2` key ••••wxyz `second` · disabled");
    world.remove().await;
}

/// SEC-61, CMD-12.
#[tokio::test]
async fn every_step_asks_for_the_permission_anew() {
    let mut world = World::start().await;
    let list = two_keys(&mut world).await;
    let key = look(&mut world, &list, "second").await;
    let mut demoted = press_on(&key, "Disable");
    demoted.member_permissions = 0;
    assert_says(&world.answer_to(demoted).await["data"], "Manage Server");
    let mut foreign = press_on(&key, "Disable");
    foreign.user_id = ALICE + 1;
    assert_says(&world.answer_to(foreign).await["data"], "somebody else");
    let mut elsewhere = press_on(&key, "Disable");
    elsewhere.guild_id = GUILD + 1;
    assert_says(&world.answer_to(elsewhere).await["data"], "does not work");
    let mut member = run("provider keys");
    member.member_permissions = 0;
    assert_says(&world.answer_to(member).await["data"], "Manage Server");
    let list = open(&mut world).await;
    assert_says(&list, "`2` key ••••wxyz `second` · ready");
    world.remove().await;
}

/// POOL-17: a key that was refused for good is in use again once a test shows that it works.
#[tokio::test]
async fn a_test_brings_a_refused_key_back() {
    let mut world = World::start().await;
    set_up(&mut world).await;
    world
        .run(
            "UPDATE server_model_configs
             SET main_key_disabled_at = now(), main_key_last_error = 'refused'",
        )
        .await;
    let list = open(&mut world).await;
    assert_says(
        &list,
        "main key ••••abcd · disabled, refused again and again",
    );
    let key = look(&mut world, &list, "••••abcd").await;
    assert_eq!(buttons(&key), ["Test and use again", "Remove…", "Back"]);
    let key = changed(&mut world, press_on(&key, "Test and use again")).await;
    assert_says(&key, "works again, and is in use again");
    assert_says(&key, "State: ready");
    let list = replaced(&mut world, press_on(&key, "Back")).await;

    let list = add(&mut world, &list, SECOND_KEY, "").await;
    world
        .run("UPDATE api_key_rotation SET is_enabled = false, disabled_reason = 'auth'")
        .await;
    let key = look(&mut world, &list, "••••wxyz").await;
    // Its version was raised by what the bot did itself; a test overwrites nobody's choice.
    let key = changed(&mut world, press_on(&key, "Test and use again")).await;
    assert_says(&key, "works again, and is in use again");
    assert_says(&key, "State: ready");
    world.remove().await;
}

#[tokio::test]
async fn all_keys_of_a_provider_are_removed_at_once() {
    let mut world = World::start().await;
    let list = two_keys(&mut world).await;
    let chosen = choose(&list, "Remove all keys of a provider", "openai");
    let question = replaced(&mut world, chosen).await;
    assert_says(&question, "every key of OpenAI, 2 keys in all?");
    assert_says(&question, "The main key is among them");
    let kept = replaced(&mut world, press_on(&question, "Keep")).await;
    assert_says(&kept, "`2` key");
    let list = changed(&mut world, press_on(&question, "Remove")).await;
    assert_says(&list, "There is no key yet.");
    let setup = world.answer_to(run("setup")).await;
    assert_says(&setup["data"], "**AI provider**: none yet");
    world.remove().await;
}

/// POOL-10.
#[tokio::test]
async fn a_key_that_does_not_open_is_shown_as_broken() {
    let mut world = World::start().await;
    two_keys(&mut world).await;
    world
        .run("UPDATE api_key_rotation SET api_key = '\\x00' WHERE NOT is_main_key_pointer")
        .await;
    let list = open(&mut world).await;
    assert_says(&list, "`1` main key ••••abcd · ready");
    assert_says(&list, "`2` key ••••wxyz `second` · broken");
    let key = look(&mut world, &list, "second").await;
    let tested = changed(&mut world, press_on(&key, "Test")).await;
    assert_says(&tested, "cannot be read any more, so it was not tested");
    world.remove().await;
}

/// GUARD-39f, GUARD-40: what nobody was asked is not counted.
#[tokio::test]
async fn a_person_may_have_so_many_keys_checked_in_a_day() {
    let mut world = World::start_with(|command| {
        command.env("MAX_KEY_CHECKS_PER_DAY", "3");
        command.env("PROVIDER_BASE_URL_ZAI", "http://127.0.0.1:9/");
    })
    .await;
    set_up(&mut world).await;
    let panel = open(&mut world).await;
    for _ in 0..3 {
        let form = world.answer_to(choose(&panel, "Add a key", "zai")).await;
        let fields = [("key", "sk-good-for-nothing"), ("label", "")];
        let unreachable = changed(&mut world, filled(&form, &fields)).await;
        assert_says(&unreachable, "cannot be reached");
    }
    let wrong = add(&mut world, &panel, "sk-wrong-0123456789", "").await;
    assert_says(&wrong, "The key was refused.");
    let added = add(&mut world, &wrong, SECOND_KEY, "").await;
    assert_says(&added, "saved and in use");
    let refused = add(&mut world, &added, "sk-good-the-third-key", "").await;
    assert_says(&refused, "You can again <t:");
    let key = look(&mut world, &added, "••••wxyz").await;
    let refused = changed(&mut world, press_on(&key, "Test")).await;
    assert_says(&refused, "You can again <t:");
    world.remove().await;
}

/// CMD-4: a person who waits sees that, and is not stuck when the worker dies.
#[tokio::test]
async fn a_slow_check_is_announced() {
    let mut world = World::start().await;
    set_up(&mut world).await;
    let panel = open(&mut world).await;
    let form = world.answer_to(choose(&panel, "Add a key", "openai")).await;
    let fields = [("key", SLOW_KEY), ("label", "")];
    let waiting = changed(&mut world, filled(&form, &fields)).await;
    assert_says(&waiting, "Asking OpenAI about the key.");
    assert_eq!(buttons(&waiting), ["Back"]);
    let added = world.fake.next_call().await;
    assert_says(&added.body, "saved and in use");
    let back = replaced(&mut world, press_on(&waiting, "Back")).await;
    assert_eq!(
        back["content"]
            .as_str()
            .unwrap()
            .matches("key ••••")
            .count(),
        2
    );
    world.remove().await;
}

#[tokio::test]
async fn everyone_manages_the_keys_of_their_own_direct_messages() {
    let mut world = World::start().await;
    set_up(&mut world).await;
    let mut direct = run("provider keys");
    (direct.guild_id, direct.member_permissions) = (0, 0);
    let answer = world.answer_to(direct).await;
    assert_eq!(answer["type"], json!(4));
    assert_says(&answer["data"], "not set up here yet");
    world.remove().await;
}
