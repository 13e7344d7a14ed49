//! The pool of provider keys under load: four processes on one database, one broker and one provider
//! at the wire, which notes when each key is called.

mod bench;
mod process;
mod provider;

use std::time::Duration;

use store::KeyState;
use tokio::time::{Instant, sleep, timeout};
use worker::pool::{CallError, TurnKeys};

pub(crate) use self::bench::{Bench, key};
use self::process::Task;
pub(crate) use self::process::{DEADLINE, GUILD, PROVIDER, Worker, keyring, model};
pub(crate) use self::provider::{Called, Refusal};

const SECOND: Duration = Duration::from_secs(1);

/// How many of these calls arrived in this span after a moment.
fn arrived(calls: &[Called], since: Instant, span: std::ops::Range<f64>) -> usize {
    let at = |call: &&Called| {
        let at = call.at.saturating_duration_since(since).as_secs_f64();
        call.at > since && span.contains(&at)
    };
    calls.iter().filter(at).count()
}

/// When the calls arrived, in seconds after a moment: what a failure shows.
fn times(calls: &[Called], since: Instant) -> Vec<f64> {
    let at = |call: &Called| call.at.saturating_duration_since(since).as_secs_f64();
    calls.iter().map(at).collect()
}

fn first_refusal(calls: &[Called]) -> Instant {
    calls
        .iter()
        .filter_map(|call| call.refused_at)
        .min()
        .unwrap()
}

/// 64 tasks in four processes.
async fn assert_even(keys: usize) {
    let bench = Bench::with_processes(keys).await;
    let turns = 10_000_usize.div_ceil(64);
    let report = bench.all(Task::Pretend { tasks: 16, turns }).await;
    assert_eq!(
        report.failed,
        Vec::<String>::new(),
        "a healthy pool is empty"
    );
    assert_eq!(report.done, 64 * turns);
    bench.all(Task::WriteCounts).await;
    let rows = bench.rows().await;
    let uses: Vec<u64> = rows.iter().map(|key| key.usage_count).collect();
    assert_eq!(uses.iter().sum::<u64>(), 64 * turns as u64, "{uses:?}");
    let (idlest, busiest) = (uses.iter().min().unwrap(), uses.iter().max().unwrap());
    assert!(busiest * 100 <= idlest * 110, "{uses:?}");
    bench.remove().await;
}

/// POOL-9.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_healthy_keys_share_ten_thousand_picks_evenly() {
    assert_even(2).await;
}

/// POOL-9.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn eight_healthy_keys_share_ten_thousand_picks_evenly() {
    assert_even(8).await;
}

/// POOL-8, POOL-12: after a 429 with Retry-After 7.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_limited_key_is_left_alone_for_as_long_as_asked_and_then_probed_once() {
    let bench = Bench::with_processes(2).await;
    let limited = key(1);
    bench.provider.refuse(&limited, 429, 7);
    bench.under_load(10 * SECOND).await;

    let calls = bench.provider.calls_of(&limited);
    let first = first_refusal(&calls);
    let shown = times(&calls, first);
    assert_eq!(arrived(&calls, first, 1.0..7.0), 0, "{shown:?}");
    assert_eq!(arrived(&calls, first, 7.0..f64::MAX), 1, "{shown:?}");
    let rows = bench.rows().await;
    assert!(matches!(
        rows[1].state(Duration::ZERO),
        KeyState::Resting(_)
    ));
    bench.remove().await;
}

/// POOL-12: a rest of 2 s, then of 4 s, then of 8 s, and one call after each that ends.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_all_processes_one_caller_tries_a_key_whose_rest_is_over() {
    let bench = Bench::with_processes(3).await;
    let limited = key(2);
    bench.provider.refuse(&limited, 429, 2);
    bench.under_load(10 * SECOND).await;

    let calls = bench.provider.calls_of(&limited);
    let first = first_refusal(&calls);
    let shown = times(&calls, first);
    assert_eq!(arrived(&calls, first, 1.0..2.0), 0, "{shown:?}");
    assert_eq!(arrived(&calls, first, 2.0..5.0), 1, "{shown:?}");
    assert_eq!(arrived(&calls, first, 5.0..f64::MAX), 1, "{shown:?}");
    bench.remove().await;
}

/// POOL-17, CFG-83: called wrong three times in a row, by the second rule of each rest.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_its_third_refusal_a_wrong_key_is_called_by_nobody() {
    let bench = Bench::with_processes(3).await;
    let wrong = key(2);
    bench.provider.refuse(&wrong, 401, 0);
    // Refused at once, after 2 s and after 4 more; then some seconds of nothing.
    bench.under_load(11 * SECOND).await;

    assert!(!bench.rows().await[2].is_enabled);
    let calls = bench.provider.calls_of(&wrong);
    let rounds = rounds_of(&calls);
    let shown = times(&calls, first_refusal(&calls));
    assert_eq!(rounds.len(), 3, "{shown:?}");
    let third = first_refusal(&rounds[2]);
    assert_eq!(arrived(&calls, third, 1.0..f64::MAX), 0, "{shown:?}");
    for round in &rounds {
        let first = first_refusal(round);
        assert_eq!(arrived(round, first, 1.0..f64::MAX), 0, "{shown:?}");
    }
    bench.remove().await;
}

/// Calls with less than a second between them.
fn rounds_of(calls: &[Called]) -> Vec<Vec<Called>> {
    let near = |one: &Called, next: &Called| next.at.duration_since(one.at) < SECOND;
    calls.chunk_by(near).map(<[Called]>::to_vec).collect()
}

/// POOL-8: what began before says nothing about what was learned since.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_late_success_clears_no_newer_rest_in_any_process() {
    let bench = Bench::with_processes(2).await;
    let limited = key(0);
    bench.provider.hold(&limited);
    // The older of two unused keys goes first.
    let late = bench.processes[0].tell(Task::Call);
    let others = async {
        timeout(DEADLINE, async {
            while bench.provider.calls_of(&limited).is_empty() {
                sleep(Duration::from_millis(20)).await;
            }
        })
        .await
        .unwrap();
        bench.provider.refuse(&limited, 429, 60);
        while bench.rows().await[0].rest.is_none() {
            let report = bench.processes[1].tell(Task::Call).await;
            assert_eq!(report.failed, Vec::<String>::new());
        }
        bench.provider.release();
    };
    let (late, ()) = tokio::join!(late, others);
    assert_eq!(late.failed, Vec::<String>::new(), "it was answered");

    let calls = bench.provider.calls_of(&limited).len();
    bench.under_load(2 * SECOND).await;
    assert_eq!(bench.provider.calls_of(&limited).len(), calls);
    let rest = bench.rows().await[0].rest.unwrap();
    assert!(rest > 40 * SECOND, "{rest:?}");
    bench.remove().await;
}

/// POOL-10.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_that_does_not_open_leaves_the_pool_working() {
    let bench = Bench::with_processes(3).await;
    bench
        .run("UPDATE api_key_rotation SET api_key = 'x' WHERE rotation_key_id = (SELECT max(rotation_key_id) FROM api_key_rotation)")
        .await;
    bench.under_load(2 * SECOND).await;
    assert!(bench.provider.calls_of(&key(2)).is_empty());
    bench.remove().await;
}

/// POOL-18.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn when_all_keys_rest_nobody_is_called_and_the_time_is_told() {
    let bench = Bench::with_processes(2).await;
    bench.provider.refuse(&key(0), 429, 60);
    bench.provider.refuse(&key(1), 429, 90);
    let refused = bench.worker().await.call().await;
    assert!(matches!(refused, Err(CallError::Resting(_))), "{refused:?}");
    assert_eq!(bench.provider.calls().len(), 2, "each key once");

    let report = bench.all(Task::Call).await;
    assert_eq!(report.failed.len(), 4);
    for failed in report.failed {
        assert!(failed.starts_with("Resting("), "{failed}");
    }
    let Err(CallError::Resting(left)) = bench.worker().await.call().await else {
        panic!("not resting");
    };
    assert!(left > 30 * SECOND && left <= 60 * SECOND, "{left:?}");
    assert_eq!(bench.provider.calls().len(), 2);
    bench.remove().await;
}

/// POOL-8, POOL-11.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_probe_that_succeeds_gives_the_key_back_to_all() {
    let bench = Bench::with_processes(2).await;
    bench.provider.refuse(&key(1), 429, 60);
    while bench.rows().await[1].rest.is_none() {
        bench.processes[0].tell(Task::Call).await;
    }
    bench.provider.accept(&key(1));
    bench
        .run("UPDATE api_key_rotation SET cooldown_until = now() WHERE cooldown_until IS NOT NULL")
        .await;
    timeout(DEADLINE, async {
        while bench.rows().await[1].state(Duration::ZERO) != KeyState::Ready {
            bench.processes[1].tell(Task::Call).await;
        }
    })
    .await
    .unwrap();
    let before = bench.provider.calls_of(&key(1)).len();
    bench.under_load(2 * SECOND).await;
    assert!(bench.provider.calls_of(&key(1)).len() > before + 4);
    bench.remove().await;
}

/// POOL-8.
#[tokio::test]
async fn a_probe_that_is_cut_off_comes_free() {
    let bench = Bench::with_keys(2).await;
    bench
        .run(
            "UPDATE api_key_rotation SET cooldown_until = now(), last_error_at = now()
             WHERE NOT is_main_key_pointer",
        )
        .await;
    let (worker, keys) = (bench.worker().await, TurnKeys::default());
    let hang = |_order| std::future::pending::<Result<(), llm::Error>>();
    let calls = worker.calls(&keys);
    let cut_off = timeout(2 * SECOND, calls.make(hang)).await;
    assert!(cut_off.is_err());
    bench.until(1, |row| row.probe.is_none()).await;
    assert_eq!(bench.rows().await[1].state(Duration::ZERO), KeyState::Due);
    bench.remove().await;
}
