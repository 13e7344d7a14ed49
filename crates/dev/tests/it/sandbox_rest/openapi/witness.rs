//! Stands before the sandbox, passes everything on, and compares each exchange.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::response::Response;
use dev::sandbox::DEFAULT_TOKEN;
use discord::{NewMessage, Settings};
use http::{Method, header};
use http_body_util::{BodyExt as _, Full};
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use super::description::{Description, answer_schema, request_schema};

struct Notes {
    sandbox: SocketAddr,
    description: Description,
    /// What does not fit, once for each operation.
    problems: Mutex<BTreeMap<String, String>>,
}

/// The witness; dropping it ends it.
pub(super) struct Witness {
    address: SocketAddr,
    notes: Arc<Notes>,
    _task: JoinSet<()>,
}

impl Witness {
    pub(super) async fn before(sandbox: SocketAddr, description: Description) -> Self {
        let problems = Mutex::default();
        let notes = Arc::new(Notes {
            sandbox,
            description,
            problems,
        });
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let router = Router::new()
            .fallback(pass_on)
            .with_state(Arc::clone(&notes));
        let mut task = JoinSet::new();
        task.spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self {
            address,
            notes,
            _task: task,
        }
    }

    pub(super) fn url(&self) -> String {
        format!("http://{}/api/v10", self.address)
    }

    pub(super) async fn call(&self, method: Method, path: &str, body: Value) -> Value {
        let body = if body.is_null() {
            Bytes::new()
        } else {
            body.to_string().into()
        };
        let request = http::Request::builder()
            .method(method)
            .uri(format!("{}{path}", self.url()))
            .header("content-type", "application/json")
            .header("authorization", format!("Bot {DEFAULT_TOKEN}"))
            .body(Full::new(body))
            .unwrap();
        let client = Client::builder(TokioExecutor::new()).build_http();
        let answer: http::Response<hyper::body::Incoming> = client.request(request).await.unwrap();
        let bytes = answer.into_body().collect().await.unwrap().to_bytes();
        serde_json::from_slice(&bytes).unwrap_or_default()
    }

    #[track_caller]
    pub(super) fn assert_good(&self) {
        let problems = self.notes.problems.lock().unwrap();
        let told: Vec<_> = problems
            .iter()
            .map(|(at, what)| format!("{at}: {what}"))
            .collect();
        assert!(told.is_empty(), "{}", told.join("\n\n"));
    }
}

async fn pass_on(State(notes): State<Arc<Notes>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let asked = body.collect().await.unwrap().to_bytes();
    let path = parts.uri.path_and_query().unwrap().to_string();
    let mut onward = http::Request::builder()
        .method(parts.method.clone())
        .uri(format!("http://{}{path}", notes.sandbox));
    for (name, value) in &parts.headers {
        if name != header::HOST {
            onward = onward.header(name, value);
        }
    }
    let client = Client::builder(TokioExecutor::new()).build_http();
    let answer = client
        .request(onward.body(Full::new(asked.clone())).unwrap())
        .await
        .unwrap();
    let (head, body) = answer.into_parts();
    let answered = body.collect().await.unwrap().to_bytes();
    let path = path.trim_start_matches("/api/v10").to_owned();
    notes.compare(
        (parts.method.as_str(), &path),
        &asked,
        head.status.as_u16(),
        &answered,
    );
    Response::from_parts(head, Body::from(answered))
}

impl Notes {
    fn compare(&self, (method, path): (&str, &str), asked: &[u8], status: u16, answered: &[u8]) {
        let Some((known, operation)) = self.description.operation(method, path) else {
            return self.note(format!("{method} {path}"), "no such operation".to_owned());
        };
        let value = |bytes: &[u8]| serde_json::from_slice::<Value>(bytes).unwrap_or_default();
        let request = value(asked);
        if let Some(schema) = request_schema(operation).filter(|_| !request.is_null())
            && let Some(problem) = self.description.problem(schema, &request)
        {
            self.note(
                format!("request {method} {known}"),
                format!("{problem}\n{request}"),
            );
        }
        let at = format!("answer {status} {method} {known}");
        let answer = value(answered);
        match answer_schema(operation, status) {
            None => self.note(at, format!("no such status: {answer}")),
            Some(Value::Null) => {}
            Some(schema) => {
                if let Some(problem) = self.description.problem(&schema, &answer) {
                    self.note(at, format!("{problem}\n{answer}"));
                }
            }
        }
    }

    fn note(&self, at: String, what: String) {
        self.problems.lock().unwrap().entry(at).or_insert(what);
    }
}

/// What our client is given, but for the address.
pub(super) fn settings() -> Settings {
    Settings {
        api_url: String::new(),
        token: DEFAULT_TOKEN.into(),
        global_rps: 50,
        proxy_url: None,
    }
}

/// A message of our client, but for its content.
pub(super) fn message() -> NewMessage {
    NewMessage {
        content: String::new(),
        nonce: None,
        reply_to: None,
        mention_users: Vec::new(),
        components: Vec::new(),
        deadline: tokio::time::Instant::now() + std::time::Duration::from_secs(10),
    }
}
