//! A model provider in the wire format of OpenAI: which models there are, and chat completions,
//! whole or streamed. Answers are the same for the same seed and question.

mod answer;
mod wire;

use std::convert::Infallible;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::response::Response;
use axum::routing::{get, post};
use futures_util::stream;
use http::{HeaderMap, header};
use serde_json::Value;

use super::{Sandbox, clock};
use wire::{Completion, Problem, Request};

/// How a key that is accepted begins.
const KEY_PREFIX: &str = "sk-sandbox";
/// Names of the models. Those of others are there because they are defaults of the provider that
/// this server stands in for.
const MODELS: [&str; 6] = [
    "sandbox-chat",
    "sandbox-chat-mini",
    "gpt-5-mini",
    "gpt-5",
    "gpt-4.1-mini",
    "gpt-4o-mini",
];

/// How busy the server is and was.
#[derive(Debug, Default)]
pub(crate) struct Load {
    requests: AtomicU64,
    refused: AtomicU64,
    finished: AtomicU64,
    in_flight: AtomicU64,
    peak: AtomicU64,
}

impl Load {
    /// Returns the figures for the statistics.
    pub(crate) fn figures(&self) -> Value {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        serde_json::json!({
            "requests": read(&self.requests), "refused": read(&self.refused),
            "finished": read(&self.finished), "in_flight": read(&self.in_flight),
            "peak_in_flight": read(&self.peak),
        })
    }
}

/// A request that is being answered; it counts until it is dropped.
struct InFlight(Sandbox);

impl InFlight {
    fn start(sandbox: &Sandbox) -> Self {
        let load = sandbox.load();
        let now = load.in_flight.fetch_add(1, Ordering::Relaxed) + 1;
        load.peak.fetch_max(now, Ordering::Relaxed);
        Self(sandbox.clone())
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.load().in_flight.fetch_sub(1, Ordering::Relaxed);
    }
}

/// The routes below `/model/v1`.
pub(crate) fn router() -> Router<Sandbox> {
    Router::new()
        .route("/models", get(models))
        .route("/chat/completions", post(complete))
}

fn check_key(headers: &HeaderMap) -> Result<(), Problem> {
    let given = headers
        .get(header::AUTHORIZATION)
        .and_then(|value| value.to_str().ok());
    let key = given.and_then(|value| value.strip_prefix("Bearer "));
    match key {
        Some(key) if key.starts_with(KEY_PREFIX) => Ok(()),
        Some(_) => Err(Problem::WrongKey),
        None => Err(Problem::NoKey),
    }
}

async fn models(headers: HeaderMap) -> Response {
    match check_key(&headers) {
        Ok(()) => wire::json(200, &wire::models(&MODELS)),
        Err(problem) => problem.response(),
    }
}

async fn complete(State(sandbox): State<Sandbox>, headers: HeaderMap, body: Bytes) -> Response {
    sandbox.load().requests.fetch_add(1, Ordering::Relaxed);
    sandbox.peek(|world| world.journal.asked(clock::now_ms()));
    match prepare(&sandbox, &headers, &body) {
        Ok((request, completion)) if request.is_streamed() => {
            streamed(sandbox, request.wants_usage(), completion)
        }
        Ok((_, completion)) => whole(&sandbox, completion).await,
        Err(problem) => {
            sandbox.load().refused.fetch_add(1, Ordering::Relaxed);
            problem.response()
        }
    }
}

fn prepare(
    sandbox: &Sandbox,
    headers: &HeaderMap,
    body: &Bytes,
) -> Result<(Request, Completion), Problem> {
    check_key(headers)?;
    let request = Request::parse(body)?;
    if !MODELS.contains(&request.model()) {
        return Err(Problem::NoModel(request.model().to_owned()));
    }
    let seed = sandbox.peek(|world| world.seed);
    let completion = Completion::of(&request, seed);
    Ok((request, completion))
}

fn delay(sandbox: &Sandbox) -> Duration {
    Duration::from_millis(sandbox.peek(|world| world.settings.delta_delay_ms))
}

async fn whole(sandbox: &Sandbox, completion: Completion) -> Response {
    let in_flight = InFlight::start(sandbox);
    let pieces = u32::try_from(completion.pieces().len()).unwrap_or(u32::MAX);
    tokio::time::sleep(delay(sandbox) * pieces).await;
    sandbox.load().finished.fetch_add(1, Ordering::Relaxed);
    drop(in_flight);
    wire::json(200, &completion.whole())
}

fn streamed(sandbox: Sandbox, wants_usage: bool, completion: Completion) -> Response {
    let in_flight = InFlight::start(&sandbox);
    let events = completion.events(wants_usage).into_iter();
    let state = (events, in_flight, delay(&sandbox));
    let body = stream::unfold(state, |(mut events, in_flight, delay)| async move {
        let Some(event) = events.next() else {
            in_flight.0.load().finished.fetch_add(1, Ordering::Relaxed);
            return None;
        };
        tokio::time::sleep(delay).await;
        Some((
            Ok::<_, Infallible>(Bytes::from(event)),
            (events, in_flight, delay),
        ))
    });
    wire::events(Body::from_stream(body))
}
