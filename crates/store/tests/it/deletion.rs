//! Everything about a person goes, and nothing of anybody else (PRIV-65, PRIV-66, DB-66).

use std::collections::BTreeSet;
use std::time::Duration;

use proto::id::UserId;
use sqlx::AssertSqlSafe;
use store::{
    Counter, Errand, Held, Kept, Operation, OptOut, PERSONAL_COLUMNS, PrivacyLevel, Store,
};

use crate::database::Database;
use crate::world::{
    ALICE, CHANNEL, DIRECT, GUILD, OTHER_CHANNEL, admission, admit, claim, set_up, turn,
};

pub(crate) const BOB: UserId = UserId(200_000_000_000_000_002);

/// How uses of the person who is deleted are counted.
const COUNTED: Counter = Counter::new(1);

/// A row about a person in every column of the list; `$1` is the person, `$2` what makes ids differ.
const ABOUT: &[&str] = &[
    "INSERT INTO users (user_disc_id) VALUES ($1) ON CONFLICT DO NOTHING",
    "INSERT INTO servers (server_disc_id) VALUES ('100000000000000009') ON CONFLICT DO NOTHING",
    "INSERT INTO servers (server_disc_id, is_dm_channel) VALUES ($1, true)",
    "INSERT INTO personas (server_id, nickname, is_alter, position)
     SELECT server_id, 'Tomori', false, 0 FROM servers WHERE server_disc_id = $1",
    "INSERT INTO server_memories (server_id, persona_lineage_id, content, created_by, origin)
     SELECT server_id, 1, 'said in private', user_id, 'command'
     FROM servers, users WHERE server_disc_id = $1 AND user_disc_id = $1",
    "INSERT INTO personal_memories (user_id, persona_lineage_id, content, origin)
     SELECT user_id, 0, 'likes tea', 'command' FROM users WHERE user_disc_id = $1",
    "INSERT INTO server_memories (server_id, persona_lineage_id, content, created_by, origin)
     SELECT server_id, 1, 'we meet on Fridays', user_id, 'command'
     FROM servers, users WHERE server_disc_id = '100000000000000009' AND user_disc_id = $1",
    "INSERT INTO server_memories
         (server_id, persona_lineage_id, content, subject_user_disc_id, origin)
     SELECT server_id, 1, 'sings', $1, 'command'
     FROM servers WHERE server_disc_id = '100000000000000009'",
    "INSERT INTO user_provider_keys (user_id, provider, api_key, key_version, key_form)
     SELECT user_id, 'openai', '\\x00', 1, 2 FROM users WHERE user_disc_id = $1",
    "INSERT INTO custom_endpoints (user_id, label, capability, endpoint_url)
     SELECT user_id, 'mine', 'text', 'https://a.example' FROM users WHERE user_disc_id = $1",
    "INSERT INTO fallback_models (user_id, position, model_ref)
     SELECT user_id, 1, '{\"provider\": \"a\", \"model\": \"b\"}' FROM users
     WHERE user_disc_id = $1",
    "INSERT INTO turns (server_id, channel_disc_id, partition, trigger_key, persona_ordinal,
                        trigger_kind, responsible_disc_id, persona_id)
     SELECT server_id, '300000000000000007', 0, 'mc:' || $2, 0, 'mention', $1, 1
     FROM servers WHERE server_disc_id = '100000000000000009'",
    "INSERT INTO turn_posts (turn_id, ordinal, server_id, nonce, text_hash, fence)
     SELECT turn_id, 0, server_id, 1, decode(repeat('00', 32), 'hex'), 0
     FROM turns WHERE responsible_disc_id = $1",
    "INSERT INTO turn_decisions (event_id, guild_disc_id, user_disc_id, code, created_at)
     VALUES ('mc:' || $2, '100000000000000009', $1, 'accepted', now()),
            ('mc:' || $2 || '1', $1, $1, 'stale', now()),
            ('mc:' || $2 || '2', $1, $1, 'stale', now() - interval '1 hour')",
    "INSERT INTO operation_quotas (scope_kind, scope_disc_id, operation, window_start, used)
     VALUES ('user', $1, 'key_check', now(), 3)",
    "INSERT INTO generation_quotas
         (server_id, kind, user_disc_id, window_start, window_end, used)
     SELECT server_id, 'text', $1, now(), now() + interval '1 day', 3
     FROM servers WHERE server_disc_id = '100000000000000009'",
    "INSERT INTO quota_reservations (server_id, kind, trigger_key, user_disc_id)
     SELECT server_id, 'text', 'mc:' || $2, $1
     FROM servers WHERE server_disc_id = '100000000000000009'",
    "INSERT INTO cooldowns (cooldown_type, user_disc_id, command_category, expires_at)
     VALUES (5, $1, 'memory', now() + interval '1 hour')",
    "INSERT INTO personas (server_id, nickname, is_alter, position)
     SELECT server_id, 'Tomori', false, 0 FROM servers WHERE server_disc_id = '100000000000000009'
     ON CONFLICT DO NOTHING",
    "INSERT INTO personalization_blacklist (server_id, user_disc_id, added_by)
     SELECT server_id, $1, $1 FROM servers WHERE server_disc_id = '100000000000000009'",
    "INSERT INTO personalization_blacklist (server_id, user_disc_id, added_by)
     SELECT server_id, $2, $1 FROM servers WHERE server_disc_id = '100000000000000009'",
    "INSERT INTO persona_user_blocks
         (server_id, persona_id, user_disc_id, block_type, reason, expires_at, created_by)
     SELECT server_id, persona_id, $1, 'mute', 'rude', now() + interval '1 day', 'moderator'
     FROM personas JOIN servers USING (server_id) WHERE server_disc_id = '100000000000000009'",
];

/// What stays of a person whom a persona does not answer.
fn blocks() -> (String, i64) {
    ("persona_user_blocks".to_owned(), 1)
}

pub(crate) async fn fill(database: &Database, user: UserId) {
    for statement in ABOUT {
        let marks = statement.contains("$2");
        let mut query = sqlx::query(*statement).bind(user.to_string());
        if marks {
            query = query.bind((user.0 + 7).to_string());
        }
        query.execute(&database.raw).await.expect(statement);
    }
}

/// The tables of the catalogue in which a text stands in any column of a row, and in how many rows.
/// What asks the catalogue finds what no list knows.
pub(crate) async fn tables_with(database: &Database, text: &str) -> Vec<(String, i64)> {
    let tables: Vec<String> = sqlx::query_scalar(
        "SELECT relname::text FROM pg_class
         WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p') ORDER BY 1",
    )
    .fetch_all(&database.raw)
    .await
    .unwrap();
    let mut found = Vec::new();
    for table in tables {
        let query = format!("SELECT count(*) FROM {table} t WHERE t::text LIKE '%{text}%'");
        let rows: i64 = sqlx::query_scalar(AssertSqlSafe(query))
            .fetch_one(&database.raw)
            .await
            .unwrap();
        if rows > 0 {
            found.push((table, rows));
        }
    }
    found
}

/// Does the errands as if all of them were done well.
pub(crate) async fn run_errands(store: &Store) -> Vec<Errand> {
    let taken = store.take_errands(Duration::from_mins(1)).await.unwrap();
    for errand in &taken {
        store.errand_done(*errand).await.unwrap();
    }
    taken.into_iter().map(|taken| taken.errand).collect()
}

/// DB-66: a column that names people is in the list, or the test says what to do.
#[tokio::test]
async fn every_column_that_names_a_person_is_in_the_list() {
    let database = Database::migrated().await;
    let columns: Vec<(String, String)> = sqlx::query_as(
        "SELECT c.relname::text, a.attname::text
         FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
         JOIN pg_type t ON t.oid = a.atttypid
         WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p')
           AND a.attnum > 0 AND NOT a.attisdropped
           AND (
               -- Ids of Discord's, but for those of what is no person.
               t.typname IN ('snowflake', '_snowflake')
               AND a.attname !~ '(^|_)(channel_disc_id|message_id|role_disc_id|webhook_disc_id)$'
               OR a.attname ~ '^(added_by|approved_by|created_by|contributors)$'
               OR a.attname ~ '(^|_)(user|speaker|uploader|subject|owner)(_|$)'
                  AND t.typname IN ('text', '_text', 'int8', '_int8')
               OR EXISTS (
                   SELECT FROM pg_constraint f
                   WHERE f.conrelid = c.oid AND f.contype = 'f' AND f.confrelid = 'users'::regclass
                     AND a.attnum = ANY (f.conkey)))
           AND (c.relname, a.attname) NOT IN (('users', 'user_id'), ('users', 'user_nickname'))
         ORDER BY 1, 2",
    )
    .fetch_all(&database.raw)
    .await
    .unwrap();
    let found: BTreeSet<(&str, &str)> = columns
        .iter()
        .map(|(table, column)| (table.as_str(), column.as_str()))
        // The row of a key is no person's, and a kind of author none.
        .filter(|(_, column)| *column != "user_provider_key_id")
        .filter(|(table, column)| (*table, *column) != ("persona_user_blocks", "created_by"))
        .collect();
    let listed: BTreeSet<(&str, &str)> = PERSONAL_COLUMNS
        .iter()
        .map(|listed| (listed.table, listed.column))
        .collect();
    assert_eq!(
        found, listed,
        "a column that names people is in PERSONAL_COLUMNS, `delete_person` deletes or empties its \
         rows and counts them, and ABOUT of this test fills it"
    );
}

/// A column without the person would show nothing by being empty afterwards.
async fn assert_every_column_names(database: &Database, person: UserId) {
    for listed in PERSONAL_COLUMNS {
        let (table, column) = (listed.table, listed.column);
        let query = format!(
            "SELECT count(*) FROM {table} t WHERE t.{column}::text = '{person}'
             OR t.{column}::text = (SELECT user_id::text FROM users WHERE user_disc_id = '{person}')"
        );
        let rows: i64 = sqlx::query_scalar(AssertSqlSafe(query))
            .fetch_one(&database.raw)
            .await
            .unwrap();
        assert!(rows > 0, "{table}.{column} is empty: add a row to ABOUT");
    }
}

/// PRIV-65, PRIV-66, DB-66: nothing is left of the person, whatever the list says; and the numbers are true.
#[tokio::test]
async fn nothing_is_left_of_a_person_in_any_column_of_the_catalogue() {
    let database = Database::migrated().await;
    let store = &database.store;
    fill(&database, ALICE).await;
    fill(&database, BOB).await;
    let (alice, bob) = (ALICE.to_string(), BOB.to_string());
    assert_every_column_names(&database, ALICE).await;
    for (counted, operation) in [
        (COUNTED, Operation::DataExport),
        (Counter::new(2), Operation::KeyCheck),
    ] {
        let counting = store.reserve_operation(counted, operation, 5);
        counting.await.unwrap();
    }
    let of_bob = tables_with(&database, &bob).await;
    let promised = store.holdings(ALICE, COUNTED).await.unwrap();

    let done = store
        .delete_person(ALICE, COUNTED, OptOut::Ends)
        .await
        .unwrap();

    assert_eq!(run_errands(store).await.len(), 3);
    assert_eq!(tables_with(&database, &alice).await, [blocks()]);
    let is_bare: bool = database
        .read("SELECT bool_or(reason = '-') AND bool_or(reason = 'rude') FROM persona_user_blocks")
        .await;
    assert!(is_bare, "the reason goes, and nobody else's");
    assert_eq!(tables_with(&database, &bob).await, of_bob);
    let tally = &done.receipt.tally;
    let of_servers = [Held::Personas, Held::ServerMemories, Held::Restrictions];
    let of_people = Held::ALL
        .into_iter()
        .filter(|held| !of_servers.contains(held));
    let expected: Vec<_> = of_people
        .map(|held| (held, if held == Held::Decisions { 3 } else { 1 }))
        .collect();
    assert_eq!(tally.deleted(), expected);
    assert_eq!(
        tally.kept(),
        [(Kept::Taught, 1), (Kept::Blocks, 1), (Kept::Uses, 1)]
    );
    assert_eq!(
        (promised.deleted(), promised.kept()),
        (tally.deleted(), tally.kept()),
        "what was shown before is what was done"
    );
    let read = store.receipt(done.receipt.id).await.unwrap().unwrap();
    assert_eq!(read.tally.deleted(), tally.deleted());
    let left: i64 = database
        .read(
            "SELECT count(*) FROM server_memories WHERE created_by IS NULL AND content LIKE 'we%'",
        )
        .await;
    assert_eq!(left, 1, "the text belongs to the server");
    let held = store.holdings(ALICE, COUNTED).await.unwrap();
    assert_eq!(
        (held.deleted(), held.kept()),
        (vec![], vec![(Kept::Blocks, 1), (Kept::Uses, 1)])
    );
}

/// PRIV-66
#[tokio::test]
async fn who_stays_opted_out_keeps_an_id_and_a_level_and_nothing_else() {
    let database = Database::migrated().await;
    let store = &database.store;
    fill(&database, ALICE).await;
    store
        .set_privacy_level(ALICE, PrivacyLevel::Full)
        .await
        .unwrap();
    database
        .run("UPDATE users SET dm_closed_until = now() + interval '1 day'")
        .await;
    let done = store
        .delete_person(ALICE, COUNTED, OptOut::Stays)
        .await
        .unwrap();
    run_errands(store).await;
    let (alice, one) = (ALICE.to_string(), 1);
    assert_eq!(
        tables_with(&database, &alice).await,
        [blocks(), ("users".to_owned(), one)]
    );
    let kept: bool = database
        .read("SELECT privacy_level = 2 AND dm_closed_until IS NULL FROM users")
        .await;
    assert!(kept);
    assert!(done.receipt.tally.kept().contains(&(Kept::OptOut, 1)));
    assert!(!store.may_be_heard(ALICE).await.unwrap());
}

/// PRIV-65: what runs is told, what waits never begins, and nobody else's turns end.
#[tokio::test]
async fn turns_of_the_person_end_and_those_of_others_go_on() {
    let database = Database::migrated().await;
    let store = &database.store;
    let profile = set_up(store, GUILD).await;
    let running = turn(store, &profile, 1).await;
    let lease = claim(store, &running, "w").await.unwrap();
    let queued = turn(store, &profile, 2).await;
    let of_bob = store::Admission {
        author: BOB,
        channel: OTHER_CHANNEL,
        ..admission(&profile, 3)
    };
    let of_bob = admit(store, &of_bob).await.remove(0);
    let turns = [running.id, queued.id, of_bob.id];
    assert_eq!(store.stops_requested(&turns).await.unwrap(), []);

    let done = store
        .delete_person(ALICE, COUNTED, OptOut::Ends)
        .await
        .unwrap();

    assert_eq!(done.stopped_in, [CHANNEL]);
    let mut stopped = store.stops_requested(&turns).await.unwrap();
    stopped.sort_by_key(|turn| *turn != running.id);
    assert_eq!(stopped, [running.id, queued.id]);
    let post = store::NewPost {
        ordinal: 0,
        nonce: 1,
        text_hash: [1; 32],
        is_last: false,
        reason: None,
    };
    assert!(!store.insert_post(&lease, &post).await.unwrap());
    assert!(claim(store, &queued, "w").await.is_none());
    assert!(claim(store, &of_bob, "w").await.is_some());
    // The same event once more is not decided anew.
    let again = store.admit(&admission(&profile, 1)).await.unwrap();
    assert!(matches!(again, store::Admitted::Before { .. }), "{again:?}");
}

/// PRIV-4: a person of whom nothing is stored can ask for it as well, and twice.
#[tokio::test]
async fn deleting_nothing_is_no_error() {
    let database = Database::migrated().await;
    let store = &database.store;
    set_up(store, DIRECT).await;
    for expected in [vec![(Held::Direct, 1)], Vec::new()] {
        let done = store
            .delete_person(ALICE, COUNTED, OptOut::Ends)
            .await
            .unwrap();
        assert_eq!(done.receipt.tally.deleted(), expected);
        assert_eq!(done.stopped_in, []);
    }
}

/// PRIV-70: an errand comes again until it is done, to one worker at a time.
#[tokio::test]
async fn an_errand_comes_again_until_it_is_done() {
    let database = Database::migrated().await;
    let store = &database.store;
    store
        .delete_person(ALICE, COUNTED, OptOut::Ends)
        .await
        .unwrap();
    let pause = Duration::from_mins(1);
    let first = store.take_errands(pause).await.unwrap();
    assert_eq!(first.len(), 3);
    assert_eq!(
        store.take_errands(pause).await.unwrap(),
        [],
        "they are taken"
    );
    for (attempt, seconds) in [(2, 10), (3, 20), (4, 40), (5, 60), (6, 60)] {
        database.run("UPDATE outbox SET next_at = now()").await;
        let again = store.take_errands(pause).await.unwrap();
        assert_eq!((again.len(), again[0].attempts), (3, attempt));
        let waits: i32 = database
            .read("SELECT round(extract(epoch FROM max(next_at) - now()))::int FROM outbox")
            .await;
        assert!((seconds - 5..=seconds).contains(&waits), "{waits}");
    }
    for taken in first {
        store.errand_done(taken).await.unwrap();
    }
    database.run("UPDATE outbox SET next_at = now()").await;
    assert_eq!(store.take_errands(pause).await.unwrap(), []);
}
