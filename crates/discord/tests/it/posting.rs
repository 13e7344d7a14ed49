//! Posting: what is sent, and that nothing is posted twice or lost in silence.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use discord::{Error, NewMessage, Posted};
use proto::id::{ChannelId, MessageId, UserId};
use serde_json::json;
use tokio::net::TcpListener;
use tokio::time::Instant;

use crate::server::{Reply, Server, TOKEN, client_of, json_reply, message, posted, refused};

const CHANNEL: ChannelId = ChannelId(10);

/// CHAT-46.
#[tokio::test]
async fn a_post_carries_nonce_reference_and_bounded_mentions() {
    let server = Server::replying(vec![posted(77)]).await;
    let message = NewMessage {
        reply_to: Some(MessageId(5)),
        mention_users: vec![UserId(8), UserId(7), UserId(8)],
        ..message(u64::MAX)
    };

    let result = server.client().create_message(CHANNEL, &message).await;

    assert_eq!(result.unwrap(), Posted { id: MessageId(77) });
    let request = server.only();
    assert_eq!(
        (request.method.as_str(), request.path.as_str()),
        ("POST", "/api/v10/channels/10/messages")
    );
    assert_eq!(request.headers["authorization"], format!("Bot {TOKEN}"));
    assert_eq!(request.headers["content-type"], "application/json");
    assert!(
        request.headers["user-agent"]
            .to_str()
            .unwrap()
            .starts_with("DiscordBot (")
    );
    assert_eq!(
        request.body,
        json!({
            "content": "hello",
            "nonce": "18446744073709551615",
            "enforce_nonce": true,
            "message_reference": { "message_id": "5", "fail_if_not_exists": false },
            "allowed_mentions": { "parse": [], "users": ["7", "8"], "replied_user": false },
        })
    );
}

#[tokio::test]
async fn a_plain_post_notifies_nobody() {
    let server = Server::replying(vec![posted(77)]).await;

    let plain = NewMessage {
        nonce: None,
        ..message(0)
    };
    server
        .client()
        .create_message(CHANNEL, &plain)
        .await
        .unwrap();

    assert_eq!(
        server.only().body,
        json!({
            "content": "hello",
            "allowed_mentions": { "parse": [], "users": [], "replied_user": false },
        })
    );
}

/// CHAT-46.
#[tokio::test]
async fn a_lost_answer_is_asked_for_again_with_the_same_nonce() {
    let server = Server::replying(vec![Reply::Close, posted(77)]).await;

    let result = server.client().create_message(CHANNEL, &message(3)).await;

    assert_eq!(result.unwrap().id, MessageId(77));
    let received = server.received();
    assert_eq!(received.len(), 2);
    assert_eq!(received[0].body, received[1].body);
    assert_eq!(received[1].body["nonce"], "3");
}

#[tokio::test]
async fn a_server_error_is_asked_again_with_the_same_nonce() {
    let server = Server::replying(vec![json_reply(502, json!(null)), posted(77)]).await;

    let result = server.client().create_message(CHANNEL, &message(3)).await;

    assert_eq!(result.unwrap().id, MessageId(77));
}

#[tokio::test]
async fn a_lost_answer_without_nonce_is_in_doubt_at_once() {
    let server = Server::replying(vec![Reply::Close, posted(77)]).await;
    let plain = NewMessage {
        nonce: None,
        ..message(0)
    };

    let error = server
        .client()
        .create_message(CHANNEL, &plain)
        .await
        .unwrap_err();

    assert!(matches!(error, Error::InDoubt { .. }), "{error:?}");
    server.only();
}

#[tokio::test]
async fn silence_until_the_deadline_is_in_doubt() {
    let server = Server::replying(vec![Reply::Hang]).await;
    let message = NewMessage {
        deadline: Instant::now() + Duration::from_millis(300),
        ..message(3)
    };

    let error = server
        .client()
        .create_message(CHANNEL, &message)
        .await
        .unwrap_err();

    assert!(matches!(error, Error::InDoubt { .. }), "{error:?}");
}

#[tokio::test]
async fn a_refusal_after_a_lost_answer_stays_in_doubt() {
    let server = Server::replying(vec![Reply::Close, refused(403, 50_013)]).await;

    let error = server
        .client()
        .create_message(CHANNEL, &message(3))
        .await
        .unwrap_err();

    assert!(matches!(error, Error::InDoubt { .. }), "{error:?}");
}

#[tokio::test]
async fn a_post_that_was_deleted_meanwhile_is_known_as_such() {
    let server = Server::replying(vec![Reply::Close, refused(404, 10_008)]).await;

    let error = server
        .client()
        .create_message(CHANNEL, &message(3))
        .await
        .unwrap_err();

    assert!(error.is_unknown_message(), "{error:?}");
}

#[tokio::test]
async fn an_accepted_post_with_an_unreadable_answer_is_in_doubt() {
    let server = Server::replying(vec![Reply::Answer(200, Vec::new(), "<html>".to_owned())]).await;

    let error = server
        .client()
        .create_message(CHANNEL, &message(3))
        .await
        .unwrap_err();

    assert!(matches!(error, Error::InDoubt { .. }), "{error:?}");
}

#[tokio::test]
async fn where_nobody_listens_nothing_was_sent() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}/api/v10", listener.local_addr().unwrap());
    drop(listener);
    let message = NewMessage {
        deadline: Instant::now() + Duration::from_millis(400),
        ..message(3)
    };

    let error = client_of(&address)
        .create_message(CHANNEL, &message)
        .await
        .unwrap_err();

    assert!(
        matches!(
            error,
            Error::NotSent {
                retry_after: None,
                ..
            }
        ),
        "{error:?}"
    );
}

#[tokio::test]
async fn permission_to_send_is_asked_for_before_each_attempt() {
    let server = Server::replying(vec![Reply::Close]).await;
    let asked = AtomicUsize::new(0);
    let first_only = || asked.fetch_add(1, Ordering::Relaxed) == 0;

    let client = server.client();
    let error = client
        .create_message_while(CHANNEL, &message(3), None, &first_only)
        .await
        .unwrap_err();

    assert!(matches!(error, Error::InDoubt { .. }), "{error:?}");
    assert_eq!(asked.load(Ordering::Relaxed), 2);
    server.only();
}

#[tokio::test]
async fn without_permission_nothing_is_sent() {
    let server = Server::replying(vec![posted(77)]).await;
    let allowed = AtomicBool::new(false);
    let may_send = || allowed.load(Ordering::Relaxed);

    let client = server.client();
    let error = client
        .create_message_while(CHANNEL, &message(3), None, &may_send)
        .await
        .unwrap_err();

    assert!(
        matches!(
            error,
            Error::NotSent {
                retry_after: None,
                ..
            }
        ),
        "{error:?}"
    );
    assert!(server.received().is_empty());
}

#[tokio::test]
async fn refusals_say_what_is_wrong() {
    for code in [50_001, 50_013, 10_003, 50_007] {
        let server = Server::replying(vec![refused(403, code)]).await;
        let error = server
            .client()
            .create_message(CHANNEL, &message(3))
            .await
            .unwrap_err();
        assert!(error.cannot_send(), "{error:?}");
        server.only();
    }
    let server = Server::replying(vec![refused(400, 50_035)]).await;
    let error = server
        .client()
        .create_message(CHANNEL, &message(3))
        .await
        .unwrap_err();
    assert!(!error.cannot_send());
    assert!(
        matches!(
            error,
            Error::Refused {
                status: 400,
                code: 50_035
            }
        ),
        "{error:?}"
    );
}
