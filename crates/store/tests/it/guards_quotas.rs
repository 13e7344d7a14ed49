//! How often somebody may do something in a time (GUARD-38, GUARD-40).

use futures_util::future::join_all;
use proto::id::UserId;
use store::{Counter, Operation, Reservation, ReservedUse, Store};

use crate::database::Database;
use crate::world::ALICE;

const BOB: UserId = UserId(200_000_000_000_000_002);

async fn reserve(store: &Store, user: UserId, limit: u32) -> Option<ReservedUse> {
    let reserving = store.reserve_operation(Counter::new(user.0), Operation::KeyCheck, limit);
    match reserving.await.unwrap() {
        Reservation::Granted(reserved) => Some(reserved),
        Reservation::Refused(_) => None,
    }
}

/// GUARD-38, DB-54: one atomic statement, whoever asks at once.
#[tokio::test]
async fn callers_at_once_get_exactly_what_there_is() {
    let database = Database::migrated().await;
    let store = &database.store;
    let asking = (0..100).map(|_| reserve(store, ALICE, 60));
    let granted = join_all(asking).await.into_iter().flatten();
    assert_eq!(granted.count(), 60);
    assert!(
        reserve(store, BOB, 60).await.is_some(),
        "everybody has their own"
    );
}

/// DB-54.
#[tokio::test]
async fn the_day_begins_with_the_first_use_and_is_told() {
    let database = Database::migrated().await;
    let store = &database.store;
    assert!(reserve(store, ALICE, 1).await.is_some());
    database
        .run("UPDATE operation_quotas SET window_start = now() - interval '23 hours 59 minutes'")
        .await;
    let refused = store.reserve_operation(Counter::new(ALICE.0), Operation::KeyCheck, 1);
    let Reservation::Refused(Some(again)) = refused.await.unwrap() else {
        panic!("not refused");
    };
    let left: f64 = database
        .read(
            "SELECT extract(epoch FROM window_start + interval '24 hours' - now())::float8
             FROM operation_quotas",
        )
        .await;
    assert!((0.0..=60.0).contains(&left), "{left}");
    let told: bool =
        sqlx::query_scalar("SELECT window_start + interval '24 hours' = $1 FROM operation_quotas")
            .bind(again)
            .fetch_one(&database.raw)
            .await
            .unwrap();
    assert!(told);
    database
        .run("UPDATE operation_quotas SET window_start = now() - interval '24 hours'")
        .await;
    assert!(reserve(store, ALICE, 1).await.is_some());
    assert!(reserve(store, ALICE, 1).await.is_none());
}

/// GUARD-40.
#[tokio::test]
async fn a_use_that_never_happened_is_given_back_once_its_window_lasts() {
    let database = Database::migrated().await;
    let store = &database.store;
    let first = reserve(store, ALICE, 2).await.unwrap();
    let second = reserve(store, ALICE, 2).await.unwrap();
    assert!(reserve(store, ALICE, 2).await.is_none());
    store.give_operation_back(second).await.unwrap();
    assert!(reserve(store, ALICE, 2).await.is_some());
    database
        .run("UPDATE operation_quotas SET window_start = window_start - interval '25 hours'")
        .await;
    assert!(reserve(store, ALICE, 2).await.is_some());
    // What was reserved in the window before is no use of this one.
    store.give_operation_back(first).await.unwrap();
    assert_eq!(
        database
            .read::<i32>("SELECT used FROM operation_quotas")
            .await,
        1
    );
}

#[tokio::test]
async fn a_limit_of_zero_forbids() {
    let database = Database::migrated().await;
    let refused = database
        .store
        .reserve_operation(Counter::new(ALICE.0), Operation::KeyCheck, 0);
    assert_eq!(refused.await.unwrap(), Reservation::Refused(None));
    assert_eq!(
        database
            .read::<i64>("SELECT count(*) FROM operation_quotas")
            .await,
        0
    );
}

/// PRIV-54
#[tokio::test]
async fn an_archive_is_made_once_in_ten_minutes() {
    let database = Database::migrated().await;
    let store = &database.store;
    let counter = Counter::new(ALICE.0);
    let export = async || {
        let reserving = store.reserve_operation(counter, Operation::DataExport, 1);
        matches!(reserving.await.unwrap(), Reservation::Granted(_))
    };
    assert!(export().await);
    assert!(!export().await);
    database
        .run("UPDATE operation_quotas SET window_start = now() - interval '601 seconds'")
        .await;
    assert!(export().await);
}

/// GUARD-38: who deletes everything about themselves does not get the day's uses anew, and what is
/// kept for that names nobody.
#[tokio::test]
async fn a_deletion_gives_nobody_uses_anew() {
    let database = Database::migrated().await;
    let store = &database.store;
    let counter = Counter::new(u64::MAX);
    let check = async || {
        let reserving = store.reserve_operation(counter, Operation::KeyCheck, 1);
        matches!(reserving.await.unwrap(), Reservation::Granted(_))
    };
    assert!(check().await);
    let deleting = store.delete_person(ALICE, counter, store::OptOut::Ends);
    deleting.await.unwrap();
    assert!(!check().await);
    let digits = counter.to_string();
    assert!(digits.len() == 20 && digits.starts_with('0'), "{digits}");
}
