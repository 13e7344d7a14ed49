//! What is over is deleted after its time, and nothing else; every table has a rule (PRIV-85).

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, TimeDelta, Utc};
use proto::id::{EventId, MessageId, UserId};
use store::{Expiring, Operation, RULES, Rule, Store, Turn, TurnState};

use crate::database::Database;
use crate::world::{GUILD, claim, kill_all, message, set_up, turn};

const BOB: UserId = UserId(200_000_000_000_000_002);

/// What a table must be given that is new.
const WHAT_TO_DO: &str = "every table has a rule how long its rows stay: add it to RULES in \
    crates/store/src/retention.rs (and to Expiring, if its rows go by time) and give it a row in \
    docs/privacy.md";

#[expect(
    clippy::disallowed_methods,
    reason = "the rows carry the database's own time"
)]
fn now() -> DateTime<Utc> {
    Utc::now()
}

/// Deletes a batch of what is over so long after this moment.
async fn after(store: &Store, what: Expiring, time: TimeDelta) -> u64 {
    store.delete_expired(what, now() + time).await.unwrap()
}

/// A database with a row or two of everything that goes by time; two turns, one of which is not over.
async fn filled() -> (Database, [Turn; 2]) {
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
    let event = EventId::message_create(MessageId(3));
    store.begin_event(&event, "a").await.unwrap();
    let counted = store.reserve_operation(store::Counter::new(1), Operation::KeyCheck, 1);
    counted.await.unwrap();
    let second = std::time::Duration::from_secs(1);
    assert!(store.take_job("job", "w", second, second).await.unwrap());
    kill_all(store).await;
    let deleted = store
        .delete_person(BOB, store::Counter::new(1), store::OptOut::Ends)
        .await;
    deleted.unwrap();
    let taken = store.take_errands(second).await.unwrap();
    store.errand_done(taken[0]).await.unwrap();
    (database, [first, open])
}

/// So many rows stay until just before their time, and are gone just after it.
async fn assert_gone_in_time(store: &Store, what: Expiring, time: TimeDelta, rows: u64) {
    let minute = TimeDelta::minutes(1);
    let early = after(store, what, time - minute).await;
    assert_eq!(early, 0, "{what}: too soon");
    let late = after(store, what, time + minute).await;
    assert_eq!(late, rows, "{what}: too late");
    assert_eq!(after(store, what, time + minute).await, 0, "{what}");
}

/// DB-68, DB-69, DB-71: two days, one day, one hour.
#[tokio::test]
async fn turns_and_what_was_decided_go_when_they_are_over() {
    let (database, [first, open]) = filled().await;
    let store = &database.store;
    assert_gone_in_time(store, Expiring::EventAttempts, TimeDelta::hours(1), 1).await;
    assert_gone_in_time(store, Expiring::TurnDecisions, TimeDelta::days(1), 2).await;
    assert!(store.turn(open.id).await.unwrap().is_some());
    assert_gone_in_time(store, Expiring::Turns, TimeDelta::days(2), 2).await;
    assert_eq!(store.posts(first.id).await.unwrap(), []);
}

/// DB-72, DB-75, DB-76.
#[tokio::test]
async fn counts_receipts_and_errands_go_when_they_are_over() {
    let (database, _turns) = filled().await;
    for (what, days) in [
        (Expiring::OperationQuotas, 8),
        (Expiring::ChannelState, 30),
        (Expiring::JobLeases, 30),
        (Expiring::DeletionReceipts, 365),
        (Expiring::Outbox, 7),
    ] {
        assert_gone_in_time(&database.store, what, TimeDelta::days(days), 1).await;
    }
}

/// DB-68
#[tokio::test]
async fn turn_that_is_not_over_stays() {
    let database = Database::migrated().await;
    let store = &database.store;
    let profile = set_up(store, GUILD).await;
    let open = turn(store, &profile, 1).await;
    assert_eq!(after(store, Expiring::Turns, TimeDelta::days(400)).await, 0);
    assert!(store.turn(open.id).await.unwrap().is_some());
}

/// DB-79
#[tokio::test]
async fn a_thousand_rows_are_deleted_at_once_the_oldest_first() {
    let database = Database::migrated().await;
    database
        .run(
            "INSERT INTO turn_decisions (event_id, code, created_at)
             SELECT 'mc:' || n, 'stale', now() - interval '2 days' - n * interval '1 second'
             FROM generate_series(1, 2500) n",
        )
        .await;
    let store = &database.store;
    let batch = async || after(store, Expiring::TurnDecisions, TimeDelta::zero()).await;
    assert_eq!(batch().await, 1_000);
    let oldest = "SELECT max(substr(event_id, 4)::bigint) FROM turn_decisions";
    assert_eq!(database.read::<i64>(oldest).await, 1_500);
    assert_eq!(batch().await, 1_000);
    assert_eq!(batch().await, 500);
    assert_eq!(batch().await, 0);
}

/// The tables of the catalogue, and the tables with which the rows of each go.
async fn tables(database: &Database) -> BTreeMap<String, BTreeSet<String>> {
    let rows: Vec<(String, Option<String>)> = sqlx::query_as(
        "SELECT c.relname::text, p.relname::text
         FROM pg_class c
         LEFT JOIN pg_constraint k
             ON k.conrelid = c.oid AND k.contype = 'f' AND k.confdeltype = 'c'
         LEFT JOIN pg_class p ON p.oid = k.confrelid
         WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p')",
    )
    .fetch_all(&database.raw)
    .await
    .unwrap();
    let mut tables: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (table, parent) in rows {
        tables.entry(table).or_default().extend(parent);
    }
    tables
}

/// What is wrong with the rules for these tables.
fn problems(tables: &BTreeMap<String, BTreeSet<String>>) -> Vec<String> {
    let ruled = |table: &str| RULES.iter().any(|(known, _)| *known == table);
    let bare = tables.keys().filter(|table| !ruled(table));
    let mut problems: Vec<String> = bare
        .map(|table| format!("{table} has no rule: {WHAT_TO_DO}"))
        .collect();
    for (table, rule) in RULES {
        let Some(parents) = tables.get(*table) else {
            problems.push(format!("there is no table {table}, but a rule for it"));
            continue;
        };
        let goes = match rule {
            Rule::With(parent) => parents.contains(*parent),
            Rule::Owned => parents.contains("servers") || parents.contains("users"),
            Rule::Root | Rule::Installation | Rule::Expires(_) => true,
        };
        if !goes {
            problems.push(format!(
                "the rows of {table} do not go as their rule says: {rule}; it needs a foreign key \
                 with ON DELETE CASCADE, or another rule"
            ));
        }
    }
    problems
}

/// PRIV-85, DB-78
#[tokio::test]
async fn every_table_of_the_catalogue_has_a_rule_that_holds() {
    let database = Database::migrated().await;
    let mut tables = tables(&database).await;
    assert_eq!(problems(&tables), [""; 0]);

    // The same look finds what it is for.
    tables.insert("new_table".to_owned(), BTreeSet::new());
    tables.remove("users");
    if let Some(parents) = tables.get_mut("personal_memories") {
        parents.clear();
    }
    let found = problems(&tables);
    assert_eq!(found.len(), 3, "{found:?}");
    assert!(found[0].starts_with("new_table has no rule"), "{found:?}");
}

/// DB-63. What tells nothing about servers or people names none.
#[tokio::test]
async fn tables_of_the_installation_name_nobody() {
    let database = Database::migrated().await;
    let naming: Vec<String> = sqlx::query_scalar(
        "SELECT DISTINCT table_name::text FROM information_schema.columns
         WHERE table_schema = 'public'
           AND (column_name IN ('server_id', 'user_id', 'created_by')
                OR column_name LIKE '%disc_id' OR column_name LIKE '%message_id')",
    )
    .fetch_all(&database.raw)
    .await
    .unwrap();
    for (table, rule) in RULES {
        if *rule == Rule::Installation {
            assert!(!naming.iter().any(|name| name == table), "{table}");
        }
    }
}

/// PRIV-85: the page says of every table what the rules say.
#[test]
fn page_about_privacy_tells_how_long_every_table_keeps_what() {
    let page = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/privacy.md");
    let page = std::fs::read_to_string(page).unwrap();
    let rows: Vec<&str> = page
        .lines()
        .filter(|line| line.starts_with("| `"))
        .collect();
    for (table, rule) in RULES {
        let begin = format!("| `{table}` |");
        let row = rows.iter().find(|row| row.starts_with(&begin));
        let row = row.unwrap_or_else(|| panic!("docs/privacy.md has no row for {table}"));
        let cell = format!("| {rule} |");
        assert!(
            row.contains(&cell),
            "docs/privacy.md must say of {table}: {cell}"
        );
    }
}
