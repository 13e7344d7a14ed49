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
pub const SERVER_API_KEY: EncryptedColumn = EncryptedColumn {
    table: "server_model_configs",
    column: "api_key",
    primary_key: "server_id",
};

/// Every encrypted column there is.
pub const INVENTORY: &[EncryptedColumn] = &[SERVER_API_KEY];

impl fmt::Display for EncryptedColumn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.table, self.column)
    }
}
