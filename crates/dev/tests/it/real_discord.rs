//! What `./dev up` says about a token before it joins Discord; the sandbox answers for Discord.

use dev::sandbox::DEFAULT_TOKEN;
use dev::up::real::check;
use http::Method;
use serde_json::json;

use crate::sandbox_world::Sandbox;

#[tokio::test]
async fn a_good_token_yields_the_invitation() {
    let sandbox = Sandbox::start().await;
    let api = format!("http://{}/api/v10", sandbox.address);
    let sentence = check(&api, DEFAULT_TOKEN).await.unwrap();
    assert!(sentence.contains("https://discord.com/oauth2/authorize?client_id="));
}

#[tokio::test]
async fn a_wrong_token_is_told_from_an_unreachable_discord() {
    let sandbox = Sandbox::start().await;
    let api = format!("http://{}/api/v10", sandbox.address);
    let problem = check(&api, "wrong").await.unwrap_err().to_string();
    assert!(
        problem.contains("does not accept DISCORD_TOKEN"),
        "{problem}"
    );
    let problem = check("http://127.0.0.1:9", "wrong").await.unwrap_err();
    assert!(
        problem.to_string().contains("cannot be reached"),
        "{problem}"
    );
}

#[tokio::test]
async fn a_missing_intent_is_named_with_the_page_where_it_is_switched_on() {
    let sandbox = Sandbox::start().await;
    let (path, body) = ("/sandbox/settings", json!({"allowed_intents": 0}));
    let changed = sandbox.request(Method::PATCH, path, None, &body).await;
    assert!(changed.status.is_success());
    let api = format!("http://{}/api/v10", sandbox.address);
    let problem = check(&api, DEFAULT_TOKEN).await.unwrap_err().to_string();
    assert!(problem.contains("Message Content Intent"), "{problem}");
    assert!(
        problem.contains("https://discord.com/developers/applications/"),
        "{problem}"
    );
}
