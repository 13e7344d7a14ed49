//! Every sentence that the bot says in its own voice, named by what it means.
//!
//! English only; a catalogue of languages replaces [`Notice::text`] without touching its callers.
//! Texts are finished sentences with cause and way out. They hold no text of a provider and nothing
//! that a person typed, but for the names that a panel shows back to those who may manage it.

use std::borrow::Cow;

mod button;
mod calls;
mod check;
mod credentials;
mod data;
mod fault;
mod file;
mod form;
mod guards;
mod keys;
mod memory;
mod panel;
mod personal;
mod privacy;
mod restriction;
mod rules;
mod server_data;
mod services;
mod settings;
mod setup;
mod steer;
mod tool_servers;
mod why;

pub use self::button::ButtonText;
pub use self::calls::CallText;
pub use self::check::CheckText;
pub use self::credentials::CredentialText;
pub(crate) use self::credentials::{STAND_IN_NOTICE, named as key_name};
pub use self::data::DataText;
pub(crate) use self::fault::Around;
pub use self::fault::{Advice, Fault, Objection, Silence};
pub use self::file::{FileFault, FileText, MemoryCounts};
pub use self::form::FormText;
pub use self::guards::GuardText;
pub use self::keys::{KeyCondition, KeyLine, KeyName, KeysSaid, KeysText};
pub use self::memory::{MemorySaid, MemoryText};
pub use self::panel::PanelText;
pub use self::personal::{OwnKeyLine, PersonalSaid, PersonalText};
pub use self::privacy::PrivacyText;
pub use self::restriction::RestrictionText;
pub use self::rules::RuleText;
pub use self::server_data::{DeletedOf, ServerDataText};
pub use self::services::{ServiceState, ServicesText};
pub use self::settings::SettingsText;
pub use self::setup::SetupText;
pub use self::steer::SteerText;
pub use self::tool_servers::{
    SheetText, ToolServerFault, ToolServerForm, ToolServersSaid, ToolServersText, ToolState,
};
pub use self::why::{Fate, WhyText};

/// One thing to say to a person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Notice {
    /// Somebody addressed the bot where nobody has run `/setup`.
    NotSetUp,
    /// The server has settings, but no key.
    NoCredentials,
    /// The stored key cannot be opened with the installation's master keys.
    KeyUnreadable,
    /// Discord withholds what people write: the intent is off.
    MessageContentOff,
    /// The provider did not do its part.
    Provider(Fault),
    /// The model finished without a word, several times.
    EmptyReply,
    /// A reply ends here because its worker was lost and it could not be continued.
    ReplyInterrupted,
    /// Settings cannot be read or written right now.
    DatabaseAway,
    /// Something that should not happen, happened.
    Unexpected,
    /// The work behind an answer took longer than it may.
    TooSlow,
    /// A reply uses tools, and takes its time.
    StillWorking,
    /// No such command in this version.
    UnknownCommand,
    /// A button, menu or form that this version does not know, or that was not made by us.
    UnknownControl,
    /// A button, menu or form that was made too long ago.
    ExpiredControl,
    /// A button, menu or form of somebody else.
    ForeignControl,
    /// Only people who may manage the server may do this.
    NeedsManageGuild,
    /// The answer of `/tool ping`, both in milliseconds.
    Pong {
        /// From Discord's making of the interaction to the gateway's reading of it.
        gateway_ms: u64,
        /// From there to the worker that answers.
        worker_ms: u64,
    },
    /// About the calls of a turn.
    Calls(CallText),
    /// About who pays, and with which keys and models.
    Credentials(CredentialText),
    /// About asking too often, or too much at once.
    Guard(GuardText),
    /// About steering replies.
    Steer(SteerText),
    /// About what became of somebody's message.
    Why(WhyText),
    /// About somebody's privacy level.
    Privacy(PrivacyText),
    /// A part of the setup panel.
    Setup(SetupText),
    /// A part of a form that takes a key.
    Form(FormText),
    /// A part of another panel.
    Panel(PanelText),
}

impl Notice {
    /// Returns the sentence, never empty and short enough for one message.
    pub fn text(&self) -> Cow<'static, str> {
        Cow::Borrowed(match self {
            Self::NotSetUp => {
                "I am not set up here yet. Someone who may manage this server can do it in a \
                 minute with `/setup`; in direct messages you can do it yourself."
            }
            Self::NoCredentials => {
                "I have no provider key here, so I cannot think. Someone who may manage this \
                 server can add one with `/setup`."
            }
            Self::KeyUnreadable => {
                "The stored provider key cannot be read any more. Someone who may manage this \
                 server can enter it again with `/setup`."
            }
            Self::MessageContentOff => {
                "Discord does not show me what people write here. Whoever runs this bot has to \
                 switch on the Message Content intent in Discord's developer portal."
            }
            Self::Provider(fault) => return fault.text(),
            Self::EmptyReply => {
                "The model answered with nothing, several times. Try again, or word it differently."
            }
            Self::ReplyInterrupted => "*My reply was interrupted here. Ask again to go on.*",
            Self::DatabaseAway => {
                "I cannot reach my settings at the moment. Nothing was changed; try again in a \
                 minute."
            }
            Self::Unexpected => {
                "Something went wrong on my side. Try again; if it stays so, tell whoever runs \
                 this bot."
            }
            Self::StillWorking => "*I am still working on it.*",
            Self::TooSlow => "This took too long and was given up. Try again in a minute.",
            Self::UnknownCommand => {
                "I do not know this command. It may belong to another version; Discord's list of \
                 commands can lag behind by a few minutes."
            }
            Self::UnknownControl => {
                "This button or form does not work any more. Run the command again for a fresh one."
            }
            Self::ExpiredControl => {
                "This panel has expired, for safety. Run the command again for a fresh one."
            }
            Self::ForeignControl => {
                "This panel belongs to somebody else. Run the command yourself for your own."
            }
            Self::NeedsManageGuild => NEEDS_MANAGE_GUILD,
            Self::Pong {
                gateway_ms,
                worker_ms,
            } => return pong(*gateway_ms, *worker_ms),
            Self::Calls(text) => return text.text(),
            Self::Credentials(text) => return text.text(),
            Self::Guard(text) => return text.text(),
            Self::Steer(text) => return text.text(),
            Self::Why(text) => return text.text(),
            Self::Privacy(text) => return text.text(),
            Self::Setup(text) => return text.text(),
            Self::Form(text) => return text.text(),
            Self::Panel(text) => return text.text(),
        })
    }
}

impl From<GuardText> for Notice {
    fn from(text: GuardText) -> Self {
        Self::Guard(text)
    }
}

const NEEDS_MANAGE_GUILD: &str =
    "Only people with the permission \"Manage Server\" may do this. Ask one of them.";

/// Returns as much of a key as may be shown: its last four characters, none of a short one
/// (SEC-23).
pub(crate) fn fingerprint(last4: Option<&str>) -> String {
    format!("••••{}", last4.unwrap_or_default())
}

fn pong(gateway_ms: u64, worker_ms: u64) -> Cow<'static, str> {
    format!("Pong! Discord to gateway: {gateway_ms} ms. Gateway to worker: {worker_ms} ms.").into()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// CMD-27.
    #[test]
    fn pong_tells_both_latencies() {
        let text = Notice::Pong {
            gateway_ms: 12,
            worker_ms: 3,
        }
        .text();
        assert_eq!(
            text,
            "Pong! Discord to gateway: 12 ms. Gateway to worker: 3 ms."
        );
    }

    /// CMD-92.
    #[test]
    fn refusal_names_who_may_do_it() {
        assert!(Notice::NeedsManageGuild.text().contains("Manage Server"));
    }
}
