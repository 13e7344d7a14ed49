//! What people say beside words, and its bounds.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use http::Method;
use serde_json::{Value, json};

use crate::sandbox_world::{Answer, Sandbox};
use crate::wire::{SERVERS, Wire, identify};

async fn say(sandbox: &Sandbox, what: &Value) -> Answer {
    let path = "/sandbox/messages";
    sandbox.request(Method::POST, path, None, what).await
}

fn file(name: &str, bytes: &[u8]) -> Value {
    let data = BASE64_STANDARD.encode(bytes);
    json!({"name": name, "content_type": "text/plain", "data": data})
}

/// The path of a message among the sandbox's own routes.
fn path(said: &Value) -> String {
    let text = |key: &str| said[key].as_str().unwrap();
    format!("/channels/{}/messages/{}", text("channel_id"), text("id"))
}

#[tokio::test]
async fn people_send_stickers_polls_and_embeds() {
    let sandbox = Sandbox::start().await;
    let (mut bot, _) = Wire::ready(&sandbox, "v=10", identify(SERVERS)).await;
    let poll = json!({
        "question": {"text": "Tea?"}, "answers": [{"poll_media": {"text": "Yes"}}],
    });
    let what = json!({
        "stickers": ["tomori_wave"], "poll": poll, "embeds": [{"title": "A page"}],
    });
    assert_eq!(say(&sandbox, &what).await.status, 200);
    let heard = bot.event("MESSAGE_CREATE").await;
    assert_eq!(heard["sticker_items"][0]["name"], "tomori_wave");
    assert_eq!(heard["poll"]["question"]["text"], "Tea?");
    assert_eq!(heard["embeds"][0]["title"], "A page");
    for (wrong, status) in [
        (json!({"stickers": ["none"]}), 404),
        (
            json!({"poll": {"question": {"text": "?"}, "answers": []}}),
            400,
        ),
        (json!({"embeds": [{"url": "javascript:alert(1)"}]}), 400),
        (json!({}), 400),
    ] {
        assert_eq!(say(&sandbox, &wrong).await.status, status, "{wrong}");
    }
}

#[tokio::test]
async fn people_forward_what_they_see() {
    let sandbox = Sandbox::start().await;
    let (mut bot, _) = Wire::ready(&sandbox, "v=10", identify(SERVERS)).await;
    let said = sandbox.say("the news").await;
    bot.event("MESSAGE_CREATE").await;
    let forward = json!({"channel_id": said["channel_id"], "message_id": said["id"]});
    let what = json!({"channel": "random", "forward": forward});
    assert_eq!(say(&sandbox, &what).await.status, 200);
    let heard = bot.event("MESSAGE_CREATE").await;
    assert_eq!((&heard["content"], &heard["type"]), (&json!(""), &json!(0)));
    assert_eq!(
        heard["message_snapshots"][0]["message"]["content"],
        "the news"
    );
    let reference = &heard["message_reference"];
    assert_eq!(
        (&reference["type"], &reference["message_id"]),
        (&json!(1), &said["id"])
    );

    let secret = json!({"user": "bob", "dm": true, "content": "psst"});
    let secret = say(&sandbox, &secret).await.json();
    let forward = json!({"channel_id": secret["channel_id"], "message_id": secret["id"]});
    assert_eq!(
        say(&sandbox, &json!({"forward": forward})).await.status,
        404
    );
    let both = json!({"content": "look", "forward": what["forward"]});
    assert_eq!(say(&sandbox, &both).await.status, 400);
}

#[tokio::test]
async fn files_of_people_are_bounded_in_number_and_size() {
    let sandbox = Sandbox::start().await;
    let files = |count: usize| json!({"attachments": vec![file("a.txt", b"a"); count]});
    assert_eq!(say(&sandbox, &files(10)).await.status, 200);
    assert_eq!(say(&sandbox, &files(11)).await.status, 400);
    let large = json!({"attachments": [file("a.txt", &vec![0; 10 * 1024 * 1024 + 1])]});
    assert_eq!(say(&sandbox, &large).await.status, 413);
}

#[tokio::test]
async fn nobody_changes_what_the_bot_said() {
    let sandbox = Sandbox::start().await;
    let channel = sandbox.channel().await;
    let posts = format!("/channels/{channel}/messages");
    let posted = sandbox
        .rest(Method::POST, &posts, json!({"content": "mine"}))
        .await;
    let posted = posted.json();
    let change = json!({"content": "yours"});
    let address = format!("/sandbox{}", path(&posted));
    let answer = sandbox
        .request(Method::PATCH, &address, None, &change)
        .await;
    assert_eq!(answer.status, 400);
    let said = sandbox.say("hers").await;
    sandbox.admin(Method::PATCH, &path(&said), change).await;
}

#[tokio::test]
async fn a_file_is_kept_as_long_as_its_message() {
    let sandbox = Sandbox::start().await;
    let what = json!({"attachments": [file("a.txt", b"hi")]});
    let said = say(&sandbox, &what).await.json();
    let id = said["id"].as_str().unwrap();
    let shown = sandbox
        .admin(Method::GET, &format!("/messages/{id}"), Value::Null)
        .await;
    let url = shown["attachments"][0]["url"].as_str().unwrap();
    let (_, bytes) = dev::http::get(url).await.unwrap();
    assert_eq!(bytes.as_ref(), b"hi");
    sandbox
        .admin(Method::DELETE, &path(&said), Value::Null)
        .await;
    let (status, _) = dev::http::get(url).await.unwrap();
    assert_eq!(status, 404);
}

#[tokio::test]
async fn a_crowd_is_bounded_in_all_its_members() {
    let sandbox = Sandbox::start().await;
    let crowd = json!({"servers": 51, "channels": 1, "people": 10_000});
    let answer = sandbox
        .request(Method::POST, "/sandbox/crowd", None, &crowd)
        .await;
    assert_eq!(answer.status, 400);
    let told = answer.json()["error"].to_string();
    assert!(told.contains("500000 members"), "{told}");
}

#[tokio::test]
async fn buttons_and_embeds_lead_to_web_addresses_alone() {
    let sandbox = Sandbox::start().await;
    sandbox.set(json!({"rate_limits": false})).await;
    let posts = format!("/channels/{}/messages", sandbox.channel().await);
    let link = |url: &str| {
        let button = json!({"type": 2, "style": 5, "label": "Go", "url": url});
        json!({"components": [{"type": 1, "components": [button]}]})
    };
    let embed = |url: &str| json!({"embeds": [{"title": "x", "url": url}]});
    let image = |url: &str| json!({"embeds": [{"title": "x", "image": {"url": url}}]});
    for wrong in [
        link("javascript:alert(1)"),
        link("javascript://x%0aalert(1)"),
        link("data:text/html,x"),
        embed("file:///etc/passwd"),
        embed("discord://x"),
        image("ftp://x/y.png"),
    ] {
        let answer = sandbox.rest(Method::POST, &posts, wrong).await;
        answer.assert_refused(400, 50_035);
    }
    for good in [
        link("https://example.org"),
        link("discord://-/channels/1"),
        embed("http://example.org"),
        image("attachment://y.png"),
    ] {
        let answer = sandbox.rest(Method::POST, &posts, good.clone()).await;
        assert_eq!(answer.status, 200, "{good}");
    }
}
