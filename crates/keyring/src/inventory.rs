//! The one list of encrypted columns (SEC-32). Everything that seals, opens, rotates, audits or
//! deletes iterates over it, and a test compares it with the database's catalogue.

use std::fmt;

/// One column that holds sealed secrets. Siblings `key_version` and `key_form` say how (DB-82).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EncryptedColumn {
    /// The table.
    pub table: &'static str,
    /// The column, of type `bytea`.
    pub column: &'static str,
    /// The primary key of the table, a single column.
    pub primary_key: &'static str,
}

/// The server's main provider key.
pub const SERVER_API_KEY: EncryptedColumn = column("server_model_configs", "api_key", "server_id");
/// Keys of optional services.
pub const SERVICE_API_KEY: EncryptedColumn = column("opt_api_keys", "api_key", "opt_api_key_id");
/// Pool keys; the row that points to the main key holds none.
pub const POOL_API_KEY: EncryptedColumn = column("api_key_rotation", "api_key", "rotation_key_id");
/// A user's own provider keys.
pub const USER_API_KEY: EncryptedColumn =
    column("user_provider_keys", "api_key", "user_provider_key_id");
/// The bearer token of a custom endpoint, where it asks for one.
pub const ENDPOINT_TOKEN: EncryptedColumn = column("custom_endpoints", "auth_token", "endpoint_id");
/// The bearer token of a tool server, where it asks for one.
pub const TOOL_SERVER_TOKEN: EncryptedColumn =
    column("guild_mcp_servers", "auth_token", "guild_mcp_id");
/// Tokens of webhooks that the bot owns.
pub const WEBHOOK_TOKEN: EncryptedColumn = column(
    "discord_managed_webhooks",
    "webhook_token",
    "managed_webhook_id",
);

/// Every encrypted column there is.
pub const INVENTORY: &[EncryptedColumn] = &[
    SERVER_API_KEY,
    SERVICE_API_KEY,
    POOL_API_KEY,
    USER_API_KEY,
    ENDPOINT_TOKEN,
    TOOL_SERVER_TOKEN,
    WEBHOOK_TOKEN,
];

const fn column(
    table: &'static str,
    column: &'static str,
    primary_key: &'static str,
) -> EncryptedColumn {
    EncryptedColumn {
        table,
        column,
        primary_key,
    }
}

impl fmt::Display for EncryptedColumn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.table, self.column)
    }
}
