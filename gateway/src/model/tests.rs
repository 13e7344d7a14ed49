use explore::explore;

use super::*;

/// More than any of these worlds has.
const MOST_STATES: usize = 400_000;

#[track_caller]
fn breaks(rule: Rule, most_faults: u8, promise: &str) {
    let gateway = Gateway {
        without: Some(rule),
        most_faults,
    };
    let explored = explore(&gateway, MOST_STATES);
    let story = explored.counterexample.expect("a broken promise");
    println!(
        "without {rule:?}, after {} states:\n{story}",
        explored.states
    );
    assert_eq!(story.broken, promise);
}

#[test]
fn whatever_fails_twice_every_frame_is_stored_in_order() {
    let gateway = Gateway {
        without: None,
        most_faults: 2,
    };
    let explored = explore(&gateway, MOST_STATES);
    println!("{} states, {} ends", explored.states, explored.ends);
    if let Some(story) = explored.counterexample {
        panic!("{story}");
    }
    assert!(explored.is_complete);
}

#[test]
fn two_publishes_of_a_channel_at_once_swap_places() {
    breaks(Rule::OwnLanes, 0, "a channel is out of order");
}

#[test]
fn a_point_past_an_unstored_frame_loses_it() {
    breaks(Rule::PointWithoutGap, 1, "a frame was never stored");
}

#[test]
fn a_publish_under_another_id_is_stored_twice() {
    breaks(Rule::SameId, 1, "a frame was stored twice");
}
