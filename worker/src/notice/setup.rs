//! The words of the setup panel (CMD-82 to CMD-87).

use std::borrow::Cow;

/// A line, label or message of the setup panel.
///
/// Names are shown as they are: callers hand in what is safe to show to someone who may manage the
/// server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SetupText {
    /// Title while something is missing.
    TitleOpen,
    /// Title when everything is there.
    TitleReady,
    /// Line 1 without a key.
    ProviderMissing,
    /// Line 1 with a key.
    ProviderSet {
        /// The provider's name as people know it.
        provider: String,
        /// The model's name at the provider.
        model: String,
        /// SEC-23: at most the last four characters.
        fingerprint: String,
    },
    /// Line 2.
    Persona {
        /// The main persona's name.
        name: String,
    },
    /// Line 3 in a server.
    TalkInServer,
    /// Line 3 in direct messages.
    TalkInDirect,
    /// Line 4 without a key.
    TestPending,
    /// Line 4 with a key.
    TestPassed,
    /// How to start talking in a server.
    HowInServer {
        /// A mention of the bot.
        mention: String,
        /// A word that calls the main persona, where it has one.
        word: Option<String>,
    },
    /// How to start talking in direct messages.
    HowInDirect,
    /// What to do next without a key.
    ChooseProvider,
    /// What replacing the key means, before a provider is chosen again.
    ChooseReplacement,
    /// Placeholder of the menu.
    ProviderPlaceholder,
    /// Label of the button that starts a replacement.
    ReplaceButton,
    /// Label of the button that opens the form again.
    RetryButton {
        /// The provider's name as people know it.
        provider: String,
    },
    /// Someone else saved a key while the form was open.
    SetUpMeanwhile,
    /// Saved, but the panel could not be read back.
    Saved,
}

impl SetupText {
    /// Returns the words.
    pub(super) fn text(&self) -> Cow<'static, str> {
        Cow::Borrowed(match self {
            Self::TitleOpen => "**Setting up**",
            Self::TitleReady => "**Ready to talk**",
            Self::ProviderMissing => "✖ **AI provider**: none yet",
            Self::ProviderSet {
                provider,
                model,
                fingerprint,
            } => {
                return format!(
                    "✔ **AI provider**: {provider}, model `{model}`, key {fingerprint}"
                )
                .into();
            }
            Self::Persona { name } => return format!("✔ **Persona**: {name}").into(),
            Self::TalkInServer => {
                "✔ **Where to talk**: every channel, when someone mentions me, replies to me or \
                 says my name"
            }
            Self::TalkInDirect => "✔ **Where to talk**: here, every message",
            Self::TestPending => "✖ **Test reply**: follows as soon as a key is entered",
            Self::TestPassed => "✔ **Test reply**: the model answered when the key was entered",
            Self::HowInServer { mention, word } => return how(mention, word.as_deref()).into(),
            Self::HowInDirect => "Just write to me here.",
            Self::ChooseProvider => {
                "Choose the provider whose key you have. I ask for the key in a form that only \
                 you see, and store it encrypted."
            }
            Self::ChooseReplacement => {
                "Choose the provider of the new key. The present key and model are replaced when \
                 the new key works, not before; personas and memories stay."
            }
            Self::ProviderPlaceholder => "Choose a provider",
            Self::ReplaceButton => "Replace the key…",
            Self::RetryButton { provider } => return format!("Try again with {provider}").into(),
            Self::SetUpMeanwhile => {
                "Somebody else entered a key while your form was open, so yours was not saved."
            }
            Self::Saved => "Saved. Mention me or write to me to start talking.",
        })
    }
}

fn how(mention: &str, word: Option<&str>) -> String {
    match word {
        Some(word) => {
            format!("Say hello: mention {mention}, or write a message with \"{word}\" in it.")
        }
        None => format!("Say hello: mention {mention}."),
    }
}
