//! How often somebody may do something in a time (GUARD-38, GUARD-40).

use futures_util::future::join_all;
use proto::id::UserId;
use store::{
    Admission, Admitted, Counter, Decision, NewQuota, Operation, Profile, QuotaPool, Reservation,
    ReservedUse, Store, TurnState,
};

use crate::database::Database;
use crate::guards::answered;
use crate::world::{ALICE, CHANNEL, GUILD, IN_GUILD, admission, admit, claim, message, set_up};

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

/// The n-th message, of somebody.
fn of(profile: &Profile, user: UserId, n: u64) -> Admission {
    Admission {
        author: user,
        ..admission(profile, n)
    }
}

async fn code(store: &Store, admission: &Admission) -> Decision {
    match answered(async || store.admit(admission).await).await {
        Admitted::Accepted(_) => Decision::Accepted,
        Admitted::Refused(code) | Admitted::Before { code, .. } => code,
        Admitted::SettingsChanged => panic!("other settings"),
    }
}

const fn quota(daily_user: i16, serverwide: i32) -> NewQuota {
    NewQuota {
        daily_user: Some(daily_user),
        serverwide: Some(serverwide),
        resets_in_days: Some(7),
    }
}

/// GUARD-43: as many answers as there are, for messages at once over ten workers.
#[tokio::test]
async fn answers_at_once_are_as_many_as_the_quotas_say() {
    let database = Database::migrated().await;
    let store = &database.store;
    let profile = set_up(store, GUILD).await;
    let connecting = (0..10).map(|_| Store::connect(&database.settings));
    let workers = join_all(connecting).await;
    for (round, (set, expected, refusal)) in [
        (quota(3, 0), 15, Decision::QuotaUser),
        (quota(0, 20), 20, Decision::QuotaServer),
    ]
    .into_iter()
    .enumerate()
    {
        assert!(store.set_quota(GUILD, set).await.unwrap());
        let first = 1_000 * u64::try_from(round).unwrap();
        let asked: Vec<_> = (0..100)
            .map(|n| of(&profile, UserId(ALICE.0 + n % 5), first + n))
            .collect();
        let asking = asked.iter().zip(workers.iter().cycle());
        let asking = asking.map(|(asked, worker)| code(worker.as_ref().unwrap(), asked));
        let codes = join_all(asking).await;
        let accepted = codes.iter().filter(|code| **code == Decision::Accepted);
        assert_eq!(accepted.count(), expected);
        let refused = codes.iter().filter(|code| **code == refusal);
        assert_eq!(refused.count(), 100 - expected);
        for pool in [QuotaPool::Users(None), QuotaPool::Server] {
            assert!(store.reset_quota(GUILD, pool).await.unwrap() > 0);
        }
    }
}

/// GUARD-44: what people saw was used; what is said of a failure is no answer.
#[tokio::test]
async fn a_notice_of_a_failure_uses_nothing() {
    let database = Database::migrated().await;
    let store = &database.store;
    let profile = set_up(store, GUILD).await;
    store.set_quota(GUILD, quota(2, 3)).await.unwrap();
    let turn = admit(store, &of(&profile, ALICE, 1)).await.remove(0);
    let lease = claim(store, &turn, "w").await.unwrap();
    let post = "INSERT INTO turn_posts
             (turn_id, ordinal, server_id, nonce, text_hash, state, message_id, fence)
         SELECT turn_id, 0, server_id, 1, decode(repeat('00', 32), 'hex'), 'sent',
                '100000000000000077', fence
         FROM turns WHERE worker_id = 'w'";
    database.run(post).await;
    assert!(!store.refund_quota(&lease).await.unwrap(), "an answer");
    // What is said of a failure is no answer.
    database
        .run("UPDATE turn_posts SET ordinal = 2147483647")
        .await;
    assert!(store.refund_quota(&lease).await.unwrap());
}

/// GUARD-42, GUARD-44: what is over begins anew, what nobody saw is given back once, and a second
/// delivery uses nothing.
#[tokio::test]
async fn an_answer_is_counted_once_and_given_back_once() {
    let database = Database::migrated().await;
    let store = &database.store;
    let profile = set_up(store, GUILD).await;
    store.set_quota(GUILD, quota(2, 3)).await.unwrap();
    let first = of(&profile, ALICE, 1);
    let turn = admit(store, &first).await.remove(0);
    assert_eq!(code(store, &first).await, Decision::Accepted);
    assert_eq!(
        code(store, &of(&profile, ALICE, 2)).await,
        Decision::Accepted
    );
    assert_eq!(
        code(store, &of(&profile, ALICE, 3)).await,
        Decision::QuotaUser
    );
    assert!(
        store
            .quota_ends(GUILD, Some(ALICE))
            .await
            .unwrap()
            .is_some()
    );
    let used = store.quota_use(GUILD).await.unwrap().unwrap();
    assert_eq!((used.daily_user, used.serverwide, used.used), (2, 3, 2));
    assert_eq!((used.people, used.people_without), (1, 1));
    assert!(used.ends.is_some());
    let lease = claim(store, &turn, "w").await.unwrap();
    assert!(store.refund_quota(&lease).await.unwrap());
    assert!(!store.refund_quota(&lease).await.unwrap());
    assert_eq!(
        code(store, &of(&profile, ALICE, 4)).await,
        Decision::Accepted
    );
    assert_eq!(code(store, &of(&profile, BOB, 5)).await, Decision::Accepted);
    assert_eq!(
        code(store, &of(&profile, BOB, 6)).await,
        Decision::QuotaServer
    );
    database
        .run("UPDATE generation_quotas SET window_start = window_start - interval '24 hours'")
        .await;
    assert_eq!(
        code(store, &of(&profile, ALICE, 7)).await,
        Decision::QuotaServer
    );
    database
        .run("UPDATE generation_quotas SET window_start = window_start - interval '7 days'")
        .await;
    assert_eq!(
        code(store, &of(&profile, ALICE, 8)).await,
        Decision::Accepted
    );
    let used: i64 = database
        .read("SELECT sum(used) FROM generation_quotas WHERE user_disc_id <> '200000000000000002'")
        .await;
    assert_eq!(used, 2, "both windows begin anew");
}

/// GUARD-44: what ends before anybody began it is given back as well; what was seen is not.
#[tokio::test]
async fn a_message_that_is_dropped_while_it_waits_is_not_counted() {
    let database = Database::migrated().await;
    let store = &database.store;
    let profile = set_up(store, GUILD).await;
    store.set_quota(GUILD, quota(5, 5)).await.unwrap();
    let used = async || store.quota_use(GUILD).await.unwrap().unwrap().used;
    let mut two = of(&profile, ALICE, 1);
    two.personas = vec![profile.personas[0].id; 2];
    let turns = admit(store, &two).await;
    assert_eq!((turns.len(), used().await), (2, 1));
    let stop = async |ordinal: i32| {
        let stop = "UPDATE turns SET state = 'stopped', ended_at = now()
                    WHERE persona_ordinal = $1";
        let stopping = sqlx::query(stop).bind(ordinal).execute(&database.raw);
        stopping.await.unwrap();
    };
    stop(1).await;
    assert_eq!(used().await, 1, "another persona still answers");
    stop(0).await;
    assert_eq!(used().await, 0);

    database.run("TRUNCATE turns CASCADE").await;
    let mut two = of(&profile, ALICE, 2);
    two.personas = vec![profile.personas[0].id; 2];
    let turns = admit(store, &two).await;
    let lease = claim(store, &turns[0], "w").await.unwrap();
    database
        .run(
            "INSERT INTO turn_posts (turn_id, ordinal, server_id, nonce, text_hash, state,
                                     message_id, fence)
             SELECT turn_id, 0, server_id, 1, decode(repeat('00', 32), 'hex'), 'sent',
                    '100000000000000077', fence
             FROM turns WHERE persona_ordinal = 0",
        )
        .await;
    let ended = store.end_turn(&lease, TurnState::Stopped, None).await;
    assert!(ended.unwrap());
    stop(1).await;
    assert_eq!(used().await, 1, "somebody saw a part of the answer");
}

/// GUARD-43, GUARD-44: a follow-up takes the place of a message while that message is deleted; both lock
/// the turn before what it used, so neither waits for the other for ever.
#[tokio::test]
async fn a_follow_up_and_a_deletion_never_wait_in_a_circle() {
    let database = Database::migrated().await;
    let store = &database.store;
    let profile = set_up(store, GUILD).await;
    store.set_quota(GUILD, quota(100, 9_999)).await.unwrap();
    let follow_up = |n| Admission {
        max_follow_ups: 3,
        ..of(&profile, ALICE, n)
    };
    let running = admit(store, &follow_up(0)).await.remove(0);
    claim(store, &running, "w").await.unwrap();
    admit(store, &follow_up(1)).await;
    for n in 1..=200 {
        let (next, waiting) = (follow_up(n + 1), [message(n)]);
        let admitting = store.admit(&next);
        let deleting = store.trigger_deleted(IN_GUILD, CHANNEL, &waiting);
        let (admitted, deleted) = tokio::join!(admitting, deleting);
        assert!(matches!(admitted.unwrap(), Admitted::Accepted(_)), "{n}");
        deleted.unwrap();
    }
    let used = store.quota_use(GUILD).await.unwrap().unwrap();
    assert_eq!(used.used, 2, "what never ran was given back, each once");
}
