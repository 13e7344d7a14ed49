//! The model server in Gemini's wire format.

use http::Method;
use serde_json::{Value, json};

use crate::model_client::{GEMINI, call, post, words};
use crate::sandbox_world::Sandbox;

fn path(method: &str) -> String {
    format!("/model/gemini/v1beta/models/gemini-2.5-flash:{method}")
}

fn question(text: &str) -> Value {
    json!({"contents": [{"role": "user", "parts": [{"text": text}]}],
        "systemInstruction": {"parts": [{"text": "あなたはリンです。内気な女の子。"}]}})
}

fn text(answer: &Value) -> &str {
    answer["candidates"][0]["content"]["parts"][0]["text"]
        .as_str()
        .unwrap()
}

#[tokio::test]
async fn a_whole_answer_is_in_character_and_counts_tokens() {
    let sandbox = Sandbox::start().await;
    let answer = post(
        &sandbox,
        &path("generateContent"),
        GEMINI,
        question("太郎: あなたは誰？"),
    )
    .await
    .json();
    assert!(
        text(&answer).contains("リン") && text(&answer).contains("太郎"),
        "{answer}"
    );
    assert_eq!(answer["candidates"][0]["finishReason"], "STOP");
    assert!(
        answer["usageMetadata"]["candidatesTokenCount"]
            .as_u64()
            .unwrap()
            > 0
    );
}

#[tokio::test]
async fn a_streamed_answer_has_the_same_words_and_says_why_it_ends() {
    let sandbox = Sandbox::start().await;
    let whole = post(
        &sandbox,
        &path("generateContent"),
        GEMINI,
        question("tell me about tea"),
    )
    .await
    .json();
    let stream = path("streamGenerateContent?alt=sse");
    let streamed = post(&sandbox, &stream, GEMINI, question("tell me about tea")).await;
    assert_eq!(words(&streamed), text(&whole));
    let events = streamed.events();
    assert!(events.len() > 3, "{} events", events.len());
    assert_eq!(
        events.last().unwrap()["candidates"][0]["finishReason"],
        "STOP"
    );
}

#[tokio::test]
async fn functions_are_called_in_parallel_and_their_answers_told() {
    let sandbox = Sandbox::start().await;
    let schema = json!({"type": "OBJECT", "properties": {"city": {"type": "STRING"}}});
    let mut request = question("weather with {\"city\": \"Kyoto\"} and search");
    request["tools"] = json!([{"functionDeclarations": [
        {"name": "weather", "parameters": schema}, {"name": "search", "parameters": schema},
    ]}]);
    let used = post(&sandbox, &path("generateContent"), GEMINI, request.clone())
        .await
        .json();
    let content = &used["candidates"][0]["content"];
    assert_eq!(
        content["parts"][0]["functionCall"],
        json!({"name": "weather", "args": {"city": "Kyoto"}})
    );
    assert_eq!(content["parts"][1]["functionCall"]["name"], "search");
    let contents = request["contents"].as_array_mut().unwrap();
    contents.push(content.clone());
    contents.push(json!({"role": "user", "parts": [
        {"functionResponse": {"name": "weather", "response": {"sky": "rain"}}},
    ]}));
    let answer = post(&sandbox, &path("generateContent"), GEMINI, request)
        .await
        .json();
    assert!(text(&answer).contains("rain"), "{answer}");
}

#[tokio::test]
async fn a_begun_answer_is_continued_and_a_limit_is_told() {
    let sandbox = Sandbox::start().await;
    let whole = post(
        &sandbox,
        &path("generateContent"),
        GEMINI,
        question("a long answer"),
    )
    .await
    .json();
    let (begun, left) = text(&whole).split_at(40);
    let mut request = question("a long answer");
    request["contents"]
        .as_array_mut()
        .unwrap()
        .push(json!({"role": "model", "parts": [{"text": begun}]}));
    let answer = post(&sandbox, &path("generateContent"), GEMINI, request.clone())
        .await
        .json();
    assert_eq!(text(&answer), left);
    request["generationConfig"] = json!({"maxOutputTokens": 2});
    let short = post(&sandbox, &path("generateContent"), GEMINI, request)
        .await
        .json();
    assert_eq!(short["candidates"][0]["finishReason"], "MAX_TOKENS");
}

#[tokio::test]
async fn an_answer_in_json_fits_its_schema() {
    let sandbox = Sandbox::start().await;
    let mut request = question("hello");
    request["generationConfig"] = json!({"responseMimeType": "application/json",
        "responseSchema": {"type": "OBJECT", "properties": {"count": {"type": "INTEGER"}}}});
    let answer = post(&sandbox, &path("generateContent"), GEMINI, request)
        .await
        .json();
    let document: Value = serde_json::from_str(text(&answer)).unwrap();
    assert!(document["count"].is_u64(), "{document}");
}

#[tokio::test]
async fn vectors_of_similar_texts_are_near() {
    let sandbox = Sandbox::start().await;
    let path = "/model/gemini/v1beta/models/gemini-embedding-001:batchEmbedContents";
    let entry = |text: &str| {
        json!({"model": "models/gemini-embedding-001",
        "content": {"parts": [{"text": text}]}, "outputDimensionality": 128})
    };
    let requests = json!({"requests": [entry("green tea is good"), entry("green tea was good"), entry("rockets fly")]});
    let answer = post(&sandbox, path, GEMINI, requests).await.json();
    let vector = |index: usize| -> Vec<f64> {
        serde_json::from_value(answer["embeddings"][index]["values"].clone()).unwrap()
    };
    let near = |one: &[f64], other: &[f64]| one.iter().zip(other).map(|(a, b)| a * b).sum::<f64>();
    let (tea, same, rocket) = (vector(0), vector(1), vector(2));
    assert_eq!(tea.len(), 128);
    assert!(near(&tea, &same) > near(&tea, &rocket) + 0.2);
}

#[tokio::test]
async fn keys_are_taken_from_the_header_or_the_address() {
    let sandbox = Sandbox::start().await;
    let list = |query: &'static str, headers: &'static [(&str, &str)]| {
        let path = format!("/model/gemini/v1beta/models{query}");
        let sandbox = &sandbox;
        async move {
            call(
                sandbox,
                Method::GET,
                &path,
                headers,
                &Value::Null,
                usize::MAX,
            )
            .await
        }
    };
    assert_eq!(list("", GEMINI).await.status, 200);
    let by_address = list("?key=sk-sandbox-2", &[]).await.json();
    assert_eq!(by_address["models"][0]["name"], "models/sandbox-chat");
    let wrong = list("?key=AIza", &[]).await;
    assert_eq!(
        (
            wrong.status.as_u16(),
            &wrong.json()["error"]["details"][0]["reason"]
        ),
        (400, &json!("API_KEY_INVALID"))
    );
    assert_eq!(
        list("", &[]).await.json()["error"]["status"],
        "PERMISSION_DENIED"
    );
}
