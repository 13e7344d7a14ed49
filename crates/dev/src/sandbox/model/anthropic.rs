//! Anthropic's wire format: messages and models (API reference, 2026-11).

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::response::Response;
use axum::routing::{get, post};
use http::HeaderMap;
use serde::Deserialize;
use serde_json::{Value, json};

use super::ask::{Ask, Role, Said, Tool, ToolUse, count_of, pictures_of, text_of};
use super::brain::{End, Reply};
use super::fault::Work;
use super::openai::argument_pieces;
use super::refusal::Problem;
use super::stream::Frames;
use super::{Caller, Format, Refusal, Sandbox, header_text};

const MODELS: [&str; 5] = [
    "sandbox-chat",
    "claude-haiku-4-5",
    "claude-sonnet-4-5",
    "claude-opus-4-5",
    "claude-3-5-haiku-latest",
];

/// The routes below `/model/anthropic/v1`.
pub(super) fn router() -> Router<Sandbox> {
    Router::new()
        .route("/models", get(models))
        .route("/messages", post(messages))
        .route("/messages/count_tokens", post(count_tokens))
}

fn caller(sandbox: Sandbox, headers: &HeaderMap) -> Result<Caller, Refusal> {
    let caller = Caller::check(
        sandbox,
        Format::Anthropic,
        header_text(headers, "x-api-key"),
    )?;
    match header_text(headers, "anthropic-version") {
        Some(_) => Ok(caller),
        None => Err(Refusal::new(caller.refuse(&Problem::Invalid(
            "anthropic-version: header is required".to_owned(),
        )))),
    }
}

async fn models(State(sandbox): State<Sandbox>, headers: HeaderMap) -> Response {
    let caller = match caller(sandbox, &headers) {
        Ok(caller) => caller,
        Err(refusal) => return *refusal,
    };
    let model = |id: &&str| {
        json!({
            "type": "model", "id": id, "display_name": id, "created_at": "2026-01-01T00:00:00Z",
        })
    };
    let list = json!({
        "data": MODELS.iter().map(model).collect::<Vec<_>>(), "has_more": false,
        "first_id": MODELS.first(), "last_id": MODELS.last(),
    });
    caller.simple(Work::Models, "", || Ok(list)).await
}

async fn messages(State(sandbox): State<Sandbox>, headers: HeaderMap, body: Bytes) -> Response {
    match caller(sandbox, &headers) {
        Ok(caller) => {
            caller
                .chat(&MODELS, parse(&body).and_then(with_limit))
                .await
        }
        Err(refusal) => *refusal,
    }
}

async fn count_tokens(State(sandbox): State<Sandbox>, headers: HeaderMap, body: Bytes) -> Response {
    match caller(sandbox, &headers) {
        Ok(caller) => {
            let count = || parse(&body).map(|ask| json!({"input_tokens": ask.tokens()}));
            caller.simple(Work::Chat, "", count).await
        }
        Err(refusal) => *refusal,
    }
}

#[derive(Deserialize)]
struct Request {
    model: String,
    messages: Vec<Message>,
    #[serde(default)]
    system: Value,
    #[serde(default)]
    stream: bool,
    max_tokens: Option<usize>,
    #[serde(default)]
    tools: Vec<Value>,
    #[serde(default)]
    tool_choice: Value,
}

#[derive(Deserialize)]
struct Message {
    role: String,
    content: Value,
}

fn with_limit(ask: Ask) -> Result<Ask, Problem> {
    if ask.longest.is_none() {
        return Err(Problem::Invalid("max_tokens: Field required".to_owned()));
    }
    Ok(ask)
}

fn parse(body: &Bytes) -> Result<Ask, Problem> {
    let request: Request =
        serde_json::from_slice(body).map_err(|error| Problem::Invalid(error.to_string()))?;
    if request.messages.is_empty() {
        return Err(Problem::Invalid(
            "messages: at least one message is required".to_owned(),
        ));
    }
    let tool = |tool: &Value| Tool {
        name: tool["name"].as_str().unwrap_or_default().to_owned(),
        schema: tool["input_schema"].clone(),
    };
    let choice = &request.tool_choice;
    let tool_use = match choice["type"].as_str() {
        Some("none") => ToolUse::Never,
        Some("any") => ToolUse::Always,
        Some("tool") => ToolUse::Named(choice["name"].as_str().unwrap_or_default().to_owned()),
        _ => ToolUse::Free,
    };
    let said = request
        .messages
        .iter()
        .map(message)
        .collect::<Result<Vec<_>, _>>()?;
    Ok(Ask {
        said: said.into_iter().flatten().collect(),
        system: text_of(&request.system),
        tools: request.tools.iter().map(tool).collect(),
        tool_use,
        is_one_by_one: choice["disable_parallel_tool_use"] == true,
        longest: request.max_tokens,
        is_streamed: request.stream,
        wants_usage: true,
        model: request.model,
        schema: None,
    })
}

/// A message of a person may hold answers of tools beside words.
fn message(message: &Message) -> Result<Vec<Said>, Problem> {
    let parts = message.content.as_array().into_iter().flatten();
    let results = parts.filter(|part| part["type"] == "tool_result");
    let result = |part: &Value| Said {
        role: Role::Tool,
        text: text_of(&part["content"]),
        pictures: Vec::new(),
    };
    let mut said: Vec<Said> = results.map(result).collect();
    let role = match message.role.as_str() {
        "user" => Role::Person,
        "assistant" => Role::Model,
        other => {
            return Err(Problem::Invalid(format!(
                "messages: Unexpected role \"{other}\". The allowed roles are \"user\" or \"assistant\"."
            )));
        }
    };
    let has_calls = count_of(&message.content, &["tool_use"]) > 0;
    let text = if has_calls {
        String::new()
    } else {
        text_of(&message.content)
    };
    let pictures = pictures_of(&message.content);
    if said.is_empty() || !text.is_empty() {
        said.insert(
            0,
            Said {
                role,
                text,
                pictures,
            },
        );
    }
    Ok(said)
}

fn finish(reply: &Reply) -> &'static str {
    match reply.end {
        End::Complete => "end_turn",
        End::Length => "max_tokens",
        End::Tools => "tool_use",
        End::Filter => "refusal",
    }
}

fn head(reply: &Reply, content: Value, finish: Value, written: usize) -> Value {
    json!({
        "id": format!("msg_{:016x}", reply.id), "type": "message", "role": "assistant",
        "model": reply.model, "content": content, "stop_reason": finish, "stop_sequence": null,
        "usage": {"input_tokens": reply.prompt_tokens, "cache_creation_input_tokens": 0,
            "cache_read_input_tokens": 0, "output_tokens": written, "service_tier": "standard"},
    })
}

/// The answer in one piece.
pub(super) fn whole(reply: &Reply) -> Value {
    let text = Some(&reply.text).filter(|text| !text.is_empty());
    let text = text.map(|text| json!({"type": "text", "text": text}));
    let call = |call: &super::tools::Call| {
        json!({
            "type": "tool_use", "id": format!("toolu_{:016x}", call.id), "name": call.name,
            "input": call.arguments,
        })
    };
    let content: Vec<_> = text
        .into_iter()
        .chain(reply.calls.iter().map(call))
        .collect();
    head(
        reply,
        content.into(),
        finish(reply).into(),
        reply.written_tokens,
    )
}

fn event(kind: &str, mut body: Value) -> String {
    super::super::shape::set(&mut body, "type", kind.into());
    format!("event: {kind}\ndata: {body}\n\n")
}

fn delta(index: usize, delta: Value) -> String {
    event(
        "content_block_delta",
        json!({"index": index, "delta": delta}),
    )
}

/// The answer as server-sent events.
pub(super) fn frames(reply: &Reply) -> Frames {
    let start = json!({"message": head(reply, json!([]), Value::Null, 1)});
    let mut frames = Frames {
        head: vec![event("message_start", start)],
        ..Frames::default()
    };
    let begin = |index: usize, block: Value| {
        event(
            "content_block_start",
            json!({"index": index, "content_block": block}),
        )
    };
    let stop = |index: usize| event("content_block_stop", json!({"index": index}));
    let has_words = !reply.text.is_empty();
    if has_words {
        frames
            .head
            .push(begin(0, json!({"type": "text", "text": ""})));
        frames.head.push(event("ping", json!({})));
        let words = reply.pieces().into_iter();
        frames
            .body
            .extend(words.map(|piece| delta(0, json!({"type": "text_delta", "text": piece}))));
        frames.tail.push(stop(0));
    }
    for (index, call) in (usize::from(has_words)..).zip(&reply.calls) {
        let id = format!("toolu_{:016x}", call.id);
        let block = json!({"type": "tool_use", "id": id, "name": call.name, "input": {}});
        frames.body.push(begin(index, block));
        let pieces = argument_pieces(&call.arguments).into_iter();
        let pieces = pieces.map(|piece| json!({"type": "input_json_delta", "partial_json": piece}));
        frames.body.extend(pieces.map(|piece| delta(index, piece)));
        frames.body.push(stop(index));
    }
    let end = json!({"stop_reason": finish(reply), "stop_sequence": null});
    let usage = json!({"output_tokens": reply.written_tokens});
    frames.tail.push(event(
        "message_delta",
        json!({"delta": end, "usage": usage}),
    ));
    frames.tail.push(event("message_stop", json!({})));
    frames
}
