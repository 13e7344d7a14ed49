//! A server that answers as a test tells it and remembers what it was asked.

use std::convert::Infallible;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use discord::{Client, NewMessage, Settings};
use http::{HeaderMap, Request, Response};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio::time::Instant;

/// The token of all tests; it must never be seen in any output.
pub(crate) const TOKEN: &str = "very-secret-token";

/// What the server does with a request.
#[derive(Clone, Debug)]
pub(crate) enum Reply {
    /// Answers with a status, headers and a body.
    Answer(u16, Vec<(&'static str, String)>, String),
    /// Closes the connection without an answer.
    Close,
    /// Never answers.
    Hang,
}

/// A request as it came over the wire.
#[derive(Clone, Debug)]
pub(crate) struct Received {
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Value,
    /// The body as it came, for what is not JSON.
    pub(crate) bytes: Bytes,
    pub(crate) at: Instant,
}

/// The running server; dropping it ends it.
pub(crate) struct Server {
    address: String,
    received: Arc<Mutex<Vec<Received>>>,
    _task: JoinSet<()>,
}

type Script = dyn Fn(usize, &Received) -> Reply + Send + Sync;

/// An answer with a JSON body.
pub(crate) fn json_reply(status: u16, body: Value) -> Reply {
    Reply::Answer(status, Vec::new(), body.to_string())
}

/// A posted message, as far as anybody looks at it.
pub(crate) fn posted(id: u64) -> Reply {
    json_reply(200, json!({ "id": id.to_string() }))
}

/// A refusal with Discord's own code.
pub(crate) fn refused(status: u16, code: u64) -> Reply {
    json_reply(status, json!({ "code": code, "message": "no" }))
}

impl Reply {
    /// Adds a header.
    pub(crate) fn with(self, name: &'static str, value: impl ToString) -> Self {
        match self {
            Self::Answer(status, mut headers, body) => {
                headers.push((name, value.to_string()));
                Self::Answer(status, headers, body)
            }
            other => other,
        }
    }
}

impl Server {
    /// Starts a server; `script` gets the number of the request and the request.
    pub(crate) async fn start(
        script: impl Fn(usize, &Received) -> Reply + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}/api/v10", listener.local_addr().unwrap());
        let received = Arc::new(Mutex::new(Vec::new()));
        let mut task = JoinSet::new();
        task.spawn(accept(listener, Arc::clone(&received), Arc::new(script)));
        Self {
            address,
            received,
            _task: task,
        }
    }

    /// Starts a server that gives these answers one after the other, then the last for ever.
    pub(crate) async fn replying(replies: Vec<Reply>) -> Self {
        Self::start(move |n, _| replies[n.min(replies.len() - 1)].clone()).await
    }

    /// Returns a client of this server.
    pub(crate) fn client(&self) -> Client {
        client_of(&self.address)
    }

    /// Returns all requests so far.
    pub(crate) fn received(&self) -> Vec<Received> {
        self.received.lock().unwrap().clone()
    }

    /// Returns the only request so far.
    #[track_caller]
    pub(crate) fn only(&self) -> Received {
        let received = self.received();
        assert_eq!(received.len(), 1, "{received:?}");
        received[0].clone()
    }
}

/// Returns a client of the server at this address.
pub(crate) fn client_of(api_url: &str) -> Client {
    let settings = Settings {
        api_url: api_url.to_owned(),
        token: TOKEN.to_owned().into(),
        global_rps: 45,
        proxy_url: None,
    };
    Client::new(settings).unwrap()
}

/// A message with a nonce and two seconds to live.
pub(crate) fn message(nonce: u64) -> NewMessage {
    NewMessage {
        content: "hello".to_owned(),
        nonce: Some(nonce),
        reply_to: None,
        mention_users: Vec::new(),
        components: Vec::new(),
        files: Vec::new(),
        deadline: Instant::now() + Duration::from_secs(2),
    }
}

async fn accept(listener: TcpListener, received: Arc<Mutex<Vec<Received>>>, script: Arc<Script>) {
    let mut connections = JoinSet::new();
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        let (received, script) = (Arc::clone(&received), Arc::clone(&script));
        connections.spawn(async move {
            let service = service_fn(move |request| {
                answer(request, Arc::clone(&received), Arc::clone(&script))
            });
            let connection = hyper::server::conn::http1::Builder::new()
                .serve_connection(TokioIo::new(stream), service);
            drop(connection.await);
        });
    }
}

async fn answer(
    request: Request<Incoming>,
    received: Arc<Mutex<Vec<Received>>>,
    script: Arc<Script>,
) -> Result<Response<Full<Bytes>>, std::io::Error> {
    let (head, body) = request.into_parts();
    let body = body
        .collect()
        .await
        .map_err(std::io::Error::other)?
        .to_bytes();
    let request = Received {
        method: head.method.to_string(),
        path: head.uri.path_and_query().unwrap().to_string(),
        headers: head.headers,
        body: serde_json::from_slice(&body).unwrap_or(Value::Null),
        bytes: body,
        at: Instant::now(),
    };
    let number = {
        let mut received = received.lock().unwrap();
        received.push(request.clone());
        received.len() - 1
    };
    match script(number, &request) {
        Reply::Answer(status, headers, body) => Ok(response(status, headers, body)),
        Reply::Close => Err(std::io::Error::other("closed on purpose")),
        Reply::Hang => {
            let never: Infallible = std::future::pending().await;
            match never {}
        }
    }
}

fn response(
    status: u16,
    headers: Vec<(&'static str, String)>,
    body: String,
) -> Response<Full<Bytes>> {
    let mut builder = Response::builder().status(status);
    for (name, value) in headers {
        builder = builder.header(name, value);
    }
    builder.body(Full::new(Bytes::from(body))).unwrap()
}
