//! Redirects without a network: which are taken, and what goes along.

use http::header::{AUTHORIZATION, HeaderValue};
use proptest::prelude::*;

use super::*;

const MOST: u8 = 3;

fn station(url: &str) -> Station {
    let mut headers = HeaderMap::new();
    for name in [
        "authorization",
        "x-api-key",
        "api-key",
        "x-goog-api-key",
        "accept",
    ] {
        headers.insert(name, HeaderValue::from_static("secret"));
    }
    Station {
        url: url.to_owned(),
        method: Method::GET,
        headers,
        body: Bytes::new(),
        followed: 0,
        is_withheld: false,
    }
}

fn answer(location: &str) -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert(LOCATION, HeaderValue::from_str(location).unwrap());
    headers
}

fn follow(from: &Station, status: u16, location: &str) -> Result<Station, Code> {
    let status = StatusCode::from_u16(status).unwrap();
    next_station(from, status, &answer(location), Redirects::Follow, MOST).map(Option::unwrap)
}

/// NET-19.
#[test]
fn another_origin_gets_no_credentials() {
    let from = station("https://a.example.com/x?key=secret");
    for elsewhere in [
        "https://b.example.com/",
        "https://a.example.com:8443/",
        "//b.example.com/",
    ] {
        let next = follow(&from, 302, elsewhere).unwrap();
        let names: Vec<_> = next.headers.keys().map(HeaderName::as_str).collect();
        assert_eq!(names, ["accept"], "{elsewhere}");
        assert!(next.is_withheld);
    }
    let same = follow(&from, 302, "/y").unwrap();
    assert_eq!(same.url, "https://a.example.com/y");
    assert!(same.headers.contains_key(AUTHORIZATION));
    let explicit = follow(&from, 302, "https://a.example.com:443/y").unwrap();
    assert!(
        explicit.headers.contains_key(AUTHORIZATION),
        "443 is the same origin"
    );
}

/// NET-19: withheld credentials are named as the reason when they are asked for.
#[test]
fn a_later_refusal_is_blamed_on_what_was_withheld() {
    let elsewhere = follow(
        &station("https://a.example.com/"),
        302,
        "https://b.example.com/",
    );
    let refused = next_station(
        &elsewhere.unwrap(),
        StatusCode::FORBIDDEN,
        &HeaderMap::new(),
        Redirects::Follow,
        MOST,
    );
    assert_eq!(refused.err(), Some(Code::RedirectCredentialsWithheld));
}

/// NET-18.
#[test]
fn a_redirect_may_turn_a_post_into_a_get() {
    let mut post = station("https://a.example.com/");
    post.method = Method::POST;
    post.body = Bytes::from_static(b"words");
    post.headers
        .insert(CONTENT_TYPE, HeaderValue::from_static("text/plain"));
    for status in [301, 302, 303] {
        let next = follow(&post, status, "https://b.example.com/").unwrap();
        assert_eq!((next.method, next.body.len()), (Method::GET, 0), "{status}");
        assert!(!next.headers.contains_key(CONTENT_TYPE));
    }
    for status in [307, 308] {
        let same = follow(&post, status, "/again").unwrap();
        assert_eq!(
            (same.method, same.body.len()),
            (Method::POST, 5),
            "{status}"
        );
    }
}

/// NET-20.
#[test]
fn a_body_stays_at_its_origin_and_https_stays_https() {
    let mut post = station("https://a.example.com/");
    post.method = Method::POST;
    post.body = Bytes::from_static(b"words");
    let elsewhere = follow(&post, 307, "https://b.example.com/").err();
    assert_eq!(elsewhere, Some(Code::RedirectBodyWithheld));
    let down = follow(
        &station("https://a.example.com/"),
        302,
        "http://a.example.com/",
    )
    .err();
    assert_eq!(down, Some(Code::HttpsRequired));
}

/// NET-17, NET-21.
#[test]
fn redirects_are_counted_or_refused() {
    let mut from = station("https://a.example.com/");
    assert_eq!(
        next_station(
            &from,
            StatusCode::FOUND,
            &answer("/x"),
            Redirects::Refuse,
            MOST
        )
        .err(),
        Some(Code::RedirectForbidden)
    );
    from.followed = MOST;
    assert_eq!(follow(&from, 302, "/x").err(), Some(Code::TooManyRedirects));
}

/// NET-17.
#[test]
fn a_location_is_there_once_and_plain() {
    let from = station("https://a.example.com/");
    for location in ["", "\\\\127.0.0.1\\x", "a b"] {
        assert_eq!(
            follow(&from, 302, location).err(),
            Some(Code::InvalidRedirect)
        );
    }
    let mut twice = answer("https://b.example.com/");
    twice.append(LOCATION, HeaderValue::from_static("http://127.0.0.1/"));
    for headers in [twice, HeaderMap::new()] {
        let refused = next_station(&from, StatusCode::FOUND, &headers, Redirects::Follow, MOST);
        assert_eq!(refused.err(), Some(Code::InvalidRedirect));
    }
    // Absolute ones keep their spelling, so that another way to write an address is refused.
    let spelled = follow(&from, 302, "https://134744072/").err();
    assert_eq!(spelled, Some(Code::InvalidFormat));
}

proptest! {
    /// Whatever an answer says, it ends, and no secret leaves its origin.
    #[test]
    fn no_chain_of_redirects_is_endless_or_carries_a_secret_away(
        hops in proptest::collection::vec((300u16..400, location()), 0..12)
    ) {
        let start = station("https://a.example.com/");
        let mut at = start.clone();
        for (status, location) in hops {
            let status = StatusCode::from_u16(status).unwrap();
            let Ok(Some(next)) = next_station(&at, status, &answer(&location), Redirects::Follow, MOST) else {
                break;
            };
            at = next;
            prop_assert!(at.followed <= MOST);
            prop_assert!(at.url.starts_with("https://"));
            let (here, there) = (Target::parse(&start.url).unwrap(), Target::parse(&at.url).unwrap());
            if !here.is_same_origin(&there) {
                prop_assert!(!at.headers.values().any(|value| value == "secret") || at.headers.len() == 1);
                prop_assert!(!at.headers.contains_key(AUTHORIZATION));
            }
        }
    }
}

fn location() -> impl Strategy<Value = String> {
    prop_oneof![
        "/[a-z]{0,5}",
        "https?://[ab]\\.example\\.com(:[0-9]{1,5})?/[a-z]{0,3}",
        "[!-~]{0,30}",
        "//[ab]\\.example\\.com/",
    ]
}
