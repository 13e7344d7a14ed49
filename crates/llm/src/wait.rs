//! How long a provider asks to wait, in every form in which providers say it: seconds, milliseconds,
//! spans, dates, and limits that name their end. Dates are compared with the answer's own, so that
//! no clock of ours is asked.

use std::time::Duration;

use chrono::{DateTime, FixedOffset, NaiveDateTime};
use reqwest::header::HeaderMap;
use serde_json::Value;

use crate::classify::text_of;

/// No wait that a provider asks for is taken as shorter or longer than this (POOL 5.3).
const SHORTEST: Duration = Duration::from_secs(1);
const LONGEST: Duration = Duration::from_hours(1);

/// Limits with their remains and ends: OpenAI's write spans, Anthropic's write dates.
const LIMITS: [(&str, &str); 6] = [
    (
        "x-ratelimit-remaining-requests",
        "x-ratelimit-reset-requests",
    ),
    ("x-ratelimit-remaining-tokens", "x-ratelimit-reset-tokens"),
    (
        "anthropic-ratelimit-requests-remaining",
        "anthropic-ratelimit-requests-reset",
    ),
    (
        "anthropic-ratelimit-tokens-remaining",
        "anthropic-ratelimit-tokens-reset",
    ),
    (
        "anthropic-ratelimit-input-tokens-remaining",
        "anthropic-ratelimit-input-tokens-reset",
    ),
    (
        "anthropic-ratelimit-output-tokens-remaining",
        "anthropic-ratelimit-output-tokens-reset",
    ),
];

/// Before these numbers it is a span in seconds, from the second on a Unix time in milliseconds,
/// between them one in seconds.
const UNIX_SECONDS_FROM: f64 = 1e9;
const UNIX_MILLIS_FROM: f64 = 1e11;

/// The date formats of HTTP besides the usual one (RFC 9110 section 5.6.7); all of them mean UTC.
const OLD_DATES: [&str; 2] = ["%A, %d-%b-%y %H:%M:%S GMT", "%a %b %e %H:%M:%S %Y"];

/// Where OpenAI's texts say it.
const TRY_AGAIN: &str = "try again in ";

/// Returns how long the provider asks to wait, between 1 s and 1 h.
pub(crate) fn told(headers: &HeaderMap, error: &Value) -> Option<Duration> {
    let header = |name: &str| headers.get(name)?.to_str().ok();
    let now = header("date").and_then(date);
    let wait = header("retry-after-ms")
        .and_then(|value| seconds(value.parse::<f64>().ok()? / 1000.0))
        .or_else(|| delay(header("retry-after")?, now))
        .or_else(|| spent(headers, now))
        .or_else(|| reset(header("x-ratelimit-reset")?, now))
        .or_else(|| reset(header("ratelimit-reset")?, now))
        .or_else(|| span(retry_info(error)?))
        .or_else(|| reset(reset_in_body(error)?, now))
        .or_else(|| in_words(text_of(error)))?;
    Some(wait.clamp(SHORTEST, LONGEST))
}

/// Tells whether the error names the end of a limit in a field of its own.
pub(crate) fn names_its_end(error: &Value) -> bool {
    retry_info(error).is_some() || reset_in_body(error).is_some()
}

/// The latest end of the limits that are used up, or whose remains are not told.
fn spent(headers: &HeaderMap, now: Option<DateTime<FixedOffset>>) -> Option<Duration> {
    let header = |name: &str| headers.get(name)?.to_str().ok();
    LIMITS
        .into_iter()
        .filter(|(remaining, _)| header(remaining).is_none_or(|left| left.trim() == "0"))
        .filter_map(|(_, reset)| delay(header(reset)?, now))
        .max()
}

/// Google: `details` hold a `RetryInfo`.
fn retry_info(error: &Value) -> Option<&str> {
    let mut details = error.get("details")?.as_array()?.iter();
    details.find_map(|detail| detail.get("retryDelay")?.as_str())
}

/// `OpenRouter`: the headers of the limit are in the body.
fn reset_in_body(error: &Value) -> Option<&str> {
    error
        .get("metadata")?
        .get("headers")?
        .get("X-RateLimit-Reset")?
        .as_str()
}

fn in_words(text: &str) -> Option<Duration> {
    let (_, rest) = text.split_once(TRY_AGAIN)?;
    let word = rest.split_whitespace().next()?;
    span(word.trim_end_matches(|c: char| !c.is_ascii_alphabetic()))
}

/// Reads seconds, a span or a date.
fn delay(value: &str, now: Option<DateTime<FixedOffset>>) -> Option<Duration> {
    let value = value.trim();
    if let Ok(number) = value.parse::<f64>() {
        return seconds(number);
    }
    span(value).or_else(|| {
        let left = date(value)?.signed_duration_since(now?);
        Some(left.to_std().unwrap_or_default())
    })
}

/// Reads the end of a limit, which some tell as a Unix time.
fn reset(value: &str, now: Option<DateTime<FixedOffset>>) -> Option<Duration> {
    let unix = match value.trim().parse::<f64>() {
        Ok(number) if number >= UNIX_MILLIS_FROM => number / 1000.0,
        Ok(number) if number >= UNIX_SECONDS_FROM => number,
        _ => return delay(value, now),
    };
    seconds((unix - unix_seconds(now?)).max(0.0))
}

#[expect(
    clippy::cast_precision_loss,
    reason = "milliseconds of this era have 41 bits of the 53"
)]
fn unix_seconds(at: DateTime<FixedOffset>) -> f64 {
    at.timestamp_millis() as f64 / 1000.0
}

/// Reads a span; what is negative or no number is none.
fn seconds(number: f64) -> Option<Duration> {
    let bounded = number.clamp(-1.0, LONGEST.as_secs_f64());
    if bounded < 0.0 {
        return None;
    }
    Duration::try_from_secs_f64(bounded).ok()
}

fn date(value: &str) -> Option<DateTime<FixedOffset>> {
    DateTime::parse_from_rfc2822(value)
        .or_else(|_| DateTime::parse_from_rfc3339(value))
        .ok()
        .or_else(|| {
            let old = OLD_DATES
                .into_iter()
                .find_map(|format| NaiveDateTime::parse_from_str(value, format).ok())?;
            Some(old.and_utc().fixed_offset())
        })
}

/// Reads spans as OpenAI and Google write them: `1s`, `6m0s`, `250ms`, `38.5s`.
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
            "d" => 86_400.0,
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
