//! Refusals as providers word them, and the class of each.

use reqwest::header::HeaderMap;
use serde_json::json;

use super::{interruption, refusal};
use crate::error::Class;

#[track_caller]
fn assert_class(status: u16, body: &str, class: Class) {
    let body = body.replace('\n', " ");
    let error = refusal(status, &HeaderMap::new(), &body);
    assert_eq!(error.class(), class, "{status} {body}");
}

#[test]
fn the_structured_code_goes_first() {
    let quota = r#"{"error":{"message":"You exceeded your current quota, please check your plan
        and billing details.","type":"insufficient_quota","param":null,"code":"insufficient_quota"}}"#;
    let key = r#"{"error":{"message":"Incorrect API key provided: sk-xx. You can find your key at
        https://platform.openai.com/account/api-keys.","type":"invalid_request_error",
        "param":null,"code":"invalid_api_key"}}"#;
    let length = r#"{"error":{"message":"x","type":"invalid_request_error",
        "code":"context_length_exceeded"}}"#;
    let model =
        r#"{"error":{"message":"x","type":"invalid_request_error","code":"model_not_found"}}"#;

    assert_class(429, quota, Class::Balance);
    assert_class(400, key, Class::Auth);
    assert_class(400, length, Class::ContextLength);
    assert_class(403, model, Class::UnknownModel);
    assert_class(
        200,
        r#"{"error":{"type":"overloaded_error"}}"#,
        Class::Overloaded,
    );
    assert_class(
        400,
        r#"[{"error":{"code":400,"status":"UNAUTHENTICATED"}}]"#,
        Class::Auth,
    );
    assert_class(
        429,
        r#"{"error":{"code":"1113","message":"Please recharge"}}"#,
        Class::Balance,
    );
}

#[test]
fn a_rate_limit_with_a_link_to_the_billing_page_is_a_rate_limit() {
    let body = r#"{"error":{"message":"Rate limit reached for gpt-4o on tokens per min (TPM): Limit
        30000. Visit https://platform.openai.com/account/billing to learn more.","type":"tokens",
        "param":null,"code":"rate_limit_exceeded"}}"#;

    assert_class(429, body, Class::RateLimit);
}

#[test]
fn statuses_are_told_apart() {
    for (status, class) in [
        (402, Class::Balance),
        (429, Class::RateLimit),
        (401, Class::Auth),
        (403, Class::Auth),
        (404, Class::UnknownModel),
        (400, Class::RequestFault),
        (405, Class::RequestFault),
        (409, Class::RequestFault),
        (413, Class::RequestFault),
        (415, Class::RequestFault),
        (422, Class::RequestFault),
        (408, Class::Timeout),
        (504, Class::Timeout),
        (500, Class::Overloaded),
        (502, Class::Overloaded),
        (503, Class::Overloaded),
        (529, Class::Overloaded),
        (418, Class::Unknown),
        (301, Class::Unknown),
    ] {
        assert_class(status, "", class);
        assert_class(status, "<html>nope</html>", class);
    }
}

#[test]
fn words_tell_money_plan_and_moderation_apart() {
    let body = |text: &str| json!({ "error": { "message": text } }).to_string();

    assert_class(429, &body("Insufficient Balance"), Class::Balance);
    assert_class(403, &body("Your credit is used up."), Class::Balance);
    assert_class(
        403,
        &body("This model is not available for your account"),
        Class::Plan,
    );
    assert_class(429, &body("Upgrade your subscription"), Class::Plan);
    assert_class(403, &body("The input was flagged"), Class::ContentBlocked);
    assert_class(400, &body("rejected by moderation"), Class::ContentBlocked);
    assert_class(
        400,
        &body("This model's maximum context length is 8"),
        Class::ContextLength,
    );
    assert_class(400, &body("Unknown model: x"), Class::UnknownModel);
    assert_class(400, &body("Unknown parameter: x"), Class::RequestFault);
}

#[test]
fn only_whole_words_count() {
    assert_class(
        429,
        r#"{"error":{"message":"planet frontier"}}"#,
        Class::RateLimit,
    );
    assert_class(403, r#"{"error":"Accreditation"}"#, Class::Auth);
}

#[test]
fn errors_within_a_stream_are_judged_without_status() {
    assert_eq!(
        interruption(&json!({ "code": 502, "message": "x" })).class(),
        Class::Overloaded
    );
    assert_eq!(
        interruption(&json!({ "code": "429", "message": "x" })).class(),
        Class::RateLimit
    );
    assert_eq!(
        interruption(&json!({ "message": "Rate limit" })).class(),
        Class::RateLimit
    );
    assert_eq!(
        interruption(&json!({ "type": "server_error" })).class(),
        Class::Overloaded
    );
    assert_eq!(interruption(&json!(null)).class(), Class::Unknown);
    assert_eq!(interruption(&json!([[], 7])).class(), Class::Unknown);
}

#[derive(serde::Deserialize)]
struct Shape {
    from: String,
    status: u16,
    #[serde(default)]
    headers: std::collections::HashMap<String, String>,
    body: serde_json::Value,
    class: String,
    wait_ms: Option<u64>,
}

/// Errors as the providers document them, one a line. Texts are shortened where only their kind
/// matters.
#[test]
fn every_documented_error_has_its_class_and_its_wait() {
    let shapes = include_str!("shapes.jsonl").lines();
    let shapes: Vec<Shape> = shapes
        .map(|line| serde_json::from_str(line).expect(line))
        .collect();
    assert!(shapes.len() >= 60, "{}", shapes.len());
    for shape in shapes {
        let headers: HeaderMap = (&shape.headers).try_into().unwrap();
        let body = match &shape.body {
            serde_json::Value::String(text) => text.clone(),
            object => object.to_string(),
        };
        let error = refusal(shape.status, &headers, &body);
        let told = (
            error.class().as_str(),
            error.retry_after().map(|wait| wait.as_millis()),
        );
        let expected = (&*shape.class, shape.wait_ms.map(u128::from));
        assert_eq!(told, expected, "{} {} {body}", shape.from, shape.status);
    }
}

#[test]
fn a_refusal_of_tools_is_told_from_other_refusals() {
    let refusals = [
        (
            404,
            r#"{"error":{"message":"No endpoints found that support tool use. To learn more about
            provider routing, visit: https://openrouter.ai/docs","code":404}}"#,
        ),
        (
            400,
            r#"{"error":{"message":"\"auto\" tool choice requires --enable-auto-tool-choice and
            --tool-call-parser to be set","type":"BadRequestError","param":null,"code":400}}"#,
        ),
        (400, r#"{"error":"model does not support tools"}"#),
        (
            400,
            r#"{"error":{"message":"Unrecognized request argument supplied: tools"}}"#,
        ),
        (
            422,
            r#"{"error":{"message":"Invalid schema","param":"tools[0].function.parameters"}}"#,
        ),
        (
            400,
            r#"{"error":{"message":"Function calling is not supported with this model"}}"#,
        ),
    ];
    for (status, body) in refusals {
        let error = refusal(status, &HeaderMap::new(), &body.replace('\n', " "));
        assert!(error.refuses_tools(), "{body}");
    }
    for (status, body) in [
        (
            400,
            r#"{"error":{"message":"Unsupported parameter: max_tokens","param":"max_tokens"}}"#,
        ),
        (
            400,
            r#"{"error":{"message":"This model has many tools and a maximum context length"}}"#,
        ),
        (500, r#"{"error":{"message":"tools are not supported"}}"#),
        (429, r#"{"error":{"message":"tools are not supported"}}"#),
        (400, ""),
    ] {
        let error = refusal(status, &HeaderMap::new(), body);
        assert!(!error.refuses_tools(), "{body}");
    }
}

/// CHAT-64: as providers say it.
#[test]
fn a_model_that_cannot_see_is_known_by_what_its_provider_says() {
    for (status, body) in [
        (
            400,
            "Invalid content type. image_url is only supported by certain models.",
        ),
        (
            422,
            "Failed to deserialize the JSON body: messages[1]: unknown variant `image_url`, expected `text`",
        ),
        (404, "No endpoints found that support image input"),
        (400, "meta/llama-3.3-70b-instruct is not a multimodal model"),
        (400, "This model does not support images."),
    ] {
        let body = json!({"error": {"message": body}}).to_string();
        let error = refusal(status, &HeaderMap::new(), &body);
        assert!(error.refuses_images(), "{body}");
    }
    for (status, body) in [
        (400, "Invalid image: the image is too large"),
        (400, "You uploaded an unsupported image."),
        (500, "images: this server does not support images"),
        (400, ""),
    ] {
        let body = json!({"error": {"message": body}}).to_string();
        let error = refusal(status, &HeaderMap::new(), &body);
        assert!(!error.refuses_images(), "{body}");
    }
}
