//! The journal of posts, and what can be read about a message afterwards.

use futures_util::future::join_all;
use proto::id::MessageId;
use store::{Decision, EchoedPost, Lease, NOTICE, NewPost, Post, PostState, Store, TurnState};

use crate::database::Database;
use crate::world::{
    CHANNEL, GUILD, IN_GUILD, OTHER_CHANNEL, admission, claim, kill_all, message, refusal, set_up,
    turn,
};

const HASH: [u8; 32] = [7; 32];
/// Above what a signed number holds.
const NONCE: u64 = u64::MAX - 1;

fn post(ordinal: i32, nonce: u64, text_hash: [u8; 32]) -> NewPost {
    NewPost {
        ordinal,
        nonce,
        text_hash,
        is_last: false,
        reason: None,
    }
}

fn echo(nonce: u64, n: u64) -> EchoedPost {
    EchoedPost {
        nonce,
        guild: IN_GUILD,
        channel: CHANNEL,
        message: message(n),
        text_hash: HASH,
    }
}

/// Confirms the first post as the n-th message.
async fn confirm(store: &Store, lease: &Lease, n: u64) -> Option<MessageId> {
    store.confirm_post(lease, 0, message(n)).await.unwrap()
}

async fn lease(store: &Store) -> Lease {
    let profile = set_up(store, GUILD).await;
    let queued = turn(store, &profile, 1).await;
    claim(store, &queued, "w").await.unwrap()
}

/// CHAT-46.
#[tokio::test]
async fn posts_are_journaled_one_after_the_other() {
    let database = Database::migrated().await;
    let store = &database.store;
    let lease = lease(store).await;
    assert!(!store.insert_post(&lease, &post(1, 11, HASH)).await.unwrap());
    assert!(
        store
            .insert_post(&lease, &post(0, NONCE, HASH))
            .await
            .unwrap()
    );
    assert!(!store.insert_post(&lease, &post(1, 11, HASH)).await.unwrap());
    assert_eq!(confirm(store, &lease, 50).await, Some(message(50)));
    assert!(store.insert_post(&lease, &post(1, 11, HASH)).await.unwrap());
    let posts = store.posts(lease.turn).await.unwrap();
    assert_eq!(posts.len(), 2);
    assert_eq!((posts[0].nonce, posts[0].text_hash), (NONCE, HASH));
    assert_eq!(
        (posts[0].state, posts[0].message),
        (PostState::Sent, Some(message(50)))
    );
    assert_eq!(
        (posts[1].state, posts[1].message),
        (PostState::Sending, None)
    );
}

#[tokio::test]
async fn repeated_journal_writes_change_nothing() {
    let database = Database::migrated().await;
    let store = &database.store;
    let lease = lease(store).await;
    assert!(store.insert_post(&lease, &post(0, 10, HASH)).await.unwrap());
    assert!(store.insert_post(&lease, &post(0, 10, HASH)).await.unwrap());
    assert!(
        !store
            .insert_post(&lease, &post(0, 10, [8; 32]))
            .await
            .unwrap()
    );
    assert_eq!(confirm(store, &lease, 50).await, Some(message(50)));
    assert_eq!(confirm(store, &lease, 50).await, Some(message(50)));
    assert_eq!(confirm(store, &lease, 51).await, Some(message(50)));
    assert!(!store.insert_post(&lease, &post(0, 10, HASH)).await.unwrap());
    assert!(!store.fail_post(&lease, 0).await.unwrap());
}

/// CHAT-45, CHAT-46.
#[tokio::test]
async fn lost_fence_journals_nothing() {
    let database = Database::migrated().await;
    let store = &database.store;
    let old = lease(store).await;
    assert!(store.insert_post(&old, &post(0, 10, HASH)).await.unwrap());
    let new = store
        .claim_turn(old.turn, "new", old.fence)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(confirm(store, &old, 50).await, None);
    assert!(!store.fail_post(&old, 0).await.unwrap());
    assert!(
        !store.insert_post(&new, &post(0, 10, HASH)).await.unwrap(),
        "the old row is in doubt"
    );
    assert!(store.fail_post(&new, 0).await.unwrap());
    assert!(!store.insert_post(&old, &post(0, 10, HASH)).await.unwrap());
    assert!(store.insert_post(&new, &post(0, 10, HASH)).await.unwrap());
}

#[tokio::test]
async fn claim_waits_for_a_post_that_is_being_journaled() {
    let database = Database::migrated().await;
    let store = &database.store;
    let lease = lease(store).await;
    for round in 1..30 {
        let fence = round;
        let old = Lease {
            fence,
            ..lease.clone()
        };
        let first = post(0, 10, HASH);
        let (journaled, claimed) = tokio::join!(
            store.insert_post(&old, &first),
            store.claim_turn(lease.turn, "w", fence)
        );
        let claimed = claimed.unwrap().unwrap();
        let seen = !store.posts(lease.turn).await.unwrap().is_empty();
        assert_eq!(journaled.unwrap(), seen);
        if seen {
            assert!(store.fail_post(&claimed, 0).await.unwrap());
        }
    }
}

#[tokio::test]
async fn requested_stop_ends_posting() {
    let database = Database::migrated().await;
    let store = &database.store;
    let lease = lease(store).await;
    assert!(store.insert_post(&lease, &post(0, 10, HASH)).await.unwrap());
    kill_all(store).await;
    // What was sent meanwhile is still recorded.
    assert_eq!(confirm(store, &lease, 50).await, Some(message(50)));
    assert!(!store.insert_post(&lease, &post(1, 11, HASH)).await.unwrap());
    assert!(
        store
            .turn(lease.turn)
            .await
            .unwrap()
            .unwrap()
            .stop_requested
    );
}

#[tokio::test]
async fn user_who_opts_out_midway_gets_no_further_post() {
    let database = Database::migrated().await;
    let store = &database.store;
    let lease = lease(store).await;
    assert!(store.insert_post(&lease, &post(0, 10, HASH)).await.unwrap());
    assert_eq!(confirm(store, &lease, 50).await, Some(message(50)));
    database
        .run("INSERT INTO users (user_disc_id, privacy_level) VALUES ('200000000000000001', 2)")
        .await;
    assert!(!store.insert_post(&lease, &post(1, 11, HASH)).await.unwrap());
    assert!(
        store
            .end_turn(&lease, TurnState::Stopped, Some("privacy"))
            .await
            .unwrap()
    );
}

#[tokio::test]
async fn explanation_tells_decision_turns_and_posts() {
    let database = Database::migrated().await;
    let store = &database.store;
    let lease = lease(store).await;
    store.insert_post(&lease, &post(0, 10, HASH)).await.unwrap();
    store.confirm_post(&lease, 0, message(50)).await.unwrap();
    store
        .end_turn(&lease, TurnState::Failed, Some("timeout"))
        .await
        .unwrap();
    let explanation = store.explain(message(1)).await.unwrap().unwrap();
    assert_eq!(explanation.code, Decision::Accepted);
    let [explained] = explanation.turns.as_slice() else {
        panic!("one turn")
    };
    let (id, state) = (explained.turn.id, explained.turn.state);
    assert_eq!((id, state), (lease.turn, TurnState::Failed));
    assert_eq!(explained.reason.as_deref(), Some("timeout"));
    assert_eq!(explained.posts[0].message, Some(message(50)));
    let times = explained.times;
    // One transaction decides and admits.
    assert_eq!(explanation.decided_at, times.admitted);
    assert!(Some(times.admitted) < times.claimed && times.claimed < times.ended);
}

#[tokio::test]
async fn explanation_of_a_refusal_has_no_turns_and_the_unknown_has_none() {
    let database = Database::migrated().await;
    let store = &database.store;
    store
        .record_refusal(&refusal(GUILD, 2, Decision::Cooldown))
        .await
        .unwrap();
    store
        .record_refusal(&refusal(GUILD, 3, Decision::PrivacyFull))
        .await
        .unwrap();
    let explanation = store.explain(message(2)).await.unwrap().unwrap();
    assert_eq!(
        (explanation.code, explanation.turns.len()),
        (Decision::Cooldown, 0)
    );
    let hidden = store.explain(message(3)).await.unwrap().unwrap();
    assert_eq!(hidden.code, Decision::PrivacyFull);
    assert_eq!(store.explain(message(4)).await.unwrap(), None);
    let profile = set_up(store, GUILD).await;
    store.admit(&admission(&profile, 4)).await.unwrap();
    assert!(store.explain(message(4)).await.unwrap().is_some());
}

#[tokio::test]
async fn last_post_is_marked_and_moves_the_turn_on() {
    let database = Database::migrated().await;
    let store = &database.store;
    let lease = lease(store).await;
    let state = async || store.turn(lease.turn).await.unwrap().unwrap().state;
    assert!(store.insert_post(&lease, &post(0, 10, HASH)).await.unwrap());
    assert_eq!(state().await, TurnState::Streaming);
    confirm(store, &lease, 50).await;
    let last = NewPost {
        is_last: true,
        ..post(1, 11, HASH)
    };
    assert!(store.insert_post(&lease, &last).await.unwrap());
    assert_eq!(state().await, TurnState::Finishing);
    let posts = store.posts(lease.turn).await.unwrap();
    let last: Vec<bool> = posts.iter().map(|post| post.is_last).collect();
    assert_eq!(last, [false, true]);
}

/// A notice does not wait for a post in doubt, is journaled once, and its reason outlives its
/// worker.
#[tokio::test]
async fn reason_of_a_notice_is_that_of_the_end_whoever_records_it() {
    let database = Database::migrated().await;
    let store = &database.store;
    let old = lease(store).await;
    assert!(store.insert_post(&old, &post(0, 10, HASH)).await.unwrap());
    let notice = NewPost {
        is_last: true,
        reason: Some("overloaded"),
        ..post(NOTICE, 11, HASH)
    };
    assert!(store.insert_post(&old, &notice).await.unwrap());
    assert!(store.insert_post(&old, &notice).await.unwrap());
    let new = store.claim_turn(old.turn, "new", old.fence).await.unwrap();
    let new = new.unwrap();
    assert!(!store.insert_post(&new, &notice).await.unwrap(), "in doubt");
    let posts = store.posts(new.turn).await.unwrap();
    let are_notices: Vec<bool> = posts.iter().map(Post::is_notice).collect();
    assert_eq!(are_notices, [false, true]);
    let ended = store.end_turn(&new, TurnState::Interrupted, None).await;
    assert!(ended.unwrap());
    let reason: String = database.read("SELECT stop_reason FROM turns").await;
    assert_eq!(reason, "overloaded");
}

/// What a notice said that nobody saw is no reason for how the turn ends after all.
#[tokio::test]
async fn reason_of_a_notice_that_never_came_is_forgotten() {
    let database = Database::migrated().await;
    let store = &database.store;
    let profile = set_up(store, GUILD).await;
    for (n, state, given) in [
        (1, TurnState::Done, None),
        (2, TurnState::Failed, Some("timeout")),
        (3, TurnState::Stopped, Some("deleted")),
    ] {
        let queued = turn(store, &profile, n).await;
        let lease = claim(store, &queued, "w").await.unwrap();
        let notice = NewPost {
            is_last: true,
            reason: Some("overloaded"),
            ..post(NOTICE, 11, HASH)
        };
        assert!(store.insert_post(&lease, &notice).await.unwrap());
        assert!(store.fail_post(&lease, NOTICE).await.unwrap());
        assert!(store.end_turn(&lease, state, given).await.unwrap());
        let newest =
            "SELECT COALESCE(stop_reason, '') FROM turns ORDER BY admission_order DESC LIMIT 1";
        let reason: String = database.read(newest).await;
        assert_eq!(reason, given.unwrap_or_default());
    }
}

#[tokio::test]
async fn echo_confirms_a_post_without_a_lease_once() {
    let database = Database::migrated().await;
    let store = &database.store;
    let old = lease(store).await;
    assert!(
        store
            .insert_post(&old, &post(0, NONCE, HASH))
            .await
            .unwrap()
    );
    store.claim_turn(old.turn, "new", old.fence).await.unwrap();
    let heard = store.echoed_post(&echo(NONCE, 50)).await.unwrap();
    assert_eq!(heard, Some(message(50)));
    let again = store.echoed_post(&echo(NONCE, 50)).await.unwrap();
    assert_eq!(again, Some(message(50)));
    let repeated = store.echoed_post(&echo(NONCE, 51)).await.unwrap();
    assert_eq!(repeated, Some(message(50)), "51 repeats it");
    assert_eq!(
        store.posts(old.turn).await.unwrap()[0].message,
        Some(message(50))
    );
}

#[tokio::test]
async fn echo_of_another_nonce_channel_or_text_confirms_nothing() {
    let database = Database::migrated().await;
    let store = &database.store;
    let lease = lease(store).await;
    assert!(store.insert_post(&lease, &post(0, 10, HASH)).await.unwrap());
    let elsewhere = EchoedPost {
        channel: OTHER_CHANNEL,
        ..echo(10, 50)
    };
    let other_text = EchoedPost {
        text_hash: [8; 32],
        ..echo(10, 50)
    };
    for echo in [echo(11, 50), elsewhere, other_text] {
        assert_eq!(store.echoed_post(&echo).await.unwrap(), None);
    }
    let state = store.posts(lease.turn).await.unwrap()[0].state;
    assert_eq!(state, PostState::Sending);
}

#[tokio::test]
async fn many_echoes_and_a_confirmation_at_once_agree_on_one_message() {
    let database = Database::migrated().await;
    let store = &database.store;
    let other = Store::connect(&database.settings).await.unwrap();
    let lease = lease(store).await;
    for round in 0..10_i32 {
        let nonce = u64::try_from(round).unwrap();
        assert!(
            store
                .insert_post(&lease, &post(round, nonce, HASH))
                .await
                .unwrap()
        );
        let echoes = (0..8).map(|n| {
            let store = if n % 2 == 0 { store } else { &other };
            async move { store.echoed_post(&echo(nonce, 60 + n)).await.unwrap() }
        });
        let (heard, confirmed) = tokio::join!(
            join_all(echoes),
            store.confirm_post(&lease, round, message(50))
        );
        let confirmed = confirmed.unwrap();
        assert!(confirmed.is_some());
        assert!(
            heard.iter().all(|heard| *heard == confirmed),
            "{heard:?} {confirmed:?}"
        );
    }
}
