//! OpenAI's requests, answers, events and errors as JSON (OpenAI API reference, 2026-11).

use axum::body::{Body, Bytes};
use axum::response::Response;
use http::{HeaderValue, StatusCode, header};
use serde::Deserialize;
use serde_json::{Value, json};
use xxhash_rust::xxh3::xxh3_64_with_seed;

use super::answer;
use crate::sandbox::clock;

/// Characters of a token, about, as in English.
const CHARACTERS_PER_TOKEN: usize = 4;
/// Words that one event carries.
const WORDS_PER_PIECE: usize = 3;

/// A chat request.
#[derive(Debug, Deserialize)]
pub(super) struct Request {
    model: String,
    messages: Vec<Message>,
    #[serde(default)]
    stream: bool,
    stream_options: Option<StreamOptions>,
    max_tokens: Option<usize>,
    max_completion_tokens: Option<usize>,
}

#[derive(Debug, Deserialize)]
struct StreamOptions {
    #[serde(default)]
    include_usage: bool,
}

#[derive(Debug, Deserialize)]
struct Message {
    role: String,
    #[serde(default)]
    content: Value,
}

impl Message {
    /// Returns the text, whole or of its parts.
    fn text(&self) -> String {
        match &self.content {
            Value::String(text) => text.clone(),
            Value::Array(parts) => parts
                .iter()
                .filter_map(|part| part["text"].as_str())
                .collect::<Vec<_>>()
                .join("\n"),
            _ => String::new(),
        }
    }
}

impl Request {
    /// Reads a body.
    pub(super) fn parse(body: &Bytes) -> Result<Self, Problem> {
        let request: Self =
            serde_json::from_slice(body).map_err(|error| Problem::Invalid(error.to_string()))?;
        if request.messages.is_empty() {
            return Err(Problem::Invalid("'messages' must not be empty".to_owned()));
        }
        Ok(request)
    }

    /// The model that is asked.
    pub(super) fn model(&self) -> &str {
        &self.model
    }

    /// Whether the answer is wanted piece by piece.
    pub(super) fn is_streamed(&self) -> bool {
        self.stream
    }

    /// Whether the last event should count tokens.
    pub(super) fn wants_usage(&self) -> bool {
        self.stream_options
            .as_ref()
            .is_some_and(|options| options.include_usage)
    }

    fn prompt_tokens(&self) -> usize {
        self.messages
            .iter()
            .map(|message| tokens(&message.text()))
            .sum()
    }
}

fn tokens(text: &str) -> usize {
    text.chars().count().div_ceil(CHARACTERS_PER_TOKEN)
}

/// An answer.
#[derive(Debug)]
pub(super) struct Completion {
    id: String,
    model: String,
    created: u64,
    text: String,
    finish: &'static str,
    prompt_tokens: usize,
}

impl Completion {
    /// Makes the answer to a request.
    pub(super) fn of(request: &Request, seed: u64) -> Self {
        let said_by = |role: &str| {
            request
                .messages
                .iter()
                .rfind(|message| message.role == role)
        };
        let question = said_by("user").map(Message::text).unwrap_or_default();
        let last = request
            .messages
            .last()
            .filter(|message| message.role == "assistant");
        let begun = last.map(Message::text).unwrap_or_default();
        let mut text = answer::rest(&answer::answer(&question, seed), &begun).to_owned();
        let limit = request
            .max_completion_tokens
            .or(request.max_tokens)
            .unwrap_or(usize::MAX);
        let longest = limit.saturating_mul(CHARACTERS_PER_TOKEN);
        let cut = text.char_indices().nth(longest).map(|(at, _)| at);
        if let Some(at) = cut {
            text.truncate(at);
        }
        Self {
            id: format!(
                "chatcmpl-{:016x}",
                xxh3_64_with_seed(question.as_bytes(), seed)
            ),
            model: request.model.clone(),
            created: clock::now_ms() / 1_000,
            text,
            finish: if cut.is_some() { "length" } else { "stop" },
            prompt_tokens: request.prompt_tokens(),
        }
    }

    /// Cuts the answer into pieces of some words with the white space after them.
    pub(super) fn pieces(&self) -> Vec<String> {
        let words: Vec<_> = self.text.split_inclusive(char::is_whitespace).collect();
        words
            .chunks(WORDS_PER_PIECE)
            .map(<[&str]>::concat)
            .collect()
    }

    fn usage(&self) -> Value {
        let written = tokens(&self.text);
        json!({
            "prompt_tokens": self.prompt_tokens, "completion_tokens": written,
            "total_tokens": self.prompt_tokens + written,
            "prompt_tokens_details": {"cached_tokens": 0, "audio_tokens": 0},
            "completion_tokens_details": {"reasoning_tokens": 0, "audio_tokens": 0,
                "accepted_prediction_tokens": 0, "rejected_prediction_tokens": 0},
        })
    }

    /// The answer in one piece.
    pub(super) fn whole(&self) -> Value {
        json!({
            "id": self.id, "object": "chat.completion", "created": self.created,
            "model": self.model, "usage": self.usage(), "service_tier": "default",
            "system_fingerprint": "fp_sandbox",
            "choices": [{
                "index": 0, "logprobs": null, "finish_reason": self.finish,
                "message": {"role": "assistant", "content": self.text, "refusal": null,
                    "annotations": []},
            }],
        })
    }

    fn event(&self, choices: Value, usage: Value) -> String {
        let chunk = json!({
            "id": self.id, "object": "chat.completion.chunk", "created": self.created,
            "model": self.model, "service_tier": "default", "system_fingerprint": "fp_sandbox",
            "choices": choices, "usage": usage,
        });
        format!("data: {chunk}\n\n")
    }

    /// The answer as server-sent events.
    pub(super) fn events(&self, wants_usage: bool) -> Vec<String> {
        let choice = |delta: Value, finish: Value| json!([{"index": 0, "delta": delta, "logprobs": null, "finish_reason": finish}]);
        let first = json!({"role": "assistant", "content": "", "refusal": null});
        let mut events = vec![self.event(choice(first, Value::Null), Value::Null)];
        for piece in self.pieces() {
            let delta = json!({"content": piece});
            events.push(self.event(choice(delta, Value::Null), Value::Null));
        }
        events.push(self.event(choice(json!({}), self.finish.into()), Value::Null));
        if wants_usage {
            events.push(self.event(json!([]), self.usage()));
        }
        events.push("data: [DONE]\n\n".to_owned());
        events
    }
}

/// What is wrong with a request.
#[derive(Debug)]
pub(super) enum Problem {
    NoKey,
    WrongKey,
    NoModel(String),
    Invalid(String),
}

impl Problem {
    /// How it is answered.
    pub(super) fn response(&self) -> Response {
        let (status, message, code) = match self {
            Self::NoKey => (
                401,
                "You didn't provide an API key.".to_owned(),
                Value::Null,
            ),
            Self::WrongKey => (
                401,
                "Incorrect API key provided.".to_owned(),
                "invalid_api_key".into(),
            ),
            Self::NoModel(name) => (
                404,
                format!("The model `{name}` does not exist or you do not have access to it."),
                "model_not_found".into(),
            ),
            Self::Invalid(problem) => (400, problem.clone(), Value::Null),
        };
        let error = json!({
            "message": message, "type": "invalid_request_error", "param": null, "code": code,
        });
        json(status, &json!({"error": error}))
    }
}

/// The list of models.
pub(super) fn models(names: &[&str]) -> Value {
    let model = |name: &&str| json!({"id": name, "object": "model", "created": 1_700_000_000, "owned_by": "sandbox"});
    json!({"object": "list", "data": names.iter().map(model).collect::<Vec<_>>()})
}

/// An answer in JSON.
pub(super) fn json(status: u16, body: &Value) -> Response {
    response(status, "application/json", Body::from(body.to_string()))
}

/// An answer of server-sent events.
pub(super) fn events(body: Body) -> Response {
    response(200, "text/event-stream; charset=utf-8", body)
}

fn response(status: u16, kind: &'static str, body: Body) -> Response {
    let mut response = Response::new(body);
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or_default();
    response
        .headers_mut()
        .insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    response
}
