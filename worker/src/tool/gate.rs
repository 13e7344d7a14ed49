//! The one gate in front of every use of a tool (CHAT-86): pure, and in the order of that rule.
//! What it refuses, nothing of it runs; the model is told why.
//!
//! A model that takes no tools is offered none, so its capability is part of the first question.

use std::collections::HashSet;
use std::sync::Arc;

use llm::{Arguments, ToolCall};
use proto::id::UserId;
use serde::de::DeserializeOwned;
use serde_json::Value;
use store::{PersonaId, ToolSwitches};
use twilight_model::guild::Permissions;

use super::borrowed::{BorrowedTool, Call, Heard};
use super::handles::Handles;
use super::interact::Deed;
use super::{CallHash, Effect, Tool, block, create_thread, interact};

/// Most people whom one turn mutes or blocks: a model that was talked into it harms no more.
const MOST_BLOCKS: usize = 2;

/// Most reactions of one turn (GUARD-50).
const MOST_REACTIONS: usize = 10;

/// What follows from a call that passes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Action {
    /// The model is told what it can do here.
    Review,
    Take(Effect),
}

/// What is known about the place of a turn and those who act in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Here {
    pub(super) caller: Permissions,
    pub(super) bot: Permissions,
    pub(super) is_thread: bool,
    pub(super) is_announcement: bool,
}

/// What is known of the person whom a call names.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Target {
    /// Who left is nobody here, and a webhook never was.
    pub(super) is_member: bool,
    pub(super) is_bot: bool,
    /// The owner can do everything.
    pub(super) may_manage: bool,
}

/// What a turn has used so far.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Spent {
    /// Posts that it may still make, whatever kind (GUARD-48, GUARD-50).
    pub(super) posts_left: usize,
    pub(super) reactions: usize,
    pub(super) blocks: usize,
    /// The same call came too often in a row (GUARD-85).
    pub(super) is_repeated: bool,
}

/// All that the gate looks at.
#[derive(Clone, Copy, Debug)]
pub(super) struct Given<'a> {
    pub(super) offered: &'a [Tool],
    /// Tools of tool servers, which are offered besides.
    pub(super) borrowed: &'a [Arc<BorrowedTool>],
    /// Whose answers this reply has read.
    pub(super) heard: Heard,
    pub(super) switches: ToolSwitches,
    /// `None` where it could not be found out.
    pub(super) here: Option<Here>,
    /// `None` where the call names nobody, or where it could not be found out.
    pub(super) target: Option<Target>,
    /// Who speaks.
    pub(super) persona: PersonaId,
    /// Most hours of a block.
    pub(super) most_hours: u16,
    pub(super) handles: &'a Handles,
    pub(super) spent: Spent,
    /// Uses whose outcome nobody knows.
    pub(super) in_doubt: &'a HashSet<CallHash>,
    /// This call.
    pub(super) hash: CallHash,
}

/// Why a use is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    NotOffered,
    SwitchedOff,
    Unchecked,
    CallerMayNot,
    BotMayNot,
    NotHere,
    UnknownTarget,
    UnknownPerson,
    Protected,
    TooManyReactions,
    TooManyBlocks,
    TooManyPosts,
    Repeated,
    InDoubt,
    OutsideWord,
    Arguments,
}

/// Decides about a call: what is done, or why nothing is.
pub(super) fn decide(call: &ToolCall, given: &Given<'_>) -> Result<Action, Refusal> {
    if let Some(tool) = given.borrowed.iter().find(|tool| tool.name() == call.name) {
        return decide_borrowed(call, tool, given);
    }
    let tool = Tool::named(&call.name).filter(|tool| given.offered.contains(tool));
    let tool = tool.ok_or(Refusal::NotOffered)?;
    if !tool.is_on(given.switches) {
        return Err(Refusal::SwitchedOff);
    }
    let is_announcement = permitted(tool, given)?;
    // Whether the target exists and is visible: handles name nothing but what the caller sees.
    let action = match Asked::of(tool, &call.arguments, given.most_hours) {
        Some(asked) => Some(asked.resolve(given, is_announcement)?),
        None => None,
    };
    within_caps(action.as_ref(), given)?;
    // CHAT-88: what others say is no reason to do what people did not ask for.
    if tool.needs_own_word() && !given.heard.lets(None) {
        return Err(Refusal::OutsideWord);
    }
    action.ok_or(Refusal::Arguments)
}

/// Decides about a tool of a tool server. Whether the arguments fit is for that server to say.
fn decide_borrowed(
    call: &ToolCall,
    tool: &Arc<BorrowedTool>,
    given: &Given<'_>,
) -> Result<Action, Refusal> {
    if !given.switches.tool_use {
        return Err(Refusal::SwitchedOff);
    }
    within_caps(None, given)?;
    if !given.heard.lets(tool.reads_at()) {
        return Err(Refusal::OutsideWord);
    }
    match &call.arguments {
        Arguments::Given(arguments) => Ok(Action::Take(Effect::Call(Call {
            tool: Arc::clone(tool),
            arguments: arguments.clone(),
        }))),
        Arguments::Malformed => Err(Refusal::Arguments),
    }
}

/// Returns the person about whom something must be known before a call is decided.
pub(super) fn names(call: &ToolCall, handles: &Handles) -> Option<UserId> {
    let tool = Tool::named(&call.name).filter(|tool| *tool == Tool::BlockUser)?;
    match Asked::of(tool, &call.arguments, u16::MAX)? {
        Asked::Block(handle, _) => handles.person(&handle),
        Asked::Thread(_) | Asked::Interaction(..) | Asked::Review | Asked::Unblock(_) => None,
    }
}

/// The caller first, then the bot; tells whether the channel is one of announcements.
fn permitted(tool: Tool, given: &Given<'_>) -> Result<bool, Refusal> {
    if tool.caller_needs().is_empty() && tool.bot_needs().is_empty() {
        return Ok(false);
    }
    let here = given.here.ok_or(Refusal::Unchecked)?;
    if !here.caller.contains(tool.caller_needs()) {
        return Err(Refusal::CallerMayNot);
    }
    if !here.bot.contains(tool.bot_needs()) {
        return Err(Refusal::BotMayNot);
    }
    // Threads have no threads.
    if tool == Tool::CreateThread && here.is_thread {
        return Err(Refusal::NotHere);
    }
    Ok(here.is_announcement)
}

fn within_caps(action: Option<&Action>, given: &Given<'_>) -> Result<(), Refusal> {
    if given.in_doubt.contains(&given.hash) {
        return Err(Refusal::InDoubt);
    }
    if given.spent.is_repeated {
        return Err(Refusal::Repeated);
    }
    let is_reaction = matches!(action, Some(Action::Take(Effect::React { .. })));
    let is_reply = matches!(action, Some(Action::Take(Effect::Reply { .. })));
    if (is_reaction || is_reply) && given.spent.posts_left == 0 {
        return Err(Refusal::TooManyPosts);
    }
    if is_reaction && given.spent.reactions >= MOST_REACTIONS {
        return Err(Refusal::TooManyReactions);
    }
    let is_block = matches!(action, Some(Action::Take(Effect::Block(_))));
    if is_block && given.spent.blocks >= MOST_BLOCKS {
        return Err(Refusal::TooManyBlocks);
    }
    Ok(())
}

/// Arguments that fit their tool.
enum Asked {
    Thread(String),
    Interaction(String, Deed),
    Review,
    Block(String, block::Deed),
    Unblock(String),
}

impl Asked {
    fn of(tool: Tool, arguments: &Arguments, most_hours: u16) -> Option<Self> {
        match tool {
            Tool::BlockUser => {
                let given: block::Arguments = read(arguments)?;
                let person = given.user.clone();
                given.deed(most_hours).map(|deed| Self::Block(person, deed))
            }
            Tool::UnblockUser => {
                let given: block::UnblockArguments = read(arguments)?;
                Some(Self::Unblock(given.user))
            }
            Tool::CreateThread => {
                let given: create_thread::Arguments = read(arguments)?;
                given.name().map(Self::Thread)
            }
            Tool::InteractWithRecentMessage => {
                let given: interact::Arguments = read(arguments)?;
                let message = given.message.clone();
                given.deed().map(|deed| Self::Interaction(message, deed))
            }
            // It takes nothing, so nothing that is given matters.
            Tool::ReviewCapabilities => Some(Self::Review),
        }
    }

    fn resolve(self, given: &Given<'_>, is_announcement: bool) -> Result<Action, Refusal> {
        let Given {
            handles, persona, ..
        } = *given;
        let message = |handle: &str| handles.message(handle).ok_or(Refusal::UnknownTarget);
        let person = |handle: &str| handles.person(handle).ok_or(Refusal::UnknownPerson);
        let effect = match self {
            Self::Review => return Ok(Action::Review),
            Self::Block(handle, deed) => {
                let user = person(&handle)?;
                permits(given.target)?;
                Effect::Block(block::Order {
                    persona,
                    user,
                    deed,
                })
            }
            Self::Unblock(handle) => Effect::Unblock {
                persona,
                user: person(&handle)?,
            },
            Self::Thread(name) => Effect::CreateThread {
                name,
                is_announcement,
            },
            Self::Interaction(handle, Deed::React(emoji)) => Effect::React {
                message: message(&handle)?,
                emoji,
            },
            Self::Interaction(handle, Deed::Reply(text)) => Effect::Reply {
                message: message(&handle)?,
                text,
            },
        };
        Ok(Action::Take(effect))
    }
}

/// Bots, who manages the server and whoever is not here cannot be muted (PRIV-42).
fn permits(target: Option<Target>) -> Result<(), Refusal> {
    let target = target.ok_or(Refusal::Unchecked)?;
    if !target.is_member || target.is_bot || target.may_manage {
        return Err(Refusal::Protected);
    }
    Ok(())
}

fn read<T: DeserializeOwned>(arguments: &Arguments) -> Option<T> {
    match arguments {
        Arguments::Given(given) => serde_json::from_value(Value::Object(given.clone())).ok(),
        Arguments::Malformed => None,
    }
}

impl Refusal {
    /// Returns a word for metrics, out of a closed set.
    pub(super) const fn label(self) -> &'static str {
        match self {
            Self::NotOffered => "not_offered",
            Self::SwitchedOff => "switched_off",
            Self::Unchecked => "unchecked",
            Self::CallerMayNot => "caller_may_not",
            Self::BotMayNot => "bot_may_not",
            Self::NotHere => "not_here",
            Self::UnknownTarget | Self::UnknownPerson => "unknown_target",
            Self::Protected => "protected",
            Self::TooManyReactions | Self::TooManyBlocks | Self::TooManyPosts => "too_many",
            Self::Repeated => "repeated",
            Self::InDoubt => "in_doubt",
            Self::OutsideWord => "outside_word",
            Self::Arguments => "arguments",
        }
    }

    /// Returns what the model is told.
    pub(super) const fn text(self) -> &'static str {
        match self {
            Self::NotOffered => "Refused: there is no such tool here.",
            Self::SwitchedOff => "Refused: this server has switched this tool off.",
            Self::Unchecked => {
                "Refused: it could not be found out whether this is allowed here. Nothing was done."
            }
            Self::CallerMayNot => {
                "Refused: whoever you are answering may not do this in this channel, so you do not \
                 do it for them."
            }
            Self::BotMayNot => "Refused: you have no permission for this in this channel.",
            Self::NotHere => "Refused: this is a thread already, and threads have no threads.",
            Self::UnknownTarget => {
                "Refused: there is no message of this name. Use ref_1 and so on."
            }
            Self::UnknownPerson => {
                "Refused: there is nobody of this name. Use ref_1 and so on, or user_1 where you were \
                 told so."
            }
            Self::Protected => {
                "Refused: bots, people who manage the server and people who are not here cannot be \
                 muted or blocked by you."
            }
            Self::TooManyReactions => "Refused: ten reactions are enough for one reply.",
            Self::TooManyBlocks => "Refused: two people are enough for one reply.",
            Self::TooManyPosts => "Refused: this reply has as many posts as it may have.",
            Self::Repeated => {
                "Refused: you asked for exactly this before, several times. Go on without it."
            }
            Self::InDoubt => {
                "Refused: exactly this was begun before and may have been done. It is not tried \
                 again; say that you are not sure whether it worked."
            }
            Self::OutsideWord => {
                "Refused: this reply has read the answer of a tool server, so nothing with effects is \
                 done in it any more, and no other server is asked. Say what you would do; whoever \
                 wants it can ask for it in a new message."
            }
            Self::Arguments => "Refused: the arguments do not fit the tool's description.",
        }
    }
}

#[cfg(test)]
mod tests;
