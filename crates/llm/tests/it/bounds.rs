//! Providers that send more than anybody has to say.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use llm::{Class, Error, Provider};

use crate::server::{Piece, Reply, Server, collect, event, events, key, prompt};

const MEBIBYTE: usize = 1024 * 1024;
const BLOCK: usize = 64 * 1024;

/// A flood of 64 MiB, and how much of it has left.
fn flood(block: Vec<u8>) -> (Piece, Arc<AtomicUsize>) {
    let sent = Arc::<AtomicUsize>::default();
    let times = 64 * MEBIBYTE / block.len();
    (Piece::Flood(block, times, Arc::clone(&sent)), sent)
}

fn with_status(status: u16, pieces: Vec<Piece>) -> Reply {
    Reply {
        status,
        ..events(pieces)
    }
}

/// What the server could send is all that could be kept, and what waits in the sockets.
#[track_caller]
fn assert_cut_off(sent: &AtomicUsize, most: usize) {
    let sent = sent.load(Ordering::Relaxed);
    assert!(sent < most + 16 * MEBIBYTE, "{sent} bytes were taken");
}

async fn last_error(server: &Server) -> Error {
    let deltas = collect(server.llm().stream(&prompt(), &key()).await).await;
    deltas.last().unwrap().clone().unwrap_err()
}

/// NET-40.
#[tokio::test]
async fn an_event_without_end_is_cut_off() {
    let beginnings = [
        "",
        "data: ",
        "data: {\"choices\":[{\"delta\":{\"content\":\"",
    ];
    for beginning in beginnings {
        let (flood, sent) = flood(vec![b'x'; BLOCK]);
        let pieces = vec![Piece::Bytes(beginning.as_bytes().to_vec()), flood];
        let server = Server::replying(events(pieces)).await;

        assert_eq!(last_error(&server).await.class(), Class::Unknown);
        assert_cut_off(&sent, MEBIBYTE);
    }
}

#[tokio::test]
async fn an_event_of_endless_lines_is_cut_off() {
    let line = format!("data: {}\n", "x".repeat(1000));
    let (flood, sent) = flood(line.repeat(64).into_bytes());
    let server = Server::replying(events(vec![flood])).await;

    assert_eq!(last_error(&server).await.class(), Class::Unknown);
    assert_cut_off(&sent, MEBIBYTE);
}

/// NET-40.
#[tokio::test]
async fn an_answer_without_end_is_cut_off() {
    let (flood, sent) = flood(": busy\n\n".repeat(BLOCK / 8).into_bytes());
    let server = Server::replying(events(vec![flood])).await;
    let llm = server.llm_with(llm::Timeouts::default());

    let deltas = collect(llm.stream(&prompt(), &key()).await).await;

    assert_eq!(deltas[0].clone().unwrap_err().class(), Class::Unknown);
    assert_cut_off(&sent, 32 * MEBIBYTE);
}

#[tokio::test]
async fn a_refusal_of_endless_words_is_judged_by_its_status() {
    for (status, class) in [
        (401, Class::Auth),
        (500, Class::Overloaded),
        (418, Class::Unknown),
    ] {
        let (flood, sent) = flood(vec![b'x'; BLOCK]);
        let server = Server::replying(with_status(status, vec![flood])).await;

        let error = last_error(&server).await;

        assert_eq!((error.class(), error.status()), (class, Some(status)));
        assert_cut_off(&sent, MEBIBYTE / 4);

        let listed = server.llm().models(Provider::OpenAi, &key()).await;
        assert_eq!(listed.unwrap_err().class(), class);
    }
}

#[tokio::test]
async fn a_long_event_is_taken() {
    let text = "x".repeat(MEBIBYTE - 1000);
    let long = event(&serde_json::json!({ "choices": [{ "delta": { "content": text } }] }));
    let server = Server::replying(events(vec![long])).await;

    let deltas = collect(server.llm().stream(&prompt(), &key()).await).await;

    assert_eq!(deltas[0], Ok(llm::Delta::Text(text)));
}
