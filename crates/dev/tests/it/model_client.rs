//! Calls of the model server as a provider's client makes them.

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Method, Request, StatusCode};
use http_body_util::{BodyExt as _, Full};
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use serde_json::{Value, json};
use tokio::time::timeout;

use crate::sandbox_world::Sandbox;

/// Longer than any answer takes, shorter than one that never ends.
const LONGEST: Duration = Duration::from_secs(10);

/// How a provider's client shows its key, and what it always sends.
pub(crate) const OPENAI: &[(&str, &str)] = &[("authorization", "Bearer sk-sandbox-1")];
pub(crate) const ANTHROPIC: &[(&str, &str)] = &[
    ("x-api-key", "sk-sandbox-1"),
    ("anthropic-version", "2023-06-01"),
];
pub(crate) const GEMINI: &[(&str, &str)] = &[("x-goog-api-key", "sk-sandbox-1")];

/// Where each provider answers questions, streamed.
pub(crate) const STREAMS: [(&str, &[(&str, &str)]); 3] = [
    ("/model/v1/chat/completions", OPENAI),
    ("/model/anthropic/v1/messages", ANTHROPIC),
    (
        "/model/gemini/v1beta/models/sandbox-chat:streamGenerateContent?alt=sse",
        GEMINI,
    ),
];

/// What came back.
#[derive(Debug)]
pub(crate) struct Got {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
    /// The body came to its end.
    pub(crate) is_whole: bool,
}

impl Got {
    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|_| panic!("no JSON: {}", self.text))
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// The data of the events, without those that are no JSON.
    pub(crate) fn events(&self) -> Vec<Value> {
        let data = self
            .text
            .lines()
            .filter_map(|line| line.strip_prefix("data: "));
        data.filter_map(|data| serde_json::from_str(data).ok())
            .collect()
    }
}

/// Calls and reads until the end, until the connection breaks, or until `most` bytes are there.
pub(crate) async fn call(
    sandbox: &Sandbox,
    method: Method,
    path: &str,
    headers: &[(&str, &str)],
    body: &Value,
    most: usize,
) -> Got {
    let url = format!("http://{}{path}", sandbox.address);
    let request = Request::builder()
        .method(method)
        .uri(url)
        .header("content-type", "application/json");
    let request = headers.iter().fold(request, |request, (name, value)| {
        request.header(*name, *value)
    });
    let client = Client::builder(TokioExecutor::new()).build_http();
    let request = request
        .body(Full::new(Bytes::from(body.to_string())))
        .unwrap();
    let (parts, mut body) = client.request(request).await.unwrap().into_parts();
    let (mut bytes, mut is_whole) = (Vec::new(), false);
    let reading = async {
        while bytes.len() < most {
            match body.frame().await {
                Some(Ok(frame)) => bytes.extend(frame.into_data().unwrap_or_default()),
                Some(Err(_)) => return,
                None => {
                    is_whole = true;
                    return;
                }
            }
        }
    };
    timeout(LONGEST, reading)
        .await
        .expect("the answer comes in time");
    let text = String::from_utf8(bytes).unwrap();
    Got {
        status: parts.status,
        headers: parts.headers,
        text,
        is_whole,
    }
}

/// Sends something to a provider.
pub(crate) async fn post(
    sandbox: &Sandbox,
    path: &str,
    headers: &[(&str, &str)],
    body: Value,
) -> Got {
    call(sandbox, Method::POST, path, headers, &body, usize::MAX).await
}

/// Asks the same in every format, streamed.
pub(crate) fn question(path: &str, text: &str) -> Value {
    if path.contains("gemini") {
        json!({"contents": [{"role": "user", "parts": [{"text": text}]}]})
    } else {
        json!({
            "model": "sandbox-chat", "max_tokens": 4_000, "stream": true,
            "messages": [{"role": "user", "content": text}],
        })
    }
}

/// The words of a streamed answer, in every format.
pub(crate) fn words(got: &Got) -> String {
    let paths = [
        "/choices/0/delta/content",
        "/delta/text",
        "/candidates/0/content/parts/0/text",
    ];
    let events = got.events();
    let word = |event: &Value| {
        let found = paths.iter().find_map(|path| event.pointer(path)?.as_str());
        found.unwrap_or_default().to_owned()
    };
    events.iter().map(word).collect()
}
