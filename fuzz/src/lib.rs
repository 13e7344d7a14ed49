//! What each target does with its bytes. None of them only waits for a panic: each compares the result
//! with something else that is known about it.

use std::net::{IpAddr, Ipv4Addr};

use bytes::Bytes;
use chrono::DateTime;
use fetch::{Decoder, Encodings, Kind, Policy, Redirects, Station, Trust, next_station};
use http::header::{AUTHORIZATION, CONTENT_ENCODING, HeaderValue, LOCATION};
use http::{HeaderMap, Method, StatusCode};
use proto::id::UserId;
use serde_json::Value;
use store::ServerSettings;
use worker::portable::{self, Contents, FileType};

/// Most bytes of a body.
const LIMIT: u64 = 4 * 1024 * 1024;
/// Most redirects.
const MOST: u8 = 3;

/// A URL that is allowed leads to no inner address, however another program may read its host.
pub fn url_policy(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    let policy = Policy::default();
    let Ok(address) = policy.check_text(text, Trust::Stranger) else {
        return;
    };
    let (scheme, rest) = text.split_once("://").expect("an allowed URL has ://");
    assert!(scheme.eq_ignore_ascii_case("https"));
    let authority = rest
        .split(['/', '?', '#'])
        .next()
        .expect("there is a first");
    assert!(!authority.contains(['@', '%', '\\']) && !text.chars().any(char::is_control));
    if let Some(address) = address {
        assert!(is_outer(address.ip()), "{address}");
    }
    let host = match authority.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => host,
        _ => authority,
    };
    if let Some(read) = inet_aton(host.trim_end_matches('.')) {
        assert_eq!(
            address.map(|address| address.ip()),
            Some(read.into()),
            "{host}"
        );
    }
    let again = policy.check_text(&text.replacen(scheme, "https", 1), Trust::Stranger);
    assert_eq!(again, Ok(address), "the same verdict twice");
}

/// A second list of what is inside, coarser than the one that is tested.
fn is_outer(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => {
            let special = address.is_private()
                || address.is_loopback()
                || address.is_link_local()
                || address.is_multicast()
                || address.is_broadcast()
                || address.is_documentation()
                || address.is_unspecified();
            let [a, b, ..] = address.octets();
            !special && a != 0 && a < 224 && (a, b & 0xc0) != (100, 64)
        }
        IpAddr::V6(address) => address.segments()[0] & 0xe000 == 0x2000,
    }
}

/// How C reads an address: one to four numbers, each decimal, octal or hexadecimal.
fn inet_aton(text: &str) -> Option<Ipv4Addr> {
    let numbers: Option<Vec<u64>> = text.split('.').map(c_number).collect();
    let numbers = numbers?;
    let (last, first) = numbers.split_last()?;
    if first.len() > 3 || first.iter().any(|number| *number > 255) {
        return None;
    }
    let room = 32 - 8 * u32::try_from(first.len()).ok()?;
    if *last >= 1 << room {
        return None;
    }
    let high = first.iter().fold(0, |high, number| (high << 8) | number);
    u32::try_from((high << room) | last)
        .ok()
        .map(Ipv4Addr::from)
}

fn c_number(text: &str) -> Option<u64> {
    let lower = text.to_ascii_lowercase();
    match lower.strip_prefix("0x") {
        Some(digits) => u64::from_str_radix(digits, 16).ok(),
        None if lower.len() > 1 && lower.starts_with('0') => u64::from_str_radix(&lower, 8).ok(),
        None => lower.parse().ok(),
    }
}

/// A chain of redirects ends, stays with https, and leaves its secret at its origin. A line is a hop:
/// two digits of the status, then the location.
pub fn redirect(data: &[u8]) {
    let mut headers = HeaderMap::new();
    headers.insert(AUTHORIZATION, HeaderValue::from_static("secret"));
    headers.insert("x-api-key", HeaderValue::from_static("secret"));
    let mut at = Station {
        url: "https://a.example.com/".to_owned(),
        method: Method::POST,
        headers,
        body: Bytes::from_static(b"words"),
        followed: 0,
        is_withheld: false,
    };
    for hop in data.split(|byte| *byte == b'\n') {
        let Some((status, location)) = hop.split_at_checked(2) else {
            return;
        };
        let digits = [b'3', status[0], status[1]];
        let Ok(status) = StatusCode::from_bytes(&digits) else {
            return;
        };
        let mut answer = HeaderMap::new();
        if let Ok(location) = HeaderValue::from_bytes(location) {
            answer.insert(LOCATION, location);
        }
        let next = next_station(&at, status, &answer, Redirects::Follow, MOST);
        assert!(
            next_station(&at, status, &answer, Redirects::Refuse, MOST).is_ok_and(|n| n.is_none())
                || matches!(status.as_u16(), 301 | 302 | 303 | 307 | 308)
        );
        let Ok(Some(next)) = next else {
            return;
        };
        assert!(next.followed == at.followed + 1 && next.followed <= MOST);
        assert!(
            next.url.to_ascii_lowercase().starts_with("https:"),
            "{}",
            next.url
        );
        let rest = next.url.split_once("://").map_or("", |(_, rest)| rest);
        let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
        let host = authority.to_ascii_lowercase();
        if !host
            .trim_end_matches([':', '.'])
            .starts_with("a.example.com")
        {
            assert!(
                next.headers.is_empty() && next.body.is_empty(),
                "{}",
                next.url
            );
        }
        at = next;
    }
}

/// A body gives no more than is allowed, and the same however it is cut. The first byte chooses the
/// encoding and the cut.
pub fn decode(data: &[u8]) {
    let Some((choice, body)) = data.split_first() else {
        return;
    };
    let mut headers = HeaderMap::new();
    let names = ["identity", "gzip", "br"];
    let name = names[usize::from(choice % 3)];
    headers.insert(CONTENT_ENCODING, HeaderValue::from_static(name));
    let whole = decoded(&headers, body, body.len().max(1));
    let pieces = decoded(&headers, body, usize::from(choice / 3) + 1);
    // Cut finely, the ratio is looked at more often: it may refuse what is taken at once.
    if let (Some(whole), Some(pieces)) = (&whole, &pieces) {
        assert_eq!(whole, pieces);
    }
}

fn decoded(headers: &HeaderMap, body: &[u8], cut: usize) -> Option<Vec<u8>> {
    let mut decoder = Decoder::new(headers, Encodings::Compressed, LIMIT, 200).ok()?;
    let mut out = Vec::new();
    for piece in body.chunks(cut) {
        out.extend_from_slice(&decoder.push(&Bytes::copy_from_slice(piece)).ok()?);
        assert!(out.len() as u64 <= LIMIT);
    }
    out.extend_from_slice(&decoder.finish().ok()?);
    let most = (body.len() as u64 * 100).max(1024 * 1024);
    assert!(
        out.len() as u64 <= LIMIT.min(most),
        "{} of {}",
        out.len(),
        body.len()
    );
    Some(out)
}

/// Text holds no byte that only other content has, and magic bytes mean what they say.
pub fn sniff(data: &[u8]) {
    match fetch::sniff(data) {
        Kind::Text | Kind::Html | Kind::Xml => assert!(!data.contains(&0)),
        Kind::Json => assert!(std::str::from_utf8(data).is_ok()),
        Kind::Png => assert!(data.starts_with(b"\x89PNG")),
        Kind::Docx => assert!(data.starts_with(b"PK")),
        _ => {}
    }
}

/// What comes of a picture is within its bounds, and a picture of its kind that can be decoded again.
pub fn picture(data: &[u8]) {
    let bounds = media::Bounds {
        side: 256,
        bytes: 65_536,
        quality: 80,
        frames: 3,
    };
    let Ok(pictures) = media::prepare(data, &bounds) else {
        return;
    };
    assert!((1..=3).contains(&pictures.len()));
    for picture in pictures {
        assert!(picture.bytes.len() <= 65_536);
        let again = media::prepare(&picture.bytes, &bounds).expect("what was encoded here");
        assert_eq!(again.len(), 1);
        assert_eq!(again[0].format, picture.format);
    }
}

/// A file that is taken says the same when it is written and read once more. The first byte chooses
/// the kind.
pub fn portable(data: &[u8]) {
    let Some((choice, file)) = data.split_first() else {
        return;
    };
    let file_type = FileType::ALL[usize::from(*choice) % FileType::ALL.len()];
    let by = UserId(1);
    let Ok(opened) = portable::open(file, file_type, by) else {
        return;
    };
    let again = |contents: Value| {
        let contents = Contents {
            file_type,
            owner: by.0,
            part: None,
            contents,
        };
        let file = portable::write(contents, DateTime::UNIX_EPOCH);
        let opened = portable::open(&file, file_type, by).expect("what we wrote");
        assert!(opened.ignored.is_empty());
        opened.contents
    };
    if let Some(name) = file_type.contents().filter(|name| *name != "config") {
        let Ok(memories) = portable::memories_of(&opened.contents, name, 1_000) else {
            return;
        };
        let is_one = |text: &String| !text.is_empty() && text.chars().count() <= 1_000;
        assert!(memories.iter().all(is_one) && memories.len() <= 1_000);
        let back = again(memories.clone().into());
        assert_eq!(portable::memories_of(&back, name, 1_000), Ok(memories));
    } else if file_type == FileType::ServerConfig {
        let apply = |contents: &Value| {
            let new = ServerSettings::default();
            portable::apply(&portable::SERVER, &new, contents, &mut Vec::new())
        };
        let Ok(settings) = apply(&opened.contents) else {
            return;
        };
        let back = again(portable::show(&portable::SERVER, &settings));
        assert_eq!(apply(&back), Ok(settings));
    }
}
