//! Services that tools use: Brave Search (`/services/brave-search`), as far as a key matters, and a tool server
//! (`/services/tools`).

use axum::Router;
use axum::body::Body;
use axum::extract::Query;
use axum::response::Response;
use axum::routing::{get, post};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use serde::Deserialize;
use serde_json::{Value, json};

use super::Sandbox;
use super::model::KEY_PREFIX;
use super::tool_server;

/// The header with the key (Brave's page on authentication, 2026-11).
const KEY: &str = "x-subscription-token";

/// The routes below `/services`.
pub(crate) fn router() -> Router<Sandbox> {
    Router::new()
        .route("/brave-search/res/v1/web/search", get(search))
        .route("/tools", post(tool_server::serve))
}

#[derive(Deserialize)]
struct Asked {
    #[serde(default)]
    q: String,
}

/// Finds one page whatever is looked for, with a key that is accepted.
async fn search(Query(asked): Query<Asked>, headers: HeaderMap) -> Response {
    let key = headers.get(KEY).and_then(|key| key.to_str().ok());
    if !key.is_some_and(|key| key.starts_with(KEY_PREFIX)) {
        return refuse(
            "SUBSCRIPTION_TOKEN_INVALID",
            "The provided subscription token is invalid.",
        );
    }
    if asked.q.is_empty() {
        return refuse("VALIDATION", "Unable to validate request parameter(s)");
    }
    let found = json!({
        "type": "search_result", "title": "Sandbox", "url": "https://sandbox.example/",
        "description": "The only page that the sandbox finds.",
    });
    let query = json!({"original": asked.q});
    json_response(
        StatusCode::OK,
        &json!({"type": "search", "query": query, "web": {"type": "search", "results": [found]}}),
    )
}

fn refuse(code: &str, detail: &str) -> Response {
    let error = json!({"status": 422, "code": code, "detail": detail});
    let body = json!({"type": "ErrorResponse", "error": error});
    json_response(StatusCode::UNPROCESSABLE_ENTITY, &body)
}

fn json_response(status: StatusCode, body: &Value) -> Response {
    let mut response = Response::new(Body::from(body.to_string()));
    *response.status_mut() = status;
    let kind = HeaderValue::from_static("application/json");
    response.headers_mut().insert(header::CONTENT_TYPE, kind);
    response
}
