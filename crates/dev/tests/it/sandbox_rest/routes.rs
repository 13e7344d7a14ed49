//! Discord's REST interface: threads, reactions, webhooks, files, rights, faults.

use http::Method;
use serde_json::{Value, json};

use crate::sandbox_world::{Answer, Sandbox};

/// A sandbox without limits, and its channel.
async fn start() -> (Sandbox, String) {
    let sandbox = Sandbox::start().await;
    sandbox.set(json!({"rate_limits": false})).await;
    let channel = sandbox.channel().await;
    (sandbox, channel)
}

async fn posted(sandbox: &Sandbox, channel: &str, body: Value) -> Value {
    let path = format!("/channels/{channel}/messages");
    let answer = sandbox.rest(Method::POST, &path, body).await;
    assert_eq!(answer.status, 200, "{}", answer.json());
    answer.json()
}

fn id(body: &Value) -> &str {
    body["id"].as_str().unwrap()
}

async fn call(sandbox: &Sandbox, method: Method, path: String) -> Answer {
    sandbox.rest(method, &path, Value::Null).await
}

#[tokio::test]
async fn a_thread_has_the_id_of_its_message_and_starts_only_once() {
    let (sandbox, channel) = start().await;
    let message = posted(&sandbox, &channel, json!({"content": "topic"})).await;
    let path = format!("/channels/{channel}/messages/{}/threads", id(&message));
    let thread = sandbox
        .rest(Method::POST, &path, json!({"name": "talk"}))
        .await;
    assert_eq!(thread.status, 201);
    assert_eq!(
        (id(&thread.json()), &thread.json()["type"]),
        (id(&message), &json!(11))
    );
    sandbox
        .rest(Method::POST, &path, json!({"name": "again"}))
        .await
        .assert_refused(400, 160_004);
    let said = posted(&sandbox, id(&message), json!({"content": "inside"})).await;
    assert_eq!(said["channel_id"], message["id"]);
}

#[tokio::test]
async fn a_locked_thread_takes_no_message_without_the_right_to_manage_it() {
    let (sandbox, channel) = start().await;
    let path = format!("/channels/{channel}/threads");
    let thread = sandbox
        .rest(Method::POST, &path, json!({"name": "talk", "type": 11}))
        .await;
    let thread = id(&thread.json()).to_owned();
    let path = format!("/channels/{thread}");
    let locked = sandbox
        .rest(Method::PATCH, &path, json!({"locked": true}))
        .await;
    assert_eq!(locked.json()["thread_metadata"]["locked"], true);
    let rights = json!({"bot_permissions": ((1_u64 << 10) | (1 << 38)).to_string()});
    sandbox.admin(Method::POST, "/rights", rights).await;
    let path = format!("/channels/{thread}/messages");
    let refused = sandbox
        .rest(Method::POST, &path, json!({"content": "no"}))
        .await;
    refused.assert_refused(403, 160_005);
}

#[tokio::test]
async fn reactions_are_added_listed_and_taken_away() {
    let (sandbox, channel) = start().await;
    let message = posted(&sandbox, &channel, json!({"content": "react"})).await;
    let path = format!("/channels/{channel}/messages/{}", id(&message));
    let own = format!("{path}/reactions/%E2%9C%85/@me");
    assert_eq!(call(&sandbox, Method::PUT, own.clone()).await.status, 204);
    let shown = call(&sandbox, Method::GET, path.clone()).await.json();
    assert_eq!(shown["reactions"][0]["me"], true);
    let users = call(&sandbox, Method::GET, format!("{path}/reactions/%E2%9C%85")).await;
    assert_eq!(users.json().as_array().unwrap().len(), 1);
    assert_eq!(call(&sandbox, Method::DELETE, own).await.status, 204);
    assert!(
        call(&sandbox, Method::GET, path.clone())
            .await
            .json()
            .get("reactions")
            .is_none()
    );
    let unknown = call(
        &sandbox,
        Method::PUT,
        format!("{path}/reactions/none:1/@me"),
    )
    .await;
    unknown.assert_refused(400, 10_014);
}

#[tokio::test]
async fn the_sixteenth_webhook_of_a_channel_is_refused() {
    let (sandbox, channel) = start().await;
    let path = format!("/channels/{channel}/webhooks");
    for number in 0..15 {
        let made = sandbox
            .rest(Method::POST, &path, json!({"name": format!("n{number}")}))
            .await;
        assert_eq!(made.status, 200);
    }
    sandbox
        .rest(Method::POST, &path, json!({"name": "n"}))
        .await
        .assert_refused(400, 30_007);
}

#[tokio::test]
async fn a_webhook_posts_under_any_name_and_changes_only_its_own() {
    let (sandbox, channel) = start().await;
    let path = format!("/channels/{channel}/webhooks");
    let hook = sandbox
        .rest(Method::POST, &path, json!({"name": "hook"}))
        .await
        .json();
    let address = format!(
        "/api/v10/webhooks/{}/{}",
        id(&hook),
        hook["token"].as_str().unwrap()
    );
    let body = json!({"content": "hi", "username": "Mio"});
    let silent = sandbox.request(Method::POST, &address, None, &body).await;
    assert_eq!(silent.status, 204);
    let said = sandbox
        .request(Method::POST, &format!("{address}?wait=true"), None, &body)
        .await;
    let said = said.json();
    assert_eq!(
        (&said["author"]["username"], &said["webhook_id"]),
        (&json!("Mio"), &hook["id"])
    );
    let own = format!("{address}/messages/{}", id(&said));
    let edited = sandbox
        .request(Method::PATCH, &own, None, &json!({"content": "ho"}))
        .await;
    assert_eq!(edited.json()["content"], "ho");
    let other = posted(&sandbox, &channel, json!({"content": "mine"})).await;
    let other = format!("{address}/messages/{}", id(&other));
    sandbox
        .request(Method::DELETE, &other, None, &Value::Null)
        .await
        .assert_refused(404, 10_008);
    let wrong = format!("/api/v10/webhooks/{}/wrong", id(&hook));
    sandbox
        .request(Method::POST, &wrong, None, &body)
        .await
        .assert_refused(401, 50_027);
}

#[tokio::test]
async fn a_person_who_takes_no_direct_messages_gets_none() {
    let (sandbox, _) = start().await;
    let refuses = json!({"user": "bob", "dm": true, "refuses_direct": true});
    sandbox.admin(Method::POST, "/rights", refuses).await;
    let bob = sandbox
        .admin(Method::POST, "/places", json!({"user": "bob", "dm": true}))
        .await;
    let open = json!({"recipient_id": bob["user_id"]});
    let direct = sandbox
        .rest(Method::POST, "/users/@me/channels", open)
        .await
        .json();
    let path = format!("/channels/{}/messages", id(&direct));
    sandbox
        .rest(Method::POST, &path, json!({"content": "hi"}))
        .await
        .assert_refused(403, 50_007);
}

#[tokio::test]
async fn what_the_bot_may_not_see_or_do_is_refused_apart() {
    let (sandbox, channel) = start().await;
    let path = format!("/channels/{channel}/messages");
    let body = || json!({"content": "hi"});
    sandbox
        .admin(Method::POST, "/rights", json!({"deny": "2048"}))
        .await;
    sandbox
        .rest(Method::POST, &path, body())
        .await
        .assert_refused(403, 50_013);
    sandbox
        .admin(Method::POST, "/rights", json!({"deny": "1024"}))
        .await;
    sandbox
        .rest(Method::POST, &path, body())
        .await
        .assert_refused(403, 50_001);
    let role = json!({"permissions": "8"});
    let place = sandbox.admin(Method::POST, "/places", json!({})).await;
    let roles = format!("/guilds/{}/roles", place["guild_id"].as_str().unwrap());
    sandbox
        .rest(Method::POST, &roles, role)
        .await
        .assert_refused(403, 50_013);
}

#[tokio::test]
async fn an_attachment_is_kept_and_its_address_expires() {
    let (sandbox, channel) = start().await;
    let form = "--b\r\nContent-Disposition: form-data; name=\"payload_json\"\r\n\r\n\
        {\"attachments\": [{\"id\": 0, \"description\": \"words\"}]}\r\n\
        --b\r\nContent-Disposition: form-data; name=\"files[0]\"; filename=\"a.txt\"\r\n\
        Content-Type: text/plain\r\n\r\nhello\r\n--b--\r\n";
    let path = format!("/api/v10/channels/{channel}/messages");
    let kind = "multipart/form-data; boundary=b";
    let said = sandbox
        .send(Method::POST, &path, kind, form.into())
        .await
        .json();
    let file = &said["attachments"][0];
    assert_eq!(
        (&file["size"], &file["description"]),
        (&json!(5), &json!("words"))
    );
    let url = file["url"].as_str().unwrap();
    let fetch = |url: &str| {
        let path = url.split_once("/attachments").unwrap().1;
        let path = format!("/attachments{path}");
        let sandbox = &sandbox;
        async move {
            sandbox
                .request(Method::GET, &path, None, &Value::Null)
                .await
        }
    };
    assert_eq!(&fetch(url).await.body[..], b"hello");
    assert_eq!(fetch(url.split_once('?').unwrap().0).await.status, 404);
    sandbox.set(json!({"file_life_ms": 0})).await;
    let body = json!({"attachment_urls": [url]});
    let expired = sandbox
        .rest(Method::POST, "/attachments/refresh-urls", body)
        .await
        .json();
    let expired = expired["refreshed_urls"][0]["refreshed"]
        .as_str()
        .unwrap()
        .to_owned();
    assert_eq!(fetch(&expired).await.status, 404);
}

#[tokio::test]
async fn messages_are_deleted_together_but_not_one_alone() {
    let (sandbox, channel) = start().await;
    let mut ids = Vec::new();
    for _ in 0..3 {
        ids.push(id(&posted(&sandbox, &channel, json!({"content": "x"})).await).to_owned());
    }
    let path = format!("/channels/{channel}/messages/bulk-delete");
    let one = json!({"messages": [ids[0]]});
    sandbox
        .rest(Method::POST, &path, one)
        .await
        .assert_refused(400, 50_016);
    assert_eq!(
        sandbox
            .rest(Method::POST, &path, json!({"messages": ids}))
            .await
            .status,
        204
    );
    let left = call(
        &sandbox,
        Method::GET,
        format!("/channels/{channel}/messages"),
    )
    .await;
    assert_eq!(left.json(), json!([]));
}

#[tokio::test]
async fn too_many_refused_calls_ban_the_address_and_the_answer_is_no_json() {
    let (sandbox, _) = start().await;
    sandbox.set(json!({"invalid_requests": 3})).await;
    let ask = || {
        sandbox.request(
            Method::GET,
            "/api/v10/users/@me",
            Some("Bot wrong"),
            &Value::Null,
        )
    };
    for _ in 0..3 {
        assert_eq!(ask().await.status, 401);
    }
    let banned = ask().await;
    assert_eq!(banned.status, 429);
    assert!(banned.headers.get("via").is_none() && banned.header("retry-after") == "600");
    assert!(serde_json::from_slice::<Value>(&banned.body).is_err());
}

#[tokio::test]
async fn faults_name_whose_limit_they_are_and_may_come_after_the_effect() {
    let (sandbox, channel) = start().await;
    let route = "POST /channels/{channel}/messages";
    let shared = json!({"route": route, "status": 429, "scope": "shared", "retry_after_ms": 1500, "times": 1});
    sandbox.admin(Method::POST, "/faults", shared).await;
    let path = format!("/channels/{channel}/messages");
    let limited = sandbox
        .rest(Method::POST, &path, json!({"content": "a"}))
        .await;
    assert_eq!(
        (limited.status.as_u16(), limited.header("x-ratelimit-scope")),
        (429, "shared")
    );
    assert_eq!(limited.json()["retry_after"], 1.5);
    let lost = json!({"route": route, "status": 502, "after": true, "times": 1});
    sandbox.admin(Method::POST, "/faults", lost).await;
    assert_eq!(
        sandbox
            .rest(Method::POST, &path, json!({"content": "b"}))
            .await
            .status,
        502
    );
    let said = call(&sandbox, Method::GET, path).await.json();
    assert_eq!(said[0]["content"], "b");
}

#[tokio::test]
async fn commands_are_created_changed_and_deleted_one_by_one() {
    let (sandbox, _) = start().await;
    let application = sandbox
        .rest(Method::GET, "/applications/@me", Value::Null)
        .await
        .json();
    let path = format!("/applications/{}/commands", id(&application));
    let body =
        json!({"name": "hi", "description": "says hi", "name_localizations": {"de": "hallo"}});
    let made = sandbox.rest(Method::POST, &path, body.clone()).await;
    assert_eq!(made.status, 201);
    assert_eq!(sandbox.rest(Method::POST, &path, body).await.status, 200);
    let one = format!("{path}/{}", id(&made.json()));
    let edited = sandbox
        .rest(Method::PATCH, &one, json!({"description": "says ho"}))
        .await
        .json();
    assert_eq!(
        (&edited["description"], &edited["id"]),
        (&json!("says ho"), &made.json()["id"])
    );
    let listed = call(&sandbox, Method::GET, path.clone()).await.json();
    assert!(listed[0].get("name_localizations").is_none());
    let listed = call(
        &sandbox,
        Method::GET,
        format!("{path}?with_localizations=true"),
    )
    .await
    .json();
    assert_eq!(listed[0]["name_localizations"]["de"], "hallo");
    assert_eq!(
        call(&sandbox, Method::DELETE, one.clone()).await.status,
        204
    );
    call(&sandbox, Method::GET, one)
        .await
        .assert_refused(404, 10_063);
}
