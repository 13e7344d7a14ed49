//! A database host that vanishes: every wait ends, and the pool recovers.

use std::time::Duration;

use store::{Admitted, Decision, Settings, Store};
use tokio::time::{Instant, timeout};

use crate::database::Database;
use crate::proxy::Proxy;
use crate::world::{GUILD, admission, keyring, refusal, set_up, setup_of};

const STATEMENT_TIMEOUT: Duration = Duration::from_millis(200);
/// How much later than the server the caller gives up.
const GRACE: Duration = Duration::from_secs(2);

/// Answers before the first statement: to the sign-in, and to the role that is taken, which is a
/// statement of its own: prepared, then carried out.
const SIGNED_IN: usize = 3;
/// Answers before the first statement about no tenant is carried out: it is prepared first.
const PREPARED: usize = SIGNED_IN + 1;
const ANSWERED: usize = PREPARED + 1;
/// The same of a tenant: the transaction says whose rows it sees, and is committed at the end.
const BEGUN: usize = SIGNED_IN + 1;
const PREPARED_WITHIN: usize = BEGUN + 1;
const CARRIED_OUT_WITHIN: usize = PREPARED_WITHIN + 1;

/// A store with a single connection, whose server vanishes after that many answers.
async fn store_behind(database: &Database, answers: usize) -> Store {
    let proxy = Proxy::start(&database.settings, answers).await;
    let settings = Settings {
        host: proxy.host.clone(),
        port: proxy.port,
        tls: store::Tls::Disable,
        pool_max: 1,
        statement_timeout: STATEMENT_TIMEOUT,
        ..database.settings.clone()
    };
    Store::connect(&settings).await.unwrap()
}

/// SEC-59.
#[tokio::test]
async fn statement_without_an_answer_is_unavailable_in_time_and_the_next_one_works() {
    let database = Database::migrated().await;
    set_up(&database.store, GUILD).await;
    for answers in [SIGNED_IN, BEGUN, PREPARED_WITHIN] {
        let store = store_behind(&database, answers).await;
        let asked = Instant::now();
        let error = store.profile(GUILD).await.unwrap_err();
        assert!(error.is_unavailable(), "{error:?}");
        let limit = STATEMENT_TIMEOUT + GRACE;
        assert!(
            (limit..limit * 2).contains(&asked.elapsed()),
            "{:?}",
            asked.elapsed()
        );
        assert!(store.profile(GUILD).await.unwrap().is_some());
    }
}

/// Only a write waits for the answer to its COMMIT: a round trip less for each reading statement.
#[tokio::test]
async fn read_ends_with_its_own_answer() {
    let database = Database::migrated().await;
    let store = store_behind(&database, CARRIED_OUT_WITHIN).await;
    let asked = Instant::now();
    let pool = store.key_pool(GUILD, "openai").await.unwrap();
    assert!(pool.is_empty());
    assert!(asked.elapsed() < GRACE, "{:?}", asked.elapsed());
}

/// CHAT-33. What every message that asks for an answer needs: one transaction each, of two statements.
#[tokio::test]
async fn an_admission_and_a_profile_are_one_transaction_each() {
    let database = Database::migrated().await;
    let profile = set_up(&database.store, GUILD).await;
    let two_statements = CARRIED_OUT_WITHIN + 2;
    let store = store_behind(&database, two_statements).await;
    assert!(store.profile(GUILD).await.unwrap().is_some());
    let committed = two_statements + 1;
    let store = store_behind(&database, committed).await;
    let admitted = store.admit(&admission(&profile, 1)).await.unwrap();
    assert!(matches!(admitted, Admitted::Accepted(_)), "{admitted:?}");
}

/// SEC-59.
#[tokio::test]
async fn write_whose_answer_was_lost_may_be_repeated() {
    let database = Database::migrated().await;
    let store = store_behind(&database, CARRIED_OUT_WITHIN).await;
    let stale = refusal(GUILD, 1, Decision::Stale);
    let error = store.record_refusal(&stale).await.unwrap_err();
    assert!(error.is_unavailable(), "{error:?}");
    assert_eq!(
        store.record_refusal(&stale).await.unwrap(),
        Admitted::Before {
            code: Decision::Stale,
            turns: vec![]
        }
    );
}

/// SEC-59.
#[tokio::test]
async fn transaction_without_an_answer_is_unavailable_and_may_be_repeated() {
    let database = Database::migrated().await;
    let store = store_behind(&database, PREPARED_WITHIN).await;
    let error = store.set_up(&keyring(), setup_of(GUILD)).await.unwrap_err();
    assert!(error.is_unavailable(), "{error:?}");
    store.set_up(&keyring(), setup_of(GUILD)).await.unwrap();
    assert!(store.profile(GUILD).await.unwrap().is_some());
}

#[tokio::test]
async fn connection_that_hangs_when_it_is_given_back_leaves_the_pool() {
    let database = Database::migrated().await;
    let store = store_behind(&database, ANSWERED).await;
    store.ping().await.unwrap();
    store.ping().await.unwrap();
}

#[tokio::test]
async fn cancelled_statement_leaves_the_pool_at_once() {
    let database = Database::migrated().await;
    let store = store_behind(&database, PREPARED).await;
    let cancelled = timeout(Duration::from_millis(100), store.ping()).await;
    assert!(cancelled.is_err());
    let asked = Instant::now();
    store.ping().await.unwrap();
    assert!(asked.elapsed() < GRACE, "{:?}", asked.elapsed());
}

/// After a failover the old primary refuses writes: a transaction, too, tries another connection.
#[tokio::test]
async fn transaction_on_a_stand_by_leaves_the_pool() {
    let database = Database::migrated().await;
    let settings = Settings {
        pool_max: 1,
        ..database.settings.clone()
    };
    database.read_only("on").await;
    let store = Store::connect(&settings).await.unwrap();
    let error = store.set_up(&keyring(), setup_of(GUILD)).await.unwrap_err();
    assert!(error.is_unavailable(), "{error:?}");
    database.read_only("off").await;
    store.set_up(&keyring(), setup_of(GUILD)).await.unwrap();
}
