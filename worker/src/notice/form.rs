//! The words of forms that take a key, and of what is wrong with what was typed.

use std::borrow::Cow;

/// A label or hint of the form that takes a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FormText {
    /// Title; Discord's limit is 45 characters.
    Title {
        /// The provider's name as people know it.
        provider: String,
    },
    /// Text above the fields: where a key is made.
    KeyPage {
        /// Address of the page.
        url: String,
    },
    /// Label of the field for the key; at most 45 characters.
    KeyLabel,
    /// Hint below that label; at most 100 characters.
    KeyHint,
    /// Label of the field for the model; at most 45 characters.
    ModelLabel,
    /// Hint below that label; at most 100 characters.
    ModelHint {
        /// What is used when the field stays empty.
        default: String,
    },
    /// Title of the form for a model; at most 45 characters.
    ModelTitle,
    /// Title of the form for a label; at most 45 characters.
    LabelTitle,
    /// Label of the field for what people call a key; at most 45 characters.
    LabelLabel,
    /// Hint below that label; at most 100 characters.
    LabelHint,
    /// The key cannot be one: empty, with spaces, or of impossible length.
    KeyMalformed,
    /// The name cannot be a model's.
    ModelMalformed,
}

impl FormText {
    /// Returns the words.
    pub(super) fn text(&self) -> Cow<'static, str> {
        Cow::Borrowed(match self {
            Self::Title { provider } => return format!("Key for {provider}").into(),
            Self::KeyPage { url } => return format!("No key yet? You get one at {url}").into(),
            Self::KeyLabel => "Key",
            Self::KeyHint => {
                "Stored encrypted. Never shown again but for its last four characters."
            }
            Self::ModelLabel => "Model (optional)",
            Self::ModelTitle => "Model that talks",
            Self::LabelTitle => "Label of a key",
            Self::LabelLabel => "Label (optional)",
            Self::LabelHint => {
                "What those who manage the keys here call it; at most 32 characters."
            }
            Self::KeyMalformed => {
                "That does not look like a key: a key is one word of 10 to 512 letters, digits and \
                 signs. Nothing was saved."
            }
            Self::ModelMalformed => {
                "That does not look like a model's name: it is one word of at most 128 \
                 characters. Nothing was saved."
            }
            Self::ModelHint { default } => return format!("Leave empty for {default}.").into(),
        })
    }
}
