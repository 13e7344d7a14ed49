//! Claims, fences and ends of turns.

use futures_util::future::join_all;
use proto::id::ChannelId;
use sqlx::AssertSqlSafe;
use store::{Error, Lease, NewPost, ServerId, Store, TurnId, TurnState};
use uuid::Uuid;

use crate::database::Database;
use crate::world::{
    GUILD, OTHER_CHANNEL, PARTITION, admission, admit, claim, kill_all, set_up, turn,
};

/// Whether the turn can be written to under that lease.
async fn may_post(store: &Store, lease: &Lease) -> bool {
    let post = NewPost {
        ordinal: 0,
        nonce: 1,
        text_hash: [1; 32],
        is_last: false,
        reason: None,
    };
    store.insert_post(lease, &post).await.unwrap()
}

/// CHAT-44.
#[tokio::test]
async fn many_workers_claim_at_once_and_one_wins() {
    let database = Database::migrated().await;
    let profile = set_up(&database.store, GUILD).await;
    let other = Store::connect(&database.settings).await.unwrap();
    let stores = [&database.store, &other];
    for n in 0..10 {
        let queued = turn(&database.store, &profile, n).await;
        let names: Vec<String> = (0..12).map(|worker| format!("w{worker}")).collect();
        let claims = names
            .iter()
            .enumerate()
            .map(|(at, name)| stores[at % 2].claim_turn(queued.id, name, queued.fence));
        let leases: Vec<_> = join_all(claims)
            .await
            .into_iter()
            .filter_map(Result::unwrap)
            .collect();
        let [lease] = leases.as_slice() else {
            panic!("{leases:?}")
        };
        assert_eq!(lease.fence, 1);
        let owner = database.store.turn_owner(queued.id).await.unwrap().unwrap();
        assert_eq!(owner, (TurnState::Preparing, Some(lease.worker.clone()), 1));
        assert!(
            database
                .store
                .end_turn(lease, TurnState::Done, None)
                .await
                .unwrap()
        );
    }
}

/// CHAT-50.
#[tokio::test]
async fn turn_waits_for_every_earlier_turn_of_its_channel() {
    let database = Database::migrated().await;
    let profile = set_up(&database.store, GUILD).await;
    let first = turn(&database.store, &profile, 1).await;
    let second = turn(&database.store, &profile, 2).await;
    assert_eq!(claim(&database.store, &second, "w").await, None);
    let lease = claim(&database.store, &first, "w").await.unwrap();
    assert_eq!(claim(&database.store, &second, "w").await, None);
    database
        .store
        .end_turn(&lease, TurnState::Failed, Some("timeout"))
        .await
        .unwrap();
    assert!(claim(&database.store, &second, "w").await.is_some());
}

#[tokio::test]
async fn channels_do_not_wait_for_each_other() {
    let database = Database::migrated().await;
    let profile = set_up(&database.store, GUILD).await;
    let here = turn(&database.store, &profile, 1).await;
    let mut asked = admission(&profile, 2);
    asked.channel = OTHER_CHANNEL;
    let there = admit(&database.store, &asked).await.remove(0);
    assert!(claim(&database.store, &here, "w").await.is_some());
    assert!(claim(&database.store, &there, "w").await.is_some());
}

#[tokio::test]
async fn second_running_turn_of_a_channel_is_none_and_not_an_error() {
    let database = Database::migrated().await;
    let profile = set_up(&database.store, GUILD).await;
    let first = turn(&database.store, &profile, 1).await;
    let second = turn(&database.store, &profile, 2).await;
    claim(&database.store, &second, "w").await;
    // A later turn already runs, as no program of ours would leave it.
    sqlx::query("UPDATE turns SET state = 'streaming', worker_id = 'x' WHERE turn_id = $1")
        .bind(second.id.row)
        .execute(&database.raw)
        .await
        .unwrap();
    assert_eq!(claim(&database.store, &first, "w").await, None);
}

/// CHAT-45.
#[tokio::test]
async fn takeover_raises_the_fence_and_ends_the_old_lease() {
    let database = Database::migrated().await;
    let profile = set_up(&database.store, GUILD).await;
    let queued = turn(&database.store, &profile, 1).await;
    let old = claim(&database.store, &queued, "old").await.unwrap();
    assert!(may_post(&database.store, &old).await);
    let seen = database.store.turn(queued.id).await.unwrap().unwrap();
    let new = claim(&database.store, &seen, "new").await.unwrap();
    assert_eq!(new.fence, 2);

    assert!(!may_post(&database.store, &old).await);
    assert!(!database.store.release_turn(&old).await.unwrap());
    assert!(
        !database
            .store
            .end_turn(&old, TurnState::Done, None)
            .await
            .unwrap()
    );
    assert!(
        database
            .store
            .end_turn(&new, TurnState::Done, None)
            .await
            .unwrap()
    );
    assert!(
        database
            .store
            .end_turn(&new, TurnState::Done, None)
            .await
            .unwrap(),
        "repeated after a lost answer"
    );
    let other = database.store.end_turn(&new, TurnState::Failed, None);
    assert!(!other.await.unwrap());
    let ended = database.store.turn(queued.id).await.unwrap().unwrap();
    assert_eq!((ended.state, ended.attempts), (TurnState::Done, 2));
}

/// CHAT-45.
#[tokio::test]
async fn same_worker_under_an_old_fence_writes_nothing() {
    let database = Database::migrated().await;
    let profile = set_up(&database.store, GUILD).await;
    let queued = turn(&database.store, &profile, 1).await;
    let first = claim(&database.store, &queued, "w").await.unwrap();
    let again = database
        .store
        .claim_turn(queued.id, "w", first.fence)
        .await
        .unwrap()
        .unwrap();
    assert!(!may_post(&database.store, &first).await);
    assert!(may_post(&database.store, &again).await);
}

#[tokio::test]
async fn released_turn_keeps_its_state_and_is_claimed_at_once() {
    let database = Database::migrated().await;
    let profile = set_up(&database.store, GUILD).await;
    let queued = turn(&database.store, &profile, 1).await;
    let lease = claim(&database.store, &queued, "old").await.unwrap();
    assert!(database.store.release_turn(&lease).await.unwrap());
    assert!(!database.store.release_turn(&lease).await.unwrap());
    let owner = database.store.turn_owner(queued.id).await.unwrap().unwrap();
    assert_eq!(owner, (TurnState::Preparing, None, 1));
    assert!(!may_post(&database.store, &lease).await);
    assert!(
        database
            .store
            .claim_turn(queued.id, "new", 1)
            .await
            .unwrap()
            .is_some()
    );
}

#[tokio::test]
async fn a_post_makes_the_tries_begin_anew() {
    let database = Database::migrated().await;
    let store = &database.store;
    let profile = set_up(store, GUILD).await;
    let queued = turn(store, &profile, 1).await;
    claim(store, &queued, "a").await.unwrap();
    let second = store.claim_turn(queued.id, "b", 1).await.unwrap().unwrap();
    assert_eq!(second.tries, 2);

    let post = NewPost {
        ordinal: 0,
        nonce: 7,
        text_hash: [1; 32],
        is_last: false,
        reason: None,
    };
    store.insert_post(&second, &post).await.unwrap();
    let sending = store.claim_turn(queued.id, "c", 2).await.unwrap().unwrap();
    assert_eq!(sending.tries, 3, "a post in doubt is none");
    database
        .run("UPDATE turn_posts SET state = 'sent', message_id = '100000000000000009'")
        .await;
    let fourth = store.claim_turn(queued.id, "d", 3).await.unwrap().unwrap();
    assert_eq!(
        fourth.tries, 2,
        "the third and this one, after the post of the second"
    );
    let fifth = store.claim_turn(queued.id, "e", 4).await.unwrap().unwrap();
    assert_eq!(fifth.tries, 3);
}

#[tokio::test]
async fn attempts_count_claims_that_were_not_released() {
    let database = Database::migrated().await;
    let store = &database.store;
    let profile = set_up(store, GUILD).await;
    let queued = turn(store, &profile, 1).await;
    let attempts = async || store.turn(queued.id).await.unwrap().unwrap().attempts;
    let orderly = claim(store, &queued, "a").await.unwrap();
    assert_eq!(attempts().await, 1);
    store.release_turn(&orderly).await.unwrap();
    assert_eq!(attempts().await, 0);
    store.claim_turn(queued.id, "b", 1).await.unwrap().unwrap();
    let last = store.claim_turn(queued.id, "c", 2).await.unwrap().unwrap();
    assert_eq!(attempts().await, 2);

    database.run("UPDATE turns SET attempts = 0").await;
    store.release_turn(&last).await.unwrap();
    assert_eq!(attempts().await, 0);
}

#[tokio::test]
async fn worker_lets_go_of_what_it_holds_and_does_not_run() {
    let database = Database::migrated().await;
    let store = &database.store;
    let profile = set_up(store, GUILD).await;
    let mut asked = admission(&profile, 1);
    asked.personas = vec![profile.personas[0].id; 2];
    let [lost, waiting] = admit(store, &asked).await.try_into().unwrap();
    let mut turns = vec![lost.clone()];
    for (n, channel) in [(2, 21), (3, 22), (4, 23)] {
        let mut asked = admission(&profile, n);
        asked.channel = ChannelId(300_000_000_000_000_000 + channel);
        turns.extend(admit(store, &asked).await);
    }
    let [_, running, foreign, ended] = turns.as_slice() else {
        panic!("four turns")
    };
    let lease = claim(store, &lost, "w").await.unwrap();
    database
        .run("UPDATE turns SET state = 'finishing' WHERE state = 'preparing'")
        .await;
    claim(store, running, "w").await.unwrap();
    claim(store, foreign, "another").await.unwrap();
    let over = claim(store, ended, "w").await.unwrap();
    store.end_turn(&over, TurnState::Done, None).await.unwrap();

    assert_eq!(store.let_go("w", &[]).await.unwrap(), 0, "too fresh");
    age_claims(&database).await;
    assert_eq!(store.let_go("w", &[running.id]).await.unwrap(), 1);
    assert_eq!(store.let_go("w", &[running.id]).await.unwrap(), 0);

    let now = store.turn(lost.id).await.unwrap().unwrap();
    assert_eq!(
        (now.worker.as_deref(), now.fence, now.attempts),
        (None, 2, 1)
    );
    assert_eq!(now.state, TurnState::Finishing);
    assert!(!may_post(store, &lease).await);
    assert!(!store.end_turn(&lease, TurnState::Done, None).await.unwrap());
    for kept in [running, foreign, ended, &waiting] {
        let owner = store.turn_owner(kept.id).await.unwrap().unwrap();
        assert!(owner.2 < 2, "{owner:?}");
    }
    // Who read it before it was let go is too late, who reads it now is not.
    assert_eq!(store.claim_turn(lost.id, "x", 1).await.unwrap(), None);
    assert!(claim(store, &now, "x").await.is_some());
}

#[tokio::test]
async fn fresh_claim_survives_letting_go_at_the_same_moment() {
    let database = Database::migrated().await;
    let store = &database.store;
    let profile = set_up(store, GUILD).await;
    for n in 0..20 {
        let queued = turn(store, &profile, n).await;
        claim(store, &queued, "w").await.unwrap();
        age_claims(&database).await;
        let (claimed, let_go) =
            tokio::join!(store.claim_turn(queued.id, "w", 1), store.let_go("w", &[]));
        // One of the two was first: then the other found another fence or a fresh claim.
        let now = store.turn(queued.id).await.unwrap().unwrap();
        let lease = match (claimed.unwrap(), let_go.unwrap()) {
            (Some(lease), 0) => {
                assert_eq!((now.worker.as_deref(), now.fence), (Some("w"), 2));
                lease
            }
            (None, 1) => {
                assert_eq!((now.worker.as_deref(), now.fence), (None, 2));
                claim(store, &now, "w").await.unwrap()
            }
            other => panic!("{other:?}"),
        };
        assert!(store.end_turn(&lease, TurnState::Done, None).await.unwrap());
    }
}

/// Makes every claim older than what a worker's list may lag behind.
async fn age_claims(database: &Database) {
    database
        .run("UPDATE turns SET claimed_at = claimed_at - interval '16 s'")
        .await;
}

/// CHAT-44.
#[tokio::test]
async fn every_running_state_reads_back() {
    let database = Database::migrated().await;
    let store = &database.store;
    let profile = set_up(store, GUILD).await;
    let queued = turn(store, &profile, 1).await;
    claim(store, &queued, "w").await.unwrap();
    for &state in TurnState::ALL.iter().filter(|state| state.is_running()) {
        let moving = format!("UPDATE turns SET state = '{state}'");
        sqlx::query(AssertSqlSafe(moving))
            .execute(&database.raw)
            .await
            .unwrap();
        assert_eq!(store.turn(queued.id).await.unwrap().unwrap().state, state);
        assert_eq!(store.open_turns(PARTITION).await.unwrap()[0].state, state);
    }
}

#[tokio::test]
async fn open_turns_of_a_partition_come_in_order_until_they_end() {
    let database = Database::migrated().await;
    let profile = set_up(&database.store, GUILD).await;
    let mut turns = Vec::new();
    for n in 0..5 {
        turns.push(turn(&database.store, &profile, n).await);
    }
    let lease = claim(&database.store, &turns[0], "w").await.unwrap();
    let open = database.store.open_turns(PARTITION).await.unwrap();
    assert_eq!(
        open.iter().map(|turn| turn.id).collect::<Vec<_>>(),
        turns.iter().map(|turn| turn.id).collect::<Vec<_>>()
    );
    database
        .store
        .end_turn(&lease, TurnState::Interrupted, None)
        .await
        .unwrap();
    assert_eq!(database.store.open_turns(PARTITION).await.unwrap().len(), 4);
    assert_eq!(
        database
            .store
            .open_turns(proto::subject::Partition(8))
            .await
            .unwrap(),
        []
    );
}

#[tokio::test]
async fn queued_turn_stops_at_once() {
    let database = Database::migrated().await;
    let profile = set_up(&database.store, GUILD).await;
    let queued = turn(&database.store, &profile, 1).await;
    kill_all(&database.store).await;
    let stopped = database.store.turn(queued.id).await.unwrap().unwrap();
    assert_eq!(stopped.state, TurnState::Stopped);
    assert_eq!(claim(&database.store, &queued, "w").await, None);
}

/// CHAT-53.
#[tokio::test]
async fn running_turn_is_flagged_and_its_worker_ends_it() {
    let database = Database::migrated().await;
    let profile = set_up(&database.store, GUILD).await;
    let queued = turn(&database.store, &profile, 1).await;
    let lease = claim(&database.store, &queued, "w").await.unwrap();
    kill_all(&database.store).await;
    let flagged = database.store.turn(queued.id).await.unwrap().unwrap();
    assert_eq!(
        (flagged.state, flagged.stop_requested),
        (TurnState::Preparing, true)
    );
    assert!(
        database
            .store
            .end_turn(&lease, TurnState::Stopped, None)
            .await
            .unwrap()
    );
    let reason: String = database.read("SELECT stop_reason FROM turns").await;
    assert_eq!(reason, "kill");
}

#[tokio::test]
async fn takeover_of_a_flagged_turn_tells_that_it_was_stopped_and_ends_nothing() {
    let database = Database::migrated().await;
    let store = &database.store;
    let profile = set_up(store, GUILD).await;
    let queued = turn(store, &profile, 1).await;
    let dead = claim(store, &queued, "dead").await.unwrap();
    assert!(!dead.stop_requested);
    kill_all(store).await;
    let next = turn(store, &profile, 2).await;
    let lease = store
        .claim_turn(queued.id, "new", dead.fence)
        .await
        .unwrap()
        .unwrap();
    assert!(lease.stop_requested);
    // Something of the dead worker may be on its way: the next turn waits until this one is ended.
    let (state, ..) = store.turn_owner(queued.id).await.unwrap().unwrap();
    assert_eq!(state, TurnState::Preparing);
    assert_eq!(claim(store, &next, "new").await, None);
    let ended = store.end_turn(&lease, TurnState::Stopped, None).await;
    assert!(ended.unwrap());
}

/// CHAT-44.
#[tokio::test]
async fn states_are_used_for_what_they_mean() {
    let database = Database::migrated().await;
    let profile = set_up(&database.store, GUILD).await;
    let queued = turn(&database.store, &profile, 1).await;
    let lease = claim(&database.store, &queued, "w").await.unwrap();
    let ended = database.store.end_turn(&lease, TurnState::Tool, None).await;
    assert!(matches!(ended, Err(Error::Invalid(_))));
}

#[tokio::test]
async fn unknown_turn_is_absent() {
    let database = Database::migrated().await;
    let unknown = TurnId {
        server: ServerId(1),
        row: Uuid::nil(),
    };
    assert_eq!(database.store.turn(unknown).await.unwrap(), None);
    assert_eq!(database.store.turn_owner(unknown).await.unwrap(), None);
    assert_eq!(
        database.store.claim_turn(unknown, "w", 0).await.unwrap(),
        None
    );
}
