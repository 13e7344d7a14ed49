use store::OwnKeyId;

use super::super::action::Seen;
use super::super::key;
use super::*;
use crate::command::controls::painted::{leads_to, paint};
use crate::notice::{CheckText, Fault, PersonalSaid};

fn seen(row: i64) -> Seen {
    Seen {
        key: OwnKeyId(row),
        row_version: 3,
    }
}

fn own(row: i64, provider: Provider) -> Key {
    Key {
        seen: seen(row),
        provider,
        fingerprint: "••••abcd".into(),
        model: provider.default_model().into(),
        is_for_chat: true,
        is_refused: false,
        is_broken: false,
    }
}

fn two_keys() -> State {
    let spared = Key {
        is_for_chat: false,
        ..own(2, Provider::DeepSeek)
    };
    State {
        is_on: true,
        keys: vec![own(1, Provider::OpenAi), spared],
    }
}

fn actions(panel: &Panel) -> Vec<Action> {
    let read = leads_to(panel).into_iter().map(|(route, args)| {
        assert_eq!(route, Route::PersonalProvider);
        Action::from_args(&args).unwrap()
    });
    read.collect()
}

#[test]
fn who_has_no_key_can_enter_one() {
    let panel = paint(|signer| show(signer, &State::default(), None));
    insta::assert_snapshot!(panel.text, @"
    **Your own keys**
    You have none. With a key of your own at a model provider, you choose the model and pay for what you ask me, in every server and in direct messages.
    ");
    assert_eq!(actions(&panel), [Action::Enter, Action::Show]);
}

#[test]
fn the_panel_tells_who_pays_and_with_what() {
    let mut state = two_keys();
    let panel = paint(|signer| show(signer, &state, None));
    insta::assert_snapshot!(panel.text, @"
    **Your own keys**
    In use: what you ask me is paid with them, in every server and in direct messages. While they are, no key of a server is used for you, even when yours fail.
    OpenAI: key ••••abcd, model `gpt-4.1-mini`
    DeepSeek: key ••••abcd, model `deepseek-chat` · not used for talking
    They are asked in this order.
    ");
    assert_eq!(
        actions(&panel),
        [Action::Enter, Action::Look, Action::SwitchOff, Action::Show]
    );
    state.is_on = false;
    let panel = paint(|signer| show(signer, &state, None));
    assert!(panel.text.contains("Not in use: servers pay"));
    assert!(actions(&panel).contains(&Action::SwitchOn));
}

#[test]
fn one_key_can_be_tested_used_replaced_and_removed() {
    let state = two_keys();
    let note = Note::Done(PersonalSaid::Answers.into());
    let panel = paint(|signer| key::show(signer, &state, seen(1), Some(&note)));
    insta::assert_snapshot!(panel.text, @"
    **OpenAI, your key ••••abcd**
    ✔ The key works: its model answered.
    Model: `gpt-4.1-mini`
    Used for talking: yes
    ");
    assert_eq!(
        actions(&panel),
        [
            Action::Models(seen(1), 0),
            Action::TypeModel(seen(1)),
            Action::Test(seen(1)),
            Action::Spare(seen(1)),
            Action::EnterOf(Provider::OpenAi),
            Action::AskRemove(seen(1)),
            Action::Show
        ]
    );
    let panel = paint(|signer| key::show(signer, &state, seen(2), None));
    assert!(actions(&panel).contains(&Action::Use(seen(2))));
    let question = paint(|signer| key::ask_remove(signer, &state.keys[0]));
    assert_eq!(
        actions(&question),
        [Action::Remove(seen(1)), Action::ShowKey(seen(1))]
    );
    let mut state = state;
    state.keys[0].is_refused = true;
    let refused = paint(|signer| key::show(signer, &state, seen(1), None));
    insta::assert_snapshot!(refused.text, @"
    **OpenAI, your key ••••abcd**
    Model: `gpt-4.1-mini`
    Used for talking: yes
    Its provider refused it again and again, so it is not used any more. Test it once more, or replace it.
    ");
    let list = paint(|signer| show(signer, &state, None));
    assert!(
        list.text
            .contains("· refused again and again, not used any more\n")
    );
    let gone = paint(|signer| key::show(signer, &state, seen(9), None));
    assert!(gone.text.starts_with("**Your own keys**"));
}

/// CMD-14.
#[test]
fn models_are_offered_in_pages_that_a_menu_can_hold() {
    let mut names: Vec<String> = (0..60).map(|n| format!("model-{n:02}")).collect();
    names.extend(["two words".into(), "a`b".into(), "x".repeat(101)]);
    let key = own(1, Provider::OpenRouter);
    let shown = |page| paint(|signer| key::show_models(signer, &key, &names, page));
    let (first, second, last) = (shown(0), shown(1), shown(200));
    assert!(first.text.contains("names 60 models"), "{}", first.text);
    assert!(last.text.ends_with("Page 3 of 3."), "{}", last.text);
    let choose = Action::ChooseModel(seen(1));
    let others = [Action::TypeModel(seen(1)), Action::ShowKey(seen(1))];
    let to = |page| Action::Models(seen(1), page);
    assert_eq!(actions(&first), [&[choose, to(1)][..], &others].concat());
    assert_eq!(
        actions(&second),
        [&[choose, to(0), to(2)][..], &others].concat()
    );
    assert_eq!(actions(&last), [&[choose, to(1)][..], &others].concat());
}

#[test]
fn the_longest_panel_fits_into_a_message() {
    let keys = Provider::ALL.map(|provider| Key {
        model: "x".repeat(128),
        is_broken: true,
        ..own(1, provider)
    });
    let state = State {
        is_on: true,
        keys: keys.into(),
    };
    let note = Note::Warning(CheckText::NotTaken(Fault::ModelUnknown).into());
    let panel = paint(|signer| show_retry(signer, &state, &note, Provider::OpenRouter));
    assert_eq!(actions(&panel)[0], Action::EnterOf(Provider::OpenRouter));
}
