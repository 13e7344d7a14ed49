//! What is wrong with a call, and how each provider says it: status, headers, body.

use axum::body::Body;
use axum::response::Response;
use chrono::{DateTime, Utc};
use http::{HeaderMap, HeaderName, HeaderValue};
use serde_json::{Value, json};

use super::fault::{Dialect, Effect, Kind};
use super::{Format, respond};
use crate::sandbox::clock;

/// What is wrong with a call.
#[derive(Debug)]
pub(super) enum Problem {
    NoKey,
    WrongKey,
    NoModel(String),
    NotFound,
    Invalid(String),
    /// Ordered.
    Fault(Effect),
}

/// What every provider says in its own words.
struct Words {
    status: u16,
    message: String,
    /// OpenAI's `type` and `code`.
    openai: (&'static str, Value),
    /// Anthropic's `type`.
    anthropic: &'static str,
    /// Gemini's `status`.
    gemini: &'static str,
}

impl Problem {
    /// Returns the answer in a provider's format.
    pub(super) fn response(&self, format: Format) -> Response {
        let words = self.words(format);
        let body = body(format, &words, self.details(format));
        let mut response = respond(
            words.status,
            "application/json",
            Body::from(body.to_string()),
        );
        if let Self::Fault(effect) = self
            && matches!(words.status, 429 | 503 | 529)
        {
            retry_headers(response.headers_mut(), format, effect);
        }
        response
    }

    fn words(&self, format: Format) -> Words {
        let invalid = "invalid_request_error";
        match self {
            Self::NoKey => match format {
                Format::Gemini => words(
                    403,
                    "Method doesn't allow unregistered callers. Please use API Key to call this API.",
                ),
                _ => words(401, "You didn't provide an API key."),
            },
            Self::WrongKey => match format {
                Format::Gemini => words(400, "API key not valid. Please pass a valid API key."),
                Format::Anthropic => words(401, "invalid x-api-key"),
                Format::OpenAi => {
                    let code = (invalid, json!("invalid_api_key"));
                    Words {
                        openai: code,
                        ..words(401, "Incorrect API key provided.")
                    }
                }
            },
            Self::NoModel(name) => match format {
                Format::OpenAi => {
                    let message = format!(
                        "The model `{name}` does not exist or you do not have access to it."
                    );
                    Words {
                        openai: (invalid, json!("model_not_found")),
                        ..words(404, &message)
                    }
                }
                Format::Anthropic => words(404, &format!("model: {name}")),
                Format::Gemini => words(
                    404,
                    &format!(
                        "models/{name} is not found for API version v1beta, or is not supported for generateContent."
                    ),
                ),
            },
            Self::NotFound => words(404, "Not found"),
            Self::Invalid(problem) => words(400, problem),
            Self::Fault(effect) => ordered(effect.kind),
        }
    }

    /// Gemini's details about an error.
    fn details(&self, format: Format) -> Value {
        match self {
            Self::WrongKey if format == Format::Gemini => json!([{
                "@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "API_KEY_INVALID",
                "domain": "googleapis.com", "metadata": {"service": "generativelanguage.googleapis.com"},
            }]),
            Self::Fault(effect)
                if effect.retry_after == Dialect::Reset && ordered(effect.kind).status == 429 =>
            {
                let seconds = effect.retry_ms().div_ceil(1_000);
                json!([{"@type": "type.googleapis.com/google.rpc.RetryInfo",
                    "retryDelay": format!("{seconds}s")}])
            }
            _ => Value::Null,
        }
    }
}

/// The usual words for a status.
fn words(status: u16, message: &str) -> Words {
    let (openai, anthropic, gemini) = match status {
        400 => (
            "invalid_request_error",
            "invalid_request_error",
            "INVALID_ARGUMENT",
        ),
        401 => (
            "invalid_request_error",
            "authentication_error",
            "UNAUTHENTICATED",
        ),
        402 => ("insufficient_quota", "billing_error", "FAILED_PRECONDITION"),
        403 => (
            "invalid_request_error",
            "permission_error",
            "PERMISSION_DENIED",
        ),
        404 => ("invalid_request_error", "not_found_error", "NOT_FOUND"),
        413 => (
            "invalid_request_error",
            "request_too_large",
            "INVALID_ARGUMENT",
        ),
        429 => ("requests", "rate_limit_error", "RESOURCE_EXHAUSTED"),
        503 => ("server_error", "overloaded_error", "UNAVAILABLE"),
        504 => ("server_error", "timeout_error", "DEADLINE_EXCEEDED"),
        529 => ("server_error", "overloaded_error", "UNAVAILABLE"),
        500.. => ("server_error", "api_error", "INTERNAL"),
        _ => (
            "invalid_request_error",
            "invalid_request_error",
            "INVALID_ARGUMENT",
        ),
    };
    let message = message.to_owned();
    Words {
        status,
        message,
        openai: (openai, Value::Null),
        anthropic,
        gemini,
    }
}

/// The words of an ordered fault. Those of 402 are as of `OpenRouter` and `DeepSeek`, because OpenAI
/// does not use it.
fn ordered(kind: Kind) -> Words {
    let of_type = |status, message, kind, code: &str| Words {
        openai: (kind, code.into()),
        ..words(status, message)
    };
    match kind {
        Kind::Status(429) => of_type(
            429,
            "Rate limit reached for requests. Please try again later.",
            "requests",
            "rate_limit_exceeded",
        ),
        Kind::Quota => Words {
            anthropic: "billing_error",
            ..of_type(
                429,
                "You exceeded your current quota, please check your plan and billing details.",
                "insufficient_quota",
                "insufficient_quota",
            )
        },
        Kind::Status(401) => of_type(
            401,
            "Incorrect API key provided.",
            "invalid_request_error",
            "invalid_api_key",
        ),
        Kind::Status(402) => words(402, "Insufficient Balance"),
        Kind::Status(403) => words(403, "You are not allowed to use this resource."),
        Kind::Status(404) => words(404, "Not found"),
        Kind::Status(status @ (503 | 529)) => words(status, "Overloaded"),
        Kind::Status(status @ 500..) => words(
            status,
            "The server had an error while processing your request.",
        ),
        Kind::Status(status) => words(status, "The request was refused."),
        Kind::ErrorEvent => words(529, "Overloaded"),
        _ => of_type(
            400,
            "The request was rejected because it was flagged by the content filter (moderation).",
            "invalid_request_error",
            "content_filter",
        ),
    }
}

fn body(format: Format, words: &Words, details: Value) -> Value {
    let Words {
        status,
        message,
        openai: (kind, code),
        anthropic,
        gemini,
    } = words;
    match format {
        Format::OpenAi => json!({"error": {
            "message": message, "type": kind, "param": null, "code": code,
        }}),
        Format::Anthropic => json!({
            "type": "error", "error": {"type": anthropic, "message": message},
            "request_id": "req_sandbox",
        }),
        Format::Gemini => {
            let mut error = json!({"code": status, "message": message, "status": gemini});
            if let (false, Some(fields)) = (details.is_null(), error.as_object_mut()) {
                fields.insert("details".to_owned(), details);
            }
            json!({"error": error})
        }
    }
}

/// An error in the middle of a stream, as an event.
pub(super) fn event(format: Format) -> String {
    let body = body(format, &ordered(Kind::ErrorEvent), Value::Null);
    match format {
        Format::Anthropic => format!("event: error\ndata: {body}\n\n"),
        Format::OpenAi | Format::Gemini => format!("data: {body}\n\n"),
    }
}

fn retry_headers(headers: &mut HeaderMap, format: Format, effect: &Effect) {
    let (now_ms, wait_ms) = (clock::now_ms(), effect.retry_ms());
    let seconds = wait_ms.div_ceil(1_000);
    let mut set = |name: &'static str, value: String| {
        if let Ok(value) = HeaderValue::from_str(&value) {
            headers.insert(HeaderName::from_static(name), value);
        }
    };
    match effect.retry_after {
        Dialect::None => {}
        Dialect::Seconds => set("retry-after", seconds.to_string()),
        Dialect::Ms => set("retry-after-ms", wait_ms.to_string()),
        Dialect::Date => {
            set("date", http_date(now_ms));
            set("retry-after", http_date(now_ms + seconds * 1_000));
        }
        Dialect::Reset => match format {
            Format::OpenAi => {
                set("x-ratelimit-limit-requests", "60".to_owned());
                set("x-ratelimit-remaining-requests", "0".to_owned());
                set("x-ratelimit-reset-requests", span(wait_ms));
            }
            Format::Anthropic => {
                set("anthropic-ratelimit-requests-limit", "60".to_owned());
                set("anthropic-ratelimit-requests-remaining", "0".to_owned());
                let reset = time(now_ms + wait_ms)
                    .format("%Y-%m-%dT%H:%M:%SZ")
                    .to_string();
                set("anthropic-ratelimit-requests-reset", reset);
            }
            // It tells so in the body.
            Format::Gemini => {}
        },
    }
}

fn time(unix_ms: u64) -> DateTime<Utc> {
    let unix_ms = i64::try_from(unix_ms).unwrap_or(i64::MAX);
    DateTime::from_timestamp_millis(unix_ms).unwrap_or_default()
}

fn http_date(unix_ms: u64) -> String {
    time(unix_ms)
        .format("%a, %d %b %Y %H:%M:%S GMT")
        .to_string()
}

/// A span as OpenAI writes it: `250ms`, `7s`, `1m30s`.
fn span(ms: u64) -> String {
    match ms {
        0..1_000 => format!("{ms}ms"),
        1_000..60_000 => format!("{}s", ms.div_ceil(1_000)),
        _ => format!("{}m{}s", ms / 60_000, ms % 60_000 / 1_000),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_written_as_openai_does() {
        assert_eq!(
            [span(250), span(7_000), span(90_000)],
            ["250ms", "7s", "1m30s"]
        );
    }

    #[test]
    fn dates_are_those_of_http() {
        assert_eq!(http_date(784_111_777_000), "Sun, 06 Nov 1994 08:49:37 GMT");
    }
}
