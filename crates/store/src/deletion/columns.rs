//! The one list of columns in which the id of a person may stand (DB-66). A test compares it with the
//! database's catalogue, and another looks for ids that are left.

/// What becomes of a row when the data of its person is deleted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It is deleted.
    Deleted,
    /// It stays, because it is somebody else's, and names nobody any more.
    Emptied,
    /// It stays until its end, because it protects others (PRIV-66).
    Kept,
}

/// A column that names a person, by the Discord id or by the row in `users`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PersonalColumn {
    /// The table.
    pub table: &'static str,
    /// The column.
    pub column: &'static str,
    /// What becomes of the row.
    pub fate: Fate,
}

/// Every such column there is.
pub const PERSONAL_COLUMNS: &[PersonalColumn] = &[
    column("users", "user_disc_id", Fate::Deleted),
    // Direct messages are a server whose id is that of the person.
    column("servers", "server_disc_id", Fate::Deleted),
    column("personal_memories", "user_id", Fate::Deleted),
    column("server_memories", "subject_user_disc_id", Fate::Deleted),
    column("server_memories", "created_by", Fate::Emptied),
    column("user_provider_keys", "user_id", Fate::Deleted),
    column("custom_endpoints", "user_id", Fate::Deleted),
    column("fallback_models", "user_id", Fate::Deleted),
    column("turns", "responsible_disc_id", Fate::Deleted),
    column("turn_decisions", "user_disc_id", Fate::Deleted),
    // The same as in `servers`.
    column("turn_decisions", "guild_disc_id", Fate::Deleted),
    column("cooldowns", "user_disc_id", Fate::Deleted),
    column("operation_quotas", "scope_disc_id", Fate::Deleted),
    column("generation_quotas", "user_disc_id", Fate::Deleted),
    column("quota_reservations", "user_disc_id", Fate::Deleted),
    column("personalization_blacklist", "user_disc_id", Fate::Deleted),
    column("personalization_blacklist", "added_by", Fate::Emptied),
    column("persona_user_blocks", "user_disc_id", Fate::Kept),
];

const fn column(table: &'static str, column: &'static str, fate: Fate) -> PersonalColumn {
    PersonalColumn {
        table,
        column,
        fate,
    }
}
