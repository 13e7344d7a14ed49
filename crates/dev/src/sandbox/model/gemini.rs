//! Gemini's wire format: content, vectors and models (API reference v1beta, 2026-11).

use std::collections::HashMap;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Path, Query, State};
use axum::response::Response;
use axum::routing::get;
use http::HeaderMap;
use serde::Deserialize;
use serde_json::{Value, json};

use super::ask::{Ask, Role, Said, Tool, ToolUse, at, pictures_of, text_of};
use super::brain::{End, Reply};
use super::fault::Work;
use super::refusal::Problem;
use super::stream::Frames;
use super::{Caller, Format, Refusal, Sandbox, embed, header_text, respond};

const CHAT_MODELS: [&str; 4] = [
    "sandbox-chat",
    "gemini-2.5-flash",
    "gemini-2.5-flash-lite",
    "gemini-2.5-pro",
];
const EMBEDDING_MODELS: [(&str, usize); 3] = [
    ("sandbox-embedding", 256),
    ("gemini-embedding-001", 3_072),
    ("text-embedding-004", 768),
];
const MOST_DIMENSIONS: usize = 3_072;

/// The routes below `/model/gemini/v1beta`.
pub(super) fn router() -> Router<Sandbox> {
    Router::new()
        .route("/models", get(models))
        .route("/models/{call}", get(model).post(call))
}

type Parameters = Query<HashMap<String, String>>;

fn caller(sandbox: Sandbox, headers: &HeaderMap, query: &Parameters) -> Result<Caller, Refusal> {
    let key = header_text(headers, "x-goog-api-key").or_else(|| query.get("key").cloned());
    Caller::check(sandbox, Format::Gemini, key)
}

fn entry(name: &str, methods: &[&str]) -> Value {
    json!({
        "name": format!("models/{name}"), "version": "001", "displayName": name,
        "inputTokenLimit": 1_048_576, "outputTokenLimit": 65_536,
        "supportedGenerationMethods": methods,
    })
}

fn entries() -> Vec<Value> {
    let chat = CHAT_MODELS
        .iter()
        .map(|name| entry(name, &["generateContent", "countTokens"]));
    let embedding = EMBEDDING_MODELS
        .iter()
        .map(|(name, _)| entry(name, &["embedContent"]));
    chat.chain(embedding).collect()
}

async fn models(State(sandbox): State<Sandbox>, headers: HeaderMap, query: Parameters) -> Response {
    match caller(sandbox, &headers, &query) {
        Ok(caller) => {
            let list = json!({"models": entries()});
            caller.simple(Work::Models, "", || Ok(list)).await
        }
        Err(refusal) => *refusal,
    }
}

async fn model(
    State(sandbox): State<Sandbox>,
    Path(name): Path<String>,
    headers: HeaderMap,
    query: Parameters,
) -> Response {
    match caller(sandbox, &headers, &query) {
        Ok(caller) => {
            let full = format!("models/{name}");
            let found = entries()
                .into_iter()
                .find(|entry| entry["name"] == full.as_str());
            let found = found.ok_or_else(|| Problem::NoModel(name.clone()));
            caller.simple(Work::Models, &name, || found).await
        }
        Err(refusal) => *refusal,
    }
}

/// `MODEL:METHOD`.
async fn call(
    State(sandbox): State<Sandbox>,
    Path(call): Path<String>,
    headers: HeaderMap,
    query: Parameters,
    body: Bytes,
) -> Response {
    let caller = match caller(sandbox, &headers, &query) {
        Ok(caller) => caller,
        Err(refusal) => return *refusal,
    };
    let (model, method) = call.split_once(':').unwrap_or((&call, ""));
    match method {
        "generateContent" => caller.chat(&CHAT_MODELS, parse(model, &body, false)).await,
        "streamGenerateContent" if query.get("alt").is_some_and(|alt| alt == "sse") => {
            caller.chat(&CHAT_MODELS, parse(model, &body, true)).await
        }
        "streamGenerateContent" => {
            let problem = "the sandbox streams with alt=sse only".to_owned();
            caller.refuse(&Problem::Invalid(problem))
        }
        "countTokens" => {
            let count =
                || parse(model, &body, false).map(|ask| json!({"totalTokens": ask.tokens()}));
            caller.simple(Work::Chat, model, count).await
        }
        "embedContent" => {
            let one = || Ok(json!({"embedding": embedded(model, &content(&body)?)?}));
            caller.simple(Work::Embeddings, model, one).await
        }
        "batchEmbedContents" => {
            let all = || {
                let body = content(&body)?;
                let requests = at(&body, "/requests").as_array().into_iter().flatten();
                let vectors: Result<Vec<_>, _> =
                    requests.map(|request| embedded(model, request)).collect();
                Ok(json!({"embeddings": vectors?}))
            };
            caller.simple(Work::Embeddings, model, all).await
        }
        _ => caller.refuse(&Problem::NotFound),
    }
}

fn content(body: &Bytes) -> Result<Value, Problem> {
    serde_json::from_slice(body).map_err(|error| Problem::Invalid(error.to_string()))
}

fn embedded(model: &str, request: &Value) -> Result<Value, Problem> {
    let known = EMBEDDING_MODELS.iter().find(|(name, _)| *name == model);
    let (_, usual) = known.ok_or_else(|| Problem::NoModel(model.to_owned()))?;
    let wanted = request["outputDimensionality"].as_u64();
    let dimensions = wanted
        .and_then(|wanted| usize::try_from(wanted).ok())
        .unwrap_or(*usual);
    if !(1..=MOST_DIMENSIONS).contains(&dimensions) {
        return Err(Problem::Invalid(format!(
            "outputDimensionality is 1 to {MOST_DIMENSIONS}"
        )));
    }
    let text = text_of(at(request, "/content/parts"));
    Ok(json!({"values": embed::vector(&text, dimensions)}))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Request {
    contents: Vec<Content>,
    // Both spellings are accepted: clients in Python send the second.
    #[serde(alias = "system_instruction")]
    system_instruction: Option<Content>,
    #[serde(default, alias = "generation_config")]
    generation_config: Value,
    #[serde(default)]
    tools: Vec<Value>,
    #[serde(default, alias = "tool_config")]
    tool_config: Value,
}

#[derive(Deserialize)]
struct Content {
    #[serde(default)]
    role: Option<String>,
    #[serde(default)]
    parts: Value,
}

fn parse(model: &str, body: &Bytes, is_streamed: bool) -> Result<Ask, Problem> {
    let request: Request =
        serde_json::from_slice(body).map_err(|error| Problem::Invalid(error.to_string()))?;
    if request.contents.is_empty() {
        return Err(Problem::Invalid(
            "* GenerateContentRequest.contents: contents is not specified".to_owned(),
        ));
    }
    let declared = request.tools.iter().flat_map(|tools| {
        tools["functionDeclarations"]
            .as_array()
            .into_iter()
            .flatten()
    });
    let tool = |tool: &Value| Tool {
        name: tool["name"].as_str().unwrap_or_default().to_owned(),
        schema: ["parameters", "parametersJsonSchema"]
            .iter()
            .find_map(|key| tool.get(*key))
            .cloned()
            .unwrap_or_default(),
    };
    let choice = at(&request.tool_config, "/functionCallingConfig");
    let tool_use = match (
        choice["mode"].as_str(),
        at(choice, "/allowedFunctionNames/0").as_str(),
    ) {
        (Some("NONE"), _) => ToolUse::Never,
        (Some("ANY"), Some(name)) => ToolUse::Named(name.to_owned()),
        (Some("ANY"), None) => ToolUse::Always,
        _ => ToolUse::Free,
    };
    let config = &request.generation_config;
    let longest = config["maxOutputTokens"]
        .as_u64()
        .and_then(|tokens| usize::try_from(tokens).ok());
    let wants_json = config["responseMimeType"] == "application/json";
    let schema = ["responseSchema", "responseJsonSchema"]
        .iter()
        .find_map(|key| config.get(*key));
    Ok(Ask {
        said: request.contents.iter().map(said).collect(),
        system: request
            .system_instruction
            .map(|content| text_of(&content.parts))
            .unwrap_or_default(),
        tools: declared.map(tool).collect(),
        tool_use,
        schema: wants_json.then(|| schema.cloned().unwrap_or_else(|| json!({"type": "object"}))),
        is_one_by_one: false,
        longest,
        is_streamed,
        wants_usage: true,
        model: model.to_owned(),
    })
}

fn said(content: &Content) -> Said {
    let parts = content
        .parts
        .as_array()
        .map(Vec::as_slice)
        .unwrap_or_default();
    let results = parts.iter().filter_map(|part| part.get("functionResponse"));
    let results: Vec<_> = results
        .map(|result| result["response"].to_string())
        .collect();
    let has_calls = parts.iter().any(|part| part.get("functionCall").is_some());
    let pictures = pictures_of(&content.parts);
    let role = match content.role.as_deref() {
        _ if !results.is_empty() => Role::Tool,
        Some("model") => Role::Model,
        _ => Role::Person,
    };
    let text = match role {
        Role::Tool => results.join("\n"),
        _ if has_calls => String::new(),
        _ => text_of(&content.parts),
    };
    Said {
        role,
        text,
        pictures,
    }
}

fn finish(reply: &Reply) -> &'static str {
    match reply.end {
        End::Complete | End::Tools => "STOP",
        End::Length => "MAX_TOKENS",
        End::Filter => "SAFETY",
    }
}

fn chunk(reply: &Reply, parts: Value, finish: Option<&str>) -> Value {
    let mut candidate = json!({"content": {"parts": parts, "role": "model"}, "index": 0});
    if let Some(finish) = finish {
        super::super::shape::set(&mut candidate, "finishReason", finish.into());
    }
    json!({
        "candidates": [candidate], "modelVersion": reply.model,
        "responseId": format!("{:016x}", reply.id),
        "usageMetadata": {"promptTokenCount": reply.prompt_tokens,
            "candidatesTokenCount": reply.written_tokens,
            "totalTokenCount": reply.prompt_tokens + reply.written_tokens},
    })
}

fn calls(reply: &Reply) -> impl Iterator<Item = Value> {
    reply
        .calls
        .iter()
        .map(|call| json!({"functionCall": {"name": call.name, "args": call.arguments}}))
}

/// The answer in one piece.
pub(super) fn whole(reply: &Reply) -> Value {
    let text = Some(&reply.text)
        .filter(|text| !text.is_empty())
        .map(|text| json!({"text": text}));
    let parts: Vec<_> = text.into_iter().chain(calls(reply)).collect();
    chunk(reply, parts.into(), Some(finish(reply)))
}

/// The answer as server-sent events; the last one says why it ends.
pub(super) fn frames(reply: &Reply) -> Frames {
    let event = |body: Value| format!("data: {body}\n\n");
    let words = reply
        .pieces()
        .into_iter()
        .map(|piece| json!({"text": piece}));
    let parts = words.chain(calls(reply));
    Frames {
        head: Vec::new(),
        body: parts
            .map(|part| event(chunk(reply, json!([part]), None)))
            .collect(),
        tail: vec![event(chunk(
            reply,
            json!([{"text": ""}]),
            Some(finish(reply)),
        ))],
    }
}

/// A question that a filter refuses is answered with 200 and no candidate.
pub(super) fn blocked(reply: &Reply, is_streamed: bool) -> Response {
    let body = json!({
        "promptFeedback": {"blockReason": "SAFETY"}, "modelVersion": reply.model,
        "usageMetadata": {"promptTokenCount": reply.prompt_tokens, "totalTokenCount": reply.prompt_tokens},
    });
    if is_streamed {
        let event = Body::from(format!("data: {body}\n\n"));
        respond(200, "text/event-stream; charset=utf-8", event)
    } else {
        super::json(&body)
    }
}
