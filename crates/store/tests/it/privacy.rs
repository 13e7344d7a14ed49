//! Privacy levels: what is stored, who is hidden, and what goes with a raise.

use futures_util::future::join_all;
use proto::id::UserId;
use store::{
    Admission, Admitted, Naming, NewPost, NewStep, PrivacyLevel, Profile, Store, TriggerKind, Turn,
    TurnState,
};

use crate::database::Database;
use crate::world::{
    ALICE, CHANNEL, DIRECT, GUILD, OTHER_CHANNEL, admission, admit, claim, message, set_up, turn,
};

const BOB: UserId = UserId(200_000_000_000_000_002);

async fn world() -> (Database, Profile) {
    let database = Database::migrated().await;
    let profile = set_up(&database.store, GUILD).await;
    (database, profile)
}

async fn state(store: &Store, turn: &Turn) -> (TurnState, bool) {
    let turn = store.turn(turn.id).await.unwrap().unwrap();
    (turn.state, turn.stop_requested)
}

fn command(profile: &Profile, n: u64) -> Admission {
    Admission {
        trigger_kind: TriggerKind::Command,
        ..admission(profile, n)
    }
}

const FIRST_POST: NewPost = NewPost {
    ordinal: 0,
    nonce: 1,
    text_hash: [1; 32],
    is_last: false,
    reason: None,
};

const FIRST_STEP: NewStep<'_> = NewStep {
    step: 0,
    ordinal: 0,
    tool: "create_thread",
    arguments_hash: [1; 32],
    posts_before: 0,
};

/// PRIV-1, PRIV-4
#[tokio::test]
async fn level_is_the_first_until_somebody_chooses_and_one_for_every_place() {
    let (database, profile) = world().await;
    let store = &database.store;
    turn(store, &profile, 1).await;
    let rows: i64 = database.read("SELECT count(*) FROM users").await;
    assert_eq!(rows, 0, "talking stores nothing about a person");
    assert_eq!(
        store.privacy_level(ALICE).await.unwrap(),
        PrivacyLevel::Minimal
    );
    for level in PrivacyLevel::ALL {
        store.set_privacy_level(ALICE, level).await.unwrap();
        assert_eq!(store.privacy_level(ALICE).await.unwrap(), level);
        let all = store.privacy_levels(&[ALICE, BOB]).await.unwrap();
        assert_eq!(all.into_iter().collect::<Vec<_>>(), [(ALICE, level)]);
        let heard = store.may_be_heard(ALICE).await.unwrap();
        assert_eq!(heard, level != PrivacyLevel::Full);
    }
}

/// PRIV-2
#[tokio::test]
async fn level_that_cannot_be_understood_counts_as_the_strictest() {
    let (database, _) = world().await;
    database
        .run("ALTER TABLE users DROP CONSTRAINT users_privacy_level_check")
        .await;
    database
        .run("INSERT INTO users (user_disc_id, privacy_level) VALUES ('200000000000000001', 9)")
        .await;
    let level = database.store.privacy_level(ALICE).await.unwrap();
    assert_eq!(level, PrivacyLevel::Full);
}

#[tokio::test]
async fn hidden_users_are_told_in_pages_without_gap_or_repetition() {
    let (database, _) = world().await;
    database
        .run(
            "INSERT INTO users (user_disc_id, privacy_level)
             SELECT (1000000000000000000 + n * 7919)::text, n % 3
             FROM generate_series(1, 36000) AS n",
        )
        .await;
    let (mut all, mut pages, mut behind) = (Vec::new(), 0, None);
    loop {
        let page = database.store.full_users(behind).await.unwrap();
        behind = page.last().copied();
        all.extend(page);
        if behind.is_none() {
            break;
        }
        pages += 1;
    }
    assert_eq!((all.len(), pages), (12_000, 2));
    let told = all.len();
    all.sort_unstable();
    all.dedup();
    assert_eq!(all.len(), told);
}

/// PRIV-58: with its name, or not at all.
#[tokio::test]
async fn a_raise_only_raises_whatever_happens_meanwhile() {
    let (database, _) = world().await;
    let store = &database.store;
    let raise = |level, name| store.raise_privacy_level(ALICE, level, Naming::Set(Some(name)));
    for (level, name, expected) in [
        (PrivacyLevel::Partial, "Al", Some("Al")),
        (PrivacyLevel::Partial, "Bo", None),
        (PrivacyLevel::Minimal, "Bo", None),
        (PrivacyLevel::Full, "Cy", Some("Cy")),
        (PrivacyLevel::Partial, "Bo", None),
    ] {
        let before = store.nickname(ALICE).await.unwrap();
        let raised = raise(level, name).await.unwrap();
        assert_eq!(raised.is_changed, expected.is_some(), "{level:?}");
        let after = store.nickname(ALICE).await.unwrap();
        assert_eq!(after, expected.map(str::to_owned).or(before));
    }
    for _ in 0..20 {
        database.run("DELETE FROM users").await;
        let raises = (0..6).map(|_| raise(PrivacyLevel::Partial, "Al"));
        let choice = store.set_privacy_level(ALICE, PrivacyLevel::Full);
        let (raised, chosen) = tokio::join!(join_all(raises), choice);
        chosen.unwrap();
        let raised = raised
            .into_iter()
            .filter(|one| one.as_ref().unwrap().is_changed);
        assert!(raised.count() <= 1, "at most one of them raised it");
        let level = store.privacy_level(ALICE).await.unwrap();
        assert_eq!(level, PrivacyLevel::Full);
    }
    let kept = store.raise_privacy_level(BOB, PrivacyLevel::Partial, Naming::Kept);
    assert!(
        kept.await.unwrap().is_changed,
        "who never chose has the first"
    );
}

/// PRIV-33, PRIV-35
#[tokio::test]
async fn raise_ends_what_waits_and_stops_what_runs_of_that_user_only() {
    let (database, profile) = world().await;
    let store = &database.store;
    let running = turn(store, &profile, 1).await;
    let lease = claim(store, &running, "w").await.unwrap();
    let queued = turn(store, &profile, 2).await;
    let mut elsewhere = admission(&profile, 3);
    elsewhere.channel = OTHER_CHANNEL;
    let elsewhere = admit(store, &elsewhere).await.remove(0);
    let of_bob = Admission {
        author: BOB,
        ..admission(&profile, 4)
    };
    let of_bob = admit(store, &of_bob).await.remove(0);

    let changed = store
        .set_privacy_level(ALICE, PrivacyLevel::Full)
        .await
        .unwrap();
    let mut stopped_in = changed.stopped_in;
    stopped_in.sort_unstable();
    assert_eq!(stopped_in, [CHANNEL, OTHER_CHANNEL]);
    assert_eq!(state(store, &running).await, (TurnState::Preparing, true));
    assert_eq!(state(store, &queued).await.0, TurnState::Stopped);
    assert_eq!(state(store, &elsewhere).await.0, TurnState::Stopped);
    assert_eq!(state(store, &of_bob).await, (TurnState::Queued, false));
    assert!(!store.insert_post(&lease, &FIRST_POST).await.unwrap());
    let reason: String = database
        .read("SELECT DISTINCT stop_reason FROM turns WHERE stop_requested")
        .await;
    assert_eq!(reason, "privacy");
    let again = store.set_privacy_level(ALICE, PrivacyLevel::Full).await;
    assert_eq!(again.unwrap().stopped_in, [CHANNEL], "safe to repeat");
}

#[tokio::test]
async fn lower_level_stops_nothing_and_forgets_nothing() {
    let (database, profile) = world().await;
    let store = &database.store;
    let queued = turn(store, &profile, 1).await;
    for level in [PrivacyLevel::Partial, PrivacyLevel::Minimal] {
        let changed = store.set_privacy_level(ALICE, level).await.unwrap();
        assert_eq!(changed.stopped_in, []);
    }
    assert_eq!(state(store, &queued).await, (TurnState::Queued, false));
    assert!(store.explain(message(1)).await.unwrap().is_some());
}

/// PRIV-35
#[tokio::test]
async fn raise_leaves_no_id_in_records_and_decides_nothing_anew() {
    let (database, profile) = world().await;
    let store = &database.store;
    let direct = set_up(store, DIRECT).await;
    turn(store, &profile, 1).await;
    turn(store, &direct, 2).await;
    turn(store, &profile, 3).await;
    database
        .run(
            "UPDATE turn_decisions SET created_at = now() - interval '16 minutes'
             WHERE event_id LIKE '%3'",
        )
        .await;
    store
        .set_privacy_level(ALICE, PrivacyLevel::Full)
        .await
        .unwrap();
    let traces: i64 = database
        .read(
            "SELECT count(*) FROM turn_decisions
             WHERE user_disc_id IS NOT NULL OR channel_disc_id IS NOT NULL
                OR message_id IS NOT NULL OR guild_disc_id = '200000000000000001'",
        )
        .await;
    assert_eq!(traces, 0);
    let rows: i64 = database.read("SELECT count(*) FROM turn_decisions").await;
    assert_eq!(rows, 2, "the old one is gone");
    // Heard again, the same events are what they were: decided.
    store
        .set_privacy_level(ALICE, PrivacyLevel::Minimal)
        .await
        .unwrap();
    for asked in [admission(&profile, 1), admission(&direct, 2)] {
        let answer = store.admit(&asked).await.unwrap();
        assert!(matches!(answer, Admitted::Before { .. }), "{answer:?}");
    }
}

/// PRIV-6, PRIV-19
#[tokio::test]
async fn command_of_a_hidden_user_is_answered_and_its_record_names_nobody() {
    let (database, profile) = world().await;
    let store = &database.store;
    store
        .set_privacy_level(ALICE, PrivacyLevel::Full)
        .await
        .unwrap();
    let asked = admit(store, &command(&profile, 1)).await.remove(0);
    let lease = claim(store, &asked, "w").await.unwrap();
    assert!(store.start_step(&lease, &FIRST_STEP).await.unwrap());
    assert!(store.insert_post(&lease, &FIRST_POST).await.unwrap());
    let traces: i64 = database
        .read(
            "SELECT count(*) FROM turn_decisions
             WHERE user_disc_id IS NOT NULL OR channel_disc_id IS NOT NULL
                OR message_id IS NOT NULL",
        )
        .await;
    assert_eq!(traces, 0);
}

/// PRIV-33
#[tokio::test]
async fn command_from_before_the_raise_is_stopped_before_its_next_post_or_tool() {
    let (database, profile) = world().await;
    let store = &database.store;
    let asked = admit(store, &command(&profile, 1)).await.remove(0);
    let lease = claim(store, &asked, "w").await.unwrap();
    store
        .set_privacy_level(ALICE, PrivacyLevel::Full)
        .await
        .unwrap();
    assert!(!store.start_step(&lease, &FIRST_STEP).await.unwrap());
    assert!(!store.insert_post(&lease, &FIRST_POST).await.unwrap());
}
