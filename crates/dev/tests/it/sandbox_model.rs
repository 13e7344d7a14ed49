//! The model server in OpenAI's wire format.

use http::Method;
use serde_json::{Value, json};

use crate::sandbox_world::{Answer, Sandbox};

const KEY: &str = "Bearer sk-sandbox-1";

async fn complete(sandbox: &Sandbox, body: Value) -> Answer {
    sandbox
        .request(Method::POST, "/model/v1/chat/completions", Some(KEY), &body)
        .await
}

fn question(text: &str) -> Value {
    json!({"model": "sandbox-chat", "messages": [{"role": "user", "content": text}]})
}

fn content(answer: &Answer) -> String {
    answer.json()["choices"][0]["message"]["content"]
        .as_str()
        .unwrap()
        .to_owned()
}

#[tokio::test]
async fn a_key_of_somebody_else_is_refused() {
    let sandbox = Sandbox::start().await;
    for path in ["/model/v1/models", "/model/v1/chat/completions"] {
        let method = if path.ends_with("models") {
            Method::GET
        } else {
            Method::POST
        };
        let answer = sandbox
            .request(method, path, Some("Bearer sk-other"), &json!({}))
            .await;
        assert_eq!(answer.status, 401);
        assert_eq!(answer.json()["error"]["code"], "invalid_api_key");
    }
}

#[tokio::test]
async fn a_model_that_is_not_listed_is_refused() {
    let sandbox = Sandbox::start().await;
    let answer = complete(
        &sandbox,
        json!({"model": "no", "messages": [{"role": "user"}]}),
    )
    .await;
    assert_eq!(
        (answer.status.as_u16(), &answer.json()["error"]["code"]),
        (404, &json!("model_not_found"))
    );
}

#[tokio::test]
async fn a_streamed_answer_has_the_same_words_and_ends_with_usage() {
    let sandbox = Sandbox::start().await;
    let whole = content(&complete(&sandbox, question("tell me about tea")).await);
    let mut request = question("tell me about tea");
    request["stream"] = true.into();
    request["stream_options"] = json!({"include_usage": true});
    let streamed = complete(&sandbox, request).await;
    let text = String::from_utf8(streamed.body.to_vec()).unwrap();
    let events: Vec<_> = text
        .split_terminator("\n\n")
        .map(|event| &event["data: ".len()..])
        .collect();
    let (done, events) = events.split_last().unwrap();
    assert_eq!(*done, "[DONE]");
    let chunks: Vec<Value> = events
        .iter()
        .map(|event| serde_json::from_str(event).unwrap())
        .collect();
    let words: String = chunks
        .iter()
        .filter_map(|chunk| chunk["choices"][0]["delta"]["content"].as_str())
        .collect();
    assert_eq!(words, whole);
    assert!(chunks.len() > 4, "{} chunks", chunks.len());
    let (usage, others) = chunks.split_last().unwrap();
    assert!(usage["usage"]["completion_tokens"].as_u64().unwrap() > 0);
    assert_eq!(
        others.last().unwrap()["choices"][0]["finish_reason"],
        "stop"
    );
}

#[tokio::test]
async fn a_begun_answer_is_continued() {
    let sandbox = Sandbox::start().await;
    let whole = content(&complete(&sandbox, question("a long answer")).await);
    let (begun, left) = whole.split_at(whole.find("\n\n").unwrap());
    let mut request = question("a long answer");
    let messages = request["messages"].as_array_mut().unwrap();
    messages.push(json!({"role": "assistant", "content": begun}));
    assert_eq!(content(&complete(&sandbox, request).await), left);
}

#[tokio::test]
async fn a_token_limit_cuts_the_answer_and_says_so() {
    let sandbox = Sandbox::start().await;
    let mut request = question("a long answer");
    request["max_tokens"] = 2.into();
    let answer = complete(&sandbox, request).await;
    assert_eq!(answer.json()["choices"][0]["finish_reason"], "length");
    assert_eq!(content(&answer).chars().count(), 8);
}
