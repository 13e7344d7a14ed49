//! A Discord that is broken, hostile or done with us.

use std::error::Error as _;
use std::time::Duration;

use discord::{Client, Error, Page, Settings};
use proto::id::ChannelId;
use serde_json::json;

use crate::server::{Reply, Server, TOKEN, json_reply, refused};

const CHANNEL: ChannelId = ChannelId(10);

#[tokio::test]
async fn reads_are_repeated_while_discord_is_in_trouble() {
    let trouble = vec![
        json_reply(503, json!(null)),
        Reply::Close,
        json_reply(200, json!([])),
    ];
    let server = Server::replying(trouble).await;

    server
        .client()
        .messages(CHANNEL, Page::Latest, 50)
        .await
        .unwrap();

    let received = server.received();
    assert_eq!(received.len(), 3);
    assert!(
        received[1].at - received[0].at >= Duration::from_millis(125),
        "there is a pause"
    );
}

#[tokio::test]
async fn attempts_are_bounded() {
    let server = Server::replying(vec![json_reply(500, json!(null))]).await;

    let error = server
        .client()
        .messages(CHANNEL, Page::Latest, 50)
        .await
        .unwrap_err();

    assert!(
        matches!(
            error,
            Error::Unavailable {
                status: Some(500),
                ..
            }
        ),
        "{error:?}"
    );
    assert_eq!(server.received().len(), 5);
}

#[tokio::test]
async fn a_refused_token_is_not_tried_again() {
    let server = Server::replying(vec![refused(401, 0)]).await;
    let client = server.client();

    for _ in 0..3 {
        let error = client
            .messages(CHANNEL, Page::Latest, 50)
            .await
            .unwrap_err();
        assert!(matches!(error, Error::Unauthorized), "{error:?}");
    }

    server.only();
}

#[tokio::test]
async fn garbage_is_malformed_and_never_quoted() {
    for garbage in [
        "",
        "{",
        "\"secret words\"",
        "{\"id\":\"secret words\"}",
        "[[[[",
        "null",
    ] {
        let server = Server::replying(vec![Reply::Answer(200, vec![], garbage.to_owned())]).await;
        let error = server.client().current_user().await.unwrap_err();
        assert!(
            matches!(error, Error::Malformed { .. }),
            "{garbage}: {error:?}"
        );
        let told = format!("{error} {error:?} {:?}", error.source());
        assert!(!told.contains("secret words"), "{told}");
    }
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let server = Server::start(|_, _| {
        Reply::Answer(
            302,
            vec![("location", "http://127.0.0.1:9/".to_owned())],
            String::new(),
        )
    })
    .await;

    let error = server.client().typing(CHANNEL).await.unwrap_err();

    assert!(
        matches!(
            error,
            Error::Unavailable {
                status: Some(302),
                ..
            }
        ),
        "{error:?}"
    );
}

#[tokio::test]
async fn a_body_without_end_is_cut_off() {
    let server = Server::replying(vec![Reply::Answer(
        200,
        vec![],
        " ".repeat(9 * 1024 * 1024),
    )])
    .await;

    let error = server.client().typing(CHANNEL).await.unwrap_err();

    assert!(
        matches!(error, Error::Unavailable { status: None, .. }),
        "{error:?}"
    );
}

#[tokio::test]
async fn a_refusal_without_json_has_no_code() {
    let server = Server::replying(vec![Reply::Answer(403, vec![], "<html>".to_owned())]).await;

    let error = server.client().typing(CHANNEL).await.unwrap_err();

    assert!(
        matches!(
            error,
            Error::Refused {
                status: 403,
                code: 0
            }
        ),
        "{error:?}"
    );
}

#[test]
fn nothing_prints_the_token() {
    let settings = Settings {
        api_url: "http://127.0.0.1:9/api/v10".to_owned(),
        token: TOKEN.to_owned().into(),
        global_rps: 45,
        proxy_url: None,
    };

    let printed = format!("{settings:?} {:?}", Client::new(settings.clone()).unwrap());

    assert!(!printed.contains(TOKEN), "{printed}");
}

#[test]
fn a_token_that_no_header_can_carry_is_refused_without_quoting_it() {
    let settings = Settings {
        api_url: "http://127.0.0.1:9/api/v10".to_owned(),
        token: "very\nsecret".to_owned().into(),
        global_rps: 45,
        proxy_url: None,
    };

    let error = Client::new(settings).unwrap_err();

    assert!(
        matches!(
            error,
            Error::Malformed {
                what: "bot token",
                ..
            }
        ),
        "{error:?}"
    );
    assert!(!format!("{error} {error:?}").contains("secret\""));
}
