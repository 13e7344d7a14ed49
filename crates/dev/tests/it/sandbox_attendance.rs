//! The bot is removed from servers and comes back; servers have outages.

use http::Method;
use serde_json::{Value, json};

use crate::sandbox_world::Sandbox;
use crate::wire::{SERVERS, Wire, identify};

async fn stand(sandbox: &Sandbox, bot: &str) {
    let body = json!({"server": "Sandbox", "bot": bot});
    sandbox.admin(Method::POST, "/servers", body).await;
}

/// The next event that is not about the bot itself.
async fn next(wire: &mut Wire) -> Value {
    let payload = wire.next().await.unwrap();
    json!([
        payload["t"],
        payload["d"]["unavailable"],
        payload["d"]["name"]
    ])
}

#[tokio::test]
async fn a_removed_bot_hears_of_it_and_nothing_more_until_it_is_back() {
    let sandbox = Sandbox::start().await;
    sandbox.set(json!({"identify_window_ms": 0})).await;
    let channel = sandbox.channel().await;
    let (mut wire, _) = Wire::ready(&sandbox, "v=10", identify(SERVERS)).await;
    wire.event("GUILD_CREATE").await;
    stand(&sandbox, "removed").await;
    stand(&sandbox, "removed").await;
    assert_eq!(next(&mut wire).await, json!(["GUILD_DELETE", null, null]));

    sandbox.say("unheard").await;
    let role = json!({"bot_permissions": "8"});
    sandbox.admin(Method::POST, "/rights", role).await;
    let path = format!("/channels/{channel}/messages");
    let post = sandbox
        .rest(Method::POST, &path, json!({"content": "x"}))
        .await;
    post.assert_refused(403, 50_001);
    let guilds = sandbox
        .rest(Method::GET, "/users/@me/guilds", Value::Null)
        .await;
    assert_eq!(guilds.json(), json!([]));
    let (_, ready) = Wire::ready(&sandbox, "v=10", identify(SERVERS)).await;
    assert_eq!(ready["guilds"], json!([]));

    stand(&sandbox, "here").await;
    assert_eq!(
        next(&mut wire).await,
        json!(["GUILD_CREATE", false, "Sandbox"])
    );
    sandbox.say("heard").await;
    assert_eq!(wire.event("MESSAGE_CREATE").await["content"], "heard");
}

#[tokio::test]
async fn an_outage_is_told_and_holds_people_up_until_it_ends() {
    let sandbox = Sandbox::start().await;
    sandbox.set(json!({"identify_window_ms": 0})).await;
    let (mut wire, _) = Wire::ready(&sandbox, "v=10", identify(SERVERS)).await;
    wire.event("GUILD_CREATE").await;
    stand(&sandbox, "unavailable").await;
    assert_eq!(next(&mut wire).await, json!(["GUILD_DELETE", true, null]));
    let body = json!({"content": "anybody?"});
    let said = sandbox
        .request(Method::POST, "/sandbox/messages", None, &body)
        .await;
    assert_eq!(said.status, 503);
    let (mut newcomer, ready) = Wire::ready(&sandbox, "v=10", identify(SERVERS)).await;
    assert_eq!(ready["guilds"][0]["unavailable"], true);

    stand(&sandbox, "here").await;
    for wire in [&mut wire, &mut newcomer] {
        assert_eq!(next(wire).await, json!(["GUILD_CREATE", false, "Sandbox"]));
    }
}

#[tokio::test]
async fn without_the_bot_nobody_is_offered_its_commands() {
    let sandbox = Sandbox::start().await;
    let own = sandbox.rest(Method::GET, "/applications/@me", Value::Null);
    let own = own.await.json();
    let path = format!("/applications/{}/commands", own["id"].as_str().unwrap());
    let commands = json!([{"name": "ping", "description": "Pings"}]);
    assert_eq!(sandbox.rest(Method::PUT, &path, commands).await.status, 200);
    let path = format!("/commands?channel_id={}", sandbox.channel().await);
    let offered = sandbox.admin(Method::GET, &path, Value::Null).await;
    assert_eq!(offered.as_array().unwrap().len(), 1);
    stand(&sandbox, "removed").await;
    let offered = sandbox.admin(Method::GET, &path, Value::Null).await;
    assert_eq!(offered, json!([]));
    let typed = json!({"command": "/ping"});
    let used = sandbox
        .request(Method::POST, "/sandbox/interactions", None, &typed)
        .await;
    assert_eq!(used.status, 400);
}
