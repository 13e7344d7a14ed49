//! The list: ten keys at a time, and what can be done with all of them.

use llm::Provider;
use twilight_model::channel::message::Component;
use twilight_model::channel::message::component::ButtonStyle;

use super::action::{Action, SeenProvider};
use super::state::{Key, State};
use crate::command::answer::Panel;
use crate::command::component::Route;
use crate::command::controls::{Note, Signer, button, menu, option, row};
use crate::notice::{ButtonText, KeyLine, KeysText, Notice};

/// Keys that are shown at once (CMD-14).
const KEYS_PER_PAGE: usize = 10;

/// A part of the list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Page {
    /// From 0.
    number: usize,
    /// How many there are, at least 1.
    count: usize,
}

impl Page {
    /// Returns this part of a list of so many keys, or the last one where there are fewer.
    pub(super) fn of(number: usize, keys: usize) -> Self {
        let count = keys.div_ceil(KEYS_PER_PAGE).max(1);
        Self {
            number: number.min(count - 1),
            count,
        }
    }

    /// Returns the part with the key at this place, from 0.
    pub(super) fn with(place: usize, keys: usize) -> Self {
        Self::of(place / KEYS_PER_PAGE, keys)
    }

    /// Returns the keys that are shown, to be changed.
    pub(super) fn keys_mut(self, state: &mut State) -> &mut [Key] {
        let first = self.number * KEYS_PER_PAGE;
        let last = (first + KEYS_PER_PAGE).min(state.keys.len());
        state.keys.get_mut(first..last).unwrap_or_default()
    }

    fn keys(self, state: &State) -> impl Iterator<Item = (usize, &Key)> {
        let first = self.number * KEYS_PER_PAGE;
        state
            .keys
            .iter()
            .enumerate()
            .skip(first)
            .take(KEYS_PER_PAGE)
    }

    /// Returns what leads back here.
    pub(super) fn action(self) -> Action {
        to(self.number)
    }
}

fn to(page: usize) -> Action {
    Action::Page(u8::try_from(page).unwrap_or(u8::MAX))
}

/// Shows a part of the list, and what was just done.
pub(super) fn show(
    signer: Signer<'_>,
    state: &State,
    page: Page,
    note: Option<&Note>,
) -> Result<Panel, Notice> {
    let mut rows = Vec::new();
    if !state.keys.is_empty() {
        rows.push(key_menu(signer, state, page)?);
    }
    rows.push(add_menu(signer)?);
    if !state.keys.is_empty() {
        rows.push(purge_menu(signer, state)?);
    }
    rows.push(page_buttons(signer, page)?);
    Ok(Panel {
        text: text(state, page, note),
        rows,
        quote: None,
    })
}

/// Shows why a key was not added, and offers the form once more.
pub(super) fn show_retry(
    signer: Signer<'_>,
    state: &State,
    note: &Note,
    provider: Provider,
) -> Result<Panel, Notice> {
    let id = sign(signer, Action::AddOf(provider))?;
    let label = Notice::from(ButtonText::Retry {
        provider: provider.label().to_owned(),
    });
    let retry = row(vec![button(id, &label, ButtonStyle::Primary)]);
    let mut panel = show(signer, state, Page::of(0, state.keys.len()), Some(note))?;
    panel.rows.insert(0, retry);
    Ok(panel)
}

/// Asks whether all keys of a provider shall be removed.
pub(super) fn ask_purge(
    signer: Signer<'_>,
    state: &State,
    seen: SeenProvider,
) -> Result<Panel, Notice> {
    let question = KeysText::PurgeQuestion {
        provider: seen.provider.label().to_owned(),
        keys: state.of(seen.provider).count(),
        has_main: seen.main.is_some(),
    };
    let (remove, keep) = (Action::Purge(seen), Page::of(0, state.keys.len()).action());
    ask(signer, question, remove, keep)
}

/// Asks before something is deleted (CMD-16).
pub(super) fn ask(
    signer: Signer<'_>,
    question: KeysText,
    remove: Action,
    keep: Action,
) -> Result<Panel, Notice> {
    let remove = control(signer, remove, ButtonText::Remove, ButtonStyle::Danger)?;
    let keep = control(signer, keep, ButtonText::Keep, ButtonStyle::Secondary)?;
    Ok(Panel {
        text: say(question),
        rows: vec![row(vec![remove, keep])],
        quote: None,
    })
}

/// Makes a button of this panel.
pub(super) fn control(
    signer: Signer<'_>,
    action: Action,
    label: ButtonText,
    style: ButtonStyle,
) -> Result<Component, Notice> {
    let id = sign(signer, action)?;
    Ok(button(id, &Notice::from(label), style))
}

/// Signs the id of a control of this panel.
pub(super) fn sign(signer: Signer<'_>, action: Action) -> Result<String, Notice> {
    signer.sign(Route::ProviderKeys, action.to_args())
}

fn text(state: &State, page: Page, note: Option<&Note>) -> String {
    let mut lines = vec![say(KeysText::Title)];
    lines.extend(note.map(Note::line));
    if state.keys.is_empty() {
        lines.push(say(KeysText::Empty));
    }
    let mut above = None;
    for (place, key) in page.keys(state) {
        if above.replace(key.provider) != Some(key.provider) {
            let provider = key.provider.label().to_owned();
            lines.push(say(KeysText::Provider { provider }));
        }
        lines.push(say(KeysText::Line(line(place, key))));
    }
    if page.count > 1 {
        lines.push(say(KeysText::Page {
            page: page.number + 1,
            pages: page.count,
        }));
    }
    if !state.keys.is_empty() {
        lines.push(say(KeysText::HowSpread));
    }
    lines.join("\n")
}

fn line(place: usize, key: &Key) -> KeyLine {
    KeyLine {
        number: place + 1,
        name: key.name.clone(),
        label: key.label.clone(),
        condition: key.told_condition(),
        uses: key.uses,
        failed_unix: key.failed.as_ref().map(|failed| failed.at.timestamp()),
    }
}

fn key_menu(signer: Signer<'_>, state: &State, page: Page) -> Result<Component, Notice> {
    let options = page.keys(state).map(|(place, key)| {
        let label = key.label.as_deref().unwrap_or_default();
        let (provider, fingerprint) = (key.provider.label(), &key.name.fingerprint);
        let label = format!("{} · {provider} {fingerprint} {label}", place + 1);
        option(label.trim_end(), &key.seen.value())
    });
    let id = sign(signer, Action::Look)?;
    let placeholder = Notice::from(KeysText::LookAt);
    Ok(menu(id, &placeholder, options.collect()))
}

fn add_menu(signer: Signer<'_>) -> Result<Component, Notice> {
    let options = Provider::ALL.map(|provider| option(provider.label(), provider.as_str()));
    let id = sign(signer, Action::Add)?;
    let placeholder = Notice::from(KeysText::AddFor);
    Ok(menu(id, &placeholder, options.to_vec()))
}

fn purge_menu(signer: Signer<'_>, state: &State) -> Result<Component, Notice> {
    let counted = Provider::ALL.map(|provider| (provider, state.of(provider).count()));
    let options = counted.into_iter().filter(|(_, keys)| *keys > 0);
    let options = options.map(|(provider, keys)| {
        let label = KeysText::PurgeOption {
            provider: provider.label().to_owned(),
            keys,
        };
        option(&say(label), provider.as_str())
    });
    let id = sign(signer, Action::AskPurge)?;
    let placeholder = Notice::from(KeysText::PurgeOf);
    Ok(menu(id, &placeholder, options.collect()))
}

fn page_buttons(signer: Signer<'_>, page: Page) -> Result<Component, Notice> {
    let button = |to_page, label| control(signer, to(to_page), label, ButtonStyle::Secondary);
    let mut buttons = Vec::new();
    if let Some(previous) = page.number.checked_sub(1) {
        buttons.push(button(previous, ButtonText::Previous)?);
    }
    if page.number + 1 < page.count {
        buttons.push(button(page.number + 1, ButtonText::Next)?);
    }
    buttons.push(button(page.number, ButtonText::Refresh)?);
    Ok(row(buttons))
}

/// Says a text of this panel.
pub(super) fn say(text: KeysText) -> String {
    Notice::from(text).text().into_owned()
}

#[cfg(test)]
mod tests;
