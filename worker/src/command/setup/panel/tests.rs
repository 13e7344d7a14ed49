use std::collections::BTreeMap;

use keyring::Keyring;
use proto::event::Interaction;
use secrecy::SecretString;

use super::*;
use crate::command::asker::Asker;
use crate::command::component::ComponentId;
use crate::command::setup::state::StoredKey;

const BOT: UserId = UserId(99);
const ALICE: UserId = UserId(7);

fn keyring() -> Keyring {
    let secret = SecretString::from("0123456789abcdef0123456789abcdef");
    Keyring::new(BTreeMap::from([(1, secret)]), None).unwrap()
}

fn asker(guild_id: u64) -> Asker {
    Asker::of(&Interaction {
        user_id: ALICE.0,
        guild_id,
        ..Interaction::default()
    })
}

fn empty() -> State {
    State {
        key: None,
        persona: "Tomori".into(),
        word: None,
        problem: None,
    }
}

fn ready() -> State {
    let key = StoredKey {
        provider: "OpenAI".into(),
        model: "gpt-x".into(),
        fingerprint: "••••abcd".into(),
    };
    State {
        key: Some(key),
        word: Some("tomori".into()),
        ..empty()
    }
}

fn paint<T>(guild_id: u64, show: impl FnOnce(&Painter<'_>) -> Result<T, Notice>) -> T {
    let (asker, keyring) = (asker(guild_id), keyring());
    let signer = Signer {
        asker: &asker,
        keyring: &keyring,
    };
    show(&Painter { signer, bot: BOT }).unwrap()
}

/// What each line of controls leads to.
fn routes(panel: &Panel) -> Vec<(Route, Vec<u8>)> {
    let controls = panel.rows.iter().flat_map(|row| match row {
        Component::ActionRow(row) => row.components.clone(),
        other => vec![other.clone()],
    });
    let ids = controls.map(|control| match control {
        Component::Button(button) => button.custom_id.unwrap(),
        Component::SelectMenu(menu) => menu.custom_id,
        other => panic!("{other:?} has no id"),
    });
    ids.map(|id| {
        let tenant = asker(1).tenant;
        let read = ComponentId::verify(&id, &keyring(), tenant, ALICE, 0).unwrap();
        (read.route, read.args)
    })
    .collect()
}

fn choice(mode: Mode) -> Choice {
    Choice {
        mode,
        provider: Provider::DeepSeek,
    }
}

/// CMD-82, CMD-83.
#[test]
fn without_a_key_the_panel_offers_the_providers() {
    let panel = paint(1, |painter| painter.present(&empty()));
    insta::assert_snapshot!(panel.text, @"
    **Setting up**
    ✖ **AI provider**: none yet
    ✔ **Persona**: Tomori
    ✔ **Where to talk**: every channel, when someone mentions me, replies to me or says my name
    ✖ **Test reply**: follows as soon as a key is entered
    Choose the provider whose key you have. I ask for the key in a form that only you see, and store it encrypted.
    ");
    assert_eq!(routes(&panel), [(Route::PickProvider, b"f".to_vec())]);
}

#[test]
fn with_a_key_the_panel_tells_how_to_talk() {
    let panel = paint(1, |painter| painter.present(&ready()));
    insta::assert_snapshot!(panel.text, @r#"
    **Ready to talk**
    ✔ **AI provider**: OpenAI, model `gpt-x`, key ••••abcd
    ✔ **Persona**: Tomori
    ✔ **Where to talk**: every channel, when someone mentions me, replies to me or says my name
    ✔ **Test reply**: the model answered when the key was entered
    Say hello: mention <@99>, or write a message with "tomori" in it.
    "#);
    assert_eq!(routes(&panel), [(Route::ReplaceKey, Vec::new())]);
}

#[test]
fn in_direct_messages_nobody_needs_to_be_mentioned() {
    let panel = paint(0, |painter| painter.present(&ready()));
    assert!(
        panel.text.ends_with("Just write to me here."),
        "{}",
        panel.text
    );
}

/// CMD-87.
#[test]
fn a_stored_key_is_replaced_only_after_it_was_said() {
    let panel = paint(1, |painter| painter.replacement());
    assert!(panel.text.contains("replaced when the new key works"));
    assert_eq!(routes(&panel), [(Route::PickProvider, b"r".to_vec())]);
}

#[test]
fn a_failure_is_told_above_the_state_and_can_be_tried_again() {
    let choice = choice(Mode::First);
    let failure = Notice::NeedsManageGuild;
    let panel = paint(1, |painter| painter.failed(&empty(), &failure, choice));
    assert_eq!(
        panel.text.lines().nth(1),
        Some(&*format!("⚠ {}", failure.text()))
    );
    assert_eq!(
        routes(&panel),
        [
            (Route::AskKey, choice.to_args()),
            (Route::PickProvider, b"f".to_vec())
        ]
    );
}

#[test]
fn a_failed_replacement_goes_on_as_a_replacement() {
    let choice = choice(Mode::Replace);
    let panel = paint(1, |painter| {
        painter.failed(&ready(), &Notice::TooSlow, choice)
    });
    assert_eq!(
        routes(&panel),
        [
            (Route::AskKey, choice.to_args()),
            (Route::PickProvider, b"r".to_vec())
        ]
    );
}

#[test]
fn a_first_key_that_came_too_late_can_only_replace() {
    let panel = paint(1, |painter| {
        painter.failed(&ready(), &Notice::TooSlow, choice(Mode::First))
    });
    assert_eq!(routes(&panel), [(Route::ReplaceKey, Vec::new())]);
}

#[test]
fn the_longest_panel_fits_into_a_message() {
    let mut state = ready();
    state.persona = "x".repeat(100);
    state.word = Some("x".repeat(50));
    if let Some(key) = &mut state.key {
        key.model = "x".repeat(128);
    }
    let panel = paint(1, |painter| {
        painter.failed(&state, &Notice::Unexpected, choice(Mode::Replace))
    });
    assert!(panel.text.chars().count() <= 2000);
}
