//! The words of `/personal settings` (CMD-30).

use std::borrow::Cow;

/// A part of the form, or what came of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SettingsText {
    /// Title of the form; at most 45 characters.
    Title,
    /// Label of the field; at most 45 characters.
    NicknameLabel,
    /// Hint below it; at most 100 characters.
    NicknameHint,
    /// What was typed cannot be a nickname.
    NoNickname,
    /// It is one's nickname.
    NicknameSaved,
    /// There is none any more.
    NicknameForgotten,
}

impl SettingsText {
    /// Returns the words.
    pub(super) fn text(self) -> Cow<'static, str> {
        Cow::Borrowed(match self {
            Self::Title => "What is yours, in every server",
            Self::NicknameLabel => "What shall I call you?",
            Self::NicknameHint => {
                "2 to 32 characters. Leave it empty for the name that everybody sees."
            }
            Self::NoNickname => "A nickname has 2 to 32 characters in one line. Nothing was saved.",
            Self::NicknameSaved => "That is what personas call you from now on.",
            Self::NicknameForgotten => "Personas call you again as everybody sees you.",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_of_the_form_keep_discords_limits() {
        for short in [SettingsText::Title, SettingsText::NicknameLabel] {
            assert!(short.text().chars().count() <= 45, "{short:?}");
        }
        assert!(SettingsText::NicknameHint.text().chars().count() <= 100);
    }
}
