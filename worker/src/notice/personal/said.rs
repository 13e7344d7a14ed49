//! What came of a change of one's own keys.

use std::borrow::Cow;

/// One sentence above the panel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PersonalSaid {
    /// The first key was checked and saved, and pays from now on.
    SavedAndOn,
    /// A key was checked and saved.
    Saved,
    /// A key works, with its model.
    Answers,
    /// A key that was refused works again, and is used again.
    WorksAgain,
    /// A model answers, and is saved.
    ModelSaved,
    /// The provider names no model.
    NoModels,
    /// A key is used for talking from now on.
    Used,
    /// A key is not used for talking from now on.
    Spared,
    /// A key is gone.
    Removed,
    /// The last key is gone.
    LastRemoved,
    /// The keys pay from now on.
    SwitchedOn,
    /// The keys do not pay from now on.
    SwitchedOff,
}

impl PersonalSaid {
    /// Returns the words.
    pub(in crate::notice) fn text(self) -> Cow<'static, str> {
        Cow::Borrowed(match self {
            Self::SavedAndOn => "The model answered. Your key is saved, and in use from now on.",
            Self::Saved => "The model answered. Your key is saved.",
            Self::Answers => "The key works: its model answered.",
            Self::WorksAgain => "The key works: its model answered. It is used again.",
            Self::ModelSaved => "The model answered, and is used from now on.",
            Self::NoModels => "The provider names no model. Type the name of one.",
            Self::Used => "This key is used for talking.",
            Self::Spared => "This key is not used for talking any more.",
            Self::Removed => "Your key is removed.",
            Self::LastRemoved => {
                "Your key is removed. Servers pay again for what you ask me there."
            }
            Self::SwitchedOn => "From now on you pay for what you ask me, with your own keys.",
            Self::SwitchedOff => "From now on servers pay for what you ask me there.",
        })
    }
}
