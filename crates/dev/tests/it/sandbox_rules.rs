//! What time and moderators bring about: archived and locked threads, slow mode, bans.

use dev::process::POLL;
use http::Method;
use serde_json::{Value, json};

use crate::sandbox_world::{Answer, Sandbox};
use crate::wire::{SERVERS, Wire, identify};

/// Intent bit for bans.
const MODERATION: u64 = 1 << 2;

/// A sandbox without limits in which the bot may do everything, and its channel.
async fn start() -> (Sandbox, String) {
    let sandbox = Sandbox::start().await;
    sandbox.set(json!({"rate_limits": false})).await;
    let rights = json!({"bot_permissions": "8"});
    sandbox.admin(Method::POST, "/rights", rights).await;
    let channel = sandbox.channel().await;
    (sandbox, channel)
}

async fn thread(sandbox: &Sandbox, channel: &str) -> String {
    let path = format!("/channels/{channel}/threads");
    let body = json!({"name": "talk", "type": 11, "auto_archive_duration": 60});
    let made = sandbox.rest(Method::POST, &path, body).await;
    made.json()["id"].as_str().unwrap().to_owned()
}

/// Says something as somebody, who may be refused.
async fn say(sandbox: &Sandbox, user: &str, place: Value) -> Answer {
    let mut body = json!({"user": user, "content": "hello"});
    body.as_object_mut()
        .unwrap()
        .extend(place.as_object().unwrap().clone());
    sandbox
        .request(Method::POST, "/sandbox/messages", None, &body)
        .await
}

/// A server with bob in it, whose address and id are given.
async fn bob(sandbox: &Sandbox) -> (String, String) {
    let bob = sandbox
        .admin(Method::POST, "/places", json!({"user": "bob"}))
        .await;
    let text = |key: &str| bob[key].as_str().unwrap().to_owned();
    (format!("/guilds/{}", text("guild_id")), text("user_id"))
}

#[tokio::test]
async fn a_quiet_thread_is_archived_in_time_and_opened_by_a_message() {
    let (sandbox, channel) = start().await;
    bob(&sandbox).await;
    let (mut wire, _) = Wire::ready(&sandbox, "v=10", identify(SERVERS)).await;
    let thread = thread(&sandbox, &channel).await;
    sandbox.set(json!({"thread_minute_ms": 1})).await;
    let archived = wire.event("THREAD_UPDATE").await;
    assert_eq!(archived["id"], thread);
    assert_eq!(archived["thread_metadata"]["archived"], true);
    sandbox.set(json!({"thread_minute_ms": 60_000})).await;
    let said = say(&sandbox, "bob", json!({"channel_id": thread})).await;
    assert_eq!(said.status, 200);
    let opened = wire.event("THREAD_UPDATE").await;
    assert_eq!(opened["thread_metadata"]["archived"], false);
}

#[tokio::test]
async fn a_thread_in_which_somebody_speaks_stays_open() {
    let (sandbox, channel) = start().await;
    bob(&sandbox).await;
    let (mut wire, _) = Wire::ready(&sandbox, "v=10", identify(SERVERS)).await;
    let quiet = thread(&sandbox, &channel).await;
    let lively = thread(&sandbox, &channel).await;
    // An hour is a second now: the clock has looked at both threads when it archives one.
    sandbox.set(json!({"thread_minute_ms": 17})).await;
    loop {
        let said = say(&sandbox, "bob", json!({"channel_id": lively})).await;
        assert_eq!(said.status, 200);
        let path = format!("/channels/{quiet}");
        let seen = sandbox.rest(Method::GET, &path, Value::Null).await.json();
        if seen["thread_metadata"]["archived"] == true {
            break;
        }
        tokio::time::sleep(POLL).await;
    }
    assert_eq!(wire.event("THREAD_UPDATE").await["id"], quiet);
    let path = format!("/channels/{lively}");
    let seen = sandbox.rest(Method::GET, &path, Value::Null).await.json();
    assert_eq!(seen["thread_metadata"]["archived"], false);
}

#[tokio::test]
async fn a_locked_thread_takes_words_of_moderators_only() {
    let (sandbox, channel) = start().await;
    bob(&sandbox).await;
    let thread = thread(&sandbox, &channel).await;
    let locked = json!({"locked": true, "archived": true});
    let path = format!("/channels/{thread}");
    sandbox.rest(Method::PATCH, &path, locked).await;
    let place = json!({"channel_id": thread});
    let refused = say(&sandbox, "bob", place.clone()).await;
    assert_eq!(refused.status, 403);
    assert!(refused.json()["error"].as_str().unwrap().contains("160005"));
    assert_eq!(say(&sandbox, "alice", place).await.status, 200);
}

#[tokio::test]
async fn slow_mode_lets_people_speak_once_in_a_while_and_bots_always() {
    let (sandbox, channel) = start().await;
    let slow = |seconds: u64| {
        let path = format!("/channels/{channel}");
        let sandbox = &sandbox;
        async move {
            let body = json!({"rate_limit_per_user": seconds});
            sandbox.rest(Method::PATCH, &path, body).await
        }
    };
    assert_eq!(slow(21_600).await.json()["rate_limit_per_user"], 21_600);
    assert_eq!(say(&sandbox, "bob", json!({})).await.status, 200);
    let refused = say(&sandbox, "bob", json!({})).await;
    assert_eq!(refused.status, 429);
    assert!(refused.json()["error"].as_str().unwrap().contains("20016"));
    let elsewhere = json!({"channel": "random"});
    assert_eq!(say(&sandbox, "bob", elsewhere).await.status, 200);
    assert_eq!(say(&sandbox, "carol", json!({})).await.status, 200);
    let rights = json!({"bot_permissions": ((1_u64 << 10) | (1 << 11)).to_string()});
    sandbox.admin(Method::POST, "/rights", rights).await;
    for _ in 0..2 {
        assert_eq!(say(&sandbox, "alice", json!({})).await.status, 200);
        let path = format!("/channels/{channel}/messages");
        let said = sandbox.rest(Method::POST, &path, json!({"content": "hi"}));
        assert_eq!(said.await.status, 200);
    }
}

#[tokio::test]
async fn slow_mode_ends_after_its_seconds() {
    let (sandbox, channel) = start().await;
    let path = format!("/channels/{channel}");
    let slow = json!({"rate_limit_per_user": 1});
    sandbox.rest(Method::PATCH, &path, slow).await;
    assert_eq!(say(&sandbox, "bob", json!({})).await.status, 200);
    assert_eq!(say(&sandbox, "bob", json!({})).await.status, 429);
    while say(&sandbox, "bob", json!({})).await.status != 200 {
        tokio::time::sleep(POLL).await;
    }
}

#[tokio::test]
async fn who_is_banned_is_gone_and_stays_away_until_the_ban_ends() {
    let (sandbox, _) = start().await;
    let (guild, bob) = bob(&sandbox).await;
    let intents = SERVERS | MODERATION;
    let (mut wire, _) = Wire::ready(&sandbox, "v=10", identify(intents)).await;
    let (ban, member) = (
        format!("{guild}/bans/{bob}"),
        format!("{guild}/members/{bob}"),
    );
    let call = |method, path: String| async {
        let path = path;
        sandbox.rest(method, &path, Value::Null).await
    };
    call(Method::GET, ban.clone())
        .await
        .assert_refused(404, 10_026);
    assert_eq!(call(Method::PUT, ban.clone()).await.status, 204);
    assert_eq!(wire.event("GUILD_BAN_ADD").await["user"]["id"], bob);
    assert_eq!(
        call(Method::GET, ban.clone()).await.json()["user"]["id"],
        bob
    );
    let all = call(Method::GET, format!("{guild}/bans")).await.json();
    assert_eq!(all.as_array().unwrap().len(), 1);
    assert_eq!(say(&sandbox, "bob", json!({})).await.status, 403);
    call(Method::GET, member.clone())
        .await
        .assert_refused(404, 10_007);
    assert_eq!(call(Method::DELETE, ban.clone()).await.status, 204);
    assert_eq!(wire.event("GUILD_BAN_REMOVE").await["user"]["id"], bob);
    call(Method::DELETE, ban).await.assert_refused(404, 10_026);
    assert_eq!(say(&sandbox, "bob", json!({})).await.status, 200);
    assert_eq!(call(Method::GET, member).await.status, 200);
}

#[tokio::test]
async fn a_ban_takes_the_words_of_its_seconds_along() {
    let (sandbox, channel) = start().await;
    let (guild, bob) = bob(&sandbox).await;
    say(&sandbox, "bob", json!({})).await;
    say(&sandbox, "alice", json!({})).await;
    let path = format!("{guild}/bans/{bob}");
    let ban = json!({"delete_message_seconds": 600});
    assert_eq!(sandbox.rest(Method::PUT, &path, ban).await.status, 204);
    let path = format!("/channels/{channel}/messages");
    let left = sandbox.rest(Method::GET, &path, Value::Null).await.json();
    let left: Vec<_> = left.as_array().unwrap().iter().collect();
    assert_eq!(left.len(), 1);
    assert_eq!(left[0]["author"]["username"], "alice");
}

#[tokio::test]
async fn without_the_right_nobody_is_banned() {
    let sandbox = Sandbox::start().await;
    let (guild, bob) = bob(&sandbox).await;
    let path = format!("{guild}/bans/{bob}");
    let refused = sandbox.rest(Method::PUT, &path, Value::Null).await;
    refused.assert_refused(403, 50_013);
    assert_eq!(say(&sandbox, "bob", json!({})).await.status, 200);
}
