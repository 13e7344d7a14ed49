//! What a session does, and what a server cannot make it do.

use std::time::Duration;

use mcp::{Error, Limits, Server, Session};
use secrecy::SecretString;
use serde_json::{Map, Value, json};

use crate::script::{LIMITS, json, message, open, ordinary, result, server};
use crate::web::{Asked, Reply};
use crate::world::{World, public};

/// An answer as a stream of events.
fn events(messages: &[Value]) -> Reply {
    let events = messages.iter().map(|one| format!("data: {one}\n\n"));
    let body = events.collect::<Vec<_>>().concat();
    Reply::new(200, "content-type: text/event-stream\r\n", body.as_bytes())
}

/// The same answer, with the id of a session.
fn in_session(reply: Reply) -> Reply {
    let Reply::Whole(bytes) = reply else {
        return reply;
    };
    let text = String::from_utf8(bytes).unwrap();
    let text = text.replacen("\r\n", "\r\nmcp-session-id: s1\r\n", 1);
    Reply::Whole(text.into_bytes())
}

/// A server that answers calls by `call`, and all else as usual.
async fn calling(call: impl Fn(&Asked) -> Reply + Send + Sync + 'static) -> World {
    World::new(public(), move |asked| {
        match message(asked)["method"].as_str() {
            Some("tools/call") => call(asked),
            _ => ordinary(asked),
        }
    })
    .await
}

async fn call(world: &World) -> Result<mcp::Answer, Error> {
    open(world).await?.call("greet", Map::new()).await
}

/// NET-46: as JSON and as events; the session's id goes along.
#[tokio::test]
async fn tools_are_listed_and_called() {
    let world = World::new(public(), |asked| match message(asked)["method"].as_str() {
        Some("initialize") => in_session(ordinary(asked)),
        Some("tools/call") => {
            let text = message(asked)["params"]["arguments"]["name"].clone();
            let content = json!({"content": [{"type": "text", "text": text}]});
            events(&[json!({"jsonrpc": "2.0", "id": message(asked)["id"], "result": content})])
        }
        _ => ordinary(asked),
    })
    .await;
    let session = open(&world).await.unwrap();
    assert_eq!(session.version(), "2025-11-25");
    assert_eq!(session.tools()[0].name, "greet");
    assert_eq!(session.tools()[0].description, "Greets.");

    let arguments = json!({"name": "Ada"}).as_object().unwrap().clone();
    let answer = session.call("greet", arguments).await.unwrap();

    assert_eq!((answer.text.as_str(), answer.is_error), ("Ada", false));
    session.close(Duration::from_secs(5)).await;
    let asked = world.web.asked();
    assert!(asked[0].field("mcp-session-id").is_none());
    for later in &asked[1..] {
        assert_eq!(later.field("mcp-session-id"), Some("s1"), "{}", later.head);
    }
    assert!(
        asked.iter().all(|one| !one.head.starts_with("GET ")),
        "no standing stream"
    );
    assert!(asked.last().unwrap().head.starts_with("DELETE "));
}

/// SEC-34: the token is in one field and in nothing that is shown.
#[tokio::test]
async fn the_token_goes_to_the_server_and_nowhere_else() {
    let world = World::new(public(), ordinary).await;
    let token = SecretString::from("mcp-token-1");
    let url = "https://a.example.com/mcp";
    let server = Server::new(&world.client, url, Some(&token), LIMITS).unwrap();
    let session = Session::open(&server).await.unwrap();

    for asked in world.web.asked() {
        assert_eq!(asked.field("authorization"), Some("Bearer mcp-token-1"));
    }
    let shown = format!("{server:?} {session:?}");
    assert!(
        !shown.contains("mcp-token-1") && !shown.contains("example"),
        "{shown}"
    );
    let odd = SecretString::from("a\nb");
    assert!(Server::new(&world.client, url, Some(&odd), LIMITS).is_err());
}

/// NET-48: counted while it comes, in either form.
#[tokio::test]
async fn an_answer_that_is_too_large_is_not_read_to_its_end() {
    let text = "x".repeat(100 * 1024);
    let large = move |asked: &Asked| {
        json!({"jsonrpc": "2.0", "id": message(asked)["id"],
        "result": {"content": [{"type": "text", "text": text}]}})
    };
    let other = large.clone();
    let failed = call(&calling(move |asked| json(&large(asked))).await).await;
    assert!(matches!(
        failed.unwrap_err(),
        Error::Fetch(fetch::Error::TooLarge {
            limit_bytes: 65_536
        })
    ));
    let failed = call(&calling(move |asked| events(&[other(asked)])).await).await;
    assert!(matches!(failed.unwrap_err(), Error::CutOff));
}

/// NET-47.
#[tokio::test]
async fn silence_has_an_end() {
    let silent = Limits {
        connect: Duration::from_millis(300),
        ..LIMITS
    };
    let world = World::new(public(), |_| Reply::Stuck(Vec::new())).await;
    let server = server(&world, "https://a.example.com/mcp", silent).unwrap();
    assert!(matches!(
        Session::open(&server).await.unwrap_err(),
        Error::Slow
    ));

    let silent = Limits {
        call: Duration::from_secs(2),
        ..LIMITS
    };
    let world = calling(|_| Reply::Stuck(Vec::new())).await;
    let server = crate::script::server(&world, "https://a.example.com/mcp", silent).unwrap();
    let session = Session::open(&server).await.unwrap();
    let failed = session.call("greet", Map::new()).await.unwrap_err();
    assert!(
        failed.may_have_run() && failed.label() == "timeout",
        "{failed:?}"
    );
}

/// NET-51: a question of the server is declined, and its answer is heard all the same.
#[tokio::test]
async fn what_the_server_asks_of_us_is_declined() {
    let world = calling(|asked| {
        let question = json!({"jsonrpc": "2.0", "id": 77, "method": "sampling/createMessage",
            "params": {"messages": [], "maxTokens": 1}});
        let content = json!({"content": [{"type": "text", "text": "hello"}]});
        events(&[
            question,
            json!({"jsonrpc": "2.0", "id": message(asked)["id"], "result": content}),
        ])
    })
    .await;
    let session = open(&world).await.unwrap();
    assert_eq!(
        session.call("greet", Map::new()).await.unwrap().text,
        "hello"
    );
    let declined = async {
        loop {
            let asked = world.web.asked();
            let answer = asked.iter().map(message).find(|said| said["id"] == 77);
            match answer {
                Some(answer) => break answer,
                None => tokio::task::yield_now().await,
            }
        }
    };
    let declined = tokio::time::timeout(Duration::from_secs(10), declined).await;
    assert!(declined.unwrap()["error"]["code"].is_i64());
}

/// What a server answers instead of an answer; no page and no word of it is in the error.
#[tokio::test]
async fn what_is_no_answer_is_told_by_its_kind() {
    let page = |_: &Asked| Reply::new(200, "content-type: text/html\r\n", b"<secret>");
    let garbage = |_: &Asked| Reply::new(200, "content-type: application/json\r\n", b"{secret");
    let asleep = |_: &Asked| Reply::new(503, "content-type: text/plain\r\n", b"secret");
    let refusing = |asked: &Asked| {
        json(&json!({"jsonrpc": "2.0", "id": message(asked)["id"],
            "error": {"code": -32602, "message": "secret"}}))
    };
    let failed = call(&calling(page).await).await.unwrap_err();
    assert_eq!(failed.label(), "protocol");
    let failed = call(&calling(garbage).await).await.unwrap_err();
    assert_eq!(failed.label(), "protocol");
    let failed = call(&calling(asleep).await).await.unwrap_err();
    assert!(matches!(failed, Error::Status(503)) && failed.may_have_run());
    let failed = call(&calling(refusing).await).await.unwrap_err();
    assert!(!format!("{failed} {failed:?}").contains("secret"));
    assert!(
        matches!(failed, Error::Rejected { code: -32_602, words } if words.as_str() == "secret")
    );
}

/// A session that the server forgot is over, and has not run what was called.
#[tokio::test]
async fn a_session_that_the_server_forgot_is_over() {
    let world = World::new(public(), |asked| match message(asked)["method"].as_str() {
        Some("initialize") => in_session(ordinary(asked)),
        Some("tools/call") => Reply::new(404, "", b""),
        _ => ordinary(asked),
    })
    .await;
    let session = open(&world).await.unwrap();
    assert!(!session.is_over());
    let failed = session.call("greet", Map::new()).await.unwrap_err();
    assert!(matches!(failed, Error::SessionOver) && !failed.may_have_run());
    assert!(session.is_over());
}

#[tokio::test]
async fn a_call_is_sent_once() {
    let world = calling(|_| Reply::new(500, "", b"")).await;
    call(&world).await.unwrap_err();
    let asked = world.web.asked();
    let calls = asked
        .iter()
        .filter(|one| message(one)["method"] == "tools/call");
    assert_eq!(calls.count(), 1);
}

/// NET-49.
#[tokio::test]
async fn more_tools_than_may_be_are_left_out() {
    let world = World::new(public(), |asked| match message(asked)["method"].as_str() {
        Some("tools/list") => {
            let first = message(asked)["params"]["cursor"]
                .as_str()
                .map_or(0, |at| at.parse().unwrap());
            let tools = (first..first + 10).map(|number| {
                json!({"name": format!("tool{}", number / 2), "inputSchema": {"type": "object"}})
            });
            let tools: Vec<Value> = tools.collect();
            result(
                asked,
                &json!({"tools": tools, "nextCursor": (first + 10).to_string()}),
            )
        }
        _ => ordinary(asked),
    })
    .await;
    let session = open(&world).await.unwrap();
    let mut names: Vec<&str> = session.tools().iter().map(|tool| &*tool.name).collect();
    assert_eq!(names.len(), 64);
    names.dedup();
    assert_eq!(names.len(), 64, "one of each name");
}
