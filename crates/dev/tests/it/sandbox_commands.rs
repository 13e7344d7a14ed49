//! Commands and what is chosen in them: typed, picked from a list, of menus; selects and forms.

use http::Method;
use serde_json::{Value, json};

use crate::sandbox_world::{Answer, Sandbox};
use crate::wire::{SERVERS, Wire, identify};

/// A sandbox with these commands, and the bot that hears of them.
async fn start(commands: Value) -> (Sandbox, Wire) {
    let sandbox = Sandbox::start().await;
    let own = sandbox.rest(Method::GET, "/applications/@me", Value::Null);
    let own = own.await.json();
    let path = format!("/applications/{}/commands", own["id"].as_str().unwrap());
    let answer = sandbox.rest(Method::PUT, &path, commands).await;
    assert_eq!(answer.status, 200, "{}", answer.json());
    let (bot, _) = Wire::ready(&sandbox, "v=10", identify(SERVERS)).await;
    (sandbox, bot)
}

async fn used(sandbox: &Sandbox, what: Value) -> Answer {
    let path = "/sandbox/interactions";
    sandbox.request(Method::POST, path, None, &what).await
}

/// Uses something and returns what the bot hears of it.
async fn heard(sandbox: &Sandbox, bot: &mut Wire, what: Value) -> Value {
    let started = used(sandbox, what).await;
    assert_eq!(started.status, 200, "{}", started.json());
    bot.event("INTERACTION_CREATE").await
}

#[track_caller]
fn assert_refused(answer: &Answer, reason: &str) {
    let told = answer.json()["error"].as_str().unwrap_or("").to_owned();
    let status = answer.status.as_u16();
    assert_eq!((status, told.contains(reason)), (400, true), "{told}");
}

/// Names of channels and people, with their ids.
async fn ids(sandbox: &Sandbox) -> (String, String, String) {
    let place = json!({"user": "bob", "channel": "random"});
    let place = sandbox.admin(Method::POST, "/places", place).await;
    let text = |key: &str| place[key].as_str().unwrap().to_owned();
    (text("user_id"), text("channel_id"), text("guild_id"))
}

/// Answers a command with a message or a form and returns the interaction.
async fn answered(sandbox: &Sandbox, bot: &mut Wire, answer: Value) -> Value {
    let used = heard(sandbox, bot, json!({"command": "/panel"})).await;
    let text = |key: &str| used[key].as_str().unwrap();
    let path = format!("/interactions/{}/{}/callback", text("id"), text("token"));
    let answer = sandbox.rest(Method::POST, &path, answer).await;
    assert_eq!(
        answer.status,
        204,
        "{}",
        String::from_utf8_lossy(&answer.body)
    );
    let path = format!("/interactions/{}", text("id"));
    sandbox.admin(Method::GET, &path, Value::Null).await
}

fn panel() -> Value {
    json!([{"name": "panel", "description": "Shows something"}])
}

#[tokio::test]
async fn what_is_typed_by_name_and_what_is_chosen_by_id_reach_the_bot_alike() {
    let option = |kind: u64, name: &str| json!({"type": kind, "name": name, "description": "x"});
    let options = [
        option(6, "who"),
        option(7, "where"),
        option(8, "as"),
        option(9, "any"),
    ];
    let (sandbox, mut bot) =
        start(json!([{"name": "meet", "description": "Meets", "options": options}])).await;
    let (bob, random, guild) = ids(&sandbox).await;
    let typed = json!({"command": "/meet who:@bob where:#random as:@everyone any:bob"});
    let typed = heard(&sandbox, &mut bot, typed).await["data"].clone();
    let chosen = [
        ("who", &bob),
        ("where", &random),
        ("as", &guild),
        ("any", &bob),
    ];
    let chosen = chosen.map(|(name, value)| json!({"name": name, "value": value}));
    let chosen = json!({"invoke": {"name": "meet", "options": chosen}});
    assert_eq!(typed, heard(&sandbox, &mut bot, chosen).await["data"]);

    let resolved = &typed["resolved"];
    assert_eq!(resolved["users"][&bob]["username"], "bob");
    let member = &resolved["members"][&bob];
    assert!(
        member["permissions"].is_string() && member.get("user").is_none(),
        "{member}"
    );
    let channel = &resolved["channels"][&random];
    assert!(
        channel["name"] == "random" && channel["permissions"].is_string(),
        "{channel}"
    );
    assert_eq!(resolved["roles"][&guild]["name"], "@everyone");
}

#[tokio::test]
async fn what_is_typed_is_checked_as_what_is_chosen_is() {
    let options = json!([
        {"type": 4, "name": "count", "description": "x", "max_value": 3},
        {"type": 3, "name": "word", "description": "x", "max_length": 3},
        {"type": 7, "name": "place", "description": "x", "channel_types": [15]},
        {"type": 8, "name": "role", "description": "x"},
    ]);
    let (sandbox, _bot) =
        start(json!([{"name": "count", "description": "Counts", "options": options}])).await;
    for (typed, reason) in [
        ("count:4", "out of range"),
        ("word:long", "shorter"),
        ("place:#random", "that it takes"),
        ("place:#nowhere", "exists here"),
        ("role:nobody", "exists here"),
    ] {
        let answer = used(&sandbox, json!({"command": format!("/count {typed}")})).await;
        assert_refused(&answer, reason);
    }
}

#[tokio::test]
async fn a_command_with_parts_is_used_by_a_part() {
    let part = json!({"type": 1, "name": "up", "description": "Up"});
    let (sandbox, mut bot) =
        start(json!([{"name": "look", "description": "Looks", "options": [part]}])).await;
    for what in [
        json!({"invoke": {"name": "look"}}),
        json!({"command": "/look"}),
        json!({"command": "/look down"}),
    ] {
        assert_refused(&used(&sandbox, what).await, "needs one of: up");
    }
    let used = heard(&sandbox, &mut bot, json!({"command": "/look up"})).await;
    let part = json!([{"type": 1, "name": "up", "options": []}]);
    assert_eq!(used["data"]["options"], part);
}

#[tokio::test]
async fn commands_of_menus_are_used_on_a_message_and_on_somebody() {
    let (sandbox, mut bot) =
        start(json!([{"name": "Quote", "type": 3}, {"name": "Greet", "type": 2}])).await;
    let (bob, ..) = ids(&sandbox).await;
    let said = sandbox.say("remember this").await;
    let id = said["id"].as_str().unwrap();
    let quote = json!({"invoke": {"name": "Quote", "type": 3, "target_id": id}});
    let data = heard(&sandbox, &mut bot, quote).await["data"].clone();
    assert_eq!((&data["type"], &data["target_id"]), (&json!(3), &json!(id)));
    assert_eq!(data["resolved"]["messages"][id]["content"], "remember this");

    let greet = json!({"invoke": {"name": "Greet", "type": 2, "target_id": bob}});
    let data = heard(&sandbox, &mut bot, greet).await["data"].clone();
    assert_eq!(
        (&data["type"], &data["target_id"]),
        (&json!(2), &json!(bob))
    );
    let resolved = &data["resolved"];
    assert_eq!(resolved["users"][&bob]["username"], "bob");
    assert!(resolved["members"][&bob]["roles"].is_array());

    let nothing = json!({"invoke": {"name": "Quote", "type": 3}});
    assert_refused(&used(&sandbox, nothing).await, "target_id");
    let gone = json!({"invoke": {"name": "Quote", "type": 3, "target_id": "1"}});
    assert_refused(&used(&sandbox, gone).await, "not here");
    let slash = json!({"command": "/Quote"});
    assert_refused(&used(&sandbox, slash).await, "no command /Quote");
    let path = format!("/commands?channel_id={}", sandbox.channel().await);
    let offered = sandbox.admin(Method::GET, &path, Value::Null).await;
    assert_eq!(offered.as_array().unwrap().len(), 2, "{offered}");
}

#[tokio::test]
async fn a_command_for_nobody_is_for_administrators() {
    let (sandbox, _bot) = start(json!([
        {"name": "rule", "description": "x", "default_member_permissions": "0"},
    ]))
    .await;
    let rule = |user: &str| json!({"user": user, "command": "/rule"});
    assert_refused(&used(&sandbox, rule("bob")).await, "may not use /rule");
    let admin = json!({"user": "bob", "admin": true});
    sandbox.admin(Method::POST, "/admins", admin).await;
    assert_eq!(used(&sandbox, rule("bob")).await.status, 200);
}

#[tokio::test]
async fn who_may_not_use_commands_on_a_server_uses_none() {
    let (sandbox, _bot) = start(panel()).await;
    let (bob, channel, _) = ids(&sandbox).await;
    let rights = json!({"bot_permissions": "8"});
    sandbox.admin(Method::POST, "/rights", rights).await;
    let path = format!("/channels/{channel}/permissions/{bob}");
    let body = json!({"type": 1, "allow": "0", "deny": (1u64 << 31).to_string()});
    assert_eq!(sandbox.rest(Method::PUT, &path, body).await.status, 204);
    let panel = |channel: &str| json!({"user": "bob", "channel": channel, "command": "/panel"});
    assert_refused(
        &used(&sandbox, panel("random")).await,
        "may not use commands",
    );
    assert_eq!(used(&sandbox, panel("general")).await.status, 200);
}

#[tokio::test]
async fn a_select_of_people_and_channels_tells_what_its_ids_stand_for_and_keeps_its_bounds() {
    let (sandbox, mut bot) = start(panel()).await;
    let (bob, random, guild) = ids(&sandbox).await;
    let row = |select: Value| json!({"type": 1, "components": [select]});
    let rows = [
        row(json!({"type": 7, "custom_id": "who", "min_values": 2, "max_values": 2})),
        row(json!({"type": 8, "custom_id": "where", "channel_types": [0]})),
    ];
    let answer = json!({"type": 4, "data": {"components": rows}});
    let shown = answered(&sandbox, &mut bot, answer).await;
    let choose = |select: &str, values: &[&str]| {
        json!({"component": {
            "message_id": shown["message"]["id"], "custom_id": select, "values": values,
        }})
    };
    let data = heard(&sandbox, &mut bot, choose("who", &[&bob, &guild])).await["data"].clone();
    assert_eq!(data["values"], json!([bob, guild]));
    let resolved = &data["resolved"];
    assert_eq!(resolved["users"][&bob]["username"], "bob");
    assert!(resolved["members"][&bob]["permissions"].is_string());
    assert_eq!(resolved["roles"][&guild]["name"], "@everyone");
    let data = heard(&sandbox, &mut bot, choose("where", &[&random])).await["data"].clone();
    assert_eq!(data["resolved"]["channels"][&random]["name"], "random");

    for (what, reason) in [
        (choose("who", &[&bob]), "1 values"),
        (choose("who", &[&bob, &bob]), "no value"),
        (choose("who", &[&bob, &random]), "no value"),
        (choose("where", &[&guild]), "no value"),
    ] {
        assert_refused(&used(&sandbox, what).await, reason);
    }
}

#[tokio::test]
async fn a_form_takes_people_radio_buttons_boxes_and_files() {
    let (sandbox, mut bot) = start(panel()).await;
    let (bob, ..) = ids(&sandbox).await;
    let label = |part: Value| json!({"type": 18, "label": "x", "component": part});
    let options = json!([{"label": "A", "value": "a"}, {"label": "B", "value": "b"}]);
    let rows = [
        label(json!({"type": 5, "custom_id": "who"})),
        label(json!({"type": 21, "custom_id": "one", "options": options})),
        label(json!({"type": 22, "custom_id": "some", "options": options})),
        label(json!({"type": 23, "custom_id": "yes"})),
        label(json!({"type": 19, "custom_id": "file"})),
    ];
    let form = json!({"type": 9, "data": {
        "title": "Form", "custom_id": "form", "components": rows,
    }});
    let shown = answered(&sandbox, &mut bot, form).await;
    let file = json!({"file": {"name": "a.txt", "content_type": "text/plain", "data": "aGk="}});
    let send = |fields: Value, files: &Value| json!({"form": {"interaction_id": shown["id"], "fields": fields}, "files": files});
    let fields = json!({"who": [bob], "one": ["b"], "some": ["a", "b"], "yes": true});
    let used_form = send(fields.clone(), &file);
    let data = heard(&sandbox, &mut bot, used_form).await["data"].clone();
    let sent = |row: usize, key: &str| data["components"][row]["component"][key].clone();
    assert_eq!(
        (sent(0, "values"), sent(1, "value")),
        (json!([bob]), json!("b"))
    );
    assert_eq!(
        (sent(2, "values"), sent(3, "value")),
        (json!(["a", "b"]), json!(true))
    );
    let resolved = &data["resolved"];
    assert_eq!(resolved["users"][&bob]["username"], "bob");
    let id = sent(4, "values")[0].as_str().unwrap().to_owned();
    assert_eq!(resolved["attachments"][&id]["filename"], "a.txt");

    let without = send(fields.clone(), &json!({}));
    assert_refused(&used(&sandbox, without).await, "needs a file");
    let mut two = fields;
    two["one"] = json!(["a", "b"]);
    assert_refused(&used(&sandbox, send(two, &file)).await, "2 values");
}

#[tokio::test]
async fn a_form_without_an_id_of_its_own_or_of_a_field_is_refused() {
    let (sandbox, mut bot) = start(panel()).await;
    let text = |id: &str| json!({"type": 4, "custom_id": id, "style": 1});
    let label = |part: Value| json!({"type": 18, "label": "x", "component": part});
    for data in [
        json!({"title": "Form", "components": [label(text("a"))]}),
        json!({"title": "Form", "custom_id": "", "components": [label(text("a"))]}),
        json!({"title": "Form", "custom_id": "f", "components": [label(text(""))]}),
        json!({"title": "Form", "custom_id": "f", "components": [label(json!({"type": 4}))]}),
        json!({"title": "Form", "custom_id": "f",
            "components": [label(text("a")), label(text("a"))]}),
    ] {
        let used = heard(&sandbox, &mut bot, json!({"command": "/panel"})).await;
        let part = |key: &str| used[key].as_str().unwrap();
        let path = format!("/interactions/{}/{}/callback", part("id"), part("token"));
        let form = json!({"type": 9, "data": data});
        let answer = sandbox.rest(Method::POST, &path, form).await;
        answer.assert_refused(400, 50_035);
    }
}
