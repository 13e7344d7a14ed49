//! Forwarded messages: their words are those of whoever wrote them.

use serde_json::json;

use crate::town::{Town, Trigger};

/// The permission to see a channel.
const VIEW_CHANNEL: u64 = 1 << 10;

async fn say_in(town: &Town, user: &str, channel: &str, text: &str) -> Trigger {
    let body = json!({"user": user, "server": "Amber", "channel": channel, "content": text});
    town.post(&body).await
}

/// Shows a message again where the bot is talked to.
async fn forward(town: &Town, user: &str, said: &Trigger) {
    let original = json!({"channel_id": said.channel, "message_id": said.id});
    let body = json!({
        "user": user, "server": "Amber", "channel": "general", "forward": original,
    });
    town.post(&body).await;
}

/// What the model is asked when bob wants to hear something.
async fn question(town: &Town, word: &str) -> String {
    let line = format!("say exactly: {word}");
    let asked = town.say("bob", "Amber", &line).await;
    town.answers(vec![asked]).await;
    let question = town.last_question().await;
    assert!(question.contains(&line), "{question}");
    question
}

/// PRIV-27
#[tokio::test]
async fn e2e_forwarded_words_are_used_as_their_author_wants_it() {
    let town = Town::start(1).await;
    town.set_up("Amber").await;
    let of_carol = say_in(&town, "carol", "elsewhere", "marker-of-carol").await;
    forward(&town, "alice", &of_carol).await;
    let heard = question(&town, "one").await;
    let shown = "[forwarded message: marker-of-carol]";
    assert!(heard.contains(shown), "{heard}");

    let told = town
        .fill("carol", "Amber", "/personal privacy", &[("level", "2")])
        .await;
    assert!(told.starts_with("Saved"), "{told}");
    let heard = question(&town, "two").await;
    assert!(heard.contains("[forwarded message]"), "{heard}");
    assert!(!heard.contains("marker-of-carol"), "{heard}");
    town.leave().await;
}

/// PRIV-27: what the bot may not read, and what was never shown to those here.
#[tokio::test]
async fn e2e_forwarded_words_that_cannot_be_read_as_they_were_shown_are_left_out() {
    let town = Town::start(1).await;
    town.set_up("Amber").await;
    let hidden = say_in(&town, "carol", "hidden", "marker-hidden").await;
    let rights = json!({"server": "Amber", "channel": "hidden", "deny": VIEW_CHANNEL.to_string()});
    town.tell("rights", &rights).await;
    forward(&town, "alice", &hidden).await;
    let changed = say_in(&town, "carol", "elsewhere", "as it was shown").await;
    forward(&town, "alice", &changed).await;
    town.edit(&changed, "marker-changed").await;
    let gone = say_in(&town, "carol", "elsewhere", "marker-gone").await;
    forward(&town, "alice", &gone).await;
    town.delete(&gone).await;
    let heard = question(&town, "one").await;
    assert_eq!(heard.matches("[forwarded message]").count(), 3, "{heard}");
    assert!(!heard.contains("marker"), "{heard}");

    // Another turn asks about the hidden channel no more.
    question(&town, "two").await;
    let stats = town.look("stats").await;
    let reads = &stats["rest"]["GET /channels/{channel}/messages/{message}"];
    assert_eq!(reads["403"], 1, "{reads}");
    town.leave().await;
}
