//! A tool server that speaks the Model Context Protocol (`/services/tools`): a notebook, with a token.
//!
//! It answers in JSON and keeps no sessions. What its tools noted is at `/sandbox/notes`.

use std::time::Duration;

use axum::body::Bytes;
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use http::{HeaderMap, StatusCode, header};
use serde_json::{Value, json};

use super::Sandbox;
use super::model::KEY_PREFIX;

/// The version of the protocol that it speaks.
const VERSION: &str = "2025-11-25";
/// The longest that a tool can be told to take.
const LONGEST_MS: u64 = 60_000;

/// Answers one message.
pub(super) async fn serve(
    State(sandbox): State<Sandbox>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let token = headers.get(header::AUTHORIZATION);
    let token = token.and_then(|token| token.to_str().ok()?.strip_prefix("Bearer "));
    if !token.is_some_and(|token| token.starts_with(KEY_PREFIX)) {
        return StatusCode::UNAUTHORIZED.into_response();
    }
    match serde_json::from_slice(&body) {
        Ok(message) => answer(&sandbox, &message).await,
        Err(_unreadable) => StatusCode::BAD_REQUEST.into_response(),
    }
}

async fn answer(sandbox: &Sandbox, message: &Value) -> Response {
    let answer = match message["method"].as_str() {
        Some("initialize") => json!({"result": {
            "protocolVersion": VERSION, "capabilities": {"tools": {}},
            "serverInfo": {"name": "sandbox-notebook", "version": "1"},
        }}),
        Some("tools/list") => json!({"result": {"tools": tools(sandbox)}}),
        Some("tools/call") => call(sandbox, &message["params"]).await,
        _ if message["id"].is_null() => return StatusCode::ACCEPTED.into_response(),
        _ => json!({"error": {"code": -32_601, "message": "no such method"}}),
    };
    let mut whole = json!({"jsonrpc": "2.0", "id": message["id"]});
    for (key, value) in answer.as_object().into_iter().flatten() {
        super::shape::set(&mut whole, key, value.clone());
    }
    let kind = [(header::CONTENT_TYPE, "application/json")];
    (kind, whole.to_string()).into_response()
}

fn tools(sandbox: &Sandbox) -> Value {
    let sign = sandbox.peek(|world| world.sign.clone());
    json!([
        {"name": "read_sign", "description": sign.unwrap_or_else(|| "Reads the sign at the door.".into()),
         "inputSchema": {"type": "object", "properties": {}},
         "annotations": {"readOnlyHint": true}},
        {"name": "note", "description": "Writes a note down.",
         "inputSchema": {"type": "object", "required": ["text"], "properties": {
             "text": {"type": "string"},
             "wait_ms": {"type": "integer", "description": "How long it takes."}}}},
    ])
}

async fn call(sandbox: &Sandbox, params: &Value) -> Value {
    let arguments = &params["arguments"];
    let said = match params["name"].as_str() {
        Some("read_sign") => "The sign says: turn left at the maple.".to_owned(),
        Some("note") => {
            let text = arguments["text"].as_str().unwrap_or_default().to_owned();
            let count = sandbox.with(|world| {
                world.notes.push(text);
                world.notes.len()
            });
            let wait_ms = arguments["wait_ms"].as_u64().unwrap_or_default();
            tokio::time::sleep(Duration::from_millis(wait_ms.min(LONGEST_MS))).await;
            format!("Note {count} is written.")
        }
        _ => return json!({"error": {"code": -32_602, "message": "no such tool"}}),
    };
    json!({"result": {"content": [{"type": "text", "text": said}]}})
}
