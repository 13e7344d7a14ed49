//! The requests that tasks make: to the local processes, and a question or two to Discord.

use std::time::Duration;

use anyhow::{Context as _, ensure};
use bytes::Bytes;
use http::{Method, Request, StatusCode};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper_rustls::HttpsConnectorBuilder;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::{Connect, HttpConnector};
use hyper_util::rt::TokioExecutor;

/// The longest that an answer may take, its body included.
const DEADLINE: Duration = Duration::from_secs(30);
/// The longest answer that is read; the sandbox's whole audit log of a long test fits.
const MAX_BODY_BYTES: usize = 64 * 1024 * 1024;

/// Discord refuses clients that do not name themselves.
const USER_AGENT: &str = "DiscordBot (https://github.com/tomoribot/tomoribot, 0.1)";

/// Reads `url` and returns its status and body.
pub async fn get(url: &str) -> anyhow::Result<(StatusCode, Bytes)> {
    send(Method::GET, url, None, Bytes::new()).await
}

/// Reads `url` as somebody: `authorization` is the header's value.
pub async fn get_authorized(url: &str, authorization: &str) -> anyhow::Result<(StatusCode, Bytes)> {
    send(Method::GET, url, Some(authorization), Bytes::new()).await
}

/// Sends a JSON body to `url` and returns the status and body of the answer.
pub async fn post(url: &str, body: &serde_json::Value) -> anyhow::Result<(StatusCode, Bytes)> {
    send(
        Method::POST,
        url,
        None,
        Bytes::from(serde_json::to_vec(body)?),
    )
    .await
}

/// Reads JSON from `url`; any status but success is an error that shows what was answered.
pub async fn get_json(url: &str) -> anyhow::Result<serde_json::Value> {
    decode(url, get(url).await?)
}

/// Sends JSON to `url` and reads JSON back; any status but success is an error that shows what was answered.
pub async fn post_json(url: &str, body: &serde_json::Value) -> anyhow::Result<serde_json::Value> {
    decode(url, post(url, body).await?)
}

/// Changes something by JSON and reads JSON back.
pub async fn patch_json(url: &str, body: &serde_json::Value) -> anyhow::Result<serde_json::Value> {
    let body = Bytes::from(serde_json::to_vec(body)?);
    decode(url, send(Method::PATCH, url, None, body).await?)
}

/// Removes something and reads JSON back.
pub async fn delete_json(url: &str) -> anyhow::Result<serde_json::Value> {
    decode(url, send(Method::DELETE, url, None, Bytes::new()).await?)
}

fn decode(url: &str, (status, body): (StatusCode, Bytes)) -> anyhow::Result<serde_json::Value> {
    ensure!(
        status.is_success(),
        "{url} answered {status}: {}",
        String::from_utf8_lossy(&body)
    );
    serde_json::from_slice(&body).with_context(|| format!("{url} answered no JSON"))
}

async fn send(
    method: Method,
    url: &str,
    authorization: Option<&str>,
    body: Bytes,
) -> anyhow::Result<(StatusCode, Bytes)> {
    let connector = HttpsConnectorBuilder::new()
        .with_provider_and_webpki_roots(rustls::crypto::ring::default_provider())?
        .https_or_http()
        .enable_http1()
        .build();
    let client = Client::builder(TokioExecutor::new()).build(connector);
    let mut request = request(method, url);
    if let Some(authorization) = authorization {
        request = request.header(http::header::AUTHORIZATION, authorization);
    }
    exchange(&client, url, request.body(Full::new(body))?).await
}

fn request(method: Method, url: &str) -> http::request::Builder {
    Request::builder()
        .method(method)
        .uri(url)
        .header(http::header::CONTENT_TYPE, "application/json")
        .header(http::header::USER_AGENT, USER_AGENT)
}

async fn exchange<C: Connect + Clone + Send + Sync + 'static>(
    client: &Client<C, Full<Bytes>>,
    url: &str,
    request: Request<Full<Bytes>>,
) -> anyhow::Result<(StatusCode, Bytes)> {
    let exchange = async {
        let response = client.request(request).await?;
        let status = response.status();
        let body = Limited::new(response.into_body(), MAX_BODY_BYTES)
            .collect()
            .await;
        let body = body.map_err(|error| anyhow::anyhow!(error))?.to_bytes();
        anyhow::Ok((status, body))
    };
    let answer = tokio::time::timeout(DEADLINE, exchange).await;
    answer
        .with_context(|| format!("{url} did not answer within {} s", DEADLINE.as_secs()))?
        .with_context(|| format!("no answer from {url}"))
}

/// Requests to processes on this machine; clones share connections, which are kept open.
#[derive(Clone, Debug)]
pub struct Local(Client<HttpConnector, Full<Bytes>>);

impl Default for Local {
    fn default() -> Self {
        Self(Client::builder(TokioExecutor::new()).build_http())
    }
}

impl Local {
    /// Sends a request, with a body of JSON unless that is empty, and returns the status and body
    /// of the answer.
    pub async fn send(
        &self,
        method: Method,
        url: &str,
        body: Bytes,
    ) -> anyhow::Result<(StatusCode, Bytes)> {
        exchange(&self.0, url, request(method, url).body(Full::new(body))?).await
    }

    /// The same as somebody: `authorization` is the header's value.
    pub async fn send_as(
        &self,
        method: Method,
        url: &str,
        authorization: &str,
        body: Bytes,
    ) -> anyhow::Result<(StatusCode, Bytes)> {
        let request = request(method, url).header(http::header::AUTHORIZATION, authorization);
        exchange(&self.0, url, request.body(Full::new(body))?).await
    }

    /// Reads `url` and returns its status and body.
    pub async fn get(&self, url: &str) -> anyhow::Result<(StatusCode, Bytes)> {
        self.send(Method::GET, url, Bytes::new()).await
    }
}
