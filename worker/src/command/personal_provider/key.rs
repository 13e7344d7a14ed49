//! One key of a person, and the models of its provider.

use twilight_model::channel::message::Component;
use twilight_model::channel::message::component::ButtonStyle;

use super::action::{Action, Seen};
use super::panel::{self, control, say, sign};
use super::state::{Key, State};
use crate::command::answer::Panel;
use crate::command::controls::{Note, Signer, menu, option, row};
use crate::command::form::is_model;
use crate::notice::{ButtonText, Notice, PersonalText};

/// Models in one menu (Discord components page, 2026-11).
const MODELS_PER_PAGE: usize = 25;

/// Longest name that an option can have, in characters (same page).
const OPTION_CHARS: usize = 100;

/// A button of a panel: where it leads, its label and its look.
type Offered = (Action, ButtonText, ButtonStyle);

/// Shows a key and what was just done; all keys when it is gone.
pub(super) fn show(
    signer: Signer<'_>,
    state: &State,
    seen: Seen,
    note: Option<&Note>,
) -> Result<Panel, Notice> {
    let Some(key) = state.find(seen.key) else {
        return panel::show(signer, state, note);
    };
    Ok(Panel {
        text: text(key, note),
        rows: rows(signer, key)?,
        quote: None,
    })
}

/// Asks whether a key shall be removed (CMD-16).
pub(super) fn ask_remove(signer: Signer<'_>, key: &Key) -> Result<Panel, Notice> {
    let question = PersonalText::RemoveQuestion {
        provider: key.provider.label().to_owned(),
        fingerprint: key.fingerprint.clone(),
    };
    let remove = (
        Action::Remove(key.seen),
        ButtonText::Remove,
        ButtonStyle::Danger,
    );
    let keep = (
        Action::ShowKey(key.seen),
        ButtonText::Keep,
        ButtonStyle::Secondary,
    );
    Ok(Panel {
        text: say(question),
        rows: vec![line(signer, [remove, keep])?],
        quote: None,
    })
}

/// Shows a part of the models that a provider names; names that no menu can hold are left out.
pub(super) fn show_models(
    signer: Signer<'_>,
    key: &Key,
    names: &[String],
    page: usize,
) -> Result<Panel, Notice> {
    let fits = |name: &&String| is_model(name) && name.len() <= OPTION_CHARS;
    let names: Vec<&String> = names.iter().filter(fits).collect();
    let pages = names.len().div_ceil(MODELS_PER_PAGE).max(1);
    let page = page.min(pages - 1);
    let shown = names.chunks(MODELS_PER_PAGE).nth(page).unwrap_or_default();
    let options = shown.iter().map(|name| option(name, name)).collect();
    let id = sign(signer, Action::ChooseModel(key.seen))?;
    let title = PersonalText::Models {
        provider: key.provider.label().to_owned(),
        models: names.len(),
        page: page + 1,
        pages,
    };
    Ok(Panel {
        text: say(title),
        rows: vec![
            menu(id, &PersonalText::ChooseModel.into(), options),
            page_buttons(signer, key.seen, page, pages)?,
        ],
        quote: None,
    })
}

fn text(key: &Key, note: Option<&Note>) -> String {
    let title = PersonalText::KeyTitle {
        provider: key.provider.label().to_owned(),
        fingerprint: key.fingerprint.clone(),
    };
    let model = PersonalText::KeyModel {
        model: key.model.clone(),
    };
    let used = if key.is_for_chat {
        PersonalText::KeyUsed
    } else {
        PersonalText::KeySpared
    };
    let trouble = match (key.is_broken, key.is_refused) {
        (true, _) => Some(PersonalText::KeyBroken),
        (false, true) => Some(PersonalText::KeyRefused),
        (false, false) => None,
    };
    let lines = [say(title)]
        .into_iter()
        .chain(note.map(Note::line))
        .chain([model, used].into_iter().chain(trouble).map(say));
    lines.collect::<Vec<_>>().join("\n")
}

fn rows(signer: Signer<'_>, key: &Key) -> Result<Vec<Component>, Notice> {
    let (seen, secondary) = (key.seen, ButtonStyle::Secondary);
    let switch = if key.is_for_chat {
        (Action::Spare(seen), ButtonText::Spare, secondary)
    } else {
        (Action::Use(seen), ButtonText::Use, secondary)
    };
    let test = if key.is_refused {
        ButtonText::TestAndEnable
    } else {
        ButtonText::Test
    };
    let about_model = [
        (
            Action::Models(seen, 0),
            ButtonText::ChooseModel,
            ButtonStyle::Primary,
        ),
        (Action::TypeModel(seen), ButtonText::TypeModel, secondary),
    ];
    let about_key = [
        (Action::Test(seen), test, secondary),
        switch,
        (
            Action::EnterOf(key.provider),
            ButtonText::Replace,
            secondary,
        ),
        (
            Action::AskRemove(seen),
            ButtonText::AskRemove,
            ButtonStyle::Danger,
        ),
        (Action::Show, ButtonText::Back, secondary),
    ];
    Ok(vec![line(signer, about_model)?, line(signer, about_key)?])
}

fn page_buttons(
    signer: Signer<'_>,
    seen: Seen,
    page: usize,
    pages: usize,
) -> Result<Component, Notice> {
    let secondary = ButtonStyle::Secondary;
    let to = |page: usize| Action::Models(seen, u8::try_from(page).unwrap_or(u8::MAX));
    let previous = page.checked_sub(1);
    let previous = previous.map(|page| (to(page), ButtonText::Previous, secondary));
    let next = (page + 1 < pages).then(|| (to(page + 1), ButtonText::Next, secondary));
    let others = [
        (Action::TypeModel(seen), ButtonText::TypeModel, secondary),
        (Action::ShowKey(seen), ButtonText::Back, secondary),
    ];
    line(signer, previous.into_iter().chain(next).chain(others))
}

fn line(
    signer: Signer<'_>,
    buttons: impl IntoIterator<Item = Offered>,
) -> Result<Component, Notice> {
    let buttons = buttons.into_iter();
    let buttons = buttons.map(|(action, label, style)| control(signer, action, label, style));
    Ok(row(buttons.collect::<Result<_, _>>()?))
}
