//! What holds against hostile name servers and web servers: real ones, on loopback.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod corpus;
mod remote;
mod web;
mod world;
mod zone;
