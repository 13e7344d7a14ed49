//! Whose memories a server does without, and whom a persona does not answer: what a moderator decides
//! holds for the very next message, whichever worker gets it.

use serde_json::json;

use crate::person::{Person, assert_says};
use crate::town::{Answer, Town, Trigger};

const UNTICK: &str = "Untick what shall end";

/// Says something to the bot, and returns what its model was asked.
async fn asked_by(town: &Town, user: &str, text: &str) -> String {
    let trigger = town.say(user, "Amber", text).await;
    let answer = answered(town, trigger).await;
    assert_eq!(answer.record["code"], "accepted", "{}", answer.record);
    town.last_question().await
}

async fn answered(town: &Town, trigger: Trigger) -> Answer {
    town.answers(vec![trigger]).await.remove(0)
}

/// Says something to the bot, which does not answer.
async fn ignored(town: &Town, user: &str) {
    let trigger = town.say(user, "Amber", "hello").await;
    let answer = answered(town, trigger).await;
    assert_eq!(answer.record["code"], "persona_block", "{}", answer.record);
    assert_eq!(answer.posts(), Vec::<String>::new());
}

/// PRIV-36, PRIV-37, PRIV-40.
#[tokio::test]
async fn e2e_memories_of_somebody_on_the_blacklist_are_not_used_there() {
    let town = Town::start(2).await;
    for server in ["Amber", "Birch"] {
        town.set_up(server).await;
    }
    let (mut alice, mut bob) = (Person::new(&town, "alice"), Person::new(&town, "bob"));
    bob.run("/memory personal add scope:global").await;
    bob.send(json!({"memory": "bob-likes-tea"})).await;
    assert!(
        asked_by(&town, "bob", "hello")
            .await
            .contains("bob-likes-tea")
    );
    for _ in 0..3 {
        let told = alice.run("/server user-blacklist add member:bob").await;
        assert_says(&told, "I do without my memories of");
        let question = asked_by(&town, "bob", "hello").await;
        assert!(!question.contains("bob-likes-tea"), "{question}");
        // He is heard and answered all the same.
        assert!(question.contains("bob: @Tomori hello"), "{question}");
        let again = alice.run("/server user-blacklist add member:bob").await;
        assert_says(&again, "already");
        bob.run("/memory personal add scope:persona").await;
        let told = bob.send(json!({"memory": "new"})).await;
        assert_says(&told, "This server does not let me use memories of you");
        let elsewhere = town.say("bob", "Birch", "hello").await;
        answered(&town, elsewhere).await;
        assert!(town.last_question().await.contains("bob-likes-tea"));
        let listed = alice.run("/server user-blacklist remove").await;
        assert_says(&listed, "blacklist");
        assert_says(&alice.tick(UNTICK, &[]).await, "One of them is over.");
        assert!(
            asked_by(&town, "bob", "hello")
                .await
                .contains("bob-likes-tea")
        );
    }
    town.leave().await;
}

/// PRIV-41, PRIV-43, PRIV-46.
#[tokio::test]
async fn e2e_who_is_muted_is_not_answered_and_who_is_blocked_is_not_seen() {
    let town = Town::start(2).await;
    town.set_up("Amber").await;
    let mut alice = Person::new(&town, "alice");
    assert!(
        asked_by(&town, "bob", "word-before")
            .await
            .contains("word-before")
    );
    let order = |kind| format!("/persona block persona:Tomori member:bob type:{kind} hours:3");
    for _ in 0..3 {
        let told = alice.run(&order("mute")).await;
        assert_says(&told, "does not answer");
        ignored(&town, "bob").await;
        let question = asked_by(&town, "alice", "hello").await;
        assert!(question.contains("bob: @Tomori word-before"), "{question}");
        let told = town.command("bob", "Amber", "/bot respond").await;
        assert_says(
            &told,
            "Tomori does not answer you here for another 3 hours.",
        );

        // A block takes the place of the mute.
        alice.run(&order("block")).await;
        ignored(&town, "bob").await;
        let question = asked_by(&town, "alice", "hello").await;
        assert!(!question.contains("bob: @Tomori word-before"), "{question}");
        let stand_in = "bob: [blocked by you for another 3 hours";
        assert_eq!(question.matches(stand_in).count(), 1, "{question}");
        assert!(question.contains("unblock_user"), "{question}");

        let listed = alice.run("/server user-blacklist remove").await;
        assert_says(&listed, "block: Tomori, 3 hours left");
        assert_says(&alice.tick(UNTICK, &[]).await, "One of them is over.");
        let question = asked_by(&town, "bob", "hello").await;
        assert!(question.contains("bob: @Tomori word-before"), "{question}");
    }
    // What ends by itself is over for the next message too.
    alice.run(&order("block")).await;
    ignored(&town, "bob").await;
    town.sql("UPDATE persona_user_blocks SET expires_at = now()")
        .await;
    asked_by(&town, "bob", "hello").await;
    town.leave().await;
}

/// PRIV-45: what is waiting when a block comes, or when nobody can tell any more, is not answered.
#[tokio::test]
async fn e2e_a_reply_that_waits_is_judged_again_when_it_begins() {
    let town = Town::start(1).await;
    town.set_up("Amber").await;
    for spoilt in [
        "INSERT INTO persona_user_blocks (server_id, persona_id, user_disc_id, block_type, reason,
                                          expires_at, created_by)
         SELECT t.server_id, t.persona_id, t.responsible_disc_id, 'mute', 'a',
                now() + interval '1 hour', 'moderator'
         FROM turns t WHERE t.state = 'queued'",
        "ALTER TABLE personalization_blacklist RENAME TO away",
    ] {
        town.break_model(json!({"fault": "slow-start", "wait_ms": 4_000, "times": 1}))
            .await;
        let first = town.say("alice", "Amber", "hello").await;
        town.wait_for_row("SELECT 1 FROM turns WHERE state = 'streaming' OR state = 'preparing'")
            .await;
        let second = town.say("bob", "Amber", "hello").await;
        town.wait_for_row("SELECT 1 FROM turns WHERE state = 'queued'")
            .await;
        town.sql(spoilt).await;
        let answers = town.answers(vec![first, second]).await;
        assert_eq!(answers[0].record["turns"][0]["state"], "done");
        let record = &answers[1].record["turns"][0];
        assert_eq!(record["state"], "stopped", "{record}");
        assert_eq!(answers[1].posts(), Vec::<String>::new());
        town.sql("DELETE FROM persona_user_blocks").await;
    }
    town.sql("ALTER TABLE away RENAME TO personalization_blacklist")
        .await;
    asked_by(&town, "bob", "hello").await;
    let unknown = "worker_privacy_unknown_total{stage=\"collect\"}";
    let counted = town.metric(dev::part::Part::Worker(1), unknown).await;
    assert!(counted > 0.0, "{counted}");
    town.leave().await;
}
