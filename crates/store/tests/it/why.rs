//! What people are told about their own messages, and that it is their own.

use proto::id::UserId;
use store::{Decision, Kill, PrivacyLevel, TriggerKind, TurnState, Whose, WhyTurn};

use crate::database::Database;
use crate::world::{
    ALICE, CHANNEL, DIRECT, GUILD, OTHER_GUILD, admission, admit, message, refusal, set_up, turn,
};

const BOB: UserId = UserId(200_000_000_000_000_002);

#[tokio::test]
async fn admitted_message_is_told_with_what_became_of_it() {
    let database = Database::migrated().await;
    let store = &database.store;
    let profile = set_up(store, GUILD).await;
    turn(store, &profile, 1).await;
    let why = store.why(GUILD, ALICE, message(1)).await.unwrap().unwrap();
    let queued = WhyTurn {
        kind: TriggerKind::Mention,
        state: TurnState::Queued,
        reason: None,
    };
    assert_eq!((why.code, why.turns), (Decision::Accepted, vec![queued]));
    let kill = Kill {
        tenant: GUILD,
        channel: CHANNEL,
        whose: Whose::Of(ALICE),
    };
    store.kill(&kill).await.unwrap();
    let why = store.why(GUILD, ALICE, message(1)).await.unwrap().unwrap();
    let ended = (why.turns[0].state, why.turns[0].reason.as_deref());
    assert_eq!(ended, (TurnState::Stopped, Some("kill")));
}

#[tokio::test]
async fn refused_message_is_told_with_its_reason_and_direct_ones_too() {
    let database = Database::migrated().await;
    let store = &database.store;
    let refused = refusal(GUILD, 1, Decision::Stale);
    store.record_refusal(&refused).await.unwrap();
    let why = store.why(GUILD, ALICE, message(1)).await.unwrap().unwrap();
    assert_eq!((why.code, why.turns), (Decision::Stale, Vec::new()));
    let direct = set_up(store, DIRECT).await;
    admit(store, &admission(&direct, 2)).await;
    let why = store.why(DIRECT, ALICE, message(2)).await.unwrap().unwrap();
    assert_eq!((why.code, why.turns.len()), (Decision::Accepted, 1));
}

/// CHAT-104, PRIV-19
#[tokio::test]
async fn nobody_is_told_about_messages_of_others_or_of_elsewhere_or_of_who_opted_out() {
    let database = Database::migrated().await;
    let store = &database.store;
    let profile = set_up(store, GUILD).await;
    turn(store, &profile, 1).await;
    for (tenant, author, asked) in [
        (GUILD, BOB, message(1)),
        (OTHER_GUILD, ALICE, message(1)),
        (DIRECT, ALICE, message(1)),
        (GUILD, ALICE, message(2)),
    ] {
        assert_eq!(store.why(tenant, author, asked).await.unwrap(), None);
    }
    store
        .set_privacy_level(ALICE, PrivacyLevel::Full)
        .await
        .unwrap();
    assert_eq!(store.why(GUILD, ALICE, message(1)).await.unwrap(), None);
}
