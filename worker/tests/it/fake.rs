//! Discord and a model server, as far as interactions need them: answers by rule, remembers all.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{FromRequest as _, Multipart, Request, State};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio::time::timeout;

/// The token of an interaction that somebody else has answered.
pub(crate) const TAKEN: &str = "taken";

/// Whose every server is.
pub(crate) const OWNER: &str = "80351110224678913";

/// What every server is called.
pub(crate) const SERVER: &str = "Tea `House`";

/// Where the owner's direct messages are.
pub(crate) const DIRECT: &str = "80351110224678914";

/// A key that works.
pub(crate) const GOOD_KEY: &str = "sk-good-0123456789abcd";

/// How every key begins that works.
const GOOD: &str = "sk-good";

/// A key that works, though the provider takes its time to say so.
pub(crate) const SLOW_KEY: &str = "sk-good-slow-0123456789";

/// Longer than work that is not announced.
const SLOW: Duration = Duration::from_secs(3);

/// A key whose account has no credit: it lists models, but does not answer.
pub(crate) const BROKE_KEY: &str = "sk-broke-0123456789abcd";

/// An answer to an interaction as it came over the wire.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    /// `callback` for first answers, `edit` for later ones, `message` for messages.
    pub(crate) kind: &'static str,
    /// The interaction's token, or the message's channel.
    pub(crate) token: String,
    /// What was sent.
    pub(crate) body: Value,
}

/// The running server; dropping it ends it.
pub(crate) struct Fake {
    /// Where it listens, without a slash at the end.
    pub(crate) url: String,
    calls: mpsc::Receiver<Call>,
    closed: Arc<Mutex<HashMap<String, Closed>>>,
    files: Files,
    held: watch::Sender<bool>,
    _task: JoinSet<()>,
}

#[derive(Clone)]
struct Shared {
    calls: mpsc::Sender<Call>,
    commands: Arc<Mutex<Value>>,
    closed: Arc<Mutex<HashMap<String, Closed>>>,
    files: Files,
    held: watch::Receiver<bool>,
}

/// Files that people handed over, by name.
type Files = Arc<Mutex<HashMap<String, Vec<u8>>>>;

/// In the place of a channel: answers to interactions that bring files.
pub(crate) const FILES: &str = "files";

/// The status and Discord's code with which messages to a channel are refused.
type Closed = (u16, u64);

impl Fake {
    pub(crate) async fn start() -> Self {
        let (sender, calls) = mpsc::channel(64);
        let (held, hears_held) = watch::channel(false);
        let shared = Shared {
            calls: sender,
            commands: Arc::new(Mutex::new(json!([]))),
            closed: Arc::default(),
            files: Files::default(),
            held: hears_held,
        };
        let closed = Arc::clone(&shared.closed);
        let files = Arc::clone(&shared.files);
        let router = Router::new().fallback(answer).with_state(shared);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let mut task = JoinSet::new();
        task.spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self {
            url,
            calls,
            closed,
            files,
            held,
            _task: task,
        }
    }

    /// Keeps a file that somebody hands over, and returns its address.
    pub(crate) fn keep_file(&self, name: &str, bytes: &[u8]) -> String {
        let mut files = self.files.lock().unwrap();
        files.insert(name.to_owned(), bytes.to_vec());
        format!("{}/files/{name}", self.url)
    }

    /// Takes messages to a channel again.
    pub(crate) fn open(&self, channel: &str) {
        self.closed.lock().unwrap().remove(channel);
    }

    /// Refuses messages to a channel from now on.
    pub(crate) fn close(&self, channel: &str, status: u16, code: u64) {
        let mut closed = self.closed.lock().unwrap();
        closed.insert(channel.to_owned(), (status, code));
    }

    /// Takes messages from now on without a word to whoever sends them.
    pub(crate) fn hold(&self) {
        self.held.send_replace(true);
    }

    /// Answers again.
    pub(crate) fn release(&self) {
        self.held.send_replace(false);
    }

    /// Waits for the next answer to an interaction.
    pub(crate) async fn next_call(&mut self) -> Call {
        let call = timeout(Duration::from_secs(20), self.calls.recv()).await;
        call.expect("an answer in time").expect("a running server")
    }
}

async fn answer(
    State(shared): State<Shared>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let path: Vec<&str> = uri.path().trim_start_matches('/').split('/').collect();
    let body = content(&headers, body).await;
    match (method.as_str(), path.as_slice()) {
        ("GET", ["api", "v10", "users", "@me"]) => {
            json_reply(200, &json!({"id": "99", "username": "tomori"}))
        }
        ("GET", ["api", "v10", "applications", "@me"]) => application(&headers),
        ("GET", ["files", name]) => shared.file(name),
        ("POST", ["api", "v10", "channels", channel, "messages"]) => {
            shared.take_message(channel, body).await
        }
        ("POST", ["api", "v10", "interactions", _, token, "callback"]) => {
            shared.remember("callback", token, body).await;
            if *token == TAKEN {
                return json_reply(400, &json!({"code": 40_060, "message": "taken"}));
            }
            StatusCode::NO_CONTENT.into_response()
        }
        (
            "PATCH",
            [
                "api",
                "v10",
                "webhooks",
                "98",
                token,
                "messages",
                "@original",
            ],
        ) => shared.take_edit(token, body).await,
        ("GET", ["api", "v10", "applications", "98", "commands"]) => {
            let commands = shared.commands.lock().unwrap().clone();
            json_reply(200, &commands)
        }
        ("PUT", ["api", "v10", "applications", "98", "commands"]) => {
            *shared.commands.lock().unwrap() = stored(body.clone());
            json_reply(200, &stored(body))
        }
        ("GET", ["model", "v1", "models"]) => {
            if key(&headers) == SLOW_KEY {
                tokio::time::sleep(SLOW).await;
            }
            models(&headers)
        }
        ("GET", ["brave", "res", "v1", "web", "search"]) => search(&headers),
        ("POST", ["model", "v1", "chat", "completions"]) => completion(&headers),
        (method, path) => about_people(method, path, &body),
    }
}

/// What a request says; files of a form are under `files`, each a name and its bytes.
async fn content(headers: &HeaderMap, body: Bytes) -> Value {
    let kind = headers.get("content-type").map(HeaderValue::as_bytes);
    if !kind.is_some_and(|kind| kind.starts_with(b"multipart/")) {
        return serde_json::from_slice(&body).unwrap_or_default();
    }
    let mut request = Request::new(Body::from(body));
    *request.headers_mut() = headers.clone();
    let mut form = Multipart::from_request(request, &()).await.unwrap();
    let mut content = json!({});
    let mut files = Vec::new();
    while let Some(field) = form.next_field().await.unwrap() {
        let name = field.file_name().map(str::to_owned);
        let bytes = field.bytes().await.unwrap();
        match name {
            None => content = serde_json::from_slice(&bytes).unwrap(),
            Some(name) => files.push(json!({"name": name, "bytes": &*bytes})),
        }
    }
    content["files"] = files.into();
    content
}

/// Whose the servers are, and where the owner's direct messages are.
fn about_people(method: &str, path: &[&str], body: &Value) -> Response {
    match (method, path) {
        ("GET", ["api", "v10", "guilds", guild]) => {
            let body = json!({"id": guild, "name": SERVER, "owner_id": OWNER, "roles": []});
            json_reply(200, &body)
        }
        ("POST", ["api", "v10", "users", "@me", "channels"]) => {
            // Those of everybody else have the id of the person.
            let recipient = body["recipient_id"].as_str().unwrap();
            let channel = if recipient == OWNER {
                DIRECT
            } else {
                recipient
            };
            json_reply(200, &json!({"id": channel, "type": 1}))
        }
        _ => json_reply(404, &json!({"code": 0, "message": "404: Not Found"})),
    }
}

impl Shared {
    fn file(&self, name: &str) -> Response {
        match self.files.lock().unwrap().get(name) {
            Some(bytes) => bytes.clone().into_response(),
            None => StatusCode::NOT_FOUND.into_response(),
        }
    }

    async fn take_edit(&self, token: &str, body: Value) -> Response {
        let refused = self.closed.lock().unwrap().get(FILES).copied();
        match refused {
            Some((status, code)) if !body["files"].is_null() => {
                json_reply(status, &json!({"code": code, "message": "no"}))
            }
            _ => {
                self.remember("edit", token, body).await;
                json_reply(200, &json!({"id": "1"}))
            }
        }
    }

    async fn take_message(&self, channel: &str, body: Value) -> Response {
        let closed = self.closed.lock().unwrap().get(channel).copied();
        if let Some((status, code)) = closed {
            return json_reply(status, &json!({"code": code, "message": "no"}));
        }
        self.remember("message", channel, body).await;
        let mut held = self.held.clone();
        held.wait_for(|held| !held).await.unwrap();
        json_reply(200, &json!({"id": "1"}))
    }

    async fn remember(&self, kind: &'static str, token: &str, body: Value) {
        self.calls
            .send(Call {
                kind,
                token: token.to_owned(),
                body,
            })
            .await
            .unwrap();
    }
}

/// Adds what Discord adds to a registered command.
/// The application, which may read messages unless the bot's token is one without that intent.
fn application(headers: &HeaderMap) -> Response {
    let token = headers.get("authorization").map(HeaderValue::as_bytes);
    let flags = match token {
        Some(b"Bot token-refused") => return StatusCode::UNAUTHORIZED.into_response(),
        Some(b"Bot token-without-intent") => 0,
        _ => 1 << 18,
    };
    json_reply(200, &json!({"id": "98", "name": "tomori", "flags": flags}))
}

fn stored(mut commands: Value) -> Value {
    for (number, command) in commands.as_array_mut().unwrap().iter_mut().enumerate() {
        command["id"] = json!(number.to_string() + "1");
        command["application_id"] = json!("98");
        command["version"] = json!("7");
        command["nsfw"] = json!(false);
    }
    commands
}

fn models(headers: &HeaderMap) -> Response {
    if !key(headers).starts_with(GOOD) && key(headers) != BROKE_KEY {
        let error = json!({"code": "invalid_api_key", "message": "Incorrect API key provided"});
        return json_reply(401, &json!({"error": error}));
    }
    json_reply(
        200,
        &json!({"object": "list", "data": [{"id": "gpt-4.1-mini", "object": "model"}]}),
    )
}

fn search(headers: &HeaderMap) -> Response {
    let key = headers.get("x-subscription-token");
    if !key.is_some_and(|key| key.as_bytes().starts_with(GOOD.as_bytes())) {
        let error = json!({"status": 422, "code": "SUBSCRIPTION_TOKEN_INVALID"});
        return json_reply(422, &json!({"type": "ErrorResponse", "error": error}));
    }
    json_reply(200, &json!({"type": "search", "web": {"results": []}}))
}

fn completion(headers: &HeaderMap) -> Response {
    if key(headers) == BROKE_KEY {
        let error = json!({"code": "insufficient_quota", "message": "insufficient balance"});
        return json_reply(402, &json!({"error": error}));
    }
    let chunk = |delta: Value, finish: Value| {
        let choice = json!({"index": 0, "delta": delta, "finish_reason": finish});
        let chunk = json!({"id": "c", "object": "chat.completion.chunk", "choices": [choice]});
        format!("data: {chunk}\n\n")
    };
    let hello = chunk(
        json!({"role": "assistant", "content": "Hello!"}),
        Value::Null,
    );
    let end = chunk(json!({}), json!("stop"));
    let kind = [("content-type", "text/event-stream")];
    (kind, format!("{hello}{end}data: [DONE]\n\n")).into_response()
}

fn key(headers: &HeaderMap) -> &str {
    let authorization = headers
        .get("authorization")
        .and_then(|value| value.to_str().ok());
    authorization
        .and_then(|value| value.strip_prefix("Bearer "))
        .unwrap_or_default()
}

fn json_reply(status: u16, body: &Value) -> Response {
    let status = StatusCode::from_u16(status).unwrap();
    (
        status,
        [("content-type", "application/json")],
        body.to_string(),
    )
        .into_response()
}
