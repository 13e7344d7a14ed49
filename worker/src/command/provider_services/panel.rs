//! The panel: a line and a row of buttons for each service.

use llm::Service;
use twilight_model::channel::message::Component;
use twilight_model::channel::message::component::ButtonStyle;

use super::action::{Action, Seen};
use super::state::{Key, State};
use crate::command::answer::{Panel, Plan};
use crate::command::component::Route;
use crate::command::controls::{Note, Signer, button, row};
use crate::command::form::{key_field, words};
use crate::notice::{ButtonText, FormText, Notice, ServiceState, ServicesText};

/// Shows the services, and what was just done.
pub(super) fn show(
    signer: Signer<'_>,
    state: &State,
    note: Option<&Note>,
) -> Result<Panel, Notice> {
    let lines = Service::ALL.map(|service| {
        say(ServicesText::Line {
            service: service.label().to_owned(),
            state: told(state.of(service)),
        })
    });
    let lines = [say(ServicesText::Title)]
        .into_iter()
        .chain(note.map(Note::line))
        .chain([say(ServicesText::WhatFor)])
        .chain(lines);
    let rows = Service::ALL.map(|service| buttons(signer, service, state.of(service)));
    Ok(Panel {
        text: lines.collect::<Vec<_>>().join("\n"),
        rows: rows.into_iter().collect::<Result<_, _>>()?,
        quote: None,
    })
}

/// Asks whether a key shall be removed (CMD-16).
pub(super) fn ask_remove(signer: Signer<'_>, service: Service, key: &Key) -> Result<Panel, Notice> {
    let question = ServicesText::RemoveQuestion {
        service: service.label().to_owned(),
        fingerprint: key.fingerprint.clone(),
    };
    let (remove, keep) = (Action::Remove(key.seen), Action::Show);
    let remove = control(signer, remove, ButtonText::Remove, ButtonStyle::Danger)?;
    let keep = control(signer, keep, ButtonText::Keep, ButtonStyle::Secondary)?;
    Ok(Panel {
        text: say(question),
        rows: vec![row(vec![remove, keep])],
        quote: None,
    })
}

/// Opens the form for a key.
pub(super) fn open_form(
    signer: Signer<'_>,
    service: Service,
    replaced: Option<Seen>,
) -> Result<Plan, Notice> {
    let take = match replaced {
        None => Action::Take(service),
        Some(seen) => Action::TakeOther(service, seen),
    };
    let id = signer.sign(Route::ProviderServices, take.to_args())?;
    let title = Notice::Form(FormText::Title {
        provider: service.label().into(),
    });
    let page = FormText::KeyPage {
        url: service.key_page().into(),
    };
    let contents = vec![words(&Notice::Form(page)), key_field()];
    Ok(Plan::form(id, title.text().into_owned(), contents))
}

/// Makes a button of this panel.
pub(super) fn control(
    signer: Signer<'_>,
    action: Action,
    label: ButtonText,
    style: ButtonStyle,
) -> Result<Component, Notice> {
    let id = signer.sign(Route::ProviderServices, action.to_args())?;
    Ok(button(id, &label.into(), style))
}

fn told(key: Option<&Key>) -> ServiceState {
    let Some(key) = key else {
        return ServiceState::Missing;
    };
    let fingerprint = key.fingerprint.clone();
    if key.is_broken {
        ServiceState::Broken { fingerprint }
    } else {
        ServiceState::Set { fingerprint }
    }
}

fn buttons(signer: Signer<'_>, service: Service, key: Option<&Key>) -> Result<Component, Notice> {
    let secondary = ButtonStyle::Secondary;
    let buttons = match key {
        None => vec![(
            Action::Enter(service),
            ButtonText::Enter,
            ButtonStyle::Primary,
        )],
        Some(key) => vec![
            (
                Action::Test(service),
                ButtonText::Test,
                ButtonStyle::Primary,
            ),
            (
                Action::Replace(service, key.seen),
                ButtonText::Replace,
                secondary,
            ),
            (
                Action::AskRemove(service),
                ButtonText::AskRemove,
                ButtonStyle::Danger,
            ),
        ],
    };
    let buttons = buttons.into_iter();
    let buttons = buttons.map(|(action, label, style)| control(signer, action, label, style));
    Ok(row(buttons.collect::<Result<_, _>>()?))
}

fn say(text: ServicesText) -> String {
    Notice::from(text).text().into_owned()
}

#[cfg(test)]
mod tests {
    use store::ServiceKeyId;

    use super::*;
    use crate::command::controls::painted::{leads_to, paint};

    const SEEN: Seen = Seen {
        key: ServiceKeyId(5),
        row_version: 3,
    };

    fn actions(panel: &Panel) -> Vec<Action> {
        let read = leads_to(panel).into_iter().map(|(route, args)| {
            assert_eq!(route, Route::ProviderServices);
            Action::from_args(&args).unwrap()
        });
        read.collect()
    }

    fn state(is_broken: bool) -> State {
        let key = Key {
            service: Service::BraveSearch,
            seen: SEEN,
            fingerprint: "••••abcd".into(),
            is_broken,
        };
        State { keys: vec![key] }
    }

    #[test]
    fn without_a_key_one_can_be_entered() {
        let panel = paint(|signer| show(signer, &State::default(), None));
        insta::assert_snapshot!(panel.text, @"
        **Keys of services**
        Tools that need one of these services work here with a key of it. All are optional. To enter or to test a key costs one use of the service.
        Brave Search: no key
        ");
        assert_eq!(actions(&panel), [Action::Enter(Service::BraveSearch)]);
    }

    #[test]
    fn a_key_can_be_tested_replaced_and_removed() {
        let panel = paint(|signer| show(signer, &state(false), None));
        assert!(panel.text.ends_with("Brave Search: key ••••abcd"));
        let service = Service::BraveSearch;
        assert_eq!(
            actions(&panel),
            [
                Action::Test(service),
                Action::Replace(service, SEEN),
                Action::AskRemove(service)
            ]
        );
        let broken = paint(|signer| show(signer, &state(true), None));
        assert!(broken.text.ends_with("broken, it cannot be read any more"));
        let key = &state(false).keys[0];
        let question = paint(|signer| ask_remove(signer, service, key));
        insta::assert_snapshot!(question.text, @"Remove the key ••••abcd of Brave Search? It is deleted for good, and tools that need Brave Search stop working here.");
        assert_eq!(actions(&question), [Action::Remove(SEEN), Action::Show]);
    }
}
