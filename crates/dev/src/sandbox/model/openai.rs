//! OpenAI's wire format: chat completions, embeddings, images, models (API reference, 2026-11).

mod works;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::response::Response;
use axum::routing::{get, post};
use http::{HeaderMap, header};
use serde::Deserialize;
use serde_json::{Value, json};

use super::ask::{Ask, Role, Said, Tool, ToolUse, at, pictures_of, text_of};
use super::brain::{End, Reply};
use super::fault::Work;
use super::refusal::Problem;
use super::stream::Frames;
use super::{Caller, Format, Refusal, Sandbox, header_text};
use crate::sandbox::clock;

/// Models that talk. Those of others are there because they are the defaults of the providers
/// that this server stands in for.
const CHAT_MODELS: [&str; 12] = [
    "sandbox-chat",
    "sandbox-chat-mini",
    WITHOUT_TOOLS,
    WITHOUT_PICTURES,
    "gpt-5-mini",
    "gpt-5",
    "gpt-4.1-mini",
    "gpt-4o-mini",
    "openai/gpt-4.1-mini",
    "deepseek-chat",
    "meta/llama-3.3-70b-instruct",
    "glm-4.6",
];

/// A model that knows no tools and refuses questions that offer some.
const WITHOUT_TOOLS: &str = "sandbox-chat-plain";

/// A model that cannot see and refuses questions with pictures.
const WITHOUT_PICTURES: &str = "sandbox-chat-blind";

/// The routes below `/model/v1`.
pub(super) fn router() -> Router<Sandbox> {
    Router::new()
        .route("/models", get(models))
        .route("/key", get(key_page))
        .route("/chat/completions", post(complete))
        .route("/embeddings", post(works::embeddings))
        .route("/images/generations", post(works::images))
        .route("/images/files/{name}", get(works::image_file))
}

fn caller(sandbox: Sandbox, headers: &HeaderMap) -> Result<Caller, Refusal> {
    let given = header_text(headers, header::AUTHORIZATION.as_str());
    let key = given.and_then(|value| value.strip_prefix("Bearer ").map(str::to_owned));
    Caller::check(sandbox, Format::OpenAi, key)
}

fn parse<'de, T: Deserialize<'de>>(body: &'de Bytes) -> Result<T, Problem> {
    serde_json::from_slice(body).map_err(|error| Problem::Invalid(error.to_string()))
}

async fn models(State(sandbox): State<Sandbox>, headers: HeaderMap) -> Response {
    let caller = match caller(sandbox, &headers) {
        Ok(caller) => caller,
        Err(refusal) => return *refusal,
    };
    let model = |id: &str| json!({"id": id, "object": "model", "created": 1_700_000_000, "owned_by": "sandbox"});
    let embedding = works::EMBEDDING_MODELS.iter().map(|(id, _)| *id);
    let all = CHAT_MODELS
        .into_iter()
        .chain(embedding)
        .chain(works::IMAGE_MODELS);
    let list = json!({"object": "list", "data": all.map(model).collect::<Vec<_>>()});
    caller.simple(Work::Models, "", || Ok(list)).await
}

/// The page of `OpenRouter` about a key; others have none, and nobody else asks for it.
async fn key_page(State(sandbox): State<Sandbox>, headers: HeaderMap) -> Response {
    match caller(sandbox, &headers) {
        Ok(_) => super::json(&json!({"data": {
            "label": "sandbox", "usage": 0, "limit": null, "is_free_tier": false,
        }})),
        Err(refusal) => *refusal,
    }
}

async fn complete(State(sandbox): State<Sandbox>, headers: HeaderMap, body: Bytes) -> Response {
    match caller(sandbox, &headers) {
        Ok(caller) => caller.chat(&CHAT_MODELS, parse(&body).and_then(ask)).await,
        Err(refusal) => *refusal,
    }
}

#[derive(Deserialize)]
struct Request {
    model: String,
    messages: Vec<Message>,
    #[serde(default)]
    stream: bool,
    #[serde(default)]
    stream_options: Value,
    max_tokens: Option<usize>,
    max_completion_tokens: Option<usize>,
    #[serde(default)]
    tools: Vec<Value>,
    #[serde(default)]
    tool_choice: Value,
    parallel_tool_calls: Option<bool>,
    #[serde(default)]
    response_format: Value,
}

#[derive(Deserialize)]
struct Message {
    role: String,
    #[serde(default)]
    content: Value,
    #[serde(default)]
    tool_calls: Vec<Value>,
}

fn ask(request: Request) -> Result<Ask, Problem> {
    if request.messages.is_empty() {
        return Err(Problem::Invalid("'messages' must not be empty".to_owned()));
    }
    if request.model == WITHOUT_TOOLS && !request.tools.is_empty() {
        return Err(Problem::Invalid(format!(
            "{WITHOUT_TOOLS} does not support tools"
        )));
    }
    let said = said(&request)?;
    let system: Vec<_> = request
        .messages
        .iter()
        .filter(|message| is_instruction(message))
        .map(|message| text_of(&message.content))
        .collect();
    let tool = |tool: &Value| Tool {
        name: at(tool, "/function/name")
            .as_str()
            .unwrap_or_default()
            .to_owned(),
        schema: at(tool, "/function/parameters").clone(),
    };
    let tool_use = match &request.tool_choice {
        Value::String(choice) if choice == "none" => ToolUse::Never,
        Value::String(choice) if choice == "required" => ToolUse::Always,
        choice => match at(choice, "/function/name").as_str() {
            Some(name) => ToolUse::Named(name.to_owned()),
            None => ToolUse::Free,
        },
    };
    let schema = match at(&request.response_format, "/type").as_str() {
        Some("json_schema") => Some(at(&request.response_format, "/json_schema/schema").clone()),
        Some("json_object") => {
            Some(json!({"type": "object", "properties": {"answer": {"type": "string"}}}))
        }
        _ => None,
    };
    Ok(Ask {
        said,
        system: system.join("\n\n"),
        tools: request.tools.iter().map(tool).collect(),
        tool_use,
        schema,
        is_one_by_one: request.parallel_tool_calls == Some(false),
        longest: request.max_completion_tokens.or(request.max_tokens),
        is_streamed: request.stream,
        wants_usage: at(&request.stream_options, "/include_usage") == true,
        model: request.model,
    })
}

/// The conversation without its instructions, as far as the model takes it.
fn said(request: &Request) -> Result<Vec<Said>, Problem> {
    let messages = request.messages.iter();
    let said = messages
        .filter(|message| !is_instruction(message))
        .map(message);
    let said: Vec<_> = said.collect::<Result<_, _>>()?;
    if request.model == WITHOUT_PICTURES && said.iter().any(|said| !said.pictures.is_empty()) {
        return Err(Problem::Invalid(
            "Invalid content type. image_url is only supported by certain models.".to_owned(),
        ));
    }
    Ok(said)
}

fn is_instruction(message: &Message) -> bool {
    ["system", "developer"].contains(&message.role.as_str())
}

fn message(message: &Message) -> Result<Said, Problem> {
    let role = match message.role.as_str() {
        "user" => Role::Person,
        "assistant" => Role::Model,
        "tool" | "function" => Role::Tool,
        other => {
            return Err(Problem::Invalid(format!(
                "Invalid value: '{other}'. Supported values are: 'system', 'assistant', 'user', 'function', 'tool', and 'developer'."
            )));
        }
    };
    // Somebody who called a tool has not begun an answer.
    let text = if message.tool_calls.is_empty() {
        text_of(&message.content)
    } else {
        String::new()
    };
    Ok(Said {
        role,
        text,
        pictures: pictures_of(&message.content),
    })
}

fn finish(reply: &Reply) -> &'static str {
    match reply.end {
        End::Complete => "stop",
        End::Length => "length",
        End::Tools => "tool_calls",
        End::Filter => "content_filter",
    }
}

fn usage(reply: &Reply) -> Value {
    json!({
        "prompt_tokens": reply.prompt_tokens, "completion_tokens": reply.written_tokens,
        "total_tokens": reply.prompt_tokens + reply.written_tokens,
        "prompt_tokens_details": {"cached_tokens": 0, "audio_tokens": 0},
        "completion_tokens_details": {"reasoning_tokens": 0, "audio_tokens": 0,
            "accepted_prediction_tokens": 0, "rejected_prediction_tokens": 0},
    })
}

/// The answer in one piece.
pub(super) fn whole(reply: &Reply) -> Value {
    let mut message = json!({
        "role": "assistant", "content": reply.text, "refusal": null, "annotations": [],
    });
    if !reply.calls.is_empty() {
        let call = |call: &super::tools::Call| {
            json!({
                "id": format!("call_{:016x}", call.id), "type": "function",
                "function": {"name": call.name, "arguments": call.arguments.to_string()},
            })
        };
        super::super::shape::set(&mut message, "content", Value::Null);
        let calls = reply.calls.iter().map(call).collect();
        super::super::shape::set(&mut message, "tool_calls", calls);
    }
    json!({
        "id": format!("chatcmpl-{:016x}", reply.id), "object": "chat.completion",
        "created": clock::now_ms() / 1_000, "model": reply.model, "usage": usage(reply),
        "service_tier": "default", "system_fingerprint": "fp_sandbox",
        "choices": [{"index": 0, "logprobs": null, "finish_reason": finish(reply), "message": message}],
    })
}

/// The answer as server-sent events.
pub(super) fn frames(reply: &Reply, wants_usage: bool) -> Frames {
    let created = clock::now_ms() / 1_000;
    let event = |choices: Value, usage: Value| {
        let chunk = json!({
            "id": format!("chatcmpl-{:016x}", reply.id), "object": "chat.completion.chunk",
            "created": created, "model": reply.model, "service_tier": "default",
            "system_fingerprint": "fp_sandbox", "choices": choices, "usage": usage,
        });
        format!("data: {chunk}\n\n")
    };
    let delta = |delta: Value, finish: Value| {
        event(
            json!([{"index": 0, "delta": delta, "logprobs": null, "finish_reason": finish}]),
            Value::Null,
        )
    };
    let words = reply
        .pieces()
        .into_iter()
        .map(|piece| delta(json!({"content": piece}), Value::Null));
    let calls = reply.calls.iter().enumerate().flat_map(|(index, call)| {
        let begin = json!({"tool_calls": [{
            "index": index, "id": format!("call_{:016x}", call.id), "type": "function",
            "function": {"name": call.name, "arguments": ""},
        }]});
        let more = |piece: String| json!({"tool_calls": [{"index": index, "function": {"arguments": piece}}]});
        let arguments = argument_pieces(&call.arguments).into_iter().map(more);
        std::iter::once(begin).chain(arguments).map(|part| delta(part, Value::Null)).collect::<Vec<_>>()
    });
    let first = json!({"role": "assistant", "content": "", "refusal": null});
    let mut tail = vec![delta(json!({}), finish(reply).into())];
    if wants_usage {
        tail.push(event(json!([]), usage(reply)));
    }
    tail.push("data: [DONE]\n\n".to_owned());
    Frames {
        head: vec![delta(first, Value::Null)],
        body: words.chain(calls).collect(),
        tail,
    }
}

/// Cuts arguments as they are streamed: in the middle of strings and numbers.
pub(super) fn argument_pieces(arguments: &Value) -> Vec<String> {
    let letters: Vec<char> = arguments.to_string().chars().collect();
    letters
        .chunks(8)
        .map(|piece| piece.iter().collect())
        .collect()
}
