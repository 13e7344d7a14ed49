//! The parent and its child: what it may do, and what becomes of one that does not answer.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::time::{Duration, Instant};

use media::{Bounds, Decoder, Error, Format, Refusal};
use tokio::process::{Child, Command};

const CHILD: &str = env!("CARGO_BIN_EXE_decode");

const BOUNDS: Bounds = Bounds {
    side: 64,
    bytes: 100_000,
    quality: 85,
    frames: 1,
};

/// Long enough for a machine that is busy with something else.
const WITHIN: Duration = Duration::from_mins(1);

fn picture(width: u32, height: u32) -> Vec<u8> {
    let picture = image::RgbImage::from_pixel(width, height, image::Rgb([9, 99, 200]));
    let mut bytes = Vec::new();
    let encoder = image::codecs::png::PngEncoder::new(&mut bytes);
    let picture = image::DynamicImage::from(picture);
    picture.write_with_encoder(encoder).unwrap();
    bytes
}

fn start() -> Child {
    let pipe = std::process::Stdio::piped;
    Command::new(CHILD)
        .stdin(pipe())
        .stdout(pipe())
        .kill_on_drop(true)
        .spawn()
        .unwrap()
}

/// Reads what the kernel says of a child until it says this.
async fn told(child: &Child, file: &str, is_told: impl Fn(&str) -> bool) -> String {
    let path = format!("/proc/{}/{file}", child.id().unwrap());
    let begun = Instant::now();
    loop {
        let text = tokio::fs::read_to_string(&path).await.unwrap();
        if is_told(&text) {
            return text;
        }
        assert!(begun.elapsed() < WITHIN, "{text}");
        tokio::task::yield_now().await;
    }
}

async fn outcome(program: &str, arguments: &[&str], within: Duration) -> Error {
    let decoder = Decoder::new(program, arguments);
    let content = vec![0; 1024 * 1024];
    decoder
        .prepare(&content, &BOUNDS, within)
        .await
        .unwrap_err()
}

/// NET-44, NET-34.
#[tokio::test]
async fn a_picture_comes_back_small() {
    let decoder = Decoder::new(CHILD, &[]);
    let content = picture(640, 480);
    let pictures = decoder.prepare(&content, &BOUNDS, WITHIN).await.unwrap();
    assert_eq!(pictures[0].format, Format::Jpeg);
    let shown = image::load_from_memory(&pictures[0].bytes).unwrap();
    assert_eq!((shown.width(), shown.height()), (64, 48));
}

#[tokio::test]
async fn what_is_refused_says_why() {
    let decoder = Decoder::new(CHILD, &[]);
    for (content, expected) in [
        (b"words".to_vec(), Refusal::Unknown),
        (picture(10, 10)[..50].to_vec(), Refusal::Damaged),
    ] {
        let refused = decoder.prepare(&content, &BOUNDS, WITHIN).await;
        assert!(matches!(refused, Err(Error::Refused(why)) if why == expected));
    }
}

/// NET-44: no files, no network, half a gibibyte, ten seconds, and behind everybody else.
#[tokio::test]
async fn a_child_has_given_up_its_rights_before_it_reads() {
    let child = start();
    // The last of what it gives up.
    let is_bound = |text: &str| text.contains("536870912");
    let limits = told(&child, "limits", is_bound).await;
    for (name, most) in [
        ("Max cpu time", "10"),
        ("Max file size", "0"),
        ("Max processes", "0"),
        ("Max open files", "0"),
        ("Max address space", "536870912"),
    ] {
        let line = limits.lines().find(|line| line.starts_with(name)).unwrap();
        let said: Vec<&str> = line
            .trim_start_matches(name)
            .split_whitespace()
            .take(2)
            .collect();
        assert_eq!(said, [most, most], "{line}");
    }
    let status = told(&child, "status", |_| true).await;
    assert!(status.contains("NoNewPrivs:\t1"), "{status}");
    let stat = told(&child, "stat", |_| true).await;
    let niceness: i32 = stat.split(' ').nth(18).unwrap().parse().unwrap();
    assert!(niceness >= 10, "{stat}");
    assert_eq!(told(&child, "oom_score_adj", |_| true).await, "1000\n");
}

/// NET-44: nothing of ours is in its environment; this shell has an answer only where that is so.
#[tokio::test]
async fn a_child_inherits_no_environment() {
    let script = "/bin/cat > /dev/null; [ -z \"$HOME$CARGO_MANIFEST_DIR\" ] && printf '\\3\\0'";
    assert!(std::env::var_os("CARGO_MANIFEST_DIR").is_some());
    let error = outcome("/bin/sh", &["-c", script], WITHIN).await;
    assert!(matches!(error, Error::Refused(Refusal::Damaged)), "{error}");
}

/// NET-33, NET-44.
#[tokio::test]
async fn a_child_that_hangs_is_ended() {
    let begun = Instant::now();
    let within = Duration::from_millis(300);
    let error = outcome("/bin/sleep", &["300"], within).await;
    assert!(matches!(error, Error::Timeout), "{error}");
    assert!(begun.elapsed() < WITHIN);
}

/// NET-44: a crash fails the file alone.
#[tokio::test]
async fn a_child_that_dies_or_babbles_fails_the_file_alone() {
    for (program, arguments) in [
        ("/bin/false", [].as_slice()),
        ("/bin/true", &[]),
        ("/bin/sh", &["-c", "kill -SEGV $$"]),
        ("/usr/bin/yes", &[]),
        ("/bin/sh", &["-c", "cat > /dev/null; printf '\\0\\1'"]),
    ] {
        let error = outcome(program, arguments, WITHIN).await;
        assert!(matches!(error, Error::Broken), "{program}: {error}");
    }
    let error = outcome("/no/such/program", &[], WITHIN).await;
    assert!(matches!(error, Error::Start(_)), "{error}");
}

#[tokio::test]
async fn files_that_wait_too_long_for_their_turn_are_told() {
    let decoder = Decoder::new("/bin/sleep", &["300"]);
    let content = picture(8, 8);
    let hang = || decoder.prepare(&content, &BOUNDS, WITHIN);
    tokio::time::pause();
    let (one, two, three) = tokio::join!(hang(), hang(), hang());
    let outcomes = [one, two, three].map(Result::unwrap_err);
    let busy = outcomes.iter().filter(|error| matches!(error, Error::Busy));
    assert_eq!(busy.count(), 1, "{outcomes:?}");
}
