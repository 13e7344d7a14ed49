//! What people are told who choose their privacy level (PRIV-3, PRIV-21, PRIV-86).

use std::borrow::Cow;

use store::PrivacyLevel;

/// A label of the form, or a sentence about a choice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PrivacyText {
    /// Title of the form; Discord's limit is 45 characters.
    Title,
    /// Label of the choice; at most 45 characters.
    Label,
    /// Hint below it; at most 100 characters.
    Hint,
    /// The name of a level; at most 100 characters.
    Name(PrivacyLevel),
    /// What a level does, in one line; at most 100 characters.
    Effect(PrivacyLevel),
    /// The name of the level that holds now; at most 100 characters.
    Present(PrivacyLevel),
    /// The level is the same as before.
    Same(PrivacyLevel),
    /// The level is in effect.
    Saved(PrivacyLevel),
    /// Level 2 is saved, and not every gateway has said that it knows.
    Soon,
    /// It could not be saved, or nobody knows whether it was.
    NotSaved,
}

impl PrivacyText {
    /// Returns the words.
    pub(super) fn text(self) -> Cow<'static, str> {
        Cow::Borrowed(match self {
            Self::Title => "Your privacy",
            Self::Label => "What may I use of you?",
            Self::Hint => "Holds in every server and in direct messages.",
            Self::Name(PrivacyLevel::Minimal) => "Everything",
            Self::Name(PrivacyLevel::Partial) => "What you write, and no more",
            Self::Name(PrivacyLevel::Full) => "Nothing",
            Self::Effect(PrivacyLevel::Minimal) => {
                "I hear you, may remember things about you, and may know your roles and status."
            }
            Self::Effect(PrivacyLevel::Partial) => {
                "I hear you. No memories of you, no roles, no status, no tasks in what I think of."
            }
            Self::Effect(PrivacyLevel::Full) => {
                "I ignore what you write, everywhere, and what you wrote. Commands still work."
            }
            Self::Present(level) => {
                return format!("{} (chosen now)", Self::Name(level).text()).into();
            }
            Self::Same(level) => {
                let name = Self::Name(level).text();
                return format!("It is \"{name}\" already. Nothing was changed.").into();
            }
            Self::Saved(PrivacyLevel::Full) => return format!("Saved: in effect. {HIDDEN}").into(),
            Self::Saved(level) => {
                let (name, effect) = (Self::Name(level).text(), Self::Effect(level).text());
                return format!("Saved: \"{name}\". {effect}").into();
            }
            Self::Soon => return format!("In effect within seconds. {HIDDEN}").into(),
            Self::NotSaved => {
                "I could not save your choice just now. The stricter of both may hold until then; \
                 try again in a minute."
            }
        })
    }
}

/// What level 2 means, and how it ends (PRIV-21).
const HIDDEN: &str = "I ignore your messages and direct messages without a word, and use nothing \
    of what you wrote before. Commands still work. To be heard again, use `/personal privacy` and \
    choose otherwise.";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_of_the_form_keep_discords_limits() {
        for short in [PrivacyText::Title, PrivacyText::Label] {
            assert!(short.text().chars().count() <= 45, "{short:?}");
        }
        for level in PrivacyLevel::ALL {
            for line in [
                PrivacyText::Hint,
                PrivacyText::Name(level),
                PrivacyText::Present(level),
                PrivacyText::Effect(level),
            ] {
                assert!(line.text().chars().count() <= 100, "{line:?}");
            }
        }
    }

    /// CMD-29.
    #[test]
    fn saved_is_said_only_when_it_is_in_effect() {
        let saved = PrivacyText::Saved(PrivacyLevel::Full).text();
        assert!(saved.starts_with("Saved"));
        for other in [PrivacyText::Soon, PrivacyText::NotSaved] {
            assert!(!other.text().to_lowercase().contains("saved:"));
        }
        assert!(saved.contains("/personal privacy") && saved.contains("Commands still work"));
    }
}
