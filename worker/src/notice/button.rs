//! The labels of buttons that several panels have.

use std::borrow::Cow;

/// A label, at most 80 characters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ButtonText {
    /// To the part of the list before.
    Previous,
    /// To the next part of the list.
    Next,
    /// Reads what is shown again.
    Refresh,
    /// To the list.
    Back,
    /// Asks the provider whether a key works.
    Test,
    /// The same for a refused key, which is used again when it works.
    TestAndEnable,
    /// Opens the form for a label.
    Label,
    /// Takes into use.
    Enable,
    /// Takes out of use.
    Disable,
    /// Opens the form for a first key.
    Enter,
    /// Opens the form for another key.
    Replace,
    /// Asks whether to remove.
    AskRemove,
    /// Removes.
    Remove,
    /// Does not.
    Keep,
    /// Uses one's own keys.
    SwitchOn,
    /// Uses them no more.
    SwitchOff,
    /// To one's own keys.
    OwnKeys,
    /// Uses a key for talking.
    Use,
    /// Uses it for that no more.
    Spare,
    /// Hands everything about a person to them.
    ExportData,
    /// Opens the form that deletes everything about a person, or of a server.
    DeleteData,
    /// Opens the form that deletes what a server remembers.
    DeleteMemories,
    /// Opens the form that deletes the personas of a server.
    DeletePersonas,
    /// Does what a file would do.
    Import,
    /// Leads to that file.
    OpenFile,
    /// Shows the provider's models.
    ChooseModel,
    /// Opens the form for a model.
    TypeModel,
    /// Opens the form again that led to a failure.
    Retry {
        /// The provider's name as people know it.
        provider: String,
    },
}

impl ButtonText {
    /// Returns the words.
    pub(super) fn text(&self) -> Cow<'static, str> {
        Cow::Borrowed(match self {
            Self::Previous => "Previous",
            Self::Next => "Next",
            Self::Refresh => "Refresh",
            Self::Back => "Back",
            Self::Test => "Test",
            Self::TestAndEnable => "Test and use again",
            Self::Label => "Label…",
            Self::Enable => "Enable",
            Self::Disable => "Disable",
            Self::Enter => "Enter a key…",
            Self::Replace => "Replace…",
            Self::AskRemove => "Remove…",
            Self::Remove => "Remove",
            Self::Keep => "Keep",
            Self::SwitchOn => "Use my keys",
            Self::SwitchOff => "Stop using my keys",
            Self::OwnKeys => "My own keys…",
            Self::Use => "Use for talking",
            Self::Spare => "Do not use for talking",
            Self::ExportData => "Get it as a file",
            Self::DeleteData => "Delete everything…",
            Self::DeleteMemories => "Delete memories only…",
            Self::DeletePersonas => "Delete personas only…",
            Self::Import => "Import",
            Self::OpenFile => "Look at the file",
            Self::ChooseModel => "Choose a model",
            Self::TypeModel => "Type a model…",
            Self::Retry { provider } => return format!("Try again with {provider}").into(),
        })
    }
}
