//! Answers to interactions.

use discord::{Answer, Error};
use proto::id::{ApplicationId, InteractionId};
use serde_json::json;
use twilight_model::channel::message::MessageFlags;
use twilight_model::http::interaction::{
    InteractionResponse, InteractionResponseData, InteractionResponseType,
};

use crate::server::{Reply, Server, json_reply, posted, refused};

fn answer(content: &str) -> Answer {
    Answer {
        content: Some(content.to_owned()),
        ..Answer::default()
    }
}

fn response() -> InteractionResponse {
    InteractionResponse {
        kind: InteractionResponseType::ChannelMessageWithSource,
        data: Some(InteractionResponseData {
            content: Some("pong".to_owned()),
            flags: Some(MessageFlags::EPHEMERAL),
            ..InteractionResponseData::default()
        }),
    }
}

#[tokio::test]
async fn the_first_answer_goes_without_the_bot_token() {
    let server = Server::replying(vec![Reply::Answer(204, vec![], String::new())]).await;

    server
        .client()
        .respond(InteractionId(9), "tok.en", &response())
        .await
        .unwrap();

    let request = server.only();
    assert!(
        request
            .path
            .starts_with("/api/v10/interactions/9/tok.en/callback"),
        "{}",
        request.path
    );
    assert!(!request.headers.contains_key("authorization"));
    assert_eq!(
        request.body,
        json!({ "type": 4, "data": { "content": "pong", "flags": 64 } })
    );
}

/// CMD-2.
#[tokio::test]
async fn an_interaction_that_somebody_else_has_is_told_apart() {
    let server = Server::replying(vec![refused(400, 40_060), refused(404, 10_062)]).await;
    let client = server.client();

    let error = client
        .respond(InteractionId(9), "t", &response())
        .await
        .unwrap_err();
    assert!(error.is_already_answered(), "{error:?}");
    let error = client
        .respond(InteractionId(9), "t", &response())
        .await
        .unwrap_err();
    assert!(error.is_unknown_interaction(), "{error:?}");
}

/// CMD-2.
#[tokio::test]
async fn a_first_answer_is_never_sent_twice() {
    for reply in [Reply::Close, Reply::Answer(500, vec![], String::new())] {
        let server = Server::replying(vec![reply]).await;
        let error = server
            .client()
            .respond(InteractionId(9), "t", &response())
            .await
            .unwrap_err();
        assert!(matches!(error, Error::InDoubt { .. }), "{error:?}");
        server.only();
    }
}

#[tokio::test]
async fn an_edit_replaces_all_of_the_answer() {
    let server = Server::replying(vec![posted(5)]).await;

    server
        .client()
        .edit_response(ApplicationId(2), "tok", &answer("done"))
        .await
        .unwrap();

    let request = server.only();
    assert_eq!(request.method, "PATCH");
    assert!(
        request
            .path
            .starts_with("/api/v10/webhooks/2/tok/messages/@original")
    );
    assert!(!request.headers.contains_key("authorization"));
    assert_eq!(
        request.body,
        json!({
            "content": "done", "embeds": [], "components": [],
            "allowed_mentions": { "parse": [], "users": [], "replied_user": false },
        })
    );
}

#[tokio::test]
async fn an_answer_that_is_still_owed_is_told_from_one_that_is_there() {
    for (flags, is_pending) in [(64 | 128, true), (64, false)] {
        let server = Server::replying(vec![json_reply(200, json!({"flags": flags}))]).await;
        let shown = server
            .client()
            .is_response_pending(ApplicationId(2), "tok")
            .await;
        assert_eq!(shown.unwrap(), is_pending);
        let request = server.only();
        assert_eq!(request.method, "GET");
        assert!(!request.headers.contains_key("authorization"));
    }
}

#[tokio::test]
async fn an_expired_token_of_an_interaction_does_not_stop_the_bot() {
    let server = Server::start(|_, request| {
        if request.path.contains("webhooks") {
            refused(401, 50_027)
        } else {
            posted(1)
        }
    })
    .await;
    let client = server.client();

    let error = client
        .edit_response(ApplicationId(2), "tok", &answer("x"))
        .await
        .unwrap_err();
    assert!(
        matches!(
            error,
            Error::Refused {
                status: 401,
                code: 50_027
            }
        ),
        "{error:?}"
    );
    client.typing(proto::id::ChannelId(1)).await.unwrap();
}
