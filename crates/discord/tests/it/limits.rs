//! Rate limits: learned from answers, obeyed, and never waited for longer than the caller wants.

use std::time::Duration;

use discord::{Error, NewMessage, Whose};
use proto::id::{ChannelId, InteractionId};
use serde_json::json;
use tokio::task::JoinSet;
use tokio::time::Instant;
use twilight_model::http::interaction::{InteractionResponse, InteractionResponseType};

use crate::server::{Reply, Server, json_reply, message, posted};

fn spent(reset_after: f64) -> Reply {
    posted(1)
        .with("x-ratelimit-bucket", "abc")
        .with("x-ratelimit-limit", 5)
        .with("x-ratelimit-remaining", 0)
        .with("x-ratelimit-reset-after", reset_after)
}

fn limited(retry_after: f64, global: bool) -> Reply {
    json_reply(
        429,
        json!({ "message": "slow", "retry_after": retry_after, "global": global }),
    )
}

fn defer() -> InteractionResponse {
    InteractionResponse {
        kind: InteractionResponseType::DeferredUpdateMessage,
        data: None,
    }
}

#[tokio::test]
async fn headers_of_a_success_are_obeyed() {
    let server = Server::replying(vec![spent(0.4), posted(2)]).await;
    let client = server.client();

    client
        .create_message(ChannelId(1), &message(1))
        .await
        .unwrap();
    client
        .create_message(ChannelId(1), &message(2))
        .await
        .unwrap();

    let received = server.received();
    assert!(received[1].at - received[0].at >= Duration::from_millis(400));
}

#[tokio::test]
async fn another_channel_is_not_held_up() {
    let server = Server::replying(vec![spent(30.0), posted(2)]).await;
    let client = server.client();

    client
        .create_message(ChannelId(1), &message(1))
        .await
        .unwrap();
    client
        .create_message(ChannelId(2), &message(2))
        .await
        .unwrap();

    assert_eq!(server.received().len(), 2);
}

#[tokio::test]
async fn a_wait_beyond_the_deadline_is_told_at_once() {
    let server = Server::replying(vec![spent(30.0)]).await;
    let client = server.client();
    client
        .create_message(ChannelId(1), &message(1))
        .await
        .unwrap();
    let began = Instant::now();

    let error = client
        .create_message(ChannelId(1), &message(2))
        .await
        .unwrap_err();

    assert!(error.retry_after().unwrap() > Duration::from_secs(29));
    assert!(began.elapsed() < Duration::from_secs(1));
    assert_eq!(server.received().len(), 1);
}

#[tokio::test]
async fn a_429_is_waited_for_and_repeated() {
    let reply = limited(0.3, false).with("x-ratelimit-scope", "user");
    let server = Server::replying(vec![reply, posted(2)]).await;
    let without_nonce = NewMessage {
        nonce: None,
        ..message(0)
    };

    server
        .client()
        .create_message(ChannelId(1), &without_nonce)
        .await
        .unwrap();

    let received = server.received();
    assert_eq!(received.len(), 2);
    assert!(received[1].at - received[0].at >= Duration::from_millis(300));
}

#[tokio::test]
async fn a_429_beyond_the_deadline_is_not_sent() {
    let server = Server::replying(vec![limited(60.0, false)]).await;

    let error = server
        .client()
        .create_message(ChannelId(1), &message(1))
        .await
        .unwrap_err();

    assert!(matches!(error, Error::NotSent { .. }), "{error:?}");
    assert_eq!(error.retry_after(), Some(Duration::from_mins(1)));
}

#[tokio::test]
async fn a_global_429_stops_all_channels_but_not_interactions() {
    let server = Server::start(|n, request| match n {
        0 => limited(0.5, true).with("x-ratelimit-scope", "global"),
        _ if request.path.contains("callback") => Reply::Answer(204, Vec::new(), String::new()),
        _ => posted(1),
    })
    .await;
    let client = server.client();
    let stopped = NewMessage {
        deadline: Instant::now() + Duration::from_millis(200),
        ..message(1)
    };

    let error = client
        .create_message(ChannelId(1), &stopped)
        .await
        .unwrap_err();
    assert!(error.retry_after().is_some());
    client
        .respond(InteractionId(9), "token", &defer())
        .await
        .unwrap();
    client
        .create_message(ChannelId(2), &message(2))
        .await
        .unwrap();

    let received = server.received();
    assert!(received[1].path.contains("callback"));
    assert!(received[2].at - received[0].at >= Duration::from_millis(500));
}

#[tokio::test]
async fn a_429_of_cloudflare_stops_everything() {
    let block = Reply::Answer(
        429,
        vec![("retry-after", "1".to_owned())],
        "<html>".to_owned(),
    );
    let ok = Reply::Answer(204, Vec::new(), String::new());
    let server = Server::replying(vec![block, ok]).await;
    let client = server.client();
    let stopped = NewMessage {
        deadline: Instant::now() + Duration::from_millis(200),
        ..message(1)
    };

    client
        .create_message(ChannelId(1), &stopped)
        .await
        .unwrap_err();
    client
        .respond(InteractionId(9), "token", &defer())
        .await
        .unwrap();

    let received = server.received();
    assert!(received[1].at - received[0].at >= Duration::from_secs(1));
}

/// DESIGN §6: what one process is told holds for all.
#[tokio::test]
async fn an_order_that_another_process_was_given_is_obeyed() {
    let server = Server::start(|n, _| match n {
        0 => limited(0.5, true),
        _ => posted(1),
    })
    .await;
    let (told, other) = (server.client(), server.client());
    let mut stops = told.stops();
    let mut posting = JoinSet::new();
    posting.spawn(async move { told.create_message(ChannelId(1), &message(1)).await });
    let stop = stops.recv().await.unwrap();
    assert_eq!(stop.whose, Whose::Bot);

    other.stop(stop);
    other
        .create_message(ChannelId(2), &message(2))
        .await
        .unwrap();
    posting.join_next().await.unwrap().unwrap().unwrap();
    let received = server.received();
    for after in &received[1..] {
        assert!(after.at - received[0].at >= Duration::from_millis(500));
    }
}

#[tokio::test]
async fn posts_of_one_channel_leave_one_at_a_time_and_in_order() {
    let server = Server::replying(vec![posted(1).with("x-ratelimit-bucket", "abc")]).await;
    let client = server.client();
    let mut tasks = JoinSet::new();
    for nonce in 0..10 {
        let client = client.clone();
        tasks.spawn(async move { client.create_message(ChannelId(1), &message(nonce)).await });
        tokio::task::yield_now().await;
    }
    for result in tasks.join_all().await {
        result.unwrap();
    }

    let nonces: Vec<_> = server
        .received()
        .iter()
        .map(|r| r.body["nonce"].clone())
        .collect();
    let expected: Vec<_> = (0..10).map(|n| json!(n.to_string())).collect();
    assert_eq!(nonces, expected);
}

#[tokio::test]
async fn garbage_in_limit_headers_is_ignored() {
    let reply = posted(1)
        .with("x-ratelimit-bucket", "x".repeat(5000))
        .with("x-ratelimit-limit", -4)
        .with("x-ratelimit-remaining", "lots")
        .with("x-ratelimit-reset-after", "NaN");
    let server = Server::replying(vec![reply]).await;
    let client = server.client();

    for nonce in 0..3 {
        client
            .create_message(ChannelId(1), &message(nonce))
            .await
            .unwrap();
    }
}

#[tokio::test]
async fn a_typing_sign_takes_no_place_that_a_post_would_wait_for() {
    let server = Server::replying(vec![spent(0.5), spent(0.5)]).await;
    let client = server.client();
    client.typing(ChannelId(1)).await.unwrap();

    let error = client.typing(ChannelId(1)).await.unwrap_err();

    assert!(matches!(error, Error::NotSent { .. }), "{error:?}");
    assert_eq!(server.received().len(), 1);
}
