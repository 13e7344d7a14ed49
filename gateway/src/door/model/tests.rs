use explore::explore;

use super::*;

/// More than any of these worlds has.
const MOST_STATES: usize = 3_000_000;

#[track_caller]
fn breaks(rule: Rule) {
    let world = World {
        without: Some(rule),
        most_faults: 1,
    };
    let explored = explore(&world, MOST_STATES);
    let story = explored.counterexample.expect("a broken promise");
    println!(
        "without {rule:?}, after {} states:\n{story}",
        explored.states
    );
}

#[test]
fn whatever_happens_nothing_that_was_said_after_saved_is_published() {
    let world = World {
        without: None,
        most_faults: 1,
    };
    let explored = explore(&world, MOST_STATES);
    println!("{} states", explored.states);
    if let Some(story) = explored.counterexample {
        panic!("{story}");
    }
    assert!(explored.is_complete, "{} states", explored.states);
}

#[test]
fn saved_is_said_in_the_end_although_the_gateway_is_silent() {
    let world = World {
        without: None,
        most_faults: 0,
    };
    let mut now = world.start();
    for step in [Step::Send, Step::Store, Step::Raise, Step::WorkerReads] {
        world.take(&mut now, step);
    }
    assert!(!world.may_save(&now));
    for _ in 0..=GRACE {
        world.take(&mut now, Step::Wait);
    }
    world.take(&mut now, Step::RaiseAgain);
    world.take(&mut now, Step::WorkerReads);
    assert!(world.may_save(&now));
}

#[test]
fn a_door_that_never_closes_lets_words_out() {
    breaks(Rule::DoorRunsOut);
}

#[test]
fn a_proof_that_counts_from_its_return_lets_words_out() {
    breaks(Rule::CountedFromSending);
}

#[test]
fn a_probe_of_the_watch_before_proves_too_much() {
    breaks(Rule::ProbesOfThisWatch);
}

#[test]
fn saved_that_waits_for_nobody_is_said_too_soon() {
    breaks(Rule::WaitForReports);
}

#[test]
fn a_worker_that_has_not_read_the_change_knows_too_few_gateways() {
    breaks(Rule::ReadUpToTheChange);
}
