//! Buttons and menus, and the signatures that make them ours.

use keyring::Keyring;
use tracing::error;
use twilight_model::channel::message::Component;
use twilight_model::channel::message::component::{
    ActionRow, Button, ButtonStyle, SelectMenu, SelectMenuOption, SelectMenuType,
};

use super::asker::Asker;
use super::component::{ComponentId, Route};
use crate::notice::{ButtonText, Notice};

/// Signs the controls of one person's panel.
#[derive(Clone, Copy, Debug)]
pub(super) struct Signer<'a> {
    /// Who sees the panel.
    pub(super) asker: &'a Asker,
    /// Signs the ids of its controls.
    pub(super) keyring: &'a Keyring,
}

impl Signer<'_> {
    /// Signs the id of a control that only this person may use, as long as the panel lives.
    pub(super) fn sign(self, route: Route, args: Vec<u8>) -> Result<String, Notice> {
        let id = ComponentId {
            route,
            args,
            user: Some(self.asker.user),
            expires_at_secs: Some(self.asker.panel_ends_at_secs()),
        };
        id.sign(self.keyring, self.asker.tenant).map_err(|error| {
            error!(%error, "a component was not signed");
            Notice::Unexpected
        })
    }
}

/// What is said above a panel about what was just done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Note {
    /// It was done.
    Done(Notice),
    /// It was not, or not all of it.
    Warning(Notice),
}

impl Note {
    /// Returns the line.
    pub(super) fn line(&self) -> String {
        match self {
            Self::Done(notice) => format!("✔ {}", notice.text()),
            Self::Warning(notice) => format!("⚠ {}", notice.text()),
        }
    }
}

/// Makes a button; its label has at most 80 characters.
pub(super) fn button(custom_id: String, label: &Notice, style: ButtonStyle) -> Component {
    Component::Button(Button {
        custom_id: Some(custom_id),
        disabled: false,
        emoji: None,
        id: None,
        label: Some(label.text().into_owned()),
        sku_id: None,
        style,
        url: None,
    })
}

/// Makes a button that leads to an address of at most 512 characters; its label has at most 80.
pub(super) fn link(url: String, label: &Notice) -> Component {
    Component::Button(Button {
        custom_id: None,
        disabled: false,
        emoji: None,
        id: None,
        label: Some(label.text().into_owned()),
        sku_id: None,
        style: ButtonStyle::Link,
        url: Some(url),
    })
}

/// Makes a line with a menu of 1 to 25 options, of which one is chosen; its placeholder has at
/// most 150 characters.
pub(super) fn menu(
    custom_id: String,
    placeholder: &Notice,
    options: Vec<SelectMenuOption>,
) -> Component {
    row(vec![Component::SelectMenu(select(
        custom_id,
        placeholder,
        options,
    ))])
}

fn select(custom_id: String, placeholder: &Notice, options: Vec<SelectMenuOption>) -> SelectMenu {
    SelectMenu {
        channel_types: None,
        custom_id,
        default_values: None,
        disabled: false,
        id: None,
        kind: SelectMenuType::Text,
        max_values: Some(1),
        min_values: Some(1),
        options: Some(options),
        placeholder: Some(placeholder.text().into_owned()),
        required: None,
    }
}

/// Makes a line with a list of 1 to 25 options, of which any may be ticked; `default` says which are. Its
/// placeholder has at most 150 characters.
pub(super) fn checklist(
    custom_id: String,
    placeholder: &Notice,
    options: Vec<SelectMenuOption>,
) -> Component {
    row(vec![Component::SelectMenu(SelectMenu {
        max_values: u8::try_from(options.len()).ok(),
        min_values: Some(0),
        ..select(custom_id, placeholder, options)
    })])
}

/// Makes an option of a menu; both texts have at most 100 characters.
pub(super) fn option(label: &str, value: &str) -> SelectMenuOption {
    SelectMenuOption {
        default: false,
        description: None,
        emoji: None,
        label: label.to_owned(),
        value: value.to_owned(),
    }
}

/// Returns the beginning of a text in one line, of at most so many characters.
pub(super) fn cut(text: &str, most: usize) -> String {
    let words: Vec<&str> = text.split_whitespace().collect();
    let line = words.join(" ");
    if line.chars().count() <= most {
        return line;
    }
    let kept: String = line.chars().take(most.saturating_sub(1)).collect();
    format!("{}…", kept.trim_end())
}

/// Makes the buttons to the parts of a list before and after one of `pages`, numbered from 0, where
/// there are any; `sign` makes the id of a button that shows a part.
pub(super) fn turn_pages(
    (number, pages): (usize, usize),
    sign: impl Fn(u8) -> Result<String, Notice>,
) -> Result<Option<Component>, Notice> {
    let previous = number.checked_sub(1);
    let previous = previous.map(|page| (page, ButtonText::Previous));
    let next = (number + 1 < pages).then_some((number + 1, ButtonText::Next));
    let buttons = previous.into_iter().chain(next).map(|(page, label)| {
        let id = sign(u8::try_from(page).unwrap_or(u8::MAX))?;
        Ok(button(id, &label.into(), ButtonStyle::Secondary))
    });
    let buttons = buttons.collect::<Result<Vec<_>, Notice>>()?;
    Ok((!buttons.is_empty()).then(|| row(buttons)))
}

/// Puts controls into one line of a message.
pub(super) fn row(controls: Vec<Component>) -> Component {
    Component::ActionRow(ActionRow {
        components: controls,
        id: None,
    })
}

#[cfg(test)]
pub(super) mod painted;
