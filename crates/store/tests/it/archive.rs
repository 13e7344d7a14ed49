//! What a person is given of themselves: everything, and nothing else (PRIV-53).

use std::collections::BTreeSet;

use keyring::INVENTORY;
use serde_json::Value;
use sqlx::AssertSqlSafe;
use store::{Archive, Counter, Operation, OptOut, PERSONAL_COLUMNS, Store};

use crate::database::Database;
use crate::deletion::{BOB, fill};
use crate::world::ALICE;

const QUERY: &str = include_str!("../../queries/archive.sql");

/// Tables about a server or a person that no archive shows, and why.
const LEFT_OUT: &[(&str, &str)] = &[
    (
        "discord_managed_webhooks",
        "direct messages have no webhooks",
    ),
    ("generation_quota_configs", "direct messages have no quotas"),
    ("channel_whitelist", "direct messages have no lists"),
    ("role_whitelist", "direct messages have no lists"),
    ("channel_persona_whitelist", "direct messages have no lists"),
];

/// What the direct messages of a person can have besides; `$1` is the person.
const DIRECT: &[&str] = &[
    "INSERT INTO server_model_configs (server_id, provider, api_key, key_version, key_form, key_last4)
     SELECT server_id, 'openai', '\\xdeadbeef', 1, 2, 'main' FROM servers WHERE server_disc_id = $1",
    "INSERT INTO server_chat_configs (server_id, system_prompt)
     SELECT server_id, 'be kind' FROM servers WHERE server_disc_id = $1",
    "INSERT INTO persona_configs (server_id, persona_id, persona_prompt)
     SELECT server_id, persona_id, 'you sing' FROM personas JOIN servers USING (server_id)
     WHERE server_disc_id = $1",
    "INSERT INTO api_key_rotation (server_id, provider, label, api_key, key_version, key_form)
     SELECT server_id, 'openai', 'spare', '\\xdeadbeef', 1, 2 FROM servers WHERE server_disc_id = $1",
    "INSERT INTO opt_api_keys (server_id, service_name, api_key, key_version, key_form, key_last4)
     SELECT server_id, 'brave-search', '\\xdeadbeef', 1, 2, 'brav' FROM servers
     WHERE server_disc_id = $1",
    "INSERT INTO custom_endpoints (server_id, label, capability, endpoint_url, auth_token, key_form)
     SELECT server_id, 'at home', 'text', 'https://b.example', '\\xdeadbeef', 2 FROM servers
     WHERE server_disc_id = $1",
    "INSERT INTO guild_mcp_servers (server_id, name, url, auth_token, key_form)
     SELECT server_id, 'toolbox', 'https://c.example', '\\xdeadbeef', 2 FROM servers
     WHERE server_disc_id = $1",
    "INSERT INTO guild_mcp_tools (guild_mcp_id, server_id, tool_name, approved_sha256)
     SELECT guild_mcp_id, server_id, 'hammer', decode(repeat('00', 32), 'hex')
     FROM guild_mcp_servers JOIN servers USING (server_id) WHERE server_disc_id = $1",
    "INSERT INTO channel_model_overrides (server_id, channel_disc_id, text_model)
     SELECT server_id, '300000000000000123', '{\"provider\": \"a\", \"model\": \"override\"}'
     FROM servers WHERE server_disc_id = $1",
    "INSERT INTO fallback_models (server_id, position, model_ref)
     SELECT server_id, 1, '{\"provider\": \"a\", \"model\": \"stand-in\"}' FROM servers
     WHERE server_disc_id = $1",
    "INSERT INTO channel_state (server_id, channel_disc_id, cleared_before)
     SELECT server_id, '300000000000000456', now() FROM servers WHERE server_disc_id = $1",
];

/// What of these must be found in an archive.
const SHOWN: [&str; 15] = [
    "likes tea",
    "sings",
    "we meet on Fridays",
    "said in private",
    "main",
    "be kind",
    "you sing",
    "spare",
    "brav",
    "https://b.example",
    "toolbox",
    "hammer",
    "override",
    "stand-in",
    "300000000000000456",
];

async fn filled() -> Database {
    let database = Database::migrated().await;
    fill(&database, ALICE).await;
    fill(&database, BOB).await;
    for statement in DIRECT {
        let query = sqlx::query(*statement).bind(ALICE.to_string());
        query.execute(&database.raw).await.expect(statement);
    }
    database
}

async fn archive(store: &Store) -> Archive {
    store.archive(ALICE, Counter::new(1)).await.unwrap()
}

fn text(archive: &Archive) -> String {
    format!("{:?}", archive.parts)
}

#[tokio::test]
async fn an_archive_holds_everything_about_its_person_and_nothing_sealed() {
    let database = filled().await;
    let archive = archive(&database.store).await;
    let kinds: Vec<&str> = archive.parts.iter().map(|(kind, _)| &**kind).collect();
    for (kind, rows) in &archive.parts {
        assert!(!rows.is_empty(), "{kind}");
    }
    assert_eq!(kinds.len(), 14, "{kinds:?}");
    let text = text(&archive);
    for shown in SHOWN {
        assert!(text.contains(shown), "{shown}: {text}");
    }
    for sealed in INVENTORY {
        assert!(!text.contains(&format!("{:?}", sealed.column)), "{sealed}");
    }
    assert!(!text.contains("deadbeef"), "{text}");
}

/// PRIV-53: whatever names the person makes a difference, so no table and no column is forgotten.
#[tokio::test]
async fn every_column_that_names_a_person_leads_into_the_archive() {
    let database = filled().await;
    let (alice, counted) = (ALICE.to_string(), Counter::new(1).to_string());
    let read = async |connection: &mut sqlx::PgConnection| -> Value {
        let query = sqlx::query_scalar(QUERY).bind(&alice).bind(&counted);
        query.fetch_one(connection).await.unwrap()
    };
    let mut raw = database.raw.acquire().await.unwrap();
    let whole = read(&mut raw).await;
    for listed in PERSONAL_COLUMNS {
        let (table, column) = (listed.table, listed.column);
        let delete = format!(
            "DELETE FROM {table} t WHERE t.{column}::text = '{alice}'
             OR t.{column}::text = (SELECT user_id::text FROM users WHERE user_disc_id = '{alice}')"
        );
        sqlx::query("BEGIN").execute(&mut *raw).await.unwrap();
        let deleted = sqlx::query(AssertSqlSafe(delete)).execute(&mut *raw).await;
        assert!(deleted.unwrap().rows_affected() > 0, "{table}.{column}");
        let without = read(&mut raw).await;
        sqlx::query("ROLLBACK").execute(&mut *raw).await.unwrap();
        assert_ne!(
            without, whole,
            "queries/archive.sql must show what {table}.{column} tells about the person"
        );
    }
}

/// PRIV-53: however much there is of others, nothing of it is read.
#[tokio::test]
async fn an_archive_reads_no_table_from_end_to_end() {
    let database = filled().await;
    let mut raw = database.raw.acquire().await.unwrap();
    // What has no index is read from end to end all the same.
    let off = sqlx::query("SET enable_seqscan = off").execute(&mut *raw);
    off.await.unwrap();
    let explain = format!("EXPLAIN {QUERY}");
    let plan: Vec<String> = sqlx::query_scalar(AssertSqlSafe(explain))
        .bind(ALICE.to_string())
        .bind(Counter::new(1).to_string())
        .fetch_all(&mut *raw)
        .await
        .unwrap();
    let whole: Vec<&String> = plan.iter().filter(|l| l.contains("Seq Scan on")).collect();
    assert!(whole.is_empty(), "{whole:?}: {}", plan.join("\n"));
}

/// The name of a persona is told where the person has been, and not as servers call it that they
/// never saw.
#[tokio::test]
async fn a_persona_is_not_named_as_unknown_servers_call_it() {
    let database = filled().await;
    for statement in [
        "UPDATE personas SET persona_lineage_id = 5 FROM servers s
         WHERE s.server_id = personas.server_id AND s.server_disc_id = '100000000000000009'",
        "INSERT INTO servers (server_disc_id) VALUES ('100000000000000010')",
        "INSERT INTO personas (server_id, nickname, is_alter, position, persona_lineage_id)
         SELECT server_id, 'Aunt of a stranger', false, 0, 5 FROM servers
         WHERE server_disc_id = '100000000000000010'",
        "UPDATE personal_memories SET persona_lineage_id = 5",
    ] {
        database.run(statement).await;
    }
    let text = text(&archive(&database.store).await);
    assert!(!text.contains("Aunt of a stranger"), "{text}");
    assert!(text.contains("\"persona\": String(\"Tomori\")"), "{text}");
}

/// The direct messages of a person are a server, of which everything is theirs.
#[tokio::test]
async fn every_table_about_a_server_is_asked_for_direct_messages() {
    let database = Database::migrated().await;
    let tables: Vec<String> = sqlx::query_scalar(
        "SELECT DISTINCT table_name::text FROM information_schema.columns
         WHERE table_schema = 'public' AND column_name IN ('server_id', 'user_id') ORDER BY 1",
    )
    .fetch_all(&database.raw)
    .await
    .unwrap();
    let words: BTreeSet<&str> = QUERY.split_whitespace().collect();
    let forgotten: Vec<&String> = tables
        .iter()
        .filter(|table| !words.contains(table.as_str()))
        .filter(|table| LEFT_OUT.iter().all(|(known, _)| known != table))
        .collect();
    assert!(
        forgotten.is_empty(),
        "queries/archive.sql knows nothing of {forgotten:?}; where it need not, say why in LEFT_OUT"
    );
}

#[tokio::test]
async fn an_archive_tells_nothing_about_anybody_else() {
    let database = filled().await;
    let (alice, bob) = (ALICE.to_string(), BOB.to_string());
    for statement in [
        // Whoever she is remembered by, or restricted by; and whom she taught a server about.
        format!(
            "UPDATE server_memories SET created_by = (SELECT user_id FROM users
             WHERE user_disc_id = '{bob}') WHERE subject_user_disc_id = '{alice}'"
        ),
        format!(
            "UPDATE personalization_blacklist SET added_by = '{bob}' WHERE user_disc_id = '{alice}'"
        ),
        format!(
            "UPDATE server_memories SET subject_user_disc_id = '{bob}' WHERE created_by =
             (SELECT user_id FROM users WHERE user_disc_id = '{alice}')"
        ),
        format!("DELETE FROM personalization_blacklist WHERE user_disc_id = '{bob}'"),
        format!(
            "UPDATE personalization_blacklist SET user_disc_id = '{bob}'
             WHERE added_by = '{alice}' AND user_disc_id <> '{alice}'"
        ),
    ] {
        let done = sqlx::query(AssertSqlSafe(statement)).execute(&database.raw);
        assert!(done.await.unwrap().rows_affected() > 0);
    }
    let text = text(&archive(&database.store).await);
    assert!(!text.contains(&bob), "{text}");
    assert!(text.contains("blacklist_of_somebody_by_you"), "{text}");
}

/// What a deletion keeps, it names; a later archive shows that and nothing else.
#[tokio::test]
async fn after_a_deletion_there_is_nothing_but_what_was_kept() {
    let database = filled().await;
    let store = &database.store;
    let counted = store.reserve_operation(Counter::new(1), Operation::KeyCheck, 5);
    counted.await.unwrap();
    store
        .delete_person(ALICE, Counter::new(1), OptOut::Ends)
        .await
        .unwrap();
    let left = archive(store).await;
    let kinds: Vec<&str> = left
        .parts
        .iter()
        .filter(|(_, rows)| !rows.is_empty())
        .map(|(kind, _)| &**kind)
        .collect();
    assert_eq!(kinds, ["restrictions"]);
    database.run("DELETE FROM persona_user_blocks").await;
    assert!(archive(store).await.is_empty());
}
