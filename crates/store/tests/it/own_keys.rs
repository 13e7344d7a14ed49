//! A user's own keys.

use keyring::USER_API_KEY;
use proto::id::{TenantId, UserId};
use secrecy::{ExposeSecret, SecretString};
use store::{
    Admitted, Counter, Edited, KeyFault, KeyReport, NewDirect, NewOwnKey, OwnKey, OwnKeyId,
    OwnKeys, Payer, SeenOwnKey, Store, UsableKey,
};

use crate::database::Database;
use crate::world::{ALICE, DIRECT, WRONG, admission, keyring};

const BOB: UserId = UserId(200_000_000_000_000_002);

async fn set(
    store: &Store,
    (user, provider): (UserId, &str),
    (key, model): (&str, Option<&str>),
    replaces: Option<i32>,
) -> Edited {
    let new = NewOwnKey {
        user,
        provider,
        model,
        key: &SecretString::from(key),
        replaces,
    };
    store.set_own_key(&keyring(), new).await.unwrap()
}

async fn first(store: &Store, provider: &str) {
    let done = set(store, (ALICE, provider), ("sk-alices-own-0001", None), None).await;
    assert_eq!(done, Edited::Done);
}

async fn only(store: &Store) -> OwnKey {
    let keys = store.own_keys(ALICE).await.unwrap().keys;
    let [key] = <[OwnKey; 1]>::try_from(keys).unwrap();
    key
}

fn seen(key: &OwnKey) -> SeenOwnKey {
    SeenOwnKey {
        user: ALICE,
        key: key.id,
        row_version: key.row_version,
    }
}

async fn opened(store: &Store, key: &OwnKey, user: UserId) -> Option<String> {
    let owner = TenantId::Direct(user);
    let opened = store
        .secret(&keyring(), USER_API_KEY, key.id.0, owner)
        .await;
    opened.unwrap().map(|key| key.expose_secret().to_owned())
}

/// PRIV-4: nobody is remembered who stores nothing.
#[tokio::test]
async fn a_users_row_comes_with_the_first_key_alone() {
    let database = Database::migrated().await;
    let store = &database.store;
    assert_eq!(store.own_keys(ALICE).await.unwrap(), OwnKeys::default());
    assert_eq!(
        store.switch_own_keys_on(ALICE).await.unwrap(),
        Edited::Stale
    );
    store.switch_own_keys_off(ALICE).await.unwrap();
    let stale = set(
        store,
        (ALICE, "openai"),
        ("sk-alices-own-0001", None),
        Some(4),
    )
    .await;
    assert_eq!(stale, Edited::Stale);
    assert_eq!(database.read::<i64>("SELECT count(*) FROM users").await, 0);
    first(store, "openai").await;
    assert_eq!(database.read::<i64>("SELECT count(*) FROM users").await, 1);
}

#[tokio::test]
async fn the_first_key_pays_at_once_and_the_last_one_ends_it() {
    let database = Database::migrated().await;
    let store = &database.store;
    first(store, "openai").await;
    assert!(store.own_keys(ALICE).await.unwrap().is_on);
    store.switch_own_keys_off(ALICE).await.unwrap();
    first(store, "deepseek").await;
    let own = store.own_keys(ALICE).await.unwrap();
    assert!(!own.is_on, "another key switches nothing on");
    assert_eq!(store.switch_own_keys_on(ALICE).await.unwrap(), Edited::Done);
    for (key, is_on) in own.keys.iter().zip([true, false]) {
        assert_eq!(store.remove_own_key(seen(key)).await.unwrap(), Edited::Done);
        assert_eq!(store.own_keys(ALICE).await.unwrap().is_on, is_on);
    }
}

/// CMD-15.
#[tokio::test]
async fn a_key_is_changed_as_it_was_shown() {
    let database = Database::migrated().await;
    let store = &database.store;
    let of = (ALICE, "openai");
    first(store, "openai").await;
    let one = only(store).await;
    assert_eq!((one.model.as_deref(), one.is_for_chat), (None, true));
    assert_eq!(one.last4.as_deref(), Some("0001"));
    let other = ("sk-alices-other-0002", Some("gpt-x"));
    assert_eq!(set(store, of, other, None).await, Edited::Stale);
    assert_eq!(
        set(store, of, other, Some(one.row_version)).await,
        Edited::Done
    );
    let two = only(store).await;
    assert_eq!((two.id, two.model.as_deref()), (one.id, Some("gpt-x")));
    assert_eq!(opened(store, &two, ALICE).await.unwrap(), other.0);
    assert_eq!(opened(store, &two, BOB).await, None);

    assert_eq!(store.spare_own_key(seen(&two)).await.unwrap(), Edited::Done);
    for stale in [
        store.spare_own_key(seen(&two)).await,
        store.use_own_key(seen(&two)).await,
        store.set_own_model(seen(&two), "y").await,
        store.remove_own_key(seen(&two)).await,
    ] {
        assert_eq!(stale.unwrap(), Edited::Stale);
    }
    let spared = only(store).await;
    assert_eq!(
        (spared.is_for_chat, spared.model.as_deref()),
        (false, Some("gpt-x"))
    );
    assert_eq!(
        store.use_own_key(seen(&spared)).await.unwrap(),
        Edited::Done
    );
    let used = only(store).await;
    assert!(used.is_for_chat);
    assert_eq!(
        store.set_own_model(seen(&used), "y").await.unwrap(),
        Edited::Done
    );
    assert_eq!(only(store).await.model.as_deref(), Some("y"));
}

async fn usable(store: &Store) -> Option<(OwnKeyId, UsableKey)> {
    store.own_key(&keyring(), ALICE, "openai").await.unwrap()
}

/// Reports a refusal of a call that began now.
async fn fail(store: &Store, fault: KeyFault) -> KeyReport {
    let (row, key) = usable(store).await.unwrap();
    let failed = store.own_key_failed((ALICE, row), key.generation, fault);
    failed.await.unwrap()
}

async fn refuse_for_good(store: &Store) {
    for expected in [KeyReport::Noted, KeyReport::Noted, KeyReport::Refused] {
        assert_eq!(fail(store, WRONG).await, expected);
    }
}

/// POOL-17, POOL-22: counted once per round however many saw it, and told once.
#[tokio::test]
async fn third_refusal_in_a_row_disables_an_own_key_once() {
    let database = Database::migrated().await;
    let store = &database.store;
    first(store, "openai").await;
    let mut refused = 0;
    for _round in 0..3 {
        let (row, key) = usable(store).await.unwrap();
        let racing = (0..20).map(|_| store.own_key_failed((ALICE, row), key.generation, WRONG));
        let reports = futures_util::future::join_all(racing).await;
        let reports: Vec<_> = reports.into_iter().flatten().collect();
        let counted = |wanted| reports.iter().filter(|report| **report == wanted).count();
        refused += counted(KeyReport::Refused);
        assert_eq!(counted(KeyReport::Noted) + counted(KeyReport::Refused), 1);
    }
    assert_eq!(refused, 1);
    assert!(usable(store).await.is_none());
    assert!(only(store).await.is_refused);

    let [told] = <[_; 1]>::try_from(store.untold_refusals().await.unwrap()).unwrap();
    assert_eq!(told.tenant, TenantId::Direct(ALICE));
    assert_eq!(
        (&*told.provider, told.last4.as_deref()),
        ("openai", Some("0001"))
    );
    assert!(store.refusal_is_told(&told).await.unwrap());
    assert!(!store.refusal_is_told(&told).await.unwrap());
    assert!(store.untold_refusals().await.unwrap().is_empty());
}

/// POOL-17: what was told of the first refusal does not hide the second.
#[tokio::test]
async fn an_own_key_that_is_refused_again_is_told_again() {
    let database = Database::migrated().await;
    let store = &database.store;
    first(store, "openai").await;
    refuse_for_good(store).await;
    let [before] = <[_; 1]>::try_from(store.untold_refusals().await.unwrap()).unwrap();
    let shown = only(store).await;
    let enabled = store.enable_own_key(seen(&shown)).await;
    assert_eq!(enabled.unwrap(), Edited::Done);
    refuse_for_good(store).await;
    assert!(!store.refusal_is_told(&before).await.unwrap());
    assert_eq!(store.untold_refusals().await.unwrap().len(), 1);
}

#[tokio::test]
async fn another_answer_between_refusals_of_an_own_key_begins_the_count_anew() {
    let database = Database::migrated().await;
    let store = &database.store;
    first(store, "openai").await;
    fail(store, WRONG).await;
    fail(store, WRONG).await;
    let (row, key) = usable(store).await.unwrap();
    assert!(key.has_failed);
    assert!(
        store
            .own_key_works((ALICE, row), key.generation)
            .await
            .unwrap()
    );
    fail(store, WRONG).await;
    fail(store, WRONG).await;
    fail(store, KeyFault::RateLimit).await;
    assert_eq!(fail(store, WRONG).await, KeyReport::Noted);
}

/// A key that is replaced or works again begins anew, and a late report says nothing about it.
#[tokio::test]
async fn a_refused_own_key_comes_back_by_a_test_or_a_replacement() {
    let database = Database::migrated().await;
    let store = &database.store;
    first(store, "openai").await;
    let (row, late) = usable(store).await.unwrap();
    refuse_for_good(store).await;
    let shown = only(store).await;
    assert_eq!(store.use_own_key(seen(&shown)).await.unwrap(), Edited::Done);
    assert!(usable(store).await.is_none(), "not by a switch");
    let before = only(store).await;
    let changed = store.set_own_model(seen(&before), "x").await;
    assert_eq!(changed.unwrap(), Edited::Done);
    let stale = store.enable_own_key(seen(&before)).await;
    assert_eq!(stale.unwrap(), Edited::Stale);
    let shown = only(store).await;
    assert_eq!(
        store.enable_own_key(seen(&shown)).await.unwrap(),
        Edited::Done
    );
    assert!(!usable(store).await.unwrap().1.has_failed);
    refuse_for_good(store).await;
    let version = only(store).await.row_version;
    let other = ("sk-alices-other-0002", None);
    let done = set(store, (ALICE, "openai"), other, Some(version)).await;
    assert_eq!(done, Edited::Done);
    assert!(store.untold_refusals().await.unwrap().is_empty());
    let report = store.own_key_failed((ALICE, row), late.generation, WRONG);
    assert_eq!(report.await.unwrap(), KeyReport::Outdated);
    assert!(
        !store
            .own_key_works((ALICE, row), late.generation)
            .await
            .unwrap()
    );
    assert!(!usable(store).await.unwrap().1.has_failed);
}

/// What is counted is not what a panel shows; that a key was refused is.
#[tokio::test]
async fn counts_leave_the_panel_as_it_is() {
    let database = Database::migrated().await;
    let store = &database.store;
    first(store, "openai").await;
    let shown = only(store).await;
    fail(store, WRONG).await;
    fail(store, WRONG).await;
    assert_eq!(
        store.set_own_model(seen(&shown), "x").await.unwrap(),
        Edited::Done
    );
    let shown = only(store).await;
    fail(store, WRONG).await;
    assert_eq!(
        store.set_own_model(seen(&shown), "y").await.unwrap(),
        Edited::Stale
    );
}

/// PRIV-71.
#[tokio::test]
async fn closed_direct_messages_are_remembered_per_person() {
    let database = Database::migrated().await;
    let store = &database.store;
    let (alice, bob) = (Counter::new(1), Counter::new(2));
    assert!(store.is_direct_open(alice).await.unwrap());
    store.direct_is_closed(alice).await.unwrap();
    assert!(!store.is_direct_open(alice).await.unwrap());
    assert!(store.is_direct_open(bob).await.unwrap());
    let people = database.read::<i64>("SELECT count(*) FROM users").await;
    assert_eq!(people, 0, "PRIV-4");
    database
        .run("UPDATE operation_quotas SET window_start = window_start - interval '24 hours'")
        .await;
    assert!(store.is_direct_open(alice).await.unwrap());
    store.direct_is_closed(alice).await.unwrap();
    assert!(!store.is_direct_open(alice).await.unwrap());
}

/// CMD-89: direct messages need no setup where one's own keys pay, and only there.
#[tokio::test]
async fn direct_messages_begin_with_an_own_key() {
    let database = Database::migrated().await;
    let store = &database.store;
    let begin = || {
        store.set_up_direct(NewDirect {
            user: ALICE,
            bot_name: "Tomori".to_owned(),
            trigger_words: vec!["tomori".to_owned()],
        })
    };
    assert_eq!(begin().await.unwrap(), Edited::Stale, "nobody is stored");
    first(store, "openai").await;
    store.switch_own_keys_off(ALICE).await.unwrap();
    assert_eq!(begin().await.unwrap(), Edited::Stale);
    store.switch_own_keys_on(ALICE).await.unwrap();
    database.run("UPDATE users SET privacy_level = 2").await;
    assert_eq!(begin().await.unwrap(), Edited::Stale, "who is not heard");
    database.run("UPDATE users SET privacy_level = 0").await;
    let racing = futures_util::future::join_all((0..8).map(|_| begin())).await;
    let done = racing
        .into_iter()
        .filter(|done| matches!(done, Ok(Edited::Done)));
    assert_eq!(done.count(), 1);
    let profile = store.profile(DIRECT).await.unwrap().unwrap();
    assert_eq!(profile.personas[0].nickname, "Tomori");
    assert!(!profile.has_key && profile.model.is_none());
    let mut message = admission(&profile, 1);
    message.tenant = DIRECT;
    let admitted = store.admit(&message).await.unwrap();
    let Admitted::Accepted(turns) = admitted else {
        panic!("{admitted:?}");
    };
    assert_eq!(turns[0].payer, Payer::User);
}

/// SEC-62: nobody reaches a key of somebody else.
#[tokio::test]
async fn no_change_reaches_a_key_of_somebody_else() {
    for database in Database::with_and_without_policies().await {
        no_change_of_others_is_done(&database.store).await;
    }
}

async fn no_change_of_others_is_done(store: &Store) {
    first(store, "openai").await;
    let bobs = set(store, (BOB, "openai"), ("sk-bobs-own-key-0001", None), None).await;
    assert_eq!(bobs, Edited::Done);
    let before = only(store).await;
    let foreign = SeenOwnKey {
        user: BOB,
        ..seen(&before)
    };
    for stale in [
        store.spare_own_key(foreign).await,
        store.use_own_key(foreign).await,
        store.set_own_model(foreign, "y").await,
        store.remove_own_key(foreign).await,
        store.enable_own_key(foreign).await,
    ] {
        assert_eq!(stale.unwrap(), Edited::Stale);
    }
    let row = before.id;
    let report = store.own_key_failed((BOB, row), 0, WRONG);
    assert_eq!(report.await.unwrap(), KeyReport::Outdated);
    assert!(!store.own_key_works((BOB, row), 0).await.unwrap());
    assert_eq!(only(store).await, before);
}

/// Two forms at once: the second sees the key of the first.
#[tokio::test]
async fn two_first_keys_at_once_are_one() {
    let database = Database::migrated().await;
    let store = &database.store;
    let entering = (0..8).map(|_| set(store, (ALICE, "zai"), ("sk-alices-own-0001", None), None));
    let done = futures_util::future::join_all(entering).await;
    assert_eq!(done.iter().filter(|done| **done == Edited::Done).count(), 1);
    only(store).await;
}
