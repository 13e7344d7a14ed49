//! `/memory personal` and `/memory server`: every step, and who may take it.

use proto::event::{CommandOption, Interaction};
use serde_json::{Value, json};

use crate::panel::{assert_says, changed, choose_labelled, filled, press_on, replaced};
use crate::setup::set_up;
use crate::world::{ALICE, World, run};

/// A command with one option.
fn with(path: &str, name: &str, value: &str) -> Interaction {
    let option = CommandOption {
        name: name.to_owned(),
        value: value.to_owned(),
        ..CommandOption::default()
    };
    Interaction {
        options: vec![option],
        ..run(path)
    }
}

fn member(mut asked: Interaction) -> Interaction {
    asked.member_permissions = 0;
    asked.user_id = ALICE + 1;
    asked
}

/// Sends the form for a new memory, and returns what is said then.
async fn send(world: &mut World, sent: Interaction) -> Value {
    let promise = world.answer_to(sent).await;
    assert_eq!(promise, json!({"type": 5, "data": {"flags": 64}}));
    world.fake.next_call().await.body
}

async fn add(world: &mut World, command: Interaction, text: &str) -> Value {
    let form = world.answer_to(command).await;
    send(world, filled(&form, &[("memory", text)])).await
}

async fn add_own(world: &mut World, text: &str) -> Value {
    let command = with("memory personal add", "scope", "global");
    add(world, command, text).await
}

/// CMD-38 to CMD-40: without anything set up, from nothing to nothing.
#[tokio::test]
async fn a_memory_of_ones_own_is_added_changed_and_removed() {
    let mut world = World::start().await;
    let list = |doing| with(&format!("memory personal {doing}"), "scope", "global");
    let empty = world.answer_to(list("edit")).await;
    assert_says(&empty["data"], "Nothing yet.");
    assert_says(
        &add_own(&mut world, "  likes tea\n").await,
        "I will remember that.",
    );
    assert_says(&add_own(&mut world, "likes tea").await, "already");

    let shown = world.answer_to(list("edit")).await;
    assert_eq!(shown["data"]["flags"], 64);
    assert_says(&shown["data"], "`1` likes tea");
    let chosen = choose_labelled(&shown["data"], "Choose one to change", "tea");
    let form = world.answer_to(chosen).await;
    assert!(
        form.to_string().contains("\"value\":\"likes tea\""),
        "{form}"
    );
    let edited = changed(&mut world, filled(&form, &[("memory", "likes coffee")])).await;
    assert_says(&edited, "I remember it so from now on.");
    assert_says(&edited, "`1` likes coffee");
    // CMD-15: that form knows nothing of it, and what was typed is not lost.
    let stale = changed(&mut world, filled(&form, &[("memory", "likes beer")])).await;
    assert_says(&stale, "changed meanwhile, so nothing was done");
    assert_eq!(stale["embeds"][0]["description"], "likes beer");

    let shown = world.answer_to(list("remove")).await;
    let chosen = choose_labelled(&shown["data"], "Choose one to remove", "coffee");
    let question = replaced(&mut world, chosen.clone()).await;
    assert_eq!(question["embeds"][0]["description"], "likes coffee");
    let kept = replaced(&mut world, press_on(&question, "Keep")).await;
    assert_says(&kept, "`1` likes coffee");
    let gone = changed(&mut world, press_on(&question, "Remove")).await;
    assert_says(&gone, "I have forgotten it.");
    assert_says(&gone, "Nothing yet.");
    let late = replaced(&mut world, chosen).await;
    assert_says(&late, "changed meanwhile");
    world.remove().await;
}

/// Bounds are told, and what was typed in vain is shown once more.
#[tokio::test]
async fn what_cannot_be_remembered_is_told() {
    let mut world = World::start_with(|worker| {
        worker.env("MAX_PERSONAL_MEMORIES", "1");
        worker.env("MAX_MEMORY_LENGTH", "50");
    })
    .await;
    assert_says(&add_own(&mut world, " \u{0} ").await, "You typed nothing");
    let long = add_own(&mut world, &"ö".repeat(51)).await;
    assert_says(&long, "at most 50 characters");
    assert_eq!(long["embeds"][0]["description"], "ö".repeat(51));
    assert_says(
        &add_own(&mut world, &"ö".repeat(50)).await,
        "I will remember",
    );
    assert_says(&add_own(&mut world, "another").await, "There is no room");
    world
        .run("UPDATE users SET privacy_level = 1, user_disc_id = user_disc_id")
        .await;
    world.run("DELETE FROM personal_memories").await;
    assert_says(
        &add_own(&mut world, "another").await,
        "At your privacy level I do not use",
    );
    // PRIV-20.
    world.run("DELETE FROM personal_memories").await;
    world.run("UPDATE users SET privacy_level = 2").await;
    assert_says(&add_own(&mut world, "a third").await, "nothing was saved");
    let kept = world
        .read_i32("SELECT count(*)::int FROM personal_memories")
        .await;
    assert_eq!(kept, Some(0));
    world.remove().await;
}

/// A memory of one persona belongs to that persona; PRIV-39 is told.
#[tokio::test]
async fn a_memory_is_of_the_persona_that_was_chosen() {
    let mut world = World::start().await;
    let command = || with("memory personal add", "scope", "persona");
    let refused = world.answer_to(command()).await;
    assert_says(&refused["data"], "not set up here yet");
    set_up(&mut world).await;
    let form = world.answer_to(command()).await;
    assert!(!form.to_string().contains("Who shall remember"), "{form}");
    send(&mut world, filled(&form, &[("memory", "of the first")])).await;

    world
        .run(
            "INSERT INTO personas (server_id, nickname, is_alter, position)
             SELECT server_id, 'Anon', true, 1 FROM servers",
        )
        .await;
    let form = loop {
        let form = world.answer_to(command()).await;
        if form.to_string().contains("Who shall remember") {
            break form;
        }
        // The settings are remembered; whoever changes them tells everybody.
        world
            .nats
            .publish(
                world.names.settings_changed(),
                crate::world::GUILD.to_string().into(),
            )
            .await
            .unwrap();
    };
    let anon = world
        .read_i32("SELECT persona_id::int FROM personas WHERE is_alter")
        .await
        .unwrap()
        .to_string();
    let fields = [("memory", "of the second"), ("persona", &*anon)];
    send(&mut world, filled(&form, &fields)).await;
    let shown = world
        .answer_to(with("memory personal edit", "scope", "persona"))
        .await;
    assert_says(&shown["data"], "`1` Tomori: of the first");
    assert_says(&shown["data"], "`2` Anon: of the second");
    let forged = filled(&form, &[("memory", "x"), ("persona", "999")]);
    assert_says(&send(&mut world, forged).await, "does not work any more");
    world.remove().await;
}

/// CMD-43 to CMD-45.
#[tokio::test]
async fn a_server_is_taught_by_those_who_may() {
    let mut world = World::start().await;
    set_up(&mut world).await;
    let command = |doing| run(&format!("memory server {doing}"));
    let refused = world.answer_to(member(command("add"))).await;
    assert_says(&refused["data"], "Manage Server");
    let told = add(&mut world, command("add"), "We meet on Fridays").await;
    assert_says(&told, "I will remember that.");
    let unknown = with("memory server edit", "persona", "nobody");
    assert_says(&world.answer_to(unknown).await["data"], "persona");
    let shown = world
        .answer_to(with("memory server edit", "persona", "tomori"))
        .await;
    assert_says(
        &shown["data"],
        "**What Tomori remembers about this server**",
    );
    let chosen = choose_labelled(&shown["data"], "Choose one to change", "Fridays");
    // The permission is asked for anew at every step.
    let mut lost = chosen.clone();
    lost.member_permissions = 0;
    assert_says(&world.answer_to(lost).await["data"], "Manage Server");
    let form = world.answer_to(chosen).await;
    let mut lost = filled(&form, &[("memory", "x")]);
    lost.member_permissions = 0;
    assert_says(&world.answer_to(lost).await["data"], "Manage Server");
    let edited = changed(&mut world, filled(&form, &[("memory", "We meet never")])).await;
    assert_says(&edited, "`1` We meet never");
    world.remove().await;
}
