//! Discord's REST interface: nonces, limits, refusals and interactions.

mod openapi;
mod routes;

use http::Method;
use serde_json::{Value, json};
use twilight_model::channel::Message;

use crate::sandbox_world::{Answer, Sandbox};

async fn post(sandbox: &Sandbox, body: Value) -> Answer {
    let path = format!("/channels/{}/messages", sandbox.channel().await);
    sandbox.rest(Method::POST, &path, body).await
}

fn id(answer: &Answer) -> String {
    answer.json()["id"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn an_enforced_nonce_gives_the_first_message_again() {
    let sandbox = Sandbox::start().await;
    let body = json!({"content": "once", "nonce": "77", "enforce_nonce": true});
    let first = post(&sandbox, body.clone()).await;
    let second = post(&sandbox, body).await;
    assert_eq!(id(&first), id(&second));
    let posts = sandbox.admin(Method::GET, "/posts", Value::Null).await;
    let repeated: Vec<_> = posts
        .as_array()
        .unwrap()
        .iter()
        .map(|post| &post["repeated"])
        .collect();
    assert_eq!(repeated, [&json!(false), &json!(true)]);
}

#[tokio::test]
async fn a_nonce_that_is_not_enforced_makes_a_second_message() {
    let sandbox = Sandbox::start().await;
    let body = json!({"content": "twice", "nonce": 77});
    assert_ne!(
        id(&post(&sandbox, body.clone()).await),
        id(&post(&sandbox, body).await)
    );
}

#[tokio::test]
async fn the_nonce_of_a_deleted_message_answers_unknown_message() {
    let sandbox = Sandbox::start().await;
    let body = json!({"content": "gone", "nonce": "1", "enforce_nonce": true});
    let first = id(&post(&sandbox, body.clone()).await);
    let path = format!("/channels/{}/messages/{first}", sandbox.channel().await);
    assert_eq!(
        sandbox
            .rest(Method::DELETE, &path, Value::Null)
            .await
            .status,
        204
    );
    post(&sandbox, body).await.assert_refused(404, 10_008);
}

#[tokio::test]
async fn content_above_2000_characters_is_refused_by_name() {
    let sandbox = Sandbox::start().await;
    let answer = post(&sandbox, json!({"content": "🦀".repeat(2_001)})).await;
    answer.assert_refused(400, 50_035);
    let problem = &answer.json()["errors"]["content"]["_errors"][0];
    assert_eq!(problem["code"], "BASE_TYPE_MAX_LENGTH");
    assert_eq!(problem["message"], "Must be 2000 or fewer in length.");
    assert_eq!(
        post(&sandbox, json!({"content": "🦀".repeat(2_000)}))
            .await
            .status,
        200
    );
}

#[tokio::test]
async fn an_empty_message_is_refused() {
    let sandbox = Sandbox::start().await;
    post(&sandbox, json!({"content": " \n "}))
        .await
        .assert_refused(400, 50_006);
}

#[tokio::test]
async fn what_does_not_exist_is_refused_with_its_code() {
    let sandbox = Sandbox::start().await;
    let channel = sandbox.channel().await;
    let get = |path: String| sandbox.rest(Method::GET, path.leak(), Value::Null);
    get("/channels/1/messages".into())
        .await
        .assert_refused(404, 10_003);
    get(format!("/channels/{channel}/messages/1"))
        .await
        .assert_refused(404, 10_008);
    get("/nothing".into()).await.assert_refused(404, 0);
    let path = "/api/v10/users/@me";
    let answer = sandbox
        .request(Method::GET, path, Some("Bot wrong"), &Value::Null)
        .await;
    answer.assert_refused(401, 0);
}

#[tokio::test]
async fn the_sixth_message_in_five_seconds_waits_for_its_bucket() {
    let sandbox = Sandbox::start().await;
    for left in (0..5).rev() {
        let answer = post(&sandbox, json!({"content": "quick"})).await;
        assert_eq!(answer.header("x-ratelimit-limit"), "5");
        assert_eq!(answer.header("x-ratelimit-remaining"), left.to_string());
        assert!(!answer.header("x-ratelimit-bucket").is_empty());
    }
    let refused = post(&sandbox, json!({"content": "too quick"})).await;
    assert_eq!(refused.status, 429);
    assert_eq!(refused.header("x-ratelimit-scope"), "user");
    let after: f64 = refused.header("x-ratelimit-reset-after").parse().unwrap();
    assert!(after > 0.0 && after <= 5.0, "{after}");
    assert!(refused.header("retry-after").parse::<u64>().unwrap() >= 1);
    assert_eq!(refused.json()["global"], false);
}

#[tokio::test]
async fn without_limits_nothing_waits() {
    let sandbox = Sandbox::start().await;
    sandbox.set(json!({"rate_limits": false})).await;
    for _ in 0..20 {
        assert_eq!(
            post(&sandbox, json!({"content": "quick"})).await.status,
            200
        );
    }
}

#[tokio::test]
async fn history_is_listed_newest_first_before_after_and_around() {
    let sandbox = Sandbox::start().await;
    let mut ids = Vec::new();
    for number in 0..9 {
        let said = sandbox.say(&number.to_string()).await;
        ids.push(said["id"].as_str().unwrap().to_owned());
    }
    let path = format!("/channels/{}/messages", sandbox.channel().await);
    for (query, expected) in [
        ("limit=3".to_owned(), "876"),
        (format!("limit=2&before={}", ids[4]), "32"),
        (format!("limit=2&after={}", ids[4]), "65"),
        (format!("limit=4&around={}", ids[4]), "5432"),
    ] {
        let page = sandbox
            .rest(Method::GET, &format!("{path}?{query}"), Value::Null)
            .await;
        let page: Vec<Message> = serde_json::from_slice(&page.body).unwrap();
        let contents: String = page
            .iter()
            .map(|message| message.content.as_str())
            .collect();
        assert_eq!(contents, expected, "{query}");
    }
}

#[tokio::test]
async fn pings_follow_allowed_mentions() {
    let sandbox = Sandbox::start().await;
    let said = sandbox.say("hi").await;
    let content = format!("<@{}> and @everyone", said["author_id"].as_str().unwrap());
    let loud = post(&sandbox, json!({"content": content})).await.json();
    assert_eq!(
        (
            loud["mentions"].as_array().unwrap().len(),
            &loud["mention_everyone"]
        ),
        (1, &json!(true))
    );
    let quiet = json!({"content": content, "allowed_mentions": {"parse": []}});
    let quiet = post(&sandbox, quiet).await.json();
    assert_eq!(
        (
            quiet["mentions"].as_array().unwrap().len(),
            &quiet["mention_everyone"]
        ),
        (0, &json!(false))
    );
}

#[tokio::test]
async fn a_lost_answer_leaves_the_message_and_its_nonce() {
    let sandbox = Sandbox::start().await;
    let route = "POST /channels/{channel}/messages";
    let fault = json!({"route": route, "status": 502, "after": true, "times": 1});
    sandbox.admin(Method::POST, "/faults", fault).await;
    let body = json!({"content": "said", "nonce": "5", "enforce_nonce": true});
    assert_eq!(post(&sandbox, body.clone()).await.status, 502);
    assert_eq!(post(&sandbox, body).await.status, 200);
    let said = sandbox.admin(Method::GET, "/messages", Value::Null).await;
    assert_eq!(said.as_array().unwrap().len(), 1);
}

/// Registers `/form` and uses it as alice; returns id and token.
async fn used_command(sandbox: &Sandbox) -> (String, String) {
    let application = sandbox
        .rest(Method::GET, "/applications/@me", Value::Null)
        .await
        .json();
    let path = format!(
        "/applications/{}/commands",
        application["id"].as_str().unwrap()
    );
    let commands = json!([{"name": "form", "description": "A form"}]);
    assert_eq!(sandbox.rest(Method::PUT, &path, commands).await.status, 200);
    start(sandbox, json!({"command": "/form"})).await
}

async fn start(sandbox: &Sandbox, doing: Value) -> (String, String) {
    let started = sandbox.admin(Method::POST, "/interactions", doing).await;
    let id = started["id"].as_str().unwrap().to_owned();
    let token = view(sandbox, &id, 0).await["token"]
        .as_str()
        .unwrap()
        .to_owned();
    (id, token)
}

async fn view(sandbox: &Sandbox, id: &str, wait_ms: u64) -> Value {
    let path = format!("/interactions/{id}?wait_ms={wait_ms}");
    sandbox.admin(Method::GET, &path, Value::Null).await
}

async fn answer(sandbox: &Sandbox, (id, token): &(String, String), body: Value) -> Answer {
    let path = format!("/api/v10/interactions/{id}/{token}/callback");
    sandbox.request(Method::POST, &path, None, &body).await
}

#[tokio::test]
async fn a_second_first_answer_is_refused() {
    let sandbox = Sandbox::start().await;
    let used = used_command(&sandbox).await;
    let body = json!({"type": 4, "data": {"content": "here", "flags": 64}});
    assert_eq!(answer(&sandbox, &used, body.clone()).await.status, 204);
    answer(&sandbox, &used, body)
        .await
        .assert_refused(400, 40_060);
    let seen = view(&sandbox, &used.0, 0).await;
    assert_eq!(
        (&seen["state"], &seen["message"]["content"]),
        (&json!("answered"), &json!("here"))
    );
}

#[tokio::test]
async fn an_answer_that_comes_too_late_is_refused() {
    let sandbox = Sandbox::start().await;
    sandbox.set(json!({"interaction_answer_ms": 20})).await;
    let used = used_command(&sandbox).await;
    assert_eq!(view(&sandbox, &used.0, 1_000).await["state"], "failed");
    let body = json!({"type": 4, "data": {"content": "late"}});
    answer(&sandbox, &used, body)
        .await
        .assert_refused(404, 10_062);
}

#[tokio::test]
async fn an_ephemeral_answer_is_no_part_of_the_history() {
    let sandbox = Sandbox::start().await;
    let used = used_command(&sandbox).await;
    let body = json!({"type": 4, "data": {"content": "secret", "flags": 64}});
    answer(&sandbox, &used, body).await;
    let path = format!("/channels/{}/messages", sandbox.channel().await);
    assert_eq!(
        sandbox.rest(Method::GET, &path, Value::Null).await.json(),
        json!([])
    );
}

#[tokio::test]
async fn a_form_is_opened_filled_deferred_and_answered() {
    let sandbox = Sandbox::start().await;
    let used = used_command(&sandbox).await;
    let input = json!({"type": 4, "custom_id": "key", "style": 1, "required": true});
    let row = json!({"type": 18, "label": "Key", "component": input});
    let modal = json!({"custom_id": "form", "title": "Form", "components": [row]});
    assert_eq!(
        answer(&sandbox, &used, json!({"type": 9, "data": modal}))
            .await
            .status,
        204
    );

    let form = json!({"interaction_id": used.0, "fields": {"key": "k"}});
    let sent = start(&sandbox, json!({"form": form})).await;
    let deferred = json!({"type": 5, "data": {"flags": 64}});
    assert_eq!(answer(&sandbox, &sent, deferred).await.status, 204);
    assert_eq!(view(&sandbox, &sent.0, 0).await["state"], "pending");
    let path = format!("/api/v10/webhooks/1/{}/messages/@original", sent.1);
    let edit = json!({"content": "saved"});
    assert_eq!(
        sandbox
            .request(Method::PATCH, &path, None, &edit)
            .await
            .status,
        200
    );
    let seen = view(&sandbox, &sent.0, 1_000).await;
    assert_eq!(
        (&seen["state"], &seen["message"]["content"]),
        (&json!("answered"), &json!("saved"))
    );
}

#[tokio::test]
async fn a_button_changes_the_panel_it_is_on() {
    let sandbox = Sandbox::start().await;
    let used = used_command(&sandbox).await;
    let button = json!({"type": 2, "style": 1, "label": "Next", "custom_id": "next"});
    let panel = json!({"content": "one", "components": [{"type": 1, "components": [button]}]});
    answer(&sandbox, &used, json!({"type": 4, "data": panel})).await;
    let message = view(&sandbox, &used.0, 0).await["message"]["id"].clone();
    let pressed = json!({"component": {"message_id": message, "custom_id": "next"}});
    let pressed = start(&sandbox, pressed).await;
    answer(
        &sandbox,
        &pressed,
        json!({"type": 7, "data": {"content": "two"}}),
    )
    .await;
    assert_eq!(
        view(&sandbox, &pressed.0, 0).await["message"]["content"],
        "two"
    );
}
