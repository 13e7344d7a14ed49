//! What people do beside speaking, and what bots and other people hear of it.

use http::Method;
use serde_json::{Value, json};

use crate::sandbox_world::Sandbox;
use crate::wire::{Wire, identify};

/// Servers, messages, reactions and the content of messages.
const INTENTS: u64 = 1 | 1 << 9 | 1 << 10 | 1 << 15;

async fn bot(sandbox: &Sandbox, intents: u64) -> Wire {
    let (bot, _) = Wire::ready(sandbox, "v=10&encoding=json", identify(intents)).await;
    bot
}

async fn refusal(sandbox: &Sandbox, method: Method, path: &str, body: &Value) -> (u16, String) {
    let answer = sandbox
        .request(method, &format!("/sandbox{path}"), None, body)
        .await;
    let told = answer.json()["error"].as_str().unwrap_or("").to_owned();
    (answer.status.as_u16(), told)
}

async fn view(sandbox: &Sandbox, user: &str) -> Value {
    let path = format!("/view?user={user}");
    sandbox.admin(Method::GET, &path, Value::Null).await
}

/// The names of the channels and threads that somebody sees in the first server.
async fn channels(sandbox: &Sandbox, user: &str) -> Vec<String> {
    let view = view(sandbox, user).await;
    let channels = view["servers"][0]["channels"].as_array().unwrap().iter();
    channels
        .map(|channel| channel["name"].as_str().unwrap().to_owned())
        .collect()
}

fn touch(said: &Value, user: &str, emoji: &str) -> Value {
    json!({
        "user": user, "channel_id": said["channel_id"], "message_id": said["id"], "emoji": emoji,
    })
}

#[tokio::test]
async fn a_persons_reaction_is_told_to_bots_and_is_their_own_on_their_page_alone() {
    let sandbox = Sandbox::start().await;
    view(&sandbox, "bob").await;
    let mut bot = bot(&sandbox, INTENTS).await;
    let said = sandbox.say("tea?").await;
    let touch = touch(&said, "bob", "👍");
    sandbox
        .admin(Method::POST, "/reactions", touch.clone())
        .await;
    let told = bot.event("MESSAGE_REACTION_ADD").await;
    assert_eq!(told["emoji"], json!({"id": null, "name": "👍"}));
    assert_eq!(told["member"]["user"]["username"], "bob");
    assert_eq!(told["message_author_id"], said["author_id"]);
    let channel = said["channel_id"].as_str().unwrap();
    let shown = async |user: &str| {
        let path = format!("/history?user={user}&channel_id={channel}");
        let page = sandbox.admin(Method::GET, &path, Value::Null).await;
        let reaction = &page["messages"][0]["reactions"][0];
        (reaction["count"].clone(), reaction["me"].clone())
    };
    assert_eq!(shown("bob").await, (json!(1), json!(true)));
    assert_eq!(shown("alice").await, (json!(1), json!(false)));

    sandbox
        .admin(Method::DELETE, "/reactions", touch.clone())
        .await;
    let told = bot.event("MESSAGE_REACTION_REMOVE").await;
    assert_eq!(told["message_id"], said["id"]);
    let (status, _) = refusal(&sandbox, Method::DELETE, "/reactions", &touch).await;
    assert_eq!(status, 404, "it is gone");
}

#[tokio::test]
async fn a_reaction_needs_an_emoji_and_a_message() {
    let sandbox = Sandbox::start().await;
    view(&sandbox, "bob").await;
    let said = sandbox.say("tea?").await;
    let word = touch(&said, "bob", "thumb");
    let missing = touch(
        &json!({"channel_id": said["channel_id"], "id": "1"}),
        "bob",
        "👍",
    );
    for wrong in [word, missing] {
        let (status, _) = refusal(&sandbox, Method::POST, "/reactions", &wrong).await;
        assert_eq!(status, 404, "{wrong}");
    }
}

#[tokio::test]
async fn who_may_not_add_reactions_joins_those_that_are_there_and_starts_no_thread() {
    let sandbox = Sandbox::start().await;
    let bob = view(&sandbox, "bob").await["me"]["id"].clone();
    let said = sandbox.say("tea?").await;
    let all = json!({"bot_permissions": (1u64 << 53) - 1});
    sandbox.admin(Method::POST, "/rights", all).await;
    let denied = (1u64 << 6 | 1 << 35).to_string();
    let path = format!(
        "/channels/{}/permissions/{}",
        said["channel_id"].as_str().unwrap(),
        bob.as_str().unwrap()
    );
    let body = json!({"type": 1, "allow": "0", "deny": denied});
    assert_eq!(sandbox.rest(Method::PUT, &path, body).await.status, 204);

    let own = touch(&said, "bob", "👍");
    let (status, told) = refusal(&sandbox, Method::POST, "/reactions", &own).await;
    assert_eq!((status, told.contains("may not")), (400, true), "{told}");
    sandbox
        .admin(Method::POST, "/reactions", touch(&said, "alice", "👍"))
        .await;
    sandbox.admin(Method::POST, "/reactions", own).await;
    let start = json!({"user": "bob", "name": "no"});
    let (status, told) = refusal(&sandbox, Method::POST, "/threads", &start).await;
    assert_eq!((status, told.contains("may not")), (400, true), "{told}");
}

#[tokio::test]
async fn a_thread_of_a_person_is_told_to_bots_and_listed_for_everybody() {
    let sandbox = Sandbox::start().await;
    let mut bot = bot(&sandbox, INTENTS).await;
    let said = sandbox.say("tea?").await;
    let start = json!({
        "user": "bob", "server": "Sandbox", "name": "about tea", "message_id": said["id"],
    });
    let thread = sandbox.admin(Method::POST, "/threads", start.clone()).await;
    assert_eq!(thread["id"], said["id"], "it has the id of its message");
    let told = bot.event("THREAD_CREATE").await;
    assert_eq!(
        (&told["newly_created"], &told["parent_id"], &told["name"]),
        (&json!(true), &said["channel_id"], &json!("about tea"))
    );
    assert!(
        channels(&sandbox, "zoe")
            .await
            .contains(&"about tea".to_owned())
    );

    let inside = json!({"user": "bob", "channel": "about tea", "content": "green"});
    let inside = sandbox.admin(Method::POST, "/messages", inside).await;
    assert_eq!(inside["channel_id"], thread["id"], "named as a channel is");
    let (status, told) = refusal(&sandbox, Method::POST, "/threads", &start).await;
    assert_eq!(status, 400);
    assert!(told.contains("already"), "{told}");

    let alike = json!({"name": "random"});
    let alike = sandbox.admin(Method::POST, "/threads", alike).await;
    let outside = json!({"channel": "random", "content": "black"});
    let outside = sandbox.admin(Method::POST, "/messages", outside).await;
    assert_ne!(outside["channel_id"], alike["id"], "a channel goes first");
}

#[tokio::test]
async fn a_thread_without_a_message_is_told_in_its_channel() {
    let sandbox = Sandbox::start().await;
    let start = json!({"user": "alice", "name": "side talk"});
    let thread = sandbox.admin(Method::POST, "/threads", start).await;
    let path = format!("/history?channel_id={}", sandbox.channel().await);
    let page = sandbox.admin(Method::GET, &path, Value::Null).await;
    let note = &page["messages"][0];
    assert_eq!(
        (
            &note["type"],
            &note["content"],
            &note["message_reference"]["channel_id"]
        ),
        (&json!(18), &json!("side talk"), &thread["id"])
    );
    for place in [
        json!({"dm": true, "name": "x"}),
        json!({"channel_id": thread["id"], "name": "x"}),
    ] {
        let (status, _) = refusal(&sandbox, Method::POST, "/threads", &place).await;
        assert_eq!(status, 400, "{place}");
    }
}

#[tokio::test]
async fn an_archived_thread_can_still_be_gone_to_and_a_word_opens_it() {
    let sandbox = Sandbox::start().await;
    let start = json!({"name": "quiet"});
    let thread = sandbox.admin(Method::POST, "/threads", start).await;
    let id = thread["id"].as_str().unwrap();
    let archived = json!({"archived": true});
    let changed = sandbox
        .rest(Method::PATCH, &format!("/channels/{id}"), archived)
        .await;
    assert_eq!(changed.status, 200);
    let shown = async || {
        let view = view(&sandbox, "alice").await;
        let mut channels = view["servers"][0]["channels"].as_array().unwrap().iter();
        let thread = channels.find(|channel| channel["id"] == id).unwrap();
        thread["thread_metadata"]["archived"].clone()
    };
    assert_eq!(shown().await, true);
    let word = json!({"channel_id": id, "content": "hello?"});
    sandbox.admin(Method::POST, "/messages", word).await;
    assert_eq!(shown().await, false);
}

#[tokio::test]
async fn a_private_thread_is_seen_by_its_members() {
    let sandbox = Sandbox::start().await;
    view(&sandbox, "zoe").await;
    let path = format!("/channels/{}/threads", sandbox.channel().await);
    let body = json!({"name": "secret", "type": 12});
    let thread = sandbox.rest(Method::POST, &path, body).await.json();
    let secret = "secret".to_owned();
    assert!(!channels(&sandbox, "zoe").await.contains(&secret));
    let zoe = view(&sandbox, "zoe").await["me"]["id"].clone();
    let path = format!(
        "/channels/{}/thread-members/{}",
        thread["id"].as_str().unwrap(),
        zoe.as_str().unwrap()
    );
    let added = sandbox.rest(Method::PUT, &path, Value::Null).await;
    assert_eq!(added.status, 204);
    assert!(channels(&sandbox, "zoe").await.contains(&secret));
}

#[tokio::test]
async fn a_file_for_a_command_reaches_the_bot_as_a_resolved_attachment() {
    let sandbox = Sandbox::start().await;
    let application = sandbox
        .rest(Method::GET, "/applications/@me", Value::Null)
        .await
        .json();
    let path = format!(
        "/applications/{}/commands",
        application["id"].as_str().unwrap()
    );
    let option = json!({"type": 11, "name": "card", "description": "A card", "required": true});
    let command = json!([{"name": "import", "description": "Imports", "options": [option]}]);
    assert_eq!(sandbox.rest(Method::PUT, &path, command).await.status, 200);
    let mut bot = bot(&sandbox, INTENTS).await;
    let files = json!({"card": {"name": "a.txt", "content_type": "text/plain", "data": "aGk="}});
    let chosen = json!({"name": "import", "options": [{"name": "card", "value": "a.txt"}]});
    for used in [
        json!({"command": "/import card:@a.txt", "files": files}),
        json!({"invoke": chosen, "files": files}),
    ] {
        sandbox.admin(Method::POST, "/interactions", used).await;
        let data = &bot.event("INTERACTION_CREATE").await["data"];
        let id = data["options"][0]["value"].as_str().unwrap();
        let file = &data["resolved"]["attachments"][id];
        assert_eq!(
            (&file["id"], &file["filename"], &file["content_type"]),
            (&json!(id), &json!("a.txt"), &json!("text/plain"))
        );
        let (_, bytes) = dev::http::get(file["url"].as_str().unwrap()).await.unwrap();
        assert_eq!(bytes.as_ref(), b"hi");
    }
    let without = json!({"command": "/import card:@nowhere"});
    let (status, told) = refusal(&sandbox, Method::POST, "/interactions", &without).await;
    assert_eq!(status, 400);
    assert!(told.contains("card:@PATH"), "{told}");
}

#[tokio::test]
async fn a_file_of_somebody_never_runs_as_a_page_of_the_sandbox() {
    let sandbox = Sandbox::start().await;
    for (kind, disposition) in [
        ("text/html", "attachment"),
        ("image/svg+xml", "attachment"),
        ("IMAGE/SVG+XML", "attachment"),
        ("application/pdf", "attachment"),
        ("image/png", "inline"),
        ("video/mp4", "inline"),
    ] {
        let file = json!({"name": "a", "content_type": kind, "data": "aGk="});
        let body = json!({"attachments": [file]});
        let said = sandbox.admin(Method::POST, "/messages", body).await;
        let path = format!("/messages/{}", said["id"].as_str().unwrap());
        let message = sandbox.admin(Method::GET, &path, Value::Null).await;
        let url = message["attachments"][0]["url"].as_str().unwrap();
        let (_, path) = url.split_once("/attachments/").unwrap();
        let path = format!("/attachments/{path}");
        let file = sandbox
            .request(Method::GET, &path, None, &Value::Null)
            .await;
        assert_eq!(file.header("content-disposition"), disposition, "{kind}");
        assert_eq!(file.header("x-content-type-options"), "nosniff");
        let policy = file.header("content-security-policy");
        assert_eq!(policy, "sandbox; default-src 'none'");
    }
}

#[tokio::test]
async fn whoever_only_looks_makes_no_server_and_no_channel() {
    let sandbox = Sandbox::start().await;
    let before = sandbox.admin(Method::GET, "/world", Value::Null).await;
    for names in ["server=Nowhere&channel=general", "channel=nothing"] {
        let path = format!("/messages?{names}");
        let (status, told) = refusal(&sandbox, Method::GET, &path, &Value::Null).await;
        assert_eq!((status, told.as_str()), (404, "no such channel"), "{names}");
    }
    let after = sandbox.admin(Method::GET, "/world", Value::Null).await;
    assert_eq!(before, after);
    let said = sandbox.say("here").await;
    let found = sandbox.admin(Method::GET, "/messages", Value::Null).await;
    assert_eq!(found[0]["id"], said["id"]);
}
