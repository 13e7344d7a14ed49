//! What the page to chat in relies on: views, history, news as it happens, commands with choices.

use std::time::Duration;

use futures_util::StreamExt as _;
use http::Method;
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_websockets::{ClientBuilder, MaybeTlsStream, WebSocketStream};

use crate::sandbox_world::Sandbox;

/// Longest wait for news that must come.
const NEWS_WAIT: Duration = Duration::from_secs(5);

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// Listens as somebody; returns when nothing is missed any more.
async fn listen(sandbox: &Sandbox, user: &str) -> Socket {
    let url = format!("ws://{}/sandbox/live?user={user}", sandbox.address);
    let (mut socket, _) = ClientBuilder::new()
        .uri(&url)
        .unwrap()
        .connect()
        .await
        .unwrap();
    assert_eq!(news(&mut socket).await["type"], "HELLO");
    socket
}

async fn news(socket: &mut Socket) -> Value {
    let message = tokio::time::timeout(NEWS_WAIT, socket.next()).await;
    let message = message.expect("news come in time").unwrap().unwrap();
    serde_json::from_str(message.as_text().unwrap()).unwrap()
}

async fn get(sandbox: &Sandbox, path: &str) -> Value {
    sandbox.admin(Method::GET, path, Value::Null).await
}

/// Registers a command with a subcommand whose option has choices on demand.
async fn register(sandbox: &Sandbox) {
    let application = sandbox
        .rest(Method::GET, "/applications/@me", Value::Null)
        .await
        .json();
    let path = format!(
        "/applications/{}/commands",
        application["id"].as_str().unwrap()
    );
    let option = json!({"type": 3, "name": "word", "description": "A word", "required": true,
        "autocomplete": true});
    let part = json!({"type": 1, "name": "up", "description": "Looks it up", "options": [option]});
    let commands = json!([
        {"name": "look", "description": "Looks", "options": [part]},
        {"name": "rule", "description": "Rules", "default_member_permissions": "32"},
    ]);
    assert_eq!(sandbox.rest(Method::PUT, &path, commands).await.status, 200);
}

#[tokio::test]
async fn a_newcomer_is_in_the_first_server_and_may_write_to_the_bot() {
    let sandbox = Sandbox::start().await;
    let view = get(&sandbox, "/view?user=zoe").await;
    assert_eq!(
        (&view["me"]["username"], &view["servers"][0]["name"]),
        (&json!("zoe"), &json!("Sandbox"))
    );
    let members = view["servers"][0]["members"].as_array().unwrap();
    assert!(
        members
            .iter()
            .any(|member| member["user"]["username"] == "zoe")
    );
    assert_eq!(view["direct"][0]["recipients"][0]["username"], "zoe");
}

#[tokio::test]
async fn history_comes_by_the_page_and_ends() {
    let sandbox = Sandbox::start().await;
    let mut ids = Vec::new();
    for number in 0..5 {
        ids.push(
            sandbox.say(&number.to_string()).await["id"]
                .as_str()
                .unwrap()
                .to_owned(),
        );
    }
    let path = format!("/history?user=alice&channel_id={}", sandbox.channel().await);
    let newest = get(&sandbox, &format!("{path}&limit=3")).await;
    let contents: Vec<_> = newest["messages"]
        .as_array()
        .unwrap()
        .iter()
        .map(|said| &said["content"])
        .collect();
    assert_eq!(
        (contents, &newest["has_more"]),
        (vec![&json!("2"), &json!("3"), &json!("4")], &json!(true))
    );
    let oldest = get(&sandbox, &format!("{path}&limit=3&before={}", ids[2])).await;
    assert_eq!(
        (
            oldest["messages"].as_array().unwrap().len(),
            &oldest["has_more"]
        ),
        (2, &json!(false))
    );
}

#[tokio::test]
async fn what_is_said_edited_and_deleted_is_news_to_everybody_there() {
    let sandbox = Sandbox::start().await;
    get(&sandbox, "/view?user=bob").await;
    let mut bob = listen(&sandbox, "bob").await;
    let said = sandbox.say("hi").await;
    let heard = news(&mut bob).await;
    assert_eq!(
        (&heard["type"], &heard["body"]["content"]),
        (&json!("MESSAGE_CREATE"), &json!("hi"))
    );
    let path = format!(
        "/channels/{}/messages/{}",
        said["channel_id"].as_str().unwrap(),
        said["id"].as_str().unwrap()
    );
    sandbox
        .admin(Method::PATCH, &path, json!({"content": "ho"}))
        .await;
    assert_eq!(news(&mut bob).await["body"]["content"], "ho");
    sandbox.admin(Method::DELETE, &path, Value::Null).await;
    assert_eq!(news(&mut bob).await["type"], "MESSAGE_DELETE");
}

#[tokio::test]
async fn a_direct_message_is_news_to_its_person_alone() {
    let sandbox = Sandbox::start().await;
    get(&sandbox, "/view?user=bob").await;
    let (mut alice, mut bob) = (
        listen(&sandbox, "alice").await,
        listen(&sandbox, "bob").await,
    );
    sandbox
        .admin(
            Method::POST,
            "/messages",
            json!({"content": "psst", "dm": true}),
        )
        .await;
    assert_eq!(news(&mut alice).await["body"]["content"], "psst");
    sandbox.say("aloud").await;
    assert_eq!(news(&mut bob).await["body"]["content"], "aloud");
}

#[tokio::test]
async fn an_ephemeral_answer_is_news_to_the_asker_alone() {
    let sandbox = Sandbox::start().await;
    register(&sandbox).await;
    get(&sandbox, "/view?user=bob").await;
    let (mut alice, mut bob) = (
        listen(&sandbox, "alice").await,
        listen(&sandbox, "bob").await,
    );
    let used = sandbox
        .admin(Method::POST, "/interactions", json!({"command": "/rule"}))
        .await;
    answer(
        &sandbox,
        &used,
        json!({"type": 4, "data": {"content": "secret", "flags": 64}}),
    )
    .await;
    assert_eq!(news(&mut alice).await["body"]["content"], "secret");
    sandbox.say("aloud").await;
    assert_eq!(news(&mut bob).await["body"]["content"], "aloud");
    let path = format!("/history?channel_id={}", sandbox.channel().await);
    let of = async |user: &str| {
        let page = get(&sandbox, &format!("{path}&user={user}")).await;
        page["messages"].as_array().unwrap().len()
    };
    assert_eq!((of("alice").await, of("bob").await), (2, 1));
    let page = get(&sandbox, &format!("{path}&user=alice")).await;
    let touch = json!({
        "channel_id": page["messages"][0]["channel_id"], "message_id": page["messages"][0]["id"],
        "emoji": "👍",
    });
    let refused = sandbox
        .request(Method::POST, "/sandbox/reactions", None, &touch)
        .await;
    assert_eq!(refused.status, 404, "nobody reacts to it");
}

async fn answer(sandbox: &Sandbox, used: &Value, body: Value) {
    let id = used["id"].as_str().unwrap();
    let token = get(sandbox, &format!("/interactions/{id}")).await["token"].clone();
    let path = format!(
        "/api/v10/interactions/{id}/{}/callback",
        token.as_str().unwrap()
    );
    let answered = sandbox.request(Method::POST, &path, None, &body).await;
    assert!(answered.status.is_success(), "{:?}", answered.body);
}

#[tokio::test]
async fn commands_are_offered_to_those_who_may_use_them() {
    let sandbox = Sandbox::start().await;
    register(&sandbox).await;
    get(&sandbox, "/view?user=bob").await;
    let channel = sandbox.channel().await;
    let offered = async |user: &str| {
        let path = format!("/commands?user={user}&channel_id={channel}");
        get(&sandbox, &path).await.as_array().unwrap().len()
    };
    assert_eq!((offered("alice").await, offered("bob").await), (2, 1));
}

#[tokio::test]
async fn choices_come_for_the_option_that_is_typed() {
    let sandbox = Sandbox::start().await;
    register(&sandbox).await;
    let options = json!([{"name": "word", "value": "li"}]);
    let invoke = json!({"name": "look", "path": ["up"], "options": options, "focused": "word"});
    let asked = sandbox
        .admin(Method::POST, "/interactions", json!({"invoke": invoke}))
        .await;
    let choices = json!([{"name": "light", "value": "light"}]);
    answer(
        &sandbox,
        &asked,
        json!({"type": 8, "data": {"choices": choices}}),
    )
    .await;
    let id = asked["id"].as_str().unwrap();
    let seen = get(&sandbox, &format!("/interactions/{id}?wait_ms=1000")).await;
    assert_eq!(
        (&seen["state"], &seen["choices"]),
        (&json!("answered"), &choices)
    );
}

#[tokio::test]
async fn a_command_without_a_required_option_is_not_sent() {
    let sandbox = Sandbox::start().await;
    register(&sandbox).await;
    let body = json!({"invoke": {"name": "look", "path": ["up"]}});
    let refused = sandbox
        .request(Method::POST, "/sandbox/interactions", None, &body)
        .await;
    assert_eq!(refused.status, 400);
    assert!(refused.json()["error"].as_str().unwrap().contains("word"));
}

#[tokio::test]
async fn without_a_bot_to_ask_the_sandbox_tells_what_it_saw() {
    let sandbox = Sandbox::start().await;
    let said = sandbox.say("hi").await;
    let explained = get(
        &sandbox,
        &format!("/explain/{}", said["id"].as_str().unwrap()),
    )
    .await;
    assert!(explained["record"].is_null() && explained["problem"].is_string());
    assert_eq!(explained["sandbox"]["trigger_id"], said["id"]);
    assert_eq!(explained["sandbox"]["dispatch"]["sessions"], 0);
}

#[tokio::test]
async fn pages_of_other_sites_are_refused() {
    let sandbox = Sandbox::start().await;
    let origin = ("origin", "https://example.org");
    assert_eq!(status(&sandbox, "/sandbox/world", origin).await, 403);
}

#[tokio::test]
async fn a_name_that_only_begins_like_this_machine_is_refused() {
    let sandbox = Sandbox::start().await;
    for (host, wanted) in [
        ("127.0.0.1.example.org", 403),
        ("127.example.org:80", 403),
        ("example.org", 403),
        ("localhost:3080", 200),
        ("[::1]:3080", 200),
    ] {
        let seen = status(&sandbox, "/sandbox/world", ("host", host)).await;
        assert_eq!(seen, wanted, "{host}");
    }
}

#[tokio::test]
async fn what_other_sites_load_as_pictures_or_links_is_refused_and_changes_nothing() {
    let sandbox = Sandbox::start().await;
    let path = "/sandbox/view?user=mallory";
    for site in ["cross-site", "same-site"] {
        let foreign = ("sec-fetch-site", site);
        assert_eq!(status(&sandbox, path, foreign).await, 403, "{site}");
        assert_eq!(status(&sandbox, "/", foreign).await, 200, "{site}");
    }
    let world = get(&sandbox, "/world").await;
    assert!(!world["users"].to_string().contains("mallory"), "{world}");
    for site in ["same-origin", "none"] {
        let own = ("sec-fetch-site", site);
        assert_eq!(status(&sandbox, path, own).await, 200, "{site}");
    }
}

/// Asks with one more header and returns the answer's status.
async fn status(sandbox: &Sandbox, path: &str, (name, value): (&str, &str)) -> u16 {
    let client = hyper_util::client::legacy::Client::builder(hyper_util::rt::TokioExecutor::new())
        .build_http();
    let request = http::Request::get(format!("http://{}{path}", sandbox.address))
        .header(name, value)
        .body(http_body_util::Full::<bytes::Bytes>::default());
    let answer = client.request(request.unwrap()).await.unwrap();
    answer.status().as_u16()
}
