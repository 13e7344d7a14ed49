//! Every close code of the gateway, in its situation.

use http::Method;
use serde_json::{Value, json};

use crate::sandbox_world::Sandbox;
use crate::wire::{MESSAGES, SERVERS, Wire, identify, identify_shard};

const PLAIN: &str = "v=10&encoding=json";

/// Connects, sends one payload and returns the close code.
async fn refused(sandbox: &Sandbox, op: u64, body: Value) -> Option<u16> {
    let mut wire = Wire::connect(sandbox, PLAIN).await;
    wire.send(op, body).await;
    wire.close_code().await
}

/// Identifies, sends a text and returns the close code.
async fn refused_later(sandbox: &Sandbox, text: &str) -> Option<u16> {
    let (mut wire, _) = Wire::ready(sandbox, PLAIN, identify(MESSAGES)).await;
    wire.send_text(text).await;
    wire.close_code().await
}

fn resume(ready: &Value, sequence: u64) -> Value {
    json!({"token": "sandbox-token", "session_id": ready["session_id"], "seq": sequence})
}

#[tokio::test]
async fn an_unknown_opcode_is_closed_with_4001() {
    let sandbox = Sandbox::start().await;
    assert_eq!(
        refused_later(&sandbox, r#"{"op":99,"d":null}"#).await,
        Some(4_001)
    );
}

#[tokio::test]
async fn what_is_no_payload_is_closed_with_4002() {
    let sandbox = Sandbox::start().await;
    assert_eq!(refused_later(&sandbox, "{op:2}").await, Some(4_002));
    let incomplete = json!({"token": "sandbox-token"});
    assert_eq!(refused(&sandbox, 2, incomplete).await, Some(4_002));
}

#[tokio::test]
async fn a_payload_of_more_than_4096_bytes_is_closed_with_4002() {
    let sandbox = Sandbox::start().await;
    let (mut wire, _) = Wire::ready(&sandbox, PLAIN, identify(MESSAGES)).await;
    let sized = |size: usize| {
        let empty = json!({"op": 3, "d": {"name": ""}}).to_string();
        json!({"op": 3, "d": {"name": "x".repeat(size - empty.len())}}).to_string()
    };
    wire.send_text(&sized(4_096)).await;
    wire.send(1, json!(1)).await;
    wire.op(11).await;
    wire.send_text(&sized(4_097)).await;
    assert_eq!(wire.close_code().await, Some(4_002));
}

#[tokio::test]
async fn a_payload_before_identifying_is_closed_with_4003() {
    let sandbox = Sandbox::start().await;
    assert_eq!(
        refused(&sandbox, 3, json!({"status": "idle"})).await,
        Some(4_003)
    );
}

#[tokio::test]
async fn a_wrong_token_is_closed_with_4004_when_identifying_and_when_resuming() {
    let sandbox = Sandbox::start().await;
    let wrong = json!({"token": "wrong", "intents": 0, "properties": {}});
    assert_eq!(refused(&sandbox, 2, wrong).await, Some(4_004));
    let wrong = json!({"token": "wrong", "session_id": "x", "seq": 1});
    assert_eq!(refused(&sandbox, 6, wrong).await, Some(4_004));
}

#[tokio::test]
async fn identifying_twice_is_closed_with_4005() {
    let sandbox = Sandbox::start().await;
    let again = json!({"op": 2, "d": identify(MESSAGES)}).to_string();
    assert_eq!(refused_later(&sandbox, &again).await, Some(4_005));
}

#[tokio::test]
async fn resuming_after_a_sequence_that_never_was_is_closed_with_4007_and_ends_nothing_else() {
    let sandbox = Sandbox::start().await;
    let (wire, ready) = Wire::ready(&sandbox, PLAIN, identify(MESSAGES)).await;
    drop(wire);
    assert_eq!(
        refused(&sandbox, 6, resume(&ready, 1_000)).await,
        Some(4_007)
    );
}

#[tokio::test]
async fn more_than_120_payloads_a_minute_are_closed_with_4008() {
    let sandbox = Sandbox::start().await;
    let (mut wire, _) = Wire::ready(&sandbox, PLAIN, identify(MESSAGES)).await;
    for _ in 0..120 {
        wire.send(1, json!(1)).await;
    }
    assert_eq!(wire.close_code().await, Some(4_008));
}

#[tokio::test]
async fn a_client_without_heartbeats_is_closed_with_4009_and_its_session_is_over() {
    let sandbox = Sandbox::start().await;
    sandbox.set(json!({"heartbeat_ms": 100})).await;
    let (mut wire, ready) = Wire::ready(&sandbox, PLAIN, identify(MESSAGES)).await;
    assert_eq!(wire.close_code().await, Some(4_009));
    let mut again = Wire::connect(&sandbox, PLAIN).await;
    again.send(6, resume(&ready, 1)).await;
    assert_eq!(again.op(9).await["d"], false);
}

#[tokio::test]
async fn a_shard_that_cannot_be_is_closed_with_4010() {
    let sandbox = Sandbox::start().await;
    let impossible = identify_shard(MESSAGES, 2, 2);
    assert_eq!(refused(&sandbox, 2, impossible).await, Some(4_010));
}

#[tokio::test]
async fn too_many_servers_for_a_shard_are_closed_with_4011() {
    let sandbox = Sandbox::start().await;
    sandbox.set(json!({"servers_per_shard": 1})).await;
    let place = json!({"server": "Second"});
    sandbox.admin(Method::POST, "/places", place).await;
    assert_eq!(refused(&sandbox, 2, identify(SERVERS)).await, Some(4_011));
}

#[tokio::test]
async fn another_version_is_closed_with_4012() {
    let sandbox = Sandbox::start().await;
    let mut wire = Wire::connect(&sandbox, "v=6&encoding=json").await;
    assert_eq!(wire.close_code().await, Some(4_012));
}

#[tokio::test]
async fn intents_that_do_not_exist_or_are_not_allowed_are_closed_with_4013_and_4014() {
    let sandbox = Sandbox::start().await;
    assert_eq!(refused(&sandbox, 2, identify(1 << 40)).await, Some(4_013));
    assert_eq!(refused(&sandbox, 2, identify(1 << 1)).await, Some(4_014));
}

#[tokio::test]
async fn a_session_that_another_connection_took_over_is_closed_with_4000_here() {
    let sandbox = Sandbox::start().await;
    let (mut first, ready) = Wire::ready(&sandbox, PLAIN, identify(MESSAGES)).await;
    let mut second = Wire::connect(&sandbox, PLAIN).await;
    second.send(6, resume(&ready, 1)).await;
    second.event("RESUMED").await;
    assert_eq!(first.close_code().await, Some(4_000));
}
