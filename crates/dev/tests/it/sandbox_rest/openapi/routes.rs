//! Everything but commands and answers to them: each route once, its refusals here and there.

use http::Method;
use serde_json::{Value, json};

use super::{Scene, button, id};

/// Calls every route.
pub(super) async fn all(scene: &Scene) {
    messages(scene).await;
    threads(scene).await;
    webhooks(scene).await;
    places(scene).await;
    people(scene).await;
    expressions(scene).await;
    account(scene).await;
    files(scene).await;
}

async fn messages(scene: &Scene) {
    let channel = format!("/channels/{}", scene.channel);
    let body = json!({
        "content": format!("hi <@{}>", scene.user), "nonce": "1", "enforce_nonce": true,
        "embeds": [{"title": "t", "fields": [{"name": "a", "value": "b"}]}],
        "components": [button("one")], "allowed_mentions": {"parse": ["users"]},
    });
    let said = scene.post(format!("{channel}/messages"), body).await;
    let one = format!("{channel}/messages/{}", id(&said));
    let reply = json!({"content": "re", "message_reference": {"message_id": id(&said)}});
    let reply = scene.post(format!("{channel}/messages"), reply).await;
    let poll = json!({"question": {"text": "tea?"}, "answers": [{"poll_media": {"text": "yes"}}]});
    let poll = scene
        .post(format!("{channel}/messages"), json!({"poll": poll}))
        .await;
    scene
        .post(format!("{channel}/polls/{}/expire", id(&poll)), Value::Null)
        .await;
    scene
        .get(format!("{channel}/polls/{}/answers/1", id(&poll)))
        .await;
    let text = json!({"type": 10, "content": "newer"});
    let newer = json!({"flags": 32_768, "components": [{"type": 17, "components": [text]}]});
    scene.post(format!("{channel}/messages"), newer).await;
    about_one(scene, &said).await;
    scene.post(format!("{channel}/typing"), Value::Null).await;
    let both = json!({"messages": [id(&reply), id(&poll)]});
    scene
        .post(format!("{channel}/messages/bulk-delete"), both)
        .await;
    scene.delete(one).await;
    scene.get(format!("{channel}/messages/1")).await;
}

async fn about_one(scene: &Scene, said: &Value) {
    let channel = format!("/channels/{}", scene.channel);
    let one = format!("{channel}/messages/{}", id(said));
    scene
        .patch(one.clone(), json!({"content": "changed"}))
        .await;
    scene.put(format!("{one}/reactions/%E2%9C%85/@me")).await;
    scene.get(format!("{one}/reactions/%E2%9C%85")).await;
    scene
        .put(format!("{channel}/messages/pins/{}", id(said)))
        .await;
    scene.get(format!("{channel}/messages/pins")).await;
    scene.get(format!("{channel}/pins")).await;
    scene.get(one.clone()).await;
    scene.get(format!("{channel}/messages?limit=50")).await;
    scene
        .delete(format!("{channel}/messages/pins/{}", id(said)))
        .await;
    scene.delete(format!("{one}/reactions/%E2%9C%85/@me")).await;
    scene.put(format!("{one}/reactions/%E2%9C%85/@me")).await;
    scene.delete(format!("{one}/reactions/%E2%9C%85")).await;
    scene.delete(format!("{one}/reactions")).await;
}

async fn threads(scene: &Scene) {
    let channel = format!("/channels/{}", scene.channel);
    let said = scene
        .post(format!("{channel}/messages"), json!({"content": "topic"}))
        .await;
    let from = format!("{channel}/messages/{}/threads", id(&said));
    let thread = scene.post(from, json!({"name": "talk"})).await;
    let path = format!("/channels/{}", id(&thread));
    scene
        .post(
            format!("{channel}/threads"),
            json!({"name": "own", "type": 11}),
        )
        .await;
    scene
        .put(format!("{path}/thread-members/{}", scene.user))
        .await;
    scene.get(format!("{path}/thread-members")).await;
    scene
        .get(format!("{path}/thread-members/{}", scene.user))
        .await;
    scene
        .delete(format!("{path}/thread-members/{}", scene.user))
        .await;
    scene
        .get(format!("/guilds/{}/threads/active", scene.guild))
        .await;
    scene.get(format!("{channel}/messages?limit=5")).await;
    let own = format!("{path}/thread-members/@me");
    for method in [Method::DELETE, Method::PUT, Method::GET] {
        scene.call(method, &own, Value::Null).await;
    }
    scene.patch(path.clone(), json!({"archived": true})).await;
    scene.put(own).await;
    scene
        .get(format!("{channel}/threads/archived/public"))
        .await;
    scene
        .get(format!("{channel}/threads/archived/private"))
        .await;
    scene
        .get(format!(
            "{channel}/users/@me/threads/archived/private?limit=5"
        ))
        .await;
    scene.get(path.clone()).await;
    scene.delete(path).await;
}

async fn webhooks(scene: &Scene) {
    let channel = format!("/channels/{}", scene.channel);
    let hook = scene
        .post(format!("{channel}/webhooks"), json!({"name": "hook"}))
        .await;
    let path = format!("/webhooks/{}", id(&hook));
    let token = format!("{path}/{}", hook["token"].as_str().unwrap());
    scene.get(format!("{channel}/webhooks")).await;
    scene.get(format!("/guilds/{}/webhooks", scene.guild)).await;
    scene.get(path.clone()).await;
    scene.get(token.clone()).await;
    scene.patch(path.clone(), json!({"name": "other"})).await;
    let body = json!({"content": "hi", "username": "Mio", "avatar_url": "http://127.0.0.1/a.png"});
    let said = scene.post(format!("{token}?wait=true"), body.clone()).await;
    scene.post(token.clone(), body).await;
    let message = format!("{token}/messages/{}", id(&said));
    scene.get(message.clone()).await;
    scene.patch(message.clone(), json!({"content": "ho"})).await;
    scene.delete(message).await;
    scene.delete(path).await;
}

async fn places(scene: &Scene) {
    let guild = format!("/guilds/{}", scene.guild);
    scene.get(guild.clone()).await;
    scene.get(format!("{guild}/channels")).await;
    let made = scene
        .post(
            format!("{guild}/channels"),
            json!({"name": "new", "type": 0}),
        )
        .await;
    let channel = format!("/channels/{}", id(&made));
    scene.patch(channel.clone(), json!({"topic": "t"})).await;
    let overwrite = format!("{channel}/permissions/{}", scene.user);
    scene
        .call(
            Method::PUT,
            &overwrite,
            json!({"type": 1, "allow": 1024, "deny": 0}),
        )
        .await;
    scene.get(channel.clone()).await;
    scene.delete(overwrite).await;
    scene.delete(channel).await;
    let category = scene
        .post(
            format!("{guild}/channels"),
            json!({"name": "all", "type": 4}),
        )
        .await;
    scene.delete(format!("/channels/{}", id(&category))).await;
}

async fn people(scene: &Scene) {
    let guild = format!("/guilds/{}", scene.guild);
    scene.get(format!("{guild}/roles")).await;
    let role = scene
        .post(format!("{guild}/roles"), json!({"name": "r"}))
        .await;
    let path = format!("{guild}/roles/{}", id(&role));
    scene.get(path.clone()).await;
    let member = format!("{guild}/members/{}", scene.user);
    scene.put(format!("{member}/roles/{}", id(&role))).await;
    scene.delete(format!("{member}/roles/{}", id(&role))).await;
    scene.patch(path.clone(), json!({"color": 255})).await;
    scene.delete(path).await;
    scene.get(member.clone()).await;
    scene.patch(member, json!({"nick": "bobby"})).await;
    let ban = format!("{guild}/bans/{}", scene.user);
    let forgotten = json!({"delete_message_seconds": 60});
    scene.call(Method::PUT, &ban, forgotten).await;
    scene.get(ban.clone()).await;
    scene.get(format!("{guild}/bans")).await;
    scene.delete(ban.clone()).await;
    scene.get(ban).await;
    // Speaking brings them back.
    let back = json!({"user": "bob", "content": "back"});
    scene.sandbox.admin(Method::POST, "/messages", back).await;
    scene
        .patch(format!("{guild}/members/@me"), json!({"nick": "tomo"}))
        .await;
    scene.get(format!("{guild}/members?limit=10")).await;
    scene.get(format!("{guild}/members/search?query=bob")).await;
}

async fn expressions(scene: &Scene) {
    let guild = format!("/guilds/{}", scene.guild);
    let emojis = scene.get(format!("{guild}/emojis")).await;
    scene
        .get(format!("{guild}/emojis/{}", id(&emojis[0])))
        .await;
    let stickers = scene.get(format!("{guild}/stickers")).await;
    scene
        .get(format!("{guild}/stickers/{}", id(&stickers[0])))
        .await;
    scene.get(format!("/stickers/{}", id(&stickers[0]))).await;
    scene.get(format!("{guild}/members/1")).await;
}

async fn account(scene: &Scene) {
    for path in [
        "/users/@me",
        "/users/@me/guilds",
        "/applications/@me",
        "/oauth2/applications/@me",
        "/gateway/bot",
        "/gateway",
    ] {
        scene.get(path.to_owned()).await;
    }
    scene.get(format!("/users/{}", scene.user)).await;
    scene
        .post(
            "/users/@me/channels".to_owned(),
            json!({"recipient_id": scene.user}),
        )
        .await;
}

async fn files(scene: &Scene) {
    let channel = format!("/channels/{}", scene.channel);
    let described = json!([{"id": "0", "filename": "a.txt", "description": "words"}]);
    let body = json!({"content": "a file", "attachments": described});
    let said = scene
        .form(Method::POST, &format!("{channel}/messages"), body.clone())
        .await;
    let kept = json!([{"id": said["attachments"][0]["id"]}, {"id": "0", "filename": "b.txt"}]);
    let path = format!("{channel}/messages/{}", id(&said));
    scene
        .form(Method::PATCH, &path, json!({"attachments": kept}))
        .await;
    let hook = scene
        .post(format!("{channel}/webhooks"), json!({"name": "filer"}))
        .await;
    let token = format!(
        "/webhooks/{}/{}",
        id(&hook),
        hook["token"].as_str().unwrap()
    );
    let said = scene
        .form(Method::POST, &format!("{token}?wait=true"), body.clone())
        .await;
    let path = format!("{token}/messages/{}", id(&said));
    scene
        .form(Method::PATCH, &path, json!({"content": "b"}))
        .await;
    let forum = json!({"name": "forum", "type": 15});
    let forum = scene
        .post(format!("/guilds/{}/channels", scene.guild), forum)
        .await;
    let thread = json!({"name": "topic", "message": body});
    let path = format!("/channels/{}/threads", id(&forum));
    scene.form(Method::POST, &path, thread).await;
}
