//! A provider that answers as a test tells it and remembers what it was asked.

use std::collections::HashMap;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use futures_util::{Stream, StreamExt, stream};
use http_body_util::{BodyExt, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::header::HeaderMap;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use llm::{Completion, Delta, Error, Llm, Prompt, Provider, Role, Timeouts, Tools, Turn};
use secrecy::SecretString;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinSet;

/// The key of all tests; it must never be seen in any output.
pub(crate) const KEY: &str = "sk-very-secret";
/// Words of people in prompts and answers; they must never be seen in any error.
pub(crate) const WORDS: &str = "private words";

/// What the server does with a request.
#[derive(Clone, Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(&'static str, String)>,
    pub(crate) pieces: Vec<Piece>,
}

/// A part of a body.
#[derive(Clone, Debug)]
pub(crate) enum Piece {
    /// Some bytes.
    Bytes(Vec<u8>),
    /// Breaks the connection.
    Break,
    /// Sends nothing more, ever.
    Hang,
    /// Sends this again and again, ten times a second.
    Forever(&'static str),
    /// Sends this so many times, as fast as it is taken, and counts.
    Flood(Vec<u8>, usize, Arc<AtomicUsize>),
}

/// A request as it came over the wire.
#[derive(Clone, Debug)]
pub(crate) struct Received {
    pub(crate) path: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Value,
}

/// The running server; dropping it ends it.
pub(crate) struct Server {
    pub(crate) url: String,
    received: Arc<Mutex<Vec<Received>>>,
    aborted: watch::Receiver<u32>,
    _task: JoinSet<()>,
}

type Script = dyn Fn(&Received) -> Reply + Send + Sync;
type Body = StreamBody<Pin<Box<dyn Stream<Item = std::io::Result<Frame<Bytes>>> + Send>>>;

/// A plain answer.
pub(crate) fn plain(status: u16, body: &str) -> Reply {
    Reply {
        status,
        headers: Vec::new(),
        pieces: vec![Piece::Bytes(body.as_bytes().to_vec())],
    }
}

/// A stream of these pieces.
pub(crate) fn events(pieces: Vec<Piece>) -> Reply {
    let headers = vec![("content-type", "text/event-stream".to_owned())];
    Reply {
        status: 200,
        headers,
        pieces,
    }
}

/// A piece of text in the wire format of OpenAI.
pub(crate) fn text(text: &str) -> Piece {
    event(&json!({ "choices": [{ "index": 0, "delta": { "content": text } }] }))
}

/// The last pieces: why it ended and what it cost.
pub(crate) fn finish(reason: &str) -> Vec<Piece> {
    vec![
        event(&json!({ "choices": [{ "index": 0, "delta": {}, "finish_reason": reason }] })),
        event(&json!({ "choices": [], "usage": {
            "prompt_tokens": 11, "completion_tokens": 3, "total_tokens": 14,
            "prompt_tokens_details": { "cached_tokens": 5 },
        }})),
        Piece::Bytes(b"data: [DONE]\n\n".to_vec()),
    ]
}

/// Any event.
pub(crate) fn event(data: &Value) -> Piece {
    Piece::Bytes(format!("data: {data}\n\n").into_bytes())
}

impl Server {
    /// Starts a server.
    pub(crate) async fn start(script: impl Fn(&Received) -> Reply + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/v1", listener.local_addr().unwrap());
        let received = Arc::new(Mutex::new(Vec::new()));
        let (abort, aborted) = watch::channel(0);
        let state = State {
            received: Arc::clone(&received),
            script: Arc::new(script),
            abort,
        };
        let mut task = JoinSet::new();
        task.spawn(accept(listener, state));
        Self {
            url,
            received,
            aborted,
            _task: task,
        }
    }

    /// Starts a server that always gives this answer.
    pub(crate) async fn replying(reply: Reply) -> Self {
        Self::start(move |_| reply.clone()).await
    }

    /// Returns a client that takes this server for every provider.
    pub(crate) fn llm(&self) -> Llm {
        let patience = Duration::from_millis(400);
        self.llm_with(Timeouts {
            first_byte: patience,
            silence: patience,
            progress: 3 * patience,
        })
    }

    /// Returns a client with these timeouts.
    pub(crate) fn llm_with(&self, timeouts: Timeouts) -> Llm {
        Llm::with_timeouts(base_urls(&self.url), timeouts).unwrap()
    }

    /// Returns all requests so far.
    pub(crate) fn received(&self) -> Vec<Received> {
        self.received.lock().unwrap().clone()
    }

    /// Waits until the peer has closed a connection in the midst of an answer.
    pub(crate) async fn abort_seen(&mut self) {
        let seen = self.aborted.wait_for(|count| *count > 0);
        tokio::time::timeout(Duration::from_secs(5), seen)
            .await
            .unwrap()
            .unwrap();
    }
}

/// Gives every provider this address.
pub(crate) fn base_urls(url: &str) -> HashMap<Provider, llm::Url> {
    Provider::ALL
        .map(|provider| (provider, url.parse().unwrap()))
        .into()
}

/// Returns the key of all tests.
pub(crate) fn key() -> SecretString {
    KEY.to_owned().into()
}

/// Returns a prompt with one turn.
pub(crate) fn prompt() -> Prompt {
    Prompt {
        provider: Provider::OpenAi,
        model: "gpt-4.1-mini".to_owned(),
        system: "Be kind.".to_owned(),
        turns: vec![Turn {
            role: Role::User,
            text: WORDS.to_owned(),
            images: Vec::new(),
        }],
        max_output_tokens: Some(100),
        temperature: 0.5,
        tools: Tools::default(),
        continue_from: None,
    }
}

/// Reads an answer to its end.
pub(crate) async fn collect(completion: Result<Completion, Error>) -> Vec<Result<Delta, Error>> {
    match completion {
        Ok(completion) => completion.collect().await,
        Err(error) => vec![Err(error)],
    }
}

#[derive(Clone)]
struct State {
    received: Arc<Mutex<Vec<Received>>>,
    script: Arc<Script>,
    abort: watch::Sender<u32>,
}

async fn accept(listener: TcpListener, state: State) {
    let mut connections = JoinSet::new();
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        let state = state.clone();
        connections.spawn(async move {
            let abort = state.abort.clone();
            let service = service_fn(move |request| answer(request, state.clone()));
            let connection = hyper::server::conn::http1::Builder::new()
                .serve_connection(TokioIo::new(stream), service);
            if connection.await.is_err() {
                abort.send_modify(|count| *count += 1);
            }
        });
    }
}

async fn answer(request: Request<Incoming>, state: State) -> Result<Response<Body>, hyper::Error> {
    let (head, body) = request.into_parts();
    let body = body.collect().await?.to_bytes();
    let request = Received {
        path: head.uri.path().to_owned(),
        headers: head.headers,
        body: serde_json::from_slice(&body).unwrap_or(Value::Null),
    };
    let reply = (state.script)(&request);
    state.received.lock().unwrap().push(request);
    let mut builder = Response::builder().status(reply.status);
    for (name, value) in reply.headers {
        builder = builder.header(name, value);
    }
    if reply
        .pieces
        .iter()
        .any(|piece| matches!(piece, Piece::Hang))
        && reply.pieces.len() == 1
    {
        std::future::pending::<()>().await;
    }
    let pieces = stream::iter(reply.pieces).flat_map(frames);
    Ok(builder
        .body(StreamBody::new(Box::pin(pieces) as Pin<Box<_>>))
        .unwrap())
}

fn frames(piece: Piece) -> Pin<Box<dyn Stream<Item = std::io::Result<Frame<Bytes>>> + Send>> {
    match piece {
        Piece::Bytes(bytes) => Box::pin(stream::iter([Ok(Frame::data(Bytes::from(bytes)))])),
        Piece::Break => Box::pin(stream::once(async {
            // What was sent before shall have left by then.
            tokio::time::sleep(Duration::from_millis(100)).await;
            Err(std::io::Error::other("broken on purpose"))
        })),
        Piece::Hang => Box::pin(stream::pending()),
        Piece::Flood(bytes, times, sent) => {
            let bytes = Bytes::from(bytes);
            Box::pin(stream::iter(0..times).map(move |_| {
                sent.fetch_add(bytes.len(), Ordering::Relaxed);
                Ok(Frame::data(bytes.clone()))
            }))
        }
        Piece::Forever(bytes) => Box::pin(stream::unfold((), move |()| async move {
            tokio::time::sleep(Duration::from_millis(100)).await;
            Some((Ok(Frame::data(Bytes::from_static(bytes.as_bytes()))), ()))
        })),
    }
}
