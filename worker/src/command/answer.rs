//! The forms that an answer to an interaction can take. Every message notifies nobody.

use store::{Kill, ReservedUse};
use twilight_model::channel::message::{AllowedMentions, Component, Embed, MessageFlags};
use twilight_model::http::interaction::{
    InteractionResponse, InteractionResponseData, InteractionResponseType,
};

use super::controls::row;
use super::memory;
use super::personal_data::Deletion;
use super::personal_data::export::Export;
use super::personal_provider;
use super::personal_settings;
use super::portable;
use super::privacy::Choice;
use super::provider_keys;
use super::provider_services;
use super::respond::Order;
use super::restriction;
use super::rules;
use super::server_data::Wish;
use super::setup::Submission;
use super::tool_servers;
use super::why::Question;
use crate::notice::{CheckText, Notice};
use crate::privacy::change::Hiding;

/// The first answer, and what it allows to do.
pub(crate) struct Plan {
    /// What is sent to Discord first; its acceptance is the claim (CMD-2).
    pub(crate) first: InteractionResponse,
    /// What is done once the claim holds.
    pub(crate) after: Option<After>,
}

/// Work behind a claimed interaction.
pub(crate) enum After {
    /// Add, change or remove a memory.
    Memory(Box<memory::Order>),
    /// Hand everything about a person to them.
    ExportPerson(Export),
    /// Delete everything about a person.
    DeletePerson(Deletion),
    /// Delete what a server has.
    DeleteServer(Wish),
    /// Change or test a person's own keys.
    PersonalProvider(Box<personal_provider::Order>),
    /// Save what a person has set for everywhere.
    PersonalSettings(personal_settings::Choice),
    /// Make a file with memories or settings, or take one in.
    Portable(Box<portable::Order>),
    /// Change or test provider keys.
    ProviderKeys(Box<provider_keys::Order>),
    /// Change or test keys of services.
    ProviderServices(Box<provider_services::Order>),
    /// Add, try or change tool servers.
    ToolServers(Box<tool_servers::Order>),
    /// Restrict somebody, or lift that.
    Restrict(Box<restriction::Order>),
    /// Change who is answered where, and how often.
    SetRules(Box<rules::Order>),
    /// Check and save what the setup form brought.
    SetUp(Box<Submission>),
    /// End turns of a channel.
    Kill(Kill),
    /// Show what was asked, and let the owner of the channel begin a turn.
    Respond(Box<Order>),
    /// Save what somebody chose to keep private.
    SetPrivacy(Choice),
    /// Wait until nobody hears them any more; these words stay in the answer.
    Hide(Hiding, String),
    /// Tell why a message was answered or not.
    Why(Question),
}

/// What came of the work behind a claim.
pub(crate) struct Finished {
    /// What the promised answer becomes.
    pub(crate) panel: Panel,
    /// Files that the answer brings.
    pub(crate) files: Vec<discord::File>,
    /// An archive that does not count as made where Discord does not take the answer.
    pub(crate) counted: Option<ReservedUse>,
    /// What is ordered once the answer shows it.
    pub(crate) order: Option<Box<Order>>,
    /// What is done after that; the answer then becomes something else.
    pub(crate) then: Option<After>,
}

impl From<Panel> for Finished {
    fn from(panel: Panel) -> Self {
        Self {
            panel,
            files: Vec::new(),
            counted: None,
            order: None,
            then: None,
        }
    }
}

/// A message with what can be pressed or chosen in it.
pub(crate) struct Panel {
    /// The text, never empty.
    pub(crate) text: String,
    /// One entry per line of controls, at most 5.
    pub(crate) rows: Vec<Component>,
    /// What a person typed, shown apart from the text; at most 2,000 characters.
    pub(crate) quote: Option<String>,
}

impl Panel {
    /// Makes a panel that only says something.
    pub(crate) fn say(notice: &Notice) -> Self {
        Self::words(notice.text().into_owned())
    }

    /// Makes a panel that says who is asked meanwhile, with the way back.
    pub(super) fn asking(whom: &str, back: Component) -> Self {
        let whom = whom.to_owned();
        Self {
            rows: vec![row(vec![back])],
            ..Self::say(&Notice::from(CheckText::Asking { whom }))
        }
    }

    /// Makes a panel of these words, which are never empty.
    pub(super) const fn words(text: String) -> Self {
        Self {
            text,
            rows: Vec::new(),
            quote: None,
        }
    }

    fn into_data(self) -> InteractionResponseData {
        InteractionResponseData {
            allowed_mentions: Some(AllowedMentions::default()),
            components: Some(self.rows),
            content: Some(self.text),
            embeds: Some(self.quote.map(quote).into_iter().collect()),
            flags: Some(MessageFlags::EPHEMERAL),
            ..InteractionResponseData::default()
        }
    }
}

impl From<Panel> for discord::Answer {
    fn from(panel: Panel) -> Self {
        Self {
            content: Some(panel.text),
            components: panel.rows,
            embeds: panel.quote.map(quote).into_iter().collect(),
            ..Self::default()
        }
    }
}

impl Plan {
    /// Says something to the asker alone.
    pub(super) fn say(notice: &Notice) -> Self {
        Self::show(Panel::say(notice))
    }

    /// Shows a new panel to the asker alone.
    pub(super) fn show(panel: Panel) -> Self {
        Self::new(
            InteractionResponseType::ChannelMessageWithSource,
            panel.into_data(),
        )
    }

    /// Puts a panel in the place of the one that was used.
    pub(super) fn replace(panel: Panel) -> Self {
        Self::new(InteractionResponseType::UpdateMessage, panel.into_data())
    }

    /// Opens a form: its id, title (at most 45 characters) and contents.
    pub(super) fn form(id: String, title: String, contents: Vec<Component>) -> Self {
        let data = InteractionResponseData {
            components: Some(contents),
            custom_id: Some(id),
            title: Some(title),
            ..InteractionResponseData::default()
        };
        Self::new(InteractionResponseType::Modal, data)
    }

    /// Promises that the panel that was used will change, and works on it. Meanwhile the panel stays
    /// usable, so that nothing is stuck when this worker is lost.
    pub(super) fn change(after: After) -> Self {
        Self {
            first: InteractionResponse {
                kind: InteractionResponseType::DeferredUpdateMessage,
                data: None,
            },
            after: Some(after),
        }
    }

    /// Promises the asker an answer, and works on it.
    pub(super) fn defer(after: After) -> Self {
        Self::promise(after, MessageFlags::EPHEMERAL)
    }

    /// Promises everybody an answer, and works on it.
    pub(super) fn defer_publicly(after: After) -> Self {
        Self::promise(after, MessageFlags::empty())
    }

    fn promise(after: After, flags: MessageFlags) -> Self {
        let data = InteractionResponseData {
            flags: Some(flags),
            ..InteractionResponseData::default()
        };
        let plan = Self::new(
            InteractionResponseType::DeferredChannelMessageWithSource,
            data,
        );
        Self {
            after: Some(after),
            ..plan
        }
    }

    /// Offers nothing to complete what is being typed.
    pub(super) fn no_suggestions() -> Self {
        let data = InteractionResponseData {
            choices: Some(Vec::new()),
            ..InteractionResponseData::default()
        };
        Self::new(
            InteractionResponseType::ApplicationCommandAutocompleteResult,
            data,
        )
    }

    fn new(kind: InteractionResponseType, data: InteractionResponseData) -> Self {
        Self {
            first: InteractionResponse {
                kind,
                data: Some(data),
            },
            after: None,
        }
    }
}

/// Shows words of a person as such.
fn quote(text: String) -> Embed {
    Embed {
        author: None,
        color: None,
        description: Some(text),
        fields: Vec::new(),
        flags: None,
        footer: None,
        image: None,
        kind: "rich".to_owned(),
        provider: None,
        thumbnail: None,
        timestamp: None,
        title: None,
        url: None,
        video: None,
    }
}
