//! Commands, and every type of answer to them, buttons and forms.

use http::Method;
use serde_json::{Value, json};

use super::{Scene, button, id};

/// Somebody's use of a command, button or form.
pub(super) struct Used {
    pub(super) id: String,
    pub(super) token: String,
}

impl Used {
    pub(super) async fn of(scene: &Scene, doing: Value) -> Self {
        let sandbox = &scene.sandbox;
        let id = id(&sandbox.admin(Method::POST, "/interactions", doing).await);
        let path = format!("/interactions/{id}");
        let seen = sandbox.admin(Method::GET, &path, Value::Null).await;
        let token = seen["token"].as_str().unwrap().to_owned();
        Self { id, token }
    }

    pub(super) async fn of_command(scene: &Scene) -> Self {
        Self::of(scene, json!({"command": "/hi"})).await
    }

    fn callback(&self) -> String {
        format!("/interactions/{}/{}/callback", self.id, self.token)
    }

    fn hook(&self, scene: &Scene) -> String {
        format!("/webhooks/{}/{}", scene.application, self.token)
    }
}

/// Gives every type of answer.
pub(super) async fn all(scene: &Scene) {
    at_once(scene).await;
    deferred(scene).await;
    with_files(scene).await;
    to_a_form(scene).await;
    choices(scene).await;
}

/// A message, its changes and further ones; a button that is pressed updates it.
async fn at_once(scene: &Scene) {
    let used = Used::of_command(scene).await;
    let embed = json!({"title": "t", "description": "d"});
    let data = json!({
        "content": "hi", "components": [button("b")], "embeds": [embed],
        "allowed_mentions": {"parse": []},
    });
    let answer = json!({"type": 4, "data": data});
    let path = format!("{}?with_response=true", used.callback());
    scene.post(path, answer.clone()).await;
    scene.post(used.callback(), answer).await;
    let original = format!("{}/messages/@original", used.hook(scene));
    let shown = scene.get(original.clone()).await;
    for answer in [
        json!({"type": 6}),
        json!({"type": 7, "data": {"content": "pressed", "components": [button("b")]}}),
    ] {
        let component = json!({"message_id": id(&shown), "custom_id": "b"});
        let pressed = Used::of(scene, json!({"component": component})).await;
        let path = format!("{}?with_response=true", pressed.callback());
        scene.post(path, answer).await;
        let original = format!("{}/messages/@original", pressed.hook(scene));
        scene.patch(original, json!({"content": "edited"})).await;
    }
    scene.delete(original).await;
}

/// A promise, what keeps it, and messages after it.
async fn deferred(scene: &Scene) {
    for with_response in [false, true] {
        let used = Used::of_command(scene).await;
        let path = format!("{}?with_response={with_response}", used.callback());
        let promise = json!({"type": 5, "data": {"flags": 64}});
        scene.post(path, promise).await;
        let hook = used.hook(scene);
        scene
            .patch(
                format!("{hook}/messages/@original"),
                json!({"content": "ho", "embeds": [], "components": []}),
            )
            .await;
        let more = json!({"content": "more", "flags": 64, "components": [button("c")]});
        let more = scene.post(hook.clone(), more).await;
        let path = format!("{hook}/messages/{}", id(&more));
        scene.get(path.clone()).await;
        scene.patch(path.clone(), json!({"content": "other"})).await;
        scene.delete(path.clone()).await;
        scene.delete(path).await;
    }
}

/// Bodies in parts, the text in `payload_json` and files beside it.
async fn with_files(scene: &Scene) {
    let used = Used::of_command(scene).await;
    let described = json!([{"id": "0", "filename": "a.txt"}]);
    let data = json!({"content": "a file", "attachments": described});
    let path = format!("{}?with_response=true", used.callback());
    let answer = json!({"type": 4, "data": data});
    scene.form(Method::POST, &path, answer).await;
    let hook = used.hook(scene);
    let path = format!("{hook}/messages/@original");
    scene.form(Method::PATCH, &path, data.clone()).await;
    let more = scene.form(Method::POST, &hook, data.clone()).await;
    let path = format!("{hook}/messages/{}", id(&more));
    scene.form(Method::PATCH, &path, data).await;
}

/// A form, and what answers it.
async fn to_a_form(scene: &Scene) {
    let field = json!({"type": 4, "custom_id": "name", "style": 1});
    let label = json!({"type": 18, "label": "Name", "component": field});
    let old = json!({"type": 4, "custom_id": "name", "style": 1, "label": "Name"});
    let row = json!({"type": 1, "components": [old]});
    for component in [label, row] {
        let used = Used::of_command(scene).await;
        let form = json!({"custom_id": "form", "title": "Form", "components": [component]});
        let path = format!("{}?with_response=true", used.callback());
        scene.post(path, json!({"type": 9, "data": form})).await;
        let form = json!({"interaction_id": used.id, "fields": {"name": "Mio"}});
        let sent = Used::of(scene, json!({"form": form})).await;
        let answer = json!({"type": 4, "data": {"content": "thanks"}});
        scene.post(sent.callback(), answer).await;
    }
}

/// What is offered while somebody types.
async fn choices(scene: &Scene) {
    let typed = json!({"name": "what", "value": "g"});
    let invoke = json!({"name": "hi", "options": [typed], "focused": "what"});
    let used = Used::of(scene, json!({"invoke": invoke})).await;
    let choices = json!([{"name": "Green", "value": "green"}]);
    let answer = json!({"type": 8, "data": {"choices": choices}});
    let path = format!("{}?with_response=true", used.callback());
    scene.post(path, answer).await;
}

/// Calls every route of commands; "hi" is registered afterwards.
pub(super) async fn commands(scene: &Scene) {
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
    let hi = scene.get(format!("{here}/commands")).await;
    let path = format!("{here}/commands/{}/permissions", id(&hi[0]));
    scene.get(path.clone()).await;
    let all = json!({"permissions": [{"id": scene.guild, "type": 1, "permission": true}]});
    scene.call(Method::PUT, &path, all).await;
    scene.get(format!("{own}/emojis")).await;
}
