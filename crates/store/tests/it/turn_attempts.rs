//! The record of calls: under the fence, of one tenant, without text (POOL-24, DB-51).

use std::time::Duration;

use chrono::DateTime;
use store::{Attempt, KeyId, Lease};

use crate::database::Database;
use crate::world::{GUILD, OTHER_GUILD, claim, set_up, turn};

fn attempt(step: i32, attempt: i32, class: &str) -> Attempt {
    Attempt {
        step,
        attempt,
        provider: "openai".to_owned(),
        model: "gpt-small".to_owned(),
        key: None,
        class: class.to_owned(),
        started_at: DateTime::from_timestamp(1_800_000_000, 0).unwrap(),
        first_byte: Some(Duration::from_millis(120)),
        total: Duration::from_millis(950),
        tokens_in: Some(11),
        tokens_out: None,
    }
}

#[tokio::test]
async fn attempts_are_recorded_once_and_under_the_fence() {
    let database = Database::migrated().await;
    let profile = set_up(&database.store, GUILD).await;
    let store = &database.store;
    let queued = turn(store, &profile, 1).await;
    let lease = claim(store, &queued, "w1").await.unwrap();
    assert_eq!(store.steps_of(queued.id).await.unwrap(), 0);
    let first = attempt(1, 1, "rate_limit");
    assert!(store.record_attempt(&lease, &first).await.unwrap());
    let again = attempt(1, 1, "completed");
    assert!(!store.record_attempt(&lease, &again).await.unwrap());
    let lost = Lease {
        fence: lease.fence - 1,
        ..lease.clone()
    };
    let late = attempt(1, 2, "completed");
    assert!(!store.record_attempt(&lost, &late).await.unwrap());
    assert!(store.record_attempt(&lease, &late).await.unwrap());

    assert_eq!(store.steps_of(queued.id).await.unwrap(), 1);
    let shown = store.attempts_of(GUILD, queued.id.row).await.unwrap();
    let recorded: Vec<Attempt> = shown.into_iter().map(|shown| shown.attempt).collect();
    assert_eq!(recorded, [first, late]);
    let foreign = store.attempts_of(OTHER_GUILD, queued.id.row).await.unwrap();
    assert_eq!(foreign, []);
}

#[tokio::test]
async fn attempts_show_what_their_key_is_called_and_what_is_held_against_it() {
    let database = Database::migrated().await;
    let profile = set_up(&database.store, GUILD).await;
    let store = &database.store;
    database
        .run(
            "INSERT INTO api_key_rotation
                 (server_id, provider, label, api_key, key_version, key_form, key_last4,
                  last_error_message)
             SELECT server_id, 'openai', 'spare', 'x', 1, 2, '0002', 'too many' FROM servers",
        )
        .await;
    database
        .run("UPDATE server_model_configs SET main_key_last_error = 'wrong'")
        .await;
    let queued = turn(store, &profile, 1).await;
    let lease = claim(store, &queued, "w1").await.unwrap();
    let pooled = Attempt {
        key: Some(KeyId(
            database
                .read("SELECT max(rotation_key_id) FROM api_key_rotation")
                .await,
        )),
        ..attempt(1, 1, "rate_limit")
    };
    for attempt in [pooled, attempt(1, 2, "auth")] {
        store.record_attempt(&lease, &attempt).await.unwrap();
    }
    let shown = store.attempts_of(GUILD, queued.id.row).await.unwrap();
    let told: Vec<_> = shown
        .iter()
        .map(|shown| {
            let key = shown.key.as_ref().unwrap();
            (
                key.is_main,
                key.label.as_deref(),
                key.last4.as_deref(),
                key.last_error.as_deref(),
            )
        })
        .collect();
    assert_eq!(
        told,
        [
            (false, Some("spare"), Some("0002"), Some("too many")),
            (true, None, Some("0001"), Some("wrong"))
        ]
    );
}

/// DB-68: the record ends with its turn.
#[tokio::test]
async fn attempts_are_purged_with_their_turn() {
    let database = Database::migrated().await;
    let profile = set_up(&database.store, GUILD).await;
    let queued = turn(&database.store, &profile, 1).await;
    let lease = claim(&database.store, &queued, "w1").await.unwrap();
    let made = attempt(1, 1, "completed");
    database.store.record_attempt(&lease, &made).await.unwrap();
    database.run("DELETE FROM turns").await;
    assert_eq!(
        database
            .read::<i64>("SELECT count(*) FROM turn_attempts")
            .await,
        0
    );
}
