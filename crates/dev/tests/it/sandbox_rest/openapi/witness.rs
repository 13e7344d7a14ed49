//! Stands before the sandbox, passes everything on, and compares each exchange at the end.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{FromRequest as _, Multipart, Request, State};
use axum::response::Response;
use dev::sandbox::DEFAULT_TOKEN;
use discord::{NewMessage, Settings};
use http::request::Parts;
use http::{Method, header};
use http_body_util::{BodyExt as _, Full};
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use super::description::{Checker, Description, answer_schema, request_schema};

struct Notes {
    sandbox: SocketAddr,
    seen: Mutex<Vec<Exchange>>,
}

/// A request and its answer.
struct Exchange {
    method: Method,
    path: String,
    asked: Asked,
    status: u16,
    answered: Value,
}

/// The witness; dropping it ends it.
pub(super) struct Witness {
    address: SocketAddr,
    description: Description,
    notes: Arc<Notes>,
    _task: JoinSet<()>,
}

impl Witness {
    pub(super) async fn before(sandbox: SocketAddr, description: Description) -> Self {
        let notes = Arc::new(Notes {
            sandbox,
            seen: Mutex::default(),
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
            description,
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
        self.send(method, path, ("application/json", body)).await
    }

    /// Sends a body in parts: the text and the file number 0.
    pub(super) async fn form(&self, method: Method, path: &str, body: Value) -> Value {
        let form = format!(
            "--b\r\nContent-Disposition: form-data; name=\"payload_json\"\r\n\
             Content-Type: application/json\r\n\r\n{body}\r\n\
             --b\r\nContent-Disposition: form-data; name=\"files[0]\"; filename=\"a.txt\"\r\n\
             Content-Type: text/plain\r\n\r\nhello\r\n--b--\r\n"
        );
        let kind = "multipart/form-data; boundary=b";
        self.send(method, path, (kind, form.into())).await
    }

    async fn send(&self, method: Method, path: &str, (kind, body): (&str, Bytes)) -> Value {
        let request = http::Request::builder()
            .method(method)
            .uri(format!("{}{path}", self.url()))
            .header("content-type", kind)
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
        let mut comparison = Comparison {
            description: &self.description,
            checker: self.description.checker(),
            problems: BTreeMap::new(),
        };
        for exchange in &*self.notes.seen.lock().unwrap() {
            comparison.compare(exchange);
        }
        let problems = comparison.problems;
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
    let exchange = Exchange {
        path: path.trim_start_matches("/api/v10").to_owned(),
        asked: Asked::read(&parts, asked).await,
        method: parts.method,
        status: head.status.as_u16(),
        answered: parse(&answered),
    };
    notes.seen.lock().unwrap().push(exchange);
    Response::from_parts(head, Body::from(answered))
}

/// The body of a request.
struct Asked {
    /// The media type in the description.
    kind: &'static str,
    body: Value,
}

impl Asked {
    async fn read(parts: &Parts, bytes: Bytes) -> Self {
        let kind = parts.headers.get(header::CONTENT_TYPE);
        let is_form = kind.is_some_and(|kind| kind.as_bytes().starts_with(b"multipart/form-data"));
        if !is_form {
            return Self {
                kind: "application/json",
                body: parse(&bytes),
            };
        }
        let request = Request::from_parts(parts.clone(), Body::from(bytes));
        let mut form = Multipart::from_request(request, &()).await.unwrap();
        let mut body = Value::Null;
        let mut files = Vec::new();
        while let Some(field) = form.next_field().await.unwrap() {
            match field.name().unwrap().to_owned() {
                name if name == "payload_json" => body = parse(&field.bytes().await.unwrap()),
                name => files.push(name),
            }
        }
        // The description puts files beside the members of the text.
        for name in files {
            body[name] = "bytes".into();
        }
        Self {
            kind: "multipart/form-data",
            body,
        }
    }
}

/// The permissions that a command needs are text on Discord's own page about commands and in its answers;
/// the description asks for a number.
fn permissions_as_numbers(mut body: Value) -> Value {
    let commands = match &mut body {
        Value::Array(commands) => commands.as_mut_slice(),
        command => std::slice::from_mut(command),
    };
    for command in commands {
        let Some(needed) = command.get_mut("default_member_permissions") else {
            continue;
        };
        if let Some(bits) = needed.as_str().map(str::parse::<u64>) {
            *needed = bits.unwrap().into();
        }
    }
    body
}

fn parse(bytes: &[u8]) -> Value {
    serde_json::from_slice(bytes).unwrap_or_default()
}

struct Comparison<'a> {
    description: &'a Description,
    checker: Checker,
    /// What does not fit, once for each operation.
    problems: BTreeMap<String, String>,
}

impl Comparison<'_> {
    fn compare(&mut self, exchange: &Exchange) {
        let Exchange {
            method,
            path,
            asked,
            status,
            answered,
        } = exchange;
        let Some((known, operation)) = self.description.operation(method.as_str(), path) else {
            return self.note(format!("{method} {path}"), "no such operation".to_owned());
        };
        let at = format!("request {} {method} {known}", asked.kind);
        let request = &permissions_as_numbers(asked.body.clone());
        match request_schema(operation, asked.kind) {
            _ if request.is_null() => {}
            None => self.note(at, format!("no such body: {request}")),
            Some(schema) => self.check(at, schema, request),
        }
        let at = format!("answer {status} {method} {known}");
        match answer_schema(operation, *status) {
            None => self.note(at, format!("no such status: {answered}")),
            Some(Value::Null) => {}
            Some(schema) => self.check(at, &schema, answered),
        }
    }

    fn check(&mut self, at: String, schema: &Value, value: &Value) {
        if let Some(problem) = self.checker.problem(schema, value) {
            self.note(at, format!("{problem}\n{value}"));
        }
    }

    fn note(&mut self, at: String, what: String) {
        self.problems.entry(at).or_insert(what);
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
        files: Vec::new(),
        deadline: tokio::time::Instant::now() + std::time::Duration::from_secs(10),
    }
}
