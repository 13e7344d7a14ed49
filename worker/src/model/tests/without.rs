//! Each rule, left out alone, breaks a promise: what it is good for, told in as few steps as it
//! takes. `--no-capture` prints the way.

use super::*;

const TWICE: &str = "a piece was posted twice";
const DISORDER: &str = "posts are out of order";
const NEVER_DECIDED: &str = "a message was never decided about";
const NO_REPLY: &str = "an admitted message has no reply";

/// Another worker joins, whose share the partition is then.
const JOIN: Scenario = Scenario { up: 1, ..QUIET };

const fn with(scenario: Scenario, faults: &'static [Kind], most_faults: u8) -> Scenario {
    Scenario {
        faults,
        most_faults,
        ..scenario
    }
}

const fn two_messages(scenario: Scenario) -> Scenario {
    Scenario {
        pieces: [1, 1, 0],
        ..scenario
    }
}

#[test]
fn a_second_consumer_lets_a_message_overtake_another() {
    breaks(Rule::ConsumerIsTheLock, two_messages(JOIN), DISORDER);
}

#[test]
fn a_name_used_again_makes_two_owners() {
    breaks(Rule::NamesAreNew, two_messages(JOIN), DISORDER);
}

#[test]
fn a_dead_owners_consumer_hides_what_it_handed_out() {
    let crash = with(QUIET, &[Kind::Crash], 1);
    breaks(Rule::TakeoverRecreates, crash, NEVER_DECIDED);
}

#[test]
fn a_consumer_that_nobody_deletes_freezes_its_channels() {
    let lost = with(JOIN, &[Kind::LostRequest], 1);
    breaks(Rule::GiveAwayIsRepeated, lost, NEVER_DECIDED);
}

#[test]
fn an_acknowledgement_before_the_decision_loses_the_message() {
    let crash = with(QUIET, &[Kind::Crash], 1);
    breaks(Rule::AckAfterDecision, crash, NEVER_DECIDED);
}

#[test]
fn an_id_that_is_not_unique_is_decided_again_by_the_next_owner() {
    let crash = with(QUIET, &[Kind::Crash], 1);
    breaks(
        Rule::EventIsDecidedOnce,
        crash,
        "an event was decided twice",
    );
}

#[test]
fn a_message_published_again_is_decided_again() {
    let replay = with(QUIET, &[Kind::Broker], 2);
    breaks(
        Rule::EventIsDecidedOnce,
        replay,
        "an event was decided twice",
    );
}

#[test]
fn rows_that_nobody_reads_are_never_answered() {
    let crash = with(QUIET, &[Kind::Crash], 1);
    breaks(Rule::RowsAreRead, crash, NO_REPLY);
}

#[test]
fn a_turn_started_beside_a_foreign_one_overtakes_it() {
    breaks(Rule::ForeignTurnRuns, two_messages(JOIN), DISORDER);
}

#[test]
fn two_holders_of_a_turn_stop_each_other() {
    let silence = with(QUIET, &[Kind::Silence], 1);
    breaks(Rule::Fence, silence, "a reply ended without a cause");
}

#[test]
fn a_post_without_a_row_is_unknown_to_the_successor() {
    let crash = with(QUIET, &[Kind::Crash, Kind::LongTime], 2);
    breaks(Rule::RowBeforePost, crash, TWICE);
}

#[test]
fn a_row_before_the_last_is_confirmed_lets_pieces_overtake() {
    let two_pieces = Scenario {
        pieces: [2, 0, 0],
        ..QUIET
    };
    breaks(Rule::NextAfterConfirmed, two_pieces, DISORDER);
}

#[test]
fn a_worker_that_is_not_heard_posts_what_its_successor_posted() {
    let silence = with(QUIET, &[Kind::Silence, Kind::LongTime], 2);
    breaks(Rule::FreshHeartbeat, silence, TWICE);
}

#[test]
fn a_worker_that_is_heard_again_posts_what_its_successor_posted() {
    let silence = with(QUIET, &[Kind::Silence, Kind::LongTime], 2);
    breaks(Rule::FenceAfterBreak, silence, TWICE);
}

#[test]
fn a_post_sent_again_without_a_nonce_appears_twice() {
    breaks(Rule::Nonce, with(QUIET, &[Kind::LostPost], 1), TWICE);
}

#[test]
fn a_post_in_doubt_that_nobody_looks_for_appears_twice() {
    let crash = with(QUIET, &[Kind::Crash, Kind::LongTime], 2);
    breaks(Rule::LookBack, crash, TWICE);
}

#[test]
fn a_look_before_it_is_quiet_misses_what_arrives_later() {
    let crash = with(QUIET, &[Kind::Crash, Kind::LongTime], 2);
    breaks(Rule::QuietBeforeLook, crash, TWICE);
}

#[test]
fn a_successor_that_forgot_whom_it_succeeds_misses_what_arrives_later() {
    let faults = &[Kind::Crash, Kind::LostAnswer, Kind::LongTime];
    breaks(Rule::QuietAfterAnybody, with(QUIET, faults, 3), TWICE);
}

#[test]
fn a_turn_that_a_successor_ends_at_once_posts_after_the_next() {
    let faults = &[Kind::Crash, Kind::Delete];
    let scenario = with(two_messages(QUIET), faults, 2);
    breaks(Rule::QuietBeforeEnd, scenario, DISORDER);
}

#[test]
fn a_turn_that_ends_while_it_posts_posts_after_the_next() {
    let overdue = with(two_messages(QUIET), &[Kind::Overdue], 1);
    breaks(Rule::QuietBeforeOwnEnd, overdue, DISORDER);
}

const USED_TWICE: &str = "a tool was used twice";

#[test]
fn a_tool_without_a_row_is_unknown_to_the_successor() {
    let crash = with(TOOL, &[Kind::Crash, Kind::LongTime], 1);
    breaks(Rule::StepBeforeEffect, crash, USED_TWICE);
}

#[test]
fn a_tool_that_was_begun_and_is_begun_again_is_used_twice() {
    let crash = with(TOOL, &[Kind::Crash], 1);
    breaks(Rule::StartedIsNotRepeated, crash, USED_TWICE);
}

#[test]
fn a_row_without_the_fence_lets_a_worker_that_wakes_use_a_tool_again() {
    let silence = with(TOOL, &[Kind::Silence], 1);
    breaks(Rule::StepCarriesFence, silence, USED_TWICE);
}
