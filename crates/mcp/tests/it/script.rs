//! A tool server at the wire: what it answers to each message.

use std::time::Duration;

use mcp::{Error, Limits, Server, Session};
use serde_json::{Value, json};

use crate::web::{Asked, Reply};
use crate::world::World;

pub(crate) const LIMITS: Limits = Limits {
    connect: Duration::from_secs(10),
    call: Duration::from_secs(10),
    response_bytes: 64 * 1024,
};

/// The message of a request; `Null` where there is none.
pub(crate) fn message(asked: &Asked) -> Value {
    serde_json::from_slice(&asked.body).unwrap_or_default()
}

pub(crate) fn json(body: &Value) -> Reply {
    let body = body.to_string();
    Reply::new(200, "content-type: application/json\r\n", body.as_bytes())
}

/// The result to a message, as plain JSON.
pub(crate) fn result(asked: &Asked, result: &Value) -> Reply {
    json(&json!({"jsonrpc": "2.0", "id": message(asked)["id"], "result": result}))
}

/// An ordinary server with a tool `greet`.
pub(crate) fn ordinary(asked: &Asked) -> Reply {
    match message(asked)["method"].as_str() {
        Some("initialize") => result(
            asked,
            &json!({
                "protocolVersion": "2025-11-25",
                "capabilities": {"tools": {}},
                "serverInfo": {"name": "x", "version": "1"},
            }),
        ),
        Some("tools/list") => result(
            asked,
            &json!({"tools": [
                {"name": "greet", "description": "Greets.", "inputSchema": {"type": "object"}},
            ]}),
        ),
        Some("tools/call") => result(
            asked,
            &json!({"content": [{"type": "text", "text": "hello"}]}),
        ),
        _ => Reply::new(202, "", b""),
    }
}

pub(crate) fn server(world: &World, url: &str, limits: Limits) -> Result<Server, Error> {
    Server::new(&world.client, url, None, limits)
}

pub(crate) async fn open(world: &World) -> Result<Session, Error> {
    let server = server(world, "https://a.example.com/mcp", LIMITS)?;
    Session::open(&server).await
}
