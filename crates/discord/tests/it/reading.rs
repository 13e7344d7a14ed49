//! Reading and removing messages, and the typing sign.

use discord::Page;
use proto::id::{ChannelId, MessageId};
use serde_json::{Value, json};

use crate::server::{Reply, Server, json_reply, refused};

const CHANNEL: ChannelId = ChannelId(10);

fn message(id: u64) -> Value {
    json!({
        "id": id.to_string(), "channel_id": "10", "content": "hi", "type": 0, "tts": false,
        "timestamp": "2026-01-01T00:00:00.000000+00:00", "edited_timestamp": null,
        "mention_everyone": false, "mentions": [], "mention_roles": [], "attachments": [],
        "embeds": [], "pinned": false, "flags": 0, "components": [],
        "author": {
            "id": "3", "username": "ann", "discriminator": "0", "avatar": null, "global_name": "Ann"
        },
    })
}

#[tokio::test]
async fn a_page_is_read_in_discords_order_without_what_cannot_be_read() {
    let page = json!([message(3), { "id": "x" }, 7, message(1)]);
    let server = Server::replying(vec![json_reply(200, page)]).await;

    let messages = server
        .client()
        .messages(CHANNEL, Page::Latest, 50)
        .await
        .unwrap();

    assert_eq!(
        messages
            .iter()
            .map(|message| message.id.get())
            .collect::<Vec<_>>(),
        [3, 1]
    );
    assert_eq!(server.only().path, "/api/v10/channels/10/messages?limit=50");
    assert_eq!(server.only().method, "GET");
}

#[tokio::test]
async fn pages_before_and_after_a_message_are_bounded() {
    let server = Server::replying(vec![json_reply(200, json!([]))]).await;
    let client = server.client();

    client
        .messages(CHANNEL, Page::Before(MessageId(5)), 0)
        .await
        .unwrap();
    client
        .messages(CHANNEL, Page::After(MessageId(6)), 500)
        .await
        .unwrap();

    let received = server.received();
    assert!(received[0].path.contains("before=5") && received[0].path.contains("limit=1"));
    assert!(received[1].path.contains("after=6") && received[1].path.contains("limit=100"));
}

#[tokio::test]
async fn one_message_is_read() {
    let server = Server::replying(vec![json_reply(200, message(4))]).await;

    let found = server
        .client()
        .message(CHANNEL, MessageId(4))
        .await
        .unwrap();

    assert_eq!(found.unwrap().content, "hi");
    assert_eq!(server.only().path, "/api/v10/channels/10/messages/4");
}

#[tokio::test]
async fn a_message_that_does_not_exist_is_none() {
    let server = Server::replying(vec![refused(404, 10_008)]).await;

    assert!(
        server
            .client()
            .message(CHANNEL, MessageId(4))
            .await
            .unwrap()
            .is_none()
    );
}

/// CHAT-57.
#[tokio::test]
async fn typing_is_shown() {
    let server = Server::replying(vec![Reply::Answer(204, Vec::new(), String::new())]).await;

    server.client().typing(CHANNEL).await.unwrap();

    assert_eq!(server.only().path, "/api/v10/channels/10/typing");
    assert_eq!(server.only().headers["content-length"], "0");
}

#[tokio::test]
async fn removing_a_message_that_is_gone_is_no_error() {
    let server = Server::replying(vec![refused(404, 10_008), refused(403, 50_013)]).await;
    let client = server.client();
    client.delete_message(CHANNEL, MessageId(5)).await.unwrap();
    let refused = client.delete_message(CHANNEL, MessageId(5)).await;
    assert_eq!(refused.unwrap_err().code(), Some(50_013));
    assert_eq!(server.received()[0].method, "DELETE");
    assert_eq!(server.received()[0].path, "/api/v10/channels/10/messages/5");
}
