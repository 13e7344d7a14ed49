//! All keys of a person, and the forms.

use llm::Provider;
use twilight_model::channel::message::Component;
use twilight_model::channel::message::component::ButtonStyle;

use super::action::Action;
use super::state::{Key, State};
use crate::command::answer::{Panel, Plan};
use crate::command::component::Route;
use crate::command::controls::{Note, Signer, button, menu, option, row};
use crate::command::form::{key_field, model_field, words};
use crate::notice::{ButtonText, FormText, Notice, OwnKeyLine, PersonalText};

/// Shows all keys, and what was just done.
pub(super) fn show(
    signer: Signer<'_>,
    state: &State,
    note: Option<&Note>,
) -> Result<Panel, Notice> {
    let mut rows = vec![enter_menu(signer)?];
    if !state.keys.is_empty() {
        rows.push(key_menu(signer, state)?);
    }
    rows.push(buttons(signer, state)?);
    Ok(Panel {
        text: text(state, note),
        rows,
        quote: None,
    })
}

/// Shows why a key was not saved, and offers the form once more.
pub(super) fn show_retry(
    signer: Signer<'_>,
    state: &State,
    note: &Note,
    provider: Provider,
) -> Result<Panel, Notice> {
    let label = ButtonText::Retry {
        provider: provider.label().to_owned(),
    };
    let retry = control(
        signer,
        Action::EnterOf(provider),
        label,
        ButtonStyle::Primary,
    )?;
    let mut panel = show(signer, state, Some(note))?;
    panel.rows.insert(0, row(vec![retry]));
    Ok(panel)
}

/// Opens the form for a key of a provider, which may replace another.
pub(super) fn open_form(
    signer: Signer<'_>,
    provider: Provider,
    replaced: Option<&Key>,
) -> Result<Plan, Notice> {
    let take = match replaced {
        None => Action::Take(provider),
        Some(key) => Action::TakeOther(provider, key.seen.row_version),
    };
    let title = Notice::Form(FormText::Title {
        provider: provider.label().into(),
    });
    let page = FormText::KeyPage {
        url: provider.key_page().into(),
    };
    let current = replaced.map(|key| &*key.model);
    let contents = vec![
        words(&Notice::Form(page)),
        key_field(),
        model_field(provider.default_model(), current),
    ];
    let id = sign(signer, take)?;
    Ok(Plan::form(id, title.text().into_owned(), contents))
}

/// Opens the form for a model.
pub(super) fn open_model_form(signer: Signer<'_>, key: &Key) -> Result<Plan, Notice> {
    let id = sign(signer, Action::TakeModel(key.seen))?;
    let title = Notice::Form(FormText::ModelTitle);
    let field = model_field(key.provider.default_model(), Some(&key.model));
    Ok(Plan::form(id, title.text().into_owned(), vec![field]))
}

/// Makes a button of this panel.
pub(super) fn control(
    signer: Signer<'_>,
    action: Action,
    label: ButtonText,
    style: ButtonStyle,
) -> Result<Component, Notice> {
    let id = sign(signer, action)?;
    Ok(button(id, &label.into(), style))
}

/// Signs the id of a control of this panel.
pub(super) fn sign(signer: Signer<'_>, action: Action) -> Result<String, Notice> {
    signer.sign(Route::PersonalProvider, action.to_args())
}

/// Says a text of this panel.
pub(super) fn say(text: PersonalText) -> String {
    Notice::from(text).text().into_owned()
}

fn text(state: &State, note: Option<&Note>) -> String {
    let mut lines = vec![say(PersonalText::Title)];
    lines.extend(note.map(Note::line));
    lines.push(say(match (state.keys.is_empty(), state.is_on) {
        (true, _) => PersonalText::Empty,
        (false, true) => PersonalText::On,
        (false, false) => PersonalText::Off,
    }));
    lines.extend(
        state
            .keys
            .iter()
            .map(|key| say(PersonalText::Line(line(key)))),
    );
    if state.keys.len() > 1 {
        lines.push(say(PersonalText::Order));
    }
    lines.join("\n")
}

fn line(key: &Key) -> OwnKeyLine {
    OwnKeyLine {
        provider: key.provider.label().to_owned(),
        fingerprint: key.fingerprint.clone(),
        model: key.model.clone(),
        is_for_chat: key.is_for_chat,
        is_refused: key.is_refused,
        is_broken: key.is_broken,
    }
}

fn enter_menu(signer: Signer<'_>) -> Result<Component, Notice> {
    let options = Provider::ALL.map(|provider| option(provider.label(), provider.as_str()));
    let id = sign(signer, Action::Enter)?;
    Ok(menu(id, &PersonalText::EnterFor.into(), options.to_vec()))
}

fn key_menu(signer: Signer<'_>, state: &State) -> Result<Component, Notice> {
    let options = state.keys.iter().map(|key| {
        let label = format!("{} {}", key.provider.label(), key.fingerprint);
        option(&label, &key.seen.key.0.to_string())
    });
    let id = sign(signer, Action::Look)?;
    Ok(menu(id, &PersonalText::LookAt.into(), options.collect()))
}

fn buttons(signer: Signer<'_>, state: &State) -> Result<Component, Notice> {
    let switch = match (state.keys.is_empty(), state.is_on) {
        (true, _) => None,
        (false, true) => Some((
            Action::SwitchOff,
            ButtonText::SwitchOff,
            ButtonStyle::Secondary,
        )),
        (false, false) => Some((Action::SwitchOn, ButtonText::SwitchOn, ButtonStyle::Primary)),
    };
    let refresh = (Action::Show, ButtonText::Refresh, ButtonStyle::Secondary);
    let buttons = switch.into_iter().chain([refresh]);
    let buttons = buttons.map(|(action, label, style)| control(signer, action, label, style));
    Ok(row(buttons.collect::<Result<_, _>>()?))
}

#[cfg(test)]
mod tests;
