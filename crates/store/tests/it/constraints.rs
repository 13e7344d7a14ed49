//! What no row can be, whoever writes it: the database refuses it, not the code in front of it.

use sqlx::AssertSqlSafe;

use crate::database::Database;
use crate::fence::fill::{OURS, fill};

/// A check, a second row of what there is once, and an absence.
const CODES: [&str; 3] = ["23514", "23505", "23502"];

/// Every statement is refused by a rule about rows, though all is there that it speaks of.
async fn assert_refused(statements: &[&'static str]) {
    let database = Database::migrated().await;
    fill(&database, OURS).await;
    for statement in statements {
        let done = sqlx::query(*statement).execute(&database.raw).await;
        let code = done.as_ref().err().and_then(|error| {
            let error = error.as_database_error()?;
            error.code().map(std::borrow::Cow::into_owned)
        });
        let is_refused = code.is_some_and(|code| CODES.contains(&&*code));
        assert!(is_refused, "{statement}: {done:?}");
    }
}

/// The rows of a query about the catalogue, each of which breaks a rule.
async fn assert_none(query: &'static str) {
    let database = Database::migrated().await;
    let found: Vec<String> = sqlx::query_scalar(query)
        .fetch_all(&database.raw)
        .await
        .unwrap();
    assert_eq!(found, [""; 0]);
}

/// DB-1.
#[tokio::test]
async fn every_point_in_time_has_its_zone() {
    assert_none(
        "SELECT table_name || '.' || column_name FROM information_schema.columns
         WHERE table_schema = 'public'
           AND table_name <> '_sqlx_migrations'
           AND data_type IN ('timestamp without time zone', 'date', 'time without time zone')",
    )
    .await;
}

/// DB-2: ids of Discord are of one type, but where an empty one stands for all; ours are given by the database.
#[tokio::test]
async fn ids_are_what_they_look_like() {
    assert_none(
        "SELECT table_name || '.' || column_name FROM information_schema.columns
         WHERE table_schema = 'public'
           -- There an id may be empty, and stands for nobody in particular.
           AND table_name NOT IN ('cooldowns', 'generation_quotas')
           AND column_name ~ '(_disc_id|message_id)$'
           AND domain_name IS DISTINCT FROM 'snowflake'",
    )
    .await;
    assert_none(
        "SELECT a.attrelid::regclass || '.' || a.attname FROM pg_index i
         JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[0]
         JOIN pg_class c ON c.oid = i.indrelid
         WHERE i.indisprimary AND i.indnatts = 1 AND a.atttypid = 'bigint'::regtype
           AND c.relnamespace = 'public'::regnamespace AND a.attidentity <> 'a'
           AND c.relname NOT IN ('_sqlx_migrations', 'compatible_schemas')
           AND NOT EXISTS (SELECT 1 FROM pg_constraint k
                           WHERE k.conrelid = c.oid AND k.contype = 'f' AND a.attnum = ANY (k.conkey))",
    )
    .await;
    assert_refused(&[
        "UPDATE servers SET server_disc_id = '12'",
        "UPDATE users SET user_disc_id = 'a-name-of-somebody'",
    ])
    .await;
}

/// DB-3: but for rows that are of a moment, or of one job.
#[tokio::test]
async fn every_row_tells_when_it_was_made_and_changed() {
    assert_none(
        "SELECT relname::text FROM pg_class c
         WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p')
           AND relname NOT IN ('_sqlx_migrations', 'event_attempts', 'job_leases')
           AND NOT EXISTS (SELECT 1 FROM information_schema.columns
                           WHERE table_name = relname AND column_name = 'created_at'
                             AND is_nullable = 'NO' AND column_default = 'now()')",
    )
    .await;
    assert_none(
        "SELECT table_name::text FROM information_schema.columns o
         WHERE table_schema = 'public' AND column_name = 'updated_at'
           AND NOT (EXISTS (SELECT 1 FROM information_schema.columns i
                            WHERE i.table_name = o.table_name AND column_name = 'row_version')
                    AND EXISTS (SELECT 1 FROM pg_trigger
                                WHERE tgrelid = o.table_name::regclass
                                  AND tgfoid::regproc::text LIKE 'touch%'))",
    )
    .await;
}

/// DB-82, SEC-32: what is sealed tells by which key and in which form.
#[tokio::test]
async fn every_sealed_column_has_its_version_and_form() {
    let database = Database::migrated().await;
    for sealed in keyring::INVENTORY {
        let table = sealed.table;
        let sql = format!(
            "SELECT string_agg(column_name || ' ' || data_type, ', ' ORDER BY column_name DESC)
             FROM information_schema.columns
             WHERE table_schema = 'public' AND table_name = '{table}'
               AND column_name IN ('key_version', 'key_form')"
        );
        let siblings: String = sqlx::query_scalar(AssertSqlSafe(sql))
            .fetch_one(&database.raw)
            .await
            .unwrap();
        assert_eq!(
            siblings, "key_version integer, key_form smallint",
            "{table}"
        );
    }
}

/// DB-83: also of tables below others, so that one policy serves all.
#[tokio::test]
async fn every_table_of_a_tenant_names_it() {
    assert_none(
        "SELECT relname::text FROM pg_class
         WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p') AND relrowsecurity
           AND relname <> 'turn_decisions'
           AND NOT EXISTS (SELECT 1 FROM information_schema.columns
                           WHERE table_name = relname AND column_name IN ('server_id', 'user_id'))",
    )
    .await;
}

/// DB-7, DB-8, DB-9.
#[tokio::test]
async fn servers_people_and_personas_are_there_once_and_within_bounds() {
    assert_refused(&[
        "INSERT INTO servers (server_disc_id) SELECT server_disc_id FROM servers",
        "UPDATE servers SET locale = 'xx'",
        "INSERT INTO users (user_disc_id) SELECT user_disc_id FROM users",
        "UPDATE users SET privacy_level = 3",
        "UPDATE users SET privacy_level = -1",
        "UPDATE users SET user_nickname = ''",
        "UPDATE users SET user_nickname = repeat('a', 101)",
        "UPDATE personas SET nickname = repeat('a', 81)",
        "INSERT INTO personas (server_id, nickname, is_alter, position)
         SELECT server_id, 'Another', false, 1 FROM servers",
        "INSERT INTO personas (server_id, nickname, is_alter, position)
         SELECT server_id, ' TOMORI ', true, 1 FROM servers",
    ])
    .await;
}

/// DB-4, DB-13, DB-14.
#[tokio::test]
async fn settings_of_a_server_are_within_bounds() {
    assert_refused(&[
        "UPDATE server_model_configs SET llm_temperature = 2.1",
        "UPDATE server_model_configs SET llm_max_output_tokens = 0",
        "UPDATE server_model_configs SET api_key = '\\x00', key_form = NULL",
        "UPDATE server_model_configs SET key_last4 = 'abc'",
        "UPDATE server_model_configs SET text_model = '{}'",
        "UPDATE server_chat_configs SET humanizer_degree = 4",
        "UPDATE server_chat_configs SET message_fetch_limit = 19",
        "UPDATE server_chat_configs SET message_fetch_limit = 101",
    ])
    .await;
}

/// DB-10, DB-17, DB-18.
#[tokio::test]
async fn models_are_named_whole_and_stand_in_a_short_row() {
    assert_refused(&[
        "UPDATE persona_configs SET trigger_words = array_fill('a'::text, '{11}')",
        "UPDATE persona_configs SET text_model_ref = '{\"provider\": \"a\"}'",
        "UPDATE channel_model_overrides SET text_model = '{\"model\": \"b\"}'",
        "UPDATE channel_model_overrides SET text_model = NULL",
        "UPDATE fallback_models SET position = 0",
        "UPDATE fallback_models SET position = 6",
        "UPDATE fallback_models SET user_id = (SELECT user_id FROM users)",
        "UPDATE fallback_models SET server_id = NULL, user_id = NULL",
        "INSERT INTO fallback_models (server_id, position, model_ref)
         SELECT server_id, position, model_ref FROM fallback_models WHERE server_id IS NOT NULL",
    ])
    .await;
}

/// DB-21, DB-23, DB-24.
#[tokio::test]
async fn keys_are_there_once_and_the_main_key_is_none_of_a_pool() {
    assert_refused(&[
        "UPDATE api_key_rotation SET is_main_key_pointer = true",
        "UPDATE api_key_rotation SET api_key = NULL",
        "UPDATE api_key_rotation SET provider = 'OpenAI'",
        "UPDATE api_key_rotation SET label = repeat('a', 33)",
        "INSERT INTO api_key_rotation (server_id, provider, is_main_key_pointer)
         SELECT server_id, 'openai', true FROM servers, generate_series(1, 2)",
        "UPDATE opt_api_keys SET service_name = 'another'",
        "INSERT INTO opt_api_keys (server_id, service_name, api_key, key_version, key_form)
         SELECT server_id, service_name, api_key, key_version, key_form FROM opt_api_keys",
        "UPDATE user_provider_keys SET api_key = NULL",
        "INSERT INTO user_provider_keys (user_id, provider, api_key, key_version, key_form)
         SELECT user_id, provider, api_key, key_version, key_form FROM user_provider_keys",
    ])
    .await;
}

/// DB-25, DB-26, DB-28.
#[tokio::test]
async fn endpoints_tool_servers_and_webhooks_are_there_once_and_somebodys() {
    assert_refused(&[
        "UPDATE custom_endpoints SET user_id = (SELECT user_id FROM users)",
        "UPDATE custom_endpoints SET server_id = NULL, user_id = NULL",
        "UPDATE custom_endpoints SET capability = 'video'",
        "UPDATE custom_endpoints SET endpoint_url = repeat('a', 2049)",
        "UPDATE guild_mcp_servers SET role = 'another'",
        "INSERT INTO guild_mcp_servers (server_id, name, url)
         SELECT server_id, upper(name), url FROM guild_mcp_servers",
        "UPDATE discord_managed_webhooks SET webhook_token = NULL",
        "INSERT INTO discord_managed_webhooks (server_id, channel_disc_id, kind, webhook_disc_id,
                                               webhook_token, key_version, key_form)
         SELECT server_id, channel_disc_id, 'another', webhook_disc_id, webhook_token, 1, 2
         FROM discord_managed_webhooks",
    ])
    .await;
}

/// DB-29, DB-30.
#[tokio::test]
async fn restrictions_are_of_a_kind_and_have_an_end() {
    assert_refused(&[
        "INSERT INTO personalization_blacklist (server_id, user_disc_id)
         SELECT server_id, user_disc_id FROM personalization_blacklist",
        "UPDATE persona_user_blocks SET block_type = 'ban'",
        "UPDATE persona_user_blocks SET reason = ''",
        "UPDATE persona_user_blocks SET reason = repeat('a', 251)",
        "UPDATE persona_user_blocks SET expires_at = NULL",
        "UPDATE persona_user_blocks SET created_by = 'anybody'",
    ])
    .await;
}

/// DB-35, DB-36, DB-54.
#[tokio::test]
async fn receipts_errands_and_counts_are_of_a_kind() {
    assert_refused(&[
        "INSERT INTO deletion_receipts (receipt_id, kind, counts)
         VALUES (gen_random_uuid(), 'another', '{}')",
        "INSERT INTO deletion_receipts (receipt_id, kind, counts)
         VALUES (gen_random_uuid(), 'user', '[]')",
        "INSERT INTO outbox (kind, payload) VALUES ('another', '{}')",
        "INSERT INTO outbox (kind, payload, done_at) VALUES ('dm', '{\"user\": 1}', now())",
        "INSERT INTO operation_quotas (scope_kind, scope_disc_id, operation, window_start, used)
         VALUES ('user', '200000000000000001', 'a', now(), -1)",
        "INSERT INTO operation_quotas (scope_kind, scope_disc_id, operation, window_start, used)
         VALUES ('channel', '200000000000000001', 'a', now(), 1)",
    ])
    .await;
}

/// DB-37, DB-38.
#[tokio::test]
async fn memories_have_words_and_an_origin() {
    assert_refused(&[
        "UPDATE personal_memories SET content = ''",
        "UPDATE personal_memories SET content = repeat('a', 1001)",
        "UPDATE personal_memories SET origin = 'hearsay'",
        "UPDATE personal_memories SET user_id = NULL",
        "UPDATE server_memories SET content = ''",
        "UPDATE server_memories SET content = repeat('a', 1001)",
        "UPDATE server_memories SET persona_lineage_id = 0",
    ])
    .await;
}

/// DB-47, DB-50, DB-84.
#[tokio::test]
async fn a_turn_is_there_once_and_what_it_did_is_whole() {
    assert_refused(&[
        "INSERT INTO turns (server_id, channel_disc_id, partition, trigger_key, persona_ordinal,
                            trigger_kind, responsible_disc_id, persona_id)
         SELECT server_id, channel_disc_id, partition, trigger_key, persona_ordinal, trigger_kind,
                responsible_disc_id, persona_id FROM turns",
        "UPDATE turns SET state = 'asleep'",
        "UPDATE turns SET state = 'done'",
        "UPDATE turns SET ended_at = now()",
        "INSERT INTO turns (server_id, channel_disc_id, partition, trigger_key, persona_ordinal,
                            trigger_kind, responsible_disc_id, persona_id, state)
         SELECT server_id, channel_disc_id, partition, trigger_key, n, trigger_kind,
                responsible_disc_id, persona_id, 'streaming' FROM turns, generate_series(1, 2) n",
        "INSERT INTO turn_decisions (event_id, code) SELECT event_id, 'accepted' FROM turn_decisions",
        "UPDATE turn_posts SET state = 'sent'",
        "UPDATE turn_posts SET text_hash = '\\x00'",
        "UPDATE turn_steps SET state = 'finished'",
        "UPDATE turn_steps SET result = '{}'",
    ])
    .await;
}

/// DB-51, DB-52.
#[tokio::test]
async fn attempts_and_channels_are_there_once() {
    assert_refused(&[
        "INSERT INTO turn_attempts (turn_id, step, attempt, server_id, model_ref, class, started_at,
                                    total_ms)
         SELECT turn_id, step, attempt, server_id, model_ref, class, now(), 1 FROM turn_attempts",
        "UPDATE turn_attempts SET attempt = 0",
        "UPDATE turn_attempts SET model_ref = '{}'",
        "UPDATE turn_attempts SET tokens_in = -1",
        "INSERT INTO channel_state (server_id, channel_disc_id)
         SELECT server_id, channel_disc_id FROM channel_state",
    ])
    .await;
}

/// DB-15, DB-27, DB-31.
#[tokio::test]
async fn cooldowns_of_servers_and_approvals_are_whole_and_within_bounds() {
    assert_refused(&[
        "UPDATE server_trigger_configs SET cooldown_type = 5",
        "UPDATE server_trigger_configs SET cooldown_length = 0",
        "UPDATE server_trigger_configs SET cooldown_length = 86401",
        "UPDATE guild_mcp_tools SET approved_sha256 = '\\x00'",
        "UPDATE guild_mcp_tools SET tool_name = ''",
        "INSERT INTO guild_mcp_tools (guild_mcp_id, server_id, tool_name, approved_sha256)
         SELECT guild_mcp_id, server_id, tool_name, approved_sha256 FROM guild_mcp_tools",
        "UPDATE channel_whitelist SET cooldown_type = 1, cooldown_length = NULL",
        "UPDATE channel_whitelist SET cooldown_type = 5, cooldown_length = 1",
        "UPDATE channel_whitelist SET cooldown_type = 1, cooldown_length = 86401",
    ])
    .await;
}

/// DB-32, DB-33, DB-53.
#[tokio::test]
async fn whitelists_and_rests_hold_each_thing_once() {
    assert_refused(&[
        "INSERT INTO role_whitelist (server_id, role_disc_id)
         SELECT server_id, role_disc_id FROM role_whitelist",
        "INSERT INTO channel_persona_whitelist (server_id, persona_id, channel_disc_id)
         SELECT server_id, persona_id, channel_disc_id FROM channel_persona_whitelist",
        "INSERT INTO cooldowns (cooldown_type, expires_at)
         SELECT 1, now() FROM generate_series(1, 2)",
        "INSERT INTO cooldowns (cooldown_type, expires_at) VALUES (7, now())",
        "INSERT INTO cooldowns (cooldown_type, user_disc_id, expires_at)
         VALUES (1, 'somebody', now())",
        "INSERT INTO cooldowns (cooldown_type, expires_at) VALUES (1, NULL)",
    ])
    .await;
}
