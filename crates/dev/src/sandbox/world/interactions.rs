//! Uses of commands, buttons, selects and forms, and what the bot answered.

use std::collections::BTreeMap;

use proto::id::{ChannelId, GuildId, InteractionId, MessageId, UserId};
use serde_json::{Value, json};
use xxhash_rust::xxh3::xxh3_128_with_seed;

use super::World;
use super::messages::Cause;
use super::sessions::Event;
use crate::sandbox::{clock, shape};

/// Interactions kept; their tokens live 15 minutes at most.
const KEPT: usize = 20_000;
/// Attachments of up to 10 MiB, as for people and servers without a paid plan.
const ATTACHMENT_LIMIT: u64 = 10 * 1024 * 1024;

/// Kinds of interactions (Discord interactions page, 2026-11).
pub(crate) const KIND_COMMAND: u8 = 2;
pub(crate) const KIND_COMPONENT: u8 = 3;
pub(crate) const KIND_AUTOCOMPLETE: u8 = 4;
pub(crate) const KIND_MODAL: u8 = 5;

/// How tokens of interactions begin; those of webhooks do not.
pub(crate) const TOKEN_PREFIX: &str = "aW50ZXJhY3Rpb24";

/// Somebody's use of a command, a component or a form.
#[derive(Debug)]
pub(crate) struct Use {
    pub(crate) kind: u8,
    pub(crate) user: UserId,
    pub(crate) channel: ChannelId,
    pub(crate) data: Value,
    /// The message whose component was used, or whose form was sent.
    pub(crate) source: Option<MessageId>,
}

/// A use and what became of it.
#[derive(Debug)]
pub(crate) struct Interaction {
    pub(crate) id: InteractionId,
    pub(crate) token: String,
    pub(crate) used: Use,
    pub(crate) guild: Option<GuildId>,
    pub(crate) created_ms: u64,
    /// The type of the first answer.
    pub(crate) answer: Option<u8>,
    pub(crate) answered_ms: Option<u64>,
    /// The form that was opened.
    pub(crate) modal: Option<Value>,
    /// The choices that were offered for an option.
    pub(crate) choices: Option<Value>,
    /// The message that is `@original`.
    pub(crate) original: Option<MessageId>,
    /// Deferred, and the answer has not come yet.
    pub(crate) is_pending: bool,
    pub(crate) follow_ups: Vec<MessageId>,
}

impl Interaction {
    /// Returns what messages that answer it say about it.
    pub(crate) fn cause(&self) -> Cause {
        Cause {
            id: self.id,
            kind: self.used.kind,
            user: self.used.user,
        }
    }

    /// Tells whether no first answer is accepted any more.
    pub(crate) fn is_dead(&self, now_ms: u64, answer_ms: u64) -> bool {
        self.answer.is_none() && now_ms > self.created_ms + answer_ms
    }

    /// Tells whether the person has the final answer, or sees that none comes.
    pub(crate) fn is_settled(&self, now_ms: u64, answer_ms: u64) -> bool {
        (self.answer.is_some() && !self.is_pending) || self.is_dead(now_ms, answer_ms)
    }
}

/// All interactions by id.
#[derive(Debug, Default)]
pub(crate) struct Interactions {
    by_id: BTreeMap<InteractionId, Interaction>,
    by_token: BTreeMap<String, InteractionId>,
}

impl Interactions {
    /// Returns an interaction.
    pub(crate) fn get(&self, id: InteractionId) -> Option<&Interaction> {
        self.by_id.get(&id)
    }

    /// Returns an interaction to change it.
    pub(crate) fn get_mut(&mut self, id: InteractionId) -> Option<&mut Interaction> {
        self.by_id.get_mut(&id)
    }

    /// Returns the interaction of a token.
    pub(crate) fn of_token(&self, token: &str) -> Option<&Interaction> {
        self.by_token.get(token).and_then(|id| self.by_id.get(id))
    }

    fn keep(&mut self, interaction: Interaction) {
        self.by_token
            .insert(interaction.token.clone(), interaction.id);
        self.by_id.insert(interaction.id, interaction);
        let is_full = self.by_id.len() > KEPT;
        if let Some((_, oldest)) = is_full.then(|| self.by_id.pop_first()).flatten() {
            self.by_token.remove(&oldest.token);
        }
    }
}

impl World {
    /// Tells the bot that somebody used something.
    pub(crate) fn interact(&mut self, used: Use) -> InteractionId {
        let id = InteractionId(self.next_id());
        let secret = xxh3_128_with_seed(&id.0.to_le_bytes(), self.seed);
        let place = self.places.channels.get(&used.channel);
        let interaction = Interaction {
            id,
            token: format!("{TOKEN_PREFIX}{secret:032x}"),
            guild: place.and_then(super::places::Channel::guild),
            used,
            created_ms: clock::now_ms(),
            answer: None,
            answered_ms: None,
            modal: None,
            choices: None,
            original: None,
            is_pending: false,
            follow_ups: Vec::new(),
        };
        let body = self.interaction_event(&interaction);
        let event = Event::new("INTERACTION_CREATE", interaction.guild, 0, &body);
        self.interactions.keep(interaction);
        self.dispatch(&event);
        id
    }

    fn interaction_event(&self, interaction: &Interaction) -> Value {
        let used = &interaction.used;
        let app_permissions = self.permissions(used.channel, self.bot()).to_string();
        let mut body = json!({
            "version": 1, "type": interaction.used.kind, "token": interaction.token,
            "locale": "en-US", "id": interaction.id.to_string(), "data": used.data,
            "entitlements": [], "entitlement_sku_ids": [],
            "channel_id": used.channel.to_string(), "channel": self.interaction_channel(used),
            "authorizing_integration_owners": shape::owners(interaction.guild),
            "attachment_size_limit": ATTACHMENT_LIMIT, "app_permissions": app_permissions,
            "application_id": self.application().to_string(),
            "context": u8::from(interaction.guild.is_none()),
        });
        match interaction.guild {
            Some(guild) => {
                let mut member = shape::member(self, guild, used.user).unwrap_or_default();
                let permissions = self.permissions(used.channel, used.user).to_string();
                shape::set(&mut member, "permissions", permissions.into());
                shape::set(&mut body, "member", member);
                shape::set(&mut body, "guild_id", guild.to_string().into());
                shape::set(&mut body, "guild_locale", "en-US".into());
                let partial = json!({"id": guild.to_string(), "locale": "en-US", "features": []});
                shape::set(&mut body, "guild", partial);
            }
            None => shape::set(&mut body, "user", shape::user(self, used.user)),
        }
        if let Some(message) = used.source.and_then(|id| self.message(used.channel, id)) {
            shape::set(&mut body, "message", shape::message(self, message));
        }
        body
    }

    fn interaction_channel(&self, used: &Use) -> Value {
        let mut channel = shape::channel(self, used.channel).unwrap_or_default();
        let permissions = self.permissions(used.channel, used.user).to_string();
        shape::set(&mut channel, "permissions", permissions.into());
        channel
    }
}
