//! Requests to the local processes: small JSON bodies over plain HTTP on the loopback address, nothing else.

use std::time::Duration;

use anyhow::{Context as _, ensure};
use bytes::Bytes;
use http::{Method, Request, StatusCode};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;

/// The longest that an answer may take, its body included.
const DEADLINE: Duration = Duration::from_secs(30);
/// The longest answer that is read; the sandbox's whole audit log of a long test fits.
const MAX_BODY_BYTES: usize = 64 * 1024 * 1024;

/// Reads `url` and returns its status and body.
pub async fn get(url: &str) -> anyhow::Result<(StatusCode, Bytes)> {
    send(Method::GET, url, Bytes::new()).await
}

/// Sends a JSON body to `url` and returns the status and body of the answer.
pub async fn post(url: &str, body: &serde_json::Value) -> anyhow::Result<(StatusCode, Bytes)> {
    send(Method::POST, url, Bytes::from(serde_json::to_vec(body)?)).await
}

/// Reads JSON from `url`; any status but success is an error that shows what was answered.
pub async fn get_json(url: &str) -> anyhow::Result<serde_json::Value> {
    decode(url, get(url).await?)
}

/// Sends JSON to `url` and reads JSON back; any status but success is an error that shows what was answered.
pub async fn post_json(url: &str, body: &serde_json::Value) -> anyhow::Result<serde_json::Value> {
    decode(url, post(url, body).await?)
}

fn decode(url: &str, (status, body): (StatusCode, Bytes)) -> anyhow::Result<serde_json::Value> {
    ensure!(
        status.is_success(),
        "{url} answered {status}: {}",
        String::from_utf8_lossy(&body)
    );
    serde_json::from_slice(&body).with_context(|| format!("{url} answered no JSON"))
}

async fn send(method: Method, url: &str, body: Bytes) -> anyhow::Result<(StatusCode, Bytes)> {
    let exchange = async {
        let request = Request::builder()
            .method(method)
            .uri(url)
            .header(http::header::CONTENT_TYPE, "application/json")
            .body(Full::new(body))?;
        let client = Client::builder(TokioExecutor::new()).build_http();
        let response = client.request(request).await?;
        let status = response.status();
        let body = Limited::new(response.into_body(), MAX_BODY_BYTES).collect().await;
        let body = body.map_err(|error| anyhow::anyhow!(error))?.to_bytes();
        anyhow::Ok((status, body))
    };
    let answer = tokio::time::timeout(DEADLINE, exchange).await;
    answer
        .with_context(|| format!("{url} did not answer within {} s", DEADLINE.as_secs()))?
        .with_context(|| format!("no answer from {url}"))
}
