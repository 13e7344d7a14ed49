//! The words of the panel of a person's own keys (CMD-31).

use std::borrow::Cow;

mod said;

pub use self::said::PersonalSaid;

/// A key of one's own, as far as it may be shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OwnKeyLine {
    /// The provider's name as people know it.
    pub provider: String,
    /// SEC-23: at most the last four characters.
    pub fingerprint: String,
    /// The model that talks, a single word.
    pub model: String,
    /// Whether it pays for talking.
    pub is_for_chat: bool,
    /// Whether its provider refused it for good.
    pub is_refused: bool,
    /// Whether it was found not to open.
    pub is_broken: bool,
}

/// A line, label or message of the panel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PersonalText {
    /// Title.
    Title,
    /// Who pays while the keys are used.
    On,
    /// Who pays while they are not.
    Off,
    /// Where there is no key.
    Empty,
    /// A key in the list.
    Line(OwnKeyLine),
    /// Below several keys: in which order they are asked.
    Order,
    /// One key: title.
    KeyTitle {
        /// The provider's name as people know it.
        provider: String,
        /// SEC-23: at most the last four characters.
        fingerprint: String,
    },
    /// One key: its model.
    KeyModel {
        /// A single word.
        model: String,
    },
    /// One key: it pays for talking.
    KeyUsed,
    /// One key: it does not.
    KeySpared,
    /// One key: its provider refused it for good.
    KeyRefused,
    /// One key: it cannot be opened.
    KeyBroken,
    /// Above the models to choose from.
    Models {
        /// The provider's name as people know it.
        provider: String,
        /// How many it names.
        models: usize,
        /// From 1.
        page: usize,
        /// How many there are.
        pages: usize,
    },
    /// Placeholder of the menu of providers.
    EnterFor,
    /// Placeholder of the menu of keys.
    LookAt,
    /// Placeholder of the menu of models.
    ChooseModel,
    /// Before a key is removed.
    RemoveQuestion {
        /// The provider's name as people know it.
        provider: String,
        /// SEC-23: at most the last four characters.
        fingerprint: String,
    },
}

impl PersonalText {
    /// Returns the words.
    pub(super) fn text(&self) -> Cow<'static, str> {
        Cow::Borrowed(match self {
            Self::Title => "**Your own keys**",
            Self::On => {
                "In use: what you ask me is paid with them, in every server and in direct \
                 messages. While they are, no key of a server is used for you, even when yours \
                 fail."
            }
            Self::Off => "Not in use: servers pay for what you ask me there.",
            Self::Empty => {
                "You have none. With a key of your own at a model provider, you choose the model \
                 and pay for what you ask me, in every server and in direct messages."
            }
            Self::Line(line) => return line.text().into(),
            Self::Order => "They are asked in this order.",
            Self::KeyTitle {
                provider,
                fingerprint,
            } => return format!("**{provider}, your key {fingerprint}**").into(),
            Self::KeyModel { model } => return format!("Model: `{model}`").into(),
            Self::KeyUsed => "Used for talking: yes",
            Self::KeySpared => "Used for talking: no",
            Self::KeyRefused => {
                "Its provider refused it again and again, so it is not used any more. Test it once \
                 more, or replace it."
            }
            Self::KeyBroken => "It cannot be read any more: replace it, or remove it.",
            Self::Models {
                provider,
                models,
                page,
                pages,
            } => {
                return format!(
                    "{provider} names {models} models; not all of them talk. Page {page} of {pages}."
                )
                .into();
            }
            Self::EnterFor => "Enter a key",
            Self::LookAt => "Look at a key",
            Self::ChooseModel => "Choose a model",
            Self::RemoveQuestion {
                provider,
                fingerprint,
            } => {
                return format!(
                    "Remove your key {fingerprint} of {provider}? It is deleted for good."
                )
                .into();
            }
        })
    }
}

impl OwnKeyLine {
    fn text(&self) -> String {
        let Self {
            provider,
            fingerprint,
            model,
            ..
        } = self;
        let rest = match self {
            Self {
                is_broken: true, ..
            } => " · broken, it cannot be read any more",
            Self {
                is_refused: true, ..
            } => " · refused again and again, not used any more",
            Self {
                is_for_chat: false, ..
            } => " · not used for talking",
            _ => "",
        };
        format!("{provider}: key {fingerprint}, model `{model}`{rest}")
    }
}
