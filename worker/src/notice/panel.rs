//! What panels say, whatever they are about.

use std::borrow::Cow;

use super::{
    ButtonText, CheckText, DataText, FileFault, FileText, KeysSaid, KeysText, MemorySaid,
    MemoryText, Notice, PersonalSaid, PersonalText, RestrictionText, RuleText, ServerDataText,
    ServicesText, SettingsText, SheetText, ToolServerForm, ToolServersSaid, ToolServersText,
};

/// A part of a panel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PanelText {
    /// The label of a button.
    Button(ButtonText),
    /// About a key that a provider or service is asked about.
    Check(CheckText),
    /// About what is stored about a person.
    Data(DataText),
    /// About a file with memories or settings.
    File(FileText),
    /// About what is stored about a server.
    ServerData(ServerDataText),
    /// A part of the panel of provider keys.
    Keys(KeysText),
    /// What came of a change in that panel.
    KeysSaid(KeysSaid),
    /// A part of a list of memories.
    Memory(MemoryText),
    /// What came of a change of memories.
    MemorySaid(MemorySaid),
    /// About whom personas do without or do not answer.
    Restriction(RestrictionText),
    /// About what a person has set for everywhere.
    Settings(SettingsText),
    /// About who is answered where, and how often.
    Rule(RuleText),
    /// A part of the panel of service keys.
    Services(ServicesText),
    /// A part of the panel of tool servers, or what came of a change there.
    ToolServers(ToolServersText),
    /// A part of the panel of a person's own keys.
    Personal(PersonalText),
    /// What came of a change in that panel.
    PersonalSaid(PersonalSaid),
    /// What a panel showed was changed by somebody else.
    ChangedMeanwhile,
}

impl PanelText {
    /// Returns the words.
    pub(super) fn text(&self) -> Cow<'static, str> {
        match self {
            Self::Button(text) => text.text(),
            Self::Check(text) => text.text(),
            Self::Data(text) => text.text(),
            Self::File(text) => text.text(),
            Self::ServerData(text) => text.text(),
            Self::Keys(text) => text.text(),
            Self::KeysSaid(text) => text.text(),
            Self::Memory(text) => text.text(),
            Self::MemorySaid(text) => text.text(),
            Self::Restriction(text) => text.text(),
            Self::Rule(text) => text.text(),
            Self::Services(text) => text.text(),
            Self::Settings(text) => text.text(),
            Self::ToolServers(text) => text.text(),
            Self::Personal(text) => text.text(),
            Self::PersonalSaid(text) => text.text(),
            Self::ChangedMeanwhile => {
                "This was changed meanwhile, so nothing was done. This is how it is now.".into()
            }
        }
    }
}

impl From<PanelText> for Notice {
    fn from(text: PanelText) -> Self {
        Self::Panel(text)
    }
}

impl From<ButtonText> for Notice {
    fn from(text: ButtonText) -> Self {
        Self::Panel(PanelText::Button(text))
    }
}

impl From<CheckText> for Notice {
    fn from(text: CheckText) -> Self {
        Self::Panel(PanelText::Check(text))
    }
}

impl From<DataText> for Notice {
    fn from(text: DataText) -> Self {
        Self::Panel(PanelText::Data(text))
    }
}

impl From<ServerDataText> for Notice {
    fn from(text: ServerDataText) -> Self {
        Self::Panel(PanelText::ServerData(text))
    }
}

impl From<FileText> for Notice {
    fn from(text: FileText) -> Self {
        Self::Panel(PanelText::File(text))
    }
}

impl From<FileFault> for Notice {
    fn from(fault: FileFault) -> Self {
        FileText::NotTaken(fault).into()
    }
}

impl From<KeysText> for Notice {
    fn from(text: KeysText) -> Self {
        Self::Panel(PanelText::Keys(text))
    }
}

impl From<KeysSaid> for Notice {
    fn from(text: KeysSaid) -> Self {
        Self::Panel(PanelText::KeysSaid(text))
    }
}

impl From<RestrictionText> for Notice {
    fn from(text: RestrictionText) -> Self {
        Self::Panel(PanelText::Restriction(text))
    }
}

impl From<SettingsText> for Notice {
    fn from(text: SettingsText) -> Self {
        Self::Panel(PanelText::Settings(text))
    }
}

impl From<RuleText> for Notice {
    fn from(text: RuleText) -> Self {
        Self::Panel(PanelText::Rule(text))
    }
}

impl From<ServicesText> for Notice {
    fn from(text: ServicesText) -> Self {
        Self::Panel(PanelText::Services(text))
    }
}

impl From<ToolServersText> for Notice {
    fn from(text: ToolServersText) -> Self {
        Self::Panel(PanelText::ToolServers(text))
    }
}

impl From<ToolServerForm> for Notice {
    fn from(text: ToolServerForm) -> Self {
        ToolServersText::Form(text).into()
    }
}

impl From<SheetText> for Notice {
    fn from(text: SheetText) -> Self {
        ToolServersText::Sheet(text).into()
    }
}

impl From<ToolServersSaid> for Notice {
    fn from(text: ToolServersSaid) -> Self {
        ToolServersText::Said(text).into()
    }
}

impl From<PersonalText> for Notice {
    fn from(text: PersonalText) -> Self {
        Self::Panel(PanelText::Personal(text))
    }
}

impl From<PersonalSaid> for Notice {
    fn from(text: PersonalSaid) -> Self {
        Self::Panel(PanelText::PersonalSaid(text))
    }
}

impl From<MemoryText> for Notice {
    fn from(text: MemoryText) -> Self {
        Self::Panel(PanelText::Memory(text))
    }
}

impl From<MemorySaid> for Notice {
    fn from(text: MemorySaid) -> Self {
        Self::Panel(PanelText::MemorySaid(text))
    }
}
