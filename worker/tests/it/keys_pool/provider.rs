//! A provider at the wire: it refuses single keys, holds answers back, and notes when each key was
//! called and refused.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::Instant;

/// The running provider; dropping it ends it.
pub(crate) struct Provider {
    pub(crate) url: llm::Url,
    shared: Shared,
    _serving: JoinSet<()>,
}

/// One call of a key.
#[derive(Clone, Debug)]
pub(crate) struct Called {
    pub(crate) key: String,
    pub(crate) model: String,
    pub(crate) at: Instant,
    /// When it was refused, where it was.
    pub(crate) refused_at: Option<Instant>,
    /// Text of the question in bytes.
    pub(crate) size: usize,
}

/// How a key or a model is refused.
#[derive(Clone, Debug)]
pub(crate) struct Refusal {
    pub(crate) status: u16,
    pub(crate) retry_after_secs: u64,
    pub(crate) body: Value,
    /// How often; then it is taken again. A status of success is an answer that breaks.
    pub(crate) times: usize,
}

#[derive(Clone)]
struct Shared {
    log: Arc<Mutex<Log>>,
    /// Whether answers to held keys may go out.
    released: watch::Sender<bool>,
}

#[derive(Default)]
struct Log {
    /// By key or by model.
    refused: HashMap<String, Refusal>,
    held: Vec<String>,
    calls: Vec<Called>,
}

impl Provider {
    pub(crate) async fn start() -> Self {
        let shared = Shared {
            log: Arc::default(),
            released: watch::Sender::new(false),
        };
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let router = Router::new().fallback(answer).with_state(shared.clone());
        let mut serving = JoinSet::new();
        serving.spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self {
            url: format!("http://{address}/v1").parse().unwrap(),
            shared,
            _serving: serving,
        }
    }

    /// Refuses a key, or a model, until further notice.
    pub(crate) fn refuse(&self, whom: &str, status: u16, retry_after_secs: u64) {
        self.refuse_as(
            whom,
            Refusal {
                status,
                retry_after_secs,
                body: json!({}),
                times: usize::MAX,
            },
        );
    }

    pub(crate) fn refuse_as(&self, whom: &str, refusal: Refusal) {
        self.with(|log| log.refused.insert(whom.to_owned(), refusal));
    }

    pub(crate) fn accept(&self, whom: &str) {
        self.with(|log| log.refused.remove(whom));
    }

    /// Holds the next answer to a key back, until [`Provider::release`].
    pub(crate) fn hold(&self, key: &str) {
        self.with(|log| log.held.push(key.to_owned()));
    }

    pub(crate) fn release(&self) {
        self.shared.released.send_replace(true);
    }

    /// The calls of a key so far, in order.
    pub(crate) fn calls_of(&self, key: &str) -> Vec<Called> {
        let calls = self.calls();
        calls.into_iter().filter(|call| call.key == key).collect()
    }

    /// All calls so far, in order.
    pub(crate) fn calls(&self) -> Vec<Called> {
        self.with(|log| log.calls.clone())
    }

    /// The models that were called so far, in order.
    pub(crate) fn models(&self) -> Vec<String> {
        let calls = self.calls();
        calls.into_iter().map(|call| call.model).collect()
    }

    fn with<T>(&self, look: impl FnOnce(&mut Log) -> T) -> T {
        look(&mut self.shared.log.lock().unwrap())
    }
}

async fn answer(State(shared): State<Shared>, headers: HeaderMap, body: Bytes) -> Response {
    let key = headers["authorization"].to_str().unwrap();
    let key = key.trim_start_matches("Bearer ").to_owned();
    let body: Value = serde_json::from_slice(&body).unwrap_or_default();
    let model = body["model"].as_str().unwrap_or_default().to_owned();
    let (number, refusal, is_held) = {
        let mut log = shared.log.lock().unwrap();
        log.calls.push(Called {
            key: key.clone(),
            model: model.clone(),
            at: Instant::now(),
            refused_at: None,
            size: text_size(&body),
        });
        let refusal = refusal(&mut log, &[&key, &model]);
        let held = log.held.iter().position(|held| *held == key);
        let is_held = held.map(|place| log.held.remove(place)).is_some();
        (log.calls.len() - 1, refusal, is_held)
    };
    if is_held {
        let mut released = shared.released.subscribe();
        released.wait_for(|released| *released).await.unwrap();
    }
    let Some(refusal) = refusal else {
        return good_answer();
    };
    shared.log.lock().unwrap().calls[number].refused_at = Some(Instant::now());
    let status = StatusCode::from_u16(refusal.status).unwrap();
    let body = refusal.body.to_string();
    if status.is_success() {
        return broken_answer(&body);
    }
    match refusal.retry_after_secs {
        0 => (status, body).into_response(),
        seconds => (status, [("retry-after", seconds.to_string())], body).into_response(),
    }
}

fn refusal(log: &mut Log, whom: &[&String]) -> Option<Refusal> {
    let whom = whom.iter().find(|one| log.refused.contains_key(**one))?;
    let refusal = log.refused.get_mut(*whom)?;
    refusal.times -= 1;
    let refusal = refusal.clone();
    if refusal.times == 0 {
        log.refused.remove(*whom);
    }
    Some(refusal)
}

fn good_answer() -> Response {
    let event = concat!(
        "data: {\"choices\":[{\"delta\":{\"content\":\"hi\"},\"finish_reason\":\"stop\"}]}\n\n",
        "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":11,\"completion_tokens\":3}}\n\n",
        "data: [DONE]\n\n"
    );
    ([("content-type", "text/event-stream")], event).into_response()
}

/// An answer that begins well and then breaks.
fn broken_answer(trouble: &str) -> Response {
    let event = format!(
        "data: {{\"choices\":[{{\"delta\":{{\"content\":\"hi\"}}}}]}}\n\ndata: {trouble}\n\n"
    );
    ([("content-type", "text/event-stream")], event).into_response()
}

fn text_size(body: &Value) -> usize {
    let messages = body["messages"].as_array().cloned().unwrap_or_default();
    let texts = messages
        .iter()
        .map(|message| message["content"].as_str().unwrap_or_default().len());
    texts.sum()
}
