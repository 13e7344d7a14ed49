//! Floods of events.

use http::Method;
use serde_json::{Value, json};

use crate::sandbox_world::Sandbox;
use crate::wire::{MESSAGES, Wire, identify};

const ZLIB: &str = "v=10&encoding=json&compress=zlib-stream";

fn flood(events: u64, mix: &Value) -> Value {
    json!({
        "rate": 2_000, "events": events, "seed": 7, "mix": mix, "characters": [1, 300],
        "crowd": {"servers": 3, "channels": 2, "people": 5},
    })
}

/// Floods and returns kind and text of what a client hears.
async fn heard(events: u64, mix: Value) -> Vec<(String, String)> {
    let sandbox = Sandbox::start().await;
    let (mut wire, _) = Wire::ready(&sandbox, ZLIB, identify(MESSAGES)).await;
    sandbox
        .admin(Method::POST, "/firehose", flood(events, &mix))
        .await;
    let mut heard = Vec::new();
    for sequence in 2..2 + events {
        let payload = wire.op(0).await;
        assert_eq!(payload["s"], sequence, "none is missing");
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        heard.push((text(&payload["t"]), text(&payload["d"]["content"])));
    }
    let path = "/firehose?wait_ms=10000";
    let progress = sandbox.admin(Method::GET, path, Value::Null).await;
    assert_eq!(
        (&progress["is_over"], &progress["happened"]),
        (&json!(true), &json!(events))
    );
    heard
}

#[tokio::test]
async fn the_same_seed_makes_the_same_events_of_the_wanted_kinds() {
    let mix = json!({"message": 6, "edit": 3, "delete": 1});
    let first = heard(300, mix.clone()).await;
    assert_eq!(first, heard(300, mix).await);
    for kind in ["MESSAGE_CREATE", "MESSAGE_UPDATE", "MESSAGE_DELETE"] {
        assert!(first.iter().any(|(name, _)| name == kind), "{kind}");
    }
}

#[tokio::test]
async fn messages_to_the_bot_mention_it() {
    let heard = heard(50, json!({"addressed": 1})).await;
    assert!(heard.iter().all(|(_, text)| text.starts_with("<@")));
}

#[tokio::test]
async fn a_flood_ends_when_it_is_told_to() {
    let sandbox = Sandbox::start().await;
    let endless = flood(u64::MAX, &json!({"message": 1}));
    sandbox.admin(Method::POST, "/firehose", endless).await;
    sandbox
        .admin(Method::DELETE, "/firehose", Value::Null)
        .await;
    let progress = sandbox.admin(Method::GET, "/firehose", Value::Null).await;
    assert_eq!(progress["is_over"], true);
}

#[tokio::test]
async fn an_impossible_flood_is_refused_with_the_reason() {
    let sandbox = Sandbox::start().await;
    let nothing = flood(1, &json!({}));
    let refused = sandbox
        .request(Method::POST, "/sandbox/firehose", None, &nothing)
        .await;
    assert_eq!(refused.status, 400);
    assert!(refused.json()["error"].as_str().unwrap().contains("mix"));
}
