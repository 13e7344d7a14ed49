//! How a tool of a tool server stands, and the words around the file with all that models are told of it.

use std::borrow::Cow;

/// How a tool stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ToolState {
    /// Personas may use it.
    On,
    /// They may, and somebody who manages the server says that it changes nothing.
    OnForReading,
    /// They may not.
    Off,
    /// They may not any more: it is not what was approved.
    Changed,
    /// They may not: another one has the same name for them.
    Namesake,
}

impl ToolState {
    /// Tells whether personas may use it.
    pub(crate) const fn is_on(self) -> bool {
        matches!(self, Self::On | Self::OnForReading)
    }

    pub(super) const fn mark(self) -> &'static str {
        match self {
            Self::On => "✔",
            Self::OnForReading => "✔ only reads:",
            Self::Off => "–",
            Self::Changed => "⚠ changed:",
            Self::Namesake => "⚠ no name left:",
        }
    }

    const fn words(self) -> &'static str {
        match self {
            Self::On => "Personas may use it.",
            Self::OnForReading => {
                "Personas may use it. Somebody who manages this server says that it only reads."
            }
            Self::Off => "Personas may not use it: nobody has ticked it.",
            Self::Changed => "Personas may not use it any more: it changed since it was ticked.",
            Self::Namesake => "It cannot be used: models know another tool by its name.",
        }
    }
}

/// Around the file with all that models are told of a tool server's tools.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SheetText {
    /// The button that hands it out.
    Open,
    /// What is said with it.
    Here,
    /// There is nothing to read.
    Nothing,
    /// Its beginning.
    Head {
        /// What the tool server is called.
        name: String,
    },
    /// The beginning of a tool in it; its description comes next.
    Tool {
        /// Its number in the list.
        number: usize,
        /// Its name at its server.
        name: String,
        /// How it stands.
        state: ToolState,
        /// Whether its server says that it changes nothing.
        claims_read_only: bool,
        /// The name under which models know it.
        told_as: String,
        /// The characters of its description.
        characters: usize,
    },
}

impl SheetText {
    pub(super) fn text(&self) -> Cow<'static, str> {
        match self {
            Self::Open => "Read all".into(),
            Self::Here => {
                "This is all that models are told of these tools if they are ticked.".into()
            }
            Self::Nothing => {
                "There is nothing to read: it is switched off, is out of reach, or offers no tools."
                    .into()
            }
            Self::Head { name } => format!(
                "All that models are told of the tools of {name}, if they are ticked. These are the \
                 words of that server. Characters that nobody sees are left out here, and of what \
                 models are told.\n"
            )
            .into(),
            Self::Tool {
                number,
                name,
                state,
                claims_read_only,
                told_as,
                characters,
            } => {
                let state = state.words();
                let claim = if *claims_read_only {
                    " Its server says that it changes nothing."
                } else {
                    ""
                };
                format!(
                    "\n=== {number}. {name}\n{state}{claim}\nModels know it as {told_as}. Its description \
                     ({characters} characters) and the schema of its arguments:\n\n"
                )
                .into()
            }
        }
    }
}
