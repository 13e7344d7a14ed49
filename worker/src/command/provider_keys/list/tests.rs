use chrono::DateTime;
use store::KeyId;

use super::super::action::Seen;
use super::super::key;
use super::super::state::Failure;
use super::*;
use crate::command::controls::painted::{leads_to, paint};
use crate::notice::{KeyCondition, KeyName, KeysSaid};

/// What each control leads to, line by line.
fn actions(panel: &Panel) -> Vec<Action> {
    let read = leads_to(panel).into_iter().map(|(route, args)| {
        assert_eq!(route, Route::ProviderKeys);
        Action::from_args(&args).unwrap()
    });
    read.collect()
}

fn pooled(row: i64) -> Key {
    let seen = Seen::Pooled {
        key: KeyId(row),
        row_version: 3,
    };
    Key {
        seen,
        removal: seen,
        provider: Provider::OpenAi,
        name: KeyName {
            fingerprint: "••••abcd".into(),
            is_main: false,
        },
        label: None,
        condition: KeyCondition::Ready,
        is_broken: false,
        uses: Some(12),
        last_used_at: None,
        failed: None,
        generation: 0,
    }
}

fn main_key(seen: Seen) -> Key {
    Key {
        seen,
        removal: Seen::Main { generation: 9 },
        name: KeyName {
            fingerprint: "••••0001".into(),
            is_main: true,
        },
        ..pooled(1)
    }
}

fn at(unix: i64) -> DateTime<chrono::Utc> {
    DateTime::from_timestamp(unix, 0).unwrap()
}

/// A key in every condition.
fn all_conditions() -> State {
    let resting = KeyCondition::Resting {
        until_unix: 1_800_000_060,
    };
    let failed = Failure {
        at: at(1_800_000_000),
        message: "model call failed: auth (status 401)".into(),
    };
    let keys = [
        main_key(pooled(1).seen),
        Key {
            label: Some("work".into()),
            condition: resting,
            failed: Some(failed.clone()),
            uses: Some(1),
            ..pooled(2)
        },
        Key {
            condition: KeyCondition::Due,
            ..pooled(3)
        },
        Key {
            condition: KeyCondition::Tried,
            ..pooled(4)
        },
        Key {
            condition: KeyCondition::Refused,
            failed: Some(failed),
            ..pooled(5)
        },
        Key {
            condition: KeyCondition::Disabled,
            ..pooled(6)
        },
        Key {
            is_broken: true,
            provider: Provider::DeepSeek,
            ..pooled(7)
        },
    ];
    State { keys: keys.into() }
}

/// CMD-58, POOL-6.
#[test]
fn the_list_tells_how_each_key_fares() {
    let state = all_conditions();
    let panel = paint(|signer| show(signer, &state, Page::of(0, 7), None));
    insta::assert_snapshot!(panel.text, @"
    **Provider keys**
    __OpenAI__
    `1` main key ••••0001 · ready · 12 uses
    `2` key ••••abcd `work` · resting, usable again <t:1800000060:R> · 1 use · failed <t:1800000000:R>
    `3` key ••••abcd · has rested, the next reply tries it · 12 uses
    `4` key ••••abcd · being tried after its rest · 12 uses
    `5` key ••••abcd · disabled, refused again and again · 12 uses · failed <t:1800000000:R>
    `6` key ••••abcd · disabled · 12 uses
    __DeepSeek__
    `7` key ••••abcd · broken, it cannot be read any more · 12 uses
    Replies are spread over all keys of the provider in use. A key that the provider refuses rests while the others go on.
    ");
    assert_eq!(
        actions(&panel),
        [Action::Look, Action::Add, Action::AskPurge, Action::Page(0)]
    );
}

#[test]
fn a_server_without_keys_can_add_one() {
    let panel = paint(|signer| show(signer, &State::default(), Page::of(4, 0), None));
    insta::assert_snapshot!(panel.text, @"
    **Provider keys**
    There is no key yet. `/setup` takes the first one.
    ");
    assert_eq!(actions(&panel), [Action::Add, Action::Page(0)]);
}

/// CMD-14.
#[test]
fn a_long_list_has_pages_of_ten() {
    let state = State {
        keys: (1..=23).map(pooled).collect(),
    };
    let shown = |number| paint(|signer| show(signer, &state, Page::of(number, 23), None));
    let (first, second, last) = (shown(0), shown(1), shown(9));
    assert!(first.text.contains("`10`") && !first.text.contains("`11`"));
    assert!(second.text.contains("`11`") && second.text.contains("Page 2 of 3"));
    assert!(last.text.contains("`21`") && last.text.contains("`23`"));
    assert_eq!(actions(&first)[3..], [Action::Page(1), Action::Page(0)]);
    assert_eq!(
        actions(&second)[3..],
        [Action::Page(0), Action::Page(2), Action::Page(1)]
    );
    assert_eq!(actions(&last)[3..], [Action::Page(1), Action::Page(2)]);
}

#[test]
fn the_longest_list_fits_into_a_message() {
    let key = Key {
        label: Some("x".repeat(32)),
        provider: Provider::OpenRouter,
        condition: KeyCondition::Resting {
            until_unix: i64::from(i32::MAX),
        },
        uses: Some(u64::from(u32::MAX)),
        failed: Some(Failure {
            at: at(i64::from(i32::MAX)),
            message: "x".repeat(500),
        }),
        ..main_key(pooled(1).seen)
    };
    let mut state = State {
        keys: (0..150).map(|_| key.clone()).collect(),
    };
    for (place, key) in state.keys.iter_mut().enumerate() {
        key.provider = Provider::ALL[place % Provider::ALL.len()];
    }
    let note = Note::Warning(Notice::from(crate::notice::CheckText::NotTaken(
        crate::notice::Fault::ModelUnknown,
    )));
    let page = Page::of(14, 150);
    let panel = paint(|signer| show(signer, &state, page, Some(&note)));
    assert!(
        panel.text.chars().count() <= 2000,
        "{}",
        panel.text.chars().count()
    );
    let panel = paint(|signer| key::show(signer, &state, key.seen, Some(&note)));
    assert!(panel.text.chars().count() <= 2000);
}

#[test]
fn one_key_can_be_tested_named_and_taken_out_of_use() {
    let state = all_conditions();
    let seen = pooled(2).seen;
    let note = Note::Done(Notice::from(KeysSaid::Labelled));
    let panel = paint(|signer| key::show(signer, &state, seen, Some(&note)));
    insta::assert_snapshot!(panel.text, @"
    **OpenAI, key ••••abcd**
    ✔ The label is saved.
    Label: `work`
    State: resting, usable again <t:1800000060:R>
    Uses: 1
    Last failure: <t:1800000000:R>, `model call failed: auth (status 401)`
    ");
    assert_eq!(
        actions(&panel),
        [
            Action::Test(seen),
            Action::Label(seen),
            Action::Disable(seen),
            Action::AskRemove(seen),
            Action::Page(0)
        ]
    );
    let disabled = pooled(6).seen;
    let panel = paint(|signer| key::show(signer, &state, disabled, None));
    assert!(actions(&panel).contains(&Action::Enable(disabled)));
}

#[test]
fn the_main_key_alone_can_be_tested_and_removed() {
    let seen = Seen::Main { generation: 9 };
    let state = State {
        keys: vec![Key {
            condition: KeyCondition::Refused,
            uses: None,
            ..main_key(seen)
        }],
    };
    let panel = paint(|signer| key::show(signer, &state, seen, None));
    insta::assert_snapshot!(panel.text, @"
    **OpenAI, main key ••••0001**
    State: disabled, refused again and again
    ");
    assert_eq!(
        actions(&panel),
        [Action::Test(seen), Action::AskRemove(seen), Action::Page(0)]
    );
}

#[test]
fn a_key_that_is_gone_leads_to_the_list() {
    let state = all_conditions();
    let panel = paint(|signer| key::show(signer, &state, pooled(99).seen, None));
    assert!(panel.text.starts_with("**Provider keys**"));
}

/// CMD-16.
#[test]
fn nothing_is_removed_without_a_question() {
    let state = all_conditions();
    let main = &state.keys[0];
    let panel = paint(|signer| key::ask_remove(signer, main));
    insta::assert_snapshot!(panel.text, @"Remove the main key ••••0001 of OpenAI? It is deleted for good. Other keys of this provider go on. Without any I cannot reply here, until `/setup` gets a new one.");
    let removal = Seen::Main { generation: 9 };
    assert_eq!(
        actions(&panel),
        [Action::Remove(removal), Action::Show(main.seen)]
    );
    let seen = state.seen_of(Provider::OpenAi);
    assert_eq!((seen.newest, seen.main), (KeyId(6), Some(9)));
    let panel = paint(|signer| ask_purge(signer, &state, seen));
    insta::assert_snapshot!(panel.text, @"Remove every key of OpenAI, 6 keys in all? They are deleted for good. The main key is among them: I cannot reply here then, until `/setup` gets a new one.");
    assert_eq!(actions(&panel), [Action::Purge(seen), Action::Page(0)]);
}

#[test]
fn a_recorded_failure_cannot_end_its_quotation() {
    let mut state = all_conditions();
    state.keys[1].failed = Some(Failure {
        at: at(1),
        message: "a`b\n@everyone".into(),
    });
    let panel = paint(|signer| key::show(signer, &state, pooled(2).seen, None));
    assert!(panel.text.ends_with("`a b @everyone`"), "{}", panel.text);
}
