//! People ask why their message was answered, or not.

use crate::town::Town;

/// CHAT-104, PRIV-19
#[tokio::test]
async fn e2e_people_learn_why_their_own_message_was_answered_or_not() {
    let town = Town::start(1).await;
    let why = async |user: &str, line: &str| town.command(user, "Amber", line).await;
    assert!(why("bob", "/why").await.contains("nothing that you wrote"));
    let unprepared = town.say("bob", "Amber", "hello").await;
    town.wait_for_text(&unprepared, "not set up").await;
    assert!(why("bob", "/why").await.contains("not set up"));

    town.set_up("Amber").await;
    let asked = town.say("bob", "Amber", "say exactly: here").await;
    town.answers(vec![asked.clone()]).await;
    let told = why("bob", "/why").await;
    assert!(
        told.contains("You mentioned me.") && told.contains("I replied."),
        "{told}"
    );

    town.mutter("bob", "Amber", "nice weather").await;
    let told = why("bob", "/why").await;
    assert!(told.contains("Nothing in it asked me"), "{told}");
    let line = format!("/why message:https://discord.com/channels/1/2/{}", asked.id);
    let told = why("bob", &line).await;
    assert!(told.contains("I replied."), "{told}");
    let told = why("alice", &line).await;
    assert!(told.contains("no such message of yours"), "{told}");

    let fields = [("level", "2")];
    town.fill("bob", "Amber", "/personal privacy", &fields)
        .await;
    for line in ["/why", line.as_str()] {
        let told = why("bob", line).await;
        assert!(told.starts_with("You have chosen"), "{told}");
    }
    town.leave().await;
}
