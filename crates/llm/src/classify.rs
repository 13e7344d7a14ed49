//! From a provider's refusal to a [`Class`]: its structured code first, then the HTTP status, then
//! the words of its text. The text is read here and goes no further.

use std::time::Duration;

use chrono::DateTime;
use reqwest::header::HeaderMap;
use serde_json::Value;

use crate::error::{Class, Error};

/// No wait that a provider asks for is taken as shorter or longer than this.
const SHORTEST_WAIT: Duration = Duration::from_secs(1);
const LONGEST_WAIT: Duration = Duration::from_hours(1);
/// Longer texts are judged by their beginning.
const MOST_TEXT: usize = 4096;

const BALANCE: [&str; 6] = [
    "balance",
    "credit",
    "credits",
    "billing",
    "insufficient funds",
    "quota exceeded for plan",
];
const PLAN: [&str; 4] = ["plan", "tier", "subscription", "not available for your"];
const MODERATION: [&str; 5] = [
    "moderation",
    "flagged",
    "safety",
    "content filter",
    "content management policy",
];
const LENGTH: [&str; 5] = [
    "context length",
    "context window",
    "maximum context",
    "prompt is too long",
    "too many tokens",
];
const MODEL: [&str; 5] = [
    "model not found",
    "unknown model",
    "model does not exist",
    "not a valid model",
    "model not exist",
];

/// Judges an answer that is not a success.
pub(crate) fn refusal(status: u16, headers: &HeaderMap, body: &str) -> Error {
    let body = serde_json::from_str(body).unwrap_or_else(|_| Value::String(body.to_owned()));
    let class = class(Some(status), &body);
    Error {
        class,
        status: Some(status),
        retry_after: retry_after(headers),
    }
}

/// Judges an error that came in the midst of a stream.
pub(crate) fn interruption(body: &Value) -> Error {
    Error {
        class: class(None, body),
        status: None,
        retry_after: None,
    }
}

fn class(status: Option<u16>, body: &Value) -> Class {
    let error = details(body);
    // Some providers answer 200 and put the status into the error.
    let status = status.or_else(|| number(error.get("code")?));
    let words = Words::of(error);
    by_code(error, &words)
        .or_else(|| status.and_then(|status| by_status(status, &words)))
        .or_else(|| by_words(&words))
        .unwrap_or(Class::Unknown)
}

/// Returns the innermost object that describes the error, however it is wrapped.
fn details(body: &Value) -> &Value {
    let body = body.get(0).unwrap_or(body);
    body.get("error").unwrap_or(body)
}

fn number(code: &Value) -> Option<u16> {
    let number = match code {
        Value::String(text) => text.parse().ok()?,
        other => u16::try_from(other.as_u64()?).ok()?,
    };
    (400..600).contains(&number).then_some(number)
}

fn by_code(error: &Value, words: &Words) -> Option<Class> {
    ["code", "type", "status"]
        .into_iter()
        .filter_map(|field| error.get(field)?.as_str())
        .find_map(|code| named(&code.to_ascii_lowercase(), words))
}

/// Knows the codes that decide by themselves; others, such as OpenAI's `invalid_request_error`,
/// stand for many things.
fn named(code: &str, words: &Words) -> Option<Class> {
    Some(match code {
        "rate_limit_error" | "rate_limit_exceeded" | "resource_exhausted" => words.money_or_rate(),
        "insufficient_quota"
        | "billing_not_active"
        | "billing_hard_limit_reached"
        | "insufficient_balance"
        | "1113" => Class::Balance,
        "invalid_api_key" | "authentication_error" | "unauthenticated" => Class::Auth,
        "permission_error" | "permission_denied" => words.money().unwrap_or(Class::Auth),
        "content_filter" | "content_policy_violation" | "moderation_blocked" | "1301" => {
            Class::ContentBlocked
        }
        "context_length_exceeded" => Class::ContextLength,
        "model_not_found" => Class::UnknownModel,
        "overloaded_error" | "unavailable" | "server_error" => Class::Overloaded,
        _ => return None,
    })
}

fn by_status(status: u16, words: &Words) -> Option<Class> {
    Some(match status {
        402 => Class::Balance,
        429 => words.money_or_rate(),
        401 => Class::Auth,
        400 | 403 if words.any(&MODERATION) => Class::ContentBlocked,
        403 => words.money().unwrap_or(Class::Auth),
        404 => Class::UnknownModel,
        400 | 413 | 422 if words.any(&LENGTH) => Class::ContextLength,
        400 | 422 if words.any(&MODEL) => Class::UnknownModel,
        400 | 405 | 409 | 413 | 415 | 422 => Class::RequestFault,
        408 | 504 => Class::Timeout,
        500 | 502 | 503 | 529 => Class::Overloaded,
        _ => return None,
    })
}

fn by_words(words: &Words) -> Option<Class> {
    let known: [(&[&str], Class); 4] = [
        (&LENGTH, Class::ContextLength),
        (&["rate limit", "too many requests"], Class::RateLimit),
        (
            &["overloaded", "temporarily unavailable"],
            Class::Overloaded,
        ),
        (&["timed out", "timeout"], Class::Timeout),
    ];
    known
        .into_iter()
        .find_map(|(phrases, class)| words.any(phrases).then_some(class))
}

/// The words of an error's text, in lower case and with single blanks between and around them.
struct Words(String);

impl Words {
    fn of(error: &Value) -> Self {
        let text = ["message", "detail", "title"]
            .into_iter()
            .find_map(|field| error.get(field)?.as_str())
            .or_else(|| error.as_str())
            .unwrap_or_default();
        let mut words = String::from(" ");
        // Addresses are left out: a link to the billing page does not make it a matter of money.
        for word in text.split_whitespace().filter(|word| !word.contains("://")) {
            for part in word
                .split(|c: char| !c.is_alphanumeric())
                .filter(|part| !part.is_empty())
            {
                words.push_str(&part.to_lowercase());
                words.push(' ');
            }
            if words.len() > MOST_TEXT {
                break;
            }
        }
        Self(words)
    }

    fn any(&self, phrases: &[&str]) -> bool {
        phrases
            .iter()
            .any(|phrase| self.0.contains(&format!(" {phrase} ")))
    }

    fn money(&self) -> Option<Class> {
        if self.any(&BALANCE) {
            Some(Class::Balance)
        } else {
            self.any(&PLAN).then_some(Class::Plan)
        }
    }

    fn money_or_rate(&self) -> Class {
        self.money().unwrap_or(Class::RateLimit)
    }
}

/// Reads how long the provider asks to wait: seconds, milliseconds or a date. Dates are compared
/// with the answer's own, so that no clock of ours is asked.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let header = |name: &str| headers.get(name)?.to_str().ok();
    let millis = header("retry-after-ms").and_then(|value| value.parse::<f64>().ok());
    let wait = millis
        .and_then(|millis| Duration::try_from_secs_f64(millis / 1000.0).ok())
        .or_else(|| seconds_or_date(header("retry-after")?, header("date")))
        .or_else(|| span(header("x-ratelimit-reset-requests")?))?;
    Some(wait.clamp(SHORTEST_WAIT, LONGEST_WAIT))
}

fn seconds_or_date(value: &str, now: Option<&str>) -> Option<Duration> {
    if let Ok(seconds) = value.parse::<f64>() {
        return Duration::try_from_secs_f64(seconds.clamp(-1.0, LONGEST_WAIT.as_secs_f64())).ok();
    }
    let at = DateTime::parse_from_rfc2822(value).ok()?;
    let now = DateTime::parse_from_rfc2822(now?).ok()?;
    Some(at.signed_duration_since(now).to_std().unwrap_or_default())
}

/// Reads spans as OpenAI writes them: `1s`, `6m0s`, `250ms`.
fn span(value: &str) -> Option<Duration> {
    let mut total = Duration::ZERO;
    let mut rest = Some(value).filter(|value| !value.is_empty())?;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let (number, tail) = rest.split_at_checked(digits)?;
        let unit_end = tail
            .find(|c: char| c.is_ascii_digit())
            .unwrap_or(tail.len());
        let (unit, tail) = tail.split_at_checked(unit_end)?;
        let seconds = match unit {
            "h" => 3600.0,
            "m" => 60.0,
            "s" => 1.0,
            "ms" => 0.001,
            _ => return None,
        };
        let part = Duration::try_from_secs_f64(number.parse::<f64>().ok()? * seconds).ok()?;
        total = total.checked_add(part)?;
        rest = tail;
    }
    Some(total)
}

#[cfg(test)]
mod tests;
