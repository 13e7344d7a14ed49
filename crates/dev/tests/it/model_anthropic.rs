//! The model server in Anthropic's wire format.

use http::Method;
use serde_json::{Value, json};

use crate::model_client::{ANTHROPIC, Got, call, post};
use crate::sandbox_world::Sandbox;

const MESSAGES: &str = "/model/anthropic/v1/messages";

fn question(text: &str) -> Value {
    json!({"model": "claude-sonnet-4-5", "max_tokens": 1_000,
        "system": [{"type": "text", "text": "You are Anne, a pirate."}],
        "messages": [{"role": "user", "content": text}]})
}

fn kinds(got: &Got) -> Vec<String> {
    let events = got
        .text
        .lines()
        .filter_map(|line| line.strip_prefix("event: "));
    events.map(str::to_owned).collect()
}

#[tokio::test]
async fn a_whole_answer_is_in_character_and_counts_tokens() {
    let sandbox = Sandbox::start().await;
    let answer = post(&sandbox, MESSAGES, ANTHROPIC, question("bob: who are you?"))
        .await
        .json();
    assert_eq!(
        (&answer["type"], &answer["role"]),
        (&json!("message"), &json!("assistant"))
    );
    assert_eq!(answer["stop_reason"], "end_turn");
    let text = answer["content"][0]["text"].as_str().unwrap();
    assert!(text.contains("Anne") && text.contains("bob"), "{text}");
    assert!(answer["usage"]["output_tokens"].as_u64().unwrap() > 5);
}

#[tokio::test]
async fn a_streamed_answer_has_the_same_words_in_anthropics_events() {
    let sandbox = Sandbox::start().await;
    let whole = post(&sandbox, MESSAGES, ANTHROPIC, question("tell me about tea"))
        .await
        .json();
    let mut request = question("tell me about tea");
    request["stream"] = true.into();
    let streamed = post(&sandbox, MESSAGES, ANTHROPIC, request).await;
    assert_eq!(
        crate::model_client::words(&streamed),
        whole["content"][0]["text"]
    );
    let mut kinds = kinds(&streamed);
    kinds.dedup();
    assert_eq!(
        kinds,
        [
            "message_start",
            "content_block_start",
            "ping",
            "content_block_delta",
            "content_block_stop",
            "message_delta",
            "message_stop",
        ]
    );
    let events = streamed.events();
    let end = &events[events.len() - 2];
    assert_eq!(
        (&end["delta"]["stop_reason"], &end["usage"]["output_tokens"]),
        (&json!("end_turn"), &whole["usage"]["output_tokens"])
    );
}

#[tokio::test]
async fn tools_are_used_in_parallel_with_streamed_arguments() {
    let sandbox = Sandbox::start().await;
    let schema = json!({"type": "object", "properties": {"city": {"type": "string"}}});
    let mut request = question("weather with {\"city\": \"Kyoto\"} and then search");
    request["tools"] = json!([
        {"name": "weather", "input_schema": schema}, {"name": "search", "input_schema": schema},
    ]);
    request["stream"] = true.into();
    let streamed = post(&sandbox, MESSAGES, ANTHROPIC, request.clone()).await;
    let events = streamed.events();
    let starts = events
        .iter()
        .filter(|event| event["type"] == "content_block_start");
    let names: Vec<_> = starts
        .map(|event| event["content_block"]["name"].clone())
        .collect();
    assert_eq!(names, ["weather", "search"]);
    let pieces = events.iter().filter(|event| event["index"] == 0);
    let arguments: String = pieces
        .filter_map(|event| event["delta"]["partial_json"].as_str())
        .collect();
    assert_eq!(
        serde_json::from_str::<Value>(&arguments).unwrap(),
        json!({"city": "Kyoto"})
    );
    assert_eq!(events[events.len() - 2]["delta"]["stop_reason"], "tool_use");

    request["stream"] = false.into();
    let used = post(&sandbox, MESSAGES, ANTHROPIC, request.clone())
        .await
        .json();
    let id = &used["content"][0]["id"];
    let messages = request["messages"].as_array_mut().unwrap();
    messages.push(json!({"role": "assistant", "content": used["content"]}));
    let result = json!([{"type": "tool_result", "tool_use_id": id, "content": "rain"}]);
    messages.push(json!({"role": "user", "content": result}));
    let answer = post(&sandbox, MESSAGES, ANTHROPIC, request).await.json();
    assert!(
        answer["content"][0]["text"]
            .as_str()
            .unwrap()
            .contains("rain"),
        "{answer}"
    );
}

#[tokio::test]
async fn a_begun_answer_is_continued() {
    let sandbox = Sandbox::start().await;
    let whole = post(&sandbox, MESSAGES, ANTHROPIC, question("a long answer"))
        .await
        .json();
    let whole = whole["content"][0]["text"].as_str().unwrap();
    let (begun, left) = whole.split_at(whole.find("\n\n").unwrap());
    let mut request = question("a long answer");
    request["messages"]
        .as_array_mut()
        .unwrap()
        .push(json!({"role": "assistant", "content": begun}));
    let answer = post(&sandbox, MESSAGES, ANTHROPIC, request).await.json();
    assert_eq!(answer["content"][0]["text"], left);
}

#[tokio::test]
async fn what_is_missing_or_wrong_is_refused_in_anthropics_words() {
    let sandbox = Sandbox::start().await;
    let mut without_limit = question("hi");
    without_limit.as_object_mut().unwrap().remove("max_tokens");
    let mut unknown = question("hi");
    unknown["model"] = "gpt-5".into();
    let version = ("anthropic-version", "2023-06-01");
    let cases: [(&[(&str, &str)], Value, u16, &str); 5] = [
        (
            &[("x-api-key", "sk-ant"), version],
            question("hi"),
            401,
            "authentication_error",
        ),
        (&[version], question("hi"), 401, "authentication_error"),
        (
            &[("x-api-key", "sk-sandbox")],
            question("hi"),
            400,
            "invalid_request_error",
        ),
        (ANTHROPIC, without_limit, 400, "invalid_request_error"),
        (ANTHROPIC, unknown, 404, "not_found_error"),
    ];
    for (headers, body, status, kind) in cases {
        let answer = post(&sandbox, MESSAGES, headers, body).await;
        assert_eq!(answer.status, status);
        assert_eq!(
            (&answer.json()["type"], &answer.json()["error"]["type"]),
            (&json!("error"), &json!(kind))
        );
    }
}

#[tokio::test]
async fn models_are_listed() {
    let sandbox = Sandbox::start().await;
    let path = "/model/anthropic/v1/models";
    let list = call(
        &sandbox,
        Method::GET,
        path,
        ANTHROPIC,
        &Value::Null,
        usize::MAX,
    )
    .await
    .json();
    let mut models = list["data"].as_array().unwrap().iter();
    assert!(models.any(|model| model["id"] == "claude-sonnet-4-5" && model["type"] == "model"));
    assert_eq!(list["has_more"], false);
}
