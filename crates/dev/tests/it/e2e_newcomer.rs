//! The first minutes of somebody who starts the bot and talks with it.

use crate::town::{Town, assert_each_answered_once};

#[tokio::test]
async fn the_first_message_after_the_start_is_answered() {
    let town = Town::start(1).await;
    let trigger = town
        .say("alice", "Sandbox", "say exactly: good morning")
        .await;
    let answers = town.answers(vec![trigger]).await;
    assert_each_answered_once(&answers, &town.posts().await);
    assert_eq!(town.text(&answers[0].posts()[0]).await, "good morning");
    town.leave().await;
}

#[tokio::test]
async fn a_direct_message_is_answered_after_its_own_setup() {
    let town = Town::start(1).await;
    let trigger = town.say_privately("bob", "say exactly: just us").await;
    let answers = town.answers(vec![trigger]).await;
    assert_each_answered_once(&answers, &town.posts().await);
    town.leave().await;
}

#[tokio::test]
async fn nothing_is_left_running_after_an_orderly_stop() {
    let town = Town::start(2).await;
    assert_eq!(town.alive().len(), 4, "sandbox, gateway and two workers");
    town.leave().await;
}
