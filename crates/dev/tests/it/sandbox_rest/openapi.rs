//! Answers of the sandbox and requests of our own client against Discord's description of its interface (`OpenAPI`).
//!
//! Everything goes through a witness that stands before the sandbox and compares each exchange.

mod description;
mod witness;

use discord::{Client, NewMessage, Page, Settings};
use http::Method;
use proto::id::{ApplicationId, ChannelId};
use serde_json::{Value, json};

use crate::sandbox_world::Sandbox;
use description::Description;
use witness::Witness;

/// Says once, where everybody sees it, that nothing could be compared.
#[expect(
    clippy::print_stdout,
    reason = "a run without the description must say so"
)]
fn description() -> Option<Description> {
    let found = Description::read();
    if found.is_none() {
        println!("not compared: discord-openapi.json is not beside the project");
    }
    found
}

struct Scene {
    witness: Witness,
    sandbox: Sandbox,
    guild: String,
    channel: String,
    user: String,
    application: String,
}

impl Scene {
    async fn start(description: Description) -> Self {
        let sandbox = Sandbox::start().await;
        sandbox
            .set(json!({"rate_limits": false, "allowed_intents": 33_026}))
            .await;
        let rights = json!({"bot_permissions": "8"});
        sandbox.admin(Method::POST, "/rights", rights).await;
        let bob = sandbox
            .admin(Method::POST, "/places", json!({"user": "bob"}))
            .await;
        let text = |key: &str| bob[key].as_str().unwrap().to_owned();
        let world = sandbox.admin(Method::GET, "/world", Value::Null).await;
        let application = world["application_id"].as_str().unwrap().to_owned();
        let witness = Witness::before(sandbox.address, description).await;
        let (guild, channel, user) = (text("guild_id"), text("channel_id"), text("user_id"));
        Self {
            witness,
            sandbox,
            guild,
            channel,
            user,
            application,
        }
    }

    /// Calls as the bot, past the witness.
    async fn call(&self, method: Method, path: &str, body: Value) -> Value {
        self.witness.call(method, path, body).await
    }

    async fn get(&self, path: String) -> Value {
        self.call(Method::GET, &path, Value::Null).await
    }

    async fn delete(&self, path: String) -> Value {
        self.call(Method::DELETE, &path, Value::Null).await
    }

    async fn put(&self, path: String) -> Value {
        self.call(Method::PUT, &path, Value::Null).await
    }

    async fn post(&self, path: String, body: Value) -> Value {
        self.call(Method::POST, &path, body).await
    }

    async fn patch(&self, path: String, body: Value) -> Value {
        self.call(Method::PATCH, &path, body).await
    }
}

fn id(body: &Value) -> String {
    body["id"]
        .as_str()
        .unwrap_or_else(|| panic!("no id: {body}"))
        .to_owned()
}

fn button(custom_id: &str) -> Value {
    let button = json!({"type": 2, "style": 1, "label": "Press", "custom_id": custom_id});
    json!({"type": 1, "components": [button]})
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
    scene.patch(path.clone(), json!({"archived": true})).await;
    scene
        .get(format!("{channel}/threads/archived/public"))
        .await;
    scene
        .get(format!("{channel}/threads/archived/private"))
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

async fn commands(scene: &Scene) {
    let own = format!("/applications/{}", scene.application);
    let here = format!("{own}/guilds/{}", scene.guild);
    for scope in [&own, &here] {
        let path = format!("{scope}/commands");
        let option = json!({"type": 3, "name": "what", "description": "d", "autocomplete": true});
        let body = json!({"name": "hi", "description": "d", "options": [option]});
        scene.call(Method::PUT, &path, json!([body])).await;
        let made = scene
            .post(path.clone(), json!({"name": "ho", "description": "d"}))
            .await;
        let one = format!("{path}/{}", id(&made));
        scene.get(path.clone()).await;
        scene.get(one.clone()).await;
        scene.patch(one.clone(), json!({"description": "e"})).await;
        scene.delete(one.clone()).await;
        scene.get(one).await;
    }
    scene.get(format!("{here}/commands/permissions")).await;
    scene.get(format!("{own}/emojis")).await;
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

#[tokio::test]
async fn every_route_answers_as_discord_describes_it() {
    let Some(description) = description() else {
        return;
    };
    let scene = Scene::start(description).await;
    messages(&scene).await;
    threads(&scene).await;
    webhooks(&scene).await;
    places(&scene).await;
    people(&scene).await;
    expressions(&scene).await;
    commands(&scene).await;
    interactions(&scene).await;
    scene.witness.assert_good();
}

async fn used(scene: &Scene) -> (String, String) {
    let command = json!({"command": "/hi"});
    let started = scene
        .sandbox
        .admin(Method::POST, "/interactions", command)
        .await;
    let path = format!("/interactions/{}", id(&started));
    let seen = scene.sandbox.admin(Method::GET, &path, Value::Null).await;
    (id(&started), seen["token"].as_str().unwrap().to_owned())
}

async fn interactions(scene: &Scene) {
    let (id, token) = used(scene).await;
    let path = format!("/interactions/{id}/{token}/callback?with_response=true");
    let body = json!({"type": 4, "data": {"content": "hi", "components": [button("b")]}});
    scene.post(path, body).await;
    let hook = format!("/webhooks/{}/{token}", scene.application);
    scene.get(format!("{hook}/messages/@original")).await;
    scene
        .patch(
            format!("{hook}/messages/@original"),
            json!({"content": "ho"}),
        )
        .await;
    let more = scene
        .post(hook.clone(), json!({"content": "more", "flags": 64}))
        .await;
    scene
        .delete(format!("{hook}/messages/{}", self::id(&more)))
        .await;
    scene.delete(format!("{hook}/messages/@original")).await;
}

#[tokio::test]
async fn our_client_asks_as_discord_describes_it() {
    let Some(description) = description() else {
        return;
    };
    let scene = Scene::start(description).await;
    let client = Client::new(Settings {
        api_url: scene.witness.url(),
        ..witness::settings()
    });
    let client = client.unwrap();
    let channel = ChannelId(scene.channel.parse().unwrap());
    let application = ApplicationId(scene.application.parse().unwrap());
    client.gateway_bot().await.unwrap();
    client.current_user().await.unwrap();
    client.current_application().await.unwrap();
    client.typing(channel).await.unwrap();
    let message = NewMessage {
        content: "hello".to_owned(),
        nonce: Some(7),
        ..witness::message()
    };
    let posted = client.create_message(channel, &message).await.unwrap();
    client.message(channel, posted.id).await.unwrap();
    client.messages(channel, Page::Latest, 5).await.unwrap();
    client.set_commands(application, None, &[]).await.unwrap();
    client.commands(application, None).await.unwrap();
    commands(&scene).await;
    scene.witness.assert_good();
}
