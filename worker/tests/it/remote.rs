//! `worker url-check`: the policy on strangers' addresses, through the binary.

use std::io::Write as _;
use std::process::{Output, Stdio};

use tokio::process::Command;

use crate::zone::{Records, Zone};

/// The corpus of URLs; its head says what the columns are.
const CORPUS: &str = include_str!("../../../crates/fetch/tests/data/ssrf-corpus.tsv");
/// A row that asks for more than the policy: a hint is never asked for, so it refuses nothing.
const HINT_ONLY: &str = "https://https-rr.example.com/";

fn rows(kind: &str) -> Vec<[&'static str; 3]> {
    let lines = CORPUS.lines().filter(|line| !line.starts_with('#'));
    let columns = lines.map(|line| line.split('\t').collect::<Vec<_>>());
    let of_kind = columns.filter(|columns| columns[3] == kind);
    of_kind.map(|row| [row[0], row[1], row[2]]).collect()
}

async fn check(arguments: &[&str], environment: &[(&str, &str)], urls: &[&str]) -> Output {
    let mut input = tempfile();
    input.write_all(urls.join("\n").as_bytes()).unwrap();
    std::io::Seek::rewind(&mut input).unwrap();
    Command::new(env!("CARGO_BIN_EXE_worker"))
        .env_clear()
        .envs(environment.iter().copied())
        .current_dir(env!("CARGO_TARGET_TMPDIR"))
        .arg("url-check")
        .args(arguments)
        .stdin(Stdio::from(input))
        .output()
        .await
        .unwrap()
}

fn tempfile() -> std::fs::File {
    let name = format!("urls-{}", uuid::Uuid::now_v7().simple());
    let path = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let mut options = std::fs::File::options();
    let file = options
        .read(true)
        .write(true)
        .create_new(true)
        .open(&path)
        .unwrap();
    std::fs::remove_file(path).unwrap();
    file
}

fn verdicts(output: &Output) -> Vec<String> {
    let errors = String::from_utf8_lossy(&output.stderr);
    assert_ne!(output.status.code(), Some(2), "{errors}");
    let text = String::from_utf8(output.stdout.clone()).unwrap();
    text.lines().map(str::to_owned).collect()
}

#[track_caller]
fn assert_as_said(rows: &[[&str; 3]], lines: &[String]) {
    assert_eq!(rows.len(), lines.len());
    let wrong: Vec<_> = rows
        .iter()
        .zip(lines)
        .filter(|([url, expected, _], line)| {
            let expected = if *url == HINT_ONLY { "allow" } else { expected };
            line.split('\t').nth(1) != Some(expected)
        })
        .collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// NET-9, SEC-51, NET-1.
#[tokio::test]
async fn every_row_of_syntax_is_judged_as_it_says() {
    let rows = rows("syntax");
    let urls: Vec<_> = rows.iter().map(|row| row[0]).collect();
    let output = check(&["--no-dns", "--escaped", "--allow-http"], &[], &urls).await;
    assert_as_said(&rows, &verdicts(&output));
    let urls_again = verdicts(&output);
    let urls_again = urls_again.iter().map(|line| line.split('\t').next());
    assert!(
        urls_again.eq(urls.iter().copied().map(Some)),
        "unchanged, in order"
    );
    assert_eq!(output.status.code(), Some(0), "all were judged");
}

/// NET-3 row 8, CFG-128.
#[tokio::test]
async fn every_row_of_dns_is_judged_as_it_says() {
    let rows = rows("dns");
    let urls: Vec<_> = rows.iter().map(|row| row[0]).collect();
    let zone = Zone::serve(Records::from_fixture(CORPUS)).await;
    let server = zone.address.to_string();
    let output = check(
        &["--escaped", "--allow-http", "--dns-server", &server],
        &[],
        &urls,
    )
    .await;
    assert_as_said(&rows, &verdicts(&output));
}

/// NET-13: whatever the environment says about proxies, names and logs of keys, the name is asked for
/// at our server, and the verdict is the same.
#[tokio::test]
async fn the_environment_changes_no_verdict() {
    let zone = Zone::serve(Records::from_fixture(CORPUS)).await;
    let log = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("tls-keys.log");
    let server = zone.address.to_string();
    let environment = [
        ("ALL_PROXY", "socks5h://127.0.0.1:1080"),
        ("HTTPS_PROXY", "http://127.0.0.1:1080"),
        ("SSLKEYLOGFILE", log.to_str().unwrap()),
        ("LOCALDOMAIN", "example.com"),
        ("RES_OPTIONS", "ndots:5"),
        ("REMOTE_DNS_SERVERS", &server),
    ];
    let rows = rows("env");
    let urls: Vec<_> = rows.iter().map(|row| row[0]).collect();
    let output = check(&[], &environment, &urls).await;
    assert_as_said(&rows, &verdicts(&output));
    assert_eq!(
        zone.times_asked("public4.example.com"),
        4,
        "two rows, two kinds each"
    );
    assert!(!log.exists());
}

/// NET-9, SEC-51: one line for each, whatever is in it.
#[tokio::test]
async fn what_is_odd_in_a_url_does_not_break_its_line() {
    let output = check(
        &[
            "--no-dns",
            "https://a\nb/",
            "https://1.1.1.1/",
            "https://example.com/",
        ],
        &[],
        &[],
    )
    .await;
    let lines = verdicts(&output);
    assert_eq!(lines[0], "https://a\\nb/\trefuse\tINVALID_FORMAT\t-");
    assert_eq!(lines[1], "https://1.1.1.1/\tallow\tOK\t1.1.1.1");
    assert_eq!(lines[2], "https://example.com/\tallow\tSYNTAX_ONLY\t-");
    let given = ["", "https://10.0.0.1/", "", "https://1.1.1.1/ "];
    let lines = verdicts(&check(&["--no-dns"], &[], &given).await);
    assert_eq!(
        lines[0],
        "https://10.0.0.1/\trefuse\tBLOCKED_ADDRESS\t10.0.0.1"
    );
    assert_eq!(lines[1], "https://1.1.1.1/ \trefuse\tINVALID_FORMAT\t-");
    assert_eq!(lines.len(), 2, "of nothing nothing is said: {lines:?}");
}

/// NET-2, CFG-116, CFG-129.
#[tokio::test]
async fn local_endpoints_are_for_administrators_and_only_where_settings_say_so() {
    let url = "http://127.0.0.1:11434/v1";
    let first = async |arguments: &[&str], environment: &[(&str, &str)]| {
        let mut arguments = arguments.to_vec();
        arguments.extend(["--no-dns", url]);
        let output = check(&arguments, environment, &[]).await;
        (
            output.status.code(),
            String::from_utf8_lossy(&output.stdout)
                .split('\t')
                .nth(2)
                .map(str::to_owned),
        )
    };
    let refused = (Some(0), Some("HTTPS_REQUIRED".to_owned()));
    let allowed = (Some(0), Some("OK".to_owned()));
    let switch = [("ALLOW_LOCAL_ENDPOINTS", "true")];
    let vouched = [
        ("REMOTE_LOCAL_ALLOW", "127.0.0.1:11434"),
        ("RUN_ENV", "production"),
        ("TEST_PRODUCTION", "true"),
    ];
    assert_eq!(first(&[], &[]).await, refused);
    assert_eq!(first(&[], &switch).await, allowed);
    assert_eq!(first(&["--strict"], &switch).await, refused);
    assert_eq!(first(&[], &vouched).await, allowed);
    assert_eq!(first(&["--strict"], &vouched).await, refused);
    let in_production = [switch[0], vouched[1], vouched[2]];
    assert_eq!(first(&[], &in_production).await.0, Some(2));
}
