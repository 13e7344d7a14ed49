//! The words of commands about what is remembered (CMD-38 to CMD-45).

use std::borrow::Cow;

mod said;

pub use self::said::MemorySaid;

/// A line, label or message about memories.
#[derive(Clone, PartialEq, Eq)]
pub enum MemoryText {
    /// Title of the list of what every persona knows about a person.
    GlobalTitle,
    /// Title of the list of what single personas know about a person.
    PersonasTitle,
    /// Title of the list of what a persona knows about a server.
    ServerTitle {
        /// Its name.
        persona: String,
    },
    /// Where there is nothing.
    Empty {
        /// The command that adds something.
        add: &'static str,
    },
    /// One memory in a list.
    Line {
        /// Counted from 1 over all pages.
        number: usize,
        /// The persona that knows it, where the list is of several.
        persona: Option<String>,
        /// The beginning of what it says, in one line.
        words: String,
    },
    /// What a persona of another server is called in such a line.
    Elsewhere,
    /// Which part of the list this is.
    Page {
        /// From 1.
        page: usize,
        /// How many there are.
        pages: usize,
    },
    /// Placeholder of the menu; at most 150 characters.
    ChooseToEdit,
    /// The same; at most 150 characters.
    ChooseToRemove,
    /// Title of the form for a new memory; at most 45 characters.
    NewTitle,
    /// Title of the form for another text; at most 45 characters.
    EditTitle,
    /// Label of the field; at most 45 characters.
    Label,
    /// Hint below it; at most 100 characters.
    OwnHint,
    /// The same where it is about a server; at most 100 characters.
    ServerHint,
    /// Label of the choice of a persona; at most 45 characters.
    PersonaLabel,
    /// Hint below it; at most 100 characters.
    PersonaHint,
    /// Before a memory is removed, which is shown below.
    RemoveQuestion,
}

impl std::fmt::Debug for MemoryText {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("MemoryText")
    }
}

impl MemoryText {
    /// Returns the words.
    pub(super) fn text(&self) -> Cow<'static, str> {
        Cow::Borrowed(match self {
            Self::GlobalTitle => "**What I remember about you, whichever persona speaks**",
            Self::PersonasTitle => "**What single personas remember about you**",
            Self::ServerTitle { persona } => {
                return format!("**What {persona} remembers about this server**").into();
            }
            Self::Empty { add } => {
                return format!("Nothing yet. Add something with `{add}`.").into();
            }
            Self::Line {
                number,
                persona: None,
                words,
            } => return format!("`{number}` {words}").into(),
            Self::Line {
                number,
                persona: Some(persona),
                words,
            } => return format!("`{number}` {persona}: {words}").into(),
            Self::Elsewhere => "a persona elsewhere",
            Self::Page { page, pages } => return format!("Page {page} of {pages}.").into(),
            Self::ChooseToEdit => "Choose one to change",
            Self::ChooseToRemove => "Choose one to remove",
            Self::NewTitle => "Something to remember",
            Self::EditTitle => "Change what I remember",
            Self::Label => "What shall I remember?",
            Self::OwnHint => {
                "About you. Used when you talk where I am; you can change it any time."
            }
            Self::ServerHint => "About this server. Used for everybody here.",
            Self::PersonaLabel => "Who shall remember it?",
            Self::PersonaHint => "No other persona will know.",
            Self::RemoveQuestion => "Forget this for good?",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_of_the_forms_keep_discords_limits() {
        for short in [
            MemoryText::NewTitle,
            MemoryText::EditTitle,
            MemoryText::Label,
            MemoryText::PersonaLabel,
        ] {
            assert!(short.text().chars().count() <= 45, "{}", short.text());
        }
        for hint in [
            MemoryText::OwnHint,
            MemoryText::ServerHint,
            MemoryText::PersonaHint,
        ] {
            assert!(hint.text().chars().count() <= 100, "{}", hint.text());
        }
    }
}
