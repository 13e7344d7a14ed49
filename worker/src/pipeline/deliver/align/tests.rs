use proptest::prelude::*;

use super::*;

const SAID: &str = "First I count the boats on the river.\n\nThen I count the silver bells";

/// What comes of a continuation that arrives in pieces of so many characters.
fn aligned(said: &str, heard: &str, size: usize) -> Result<String, Anew> {
    let mut aligner = Aligner::after(Some(said));
    let letters: Vec<char> = heard.chars().collect();
    let mut new = String::new();
    for piece in letters.chunks(size) {
        new += &aligner.push(&piece.iter().collect::<String>())?;
    }
    Ok(new + &aligner.finish()?)
}

#[track_caller]
fn assert_new(heard: &str, new: &str) {
    for size in 1..9 {
        assert_eq!(aligned(SAID, heard, size).as_deref(), Ok(new), "{size}");
    }
}

#[test]
fn a_model_that_goes_on_is_left_alone() {
    assert_new(", seven of them.", ", seven of them.");
    assert_new(" and the foxes.\n\nThe end.", " and the foxes.\n\nThe end.");
    assert_new("Then", "Then");
    assert_new("", "");
}

#[test]
fn what_was_said_is_cut_off_where_the_model_begins_anew() {
    assert_new(&format!("{SAID}, seven of them."), ", seven of them.");
    let other_space = SAID.replace("\n\n", " \n");
    assert_new(&format!("{other_space}\n\nThe end."), "\n\nThe end.");
    assert_new(SAID, "");
}

#[test]
fn the_last_words_are_cut_off_where_the_model_repeats_them() {
    assert_new("Then I count the silver bells, seven.", ", seven.");
}

/// A model that says nothing but white space, marks and what people have read already holds up
/// neither the reply nor the process.
#[test]
fn what_may_be_a_repetition_is_not_held_for_ever() {
    let mut aligner = Aligner::after(Some(SAID));
    let most = 2 * SAID.len() + HELD_BEYOND;
    assert_eq!(aligner.push(SAID).unwrap(), "");
    let mut pushes = 0;
    let released = loop {
        pushes += 1;
        let new = aligner.push("` \u{200b}\n").unwrap();
        if !new.is_empty() {
            break new;
        }
        assert!(pushes < most, "all of it is held");
    };
    assert!(released.len() <= most + most / GROWS_BY);
    assert_eq!(aligner.push(" and then").unwrap(), " and then");
}

#[test]
fn a_model_that_says_something_else_instead_cannot_go_on() {
    for size in 1..9 {
        let otherwise = "First I count the boats on the lake.";
        assert_eq!(aligned(SAID, otherwise, size), Err(Anew));
        let from_the_middle = "I count the boats on the river, and nothing else";
        assert_eq!(aligned(SAID, from_the_middle, size), Err(Anew));
    }
}

#[test]
fn blocks_of_code_that_were_cut_into_posts_are_recognised() {
    let said = "Look:\n```rust\nlet boats = 7;\n```\n\n```rust\nlet bells = 8;\n```";
    let whole = "Look:\n```rust\nlet boats = 7;\nlet bells = 8;\nlet foxes = 9;\n```";
    let new = "```rust\nlet foxes = 9;\n```";
    assert_eq!(aligned(said, whole, 5).as_deref(), Ok(new));
    assert_eq!(aligned(said, said, 5).as_deref(), Ok(""));
}

#[test]
fn a_piece_that_was_said_is_known_and_a_short_one_is_not() {
    let aligner = Aligner::after(Some(SAID));
    assert!(aligner.repeats("Then I count the  silver bells"));
    assert!(!aligner.repeats("Then I count the silver bells, seven"));
    assert!(!aligner.repeats("Then"));
}

#[test]
fn nothing_is_held_of_a_reply_that_begins_now() {
    let mut aligner = Aligner::after(None);
    assert_eq!(aligner.push("F").as_deref(), Ok("F"));
    assert_eq!(aligner.finish().unwrap(), "");
}

/// Words of few letters, so that chance likeness is frequent.
fn text(words: std::ops::Range<usize>) -> impl Strategy<Value = String> {
    proptest::collection::vec("[ab]{1,3}", words).prop_map(|words| words.join(" "))
}

proptest! {
    #[test]
    fn saying_it_all_again_adds_only_what_is_new(
        said in text(1..30), new in "[xyz]{1,9}", size in 1_usize..12,
    ) {
        let heard = format!("{said} {new}");
        let added = aligned(&said, &heard, size).unwrap();
        prop_assert_eq!(added.trim(), new);
    }

    #[test]
    fn a_continuation_of_other_words_is_left_as_it_is(
        said in text(1..30), new in "[x-z]{1,5}( [a-z]{1,5}){0,9}", size in 1_usize..12,
    ) {
        prop_assert_eq!(aligned(&said, &new, size).unwrap(), new);
    }

    #[test]
    fn how_the_answer_arrives_changes_nothing(
        said in text(0..30), heard in text(0..40), size in 1_usize..12,
    ) {
        prop_assert_eq!(aligned(&said, &heard, size), aligned(&said, &heard, 1));
    }

    #[test]
    fn what_is_new_is_an_end_of_what_was_heard(
        said in text(0..30), heard in text(0..40), size in 1_usize..12,
    ) {
        if let Ok(new) = aligned(&said, &heard, size) {
            prop_assert!(heard.ends_with(&new));
            let begins_anew = Letters::of(&new).text.starts_with(&Letters::of(&said).text);
            prop_assert!(said.is_empty() || !begins_anew || new.len() < heard.len());
        }
    }

    #[test]
    fn any_text_whatever_is_compared(said in ".*", heard in ".*", size in 1_usize..12) {
        if let Ok(new) = aligned(&said, &heard, size) {
            prop_assert!(heard.ends_with(&new));
        }
    }
}
