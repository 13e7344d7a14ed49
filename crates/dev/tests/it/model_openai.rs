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

fn with_tools(text: &str) -> Value {
    let mut request = question(text);
    let schema =
        json!({"type": "object", "required": ["city"], "properties": {"city": {"type": "string"}}});
    let tool =
        |name: &str| json!({"type": "function", "function": {"name": name, "parameters": schema}});
    request["tools"] = json!([tool("weather"), tool("search")]);
    request
}

#[tokio::test]
async fn tools_are_used_in_parallel_and_their_answers_told() {
    let sandbox = Sandbox::start().await;
    let mut request = with_tools("weather with {\"city\": \"Kyoto\"} and search");
    let used = complete(&sandbox, request.clone()).await.json();
    let choice = &used["choices"][0];
    assert_eq!(
        (&choice["finish_reason"], &choice["message"]["content"]),
        (&json!("tool_calls"), &Value::Null)
    );
    let calls = choice["message"]["tool_calls"].as_array().unwrap();
    assert_eq!(calls.len(), 2);
    assert_eq!(calls[0]["function"]["arguments"], "{\"city\":\"Kyoto\"}");
    assert_ne!(calls[0]["id"], calls[1]["id"]);
    let messages = request["messages"].as_array_mut().unwrap();
    messages.push(choice["message"].clone());
    messages.extend(
        calls
            .iter()
            .map(|call| json!({"role": "tool", "tool_call_id": call["id"], "content": "rain"})),
    );
    let answer = complete(&sandbox, request).await;
    assert!(
        content(&answer).contains("rain\nrain"),
        "{}",
        content(&answer)
    );
}

#[tokio::test]
async fn arguments_of_tools_are_streamed_in_pieces() {
    let sandbox = Sandbox::start().await;
    let mut request = with_tools("weather with {\"city\": \"a city with a long name\"}");
    request["stream"] = true.into();
    request["parallel_tool_calls"] = false.into();
    let streamed = complete(&sandbox, request).await;
    let text = String::from_utf8(streamed.body.to_vec()).unwrap();
    let events = text.lines().filter_map(|line| line.strip_prefix("data: "));
    let chunks: Vec<Value> = events
        .filter_map(|event| serde_json::from_str(event).ok())
        .collect();
    let calls: Vec<_> = chunks
        .iter()
        .map(|chunk| &chunk["choices"][0]["delta"]["tool_calls"][0])
        .filter(|call| !call.is_null())
        .collect();
    assert_eq!(
        (&calls[0]["function"]["name"], &calls[1]["id"]),
        (&json!("weather"), &Value::Null)
    );
    let arguments: String = calls
        .iter()
        .filter_map(|call| call["function"]["arguments"].as_str())
        .collect();
    assert!(calls.len() > 3 && arguments == "{\"city\":\"a city with a long name\"}");
    assert_eq!(
        chunks.last().unwrap()["choices"][0]["finish_reason"],
        "tool_calls"
    );
}

#[tokio::test]
async fn the_character_of_the_instructions_answers() {
    let sandbox = Sandbox::start().await;
    let mut request = question("bob: who are you?");
    let system = json!({"role": "system", "content": "You are Rei, always grumpy."});
    request["messages"]
        .as_array_mut()
        .unwrap()
        .insert(0, system);
    let answer = content(&complete(&sandbox, request).await);
    assert!(answer.contains("Rei") && answer.contains("bob"), "{answer}");
}

#[tokio::test]
async fn an_answer_in_json_fits_its_schema() {
    let sandbox = Sandbox::start().await;
    let mut request = question("hello");
    let schema = json!({"type": "object", "properties": {"mood": {"enum": ["good", "bad"]}}});
    request["response_format"] =
        json!({"type": "json_schema", "json_schema": {"name": "x", "schema": schema}});
    assert_eq!(
        content(&complete(&sandbox, request).await),
        "{\"mood\":\"good\"}"
    );
}

#[tokio::test]
async fn vectors_have_the_wanted_length_and_form() {
    let sandbox = Sandbox::start().await;
    let embed = async |body: Value| {
        sandbox
            .request(Method::POST, "/model/v1/embeddings", Some(KEY), &body)
            .await
    };
    let two = embed(json!({"model": "text-embedding-3-small", "input": ["tea", "tea"]}))
        .await
        .json();
    assert_eq!(two["data"][0]["embedding"].as_array().unwrap().len(), 1_536);
    assert_eq!(two["data"][0]["embedding"], two["data"][1]["embedding"]);
    assert_eq!(two["usage"]["prompt_tokens"], 2);
    let packed = embed(json!({"model": "text-embedding-3-small", "input": "tea", "dimensions": 3, "encoding_format": "base64"})).await.json();
    assert_eq!(packed["data"][0]["embedding"].as_str().unwrap().len(), 16);
    assert_eq!(
        embed(json!({"model": "gpt-5", "input": "tea"}))
            .await
            .status,
        404
    );
    assert_eq!(
        embed(json!({"model": "sandbox-embedding", "input": []}))
            .await
            .status,
        400
    );
}

#[tokio::test]
async fn pictures_come_as_bytes_or_at_an_address() {
    let sandbox = Sandbox::start().await;
    let paint = async |body: Value| {
        sandbox
            .request(
                Method::POST,
                "/model/v1/images/generations",
                Some(KEY),
                &body,
            )
            .await
    };
    let bytes = paint(json!({"model": "gpt-image-1", "prompt": "a cat", "size": "64x64", "n": 2}))
        .await
        .json();
    assert!(
        bytes["data"][1]["b64_json"]
            .as_str()
            .unwrap()
            .starts_with("iVBORw0KGgo")
    );
    let linked = paint(json!({"model": "dall-e-3", "prompt": "a cat", "size": "64x64"}))
        .await
        .json();
    let url = linked["data"][0]["url"].as_str().unwrap();
    let path = url
        .strip_prefix(&format!("http://{}", sandbox.address))
        .unwrap();
    let file = sandbox.request(Method::GET, path, None, &Value::Null).await;
    assert_eq!(
        (file.status.as_u16(), file.header("content-type")),
        (200, "image/png")
    );
    assert_eq!(
        paint(json!({"prompt": "x", "size": "big"})).await.status,
        400
    );
}
