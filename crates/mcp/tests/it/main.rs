//! What holds against hostile tool servers: real ones, on loopback, behind the name server and the web of
//! the guarded client's own tests.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod reach;
mod script;
mod sessions;

#[expect(dead_code, reason = "shared with the guarded client's tests")]
#[path = "../../../fetch/tests/it/web.rs"]
mod web;
#[expect(dead_code, reason = "shared with the guarded client's tests")]
#[path = "../../../fetch/tests/it/world.rs"]
mod world;
#[expect(dead_code, reason = "shared with the guarded client's tests")]
#[path = "../../../fetch/tests/it/zone.rs"]
mod zone;
