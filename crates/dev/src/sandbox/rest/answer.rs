//! How answers and refusals look: bodies with Discord's codes, rate-limit headers.

use axum::body::Body;
use axum::response::{IntoResponse as _, Response};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use serde_json::{Value, json};

use crate::sandbox::limits::Standing;

/// What a route gives back.
pub(crate) type Outcome = Result<Answer, Refusal>;

/// A good answer.
#[derive(Debug)]
pub(crate) enum Answer {
    Json(Value),
    Empty,
}

/// A refusal with Discord's code (Discord opcodes page, 2026-11).
#[derive(Clone, Debug)]
pub(crate) struct Refusal {
    status: u16,
    code: u32,
    message: &'static str,
    errors: Option<Value>,
}

impl Refusal {
    pub(crate) const UNAUTHORIZED: Self = Self::new(401, 0, "401: Unauthorized");
    pub(crate) const NOT_FOUND: Self = Self::new(404, 0, "404: Not Found");
    pub(crate) const INVALID_JSON: Self =
        Self::new(400, 50_109, "The request body contains invalid JSON.");
    pub(crate) const UNKNOWN_CHANNEL: Self = Self::new(404, 10_003, "Unknown Channel");
    pub(crate) const UNKNOWN_GUILD: Self = Self::new(404, 10_004, "Unknown Guild");
    pub(crate) const UNKNOWN_MESSAGE: Self = Self::new(404, 10_008, "Unknown Message");
    pub(crate) const UNKNOWN_USER: Self = Self::new(404, 10_013, "Unknown User");
    pub(crate) const UNKNOWN_WEBHOOK: Self = Self::new(404, 10_015, "Unknown Webhook");
    pub(crate) const UNKNOWN_INTERACTION: Self = Self::new(404, 10_062, "Unknown interaction");
    pub(crate) const ALREADY_ANSWERED: Self =
        Self::new(400, 40_060, "Interaction has already been acknowledged.");
    pub(crate) const NOT_ITS_AUTHOR: Self = Self::new(
        403,
        50_005,
        "Cannot edit a message authored by another user",
    );
    pub(crate) const EMPTY: Self = Self::new(400, 50_006, "Cannot send an empty message");
    pub(crate) const MISSING_PERMISSIONS: Self = Self::new(403, 50_013, "Missing Permissions");
    pub(crate) const INVALID_TOKEN: Self = Self::new(401, 50_027, "Invalid Webhook Token");

    const fn new(status: u16, code: u32, message: &'static str) -> Self {
        Self {
            status,
            code,
            message,
            errors: None,
        }
    }

    /// A form with something wrong in one field.
    pub(crate) fn form(field: &str, code: &str, message: &str) -> Self {
        let problem = json!({"_errors": [{"code": code, "message": message}]});
        let errors = json!({field: problem});
        Self {
            errors: Some(errors),
            ..Self::new(400, 50_035, "Invalid Form Body")
        }
    }

    fn body(&self) -> Value {
        let mut body = json!({"message": self.message, "code": self.code});
        if let Some(errors) = &self.errors {
            crate::sandbox::shape::set(&mut body, "errors", errors.clone());
        }
        body
    }
}

/// Turns an outcome into a response.
pub(crate) fn response(outcome: Outcome) -> Response {
    match outcome {
        Ok(Answer::Json(body)) => json_response(200, &body),
        Ok(Answer::Empty) => StatusCode::NO_CONTENT.into_response(),
        Err(refusal) => refuse(&refusal),
    }
}

/// Turns a refusal into a response.
pub(crate) fn refuse(refusal: &Refusal) -> Response {
    json_response(refusal.status, &refusal.body())
}

/// Answers as a broken server does.
pub(crate) fn fault(status: u16) -> Response {
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_GATEWAY);
    (status, "upstream connect error").into_response()
}

fn json_response(status: u16, body: &Value) -> Response {
    let mut response = Response::new(Body::from(body.to_string()));
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_REQUEST);
    let kind = HeaderValue::from_static("application/json");
    response.headers_mut().insert(header::CONTENT_TYPE, kind);
    response
}

/// Answers a call that was one too many.
pub(crate) fn too_many(standing: &Standing) -> Response {
    let after_ms = standing.reset_after_ms();
    let body = json!({
        "message": "You are being rate limited.",
        "retry_after": seconds(after_ms),
        "global": standing.is_global,
    });
    let mut response = json_response(429, &body);
    describe(&mut response, standing);
    let headers = response.headers_mut();
    put(
        headers,
        "retry-after",
        &after_ms.div_ceil(1_000).to_string(),
    );
    put(
        headers,
        "x-ratelimit-scope",
        if standing.is_global { "global" } else { "user" },
    );
    if standing.is_global {
        put(headers, "x-ratelimit-global", "true");
    }
    put(headers, "via", "1.1 google");
    response
}

/// Adds the bucket's headers.
pub(crate) fn describe(response: &mut Response, standing: &Standing) {
    if standing.is_global {
        return;
    }
    let headers = response.headers_mut();
    put(headers, "x-ratelimit-bucket", standing.quota.hash);
    put(
        headers,
        "x-ratelimit-limit",
        &standing.quota.limit.to_string(),
    );
    put(
        headers,
        "x-ratelimit-remaining",
        &standing.remaining.to_string(),
    );
    put(
        headers,
        "x-ratelimit-reset",
        &format!("{:.3}", seconds(standing.reset_ms)),
    );
    let after = format!("{:.3}", seconds(standing.reset_after_ms()));
    put(headers, "x-ratelimit-reset-after", &after);
}

#[expect(
    clippy::cast_precision_loss,
    reason = "milliseconds of this century fit into 53 bits"
)]
fn seconds(ms: u64) -> f64 {
    ms as f64 / 1_000.0
}

fn put(headers: &mut HeaderMap, name: &'static str, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        headers.insert(HeaderName::from_static(name), value);
    }
}
