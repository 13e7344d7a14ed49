//! One key: what is known about it, and what can be done with it.

use twilight_model::channel::message::Component;
use twilight_model::channel::message::component::ButtonStyle;

use super::action::{Action, Seen};
use super::list::{self, Page, ask, control, say};
use super::state::{Key, State};
use crate::command::answer::Panel;
use crate::command::controls::{Note, Signer, row};
use crate::notice::{ButtonText, KeyCondition, KeysText, Notice};

/// Shows a key and what was just done; the list when the key is gone.
pub(super) fn show(
    signer: Signer<'_>,
    state: &State,
    seen: Seen,
    note: Option<&Note>,
) -> Result<Panel, Notice> {
    let place = state
        .keys
        .iter()
        .position(|key| key.seen.value() == seen.value());
    let Some((place, key)) = place.and_then(|place| Some((place, state.keys.get(place)?))) else {
        return list::show(signer, state, Page::of(0, state.keys.len()), note);
    };
    let back = Page::with(place, state.keys.len()).action();
    Ok(Panel {
        text: text(key, note),
        rows: vec![buttons(signer, key, back)?],
        quote: None,
    })
}

/// Asks whether a key shall be removed.
pub(super) fn ask_remove(signer: Signer<'_>, key: &Key) -> Result<Panel, Notice> {
    let question = KeysText::RemoveQuestion {
        provider: key.provider.label().to_owned(),
        name: key.name.clone(),
    };
    let (remove, keep) = (Action::Remove(key.removal), Action::Show(key.seen));
    ask(signer, question, remove, keep)
}

fn text(key: &Key, note: Option<&Note>) -> String {
    let title = KeysText::KeyTitle {
        provider: key.provider.label().to_owned(),
        name: key.name.clone(),
    };
    let uses = key.uses.map(|uses| KeysText::KeyUses {
        uses,
        last_unix: key.last_used_at.map(|at| at.timestamp()),
    });
    let failed = key.failed.as_ref().map(|failed| KeysText::KeyFailed {
        at_unix: failed.at.timestamp(),
        message: in_one_line(&failed.message),
    });
    let label = (!key.name.is_main).then(|| KeysText::KeyLabel(key.label.clone()));
    let parts = [
        label,
        Some(KeysText::KeyCondition(key.told_condition())),
        uses,
        failed,
    ];
    let lines = [say(title)]
        .into_iter()
        .chain(note.map(Note::line))
        .chain(parts.into_iter().flatten().map(say));
    lines.collect::<Vec<_>>().join("\n")
}

fn buttons(signer: Signer<'_>, key: &Key, back: Action) -> Result<Component, Notice> {
    let test = match key.condition {
        KeyCondition::Refused => ButtonText::TestAndEnable,
        _ => ButtonText::Test,
    };
    let seen = key.seen;
    let secondary = ButtonStyle::Secondary;
    let buttons = [
        Some((Action::Test(seen), test, ButtonStyle::Primary)),
        (!key.name.is_main).then_some((Action::Label(seen), ButtonText::Label, secondary)),
        switch(key).map(|(action, label)| (action, label, secondary)),
        Some((
            Action::AskRemove(seen),
            ButtonText::AskRemove,
            ButtonStyle::Danger,
        )),
        Some((back, ButtonText::Back, secondary)),
    ];
    let buttons = buttons.into_iter().flatten();
    let buttons = buttons.map(|(action, label, style)| control(signer, action, label, style));
    Ok(row(buttons.collect::<Result<_, _>>()?))
}

/// The main key outside of a pool is not taken out of use, which would leave nothing: it is removed.
/// One that was refused is used again after a test only.
fn switch(key: &Key) -> Option<(Action, ButtonText)> {
    let enable = (Action::Enable(key.seen), ButtonText::Enable);
    match (key.condition, key.seen) {
        (KeyCondition::Disabled, _) => Some(enable),
        (KeyCondition::Refused, Seen::Pooled { .. }) => Some(enable),
        (_, Seen::Pooled { .. }) => Some((Action::Disable(key.seen), ButtonText::Disable)),
        (_, Seen::Main { .. }) => None,
    }
}

/// Takes out of a recorded failure what would end its quotation.
fn in_one_line(message: &str) -> String {
    let is_plain = |sign: char| !sign.is_control() && sign != '`';
    message
        .chars()
        .map(|sign| if is_plain(sign) { sign } else { ' ' })
        .collect()
}
