//! A sandbox of one's own for each test, and the ways to reach it.

use std::net::SocketAddr;

use bytes::Bytes;
use dev::sandbox::{Args, DEFAULT_TOKEN, Serving, serve};
use http::{HeaderMap, Method, Request, StatusCode};
use http_body_util::{BodyExt as _, Full};
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

/// A sandbox that ends with the test.
pub(crate) struct Sandbox {
    pub(crate) address: SocketAddr,
    shutdown: CancellationToken,
    _serving: Serving,
}

/// An answer to a request.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Answer {
    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    #[track_caller]
    pub(crate) fn header(&self, name: &str) -> &str {
        let header = self.headers.get(name);
        header
            .unwrap_or_else(|| panic!("no header {name}"))
            .to_str()
            .unwrap()
    }

    #[track_caller]
    pub(crate) fn assert_refused(&self, status: u16, code: u32) {
        let body = self.json();
        assert_eq!(
            (self.status.as_u16(), &body["code"]),
            (status, &json!(code)),
            "{body}"
        );
    }
}

impl Sandbox {
    pub(crate) async fn start() -> Self {
        let args = Args {
            listen: ([127, 0, 0, 1], 0).into(),
            seed: 1,
            delta_delay_ms: 0,
            explain_command: Vec::new(),
        };
        let shutdown = CancellationToken::new();
        let serving = serve(&args, DEFAULT_TOKEN.to_owned(), shutdown.clone())
            .await
            .unwrap();
        Self {
            address: serving.address,
            shutdown,
            _serving: serving,
        }
    }

    pub(crate) async fn request(
        &self,
        method: Method,
        path: &str,
        authorization: Option<&str>,
        body: &Value,
    ) -> Answer {
        let mut request = Request::builder()
            .method(method)
            .uri(format!("http://{}{path}", self.address))
            .header("content-type", "application/json");
        if let Some(authorization) = authorization {
            request = request.header("authorization", authorization);
        }
        let body = if body.is_null() {
            Bytes::new()
        } else {
            body.to_string().into()
        };
        let client = Client::builder(TokioExecutor::new()).build_http();
        let answer = client
            .request(request.body(Full::new(body)).unwrap())
            .await
            .unwrap();
        let (parts, body) = answer.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        Answer {
            status: parts.status,
            headers: parts.headers,
            body,
        }
    }

    /// Sends bytes of any kind as the bot.
    pub(crate) async fn send(&self, method: Method, path: &str, kind: &str, body: Bytes) -> Answer {
        let request = Request::builder()
            .method(method)
            .uri(format!("http://{}{path}", self.address))
            .header("content-type", kind)
            .header("authorization", format!("Bot {DEFAULT_TOKEN}"));
        let client = Client::builder(TokioExecutor::new()).build_http();
        let answer = client.request(request.body(Full::new(body)).unwrap());
        let (parts, body) = answer.await.unwrap().into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        Answer {
            status: parts.status,
            headers: parts.headers,
            body,
        }
    }

    /// Calls Discord's interface as the bot.
    pub(crate) async fn rest(&self, method: Method, path: &str, body: Value) -> Answer {
        let authorization = format!("Bot {DEFAULT_TOKEN}");
        self.request(
            method,
            &format!("/api/v10{path}"),
            Some(&authorization),
            &body,
        )
        .await
    }

    /// Calls one of the sandbox's own routes, which must succeed.
    pub(crate) async fn admin(&self, method: Method, path: &str, body: Value) -> Value {
        let answer = self
            .request(method, &format!("/sandbox{path}"), None, &body)
            .await;
        let shown = answer.json();
        assert!(answer.status.is_success(), "{path}: {shown}");
        shown
    }

    /// Says something as alice in the channel general and returns the ids.
    pub(crate) async fn say(&self, content: &str) -> Value {
        self.admin(Method::POST, "/messages", json!({"content": content}))
            .await
    }

    pub(crate) async fn set(&self, settings: Value) {
        self.admin(Method::PATCH, "/settings", settings).await;
    }

    /// Returns the id of the channel general.
    pub(crate) async fn channel(&self) -> String {
        let place = self.admin(Method::POST, "/places", json!({})).await;
        place["channel_id"].as_str().unwrap().to_owned()
    }

    pub(crate) async fn stat(&self, name: &str) -> Value {
        self.admin(Method::GET, "/stats", Value::Null).await[name].clone()
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        self.shutdown.cancel();
    }
}
