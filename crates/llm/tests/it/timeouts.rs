//! Providers that are silent.

use std::time::Duration;

use futures_util::StreamExt;
use llm::{Class, Delta};
use tokio::time::Instant;

use crate::server::{Piece, Server, collect, events, key, prompt, text};

/// CHAT-94f.
#[tokio::test]
async fn a_provider_that_never_answers_times_out() {
    let server = Server::replying(events(vec![Piece::Hang])).await;
    let began = Instant::now();

    let error = server.llm().stream(&prompt(), &key()).await.unwrap_err();

    assert_eq!(error.class(), Class::Timeout);
    assert!(began.elapsed() < Duration::from_secs(2));
}

/// NET-40, CHAT-94e.
#[tokio::test]
async fn silence_in_the_midst_times_out_and_aborts() {
    let mut server = Server::replying(events(vec![text("Hel"), Piece::Hang])).await;

    let deltas = collect(server.llm().stream(&prompt(), &key()).await).await;

    assert_eq!(deltas[0], Ok(Delta::Text("Hel".to_owned())));
    assert_eq!(deltas[1].clone().unwrap_err().class(), Class::Timeout);
    server.abort_seen().await;
}

/// CHAT-94e.
#[tokio::test]
async fn keep_alives_without_progress_time_out() {
    for filler in [
        ": still there\n\n",
        "no end of line ",
        "data: {\"choices\":[{\"delta\":{\"content\":\"\"}}]}\n\n",
    ] {
        let server = Server::replying(events(vec![text("Hel"), Piece::Forever(filler)])).await;
        let deltas = collect(server.llm().stream(&prompt(), &key()).await).await;
        assert_eq!(
            deltas[1].clone().unwrap_err().class(),
            Class::Timeout,
            "{filler}"
        );
    }
}

#[tokio::test]
async fn an_error_whose_text_never_ends_is_judged_by_its_status() {
    let mut reply = events(vec![Piece::Bytes(b"{".to_vec()), Piece::Hang]);
    reply.status = 500;
    let server = Server::replying(reply).await;

    let error = server.llm().stream(&prompt(), &key()).await.unwrap_err();

    assert_eq!(error.class(), Class::Overloaded);
}

#[tokio::test]
async fn thinking_is_progress() {
    let thinking = "data: {\"choices\":[{\"delta\":{\"reasoning\":\"hm\"}}]}\n\n";
    let server = Server::replying(events(vec![text("Hel"), Piece::Forever(thinking)])).await;
    let patience = Duration::from_millis(300);
    let llm = server.llm_with(llm::Timeouts {
        progress: patience,
        ..llm::Timeouts::default()
    });
    let mut completion = llm.stream(&prompt(), &key()).await.unwrap();
    completion.next().await.unwrap().unwrap();

    let next = tokio::time::timeout(4 * patience, completion.next()).await;

    assert!(next.is_err(), "{next:?}");
}
