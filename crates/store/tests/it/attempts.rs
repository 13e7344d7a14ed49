//! Tries of events are counted once per ownership.

use proto::id::{EventId, MessageId, UserId};

use crate::database::Database;

#[tokio::test]
async fn each_ownership_counts_one_try_however_often_it_asks() {
    let database = Database::migrated().await;
    let store = &database.store;
    let event = EventId::message_create(MessageId(1));
    assert!(store.begin_event(&event, "a").await.unwrap());
    assert!(store.begin_event(&event, "a").await.unwrap());
    assert!(!store.begin_event(&event, "b").await.unwrap());
    for (ownership, tries) in [("b", 2), ("b", 2), ("c", 3), ("c", 3), ("d", 4)] {
        assert_eq!(
            store.begin_event_again(&event, ownership).await.unwrap(),
            tries
        );
    }
    assert!(!store.begin_event(&event, "d").await.unwrap());
}

#[tokio::test]
async fn events_do_not_share_their_tries() {
    let database = Database::migrated().await;
    let store = &database.store;
    for id in 1..=3 {
        let event = EventId::message_create(MessageId(id));
        assert!(store.begin_event(&event, "a").await.unwrap());
    }
}

#[tokio::test]
async fn who_opted_out_of_everything_may_not_be_heard() {
    let database = Database::migrated().await;
    database
        .run(
            "INSERT INTO users (user_disc_id, privacy_level)
             VALUES ('200000000000000001', 1), ('200000000000000002', 2)",
        )
        .await;
    for (user, may) in [(1, true), (2, false), (3, true)] {
        let user = UserId(200_000_000_000_000_000 + user);
        assert_eq!(database.store.may_be_heard(user).await.unwrap(), may);
    }
}
