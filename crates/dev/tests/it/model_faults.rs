//! Faults of the model server, ordered by an admin or by a message, in every wire format.

use std::time::Instant;

use http::Method;
use serde_json::{Value, json};

use crate::model_client::{Got, OPENAI, STREAMS, call, post, question, words};
use crate::sandbox_world::Sandbox;

const OPENAI_CHAT: &str = STREAMS[0].0;

async fn order(sandbox: &Sandbox, fault: Value) {
    sandbox.admin(Method::POST, "/model/faults", fault).await;
}

/// Asks for a fault by a message in every format.
async fn in_all_formats(sandbox: &Sandbox, text: &str) -> [Got; 3] {
    let ask = |(path, headers): (&'static str, &'static [(&str, &str)])| {
        post(sandbox, path, headers, question(path, text))
    };
    let [one, two, three] = STREAMS;
    [ask(one).await, ask(two).await, ask(three).await]
}

#[tokio::test]
async fn statuses_are_answered_with_the_bodies_of_each_provider() {
    let sandbox = Sandbox::start().await;
    for (status, code, anthropic, gemini) in [
        (
            401,
            json!("invalid_api_key"),
            "authentication_error",
            "UNAUTHENTICATED",
        ),
        (402, Value::Null, "billing_error", "FAILED_PRECONDITION"),
        (403, Value::Null, "permission_error", "PERMISSION_DENIED"),
        (
            429,
            json!("rate_limit_exceeded"),
            "rate_limit_error",
            "RESOURCE_EXHAUSTED",
        ),
        (500, Value::Null, "api_error", "INTERNAL"),
        (503, Value::Null, "overloaded_error", "UNAVAILABLE"),
        (529, Value::Null, "overloaded_error", "UNAVAILABLE"),
    ] {
        let answers = in_all_formats(&sandbox, &format!("alice: fault: {status}")).await;
        assert!(
            answers.iter().all(|answer| answer.status == status),
            "{answers:?}"
        );
        let [openai, claude, google] = answers.map(|answer| answer.json()["error"].clone());
        assert_eq!(
            (&openai["code"], &claude["type"], &google["status"]),
            (&code, &json!(anthropic), &json!(gemini))
        );
    }
}

#[tokio::test]
async fn a_limit_tells_when_to_come_back_in_every_dialect() {
    let sandbox = Sandbox::start().await;
    let [seconds, ..] = in_all_formats(&sandbox, "fault: 429 seconds 9s").await;
    assert_eq!(seconds.header("retry-after"), Some("9"));
    let [ms, ..] = in_all_formats(&sandbox, "fault: 429 ms 1500ms").await;
    assert_eq!(
        (ms.header("retry-after-ms"), ms.header("retry-after")),
        (Some("1500"), None)
    );
    let [date, ..] = in_all_formats(&sandbox, "fault: 429 date 60s").await;
    let time = |name| chrono::DateTime::parse_from_rfc2822(date.header(name).unwrap()).unwrap();
    assert_eq!((time("retry-after") - time("date")).num_seconds(), 60);
    let [openai, anthropic, gemini] = in_all_formats(&sandbox, "fault: 429 reset 90s").await;
    assert_eq!(openai.header("x-ratelimit-reset-requests"), Some("1m30s"));
    assert!(
        anthropic
            .header("anthropic-ratelimit-requests-reset")
            .unwrap()
            .ends_with('Z')
    );
    assert_eq!(gemini.json()["error"]["details"][0]["retryDelay"], "90s");
    let [none, ..] = in_all_formats(&sandbox, "fault: 429 none").await;
    assert_eq!(none.header("retry-after"), None);
}

#[tokio::test]
async fn a_cut_off_answer_breaks_in_its_midst() {
    let sandbox = Sandbox::start().await;
    for answer in in_all_formats(&sandbox, "fault: cut-off").await {
        assert!(!answer.is_whole && !words(&answer).is_empty(), "{answer:?}");
    }
}

#[tokio::test]
async fn a_malformed_event_stands_among_good_ones() {
    let sandbox = Sandbox::start().await;
    for answer in in_all_formats(&sandbox, "fault: malformed").await {
        let data = answer
            .text
            .lines()
            .filter_map(|line| line.strip_prefix("data: "));
        let bad =
            data.filter(|data| *data != "[DONE]" && serde_json::from_str::<Value>(data).is_err());
        assert_eq!(bad.count(), 1);
        assert!(answer.is_whole && answer.events().len() > 3);
    }
}

#[tokio::test]
async fn an_error_may_come_in_the_midst_of_a_stream() {
    let sandbox = Sandbox::start().await;
    for answer in in_all_formats(&sandbox, "fault: error-event").await {
        assert_eq!(answer.status, 200);
        let events = answer.events();
        assert!(
            events.last().unwrap()["error"]["message"] == "Overloaded",
            "{answer:?}"
        );
    }
}

#[tokio::test]
async fn an_empty_answer_has_no_words_but_a_good_end() {
    let sandbox = Sandbox::start().await;
    for answer in in_all_formats(&sandbox, "fault: empty").await {
        assert_eq!(words(&answer), "");
        let ends = [
            "\"finish_reason\":\"stop\"",
            "\"stop_reason\":\"end_turn\"",
            "\"finishReason\":\"STOP\"",
        ];
        assert!(
            ends.iter().any(|end| answer.text.contains(end)),
            "{answer:?}"
        );
    }
}

#[tokio::test]
async fn an_endless_answer_goes_on_until_nobody_listens() {
    let sandbox = Sandbox::start().await;
    for (path, headers) in STREAMS {
        let body = question(path, "fault: endless");
        let answer = call(&sandbox, Method::POST, path, headers, &body, 100_000).await;
        assert!(!answer.is_whole && words(&answer).len() > 2_000);
    }
    let mut whole = question(OPENAI_CHAT, "fault: endless");
    whole["stream"] = false.into();
    let answer = call(&sandbox, Method::POST, OPENAI_CHAT, OPENAI, &whole, 100_000).await;
    assert!(!answer.is_whole && answer.text.len() >= 100_000);
}

#[tokio::test]
async fn a_filter_stops_an_answer_or_refuses_the_question() {
    let sandbox = Sandbox::start().await;
    let ends = [
        "\"finish_reason\":\"content_filter\"",
        "\"stop_reason\":\"refusal\"",
        "\"finishReason\":\"SAFETY\"",
    ];
    for (answer, end) in in_all_formats(&sandbox, "fault: filter")
        .await
        .iter()
        .zip(ends)
    {
        assert!(
            answer.text.contains(end) && !words(answer).is_empty(),
            "{answer:?}"
        );
    }
    let [openai, anthropic, gemini] = in_all_formats(&sandbox, "fault: blocked").await;
    assert_eq!(
        (openai.status.as_u16(), &openai.json()["error"]["code"]),
        (400, &json!("content_filter"))
    );
    assert_eq!(anthropic.status, 400);
    assert_eq!(
        gemini.events()[0]["promptFeedback"]["blockReason"],
        "SAFETY"
    );
}

#[tokio::test]
async fn slowness_is_before_the_first_piece_or_between_all() {
    let sandbox = Sandbox::start().await;
    let ask = |text: &'static str| post(&sandbox, OPENAI_CHAT, OPENAI, question(OPENAI_CHAT, text));
    for text in ["fault: slow-start 300ms", "fault: slow-stream 60ms"] {
        let started = Instant::now();
        let answer = ask(text).await;
        assert!(
            started.elapsed().as_millis() >= 300 && answer.is_whole,
            "{text}"
        );
    }
}

#[tokio::test]
async fn an_ordered_fault_meets_the_next_calls_of_its_key_and_model_only() {
    let sandbox = Sandbox::start().await;
    order(
        &sandbox,
        json!({"fault": 503, "times": 2, "key": "sk-sandbox-1", "model": "sandbox-chat"}),
    )
    .await;
    let status = async |key: &str, model: &str| {
        let mut body = question(OPENAI_CHAT, "hi");
        body["model"] = model.into();
        let key = format!("Bearer {key}");
        post(
            &sandbox,
            OPENAI_CHAT,
            &[("authorization", key.as_str())],
            body,
        )
        .await
        .status
        .as_u16()
    };
    assert_eq!(status("sk-sandbox-2", "sandbox-chat").await, 200);
    assert_eq!(status("sk-sandbox-1", "gpt-5").await, 200);
    assert_eq!(status("sk-sandbox-1", "sandbox-chat").await, 503);
    assert_eq!(status("sk-sandbox-1", "sandbox-chat").await, 503);
    assert_eq!(status("sk-sandbox-1", "sandbox-chat").await, 200);
}

#[tokio::test]
async fn faults_of_other_work_are_shown_and_taken_away() {
    let sandbox = Sandbox::start().await;
    order(&sandbox, json!({"fault": "401", "on": "models"})).await;
    let models = || {
        call(
            &sandbox,
            Method::GET,
            "/model/v1/models",
            OPENAI,
            &Value::Null,
            usize::MAX,
        )
    };
    assert_eq!(models().await.status, 401);
    let shown = sandbox
        .admin(Method::GET, "/model/faults", Value::Null)
        .await;
    assert_eq!(
        (&shown[0]["fault"], &shown[0]["on"]),
        (&json!("401"), &json!("models"))
    );
    sandbox
        .admin(Method::DELETE, "/model/faults", Value::Null)
        .await;
    assert_eq!(models().await.status, 200);
}

#[tokio::test]
async fn a_fault_that_does_not_exist_is_refused() {
    let sandbox = Sandbox::start().await;
    for fault in [
        json!({"fault": "nonsense"}),
        json!({"fault": 500, "share": 2}),
        json!({"fault": 500, "typo": 1}),
    ] {
        let answer = sandbox
            .request(Method::POST, "/sandbox/model/faults", None, &fault)
            .await;
        assert_eq!(answer.status, 400, "{fault}");
    }
}

#[tokio::test]
async fn calls_and_their_tokens_are_counted_and_shown() {
    let sandbox = Sandbox::start().await;
    in_all_formats(&sandbox, "alice: hello").await;
    let calls = sandbox
        .admin(Method::GET, "/model/calls", Value::Null)
        .await;
    let formats: Vec<_> = calls
        .as_array()
        .unwrap()
        .iter()
        .map(|call| call["format"].clone())
        .collect();
    assert_eq!(formats, ["openai", "anthropic", "gemini"]);
    assert_eq!(calls[0]["said"][0], "person: alice: hello");
    let figures = sandbox.stat("model").await;
    assert_eq!(
        (&figures["requests"], &figures["finished"]),
        (&json!(3), &json!(3))
    );
    assert!(figures["written_tokens"].as_u64().unwrap() > 10);
}
