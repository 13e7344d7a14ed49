//! Keys of servers and of people, entered and managed as people do, and what replies make of them.

use dev::control::Name;
use dev::part::Part;
use serde_json::json;

use crate::person::{Person, assert_says, refuse};
use crate::town::{Town, assert_each_answered_once};

/// The key that `/setup` enters in the sandbox.
const MAIN_KEY: &str = "sk-sandbox-0123456789abcdef0123456789abcdef";
/// Keys that the sandbox's model takes, and that nothing else here contains.
const SECOND_KEY: &str = "sk-sandbox-the-second-of-amber-wxyz";
const OWN_KEY: &str = "sk-sandbox-of-bob-alone-0123-mine";
const BRAVE_KEY: &str = "sk-sandbox-brave-search-amber-7890";
/// One that it does not take.
const WRONG_KEY: &str = "sk-wrong-typed-by-alice-0123456789";

async fn restart_workers(town: &Town) {
    for part in [Part::Worker(1), Part::Worker(2)] {
        town.signal(part, Name::Kill).await;
    }
    for part in [Part::Worker(1), Part::Worker(2)] {
        town.restart(part).await;
    }
}

/// CMD-5, CMD-58, SEC-20: the whole way of a key, with all workers killed between two steps.
#[tokio::test]
async fn a_key_is_added_used_disabled_enabled_and_removed() {
    let town = Town::start(2).await;
    town.set_up("Amber").await;
    let mut alice = Person::new(&town, "alice");
    alice.run("/provider keys").await;
    alice.choose("Add a key", "OpenAI").await;
    let refused = alice
        .send(json!({"key": WRONG_KEY, "label": "spare"}))
        .await;
    assert_says(&refused, "The key was refused.");
    restart_workers(&town).await;
    alice.press("Try again with OpenAI").await;
    let added = alice
        .send(json!({"key": SECOND_KEY, "label": "spare"}))
        .await;
    assert_says(&added, "saved and in use");
    assert_says(&added, "`2` key ••••wxyz `spare` · ready");

    // Replies go on with the second key when the first is refused.
    refuse(&town, MAIN_KEY).await;
    let first = town.say("alice", "Amber", "hello").await;
    assert_each_answered_once(&town.answers(vec![first]).await, &town.posts().await);

    restart_workers(&town).await;
    alice.choose("Look at a key", "spare").await;
    let disabled = alice.press("Disable").await;
    assert_says(&disabled, "State: disabled");
    let enabled = alice.press("Enable").await;
    assert_says(&enabled, "State: ready");
    let question = alice.press("Remove…").await;
    assert_says(&question, "Remove the key ••••wxyz of OpenAI?");
    let removed = alice.press("Remove").await;
    assert_says(&removed, "The key is removed.");
    assert!(!removed.contains("wxyz"), "{removed}");
    assert_no_key_is_logged(&town);
    town.leave().await;
}

/// CMD-31, POOL-22: who brings a key pays with it, and with nothing else.
#[tokio::test]
async fn a_person_talks_with_a_key_of_their_own() {
    let town = Town::start(1).await;
    town.set_up("Amber").await;
    refuse(&town, MAIN_KEY).await;
    let mut bob = Person::new(&town, "bob");
    let none = bob.run("/personal provider").await;
    assert_says(&none, "You have none.");
    bob.choose("Enter a key", "OpenAI").await;
    let fields = json!({"key": OWN_KEY, "model": "sandbox-chat-mini"});
    let saved = bob.send(fields).await;
    assert_says(&saved, "OpenAI: key ••••mine, model `sandbox-chat-mini`");

    let trigger = town.say("bob", "Amber", "hello").await;
    assert_each_answered_once(&town.answers(vec![trigger]).await, &town.posts().await);
    let paid_by = town.sql("SELECT paid_by FROM turns").await;
    assert_eq!(paid_by.trim(), "user");
    let question = town.last_question().await;
    assert!(question.contains("sandbox-chat-mini"), "{question}");

    let off = bob.press("Stop using my keys").await;
    assert_says(&off, "servers pay for what you ask me there");
    town.say("bob", "Amber", "hello again").await;
    town.wait_for_row("SELECT 1 FROM turns WHERE paid_by = 'server'")
        .await;
    assert_no_key_is_logged(&town);
    town.leave().await;
}

/// CMD-62, SEC-20.
#[tokio::test]
async fn a_key_of_a_service_is_checked_and_kept() {
    let town = Town::start(1).await;
    town.set_up("Amber").await;
    let mut alice = Person::new(&town, "alice");
    alice.run("/provider services").await;
    alice.press("Enter a key…").await;
    let refused = alice.send(json!({"key": WRONG_KEY})).await;
    assert_says(&refused, "The key was refused.");
    alice.press("Enter a key…").await;
    let saved = alice.send(json!({"key": BRAVE_KEY})).await;
    assert_says(&saved, "Brave Search: key ••••7890");
    assert_says(&alice.press("Test").await, "The key works");
    assert_no_key_is_logged(&town);
    town.leave().await;
}

/// SEC-20: what was typed is in no log.
fn assert_no_key_is_logged(town: &Town) {
    let logged = town.everything_logged();
    assert!(!logged.is_empty());
    for key in [SECOND_KEY, OWN_KEY, BRAVE_KEY, WRONG_KEY] {
        assert!(!logged.contains(key), "{key} is logged");
    }
}
