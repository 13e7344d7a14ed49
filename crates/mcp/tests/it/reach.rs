//! Where a tool server, its address or its answers can lead: to its own origin, and nowhere else.

use fetch::{Code, Hop};
use mcp::{Error, Session};
use serde_json::Map;

use crate::script::{LIMITS, message, open, ordinary, server};
use crate::web::Reply;
use crate::world::{World, public};
use crate::zone::Records;

/// NET-46, NET-3.
#[tokio::test]
async fn an_address_inside_is_no_tool_server() {
    let world = World::new(public(), ordinary).await;
    for (url, code) in [
        ("https://127.0.0.1/mcp", Code::LocalhostForbidden),
        ("https://10.0.0.1/mcp", Code::BlockedAddress),
        ("https://169.254.169.254/mcp", Code::MetadataForbidden),
        ("https://[::1]/mcp", Code::LocalhostForbidden),
        ("http://a.example.com/mcp", Code::HttpsRequired),
    ] {
        let refused = server(&world, url, LIMITS).unwrap_err();
        assert_eq!(refused.code(), Some(code), "{url}");
    }
    assert!(world.web.dialled().is_empty());
}

/// NET-21, NET-46: neither the first request nor a call follows one, and no token goes along.
#[tokio::test]
async fn a_redirect_is_refused() {
    let away = |_: &_| Reply::new(307, "location: https://b.example.com/mcp\r\n", b"");
    let world = World::new(public(), away).await;
    let refused = open(&world).await.unwrap_err();
    assert_eq!(refused.code(), Some(Code::RedirectForbidden));
    assert_eq!(world.web.asked().len(), 1);

    let world = World::new(public(), move |asked| {
        match message(asked)["method"].as_str() {
            Some("tools/call") => Reply::new(302, "location: http://127.0.0.1/\r\n", b""),
            _ => ordinary(asked),
        }
    })
    .await;
    let session = open(&world).await.unwrap();
    let refused = session.call("greet", Map::new()).await.unwrap_err();
    assert_eq!(refused.code(), Some(Code::RedirectForbidden));
    assert!(refused.may_have_run(), "the server had the call");
}

/// NET-10, NET-46, NET-56: each request judges the name again; the fourth is refused.
#[tokio::test]
async fn a_name_that_changes_its_mind_is_not_followed() {
    let mut records = Records::default();
    for round in 1..=3 {
        records = records.with("rebind.example.com", &format!("A#{round}"), "93.184.216.34");
    }
    let records = records.with("rebind.example.com", "A#4", "127.0.0.1");
    let world = World::new(records, ordinary).await;
    let server = server(&world, "https://rebind.example.com/mcp", LIMITS).unwrap();
    let session = Session::open(&server).await.unwrap();

    let refused = session.call("greet", Map::new()).await.unwrap_err();

    assert_eq!(refused.code(), Some(Code::BlockedAddress));
    assert!(!refused.may_have_run(), "it never left");
    let public = "93.184.216.34:443".parse().unwrap();
    assert_eq!(world.web.dialled(), [public; 3]);
}

/// NET-12: a connection serves one request, whatever the server offers.
#[tokio::test]
async fn no_connection_is_used_twice() {
    let world = World::new(public(), |asked| match ordinary(asked) {
        Reply::Whole(bytes) => {
            let text = String::from_utf8(bytes).unwrap();
            Reply::Whole(
                text.replacen("\r\n", "\r\nconnection: keep-alive\r\n", 1)
                    .into(),
            )
        }
        other => other,
    })
    .await;
    let session = open(&world).await.unwrap();
    for _ in 0..3 {
        session.call("greet", Map::new()).await.unwrap();
    }
    assert_eq!(world.web.asked().len(), 6);
    assert_eq!(world.web.dialled().len(), 6);
}

#[tokio::test]
async fn a_server_that_is_not_there_has_run_nothing() {
    let world = World::local(public(), ordinary).await;
    let closed = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/mcp", closed.local_addr().unwrap());
    drop(closed);
    let server = server(&world, &url, LIMITS).unwrap();

    let failed = Session::open(&server).await.unwrap_err();

    let is_refused = matches!(
        &failed,
        Error::Fetch(fetch::Error::Network {
            kind: Hop::Connect,
            ..
        })
    );
    assert!(is_refused && !failed.may_have_run(), "{failed:?}");
}
