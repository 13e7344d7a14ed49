//! `/personal settings`: what a person wants to be called, in every server (CMD-30, PRIV-8).

use proto::event::FormField;
use proto::id::UserId;
use store::Edited;

use super::answer::{After, Panel, Plan};
use super::asker::Asker;
use super::component::Route;
use super::controls::{Note, Signer};
use super::form::{Typed, name_field};
use super::reading::{in_time, unreadable};
use crate::app::App;
use crate::notice::{MemorySaid, Notice, SettingsText};

/// Name of the field.
const FIELD: &str = "nickname";

/// What may be typed, in characters (CMD-30).
const CHARACTERS: std::ops::RangeInclusive<u16> = 2..=32;

/// What somebody wants to be called. Has no `Debug`: it is theirs.
pub(crate) struct Choice {
    user: UserId,
    nickname: Option<String>,
}

/// Opens the form with what there is.
pub(super) async fn open(app: &App, asker: &Asker) -> Result<Plan, Notice> {
    let reading = async { app.store.nickname(asker.user).await.map_err(unreadable) };
    let present = in_time(reading).await?;
    let keyring = app.keys.get();
    let signer = Signer {
        asker,
        keyring: &keyring,
    };
    let id = signer.sign(Route::PersonalSettings, Vec::new())?;
    let words = (
        &SettingsText::NicknameLabel.into(),
        &SettingsText::NicknameHint.into(),
    );
    let field = name_field(FIELD, words, *CHARACTERS.end(), present.as_deref());
    let title = Notice::from(SettingsText::Title).text().into_owned();
    Ok(Plan::form(id, title, vec![field]))
}

/// Takes what was typed.
pub(super) fn take(asker: &Asker, fields: Vec<FormField>) -> Result<Plan, Notice> {
    let typed = Typed::new(fields);
    let choice = Choice {
        user: asker.user,
        nickname: checked(typed.text(FIELD))?,
    };
    Ok(Plan::defer(After::PersonalSettings(choice)))
}

/// Nothing is no name. What was longer before may stay so.
fn checked(typed: &str) -> Result<Option<String>, SettingsText> {
    let characters = typed.chars().count();
    let is_short = characters < usize::from(*CHARACTERS.start());
    let is_long = characters > usize::from(*CHARACTERS.end());
    match typed {
        "" => Ok(None),
        name if is_short || is_long || name.contains(char::is_control) => {
            Err(SettingsText::NoNickname)
        }
        name => Ok(Some(name.to_owned())),
    }
}

/// Saves it.
pub(super) async fn finish(app: &App, choice: Choice) -> Panel {
    let note = match save(app, choice).await {
        Ok(said) => Note::Done(said.into()),
        Err(notice) => Note::Warning(notice),
    };
    Panel::words(note.line())
}

async fn save(app: &App, choice: Choice) -> Result<SettingsText, Notice> {
    let Choice { user, nickname } = choice;
    let set = app.store.set_nickname(user, nickname.as_deref()).await;
    if set.map_err(unreadable)? == Edited::Stale {
        return Err(MemorySaid::Hidden.into());
    }
    Ok(match nickname {
        Some(_) => SettingsText::NicknameSaved,
        None => SettingsText::NicknameForgotten,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// CMD-30.
    #[test]
    fn a_nickname_is_a_short_line() {
        assert_eq!(checked(""), Ok(None));
        assert_eq!(checked("ともり"), Ok(Some("ともり".to_owned())));
        for wrong in ["x", &"x".repeat(33), "a\nb", "a\0b"] {
            assert_eq!(checked(wrong), Err(SettingsText::NoNickname), "{wrong}");
        }
    }
}
