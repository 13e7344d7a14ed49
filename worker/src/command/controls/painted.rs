//! Panels as tests look at them: painted for one person, their controls taken apart.

use std::collections::BTreeMap;

use keyring::Keyring;
use proto::event::Interaction;
use proto::id::UserId;
use secrecy::SecretString;
use twilight_model::channel::message::Component;

use super::Signer;
use crate::command::answer::Panel;
use crate::command::asker::Asker;
use crate::command::component::{ComponentId, Route};
use crate::notice::Notice;

const ALICE: UserId = UserId(7);

/// Discord's longest id of a component.
const LONGEST_ID: usize = 100;

fn keyring() -> Keyring {
    let secret = SecretString::from("0123456789abcdef0123456789abcdef");
    Keyring::new(BTreeMap::from([(1, secret)]), None).unwrap()
}

fn asker() -> Asker {
    Asker::of(&Interaction {
        user_id: ALICE.0,
        guild_id: 1,
        ..Interaction::default()
    })
}

/// Paints a panel in a server.
pub(in crate::command) fn paint<T>(show: impl FnOnce(Signer<'_>) -> Result<T, Notice>) -> T {
    let (asker, keyring) = (asker(), keyring());
    show(Signer {
        asker: &asker,
        keyring: &keyring,
    })
    .unwrap()
}

/// Returns what each control of a panel leads to, line by line.
pub(in crate::command) fn leads_to(panel: &Panel) -> Vec<(Route, Vec<u8>)> {
    assert!(panel.rows.len() <= 5, "too many lines of controls");
    assert!(panel.text.chars().count() <= 2000, "{}", panel.text);
    let controls = panel.rows.iter().flat_map(|row| match row {
        Component::ActionRow(row) => {
            assert!(row.components.len() <= 5, "too many controls in a line");
            row.components.clone()
        }
        other => panic!("{other:?} is no line of controls"),
    });
    let ids: Vec<String> = controls.map(id_of).collect();
    let mut different = ids.clone();
    different.sort();
    different.dedup();
    assert_eq!(different.len(), ids.len(), "two controls have the same id");
    let read = ids.iter().map(|id| {
        assert!(id.len() <= LONGEST_ID, "{id}");
        let read = ComponentId::verify(id, &keyring(), asker().tenant, ALICE, 0).unwrap();
        (read.route, read.args)
    });
    read.collect()
}

fn id_of(control: Component) -> String {
    match control {
        Component::Button(button) => {
            let label = button.label.unwrap();
            assert!((1..=80).contains(&label.chars().count()), "{label}");
            button.custom_id.unwrap()
        }
        Component::SelectMenu(menu) => {
            let options = menu.options.unwrap();
            assert!((1..=25).contains(&options.len()), "{}", options.len());
            for option in options {
                assert!((1..=100).contains(&option.label.chars().count()));
                assert!((1..=100).contains(&option.value.chars().count()));
            }
            menu.custom_id
        }
        other => panic!("{other:?} has no id"),
    }
}
