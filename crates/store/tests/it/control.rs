//! Stop words, kills, follow-ups and deleted triggers: conditional writes that reach exactly the
//! turns they mean.

use futures_util::future::join_all;
use proto::id::{EventId, MessageId, UserId};
use store::{
    Admission, Admitted, Decision, Kill, Killed, NewPost, NewStep, Profile, StopWord, Store,
    TriggerKind, Turn, TurnId, TurnState, Whose,
};

use crate::database::Database;
use crate::world::{
    ALICE, CHANNEL, GUILD, IN_GUILD, OTHER_CHANNEL, PARTITION, admission, admit, claim, message,
    set_up, turn,
};

const BOB: UserId = UserId(200_000_000_000_000_002);

/// A database, a server that is set up there, and a second pool.
async fn world() -> (Database, Store, Profile) {
    let database = Database::migrated().await;
    let profile = set_up(&database.store, GUILD).await;
    let other = Store::connect(&database.settings).await.unwrap();
    (database, other, profile)
}

fn stop_word(n: u64, author: UserId) -> StopWord {
    StopWord {
        event_id: EventId::message_create(message(n)),
        tenant: GUILD,
        channel: CHANNEL,
        message: message(n),
        author,
        partition: PARTITION,
    }
}

/// The n-th message, from Bob.
async fn turn_of_bob(store: &Store, profile: &Profile, n: u64) -> Turn {
    let asked = Admission {
        author: BOB,
        ..admission(profile, n)
    };
    admit(store, &asked).await.remove(0)
}

async fn kill(store: &Store, whose: Whose) -> Killed {
    let kill = Kill {
        tenant: GUILD,
        channel: CHANNEL,
        whose,
    };
    store.kill(&kill).await.unwrap()
}

async fn now(store: &Store, turn: TurnId) -> Turn {
    store.turn(turn).await.unwrap().unwrap()
}

async fn reason(database: &Database, turn: TurnId) -> String {
    let reason = "SELECT COALESCE(stop_reason, '') FROM turns WHERE turn_id = $1";
    sqlx::query_scalar(reason)
        .bind(turn.row)
        .fetch_one(&database.raw)
        .await
        .unwrap()
}

fn first_post(is_last: bool) -> NewPost {
    NewPost {
        ordinal: 0,
        nonce: 1,
        text_hash: [1; 32],
        is_last,
        reason: None,
    }
}

/// The turns in the order in which they can be claimed, but for those that were asked to stop while
/// they ran: whoever claims one of these ends it.
async fn order(store: &Store) -> Vec<TurnId> {
    let mut order = Vec::new();
    loop {
        let open = store.open_turns_in(GUILD, CHANNEL).await.unwrap();
        if open.is_empty() {
            return order;
        }
        for turn in open {
            if let Some(lease) = claim(store, &turn, "w").await {
                let state = if lease.stop_requested {
                    TurnState::Stopped
                } else {
                    order.push(turn.id);
                    TurnState::Done
                };
                store.end_turn(&lease, state, None).await.unwrap();
                break;
            }
        }
    }
}

/// CHAT-54, CHAT-50.
#[tokio::test]
async fn stop_word_flags_the_own_running_turn_and_queues_one_short_answer_first() {
    let (database, _, profile) = world().await;
    let store = &database.store;
    let mut asked = admission(&profile, 1);
    asked.personas = vec![profile.personas[0].id; 2];
    let [running, persona_job] = admit(store, &asked).await.try_into().unwrap();
    claim(store, &running, "w").await.unwrap();
    let waiting = turn_of_bob(store, &profile, 2).await;
    let stopped = store.stop_by_word(&stop_word(3, ALICE)).await.unwrap();
    let Some(Admitted::Accepted(answers)) = stopped else {
        panic!("{stopped:?}")
    };
    assert!(now(store, running.id).await.stop_requested);
    assert_eq!(
        now(store, persona_job.id).await.state,
        TurnState::Stopped,
        "a waiting persona job is over"
    );
    assert_eq!(answers.len(), 1);
    assert_eq!(answers[0].trigger_kind, TriggerKind::Stop);
    assert_eq!(now(store, waiting.id).await.state, TurnState::Queued);
    // A successor ends what was flagged, and then the short answer is first.
    assert_eq!(order(store).await, [answers[0].id, waiting.id]);
    assert_eq!(now(store, running.id).await.state, TurnState::Stopped);
    assert_eq!(reason(&database, running.id).await, "stop_word");
}

/// CHAT-54.
#[tokio::test]
async fn stop_word_of_somebody_else_or_without_a_running_turn_stops_and_records_nothing() {
    let (database, _, profile) = world().await;
    let store = &database.store;
    let queued = turn(store, &profile, 1).await;
    assert_eq!(
        store.stop_by_word(&stop_word(2, ALICE)).await.unwrap(),
        None
    );
    claim(store, &queued, "w").await.unwrap();
    assert_eq!(store.stop_by_word(&stop_word(3, BOB)).await.unwrap(), None);
    assert!(!now(store, queued.id).await.stop_requested);
    assert_eq!(store.explain(message(3)).await.unwrap(), None);
}

/// CHAT-54.
#[tokio::test]
async fn stop_words_delivered_often_and_at_once_have_one_answer() {
    let (database, other, profile) = world().await;
    let store = &database.store;
    let running = turn(store, &profile, 1).await;
    claim(store, &running, "w").await.unwrap();
    // Three words, each delivered four times.
    let words = (0..12).map(|n| {
        let store = if n % 2 == 0 { store } else { &other };
        let word = stop_word(2 + n % 3, ALICE);
        async move { store.stop_by_word(&word).await.unwrap() }
    });
    let taken = join_all(words).await;
    assert!(taken.iter().all(Option::is_some), "{taken:?}");
    let answers: i64 = database
        .read("SELECT count(*) FROM turns WHERE trigger_kind = 'stop'")
        .await;
    assert_eq!(answers, 1);
    let code = store.explain(message(2)).await.unwrap().unwrap().code;
    assert_eq!(code, Decision::StopWord);
}

#[tokio::test]
async fn stop_word_stops_the_short_answer_without_another_one() {
    let (database, _, profile) = world().await;
    let store = &database.store;
    let running = turn(store, &profile, 1).await;
    let lease = claim(store, &running, "w").await.unwrap();
    let Some(Admitted::Accepted(answers)) = store.stop_by_word(&stop_word(2, ALICE)).await.unwrap()
    else {
        panic!("a short answer")
    };
    store
        .end_turn(&lease, TurnState::Stopped, None)
        .await
        .unwrap();
    claim(store, &answers[0], "w").await.unwrap();
    let again = store.stop_by_word(&stop_word(3, ALICE)).await.unwrap();
    assert_eq!(again, Some(Admitted::Accepted(Vec::new())));
    assert!(now(store, answers[0].id).await.stop_requested);
}

/// CHAT-55.
#[tokio::test]
async fn kill_ends_own_turns_only_unless_it_is_for_everybodys() {
    let (database, _, profile) = world().await;
    let store = &database.store;
    let running = turn(store, &profile, 1).await;
    let lease = claim(store, &running, "w").await.unwrap();
    let of_bob = turn_of_bob(store, &profile, 2).await;
    let own = turn_of_bob(store, &profile, 3).await;
    let mut elsewhere = admission(&profile, 4);
    elsewhere.channel = OTHER_CHANNEL;
    let elsewhere = admit(store, &elsewhere).await.remove(0);
    let reached = kill(store, Whose::Of(BOB)).await;
    assert_eq!((reached.running, reached.queued), (0, 2));
    assert!(!now(store, running.id).await.stop_requested);
    for turn in [&of_bob, &own] {
        assert_eq!(now(store, turn.id).await.state, TurnState::Stopped);
    }
    let reached = kill(store, Whose::Everybodys).await;
    assert_eq!((reached.running, reached.queued), (1, 0));
    assert!(!store.insert_post(&lease, &first_post(false)).await.unwrap());
    assert_eq!(
        store
            .stops_requested(&[running.id, elsewhere.id])
            .await
            .unwrap(),
        [running.id]
    );
    assert_eq!(now(store, elsewhere.id).await.state, TurnState::Queued);
}

/// CHAT-53, CHAT-55.
#[tokio::test]
async fn kill_does_not_reach_the_turn_after_it() {
    let (database, _, profile) = world().await;
    let store = &database.store;
    let killed = turn(store, &profile, 1).await;
    let lease = claim(store, &killed, "w").await.unwrap();
    kill(store, Whose::Everybodys).await;
    let next = turn(store, &profile, 2).await;
    store
        .end_turn(&lease, TurnState::Stopped, None)
        .await
        .unwrap();
    let lease = claim(store, &next, "w").await.unwrap();
    assert!(store.insert_post(&lease, &first_post(true)).await.unwrap());
    assert!(store.end_turn(&lease, TurnState::Done, None).await.unwrap());
    assert_eq!(reason(&database, killed.id).await, "kill");
    assert_eq!(reason(&database, next.id).await, "");
}

/// CHAT-53.
#[tokio::test]
async fn queued_turn_whose_admission_the_kill_did_not_see_is_void() {
    let (database, _, profile) = world().await;
    let store = &database.store;
    kill(store, Whose::Everybodys).await;
    let late = turn(store, &profile, 1).await;
    // Its admission had begun before the kill and was committed after it.
    database
        .run("UPDATE turns SET created_at = created_at - interval '1 h'")
        .await;
    assert_eq!(claim(store, &late, "w").await, None);
    assert_eq!(now(store, late.id).await.state, TurnState::Stopped);
    assert_eq!(reason(&database, late.id).await, "kill");
}

#[tokio::test]
async fn kills_claims_and_admissions_at_once_leave_no_turn_that_was_admitted_before() {
    let (database, other, profile) = world().await;
    let store = &database.store;
    for round in 0..10 {
        let first = turn(store, &profile, 100 * round).await;
        let (_, killed, admitted) = tokio::join!(
            store.claim_turn(first.id, "w", first.fence),
            kill(&other, Whose::Everybodys),
            turn_of_bob(store, &profile, 100 * round + 1),
        );
        assert!(killed.running + killed.queued >= 1);
        let first = now(store, first.id).await;
        assert!(first.stop_requested, "{first:?}");
        // The other one was admitted before the kill and is over, or after it and runs.
        let ran = order(store).await;
        let after = now(store, admitted.id).await;
        let expected = match after.state {
            TurnState::Stopped => Vec::new(),
            _ => vec![admitted.id],
        };
        assert_eq!(ran, expected, "{after:?}");
    }
}

async fn follow_up(store: &Store, profile: &Profile, n: u64) -> Turn {
    let asked = Admission {
        max_follow_ups: 3,
        ..admission(profile, n)
    };
    admit(store, &asked).await.remove(0)
}

/// CHAT-26, CHAT-50, CHAT-51.
#[tokio::test]
async fn follow_up_interrupts_the_text_and_runs_before_others() {
    let (database, _, profile) = world().await;
    let store = &database.store;
    let running = turn(store, &profile, 1).await;
    let lease = claim(store, &running, "w").await.unwrap();
    let of_bob = turn_of_bob(store, &profile, 2).await;
    let next = follow_up(store, &profile, 3).await;
    assert!(!store.insert_post(&lease, &first_post(false)).await.unwrap());
    assert_eq!(order(store).await, [next.id, of_bob.id]);
    assert_eq!(reason(&database, running.id).await, "follow_up");
}

/// CHAT-51.
#[tokio::test]
async fn second_follow_up_takes_the_place_of_the_first() {
    let (database, _, profile) = world().await;
    let store = &database.store;
    let running = turn(store, &profile, 1).await;
    claim(store, &running, "w").await.unwrap();
    let first = follow_up(store, &profile, 2).await;
    let second = follow_up(store, &profile, 3).await;
    assert_eq!(order(store).await, [second.id]);
    assert_eq!(now(store, first.id).await.state, TurnState::Stopped);
    assert_eq!(reason(&database, first.id).await, "replaced");
}

/// CHAT-51.
#[tokio::test]
async fn follow_up_waits_for_a_tool_and_for_the_last_post() {
    let (database, _, profile) = world().await;
    let store = &database.store;
    let running = turn(store, &profile, 1).await;
    let lease = claim(store, &running, "w").await.unwrap();
    let step = NewStep {
        step: 0,
        ordinal: 0,
        tool: "create_thread",
        arguments_hash: [1; 32],
        posts_before: 0,
    };
    assert!(store.start_step(&lease, &step).await.unwrap());
    let of_bob = turn_of_bob(store, &profile, 2).await;
    let next = follow_up(store, &profile, 3).await;
    assert!(!now(store, running.id).await.stop_requested);
    assert_eq!(next.priority, 1);
    assert!(store.insert_post(&lease, &first_post(true)).await.unwrap());
    let last = follow_up(store, &profile, 4).await;
    assert!(!now(store, running.id).await.stop_requested);
    assert_eq!(last.priority, 2, "the reply is whole");
    assert_eq!(order(store).await.len(), 4);
    assert_eq!(of_bob.priority, 2);
}

/// CHAT-51.
#[tokio::test]
async fn chain_of_follow_ups_ends_at_its_bound() {
    let (database, _, profile) = world().await;
    let store = &database.store;
    let mut running = turn(store, &profile, 1).await;
    for n in 2..5 {
        let lease = claim(store, &running, "w").await.unwrap();
        let next = follow_up(store, &profile, n).await;
        assert!(now(store, running.id).await.stop_requested, "{n}");
        store
            .end_turn(&lease, TurnState::Stopped, None)
            .await
            .unwrap();
        running = next;
    }
    claim(store, &running, "w").await.unwrap();
    let fourth = follow_up(store, &profile, 9).await;
    assert!(!now(store, running.id).await.stop_requested);
    assert_eq!(fourth.priority, 2);
}

/// CHAT-52.
#[tokio::test]
async fn message_of_somebody_else_interrupts_nothing() {
    let (database, _, profile) = world().await;
    let store = &database.store;
    let running = turn(store, &profile, 1).await;
    claim(store, &running, "w").await.unwrap();
    let asked = Admission {
        author: BOB,
        max_follow_ups: 3,
        ..admission(&profile, 2)
    };
    let of_bob = admit(store, &asked).await.remove(0);
    assert!(!now(store, running.id).await.stop_requested);
    assert_eq!(of_bob.priority, 2);
}

#[tokio::test]
async fn follow_ups_delivered_often_and_at_once_leave_one_to_run() {
    let (database, other, profile) = world().await;
    let store = &database.store;
    let running = turn(store, &profile, 1).await;
    claim(store, &running, "w").await.unwrap();
    let asked = (0..12).map(|n| {
        let store = if n % 2 == 0 { store } else { &other };
        let asked = Admission {
            max_follow_ups: 3,
            ..admission(&profile, 2)
        };
        async move { store.admit(&asked).await.unwrap() }
    });
    let admitted = join_all(asked).await;
    let accepted = |admitted: &&Admitted| matches!(admitted, Admitted::Accepted(_));
    assert_eq!(admitted.iter().filter(accepted).count(), 1);
    assert_eq!(order(store).await.len(), 1);
}

#[tokio::test]
async fn post_journaled_at_the_moment_of_a_stop_is_either_before_it_or_refused() {
    let (database, other, profile) = world().await;
    let store = &database.store;
    for round in 0..20 {
        let running = turn(store, &profile, 10 * round).await;
        let lease = claim(store, &running, "w").await.unwrap();
        let messages = [message(10 * round)];
        let post = first_post(false);
        let (journaled, stopped) = tokio::join!(
            store.insert_post(&lease, &post),
            other.trigger_deleted(IN_GUILD, CHANNEL, &messages)
        );
        let stopped = stopped.unwrap() == 1;
        assert_ne!(journaled.unwrap(), stopped, "one of the two was first");
        assert_eq!(now(store, running.id).await.stop_requested, stopped);
        store
            .end_turn(&lease, TurnState::Stopped, None)
            .await
            .unwrap();
    }
}

/// CHAT-56.
#[tokio::test]
async fn deleted_trigger_ends_what_waits_and_what_nobody_saw() {
    let (database, _, profile) = world().await;
    let store = &database.store;
    let running = turn(store, &profile, 1).await;
    let waiting = turn(store, &profile, 2).await;
    let kept = turn(store, &profile, 3).await;
    let lease = claim(store, &running, "w").await.unwrap();
    let deleted: Vec<MessageId> = [1, 2, 8].map(message).to_vec();
    assert_eq!(
        store
            .trigger_deleted(IN_GUILD, OTHER_CHANNEL, &deleted)
            .await
            .unwrap(),
        0
    );
    assert_eq!(
        store
            .trigger_deleted(IN_GUILD, CHANNEL, &deleted)
            .await
            .unwrap(),
        2
    );
    assert_eq!(
        store
            .trigger_deleted(IN_GUILD, CHANNEL, &deleted)
            .await
            .unwrap(),
        0
    );
    assert!(now(store, running.id).await.stop_requested);
    assert_eq!(now(store, waiting.id).await.state, TurnState::Stopped);
    store
        .end_turn(&lease, TurnState::Stopped, None)
        .await
        .unwrap();
    assert_eq!(reason(&database, running.id).await, "deleted");
    let lease = claim(store, &kept, "w").await.unwrap();
    assert!(store.insert_post(&lease, &first_post(false)).await.unwrap());
    assert_eq!(
        store
            .trigger_deleted(IN_GUILD, CHANNEL, &[message(3)])
            .await
            .unwrap(),
        0,
        "people saw a part of it"
    );
}
