//! The forms in which providers say how long to wait.

use reqwest::header::HeaderMap;
use serde_json::{Value, json};

use super::{Duration, told};

const DATE: (&str, &str) = ("date", "Wed, 21 Oct 2026 07:28:00 GMT");

fn with(pairs: &[(&'static str, &str)], error: &Value) -> Option<u128> {
    let mut headers = HeaderMap::new();
    for (name, value) in pairs {
        headers.insert(*name, value.parse().unwrap());
    }
    told(&headers, error).as_ref().map(Duration::as_millis)
}

fn wait(pairs: &[(&'static str, &str)]) -> Option<u128> {
    with(pairs, &Value::Null)
}

#[test]
fn retry_after_is_read_as_number_span_and_date() {
    for (value, millis) in [
        ("7", 7000),
        (" 7 ", 7000),
        ("1.5", 1500),
        ("2500ms", 2500),
        ("20s", 20_000),
        ("1m30s", 90_000),
        ("Wed, 21 Oct 2026 07:28:30 GMT", 30_000),
        ("Wed, 21 Oct 2026 07:28:30 +0000", 30_000),
        ("Wednesday, 21-Oct-26 07:28:30 GMT", 30_000),
        ("Wed Oct 21 07:28:30 2026", 30_000),
        ("2026-10-21T07:28:30Z", 30_000),
    ] {
        assert_eq!(
            wait(&[("retry-after", value), DATE]),
            Some(millis),
            "{value}"
        );
    }
    assert_eq!(wait(&[("retry-after-ms", "2500")]), Some(2500));
    assert_eq!(
        wait(&[("retry-after-ms", "2500"), ("retry-after", "3")]),
        Some(2500)
    );
}

#[test]
fn what_is_asked_is_kept_between_a_second_and_an_hour() {
    for (value, millis) in [
        ("0", 1000),
        ("0.2", 1000),
        ("5ms", 1000),
        ("3601", 3_600_000),
        ("1e300", 3_600_000),
        ("48h", 3_600_000),
        ("Wed, 21 Oct 2020 07:28:30 GMT", 1000),
        ("Wed, 21 Oct 2099 07:28:30 GMT", 3_600_000),
    ] {
        assert_eq!(
            wait(&[("retry-after", value), DATE]),
            Some(millis),
            "{value}"
        );
    }
}

#[test]
fn a_date_says_nothing_when_the_answer_has_none_of_its_own() {
    let date = "Wed, 21 Oct 2026 07:28:30 GMT";
    assert_eq!(wait(&[("retry-after", date)]), None);
}

#[test]
fn nonsense_is_no_wait() {
    for value in [
        "",
        "soon",
        "NaN",
        "-5",
        "inf",
        "5 minutes",
        "5x",
        "s",
        "1s2",
    ] {
        for name in [
            "retry-after",
            "retry-after-ms",
            "x-ratelimit-reset-requests",
            "x-ratelimit-reset",
        ] {
            let told = wait(&[(name, value), DATE]);
            let is_far = value == "inf" && told == Some(3_600_000);
            assert!(told.is_none() || is_far, "{name}: {value}");
        }
    }
}

#[test]
fn of_several_limits_the_latest_that_is_spent_counts() {
    let openai = [
        ("x-ratelimit-remaining-requests", "0"),
        ("x-ratelimit-reset-requests", "1s250ms"),
        ("x-ratelimit-remaining-tokens", "149000"),
        ("x-ratelimit-reset-tokens", "6m0s"),
    ];
    assert_eq!(wait(&openai), Some(1250));
    assert_eq!(
        wait(&[("x-ratelimit-reset-requests", "6m0s")]),
        Some(360_000)
    );

    let anthropic = [
        ("anthropic-ratelimit-requests-remaining", "0"),
        ("anthropic-ratelimit-requests-reset", "2026-10-21T07:28:09Z"),
        ("anthropic-ratelimit-output-tokens-remaining", "0"),
        (
            "anthropic-ratelimit-output-tokens-reset",
            "2026-10-21T07:28:40Z",
        ),
        DATE,
    ];
    assert_eq!(wait(&anthropic), Some(40_000));
}

#[test]
fn ends_of_limits_are_read_as_unix_times_too() {
    for value in ["1792567700", "1792567700000", "20"] {
        let told = wait(&[("x-ratelimit-reset", value), DATE]);
        assert_eq!(told, Some(20_000), "{value}");
    }
    assert_eq!(
        wait(&[("x-ratelimit-reset", "1792567000"), DATE]),
        Some(1000)
    );
    assert_eq!(wait(&[("x-ratelimit-reset", "1792567700")]), None);
}

#[test]
fn bodies_tell_it_too() {
    let google = json!({ "details": [{ "x": 1 }, { "retryDelay": "38.5s" }] });
    assert_eq!(with(&[], &google), Some(38_500));
    let router = json!({ "metadata": { "headers": { "X-RateLimit-Reset": "1792567700000" } } });
    assert_eq!(with(&[DATE], &router), Some(20_000));
    let openai = json!({ "message": "Limit 3, Used 3. Please try again in 6m12.5s. Visit us." });
    assert_eq!(with(&[], &openai), Some(372_500));
    let vague = json!({ "message": "try again in a moment" });
    assert_eq!(with(&[], &vague), None);
}
