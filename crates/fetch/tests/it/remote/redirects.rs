//! Redirects over the wire: what the next station sees.

use fetch::{Code, Redirects};
use http::header::{AUTHORIZATION, HeaderValue};
use http::{HeaderMap, Method};

use crate::web::Reply;
use crate::world::{World, get, public};

fn credentials() -> HeaderMap {
    let mut headers = HeaderMap::new();
    for name in [
        "authorization",
        "x-api-key",
        "api-key",
        "x-goog-api-key",
        "cookie",
    ] {
        headers.insert(name, HeaderValue::from_static("secret"));
    }
    headers
}

/// NET-19, NET-15: keys stay with their origin, and no Referer tells where the request came from.
#[tokio::test]
async fn credentials_do_not_go_to_another_origin() {
    let world = World::new(public(), |asked| match asked.place().as_str() {
        "a.example.com/x?key=secret" => {
            Reply::new(302, "location: https://b.example.com/y\r\n", b"")
        }
        _ => Reply::new(200, "", b"x"),
    })
    .await;
    let mut request = get("https://a.example.com/x?key=secret#fragment");
    request.headers = credentials();

    world.client.send(request).await.unwrap();

    let asked = world.web.asked();
    assert_eq!(asked[0].field("authorization"), Some("secret"));
    assert!(asked[0].field("cookie").is_none(), "cookies are never sent");
    assert!(!asked[0].head.contains("fragment"));
    assert!(!asked[1].head.contains("secret"), "{}", asked[1].head);
    assert!(asked[1].field("referer").is_none());
}

/// NET-19.
#[tokio::test]
async fn an_origin_that_asks_for_withheld_credentials_is_named_so() {
    let world = World::new(public(), |asked| match asked.place().as_str() {
        "a.example.com/" => Reply::new(302, "location: https://b.example.com/\r\n", b""),
        _ => Reply::new(401, "", b""),
    })
    .await;
    let mut request = get("https://a.example.com/");
    request
        .headers
        .insert(AUTHORIZATION, HeaderValue::from_static("secret"));

    let refused = world.client.send(request).await.unwrap_err();

    assert_eq!(refused.code(), Some(Code::RedirectCredentialsWithheld));
}

/// NET-20, NET-21, NET-56.
#[tokio::test]
async fn redirects_that_may_not_be_followed_are_not() {
    let world = World::new(public(), |asked| {
        let to = match asked.place().as_str() {
            "a.example.com/down" => "http://a.example.com/",
            "a.example.com/meta" => "https://169.254.169.254/latest",
            "a.example.com/loop" => "/loop",
            "a.example.com/body" => "https://b.example.com/",
            _ => "/elsewhere",
        };
        Reply::new(307, &format!("location: {to}\r\n"), b"")
    })
    .await;
    let ask = async |path: &str, redirects: Redirects| {
        let mut request = get(&format!("https://a.example.com/{path}"));
        request.redirects = redirects;
        if path == "body" {
            request.method = Method::POST;
            request.body = "words".into();
        }
        world.client.send(request).await.unwrap_err().code()
    };
    for (path, code) in [
        ("down", Code::HttpsRequired),
        ("meta", Code::MetadataForbidden),
        ("loop", Code::TooManyRedirects),
        ("body", Code::RedirectBodyWithheld),
    ] {
        assert_eq!(ask(path, Redirects::Follow).await, Some(code), "{path}");
    }
    assert_eq!(
        ask("x", Redirects::Refuse).await,
        Some(Code::RedirectForbidden)
    );
    let loops = world
        .web
        .asked()
        .iter()
        .filter(|asked| asked.head.contains("/loop"))
        .count();
    assert_eq!(loops, 4, "the first and three redirects");
}
