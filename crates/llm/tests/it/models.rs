//! Lists of models, and thereby the check of a key.

use llm::{Class, Provider};
use serde_json::json;

use crate::server::{KEY, Reply, Server, key, plain};

fn list() -> Reply {
    plain(
        200,
        &json!({ "object": "list", "data": [{ "id": "b" }, { "id": "a" }] }).to_string(),
    )
}

/// CHAT-107.
#[tokio::test]
async fn a_good_key_sees_the_models() {
    let server = Server::replying(list()).await;

    let models = server.llm().models(Provider::OpenAi, &key()).await.unwrap();

    assert_eq!(models, ["b", "a"]);
    let request = &server.received()[0];
    assert_eq!(request.path, "/v1/models");
    assert_eq!(request.headers["authorization"], format!("Bearer {KEY}"));
}

/// CHAT-107.
#[tokio::test]
async fn a_wrong_key_is_refused() {
    let server = Server::replying(plain(401, "")).await;

    let error = server
        .llm()
        .models(Provider::OpenAi, &key())
        .await
        .unwrap_err();

    assert_eq!(error.class(), Class::Auth);
}

#[tokio::test]
async fn openrouter_is_asked_about_the_key_itself() {
    let server = Server::start(|request| match request.path.as_str() {
        "/v1/key" => plain(401, ""),
        _ => list(),
    })
    .await;

    let error = server
        .llm()
        .models(Provider::OpenRouter, &key())
        .await
        .unwrap_err();

    assert_eq!(error.class(), Class::Auth);
}

#[tokio::test]
async fn an_openrouter_without_a_page_about_keys_is_trusted() {
    let server = Server::start(|request| match request.path.as_str() {
        "/v1/key" => plain(404, ""),
        _ => list(),
    })
    .await;

    assert!(
        server
            .llm()
            .models(Provider::OpenRouter, &key())
            .await
            .is_ok()
    );
}

#[tokio::test]
async fn nonsense_is_unknown() {
    for nonsense in [
        "",
        "<html>",
        "[]",
        "{\"data\":[7]}",
        "{\"data\":[{\"id\":null}]}",
    ] {
        let server = Server::replying(plain(200, nonsense)).await;
        let error = server
            .llm()
            .models(Provider::OpenAi, &key())
            .await
            .unwrap_err();
        assert_eq!(error.class(), Class::Unknown, "{nonsense}");
    }
}

#[tokio::test]
async fn a_list_without_end_is_cut_off() {
    let server = Server::replying(plain(200, &" ".repeat(9 * 1024 * 1024))).await;

    let error = server
        .llm()
        .models(Provider::OpenAi, &key())
        .await
        .unwrap_err();

    assert_eq!(error.class(), Class::Unknown);
}
