//! What holds for the worker as a process: real PostgreSQL and NATS, Discord and models at the wire.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod doctor;
mod fake;
mod files;
mod interactions;
mod keys;
mod keys_changes;
mod keys_models;
mod keys_pool;
mod keys_rotation;
mod keys_told;
mod memories;
mod needs;
mod panel;
mod personal_data;
mod personal_provider;
mod provider_keys;
mod provider_services;
mod registration;
mod remote;
mod restrictions;
mod server_data;
mod setup;
mod start;
mod switches;
mod world;
#[path = "../../../crates/fetch/tests/it/zone.rs"]
mod zone;
