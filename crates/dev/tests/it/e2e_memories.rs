//! What was to be remembered is known to the persona that shall know it, in the replies to those who
//! may be remembered.

use serde_json::json;

use crate::person::Person;
use crate::town::Town;

/// Says something to the bot, and returns what its model was asked.
async fn asked_by(town: &Town, user: &str) -> String {
    let trigger = town.say(user, "Amber", "hello").await;
    town.answers(vec![trigger]).await;
    town.last_question().await
}

/// PRIV-8, PRIV-12, PRIV-39: of people, and what they want to be called.
#[tokio::test]
async fn what_was_to_be_remembered_is_known_to_the_model() {
    let town = Town::start(1).await;
    town.set_up("Amber").await;
    let (mut alice, mut bob) = (Person::new(&town, "alice"), Person::new(&town, "bob"));
    bob.run("/memory personal add scope:global").await;
    bob.send(json!({"memory": "bob-likes-tea"})).await;
    bob.run("/memory personal add scope:persona").await;
    bob.send(json!({"memory": "bob-and-tomori"})).await;
    alice.run("/memory server add").await;
    alice.send(json!({"memory": "amber-meets-fridays"})).await;
    let told = bob.run("/memory personal edit scope:global").await;
    assert!(told.contains("bob-likes-tea"), "{told}");

    let of_alice = asked_by(&town, "alice").await;
    assert!(of_alice.contains("amber-meets-fridays"), "{of_alice}");
    assert!(!of_alice.contains("bob-likes-tea"), "{of_alice}");
    let of_bob = asked_by(&town, "bob").await;
    for known in ["amber-meets-fridays", "bob-likes-tea", "bob-and-tomori"] {
        assert!(of_bob.contains(known), "{of_bob}");
    }
    // He is part of the conversation from now on.
    assert!(asked_by(&town, "alice").await.contains("bob-likes-tea"));

    town.sql("UPDATE users SET privacy_level = 1").await;
    let of_bob = asked_by(&town, "bob").await;
    assert!(of_bob.contains("amber-meets-fridays"), "{of_bob}");
    assert!(!of_bob.contains("bob-likes-tea"), "{of_bob}");
    town.sql("UPDATE users SET privacy_level = 0, user_nickname = 'Bobbykins'")
        .await;
    let called = "person: Bobbykins";
    assert!(asked_by(&town, "bob").await.contains(called));
    town.sql("UPDATE server_chat_configs SET personal_memories_enabled = false")
        .await;
    let of_bob = asked_by(&town, "bob").await;
    assert!(!of_bob.contains("bob-likes-tea"), "{of_bob}");
    // What the bot itself has answered before stays as it was said.
    assert!(!of_bob.contains(called), "{of_bob}");
    town.leave().await;
}
