//! How answers and refusals look: bodies with Discord's codes, rate-limit headers.

use axum::body::Body;
use axum::response::{IntoResponse as _, Response};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use serde_json::{Value, json};

use crate::sandbox::faults::{Effect, Scope};
use crate::sandbox::limits::Standing;

/// What a route gives back.
pub(crate) type Outcome = Result<Answer, Refusal>;

/// A good answer.
#[derive(Debug)]
pub(crate) enum Answer {
    Json(Value),
    /// Something that was not there before.
    Created(Value),
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
    pub(crate) const INVALID_FORM: Self = Self::new(400, 50_035, "Invalid Form Body");
    pub(crate) const TOO_LARGE: Self = Self::new(413, 40_005, "Request entity too large");
    pub(crate) const UNKNOWN_CHANNEL: Self = Self::new(404, 10_003, "Unknown Channel");
    pub(crate) const UNKNOWN_GUILD: Self = Self::new(404, 10_004, "Unknown Guild");
    pub(crate) const UNKNOWN_MEMBER: Self = Self::new(404, 10_007, "Unknown Member");
    pub(crate) const UNKNOWN_MESSAGE: Self = Self::new(404, 10_008, "Unknown Message");
    pub(crate) const UNKNOWN_OVERWRITE: Self = Self::new(404, 10_009, "Unknown Overwrite");
    pub(crate) const UNKNOWN_ROLE: Self = Self::new(404, 10_011, "Unknown Role");
    pub(crate) const UNKNOWN_USER: Self = Self::new(404, 10_013, "Unknown User");
    pub(crate) const UNKNOWN_EMOJI: Self = Self::new(404, 10_014, "Unknown Emoji");
    pub(crate) const INVALID_EMOJI: Self = Self::new(400, 10_014, "Unknown Emoji");
    pub(crate) const UNKNOWN_WEBHOOK: Self = Self::new(404, 10_015, "Unknown Webhook");
    pub(crate) const UNKNOWN_BAN: Self = Self::new(404, 10_026, "Unknown Ban");
    pub(crate) const UNKNOWN_STICKER: Self = Self::new(404, 10_060, "Unknown Sticker");
    pub(crate) const UNKNOWN_INTERACTION: Self = Self::new(404, 10_062, "Unknown interaction");
    pub(crate) const UNKNOWN_COMMAND: Self = Self::new(404, 10_063, "Unknown application command");
    pub(crate) const UNKNOWN_COMMAND_PERMISSIONS: Self =
        Self::new(404, 10_066, "Unknown application command permissions");
    pub(crate) const ONLY_PEOPLE: Self = Self::new(403, 20_001, "Bots cannot use this endpoint");
    pub(crate) const OTHER_APPLICATION: Self = Self::new(
        403,
        20_012,
        "You are not authorized to perform this action on this application",
    );
    pub(crate) const TOO_MANY_PINS: Self = Self::new(
        400,
        30_003,
        "Maximum number of pins reached for the channel (250)",
    );
    pub(crate) const TOO_MANY_WEBHOOKS: Self =
        Self::new(400, 30_007, "Maximum number of webhooks reached (15)");
    pub(crate) const TOO_MANY_REACTIONS: Self =
        Self::new(400, 30_010, "Maximum number of reactions reached (20)");
    pub(crate) const TOO_MANY_COMMANDS: Self = Self::new(
        400,
        30_032,
        "Maximum number of application commands reached (100)",
    );
    pub(crate) const TOO_MANY_NEW_COMMANDS: Self = Self::new(
        429,
        30_034,
        "Max number of daily application command creates has been reached (200)",
    );
    pub(crate) const ALREADY_ANSWERED: Self =
        Self::new(400, 40_060, "Interaction has already been acknowledged.");
    pub(crate) const MISSING_ACCESS: Self = Self::new(403, 50_001, "Missing Access");
    pub(crate) const NOT_IN_DIRECT: Self =
        Self::new(403, 50_003, "Cannot execute action on a DM channel");
    pub(crate) const NOT_ITS_AUTHOR: Self = Self::new(
        403,
        50_005,
        "Cannot edit a message authored by another user",
    );
    pub(crate) const EMPTY: Self = Self::new(400, 50_006, "Cannot send an empty message");
    pub(crate) const REFUSES_DIRECT: Self =
        Self::new(403, 50_007, "Cannot send messages to this user");
    pub(crate) const NO_TEXT_CHANNEL: Self =
        Self::new(400, 50_008, "Cannot send messages in a non-text channel");
    pub(crate) const MISSING_PERMISSIONS: Self = Self::new(403, 50_013, "Missing Permissions");
    pub(crate) const TOO_FEW_OR_MANY: Self = Self::new(
        400,
        50_016,
        "Provided too few or too many messages to delete. Must provide at least 2 and fewer than 100 messages to delete",
    );
    pub(crate) const SYSTEM_MESSAGE: Self =
        Self::new(403, 50_021, "Cannot execute action on a system message");
    pub(crate) const WRONG_CHANNEL_TYPE: Self =
        Self::new(400, 50_024, "Cannot execute action on this channel type");
    pub(crate) const INVALID_TOKEN: Self = Self::new(401, 50_027, "Invalid Webhook Token");
    pub(crate) const INVALID_ROLE: Self = Self::new(400, 50_028, "Invalid Role");
    pub(crate) const TOO_OLD: Self = Self::new(
        400,
        50_034,
        "You can only bulk delete messages that are under 14 days old.",
    );
    pub(crate) const UNKNOWN_STICKER_SENT: Self = Self::new(400, 50_081, "Invalid sticker sent");
    pub(crate) const ARCHIVED: Self = Self::new(400, 50_083, "Thread is archived");
    pub(crate) const HAS_THREAD: Self = Self::new(
        400,
        160_004,
        "A thread has already been created for this message",
    );
    pub(crate) const LOCKED: Self = Self::new(403, 160_005, "Thread is locked");
    pub(crate) const NO_POLL: Self = Self::new(400, 520_001, "The poll does not exist");

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

impl std::fmt::Display for Refusal {
    /// What went wrong, with the fields that did.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} ({})", self.message, self.code)?;
        self.errors
            .as_ref()
            .map_or(Ok(()), |errors| write!(f, ": {errors}"))
    }
}

/// Turns an outcome into a response.
pub(crate) fn response(outcome: Outcome) -> Response {
    match outcome {
        Ok(Answer::Json(body)) => json_response(200, &body),
        Ok(Answer::Created(body)) => json_response(201, &body),
        Ok(Answer::Empty) => StatusCode::NO_CONTENT.into_response(),
        Err(refusal) => refuse(&refusal),
    }
}

/// Turns a refusal into a response.
pub(crate) fn refuse(refusal: &Refusal) -> Response {
    json_response(refusal.status, &refusal.body())
}

/// Answers as a broken server does, or as one that refuses.
pub(crate) fn fault(fault: &Effect) -> Response {
    if fault.status == 429 {
        let ms = fault.retry_after_ms;
        return match fault.scope {
            Scope::Cloudflare => banned(ms),
            Scope::Global => limited(ms, true, "global"),
            Scope::Shared => limited(ms, false, "shared"),
            Scope::User => limited(ms, false, "user"),
        };
    }
    let status = StatusCode::from_u16(fault.status).unwrap_or(StatusCode::BAD_GATEWAY);
    if fault.code != 0 {
        let body = json!({"message": status.canonical_reason(), "code": fault.code});
        return json_response(fault.status, &body);
    }
    (status, "upstream connect error").into_response()
}

/// Answers as Cloudflare does, before a call reaches Discord: not in JSON.
pub(crate) fn banned(left_ms: u64) -> Response {
    let page = "<!doctype html><title>Access denied</title>error code: 1015";
    let mut response = (StatusCode::TOO_MANY_REQUESTS, page).into_response();
    let headers = response.headers_mut();
    put(headers, "content-type", "text/html; charset=UTF-8");
    put(headers, "server", "cloudflare");
    put(headers, "retry-after", &left_ms.div_ceil(1_000).to_string());
    response
}

fn json_response(status: u16, body: &Value) -> Response {
    let mut response = Response::new(Body::from(body.to_string()));
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_REQUEST);
    let kind = HeaderValue::from_static("application/json");
    response.headers_mut().insert(header::CONTENT_TYPE, kind);
    response
}

/// Answers a call that was one too many, for this bot or for a resource that all share.
pub(crate) fn too_many(standing: &Standing, scope: &'static str) -> Response {
    let scope = if standing.is_global { "global" } else { scope };
    let mut response = limited(standing.reset_after_ms(), standing.is_global, scope);
    describe(&mut response, standing);
    response
}

fn limited(after_ms: u64, is_global: bool, scope: &'static str) -> Response {
    let mut body = json!({
        "message": "You are being rate limited.",
        "retry_after": seconds(after_ms),
        "global": is_global,
    });
    if scope == "shared" {
        let message = "The resource is being rate limited.";
        crate::sandbox::shape::set(&mut body, "message", message.into());
    }
    let mut response = json_response(429, &body);
    let headers = response.headers_mut();
    put(
        headers,
        "retry-after",
        &after_ms.div_ceil(1_000).to_string(),
    );
    put(headers, "x-ratelimit-scope", scope);
    if is_global {
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
