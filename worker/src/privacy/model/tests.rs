use explore::explore;

use super::*;

const MOST_STATES: usize = 100_000;

#[track_caller]
fn breaks(rule: Rule, most_deaths: u8, promise: &str) {
    let world = World {
        without: Some(rule),
        most_deaths,
    };
    let explored = explore(&world, MOST_STATES);
    let story = explored.counterexample.expect("a broken promise");
    println!("without {rule:?}:\n{story}");
    assert_eq!(story.broken, promise);
}

#[test]
fn whoever_changes_what_when_and_dies_a_hidden_user_has_a_key_once_saved() {
    let world = World {
        without: None,
        most_deaths: 2,
    };
    let explored = explore(&world, MOST_STATES);
    println!("{} states", explored.states);
    if let Some(story) = explored.counterexample {
        panic!("{story}");
    }
    assert!(explored.is_complete);
}

#[test]
fn a_raise_that_writes_the_database_first_leaves_it_alone_when_it_dies() {
    breaks(Rule::KeyFirst, 1, "what is left is too lenient");
}

#[test]
fn a_key_that_is_not_written_again_may_have_been_deleted_just_before_the_commit() {
    breaks(Rule::KeyAgain, 0, "saved, and her key is not there");
}

#[test]
fn a_key_that_is_deleted_whatever_its_revision_may_be_a_newer_one() {
    breaks(Rule::ByRevision, 0, "saved, and her key is not there");
}

#[test]
fn a_level_that_was_read_before_the_look_may_be_an_older_one() {
    breaks(Rule::LevelAfterLook, 0, "saved, and her key is not there");
}
