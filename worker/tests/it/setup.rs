//! From nothing to a key that works, and what goes wrong on the way.

use futures_util::StreamExt;
use proto::event::{FormField, Interaction, InteractionOutcome, InteractionType};
use serde_json::{Value, json};

use crate::fake::{BROKE_KEY, GOOD_KEY, TAKEN};
use crate::panel::assert_says;
use crate::world::{ALICE, GUILD, World, interaction, press, run};

/// CMD-17, CMD-84.
#[tokio::test]
async fn a_newcomer_gets_from_nothing_to_ready() {
    let mut world = World::start().await;
    let mut hints = world
        .nats
        .subscribe(world.names.settings_changed())
        .await
        .unwrap();
    let panel = world.answer_to(run("setup")).await;
    assert_says(&panel["data"], "**AI provider**: none yet");
    let form = world
        .answer_to(choose(&menu(&panel["data"]), "openai"))
        .await;
    assert_eq!(
        (&form["type"], &form["data"]["title"]),
        (&json!(9), &json!("Key for OpenAI"))
    );
    assert!(
        !form.to_string().contains("\"value\""),
        "the form is prefilled: {form}"
    );
    let ready = send(&mut world, &form, GOOD_KEY, "").await;
    assert_says(&ready, "**Ready to talk**");
    assert_says(&ready, "OpenAI, model `gpt-4.1-mini`, key ••••abcd");
    assert_says(&ready, "<@99>");
    assert!(!ready.to_string().contains(GOOD_KEY));
    assert_eq!(hints.next().await.unwrap().payload, GUILD.to_string());
    world.remove().await;
}

/// CMD-87.
#[tokio::test]
async fn a_key_is_replaced_only_after_a_second_step() {
    let mut world = World::start().await;
    set_up(&mut world).await;
    let panel = world.answer_to(run("setup")).await;
    assert_says(&panel["data"], "key ••••abcd");
    let controls = panel["data"]["components"].to_string();
    assert!(
        !controls.contains("openai"),
        "providers are offered at once: {controls}"
    );
    let warning = world.answer_to(press(&button(&panel["data"]))).await;
    assert_eq!(warning["type"], 7);
    assert_says(&warning["data"], "The present key and model are replaced");
    let form = world
        .answer_to(choose(&menu(&warning["data"]), "openai"))
        .await;
    let other_key = GOOD_KEY;
    let ready = send(&mut world, &form, other_key, "another-model").await;
    assert_says(&ready, "model `another-model`");
    world.remove().await;
}

/// PRIV-69: who asks there shows that the bot is there, also where word of its coming back was lost.
#[tokio::test]
async fn a_server_that_counts_as_left_is_there_again_for_whoever_sets_it_up() {
    let mut world = World::start().await;
    set_up(&mut world).await;
    world
        .run(
            "UPDATE servers SET left_at = now(), purge_after = now() + interval '30 days',
                                settings_version = settings_version + 1",
        )
        .await;
    let panel = world.answer_to(run("setup")).await;
    assert_says(&panel["data"], "key ••••abcd");
    let left = world
        .read_i32("SELECT count(*)::int FROM servers WHERE left_at IS NOT NULL")
        .await;
    assert_eq!(left, Some(0));
    world.remove().await;
}

/// CMD-84.
#[tokio::test]
async fn a_first_key_never_replaces_one_that_came_meanwhile() {
    let mut world = World::start().await;
    let panel = world.answer_to(run("setup")).await;
    let form = world
        .answer_to(choose(&menu(&panel["data"]), "openai"))
        .await;
    set_up(&mut world).await;
    let refused = send(&mut world, &form, GOOD_KEY, "another-model").await;
    assert_says(&refused, "yours was not saved");
    assert_says(&refused, "model `gpt-4.1-mini`");
    world.remove().await;
}

/// CMD-86.
#[tokio::test]
async fn what_fails_is_told_and_nothing_is_saved() {
    let mut world = World::start().await;
    for (key, model, said) in [
        ("sk-wrong-0123456789abcd", "", "refused the key"),
        (BROKE_KEY, "", "no credit left"),
        ("no key at all", "", "does not look like a key"),
        (GOOD_KEY, "no model", "does not look like a model"),
    ] {
        let panel = world.answer_to(run("setup")).await;
        assert_says(&panel["data"], "**AI provider**: none yet");
        let form = world
            .answer_to(choose(&menu(&panel["data"]), "openai"))
            .await;
        let failed = send(&mut world, &form, key, model).await;
        assert_says(&failed, said);
        assert!(!failed.to_string().contains(key), "the key is shown");
        // The button leads to the form again.
        let again = world.answer_to(press(&button(&failed))).await;
        assert_eq!(again["type"], 9);
    }
    world.remove().await;
}

/// CMD-2.
#[tokio::test]
async fn a_form_that_somebody_else_answers_has_no_effect() {
    let mut world = World::start().await;
    let panel = world.answer_to(run("setup")).await;
    let form = world
        .answer_to(choose(&menu(&panel["data"]), "openai"))
        .await;
    let mut taken = filled(&form, GOOD_KEY, "");
    taken.token = TAKEN.to_owned();
    assert_eq!(world.ask(taken).await, InteractionOutcome::NotMine);
    assert_eq!(world.fake.next_call().await.token, TAKEN);
    let panel = world.answer_to(run("setup")).await;
    assert_says(&panel["data"], "**AI provider**: none yet");
    world.remove().await;
}

/// CMD-12, SEC-61.
#[tokio::test]
async fn a_panel_is_its_persons_and_asks_for_the_permission_at_every_step() {
    let mut world = World::start().await;
    let panel = world.answer_to(run("setup")).await;
    let mut foreign = choose(&menu(&panel["data"]), "openai");
    foreign.user_id = ALICE + 1;
    assert_says(
        &world.answer_to(foreign).await["data"],
        "belongs to somebody else",
    );
    let mut demoted = choose(&menu(&panel["data"]), "openai");
    demoted.member_permissions = 0;
    assert_says(&world.answer_to(demoted).await["data"], "Manage Server");
    let mut elsewhere = choose(&menu(&panel["data"]), "openai");
    elsewhere.guild_id = GUILD + 1;
    assert_says(
        &world.answer_to(elsewhere).await["data"],
        "does not work any more",
    );
    world.remove().await;
}

/// CMD-89: in direct messages there is nothing to set up but one's own key.
#[tokio::test]
async fn direct_messages_are_set_up_with_a_key_of_ones_own() {
    let mut world = World::start().await;
    let direct = |mut asked: Interaction| {
        (asked.guild_id, asked.member_permissions) = (0, 0);
        asked
    };
    let panel = world.answer_to(direct(run("setup"))).await;
    assert_says(&panel["data"], "**Your own keys**\nYou have none.");
    let form = world
        .answer_to(direct(choose(&menu(&panel["data"]), "openai")))
        .await;
    let deferred = world.answer_to(direct(filled(&form, GOOD_KEY, ""))).await;
    assert_eq!(deferred, json!({"type": 6}));
    assert_says(&world.fake.next_call().await.body, "in use from now on");
    world.remove().await;
}

pub(crate) async fn set_up(world: &mut World) {
    let panel = world.answer_to(run("setup")).await;
    let form = world
        .answer_to(choose(&menu(&panel["data"]), "openai"))
        .await;
    assert_says(&send(world, &form, GOOD_KEY, "").await, "**Ready to talk**");
}

/// Sends the filled form and returns what its answer becomes.
async fn send(world: &mut World, form: &Value, key: &str, model: &str) -> Value {
    let deferred = world.answer_to(filled(form, key, model)).await;
    assert_eq!(
        (&deferred["type"], &deferred["data"]["flags"]),
        (&json!(5), &json!(64))
    );
    let edit = world.fake.next_call().await;
    assert_eq!(edit.kind, "edit");
    edit.body
}

fn filled(form: &Value, key: &str, model: &str) -> Interaction {
    let field = |custom_id: &str, value: &str| FormField {
        custom_id: custom_id.to_owned(),
        values: vec![value.to_owned()],
    };
    Interaction {
        custom_id: form["data"]["custom_id"].as_str().unwrap().to_owned(),
        fields: vec![field("key", key), field("model", model)],
        ..interaction(InteractionType::Modal)
    }
}

fn choose(menu: &str, value: &str) -> Interaction {
    Interaction {
        values: vec![value.to_owned()],
        ..press(menu)
    }
}

/// The id of the first select menu of a message.
fn menu(message: &Value) -> String {
    control(message, 3)
}

/// The id of the first button of a message.
fn button(message: &Value) -> String {
    control(message, 2)
}

#[track_caller]
fn control(message: &Value, kind: u64) -> String {
    let rows = message["components"].as_array().expect("components");
    let mut controls = rows
        .iter()
        .flat_map(|row| row["components"].as_array().expect("a row"));
    let found = controls
        .find(|control| control["type"] == kind)
        .expect("such a control");
    found["custom_id"].as_str().unwrap().to_owned()
}
