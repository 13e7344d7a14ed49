//! The bot itself and its commands.

use proto::id::{ApplicationId, GuildId, UserId};
use serde_json::{Value, json};
use twilight_model::application::command::{Command, CommandType};

use crate::server::{Server, json_reply};

fn command() -> Value {
    json!({
        "id": "1", "application_id": "2", "version": "3", "type": 1, "name": "setup",
        "name_localizations": null, "description": "Sets up", "description_localizations": null,
        "default_member_permissions": null, "nsfw": false, "options": [],
    })
}

#[tokio::test]
async fn the_gateway_is_asked_for() {
    let body = json!({
        "url": "wss://gateway.discord.gg", "shards": 2,
        "session_start_limit": {
            "total": 1000, "remaining": 999, "reset_after": 14_400_000, "max_concurrency": 1
        },
    });
    let server = Server::replying(vec![json_reply(200, body)]).await;

    let gateway = server.client().gateway_bot().await.unwrap();

    assert_eq!(
        (gateway.shards, gateway.session_start_limit.max_concurrency),
        (2, 1)
    );
    assert_eq!(server.only().path, "/api/v10/gateway/bot");
}

#[tokio::test]
async fn the_bot_learns_who_it_is() {
    let server = Server::start(|_, request| match request.path.as_str() {
        "/api/v10/users/@me" => json_reply(200, json!({ "id": "4", "username": "Tomori" })),
        _ => json_reply(200, json!({ "id": "2", "name": "app", "flags": 1 << 19 })),
    })
    .await;
    let client = server.client();

    let user = client.current_user().await.unwrap();
    let application = client.current_application().await.unwrap();

    assert_eq!((user.id, user.name.as_str()), (UserId(4), "Tomori"));
    assert_eq!(application.id, ApplicationId(2));
    assert!(application.may_read_content());
    assert!(
        server.received()[1].path.ends_with("/@me"),
        "{}",
        server.received()[1].path
    );
}

#[tokio::test]
async fn an_application_without_flags_may_not_read_content() {
    let server = Server::replying(vec![json_reply(200, json!({ "id": "2", "name": "app" }))]).await;

    assert!(
        !server
            .client()
            .current_application()
            .await
            .unwrap()
            .may_read_content()
    );
}

/// CMD-80.
#[tokio::test]
async fn commands_are_read_with_translations_and_replaced_as_a_whole() {
    let server = Server::replying(vec![json_reply(200, json!([command()]))]).await;
    let client = server.client();

    let commands: Vec<Command> = client.commands(ApplicationId(2), None).await.unwrap();
    assert_eq!(commands[0].kind, CommandType::ChatInput);
    client
        .set_commands(ApplicationId(2), Some(GuildId(7)), &commands)
        .await
        .unwrap();

    let received = server.received();
    assert_eq!(
        received[0].path,
        "/api/v10/applications/2/commands?with_localizations=true"
    );
    assert_eq!(received[1].method, "PUT");
    assert_eq!(
        received[1].path,
        "/api/v10/applications/2/guilds/7/commands"
    );
    assert_eq!(received[1].body[0]["name"], "setup");
}
