//! What people are told about keys and models, and what the buttons below it lead to.

use serde_json::json;

use crate::person::{Person, assert_says, refuse};
use crate::town::{Town, Trigger};

/// A key of bob's own that the sandbox's model takes.
const OWN_KEY: &str = "sk-sandbox-of-bob-alone-0123-mine";

/// Bob enters a key of his own in the panel that he sees.
async fn enter_own_key(bob: &mut Person<'_>) {
    bob.choose("Enter a key", "OpenAI").await;
    let fields = json!({"key": OWN_KEY, "model": "sandbox-chat-mini"});
    assert_says(&bob.send(fields).await, "in use from now on");
}

/// POOL-21, POOL-23, POOL-31: the reply comes from the next model, a small line says so, and its
/// button shows everybody the calls, and the keys to those only who may manage the server.
#[tokio::test]
async fn a_model_that_stands_in_is_told_with_its_calls_behind_a_button() {
    let town = Town::start(1).await;
    town.set_up("Amber").await;
    town.sql(
        "INSERT INTO fallback_models (server_id, position, model_ref)
         SELECT server_id, 1, '{\"provider\": \"openai\", \"model\": \"sandbox-chat-mini\"}'
         FROM servers WHERE display_name IS DISTINCT FROM 'Sandbox'",
    )
    .await;
    town.break_model(json!({"fault": 503, "model": "sandbox-chat", "times": 1000}))
        .await;
    let trigger = town.say("bob", "Amber", "hello").await;
    let told = town
        .find_text(
            &trigger,
            "`sandbox-chat-mini` answered, because `sandbox-chat` did not",
        )
        .await;
    let answers = town.answers(vec![trigger]).await;
    assert_eq!(answers[0].record["turns"][0]["state"], "done");
    let (mut alice, mut bob) = (Person::new(&town, "alice"), Person::new(&town, "bob"));
    bob.see(told.clone());
    let calls = bob.press("Details").await;
    assert_says(&calls, "OpenAI `sandbox-chat`: ");
    assert_says(&calls, "OpenAI `sandbox-chat-mini`: ");
    assert!(!calls.contains("••••"), "{calls}");
    alice.see(told);
    assert_says(&alice.press("Details").await, "OpenAI `sandbox-chat`: ");
    // Whoever does not want to see it does not.
    town.sql("UPDATE server_chat_configs SET tool_notice_hidden_keys = '{model_fallback}'")
        .await;
    let quiet = town.say("bob", "Amber", "hello again").await;
    let answers = town.answers(vec![quiet.clone()]).await;
    let posts = answers[0].posts();
    town.wait_for_messages(&quiet, &posts).await;
    town.leave().await;
}

/// CMD-89: where members bring keys, who has none gets a button to their own panel and form.
#[tokio::test]
async fn where_members_bring_keys_a_button_leads_to_ones_own() {
    let town = Town::start(1).await;
    town.set_up("Amber").await;
    town.sql("UPDATE server_model_configs SET user_byok_mode = true")
        .await;
    let trigger = town.say("bob", "Amber", "hello").await;
    let told = town
        .find_text(&trigger, "everybody talks to me with a key of their own")
        .await;
    let mut bob = Person::new(&town, "bob");
    bob.see(told.clone());
    assert_says(&bob.press("My own keys…").await, "You have none.");
    enter_own_key(&mut bob).await;
    // It stays for everybody else.
    let mut carol = Person::new(&town, "carol");
    carol.see(told);
    assert_says(&carol.press("My own keys…").await, "You have none.");
    let trigger = town.say("bob", "Amber", "hello again").await;
    town.answers(vec![trigger]).await;
    town.wait_for_row("SELECT 1 FROM turns WHERE paid_by = 'user' AND state = 'done'")
        .await;
    town.leave().await;
}

/// CMD-89: direct messages need no setup where one's own key pays.
#[tokio::test]
async fn who_has_a_key_of_their_own_just_writes() {
    let town = Town::start(2).await;
    town.set_up("Amber").await;
    let unpaid = town.say_unprepared("bob", "hello?").await;
    town.find_text(&unpaid, "I am not set up here yet").await;
    let mut bob = Person::new(&town, "bob");
    bob.run("/personal provider").await;
    enter_own_key(&mut bob).await;
    let trigger = town.say_unprepared("bob", "hello!").await;
    let answers = town.answers(vec![trigger]).await;
    assert_eq!(answers[0].record["turns"][0]["state"], "done");
    let stored = town
        .sql("SELECT count(*) FROM server_model_configs WHERE api_key IS NULL")
        .await;
    assert_eq!(stored.trim(), "1", "no key of a server is made of it");
    town.leave().await;
}

/// POOL-17, POOL-22: a key of one's own that is refused again and again is not called any more, its
/// user is told once, and the way back is in the panel.
#[tokio::test]
async fn an_own_key_that_is_refused_for_good_is_told_once_and_comes_back_by_a_test() {
    let settings = [("KEY_AUTH_FAILURES_TO_DISABLE", "2")];
    let town = Town::start_with(1, &settings).await;
    town.set_up("Amber").await;
    let mut bob = Person::new(&town, "bob");
    bob.run("/personal provider").await;
    enter_own_key(&mut bob).await;
    refuse(&town, OWN_KEY).await;
    let place = town
        .tell("places", &json!({"user": "bob", "dm": true}))
        .await;
    let direct = Trigger {
        id: "0".to_owned(),
        channel: place["channel_id"].as_str().unwrap().to_owned(),
    };
    for _ in 0..2 {
        let trigger = town.say("bob", "Amber", "hello").await;
        let told = town.find_text(&trigger, "Your own key was refused").await;
        town.answers(vec![trigger]).await;
        bob.see(told);
    }
    town.find_text(
        &direct,
        "OpenAI has refused your own key ••••mine again and again",
    )
    .await;
    assert_says(&bob.press("My own keys…").await, "refused again and again");
    let calls = town.stats().await["model"]["requests"].clone();
    let trigger = town.say("bob", "Amber", "hello").await;
    town.find_text(&trigger, "it cannot be used").await;
    assert_eq!(town.stats().await["model"]["requests"], calls);

    bob.choose("Look at a key", "OpenAI").await;
    let fails = bob.press("Test and use again").await;
    assert_says(&fails, "not used any more");
    dev::http::delete_json(&format!("{}/sandbox/model/faults", town.url()))
        .await
        .unwrap();
    assert_says(&bob.press("Test and use again").await, "It is used again.");
    let trigger = town.say("bob", "Amber", "hello").await;
    let answers = town.answers(vec![trigger]).await;
    assert_eq!(answers[0].record["turns"][0]["state"], "done");
    let told = town.messages(&direct).await;
    let about = |message: &&serde_json::Value| {
        let text = message["content"].as_str().unwrap_or_default();
        text.contains("again and again")
    };
    assert_eq!(told.iter().filter(about).count(), 1);
    town.leave().await;
}
