//! Downloads: sizes, room, types, and what is refused before anybody is asked.

use std::collections::BTreeMap;
use std::io::Write;
use std::sync::{Arc, Mutex};

use fetch::{Code, Download, Downloads, Error, Kind, Limits, Source, Tenant, Use, Wanted};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tracing_subscriber::fmt::MakeWriter;

use crate::web::{Asked, Reply};
use crate::world::{World, public};

const URL: &str = "https://a.example.com/file";
const PNG: &[u8] = b"\x89PNG\r\n\x1a\n and what a picture is made of";
const MIB: usize = 1024 * 1024;

struct Desk {
    world: World,
    downloads: Arc<Downloads>,
}

impl Desk {
    async fn new(
        budget_mib: u32,
        script: impl Fn(&Asked) -> Reply + Send + Sync + 'static,
    ) -> Self {
        let world = World::new(public(), script).await;
        let limits = Limits {
            mib: BTreeMap::from([(Use::Image, 2)]),
            budget_mib,
            concurrent: 16,
        };
        let secrets = vec!["hunter2-hunter2".to_owned().into()];
        let downloads = Downloads::new(Arc::clone(&world.client), limits, secrets);
        Self {
            world,
            downloads: Arc::new(downloads),
        }
    }

    async fn get(&self, wanted: Wanted) -> Result<Download, Error> {
        self.downloads.get(wanted, &CancellationToken::new()).await
    }
}

fn wanted(of: Use) -> Wanted {
    Wanted {
        url: URL.to_owned(),
        of,
        known_bytes: None,
        source: Source::Seen,
        tenant: Tenant(1),
    }
}

/// NET-25: what it is decides, not what it is called.
#[tokio::test]
async fn content_is_judged_by_its_bytes() {
    let desk = Desk::new(64, |_| Reply::new(200, "content-type: text/html\r\n", PNG)).await;
    let download = desk.get(wanted(Use::Image)).await.unwrap();
    assert_eq!(download.bytes, PNG);
    assert_eq!(download.kind, Kind::Png);
    assert_eq!(download.declared.as_deref(), Some("text/html"));
    assert_eq!(&*download.host, "a.example.com");
    let shown = format!("{download:?}");
    assert!(
        !shown.contains("137") && !shown.contains("file"),
        "neither content nor path: {shown}"
    );
    let refused = desk.get(wanted(Use::Page)).await.unwrap_err();
    assert!(matches!(refused, Error::TypeRefused), "{refused}");
}

/// NET-24, NET-29: whoever says how large it is, too large is too large, as early as it is known.
#[tokio::test]
async fn what_is_too_large_is_not_read() {
    let desk = Desk::new(64, |_| {
        let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n", 3 * MIB);
        Reply::Stuck([head.as_bytes(), PNG].concat())
    })
    .await;
    let mut known = wanted(Use::Image);
    known.known_bytes = Some(3 * 1024 * 1024);
    let refused = desk.get(known).await.unwrap_err();
    assert_eq!(refused.label(), "size_exceeded");
    assert!(desk.world.web.dialled().is_empty(), "nobody was asked");
    let refused = desk.get(wanted(Use::Image)).await.unwrap_err();
    assert_eq!(refused.label(), "size_exceeded");
}

/// NET-24: what was known is only somebody's word.
#[tokio::test]
async fn more_than_was_said_ends_at_what_was_reserved() {
    let desk = Desk::new(64, |_| {
        Reply::Endless(b"HTTP/1.1 200 OK\r\n\r\n".to_vec(), vec![b'x'; 4096])
    })
    .await;
    let mut known = wanted(Use::Image);
    known.known_bytes = Some(10);
    let refused = desk.get(known).await.unwrap_err();
    assert!(
        matches!(
            refused,
            Error::TooLarge {
                limit_bytes: 1_048_576
            }
        ),
        "{refused}"
    );
}

/// NET-24.
#[tokio::test]
async fn an_answer_without_success_is_no_content() {
    let desk = Desk::new(64, |_| Reply::new(404, "", PNG)).await;
    let refused = desk.get(wanted(Use::Image)).await.unwrap_err();
    assert!(
        matches!(refused, Error::InvalidResponse { status: 404, .. }),
        "{refused}"
    );
}

/// NET-15: media is asked for as it is.
#[tokio::test]
async fn media_is_not_asked_for_compressed() {
    let desk = Desk::new(64, |_| Reply::new(200, "content-encoding: gzip\r\n", PNG)).await;
    assert_eq!(
        desk.get(wanted(Use::Image)).await.unwrap_err().label(),
        "invalid_response"
    );
    let asked = desk.world.web.asked();
    assert_eq!(asked[0].field("accept-encoding"), Some("identity"));
    assert!(
        asked[0]
            .field("user-agent")
            .unwrap()
            .starts_with("TomoriBot/")
    );
}

/// NET-26.
#[tokio::test]
async fn only_a_provider_may_answer_with_the_content_itself() {
    let desk = Desk::new(64, |_| Reply::new(200, "", PNG)).await;
    let mut data = wanted(Use::Image);
    data.url = "data:image/png;base64,iVBORw0KGgoAAAAA".to_owned();
    assert!(desk.get(data.clone()).await.unwrap_err().code().is_some());
    data.source = Source::Provider;
    assert_eq!(desk.get(data.clone()).await.unwrap().kind, Kind::Png);
    data.url.push_str(&"A".repeat(3 * MIB));
    assert_eq!(desk.get(data).await.unwrap_err().label(), "size_exceeded");
    assert!(desk.world.web.dialled().is_empty());
}

/// NET-55.
#[tokio::test]
async fn a_secret_is_not_carried_away() {
    let desk = Desk::new(64, |_| Reply::new(200, "", PNG)).await;
    let mut leak = wanted(Use::Page);
    leak.url = format!("{URL}?key=hunter2-hunter2");
    assert_eq!(
        desk.get(leak).await.unwrap_err().code(),
        Some(Code::SecretInUrl)
    );
    let mut made_up = wanted(Use::Page);
    made_up.url = format!("{URL}?words={}", "x".repeat(600));
    made_up.source = Source::Model;
    let refused = desk.get(made_up).await.unwrap_err();
    assert_eq!(refused.code(), Some(Code::ExfiltrationSuspected));
    assert!(desk.world.web.dialled().is_empty());
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

/// NET-23: who was asked, for what, and with which end; never what stands behind the host.
#[tokio::test]
async fn a_log_tells_the_host_and_neither_path_nor_query_nor_headers() {
    let log = Log::default();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_writer(log.clone())
        .finish();
    let _guard = tracing::subscriber::set_default(subscriber);
    let desk = Desk::new(64, |_| Reply::new(200, "x-kept: of-the-answer\r\n", PNG)).await;
    let mut told = wanted(Use::Image);
    told.url = "https://a.example.com/in-the-path?q=in-the-query".to_owned();
    desk.get(told.clone()).await.unwrap();
    told.url.push_str(&"x".repeat(3000));
    desk.get(told).await.unwrap_err();

    let log = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    for kept in [
        "purpose=\"image\"",
        "host=\"a.example.com\"",
        "port=443",
        "outcome=\"ok\"",
    ] {
        assert!(log.contains(kept), "{kept}: {log}");
    }
    for left_out in ["in-the-path", "in-the-query", "of-the-answer"] {
        assert!(!log.contains(left_out), "{left_out}: {log}");
    }
}

/// NET-22: cancelling ends the transfer and gives the room back.
#[tokio::test]
async fn a_download_that_nobody_wants_any_more_ends() {
    let desk = Desk::new(4, |asked| match asked.place().as_str() {
        "a.example.com/file" => Reply::Stuck(b"HTTP/1.1 200 OK\r\n\r\n".to_vec()),
        _ => Reply::new(200, "", PNG),
    })
    .await;
    let cancelled = CancellationToken::new();
    let mut waiting = Box::pin(desk.downloads.get(wanted(Use::Image), &cancelled));
    let until_asked = async {
        while desk.world.web.asked().is_empty() {
            tokio::task::yield_now().await;
        }
    };
    tokio::select! {
        ended = &mut waiting => panic!("{ended:?}"),
        () = until_asked => cancelled.cancel(),
    }
    let ended = waiting.await.unwrap_err();
    assert!(matches!(ended, Error::Cancelled), "{ended}");
    let mut next = wanted(Use::Image);
    next.url = "https://b.example.com/".to_owned();
    assert!(desk.get(next).await.is_ok());
}

/// NET-30: of many downloads at once, as many are held as there is room for; the others are told so.
#[tokio::test]
async fn many_downloads_at_once_stay_inside_the_budget() {
    let desk = Desk::new(8, |_| Reply::new(200, "", PNG)).await;
    let mut all = JoinSet::new();
    for index in 0..40 {
        let downloads = Arc::clone(&desk.downloads);
        let mut wanted = wanted(Use::Emoji);
        wanted.tenant = Tenant(index % 10);
        all.spawn(async move { downloads.get(wanted, &CancellationToken::new()).await });
    }
    // Held until the end, as pictures of a prompt are.
    let outcomes = all.join_all().await;
    let (held, refused): (Vec<_>, Vec<_>) = outcomes.into_iter().partition(Result::is_ok);
    assert_eq!(held.len(), 8, "one mebibyte each");
    assert!(
        refused
            .iter()
            .all(|refused| matches!(refused, Err(Error::Busy)))
    );
    drop(held);
    assert!(desk.get(wanted(Use::Emoji)).await.is_ok());
}

/// NET-30, DESIGN: a limit that is larger than a tenant's part of the budget is that part.
#[tokio::test]
async fn a_limit_is_no_larger_than_a_tenants_part() {
    let desk = Desk::new(2, |_| Reply::new(200, "", PNG)).await;
    assert_eq!(desk.downloads.limit_bytes(Use::Gif), 1_048_576);
    assert!(desk.get(wanted(Use::Image)).await.is_ok());
}
