//! Answers that are too much: heads, bodies, encodings, and time.

use std::io::Write as _;
use std::time::{Duration, Instant};

use fetch::{Encodings, Error, Fault, Phase};
use flate2::Compression;
use flate2::write::GzEncoder;

use crate::web::{Asked, Reply};
use crate::world::{BOUNDS, World, get, public};

const URL: &str = "https://a.example.com/";
/// 64 MiB of zeros as brotli: some fifty bytes.
const BROTLI_BOMB: &[u8] = include_bytes!("../../data/zeros.br");

async fn world(script: impl Fn(&Asked) -> Reply + Send + Sync + 'static) -> World {
    World::new(public(), script).await
}

fn gzip(size: usize) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    for _ in 0..size / 1024 {
        encoder.write_all(&[0; 1024]).unwrap();
    }
    encoder.finish().unwrap()
}

async fn read(world: &World) -> Result<Vec<u8>, Error> {
    world.get(URL).await?.body.read().await
}

/// NET-24: the first byte over the cap ends the transfer, though nobody said how long it would be.
#[tokio::test]
async fn a_body_without_length_ends_at_the_cap() {
    let world = world(|_| {
        let head = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n".to_vec();
        let piece = [b"1000\r\n".as_slice(), &[b'x'; 4096], b"\r\n"].concat();
        Reply::Endless(head, piece)
    })
    .await;
    let refused = read(&world).await.unwrap_err();
    let limit = BOUNDS.size_bytes;
    assert!(
        matches!(refused, Error::TooLarge { limit_bytes } if limit_bytes == limit),
        "{refused}"
    );
}

/// NET-32: what is counted is what comes out, while it comes out.
#[tokio::test]
async fn bombs_are_defused() {
    for (name, bomb) in [
        ("gzip", gzip(64 * 1024 * 1024)),
        ("br", BROTLI_BOMB.to_vec()),
    ] {
        let fields = format!("content-encoding: {name}\r\n");
        let world = world(move |_| Reply::new(200, &fields, &bomb)).await;
        let refused = read(&world).await.unwrap_err();
        assert_eq!(refused.label(), "size_exceeded", "{name}");
    }
}

/// NET-32: below the cap, more than a hundred bytes from one are too many, after the first mebibyte.
#[tokio::test]
async fn a_ratio_beyond_reason_is_refused_below_the_cap() {
    let bomb = gzip(4 * 1024 * 1024);
    let world = world(move |_| Reply::new(200, "content-encoding: gzip\r\n", &bomb)).await;
    let mut request = get(URL);
    request.bounds.size_bytes = 16 * 1024 * 1024;
    let answer = world.client.send(request).await.unwrap();
    assert_eq!(
        answer.body.read().await.unwrap_err().label(),
        "size_exceeded"
    );
}

#[tokio::test]
async fn what_was_asked_for_is_decoded() {
    let packed = gzip(64 * 1024);
    let world = world(move |_| Reply::new(200, "content-encoding: gzip\r\n", &packed)).await;
    assert_eq!(read(&world).await.unwrap().len(), 64 * 1024);
    assert_eq!(
        world.web.asked()[0].field("accept-encoding"),
        Some("gzip, br")
    );
}

/// NET-15: an encoding that was not asked for is refused, so is one inside another.
#[tokio::test]
async fn an_encoding_that_was_not_asked_for_is_refused() {
    for encoding in ["zstd", "deflate", "gzip, gzip", "compress"] {
        let fields = format!("content-encoding: {encoding}\r\n");
        let world = world(move |_| Reply::new(200, &fields, b"x")).await;
        let refused = read(&world).await.unwrap_err();
        let is_encoding = matches!(
            refused,
            Error::InvalidResponse {
                fault: Fault::Encoding,
                ..
            }
        );
        assert!(is_encoding, "{encoding}: {refused}");
    }
    let packed = gzip(1024);
    let world = world(move |_| Reply::new(200, "content-encoding: gzip\r\n", &packed)).await;
    let mut request = get(URL);
    request.encodings = Encodings::Identity;
    assert!(world.client.send(request).await.is_err());
    assert_eq!(
        world.web.asked()[0].field("accept-encoding"),
        Some("identity")
    );
}

/// A body that ends too early, or is not what it is said to be, is no body.
#[tokio::test]
async fn a_damaged_body_is_refused() {
    let packed = gzip(64 * 1024);
    let half = packed[..packed.len() / 2].to_vec();
    // Whole and empty, but with a window of a gibibyte.
    let large_window = [0x11, 0xde].to_vec();
    for (name, body) in [
        ("gzip", half),
        ("br", b"not brotli".to_vec()),
        ("br", large_window),
    ] {
        let fields = format!("content-encoding: {name}\r\n");
        let world = world(move |_| Reply::new(200, &fields, &body)).await;
        let refused = read(&world).await.unwrap_err();
        let is_damaged = matches!(
            refused,
            Error::InvalidResponse {
                fault: Fault::Damaged,
                ..
            }
        );
        assert!(is_damaged, "{name}: {refused}");
    }
}

/// NET-14: at most 32 KiB and 100 fields.
#[tokio::test]
async fn a_head_that_is_too_large_is_refused() {
    let many = "x: y\r\n".repeat(101);
    let long = format!("x: {}\r\n", "y".repeat(40 * 1024));
    for fields in [many, long] {
        let world = world(move |_| Reply::new(200, &fields, b"x")).await;
        let refused = read(&world).await.unwrap_err();
        let is_head = matches!(
            refused,
            Error::InvalidResponse {
                fault: Fault::Head,
                ..
            }
        );
        assert!(is_head, "{refused}");
    }
    let endless =
        world(|_| Reply::Endless(b"HTTP/1.1 200 OK\r\n".to_vec(), b"a: b\r\n".to_vec())).await;
    assert!(read(&endless).await.is_err());
    let few = "x: y\r\n".repeat(99);
    let world = world(move |_| Reply::new(200, &few, b"x")).await;
    assert!(read(&world).await.is_ok());
}

/// NET-14.
#[tokio::test]
async fn fields_behind_the_body_are_refused() {
    let world = world(|_| {
        let head = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n";
        Reply::Whole(format!("{head}1\r\nx\r\n0\r\ntrailer: y\r\n\r\n").into_bytes())
    })
    .await;
    let refused = read(&world).await.unwrap_err();
    assert!(
        matches!(
            refused,
            Error::InvalidResponse {
                fault: Fault::Trailers,
                ..
            }
        ),
        "{refused}"
    );
}

/// NET-14, NET-24: each wait has an end of its own.
#[tokio::test]
async fn a_server_that_takes_its_time_is_left() {
    let head = b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nx".to_vec();
    let world_of = |reply: Vec<u8>| world(move |_| Reply::Stuck(reply.clone()));
    let short = Duration::from_millis(300);
    let mut bounds = [BOUNDS; 3];
    bounds[0].first_byte = short;
    bounds[1].silence = short;
    bounds[2].total = Duration::from_millis(900);
    let waits = [
        (Vec::new(), bounds[0], Phase::FirstByte),
        (head.clone(), bounds[1], Phase::Silence),
        (head, bounds[2], Phase::Total),
    ];
    for (reply, bounds, expected) in waits {
        let world = world_of(reply).await;
        let mut request = get(URL);
        request.bounds = bounds;
        let started = Instant::now();
        let read = async { world.client.send(request).await?.body.read().await };
        let refused = read.await.unwrap_err();
        assert!(started.elapsed() < BOUNDS.silence, "{expected:?} came late");
        assert!(
            matches!(refused, Error::Timeout(phase) if phase == expected),
            "{refused}"
        );
    }
}
