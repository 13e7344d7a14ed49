//! Migrations and the schema number (DB-5).

/// A migration that was applied now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Applied {
    /// Its number.
    pub number: i64,
    /// What it is for.
    pub description: String,
}
