//! Name servers that change their mind, and connections that must not follow.

use fetch::{Code, Purpose, Trust};

use crate::web::Reply;
use crate::world::{World, get, public};
use crate::zone::Records;

/// NET-10, NET-56: what is connected to is what was judged, and each request is judged anew.
#[tokio::test]
async fn rebinding_reaches_what_was_judged_and_then_nothing() {
    let records = Records::default()
        .with("rebind.example.com", "A#1", "93.184.216.34")
        .with("rebind.example.com", "A#2", "127.0.0.1");
    let world = World::new(records, |_| Reply::new(200, "", b"x")).await;
    let url = "https://rebind.example.com/";

    let first = world.get(url).await.unwrap().body.read().await;
    assert_eq!(first.unwrap(), b"x");
    assert_eq!(
        world.zone.times_asked("rebind.example.com"),
        2,
        "one question for each kind"
    );
    assert_eq!(world.web.dialled(), ["93.184.216.34:443".parse().unwrap()]);

    let second = world.get(url).await.unwrap_err();
    assert_eq!(second.code(), Some(Code::BlockedAddress));
    assert_eq!(world.web.dialled().len(), 1);
}

/// NET-10, NET-11: without a proxy the socket goes to the judged address; the name is asked for once.
#[tokio::test]
async fn a_direct_connection_goes_to_the_judged_address() {
    let records = Records::default()
        .with("pinned.example.com", "A#1", "127.0.0.1")
        .with("pinned.example.com", "A#2", "127.0.0.9");
    let world = World::local(records, |_| Reply::new(200, "", b"x")).await;
    let mut request = get(&format!(
        "http://pinned.example.com:{}/",
        world.web.address.port()
    ));
    request.trust = Trust::Administrator;

    let answer = world.client.send(request).await.unwrap();

    assert_eq!(answer.body.read().await.unwrap(), b"x");
    assert_eq!(world.web.asked()[0].address, world.web.address);
    assert_eq!(world.zone.times_asked("pinned.example.com"), 2);
}

/// NET-12: every request has a connection of its own, also to the same address.
#[tokio::test]
async fn no_connection_is_used_twice() {
    let world = World::new(public(), |_| {
        Reply::new(200, "connection: keep-alive\r\n", b"x")
    })
    .await;
    for _ in 0..3 {
        let answer = world.get("https://a.example.com/").await.unwrap();
        answer.body.read().await.unwrap();
    }
    assert_eq!(world.web.dialled().len(), 3);
}

/// NET-3 row 11, NET-56.
#[tokio::test]
async fn one_private_address_among_several_refuses_the_name() {
    let records = Records::default()
        .with("mixed.example.com", "A", "93.184.216.34")
        .with("mixed.example.com", "A", "192.168.1.1")
        .with("six.example.com", "A", "93.184.216.34")
        .with("six.example.com", "AAAA", "::1")
        .with("local.example.com", "CNAME", "localhost")
        .with("mapped.example.com", "AAAA", "::ffff:10.0.0.1");
    let world = World::new(records, |_| Reply::new(200, "", b"x")).await;
    for (name, code) in [
        ("mixed.example.com", Code::BlockedAddress),
        ("six.example.com", Code::BlockedAddress),
        ("MiXeD.example.com.", Code::BlockedAddress),
        ("mapped.example.com", Code::BlockedAddress),
    ] {
        let refused = world.get(&format!("https://{name}/")).await.unwrap_err();
        assert_eq!(refused.code(), Some(code), "{name}");
    }
    let refused = world.get("https://local.example.com/").await.unwrap_err();
    assert!(refused.code().is_some(), "{refused}");
    assert!(world.web.dialled().is_empty());
}

/// NET-3 row 8: a name server that is silent is waited for three seconds, not longer.
#[tokio::test]
async fn a_silent_name_server_refuses_the_name() {
    let world = World::new(
        Records::default().with("mute.example.com", "TIMEOUT", ""),
        |_| Reply::new(200, "", b"x"),
    )
    .await;
    let refused = world.get("https://mute.example.com/").await.unwrap_err();
    assert_eq!(refused.code(), Some(Code::DnsResolutionFailed));
}

/// NET-2, NET-56: the switch for administrators' endpoints opens nothing for anybody else.
#[tokio::test]
async fn a_local_endpoint_is_for_administrators_alone() {
    let world = World::local(Records::default(), |_| Reply::new(200, "", b"x")).await;
    let mut request = get(&format!("http://{}/", world.web.address));
    request.purpose = Purpose::Endpoint;
    let refused = world.client.send(get(&request.url)).await.unwrap_err();
    assert_eq!(refused.code(), Some(Code::HttpsRequired));
    request.trust = Trust::Administrator;
    assert!(world.client.send(request).await.is_ok());
}

/// NET-10: the certificate is that of the name; another one ends the connection.
#[tokio::test]
async fn a_certificate_for_another_name_is_refused() {
    let records = Records::default().with("elsewhere.org", "A", "93.184.216.34");
    let world = World::new(records, |_| Reply::new(200, "", b"x")).await;
    let refused = world.get("https://elsewhere.org/").await.unwrap_err();
    assert_eq!(refused.label(), "network");
    assert!(world.web.asked().is_empty());
}

/// NET-12, NET-46: a client of one origin reaches no literal, no redirect's target and no other name.
#[tokio::test]
async fn an_endpoint_is_one_origin() {
    let world = World::new(public(), |asked| match asked.place().as_str() {
        "a.example.com/away" => Reply::new(307, "location: https://b.example.com/\r\n", b""),
        _ => Reply::new(200, "", b"x"),
    })
    .await;
    let endpoint = fetch::Endpoint::new(
        &world.client,
        "https://a.example.com/v1",
        Purpose::ToolServer,
        Trust::Administrator,
    )
    .unwrap();
    let ask = |url: &'static str| {
        endpoint.send(
            http::Method::GET,
            url.to_owned(),
            http::HeaderMap::new(),
            bytes::Bytes::new(),
            crate::world::BOUNDS,
        )
    };
    for (url, code) in [
        ("https://b.example.com/v1", Code::OriginForbidden),
        ("https://a.example.com:8443/v1", Code::OriginForbidden),
        ("https://127.0.0.1/", Code::OriginForbidden),
        ("https://93.184.216.34/", Code::OriginForbidden),
        ("https://a.example.com/away", Code::RedirectForbidden),
    ] {
        assert_eq!(ask(url).await.unwrap_err().code(), Some(code), "{url}");
    }
    assert!(ask("https://a.example.com/v1/models").await.is_ok());
    assert_eq!(
        world.web.dialled().len(),
        2,
        "one for the redirect, one for the answer"
    );
}
