//! Time stands still here: each test says what time it is.

use std::time::Duration;

use tokio::time::Instant;

use super::{Budget, Pace, Rank, Scope, Ticket, Window};

const SECOND: Duration = Duration::from_secs(1);

fn budget(limit: u32, remaining: u32, reset_after: Duration) -> Budget {
    Budget {
        limit,
        remaining,
        reset_after,
    }
}

#[test]
fn an_unknown_bucket_is_open() {
    let now = Instant::now();

    assert_eq!(Window::default().ready_at(now, 0), now);
}

#[test]
fn a_spent_bucket_opens_at_its_reset() {
    let now = Instant::now();
    let mut window = Window::default();
    window.learn(now, budget(5, 0, 2 * SECOND));

    assert_eq!(window.ready_at(now, 0), now + 2 * SECOND);
    assert_eq!(window.ready_at(now + 2 * SECOND, 0), now + 2 * SECOND);
}

#[test]
fn a_bucket_is_full_again_after_its_reset() {
    let now = Instant::now();
    let mut window = Window::default();
    window.learn(now, budget(2, 0, SECOND));
    let later = now + SECOND;

    window.take(later);
    assert_eq!(window.ready_at(later, 0), later, "one of two is left");
    window.take(later);
    assert_eq!(window.ready_at(later, 0), later + SECOND, "both are spent");
}

#[test]
fn those_behind_the_free_places_wait_for_later_windows() {
    let now = Instant::now();
    let mut window = Window::default();
    window.learn(now, budget(5, 1, 4 * SECOND));

    assert_eq!(window.ready_at(now, 0), now);
    assert_eq!(window.ready_at(now, 1), now + 4 * SECOND);
    assert_eq!(window.ready_at(now, 5), now + 4 * SECOND);
    assert_eq!(window.ready_at(now, 6), now + 8 * SECOND);
}

#[test]
fn a_block_holds_although_the_headers_promise_room() {
    let now = Instant::now();
    let mut window = Window::default();
    window.learn(now, budget(5, 5, SECOND));
    window.block(now, 3 * SECOND);
    window.block(now, SECOND);

    assert_eq!(window.ready_at(now, 0), now + 3 * SECOND);
    assert!(!window.is_idle(now + 2 * SECOND));
    assert!(window.is_idle(now + 3 * SECOND));
}

#[test]
fn a_limit_of_zero_is_not_divided_by() {
    let now = Instant::now();
    let mut window = Window::default();
    window.learn(now, budget(0, 0, SECOND));

    assert_eq!(window.ready_at(now, 7), now + 8 * SECOND);
}

/// Sends as many as may leave now.
fn sent_at_once(pace: &mut Pace, now: Instant) -> usize {
    let send = || sent(pace, now, Rank::First).ok();
    std::iter::from_fn(send).count()
}

/// Sends one, or gives up.
fn sent(pace: &mut Pace, now: Instant, rank: Rank) -> Result<(), Instant> {
    let ticket = pace.queue(rank);
    let sent = pace.send(now, ticket);
    pace.leave(ticket);
    sent
}

/// Sends what may leave in ten seconds; returns when each of them left.
fn sent_in_ten_seconds(pace: &mut Pace, rank: Rank) -> Vec<Instant> {
    let start = Instant::now();
    let mut left = Vec::new();
    for ms in 0..10_000 {
        let now = start + ms * Duration::from_millis(1);
        while sent(pace, now, rank).is_ok() {
            left.push(now);
        }
    }
    left
}

#[test]
fn no_second_sees_more_than_the_pace_allows() {
    for rank in [Rank::First, Rank::Usual] {
        let left = sent_in_ten_seconds(&mut Pace::new(45), rank);
        assert_eq!(left.len(), 450, "none is wasted");
        for pair in left.windows(46) {
            assert!(pair[45] - pair[0] >= SECOND);
        }
    }
}

#[test]
fn usual_requests_are_spread_over_the_second() {
    let left = sent_in_ten_seconds(&mut Pace::new(45), Rank::Usual);
    for pair in left.windows(13) {
        assert!(pair[12] - pair[0] >= SECOND / 4);
    }
}

#[test]
fn what_goes_last_leaves_half_of_the_pace_to_others() {
    let left = sent_in_ten_seconds(&mut Pace::new(10), Rank::Last);
    assert_eq!(left.len(), 50);
}

#[test]
fn who_waits_is_told_when_it_is_its_turn() {
    let now = Instant::now();
    let mut pace = Pace::new(2);
    assert_eq!(sent_at_once(&mut pace, now), 2);
    let waiting: Vec<Ticket> = (0..5).map(|_| pace.queue(Rank::First)).collect();
    let told: Vec<_> = waiting
        .iter()
        .map(|ticket| pace.send(now, *ticket).unwrap_err() - now)
        .collect();

    assert_eq!(told, [1, 1, 2, 2, 3].map(|seconds| seconds * SECOND));
}

#[test]
fn who_goes_first_passes_all_others_that_wait_and_none_of_its_own_rank() {
    let now = Instant::now();
    let mut pace = Pace::new(1);
    assert_eq!(sent_at_once(&mut pace, now), 1);
    let usual = pace.queue(Rank::Usual);
    let first = pace.queue(Rank::First);
    let second = pace.queue(Rank::First);
    let later = now + SECOND;

    assert_eq!(pace.send(later, usual), Err(later + 2 * SECOND));
    assert_eq!(pace.send(later, second), Err(later + SECOND));
    assert_eq!(pace.send(later, first), Ok(()));
    assert_eq!(pace.send(later + SECOND, second), Ok(()));
    assert_eq!(pace.send(later + 2 * SECOND, usual), Ok(()));
}

#[test]
fn who_leaves_keeps_nobody_waiting() {
    let now = Instant::now();
    let mut pace = Pace::new(1);
    let gone = pace.queue(Rank::First);
    let here = pace.queue(Rank::Usual);
    assert_eq!(pace.send(now, here), Err(now + SECOND));
    pace.leave(gone);
    assert_eq!(pace.send(now, here), Ok(()));
}

#[test]
fn a_global_stop_spares_routes_with_their_own_token() {
    let now = Instant::now();
    let mut pace = Pace::new(45);
    pace.stop(now, now + 5 * SECOND);
    pace.stop(now, now + SECOND);

    assert_eq!(pace.open_at(now, Scope::Token), now);
    assert_eq!(sent(&mut pace, now, Rank::First), Err(now + 5 * SECOND));
}

#[test]
fn a_ban_stops_every_route() {
    let now = Instant::now();
    let mut pace = Pace::new(45);
    pace.ban(now, now + 5 * SECOND);

    assert_eq!(pace.open_at(now, Scope::Token), now + 5 * SECOND);
    assert_eq!(sent(&mut pace, now, Rank::Usual), Err(now + 5 * SECOND));
}

#[test]
fn a_stop_is_new_once_however_many_answers_tell_of_it() {
    let now = Instant::now();
    let mut pace = Pace::new(45);

    assert!(pace.stop(now, now + SECOND));
    assert!(!pace.stop(now, now + SECOND));
    assert!(!pace.stop(now + SECOND / 2, now + 2 * SECOND));
    assert!(pace.stop(now + 2 * SECOND, now + 3 * SECOND));
    assert!(pace.ban(now, now + SECOND));
    assert!(!pace.ban(now, now + SECOND));
}

#[test]
fn processes_share_the_global_limit_as_they_come_and_go() {
    let mut now = Instant::now();
    let mut pace = Pace::new(10);
    assert_eq!(sent_at_once(&mut pace, now), 10);
    for (processes, share) in [(2, 5), (3, 3), (1, 10), (100, 1), (0, 10)] {
        now += 2 * SECOND;
        pace.share(processes);
        assert_eq!(sent_at_once(&mut pace, now), share, "{processes}");
    }
}

#[test]
fn smaller_share_counts_what_has_left_already() {
    let now = Instant::now();
    let mut pace = Pace::new(4);
    for n in 0..4 {
        assert_eq!(sent(&mut pace, now + n * SECOND / 10, Rank::First), Ok(()));
    }
    pace.share(2);
    assert_eq!(
        sent(&mut pace, now + SECOND / 2, Rank::First),
        Err(now + SECOND / 5 + SECOND)
    );
}
