//! Calls against a small real HTTP server that plays Discord.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod acts;
mod application;
mod files;
mod interactions;
mod limits;
mod posting;
mod reading;
mod server;
mod trouble;
