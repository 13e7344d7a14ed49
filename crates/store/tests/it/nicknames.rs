//! What people want to be called.

use std::collections::HashMap;

use proto::id::UserId;
use store::Edited;

use crate::database::Database;
use crate::world::ALICE;

const BOB: UserId = UserId(200_000_000_000_000_002);

/// PRIV-4, PRIV-8, PRIV-20: kept when it is said, for those who said it, and not at level 2.
#[tokio::test]
async fn a_nickname_is_of_its_person_until_it_is_taken_back() {
    for database in Database::with_and_without_policies().await {
        let store = &database.store;
        assert_eq!(store.nickname(ALICE).await.unwrap(), None);
        let nothing = store.set_nickname(ALICE, None).await.unwrap();
        assert_eq!(nothing, Edited::Done);
        assert_eq!(database.read::<i64>("SELECT count(*) FROM users").await, 0);
        for name in ["Al", "Ally"] {
            let set = store.set_nickname(ALICE, Some(name)).await.unwrap();
            assert_eq!(set, Edited::Done);
        }
        assert_eq!(
            store.nickname(ALICE).await.unwrap().as_deref(),
            Some("Ally")
        );
        assert_eq!(store.nickname(BOB).await.unwrap(), None);
        let known = store.nicknames(&[BOB, ALICE]).await.unwrap();
        assert_eq!(known, HashMap::from([(ALICE, "Ally".to_owned())]));
        assert_eq!(store.nicknames(&[BOB]).await.unwrap(), HashMap::new());

        database.run("UPDATE users SET privacy_level = 2").await;
        let refused = store.set_nickname(ALICE, Some("new")).await.unwrap();
        assert_eq!(refused, Edited::Stale);
        assert_eq!(
            store.nickname(ALICE).await.unwrap().as_deref(),
            Some("Ally")
        );
        store.set_nickname(ALICE, None).await.unwrap();
        assert_eq!(store.nickname(ALICE).await.unwrap(), None);
        assert!(
            store
                .set_nickname(BOB, Some(&"x".repeat(101)))
                .await
                .is_err()
        );
    }
}
