//! The gateway, met by the client library that our gateway is built on (zstd-stream).

use std::time::Duration;

use futures_util::StreamExt as _;
use http::Method;
use serde_json::json;
use tokio::time::timeout;
use twilight_gateway::{
    CloseFrame, ConfigBuilder, Event, EventTypeFlags, Intents, Message, Session, Shard, ShardId,
};

use crate::sandbox_world::Sandbox;

const LONGEST: Duration = Duration::from_secs(10);
const MESSAGES: Intents = Intents::GUILD_MESSAGES
    .union(Intents::DIRECT_MESSAGES)
    .union(Intents::MESSAGE_CONTENT);

fn config(sandbox: &Sandbox, token: &str, intents: Intents) -> ConfigBuilder {
    drop(rustls::crypto::ring::default_provider().install_default());
    let url = format!("ws://{}/gateway", sandbox.address);
    ConfigBuilder::new(token.to_owned(), intents).proxy_url(url)
}

fn shard(sandbox: &Sandbox, intents: Intents) -> Shard {
    let config = config(sandbox, "sandbox-token", intents);
    Shard::with_config(ShardId::ONE, config.build())
}

fn resuming(sandbox: &Sandbox, session: Session) -> Shard {
    let config = config(sandbox, "sandbox-token", MESSAGES).session(session);
    Shard::with_config(ShardId::ONE, config.build())
}

/// Reads on until `find` finds something.
async fn until<T>(shard: &mut Shard, mut find: impl FnMut(Event) -> Option<T>) -> T {
    let reading = async {
        loop {
            let message = shard.next().await.expect("the shard goes on");
            let Ok(Message::Text(text)) = message else {
                continue;
            };
            let event = twilight_gateway::parse(text, EventTypeFlags::all()).unwrap();
            if let Some(found) = event.map(Event::from).and_then(&mut find) {
                return found;
            }
        }
    };
    timeout(LONGEST, reading)
        .await
        .expect("the event comes in time")
}

async fn ready(shard: &mut Shard) {
    until(shard, |event| {
        matches!(event, Event::Ready(_)).then_some(())
    })
    .await;
}

async fn said(shard: &mut Shard) -> String {
    until(shard, |event| match event {
        Event::MessageCreate(message) => Some(message.content.clone()),
        _ => None,
    })
    .await
}

async fn close_code(shard: &mut Shard) -> Option<u16> {
    let reading = async {
        loop {
            if let Ok(Message::Close(frame)) = shard.next().await.expect("a close comes first") {
                return frame.map(|frame| frame.code);
            }
        }
    };
    timeout(LONGEST, reading)
        .await
        .expect("the close comes in time")
}

#[tokio::test]
async fn an_identified_client_hears_messages_in_order() {
    let sandbox = Sandbox::start().await;
    let mut shard = shard(&sandbox, MESSAGES);
    ready(&mut shard).await;
    for number in 0..50 {
        sandbox.say(&format!("number {number}")).await;
    }
    for number in 0..50 {
        assert_eq!(said(&mut shard).await, format!("number {number}"));
    }
}

#[tokio::test]
async fn messages_edits_and_deletions_have_todays_shape() {
    let sandbox = Sandbox::start().await;
    let mut shard = shard(&sandbox, MESSAGES);
    ready(&mut shard).await;
    let first = sandbox.say("first").await;
    let (channel, id) = (
        &first["channel_id"].as_str().unwrap(),
        &first["id"].as_str().unwrap(),
    );
    let path = format!("/channels/{channel}/messages/{id}");
    let reply = json!({"user": "bob", "content": "yes", "reply_to": id.parse::<u64>().unwrap()});
    sandbox.admin(Method::POST, "/messages", reply).await;
    sandbox
        .admin(Method::PATCH, &path, json!({"content": "second"}))
        .await;
    sandbox.admin(Method::DELETE, &path, json!(null)).await;
    let answered = until(&mut shard, |event| match event {
        Event::MessageCreate(message) => message.referenced_message.clone(),
        _ => None,
    });
    assert_eq!(answered.await.content, "first");
    let edited = until(&mut shard, |event| match event {
        Event::MessageUpdate(message) => Some((message.content.clone(), message.edited_timestamp)),
        _ => None,
    });
    let (content, edited_at) = edited.await;
    assert!(content == "second" && edited_at.is_some());
    let deleted = until(&mut shard, |event| match event {
        Event::MessageDelete(message) => Some(message.id.to_string()),
        _ => None,
    });
    assert_eq!(deleted.await, **id);
}

#[tokio::test]
async fn a_dropped_socket_is_resumed_and_what_was_missed_is_replayed() {
    let sandbox = Sandbox::start().await;
    let mut first = shard(&sandbox, MESSAGES);
    ready(&mut first).await;
    sandbox.say("heard").await;
    assert_eq!(said(&mut first).await, "heard");
    let session = first.session().unwrap().clone();
    drop(first);
    sandbox.say("missed").await;
    let mut second = resuming(&sandbox, session);
    assert_eq!(said(&mut second).await, "missed");
    until(&mut second, |event| {
        matches!(event, Event::Resumed).then_some(())
    })
    .await;
    sandbox.say("new").await;
    assert_eq!(said(&mut second).await, "new");
    assert_eq!(sandbox.stat("identifies").await, 1);
}

#[tokio::test]
async fn an_older_sequence_replays_what_came_after_it() {
    let sandbox = Sandbox::start().await;
    let mut first = shard(&sandbox, MESSAGES);
    ready(&mut first).await;
    let at_ready = first.session().unwrap().clone();
    for content in ["one", "two"] {
        sandbox.say(content).await;
        assert_eq!(said(&mut first).await, content);
    }
    drop(first);
    let mut second = resuming(&sandbox, at_ready);
    assert_eq!(said(&mut second).await, "one");
    assert_eq!(said(&mut second).await, "two");
}

#[tokio::test]
async fn a_broken_socket_is_taken_up_again_by_the_client_itself() {
    let sandbox = Sandbox::start().await;
    let mut shard = shard(&sandbox, MESSAGES);
    ready(&mut shard).await;
    sandbox
        .admin(Method::POST, "/gateway", json!({"action": "drop"}))
        .await;
    sandbox.say("meanwhile").await;
    assert_eq!(said(&mut shard).await, "meanwhile");
    assert_eq!(sandbox.stat("resumes").await, 1);
}

#[tokio::test]
async fn closing_with_1000_ends_the_session() {
    let sandbox = Sandbox::start().await;
    let mut first = shard(&sandbox, MESSAGES);
    ready(&mut first).await;
    let session = first.session().unwrap().clone();
    first.close(CloseFrame::NORMAL);
    close_code(&mut first).await;
    let mut second = resuming(&sandbox, session);
    let is_resumable = until(&mut second, |event| match event {
        Event::GatewayInvalidateSession(is_resumable) => Some(is_resumable),
        _ => None,
    });
    assert!(!is_resumable.await);
}

#[tokio::test]
async fn closing_with_4000_keeps_the_session() {
    let sandbox = Sandbox::start().await;
    let mut first = shard(&sandbox, MESSAGES);
    ready(&mut first).await;
    let session = first.session().unwrap().clone();
    first.close(CloseFrame::RESUME);
    close_code(&mut first).await;
    let mut second = resuming(&sandbox, session);
    until(&mut second, |event| {
        matches!(event, Event::Resumed).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_wrong_token_is_closed_with_4004() {
    let sandbox = Sandbox::start().await;
    let config = config(&sandbox, "wrong", MESSAGES).build();
    let mut shard = Shard::with_config(ShardId::ONE, config);
    assert_eq!(close_code(&mut shard).await, Some(4_004));
}

#[tokio::test]
async fn intents_that_are_not_allowed_are_closed_with_4014() {
    let sandbox = Sandbox::start().await;
    let mut shard = shard(&sandbox, MESSAGES | Intents::GUILD_MEMBERS);
    assert_eq!(close_code(&mut shard).await, Some(4_014));
}

#[tokio::test]
async fn intents_that_do_not_exist_are_closed_with_4013() {
    let sandbox = Sandbox::start().await;
    let mut shard = shard(&sandbox, Intents::from_bits_retain(1 << 30));
    assert_eq!(close_code(&mut shard).await, Some(4_013));
}

#[tokio::test]
async fn content_is_withheld_without_its_intent_unless_it_mentions_the_bot() {
    let sandbox = Sandbox::start().await;
    let mut shard = shard(&sandbox, Intents::GUILD_MESSAGES | Intents::DIRECT_MESSAGES);
    ready(&mut shard).await;
    sandbox.say("not for you").await;
    let addressed = json!({"content": "for you", "address": true});
    sandbox.admin(Method::POST, "/messages", addressed).await;
    sandbox
        .admin(
            Method::POST,
            "/messages",
            json!({"content": "direct", "dm": true}),
        )
        .await;
    assert_eq!(said(&mut shard).await, "");
    assert!(said(&mut shard).await.ends_with("> for you"));
    assert_eq!(said(&mut shard).await, "direct");
}

#[tokio::test]
async fn servers_are_told_only_with_their_intent() {
    let sandbox = Sandbox::start().await;
    let mut shard = shard(&sandbox, MESSAGES | Intents::GUILDS);
    let name = until(&mut shard, |event| match event {
        Event::GuildCreate(created) => match *created {
            twilight_model::gateway::payload::incoming::GuildCreate::Available(guild) => {
                Some((guild.name, guild.channels.len()))
            }
            twilight_model::gateway::payload::incoming::GuildCreate::Unavailable(_) => None,
        },
        _ => None,
    });
    assert_eq!(name.await, ("Sandbox".to_owned(), 2));
}

#[tokio::test]
async fn a_command_reaches_the_bot_with_its_options() {
    let sandbox = Sandbox::start().await;
    let application = sandbox
        .rest(Method::GET, "/applications/@me", json!(null))
        .await
        .json();
    let path = format!(
        "/applications/{}/commands",
        application["id"].as_str().unwrap()
    );
    let ping = json!([{"name": "tool", "description": "Tools", "options": [{
        "type": 1, "name": "ping", "description": "Ping", "options": [
            {"type": 3, "name": "text", "description": "Text"},
            {"type": 4, "name": "count", "description": "Count"},
        ],
    }]}]);
    assert_eq!(sandbox.rest(Method::PUT, &path, ping).await.status, 200);
    let mut shard = shard(&sandbox, MESSAGES);
    ready(&mut shard).await;
    let typed = json!({"command": "/tool ping text:two words count:3"});
    sandbox.admin(Method::POST, "/interactions", typed).await;
    let interaction = until(&mut shard, |event| match event {
        Event::InteractionCreate(interaction) => Some(interaction.0),
        _ => None,
    });
    let interaction = interaction.await;
    assert_eq!(interaction.author().unwrap().name, "alice");
    let data = serde_json::to_value(interaction.data.unwrap()).unwrap();
    let options = &data["options"][0]["options"];
    assert_eq!(
        (&options[0]["value"], &options[1]["value"]),
        (&json!("two words"), &json!(3))
    );
}
