//! The order and the moments at which requests leave, on a clock that only moves when all wait.

use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout};

use super::{Budget, Limiter, Rank, RouteKey, Scope, Slot, TooLate, lock};

const SECOND: Duration = Duration::from_secs(1);

fn post(channel: u64) -> RouteKey {
    RouteKey {
        method: "POST",
        template: "create_message",
        major: channel,
    }
}

fn spent(reset_after: Duration) -> Budget {
    Budget {
        limit: 5,
        remaining: 0,
        reset_after,
    }
}

fn soon() -> Instant {
    Instant::now() + 10 * SECOND
}

/// Sends a request that takes `time` and learns `budget` from its answer.
async fn send(limiter: &Arc<Limiter>, route: RouteKey, time: Duration, budget: Option<Budget>) {
    let mut permit = limiter
        .acquire(route, (Scope::Bot, Rank::Usual), soon())
        .await
        .unwrap();
    permit.ready().await.unwrap();
    sleep(time).await;
    permit.learn(Some("hash"), budget);
}

#[tokio::test(start_paused = true)]
async fn waiters_of_one_bucket_pass_in_the_order_in_which_they_came() {
    let limiter = Arc::new(Limiter::new(45));
    let order = Arc::new(std::sync::Mutex::new(Vec::new()));
    let mut tasks = JoinSet::new();
    for n in 0..20_u32 {
        let (limiter, order) = (Arc::clone(&limiter), Arc::clone(&order));
        tasks.spawn(async move {
            sleep(n * Duration::from_millis(1)).await;
            let mut permit = limiter
                .acquire(post(1), (Scope::Bot, Rank::Usual), soon())
                .await
                .unwrap();
            permit.ready().await.unwrap();
            sleep(Duration::from_millis(100)).await;
            // The first answer moves the route to its bucket while others wait for the old one.
            permit.learn(Some("hash"), None);
            order.lock().unwrap().push(n);
        });
    }
    tasks.join_all().await;

    assert_eq!(*order.lock().unwrap(), (0..20).collect::<Vec<_>>());
}

#[tokio::test(start_paused = true)]
async fn a_spent_bucket_makes_the_next_wait_for_its_reset() {
    let limiter = Arc::new(Limiter::new(45));
    send(&limiter, post(1), Duration::ZERO, Some(spent(3 * SECOND))).await;
    let began = Instant::now();

    send(&limiter, post(1), Duration::ZERO, None).await;

    assert_eq!(began.elapsed(), 3 * SECOND);
}

#[tokio::test(start_paused = true)]
async fn channels_and_methods_do_not_wait_for_each_other() {
    let limiter = Arc::new(Limiter::new(45));
    send(&limiter, post(1), Duration::ZERO, Some(spent(3 * SECOND))).await;
    let began = Instant::now();

    send(&limiter, post(2), Duration::ZERO, None).await;
    send(
        &limiter,
        RouteKey {
            method: "PATCH",
            ..post(1)
        },
        Duration::ZERO,
        None,
    )
    .await;

    assert_eq!(began.elapsed(), Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn routes_with_one_hash_share_their_bucket() {
    let limiter = Arc::new(Limiter::new(45));
    let other = RouteKey {
        template: "other",
        ..post(1)
    };
    send(&limiter, post(1), Duration::ZERO, None).await;
    send(&limiter, other, Duration::ZERO, None).await;
    send(&limiter, post(1), Duration::ZERO, Some(spent(3 * SECOND))).await;
    let began = Instant::now();

    send(&limiter, other, Duration::ZERO, None).await;

    assert_eq!(began.elapsed(), 3 * SECOND);
}

#[tokio::test(start_paused = true)]
async fn who_comes_too_late_is_told_at_once() {
    let limiter = Arc::new(Limiter::new(45));
    send(&limiter, post(1), Duration::ZERO, Some(spent(30 * SECOND))).await;
    let began = Instant::now();

    let late = limiter
        .acquire(post(1), (Scope::Bot, Rank::Usual), soon())
        .await
        .unwrap_err();

    assert_eq!(
        late,
        TooLate {
            retry_after: Some(30 * SECOND)
        }
    );
    assert_eq!(began.elapsed(), Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn who_is_behind_too_many_others_is_told_at_once() {
    let limiter = Arc::new(Limiter::new(45));
    let one_left = Some(Budget {
        limit: 1,
        remaining: 0,
        reset_after: 4 * SECOND,
    });
    send(&limiter, post(1), Duration::ZERO, one_left).await;
    let mut tasks = JoinSet::new();
    for _ in 0..2 {
        let limiter = Arc::clone(&limiter);
        tasks.spawn(async move { send(&limiter, post(1), Duration::ZERO, one_left).await });
    }
    tokio::task::yield_now().await;
    let began = Instant::now();

    // One holds the turn until 4 s, one waits for 8 s, so the third could go at 12 s at best.
    let late = limiter
        .acquire(post(1), (Scope::Bot, Rank::Usual), began + 7 * SECOND)
        .await
        .unwrap_err();

    assert_eq!(late.retry_after, Some(8 * SECOND));
    assert_eq!(began.elapsed(), Duration::ZERO);
    tasks.join_all().await;
}

#[tokio::test(start_paused = true)]
async fn a_stop_holds_for_those_who_already_wait_for_their_slot() {
    let limiter = Arc::new(Limiter::new(1));
    send(&limiter, post(1), Duration::ZERO, None).await;
    let mut permit = limiter
        .acquire(post(2), (Scope::Bot, Rank::Usual), soon())
        .await
        .unwrap();
    let began = Instant::now();
    let stop = async {
        sleep(SECOND / 2).await;
        lock(&limiter.pace).stop(began, began + 5 * SECOND);
    };

    let (ready, ()) = tokio::join!(permit.ready(), stop);

    ready.unwrap();
    assert_eq!(began.elapsed(), 5 * SECOND);
}

/// Their places go with them, and whoever was behind them looks again before the moment it was told.
#[tokio::test(start_paused = true)]
async fn who_gives_up_waiting_holds_nobody_up() {
    let limiter = Arc::new(Limiter::new(1));
    send(&limiter, post(1), Duration::ZERO, None).await;
    let began = Instant::now();
    let mut impatient = JoinSet::new();
    for channel in 2..6 {
        let limiter = Arc::clone(&limiter);
        impatient.spawn(async move {
            let sending = send(&limiter, post(channel), Duration::ZERO, None);
            timeout(SECOND / 2, sending).await.unwrap_err()
        });
    }
    tokio::task::yield_now().await;

    send(&limiter, post(9), Duration::ZERO, None).await;

    assert_eq!(impatient.join_all().await.len(), 4);
    let waited = began.elapsed();
    assert!(waited >= SECOND && waited < 2 * SECOND, "{waited:?}");
}

#[tokio::test(start_paused = true)]
async fn idle_buckets_are_forgotten_and_busy_ones_kept() {
    let limiter = Arc::new(Limiter::new(1_000_000));
    send(&limiter, post(1), Duration::ZERO, Some(spent(8 * SECOND))).await;
    for channel in 2..10_000 {
        send(&limiter, post(channel), Duration::ZERO, None).await;
    }
    let began = Instant::now();

    assert!(lock(&limiter.buckets).by_key.len() < 5_000);
    send(&limiter, post(1), Duration::ZERO, None).await;
    assert_eq!(began.elapsed(), 8 * SECOND);
}

async fn slot(limiter: &Arc<Limiter>, route: RouteKey) -> Slot {
    let limits = (Scope::Bot, Rank::Usual);
    let mut permit = limiter.acquire(route, limits, soon()).await.unwrap();
    permit.ready().await.unwrap();
    Slot::of(permit)
}

#[tokio::test(start_paused = true)]
async fn a_slot_is_one_request_of_the_pace_and_is_used_at_once() {
    let limiter = Arc::new(Limiter::new(1));
    let began = Instant::now();
    slot(&limiter, post(1)).await.open(soon()).await.unwrap();
    assert_eq!(began.elapsed(), Duration::ZERO);
    send(&limiter, post(2), Duration::ZERO, None).await;
    assert_eq!(began.elapsed(), SECOND, "it was counted");
}

#[tokio::test(start_paused = true)]
async fn a_slot_that_is_used_late_waits_for_the_pace_and_keeps_its_place_in_the_bucket() {
    let limiter = Arc::new(Limiter::new(2));
    let one_left = Some(Budget {
        limit: 5,
        remaining: 1,
        reset_after: 60 * SECOND,
    });
    send(&limiter, post(1), Duration::ZERO, one_left).await;
    sleep(SECOND).await;
    let held = slot(&limiter, post(1)).await;
    sleep(SECOND / 2).await;
    for other in [2, 3] {
        send(&limiter, post(other), Duration::ZERO, None).await;
    }
    let began = Instant::now();
    held.open(soon()).await.unwrap();
    let waited = began.elapsed();
    assert!(waited > Duration::ZERO && waited <= SECOND, "{waited:?}");
}

#[tokio::test(start_paused = true)]
async fn a_stop_holds_for_a_slot_in_hand() {
    let limiter = Arc::new(Limiter::new(45));
    let held = slot(&limiter, post(1)).await;
    let began = Instant::now();
    lock(&limiter.pace).ban(began, began + 5 * SECOND);
    held.open(soon()).await.unwrap();
    assert_eq!(began.elapsed(), 5 * SECOND);
}

#[tokio::test(start_paused = true)]
async fn routes_with_their_own_token_are_not_counted() {
    let limiter = Arc::new(Limiter::new(1));
    let began = Instant::now();
    for channel in 1..10 {
        let limits = (Scope::Token, Rank::Usual);
        let mut permit = limiter
            .acquire(post(channel), limits, soon())
            .await
            .unwrap();
        permit.ready().await.unwrap();
    }
    send(&limiter, post(1), Duration::ZERO, None).await;
    assert_eq!(began.elapsed(), Duration::ZERO);
}
