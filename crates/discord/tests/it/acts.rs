//! Threads and reactions, and what permissions are made of.

use std::time::Duration;

use discord::{Error, Member, NewThread, Overwrite, Wanted};
use proto::id::{ChannelId, GuildId, MessageId, UserId};
use serde_json::json;
use tokio::time::Instant;
use twilight_model::guild::Permissions;

use crate::server::{Reply, Server, json_reply, posted, refused};

const CHANNEL: ChannelId = ChannelId(10);
const GUILD: GuildId = GuildId(20);
const TEA: NewThread<'_> = NewThread {
    name: "tea",
    is_announcement: false,
};

fn wanted(may_send: &(dyn Fn() -> bool + Send + Sync)) -> Wanted<'_> {
    Wanted {
        until: Instant::now() + Duration::from_secs(5),
        may_send,
    }
}

#[tokio::test]
async fn a_thread_is_public_and_its_id_comes_back() {
    let server = Server::replying(vec![posted(77)]).await;

    let client = server.client();
    let made = client.create_thread(CHANNEL, TEA, wanted(&|| true)).await;

    assert_eq!(made.unwrap(), ChannelId(77));
    let request = server.only();
    assert_eq!(request.path, "/api/v10/channels/10/threads");
    assert_eq!(request.body, json!({"name": "tea", "type": 11}));
}

/// Discord knows no nonce for threads: a second request would make a second one.
#[tokio::test]
async fn a_thread_in_doubt_is_not_asked_for_again() {
    for reply in [json_reply(502, json!({})), Reply::Close] {
        let server = Server::replying(vec![reply]).await;

        let client = server.client();
        let made = client.create_thread(CHANNEL, TEA, wanted(&|| true)).await;

        let error = made.unwrap_err();
        assert!(matches!(error, Error::InDoubt { .. }), "{error:?}");
        assert_eq!(server.received().len(), 1);
    }
}

#[tokio::test]
async fn what_may_not_be_sent_any_more_is_not_sent() {
    let server = Server::replying(vec![posted(77)]).await;

    let client = server.client();
    let made = client.create_thread(CHANNEL, TEA, wanted(&|| false)).await;

    assert!(matches!(made, Err(Error::NotSent { .. })));
    assert!(server.received().is_empty());
}

#[tokio::test]
async fn a_reaction_is_repeated_until_it_is_there() {
    let server = Server::replying(vec![json_reply(502, json!({})), posted(1)]).await;

    let client = server.client();
    let added = client
        .add_reaction((CHANNEL, MessageId(5)), "👍", wanted(&|| true))
        .await;

    added.unwrap();
    let received = server.received();
    assert_eq!(received.len(), 2);
    assert_eq!(received[0].method, "PUT");
    assert_eq!(
        received[0].path,
        "/api/v10/channels/10/messages/5/reactions/%F0%9F%91%8D/@me"
    );
}

#[tokio::test]
async fn servers_channels_and_members_are_read_as_far_as_permissions_need_them() {
    let guild = json!({"owner_id": "3", "name": "x", "roles": [
        {"id": "20", "permissions": "1024", "name": "@everyone", "extra": {}},
    ]});
    let channel = json!({"type": 11, "guild_id": "20", "parent_id": "9", "permission_overwrites": [
        {"id": "20", "type": 0, "allow": "0", "deny": "2048"},
        {"id": "3", "type": 1, "allow": "2048", "deny": "0"},
    ]});
    let member = json!({"roles": ["21"], "communication_disabled_until":
        "2026-01-01T00:00:00.000000+00:00", "user": {"id": "3", "bot": true}});
    let replies = [guild.clone(), guild, channel, member].map(|body| json_reply(200, body));
    let server = Server::replying(replies.to_vec()).await;
    let client = server.client();

    let name = client.guild_name(GUILD).await.unwrap();
    let guild = client.guild(GUILD).await.unwrap();
    let channel = client.channel(CHANNEL).await.unwrap();
    let member = client.member(GUILD, UserId(3)).await.unwrap();

    assert_eq!((name.as_str(), guild.owner), ("x", UserId(3)));
    assert_eq!(guild.roles, [(20, Permissions::VIEW_CHANNEL)]);
    assert!(channel.is_thread() && !channel.is_announcement());
    assert_eq!(
        (channel.guild, channel.parent),
        (Some(GUILD), Some(ChannelId(9)))
    );
    let expected = Overwrite {
        id: 3,
        is_member: true,
        allow: Permissions::SEND_MESSAGES,
        deny: Permissions::empty(),
    };
    assert_eq!(channel.overwrites[1], expected);
    let expected = Member {
        roles: vec![21],
        timed_out_until: Some(1_767_225_600),
        is_bot: true,
    };
    assert_eq!(member, Some(expected));
}

#[tokio::test]
async fn who_is_not_in_a_server_is_no_member() {
    for code in [10_007, 10_013] {
        let server = Server::replying(vec![refused(404, code)]).await;
        let member = server.client().member(GUILD, UserId(3)).await;
        assert_eq!(member.unwrap(), None);
    }
}
