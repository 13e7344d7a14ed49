//! What holds for the database, against a real PostgreSQL.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod admission;
mod archive;
mod attempts;
mod columns;
mod constraints;
mod control;
mod database;
mod deletion;
mod fence;
mod guards;
mod guards_quotas;
mod jobs;
mod key_edits;
mod key_pool;
mod keys;
mod main_key;
mod memories;
mod nicknames;
mod outage;
mod own_keys;
mod payers;
mod posts;
mod privacy;
mod profiles;
mod proxy;
mod refused_keys;
mod restrictions;
mod retention;
mod rotation;
mod schema;
mod server_deletion;
mod server_settings;
mod service_keys;
mod steps;
mod tool_servers;
mod turn_attempts;
mod turns;
mod why;
mod world;
