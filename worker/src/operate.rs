//! What an operator runs: each command is one file and ends with an exit code (SEC-38 ff.).

use anyhow::Context as _;
use store::Store;

pub mod audit_keys;
pub mod dead_letters;
pub mod doctor;
pub mod explain;
pub mod mcp_check;
pub mod migrate;
pub mod register_commands;
pub mod rotate_keys;
pub mod url_check;

/// Opens the database for a command that works with this version's schema only.
///
/// # Errors
/// It cannot be reached, or has another schema.
pub async fn open_store(database: &store::Settings) -> anyhow::Result<Store> {
    let store = Store::connect(database)
        .await
        .context("cannot connect to the database")?;
    store.check_schema().await?;
    Ok(store)
}
