//! A row of a tenant in every table behind the fence.

use crate::database::Database;

/// A server and a person, by their Discord ids.
#[derive(Clone, Copy)]
pub(crate) struct Names {
    pub(crate) guild: u64,
    pub(crate) user: u64,
}

pub(crate) const OURS: Names = Names {
    guild: 100_000_000_000_000_001,
    user: 200_000_000_000_000_001,
};
pub(crate) const THEIRS: Names = Names {
    guild: 100_000_000_000_000_002,
    user: 200_000_000_000_000_002,
};

/// The same with the rows that they have.
#[derive(Clone, Copy)]
pub(crate) struct Ids {
    pub(crate) names: Names,
    pub(crate) server: i64,
    pub(crate) user: i64,
}

/// One statement per table; `$1` is the row of the server, `$2` of the user, `$3` the Discord id of
/// the server, from which all other ids are made.
const ROWS: &[&str] = &[
    "INSERT INTO personas (server_id, nickname, is_alter, position) VALUES ($1, 'Tomori', false, 0)",
    "INSERT INTO persona_configs (persona_id, server_id)
     SELECT persona_id, server_id FROM personas WHERE server_id = $1",
    "INSERT INTO server_model_configs (server_id) VALUES ($1)",
    "INSERT INTO server_chat_configs (server_id) VALUES ($1)",
    "INSERT INTO turns (server_id, channel_disc_id, partition, trigger_key, persona_ordinal,
                        trigger_kind, responsible_disc_id, persona_id)
     VALUES ($1, $3, 0, 'mc:' || $3, 0, 'mention', $3, 1)",
    "INSERT INTO turn_posts (turn_id, ordinal, server_id, nonce, text_hash, fence)
     SELECT turn_id, 0, server_id, 1, decode(repeat('00', 32), 'hex'), 0
     FROM turns WHERE server_id = $1",
    "INSERT INTO turn_steps (turn_id, step, ordinal, server_id, tool, arguments_hash, posts_before,
                             fence)
     SELECT turn_id, 0, 0, server_id, 'create_thread', decode(repeat('00', 32), 'hex'), 0, 0
     FROM turns WHERE server_id = $1",
    "INSERT INTO turn_attempts (turn_id, step, attempt, server_id, model_ref, class, started_at,
                                total_ms)
     SELECT turn_id, 1, 1, server_id, '{\"provider\": \"a\", \"model\": \"b\"}', 'timeout', now(), 1
     FROM turns WHERE server_id = $1",
    "INSERT INTO channel_model_overrides (server_id, channel_disc_id, text_model)
     VALUES ($1, $3, '{\"provider\": \"a\", \"model\": \"b\"}')",
    "INSERT INTO fallback_models (server_id, user_id, position, model_ref)
     VALUES ($1, NULL, 1, '{\"provider\": \"a\", \"model\": \"b\"}'),
            (NULL, $2, 1, '{\"provider\": \"a\", \"model\": \"b\"}')",
    "INSERT INTO cooldowns (cooldown_type, server_disc_id, expires_at)
     VALUES (3, $3, now() + interval '1 hour')",
    "INSERT INTO turn_decisions (event_id, guild_disc_id, code) VALUES ('mc:' || $3, $3, 'stale')",
    "INSERT INTO channel_state (server_id, channel_disc_id) VALUES ($1, $3)",
    "INSERT INTO api_key_rotation (server_id, provider, api_key, key_form)
     VALUES ($1, 'openai', '\\x00', 2)",
    "INSERT INTO opt_api_keys (server_id, service_name, api_key, key_version, key_form)
     VALUES ($1, 'brave-search', '\\x00', 1, 2)",
    "INSERT INTO user_provider_keys (user_id, provider, api_key, key_version, key_form)
     VALUES ($2, 'openai', '\\x00', 1, 2)",
    "INSERT INTO custom_endpoints (server_id, user_id, label, capability, endpoint_url)
     VALUES ($1, NULL, 'server', 'text', 'https://a.example'),
            (NULL, $2, 'user', 'text', 'https://a.example')",
    "INSERT INTO personal_memories (user_id, persona_lineage_id, content, origin)
     VALUES ($2, 0, 'a', 'command')",
    "INSERT INTO server_memories (server_id, persona_lineage_id, content, created_by, origin)
     VALUES ($1, 1, 'a', $2, 'command')",
    "INSERT INTO personalization_blacklist (server_id, user_disc_id, added_by) VALUES ($1, $3, $3)",
    "INSERT INTO persona_user_blocks (server_id, persona_id, user_disc_id, block_type, reason,
                                      expires_at, created_by)
     SELECT server_id, persona_id, $3, 'mute', 'a', now() + interval '1 hour', 'moderator'
     FROM personas WHERE server_id = $1",
    "INSERT INTO generation_quota_configs (server_id, kind) VALUES ($1, 'text')",
    "INSERT INTO generation_quotas (server_id, kind, window_start, window_end, used)
     VALUES ($1, 'text', now(), now(), 1)",
    "INSERT INTO quota_reservations (server_id, kind, trigger_key, user_disc_id)
     VALUES ($1, 'text', 'mc:' || $3, $3)",
    "INSERT INTO server_trigger_configs (server_id) VALUES ($1)",
    "INSERT INTO channel_whitelist (server_id, channel_disc_id) VALUES ($1, $3)",
    "INSERT INTO role_whitelist (server_id, role_disc_id) VALUES ($1, $3)",
    "INSERT INTO channel_persona_whitelist (server_id, persona_id, channel_disc_id)
     SELECT server_id, persona_id, $3 FROM personas WHERE server_id = $1",
    "INSERT INTO guild_mcp_servers (server_id, name, url) VALUES ($1, 'a', 'https://a.example')",
    "INSERT INTO guild_mcp_tools (guild_mcp_id, server_id, tool_name, approved_sha256)
     SELECT guild_mcp_id, $1, 'a', decode(repeat('00', 32), 'hex')
     FROM guild_mcp_servers WHERE server_id = $1",
    "INSERT INTO discord_managed_webhooks (server_id, channel_disc_id, kind, webhook_disc_id,
                                           webhook_token, key_version, key_form)
     VALUES ($1, $3, 'persona', $3, '\\x00', 1, 2)",
];

/// Adds a row to every table, or more.
pub(crate) async fn fill(database: &Database, names: Names) -> Ids {
    let guild = names.guild.to_string();
    let server = "INSERT INTO servers (server_disc_id) VALUES ($1) RETURNING server_id";
    let server = insert(database, server, &guild).await;
    let user = "INSERT INTO users (user_disc_id, privacy_level) VALUES ($1, 1) RETURNING user_id";
    let user = insert(database, user, &names.user.to_string()).await;
    for row in ROWS {
        sqlx::query(*row)
            .bind(server)
            .bind(user)
            .bind(&guild)
            .execute(&database.raw)
            .await
            .unwrap();
    }
    Ids {
        names,
        server,
        user,
    }
}

async fn insert(database: &Database, statement: &'static str, id: &str) -> i64 {
    sqlx::query_scalar(statement)
        .bind(id)
        .fetch_one(&database.raw)
        .await
        .unwrap()
}
