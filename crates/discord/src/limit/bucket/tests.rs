//! Time stands still here: each test says what time it is.

use std::time::Duration;

use tokio::time::Instant;

use super::{Budget, Pace, Rank, Scope, Window};

const SECOND: Duration = Duration::from_secs(1);
const BOT: (Scope, Rank) = (Scope::Bot, Rank::Usual);
const TOKEN: (Scope, Rank) = (Scope::Token, Rank::Usual);
const FIRST: (Scope, Rank) = (Scope::Bot, Rank::First);

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

#[test]
fn no_second_sees_more_than_the_pace_allows() {
    let start = Instant::now();
    let mut pace = Pace::new(45);
    let far = start + 100 * SECOND;
    let slots: Vec<Instant> = (0..500_u32)
        .map(|n| {
            pace.reserve(start + n * Duration::from_millis(3), BOT, far)
                .unwrap()
        })
        .collect();

    assert!(slots.is_sorted(), "first come, first served");
    for pair in slots.windows(46) {
        assert!(pair[45] - pair[0] >= SECOND);
    }
}

#[test]
fn a_slot_after_the_deadline_is_not_counted() {
    let now = Instant::now();
    let mut pace = Pace::new(1);

    assert_eq!(pace.reserve(now, BOT, now), Ok(now));
    assert_eq!(pace.reserve(now, BOT, now), Err(now + SECOND));
    assert_eq!(pace.reserve(now, BOT, now + SECOND), Ok(now + SECOND));
}

#[test]
fn a_global_stop_spares_routes_with_their_own_token() {
    let now = Instant::now();
    let far = now + 60 * SECOND;
    let mut pace = Pace::new(45);
    pace.stop(now, now + 5 * SECOND);
    pace.stop(now, now + SECOND);

    assert_eq!(pace.reserve(now, TOKEN, far), Ok(now));
    assert_eq!(pace.reserve(now, BOT, far), Ok(now + 5 * SECOND));
}

#[test]
fn a_ban_stops_every_route() {
    let now = Instant::now();
    let far = now + 60 * SECOND;
    let mut pace = Pace::new(45);
    pace.ban(now, now + 5 * SECOND);

    assert_eq!(pace.reserve(now, TOKEN, far), Ok(now + 5 * SECOND));
    assert_eq!(pace.reserve(now, BOT, far), Ok(now + 5 * SECOND));
}

#[test]
fn routes_with_their_own_token_are_not_counted() {
    let now = Instant::now();
    let mut pace = Pace::new(1);

    for _ in 0..10 {
        assert_eq!(pace.reserve(now, TOKEN, now), Ok(now));
    }
    assert_eq!(pace.reserve(now, BOT, now), Ok(now));
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
    let sent_at_once = |pace: &mut Pace, now: Instant| {
        let far = now + SECOND / 2;
        std::iter::from_fn(|| pace.reserve(now, BOT, far).ok()).count()
    };
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
        let at = now + n * SECOND / 10;
        assert_eq!(pace.reserve(at, BOT, at), Ok(at));
    }
    pace.share(2);
    let then = now + SECOND / 2;
    assert_eq!(
        pace.reserve(then, BOT, then + SECOND),
        Ok(now + SECOND / 5 + SECOND)
    );
}

#[test]
fn who_goes_first_passes_others_that_wait_for_the_pace() {
    let now = Instant::now();
    let far = now + 60 * SECOND;
    let mut pace = Pace::new(4);
    for _ in 0..2 {
        assert_eq!(pace.reserve(now, FIRST, far), Ok(now));
    }
    assert_eq!(
        pace.next_at(now, BOT),
        now + SECOND,
        "half of the pace is left"
    );
    for _ in 0..2 {
        assert_eq!(pace.reserve(now, FIRST, far), Ok(now));
    }
    assert_eq!(
        pace.next_at(now, FIRST),
        now + SECOND,
        "the pace holds for all"
    );
}

#[test]
fn nothing_is_kept_free_when_nobody_goes_first() {
    let now = Instant::now();
    let mut pace = Pace::new(4);
    assert_eq!(pace.reserve(now, FIRST, now), Ok(now));
    let later = now + 2 * SECOND;
    for _ in 0..4 {
        assert_eq!(pace.reserve(later, BOT, later), Ok(later));
    }
}
