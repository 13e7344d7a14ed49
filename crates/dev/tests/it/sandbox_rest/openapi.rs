//! Answers of the sandbox and requests of our own client against Discord's description of its interface (`OpenAPI`).
//!
//! Everything goes through a witness that stands before the sandbox and compares each exchange. Without the description
//! nothing is compared, as `./dev test` says.

mod answers;
mod description;
mod ours;
mod routes;
mod witness;

use http::Method;
use serde_json::{Value, json};

use crate::sandbox_world::Sandbox;
use description::Description;
use ours::Ours;
use witness::Witness;

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

    /// Sends a body in parts, with one file.
    async fn form(&self, method: Method, path: &str, body: Value) -> Value {
        self.witness.form(method, path, body).await
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

#[tokio::test]
async fn every_route_answers_as_discord_describes_it() {
    let Some(description) = Description::read() else {
        return;
    };
    let scene = Scene::start(description).await;
    routes::all(&scene).await;
    answers::commands(&scene).await;
    answers::all(&scene).await;
    scene.witness.assert_good();
}

#[tokio::test]
async fn our_client_asks_as_discord_describes_it() {
    let Some(description) = Description::read() else {
        return;
    };
    let scene = Scene::start(description).await;
    Ours::new(&scene).ask().await;
    scene.witness.assert_good();
}
