//! Files with memories go to their person alone, and come back through the whole system.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use dev::http;
use serde_json::{Value, json};

use crate::person::{Person, assert_says};
use crate::town::Town;

/// The file of the bot's last message, with its name.
async fn last_file(town: &Town) -> (String, Value) {
    let posts = town.posts().await;
    let id = posts.last().unwrap()["message_id"].as_str().unwrap();
    let message = town.message(id).await;
    let file = &message["attachments"][0];
    let url = file["url"].as_str().unwrap();
    let name = file["filename"].as_str().unwrap().to_owned();
    (name, http::get_json(url).await.unwrap())
}

fn handed(file: &Value) -> Value {
    let data = BASE64_STANDARD.encode(file.to_string());
    json!({"file": {"name": "mine.json", "content_type": "application/json", "data": data}})
}

/// CMD-41, CMD-42, PRIV-56: by direct message, by the address of an attachment, by a link in a message.
#[tokio::test]
async fn memories_go_out_as_a_file_and_come_back() {
    let town = Town::start(2).await;
    let mut bob = Person::new(&town, "bob");
    bob.run("/memory personal add scope:global").await;
    bob.send(json!({"memory": "likes tea"})).await;
    let sent = bob.run("/memory personal export scope:global").await;
    assert_says(&sent, "look at our direct messages");
    let (name, mut file) = last_file(&town).await;
    assert!(
        name.starts_with("tomori-global-personal-memories-"),
        "{name}"
    );
    assert_eq!(file["data"]["personal_memories"], json!(["likes tea"]));

    file["data"]["personal_memories"] = json!(["likes tea", "likes coffee"]);
    let import = "/memory personal import file:@mine.json target:global confirmation:no";
    let shown = bob.run_with(import, handed(&file)).await;
    assert_says(&shown, "Memories would be added: 1. Known already: 1.");
    assert_says(&shown, "• likes coffee");
    assert_says(&bob.press("Import").await, "Memories added: 1.");
    let listed = bob.run("/memory personal edit scope:global").await;
    assert_says(&listed, "`2` likes coffee");

    let mut carol = Person::new(&town, "carol");
    let refused = carol.run_with(import, handed(&file)).await;
    assert_says(&refused, "made for somebody else");
    town.leave().await;
}
