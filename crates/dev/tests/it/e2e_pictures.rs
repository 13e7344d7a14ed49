//! Pictures of messages reach models that can see, small and without what else was in their files; those
//! of people who are not heard are fetched by nobody.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use dev::part::Part;
use dev::sandbox::png;
use serde_json::{Value, json};

use crate::town::{Answer, Town, Trigger};

const WORKER: Part = Part::Worker(1);

/// What a file may carry besides its picture.
const HIDDEN: &[u8] = b"a note behind the picture";

/// A PNG that says that it had 50,000 by 50,000 pixels, with none in it.
const BOMB: &[u8] = b"\x89PNG\x0d\x0a\x1a\x0a\
    \x00\x00\x00\x0dIHDR\x00\x00\xc3P\x00\x00\xc3P\x08\x06\x00\x00\x00K\xaf=\xca\
    \x00\x00\x00\x02IDATx\x9cb\xa4\x91+";

fn picture(width: u32, height: u32) -> Vec<u8> {
    let mut file = png("a cat", 1, width, height).unwrap();
    file.extend(HIDDEN);
    file
}

fn file(name: &str, bytes: &[u8]) -> Value {
    let data = BASE64_STANDARD.encode(bytes);
    json!({"name": name, "content_type": "image/png", "data": data})
}

/// What somebody says and shows.
async fn show(town: &Town, user: &str, text: &str, shown: Value) -> Trigger {
    let mut body = json!({
        "user": user, "server": "Amber", "channel": "general", "content": text,
        "address": !text.is_empty(),
    });
    let fields = body.as_object_mut().unwrap();
    fields.extend(shown.as_object().unwrap().clone());
    town.post(&body).await
}

async fn answer(town: &Town, trigger: Trigger) -> Answer {
    town.answers(vec![trigger]).await.remove(0)
}

/// The newest question that the model was asked.
async fn question(town: &Town) -> Value {
    let calls = town.look("model/calls").await;
    calls.as_array().unwrap().last().unwrap().clone()
}

fn words(question: &Value) -> String {
    question["said"]
        .as_array()
        .unwrap()
        .last()
        .unwrap()
        .to_string()
}

/// CHAT-64, NET-33, NET-34: small, by what they are; a bomb is named and harms nobody.
#[tokio::test]
async fn e2e_a_model_sees_what_a_message_shows() {
    let town = Town::start_with(1, &[("IMAGE_CONTEXT_MAX_DIMENSION", "512")]).await;
    town.set_up("Amber").await;
    let shown = json!({
        "attachments": [file("cat.png", &picture(1_200, 600)), file("bomb.png", BOMB)],
        "stickers": ["tomori_wave"],
    });
    let asked = show(&town, "bob", "what is this?", shown).await;
    answer(&town, asked).await;
    let question = question(&town).await;
    let pictures: Vec<&str> = question["pictures"]
        .as_array()
        .unwrap()
        .iter()
        .map(|picture| picture.as_str().unwrap())
        .collect();
    assert!(
        pictures[0].starts_with("image/jpeg 512x256, "),
        "{question}"
    );
    assert!(pictures[1].starts_with("image/png 160x160, "), "{question}");
    assert_eq!(pictures.len(), 2);
    let said = words(&question);
    for named in [
        "[image 1: cat.png]",
        "[image that you cannot see, because it is too large: bomb.png]",
        "[image 2: sticker tomori_wave]",
    ] {
        assert!(said.contains(named), "{said}");
    }
    assert!(town.alive().contains(&WORKER));
    town.leave().await;
}

/// PRIV-7, PRIV-31: nobody fetches what is not heard.
#[tokio::test]
async fn e2e_pictures_of_those_who_opted_out_are_never_fetched() {
    let town = Town::start(1).await;
    town.set_up("Amber").await;
    let shown = || json!({"attachments": [file("cat.png", &picture(60, 40))]});
    let level = [("level", "2")];
    let told = town
        .fill("carol", "Amber", "/personal privacy", &level)
        .await;
    assert!(told.starts_with("Saved"), "{told}");
    show(&town, "carol", "", shown()).await;
    let asked = town.say("bob", "Amber", "what did carol show?").await;
    answer(&town, asked).await;
    assert_eq!(question(&town).await["pictures"], json!([]));
    let fetched = r#"fetch_requests_total{use="image",outcome="ok"}"#;
    assert!(town.metric(WORKER, fetched).await < 0.5);
    // That it is her level, and nothing else.
    let asked = show(&town, "bob", "and this?", shown()).await;
    answer(&town, asked).await;
    assert_eq!(
        question(&town).await["pictures"].as_array().unwrap().len(),
        1
    );
    assert!(town.metric(WORKER, fetched).await > 0.5);
    town.leave().await;
}

/// CHAT-64: a model that cannot see answers all the same, and is not asked to look again.
#[tokio::test]
async fn e2e_a_model_that_cannot_see_is_told_what_it_was_shown() {
    let town = Town::start(1).await;
    town.set_up("Amber").await;
    town.sql(
        r#"UPDATE server_model_configs
           SET text_model = '{"provider": "openai", "model": "sandbox-chat-blind"}'"#,
    )
    .await;
    let shown = || json!({"attachments": [file("cat.png", &picture(60, 40))]});
    let asked = show(&town, "bob", "what is this?", shown()).await;
    let record = answer(&town, asked).await.record;
    assert_eq!(record["turns"][0]["state"], "done", "{record}");
    let said = words(&question(&town).await);
    assert!(said.contains("[you cannot see the images]"), "{said}");
    assert_eq!(town.stats().await["model"]["refused"], 1);
    let asked = show(&town, "bob", "and this?", shown()).await;
    answer(&town, asked).await;
    assert_eq!(town.stats().await["model"]["refused"], 1);
    let said = words(&question(&town).await);
    assert!(said.contains("[image: cat.png]"), "{said}");
    town.leave().await;
}
