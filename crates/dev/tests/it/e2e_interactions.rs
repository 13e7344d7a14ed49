//! Commands, panels and forms, whoever dies between and during their steps.

use std::time::Duration;

use dev::control::Name;
use dev::part::Part;
use serde_json::{Value, json};

use crate::town::{Town, assert_each_answered_once};

/// A key that the sandbox's model takes, and that nothing else here contains.
const KEY: &str = "sk-sandbox-typed-by-alice-0123456789abcdef";

/// How every token of an interaction begins in the sandbox.
const TOKEN: &str = "aW50ZXJhY3Rpb24";

/// Commands of one moment; a worker answers 128 at once.
const COMMANDS_AT_ONCE: usize = 60;

/// Does something in a channel of the server "Amber" as its owner, and returns the interaction.
async fn use_as_alice(town: &Town, mut doing: Value) -> String {
    doing["user"] = json!("alice");
    doing["server"] = json!("Amber");
    doing["channel"] = json!("general");
    let started = town.tell("interactions", &doing).await;
    started["id"].as_str().unwrap().to_owned()
}

/// Waits for the answer, which must come: nothing fails or thinks for ever.
async fn answer(town: &Town, interaction: &str) -> Value {
    let mut view = Value::Null;
    for _ in 0..6 {
        view = town
            .look(&format!("interactions/{interaction}?wait_ms=10000"))
            .await;
        match view["state"].as_str() {
            Some("answered") => return view,
            Some("failed") => panic!("no first answer within three seconds: {view}"),
            _ => {}
        }
    }
    panic!("no final answer: {view}");
}

async fn answered(town: &Town, doing: Value) -> Value {
    let interaction = use_as_alice(town, doing).await;
    answer(town, &interaction).await
}

fn text(view: &Value) -> &str {
    view["message"]["content"].as_str().unwrap()
}

/// Runs `/setup` and returns the panel with the menu of providers.
async fn open_panel(town: &Town) -> Value {
    answered(town, json!({"command": "/setup"})).await["message"].clone()
}

/// Chooses a provider and returns the form that opens.
async fn open_form(town: &Town, panel: &Value) -> Value {
    let menu = &panel["components"][0]["components"][0]["custom_id"];
    let chosen = json!({"message_id": panel["id"], "custom_id": menu, "values": ["openai"]});
    let view = answered(town, json!({"component": chosen})).await;
    assert!(view["modal"].is_object(), "{view}");
    view
}

fn filled(form: &Value) -> Value {
    let fields = json!({"key": KEY, "model": "sandbox-chat"});
    json!({"form": {"interaction_id": form["id"], "fields": fields}})
}

/// Makes the check of a key take so long.
async fn slow_check(town: &Town, wait_ms: u64) {
    let fault = json!({"fault": "slow-start", "on": "models", "wait_ms": wait_ms, "times": 9});
    town.tell("model/faults", &fault).await;
}

async fn restart_everybody(town: &Town) {
    let parts = [Part::Gateway, Part::Worker(1), Part::Worker(2)];
    for part in parts {
        town.signal(part, Name::Kill).await;
    }
    for part in parts {
        town.restart(part).await;
    }
}

/// CMD-5.
#[tokio::test]
async fn panels_and_forms_survive_the_death_of_everybody_between_their_steps() {
    let town = Town::start(2).await;
    let panel = open_panel(&town).await;
    restart_everybody(&town).await;
    let form = open_form(&town, &panel).await;
    restart_everybody(&town).await;
    let saved = answered(&town, filled(&form)).await;
    assert!(!text(&saved).contains("went wrong"), "{saved}");

    let trigger = town.say("alice", "Amber", "hello").await;
    assert_each_answered_once(&town.answers(vec![trigger]).await, &town.posts().await);
    // What was typed is in no log, and neither is any token.
    let logged = town.everything_logged();
    assert!(!logged.is_empty());
    for secret in [KEY, TOKEN] {
        assert!(!logged.contains(secret), "{secret} is logged");
    }
    town.leave().await;
}

/// CMD-4.
#[tokio::test]
async fn an_answer_promised_by_a_worker_that_dies_is_ended() {
    let town = Town::start(1).await;
    let form = open_form(&town, &open_panel(&town).await).await;
    slow_check(&town, 9_000).await;
    let sent = use_as_alice(&town, filled(&form)).await;
    loop {
        let view = town.look(&format!("interactions/{sent}")).await;
        if view["state"] != "waiting" {
            break;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    town.signal(Part::Worker(1), Name::Kill).await;
    let ended = answer(&town, &sent).await;
    assert!(text(&ended).contains("went wrong"), "{ended}");
    town.restart(Part::Worker(1)).await;
    town.leave().await;
}

#[tokio::test]
async fn a_promise_whose_acceptance_was_lost_is_ended() {
    let town = Town::start(2).await;
    let form = open_form(&town, &open_panel(&town).await).await;
    // Discord takes the deferral, and the worker never learns it.
    town.tell(
        "faults",
        &json!({
            "route": "POST /interactions/{interaction}/{token}/callback",
            "status": 502, "after": true, "times": 1,
        }),
    )
    .await;
    let ended = answered(&town, filled(&form)).await;
    assert!(text(&ended).contains("went wrong"), "{ended}");
    town.leave().await;
}

/// CMD-3. The first answer comes within Discord's three seconds also while every place for a turn is taken,
/// others wait, and many people use commands at once; otherwise the sandbox says `failed`.
#[tokio::test]
async fn commands_are_answered_in_time_while_all_places_for_turns_are_taken() {
    let town = Town::start_with(1, &[("WORKER_MAX_TURNS", "4")]).await;
    town.set_up("Amber").await;
    town.speak_slowly(100).await;
    let mut triggers = Vec::new();
    for server in ["Amber", "Birch", "Cedar", "Dune", "Ember", "Fjord"] {
        town.set_up(server).await;
        for number in 0..3 {
            let user = format!("user{number}");
            triggers.push(town.say(&user, server, "a long answer please").await);
        }
    }
    town.wait_until("all places are taken", async || {
        let running = "SELECT count(*) FROM turns WHERE state = 'streaming'";
        town.sql(running).await.trim() == "4"
    })
    .await;
    let mut asked = Vec::new();
    for _ in 0..COMMANDS_AT_ONCE {
        asked.push(use_as_alice(&town, json!({"command": "/tool ping"})).await);
    }
    for interaction in asked {
        let view = answer(&town, &interaction).await;
        assert!(text(&view).starts_with("Pong!"), "{view}");
    }
    town.speak_slowly(0).await;
    let answers = town.answers(triggers).await;
    assert_each_answered_once(&answers, &town.posts().await);
    town.leave().await;
}

#[tokio::test]
async fn commands_are_answered_while_a_worker_is_frozen() {
    let town = Town::start(2).await;
    town.signal(Part::Worker(1), Name::Stop).await;
    for _ in 0..6 {
        answered(&town, json!({"command": "/tool ping"})).await;
    }
    town.signal(Part::Worker(1), Name::Cont).await;
    town.leave().await;
}
