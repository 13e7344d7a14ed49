//! What came of a change in the panel of provider keys.

use std::borrow::Cow;

/// One sentence above the panel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeysSaid {
    /// A key was checked and saved.
    Added,
    /// The pool has this key.
    Known,
    /// The pool has as many keys as it may.
    Full,
    /// A key was tested and works, though people disabled it.
    WorksDisabled,
    /// A key that was disabled for refusals works, and is used again.
    WorksAgain,
    /// The label cannot be one.
    LabelMalformed,
    /// The label is saved.
    Labelled,
    /// The key is used from now on.
    Enabled,
    /// The key is not used from now on.
    Disabled,
    /// The key is gone.
    Removed,
    /// All keys of a provider that were shown are gone.
    Purged,
}

impl KeysSaid {
    /// Returns the words.
    pub(in crate::notice) fn text(self) -> Cow<'static, str> {
        Cow::Borrowed(match self {
            Self::Added => "The key was taken by its provider. It is saved and in use.",
            Self::Known => "This key is here already. Nothing was saved.",
            Self::Full => {
                "There are 20 keys of this provider, and there cannot be more. Remove one first."
            }
            Self::WorksDisabled => {
                "The key works: it was taken when I asked. It stays disabled until somebody \
                 enables it."
            }
            Self::WorksAgain => "The key works again, and is in use again.",
            Self::LabelMalformed => {
                "That cannot be a label: it has at most 32 characters, and no backtick. Nothing \
                 was saved."
            }
            Self::Labelled => "The label is saved.",
            Self::Enabled => "The key is in use.",
            Self::Disabled => "The key is not used any more, until somebody enables it.",
            Self::Removed => "The key is removed.",
            Self::Purged => "The keys are removed.",
        })
    }
}
