//! Webhooks: addresses through which messages appear under any name.

use proto::id::{ChannelId, GuildId, UserId};
use serde_json::json;
use xxhash_rust::xxh3::xxh3_128_with_seed;

use super::World;
use super::sessions::Event;

/// Intent bit for webhooks.
const GUILD_WEBHOOKS: u64 = 1 << 5;

/// A webhook of a channel.
#[derive(Clone, Debug)]
pub(crate) struct Webhook {
    pub(crate) id: u64,
    pub(crate) token: String,
    pub(crate) guild: GuildId,
    pub(crate) channel: ChannelId,
    pub(crate) name: String,
    /// The hash of its picture.
    pub(crate) avatar: Option<String>,
    pub(crate) creator: UserId,
}

/// Under which name and picture a webhook's message appears.
#[derive(Clone, Debug)]
pub(crate) struct Persona {
    pub(crate) webhook: u64,
    pub(crate) name: String,
    /// The hash of the webhook's picture, or the picture's address for this message.
    pub(crate) avatar: Option<String>,
    pub(crate) is_ours: bool,
}

impl World {
    /// Adds a webhook to a channel.
    pub(crate) fn add_webhook(
        &mut self,
        (guild, channel): (GuildId, ChannelId),
        name: String,
        avatar: Option<String>,
        creator: UserId,
    ) -> u64 {
        let id = self.next_id();
        let secret = |part: u64| xxh3_128_with_seed(&id.to_le_bytes(), self.seed ^ part);
        // 68 letters, as Discord's.
        let token = format!("{:032x}{:032x}hook", secret(1), secret(2));
        let hook = Webhook {
            id,
            token,
            guild,
            channel,
            name,
            avatar,
            creator,
        };
        self.webhooks.insert(id, hook);
        self.tell_webhooks(guild, channel);
        id
    }

    /// Tells sessions that a channel's webhooks changed.
    pub(crate) fn tell_webhooks(&mut self, guild: GuildId, channel: ChannelId) {
        let body = json!({"guild_id": guild.to_string(), "channel_id": channel.to_string()});
        self.dispatch(&Event::new(
            "WEBHOOKS_UPDATE",
            Some(guild),
            GUILD_WEBHOOKS,
            &body,
        ));
    }
}
