//! Tools: what a persona does besides speaking, when its model asks for it.
//!
//! There is one [`gate`], pure and in front of every use: what it refuses does not run, and the
//! model is told why. Then one file per tool. A use with effects is journaled before and after, so
//! none runs twice, whoever dies (DESIGN §4). Discord's ids never reach the model, and tools take
//! nothing but the [`handles`] of this turn (CHAT-63). Tools of tool servers are [`borrowed`]: they go through
//! the same gate and the same journal.

mod block;
mod borrowed;
mod create_thread;
mod interact;
mod review;

mod gate;
mod handles;
mod limits;
mod outcome;
mod rights;
mod toolbox;

use discord::Wanted;
use proto::id::{ChannelId, MessageId, TenantId, UserId};
use serde_json::Value;
use store::{Lease, PersonaId, Store, ToolSwitches, TriggerKind};
use twilight_model::guild::Permissions;

use crate::pipeline::neutralise;

pub(crate) use self::borrowed::{BorrowedTool, borrow, offer_of};
pub(crate) use self::handles::Handles;
pub use self::limits::Bounds;
pub(crate) use self::outcome::Outcome;
pub(crate) use self::rights::Rights;
pub(crate) use self::toolbox::Toolbox;

/// SHA-256 of a tool and its arguments.
pub(crate) type CallHash = [u8; 32];

/// A tool that this version has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tool {
    BlockUser,
    CreateThread,
    InteractWithRecentMessage,
    ReviewCapabilities,
    UnblockUser,
}

impl Tool {
    pub(crate) const ALL: [Self; 5] = [
        Self::BlockUser,
        Self::CreateThread,
        Self::InteractWithRecentMessage,
        Self::ReviewCapabilities,
        Self::UnblockUser,
    ];

    /// Returns the name by which models and the journal know it.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::BlockUser => "block_user",
            Self::CreateThread => "create_thread",
            Self::InteractWithRecentMessage => "interact_with_recent_message",
            Self::ReviewCapabilities => "review_capabilities",
            Self::UnblockUser => "unblock_user",
        }
    }

    pub(crate) fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|tool| tool.name() == name)
    }

    /// Tells whether the server has it switched on.
    const fn is_on(self, switches: ToolSwitches) -> bool {
        match self {
            Self::CreateThread => switches.thread_creation,
            Self::BlockUser
            | Self::InteractWithRecentMessage
            | Self::ReviewCapabilities
            | Self::UnblockUser => switches.tool_use,
        }
    }

    /// Returns what the caller must be allowed in the channel (CHAT section 9).
    const fn caller_needs(self) -> Permissions {
        match self {
            Self::CreateThread => Permissions::CREATE_PUBLIC_THREADS,
            Self::InteractWithRecentMessage => Permissions::ADD_REACTIONS,
            Self::BlockUser | Self::ReviewCapabilities | Self::UnblockUser => Permissions::empty(),
        }
    }

    /// Returns what the bot must be allowed in the channel. Whether it may speak there shows when
    /// it speaks.
    const fn bot_needs(self) -> Permissions {
        match self {
            Self::CreateThread => Permissions::CREATE_PUBLIC_THREADS,
            Self::InteractWithRecentMessage => {
                Permissions::ADD_REACTIONS.union(Permissions::READ_MESSAGE_HISTORY)
            }
            Self::BlockUser | Self::ReviewCapabilities | Self::UnblockUser => Permissions::empty(),
        }
    }

    /// Tells whether people must want it, and not only something that was read (CHAT section 9, column S).
    const fn needs_own_word(self) -> bool {
        match self {
            Self::BlockUser | Self::CreateThread | Self::UnblockUser => true,
            Self::InteractWithRecentMessage | Self::ReviewCapabilities => false,
        }
    }

    /// Tells whether it is of no use in direct messages.
    const fn is_for_servers(self) -> bool {
        match self {
            Self::BlockUser | Self::CreateThread | Self::UnblockUser => true,
            Self::InteractWithRecentMessage | Self::ReviewCapabilities => false,
        }
    }

    /// Returns what the model is told of it.
    fn offer(self, bounds: Bounds) -> llm::Tool {
        let (description, schema): (&str, Value) = match self {
            Self::BlockUser => block::offer(bounds.block_hours),
            Self::UnblockUser => block::offer_unblock(),
            Self::CreateThread => create_thread::offer(),
            Self::InteractWithRecentMessage => interact::offer(),
            Self::ReviewCapabilities => review::offer(),
        };
        llm::Tool {
            name: self.name().to_owned(),
            description: description.to_owned(),
            schema,
        }
    }
}

/// Where a turn's tools are used, and for whom.
#[derive(Clone, Debug)]
pub(crate) struct Scene {
    pub(crate) tenant: TenantId,
    pub(crate) channel: ChannelId,
    /// On whose behalf the turn runs: nothing is done that this user may not do.
    pub(crate) caller: UserId,
    pub(crate) kind: TriggerKind,
    /// Who speaks.
    pub(crate) persona: PersonaId,
    /// What that one is called.
    pub(crate) name: String,
    pub(crate) switches: ToolSwitches,
}

impl Scene {
    /// Returns the tools that the model is offered here. The answer to a stop is one sentence.
    fn offered(&self) -> Vec<Tool> {
        if self.kind == TriggerKind::Stop {
            return Vec::new();
        }
        let fits = |tool: &Tool| !(tool.is_for_servers() && self.tenant.is_direct());
        let is_on = |tool: &Tool| tool.is_on(self.switches);
        Tool::ALL.into_iter().filter(is_on).filter(fits).collect()
    }
}

/// What a use of a tool changes that people see.
#[derive(Clone, PartialEq, Eq)]
pub(crate) enum Effect {
    CreateThread {
        name: String,
        is_announcement: bool,
    },
    React {
        message: MessageId,
        emoji: String,
    },
    Reply {
        message: MessageId,
        text: String,
    },
    Block(block::Order),
    Unblock {
        persona: PersonaId,
        user: UserId,
    },
    /// Whatever it does, it is not known here.
    Call(borrowed::Call),
}

/// On whose behalf something is done, and where.
#[derive(Clone, Copy)]
pub(crate) struct Actor<'a> {
    pub(crate) discord: &'a discord::Client,
    pub(crate) store: &'a Store,
    /// Under which the turn may change something.
    pub(crate) lease: &'a Lease,
    pub(crate) channel: ChannelId,
    /// The same for every attempt of the same use.
    pub(crate) nonce: u64,
}

impl Effect {
    /// Does it.
    pub(crate) async fn take(
        &self,
        actor: Actor<'_>,
        wanted: Wanted<'_>,
    ) -> Result<Outcome, discord::Error> {
        let Actor {
            discord, channel, ..
        } = actor;
        match self {
            Self::CreateThread {
                name,
                is_announcement,
            } => create_thread::act(discord, channel, (name, *is_announcement), wanted).await,
            Self::React { message, emoji } => {
                interact::react(discord, (channel, *message), emoji, wanted).await
            }
            Self::Reply { message, text } => {
                let reply = interact::NewReply {
                    to: *message,
                    text,
                    nonce: actor.nonce,
                };
                interact::reply(discord, channel, reply, wanted).await
            }
            Self::Block(order) => Ok(block::act(actor, order).await),
            Self::Unblock { persona, user } => Ok(block::undo(actor, *persona, *user).await),
            // The last look before it is sent, as before a post.
            Self::Call(_) if !(wanted.may_send)() => Ok(Outcome::NotReached),
            Self::Call(call) => Ok(borrowed::act(call).await),
        }
    }

    /// Takes what would call everybody out of words, like out of any post.
    fn neutralised(self, persona: &str) -> Self {
        match self {
            Self::Reply { message, text } => Self::Reply {
                message,
                text: neutralise(&text, persona),
            },
            other => other,
        }
    }
}

impl std::fmt::Debug for Effect {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::CreateThread { .. } => "CreateThread",
            Self::React { .. } => "React",
            Self::Reply { .. } => "Reply",
            Self::Block(_) => "Block",
            Self::Unblock { .. } => "Unblock",
            Self::Call(_) => "Call",
        })
    }
}
