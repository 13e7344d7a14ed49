//! The gateway is restarted while people talk; nobody notices.

use dev::control::Name;
use dev::part::Part;

use crate::town::{Town, assert_each_answered_once};

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
