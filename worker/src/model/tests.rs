use std::ops::Range;

use explore::{explore, wander};

use super::rules::Rule;
use super::*;

/// More than any of these worlds has: an exploration that is cut short proves nothing and fails.
const MOST_STATES: usize = 400_000;

const EVERYTHING: &[Kind] = &[
    Kind::Crash,
    Kind::Silence,
    Kind::Stop,
    Kind::LostAnswer,
    Kind::LostRequest,
    Kind::LostPost,
    Kind::Overdue,
    Kind::Broker,
    Kind::Delete,
    Kind::LongTime,
];

/// All but silence, which costs the most to explore.
const EVERYTHING_LOUD: &[Kind] = &[
    Kind::Crash,
    Kind::Stop,
    Kind::LostAnswer,
    Kind::LostRequest,
    Kind::LostPost,
    Kind::Overdue,
    Kind::Broker,
    Kind::Delete,
    Kind::LongTime,
];

/// One message with one piece, two workers, and nothing goes wrong.
const QUIET: Scenario = Scenario {
    pieces: [1, 0, 0],
    tool: None,
    up: 2,
    workers: 2,
    faults: &[],
    most_faults: 0,
};

fn delivery(rules: Rules, scenario: Scenario) -> Delivery {
    Delivery {
        rules,
        limits: Limits::new(),
        scenario,
    }
}

#[track_caller]
fn keeps_all_promises(scenario: Scenario) {
    let explored = explore(&delivery(Rules::default(), scenario), MOST_STATES);
    println!("{} states, {} ends", explored.states, explored.ends);
    if let Some(story) = explored.counterexample {
        panic!("{scenario:?}\n{story}");
    }
    assert!(
        explored.is_complete,
        "there are more than {MOST_STATES} states"
    );
}

/// Explores with all rules but one, which must break a promise; the way there is printed.
#[track_caller]
fn breaks(rule: Rule, scenario: Scenario, promise: &str) {
    let explored = explore(&delivery(Rules::without(rule), scenario), MOST_STATES);
    let story = explored.counterexample.expect("a broken promise");
    println!(
        "without {rule:?}, after {} states:\n{story}",
        explored.states
    );
    assert_eq!(story.broken, promise);
    // It is the rule that keeps it: the same world with all rules is whole.
    let kept = explore(&delivery(Rules::default(), scenario), MOST_STATES);
    assert!(kept.counterexample.is_none(), "{:?}", kept.counterexample);
}

#[test]
fn whatever_fails_once_no_promise_is_broken() {
    keeps_all_promises(Scenario {
        pieces: [2, 1, 0],
        faults: EVERYTHING,
        most_faults: 1,
        ..QUIET
    });
}

#[test]
fn whatever_fails_while_another_worker_joins_no_promise_is_broken() {
    keeps_all_promises(Scenario {
        pieces: [1, 1, 0],
        up: 1,
        faults: EVERYTHING,
        most_faults: 1,
        ..QUIET
    });
}

#[test]
fn whatever_fails_twice_no_promise_is_broken() {
    keeps_all_promises(Scenario {
        pieces: [1, 1, 0],
        faults: EVERYTHING_LOUD,
        most_faults: 2,
        ..QUIET
    });
}

#[test]
fn whatever_fails_twice_within_one_reply_no_promise_is_broken() {
    keeps_all_promises(Scenario {
        pieces: [2, 0, 0],
        faults: EVERYTHING_LOUD,
        most_faults: 2,
        ..QUIET
    });
}

#[test]
fn two_workers_that_fall_silent_and_wake_break_no_promise() {
    keeps_all_promises(Scenario {
        faults: &[Kind::Silence, Kind::Crash],
        most_faults: 2,
        ..QUIET
    });
}

/// One message whose reply uses a tool and then has one piece.
const TOOL: Scenario = Scenario {
    tool: Some(0),
    ..QUIET
};

#[test]
fn whatever_fails_twice_around_a_tool_it_is_used_once_at_most() {
    keeps_all_promises(Scenario {
        faults: EVERYTHING_LOUD,
        most_faults: 2,
        ..TOOL
    });
}

#[test]
fn a_tool_between_two_pieces_is_used_once_at_most() {
    keeps_all_promises(Scenario {
        pieces: [2, 0, 0],
        tool: Some(1),
        faults: EVERYTHING,
        most_faults: 1,
        ..QUIET
    });
}

#[test]
fn two_workers_that_fall_silent_and_wake_use_a_tool_once_at_most() {
    keeps_all_promises(Scenario {
        faults: &[Kind::Silence, Kind::Crash],
        most_faults: 2,
        ..TOOL
    });
}

/// A world that is too large to meet all of it.
const LARGE: Scenario = Scenario {
    pieces: [2, 1, 1],
    tool: Some(0),
    up: 2,
    workers: 3,
    faults: EVERYTHING,
    most_faults: 5,
};
const SEEDS: Range<u64> = 0..600;
const LONG_WALK: usize = 400;

#[test]
fn long_walks_through_a_large_world_break_no_promise() {
    if let Some(story) = wander(&delivery(Rules::default(), LARGE), SEEDS, LONG_WALK) {
        panic!("{story}");
    }
}

#[test]
fn long_walks_find_that_a_rule_is_left_out() {
    let lockless = delivery(Rules::without(Rule::ConsumerIsTheLock), LARGE);
    let story = wander(&lockless, SEEDS, LONG_WALK).expect("a broken promise");
    println!("{story}");
}

mod without;
