//! The gateway is restarted while people talk; nobody notices.

use dev::control::Name;
use dev::part::Part;
use serde_json::json;

use crate::town::{Town, Trigger, assert_each_answered_once};

/// People talk before, while and after the gateway is away.
async fn restart_while_people_talk(signal: Name) {
    let town = Town::start(1).await;
    let identifies = town.stats().await["identifies"].clone();
    let mut triggers = Vec::new();
    let words = |number: usize| format!("and number {number}?");
    // Everybody speaks once: who asks again while the answer is written interrupts it.
    let person = |number: usize| format!("user{number}");
    for number in 0..5 {
        triggers.push(town.say(&person(number), "Sandbox", &words(number)).await);
    }
    town.signal(Part::Gateway, signal).await;
    for number in 5..10 {
        triggers.push(town.say(&person(number), "Sandbox", &words(number)).await);
    }
    town.restart(Part::Gateway).await;
    for number in 10..15 {
        triggers.push(town.say(&person(number), "Sandbox", &words(number)).await);
    }
    let answers = town.answers(triggers).await;
    assert_each_answered_once(&answers, &town.posts().await);
    assert_eq!(
        town.stats().await["identifies"],
        identifies,
        "the session was resumed"
    );
    town.leave().await;
}

#[tokio::test]
async fn a_gateway_that_stops_in_order_loses_and_repeats_nothing() {
    restart_while_people_talk(Name::Term).await;
}

#[tokio::test]
async fn a_killed_gateway_loses_and_repeats_nothing() {
    restart_while_people_talk(Name::Kill).await;
}

/// Says something that no session delivers: there is none when it is said.
async fn say_in_a_gap(town: &Town) -> Trigger {
    town.signal(Part::Gateway, Name::Stop).await;
    let order = json!({"action": "invalidate", "resumable": false});
    town.tell("gateway", &order).await;
    town.wait_until("the session is over", async || {
        town.stats().await["sessions"] == 0
    })
    .await;
    let lost = town.say("bob", "Sandbox", "does anybody hear me?").await;
    town.signal(Part::Gateway, Name::Cont).await;
    lost
}

#[tokio::test]
async fn a_message_of_a_lost_session_is_answered_once_where_the_operator_wants_it() {
    let town = Town::start_with(1, &[("GAP_BACKFILL_MESSAGES", "20")]).await;
    let before = town.say("alice", "Sandbox", "hello").await;
    let mut answers = town.answers(vec![before]).await;
    let lost = say_in_a_gap(&town).await;
    // What was said before the gap is read with it, and is decided.
    answers.extend(town.answers(vec![lost]).await);
    let after = town.say("alice", "Sandbox", "and now?").await;
    answers.extend(town.answers(vec![after]).await);
    assert_each_answered_once(&answers, &town.posts().await);
    town.leave().await;
}

#[tokio::test]
async fn a_message_of_a_lost_session_is_not_looked_for_by_itself() {
    let town = Town::start(1).await;
    let before = town.say("alice", "Sandbox", "hello").await;
    let mut answers = town.answers(vec![before]).await;
    let lost = say_in_a_gap(&town).await;
    town.wait_until("another session", async || {
        town.stats().await["sessions"] == 1
    })
    .await;
    let after = town.say("alice", "Sandbox", "and now?").await;
    answers.extend(town.answers(vec![after]).await);
    assert_each_answered_once(&answers, &town.posts().await);
    assert_eq!(town.fate(&lost).await, json!(null));
    town.leave().await;
}
