//! What is finished is deleted after its time, and nothing else.

use chrono::{TimeDelta, Utc};
use store::{Purged, TurnState};

use crate::database::Database;
use crate::world::{GUILD, claim, kill_all, message, set_up, turn};

#[tokio::test]
async fn turns_go_after_two_days_and_decisions_after_one() {
    let database = Database::migrated().await;
    let store = &database.store;
    let profile = set_up(store, GUILD).await;
    let first = turn(store, &profile, 1).await;
    let open = turn(store, &profile, 2).await;
    let lease = claim(store, &first, "w").await.unwrap();
    let post = store::NewPost {
        ordinal: 0,
        nonce: 10,
        text_hash: [7; 32],
        is_last: true,
        reason: None,
    };
    store.insert_post(&lease, &post).await.unwrap();
    store.confirm_post(&lease, 0, message(50)).await.unwrap();
    store.end_turn(&lease, TurnState::Done, None).await.unwrap();

    #[expect(
        clippy::disallowed_methods,
        reason = "the rows carry the database's own time"
    )]
    let now = Utc::now();
    let after = |hours| store.purge_finished(now + TimeDelta::hours(hours));
    assert_eq!(after(23).await.unwrap(), Purged::default());
    assert_eq!(
        after(25).await.unwrap(),
        Purged {
            turns: 0,
            decisions: 2,
            channels: 0,
        }
    );
    assert_eq!(
        after(49).await.unwrap(),
        Purged {
            turns: 1,
            decisions: 0,
            channels: 0,
        }
    );
    assert_eq!(store.posts(first.id).await.unwrap(), []);
    assert!(store.turn(open.id).await.unwrap().is_some());
    kill_all(store).await;
    assert_eq!(after(31 * 24).await.unwrap().channels, 1);
}

#[tokio::test]
async fn more_than_one_batch_is_deleted() {
    let database = Database::migrated().await;
    database
        .run(
            "INSERT INTO turn_decisions (event_id, code, created_at)
             SELECT 'mc:' || n, 'stale', now() - interval '2 days' FROM generate_series(1, 2500) n",
        )
        .await;
    #[expect(
        clippy::disallowed_methods,
        reason = "the rows carry the database's own time"
    )]
    let now = Utc::now();
    let purged = database.store.purge_finished(now).await.unwrap();
    assert_eq!(
        purged,
        Purged {
            turns: 0,
            decisions: 2500,
            channels: 0,
        }
    );
}
