//! Calls against a small real HTTP server that plays a provider.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod bounds;
mod models;
mod refusals;
mod server;
mod services;
mod streaming;
mod timeouts;
mod tools;
