//! Providers that refuse, break off or talk nonsense.

use std::collections::HashMap;
use std::io::Write;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use llm::{Class, Delta, Error, Llm, Provider, Service, Services};
use serde_json::json;
use tokio::net::TcpListener;
use tracing_subscriber::fmt::MakeWriter;

use crate::server::{
    KEY, Piece, Reply, Server, WORDS, base_urls, collect, event, events, finish, key, plain,
    prompt, text,
};

async fn last_error(reply: Reply) -> Error {
    let server = Server::replying(reply).await;
    let deltas = collect(server.llm().stream(&prompt(), &key()).await).await;
    deltas.last().unwrap().clone().unwrap_err()
}

#[tokio::test]
async fn a_refusal_comes_before_the_stream() {
    let body = json!({ "error": { "message": WORDS, "code": "invalid_api_key" } }).to_string();
    let server = Server::replying(plain(401, &body)).await;

    let error = server.llm().stream(&prompt(), &key()).await.unwrap_err();

    assert_eq!((error.class(), error.status()), (Class::Auth, Some(401)));
}

/// SEC-23: what is kept of a refusal is shown to people, and does not show them the key.
#[tokio::test]
async fn what_is_kept_of_a_refusal_never_quotes_the_key() {
    let text = format!("nobody knows {KEY} here");
    let body = json!({ "error": { "message": text, "code": "invalid_api_key" } }).to_string();
    let server = Server::replying(plain(401, &body)).await;
    let (llm, key) = (server.llm(), key());
    let urls = HashMap::from([(Service::BraveSearch, server.url.parse().unwrap())]);
    let services = Services::new(urls).unwrap();
    for error in [
        llm.stream(&prompt(), &key).await.unwrap_err(),
        llm.models(Provider::OpenAi, &key).await.unwrap_err(),
        services
            .check(Service::BraveSearch, &key)
            .await
            .unwrap_err(),
    ] {
        assert_eq!(error.words(), Some("nobody knows … here"));
        // And no log shows the rest.
        let printed = format!("{error} {error:?}");
        assert!(!printed.contains("nobody knows"), "{printed}");
    }
}

#[tokio::test]
async fn a_rate_limit_tells_how_long() {
    let mut reply = plain(429, "");
    reply.headers.push(("retry-after", "20".to_owned()));

    let error = last_error(reply).await;

    assert_eq!(error.class(), Class::RateLimit);
    assert_eq!(error.retry_after(), Some(Duration::from_secs(20)));
}

#[tokio::test]
async fn an_error_in_the_midst_comes_after_the_text() {
    let trouble = event(&json!({ "error": { "message": WORDS, "code": 502 } }));
    let server = Server::replying(events(vec![text("Hel"), trouble])).await;

    let deltas = collect(server.llm().stream(&prompt(), &key()).await).await;

    assert_eq!(deltas[0], Ok(Delta::Text("Hel".to_owned())));
    assert_eq!(deltas[1].clone().unwrap_err().class(), Class::Overloaded);
    assert_eq!(deltas.len(), 2);
}

#[tokio::test]
async fn a_filtered_answer_is_blocked() {
    let pieces = [vec![text("Hel")], finish("content_filter")].concat();

    assert_eq!(
        last_error(events(pieces)).await.class(),
        Class::ContentBlocked
    );
}

#[tokio::test]
async fn nonsense_is_unknown() {
    for nonsense in [
        &b"data: {\"choices\":\n\n"[..],
        b"data: private words\n\n",
        b"data: \xff\xfe\n\n",
        b"<html>private words</html>",
        b"",
        b"data: null\n\n",
        b"data: [1,2]\n\n",
    ] {
        let error = last_error(events(vec![Piece::Bytes(nonsense.to_vec())])).await;
        assert_eq!(error.class(), Class::Unknown, "{nonsense:?}");
        assert!(!format!("{error} {error:?}").contains(WORDS));
    }
}

#[tokio::test]
async fn an_answer_that_breaks_off_is_not_complete() {
    for end in [vec![], vec![Piece::Break]] {
        let error = last_error(events([vec![text("Hel")], end].concat())).await;
        assert_eq!(error.class(), Class::Unknown);
    }
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let other = Server::replying(plain(200, "")).await;
    let mut reply = plain(307, "");
    reply.headers.push(("location", other.url.clone()));

    assert_eq!(last_error(reply).await.class(), Class::Unknown);
    assert!(other.received().is_empty());
}

#[tokio::test]
async fn where_nobody_listens_it_is_unreachable() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/v1", listener.local_addr().unwrap());
    drop(listener);
    let llm = Llm::new(base_urls(&url)).unwrap();

    let error = llm.stream(&prompt(), &key()).await.unwrap_err();

    assert_eq!(error.class(), Class::Unreachable);
}

#[tokio::test]
async fn a_key_that_no_header_can_carry_is_refused_without_asking() {
    let server = Server::replying(plain(200, "")).await;
    for key in ["", "sk\nsecret", "sk\u{0}"] {
        let key = key.to_owned().into();
        let error = server.llm().stream(&prompt(), &key).await.unwrap_err();
        assert_eq!(error.class(), Class::Auth);
    }
    assert!(server.received().is_empty());
}

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl MakeWriter<'_> for Log {
    type Writer = Self;

    fn make_writer(&self) -> Self {
        self.clone()
    }
}

#[tokio::test]
async fn no_word_of_an_answer_reaches_the_log_at_any_level() {
    let log = Log::default();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_writer(log.clone())
        .finish();
    let _guard = tracing::subscriber::set_default(subscriber);
    let body = json!({ "error": { "message": WORDS } }).to_string();

    for reply in [
        plain(400, &body),
        events(vec![
            text(WORDS),
            Piece::Bytes(format!("data: {WORDS}\n\n").into_bytes()),
        ]),
        events(vec![text(WORDS), Piece::Break]),
    ] {
        last_error(reply).await;
    }
    tracing::info!("the log works");

    let log = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    assert!(log.contains("the log works"));
    assert!(!log.contains(WORDS) && !log.contains(KEY), "{log}");
}
