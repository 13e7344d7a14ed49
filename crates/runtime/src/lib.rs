//! What both processes need to run: settings, secrets, telemetry, admin endpoints, shutdown, NATS.
//!
//! `runtime` knows nothing of Discord, events or the database. It reads the process environment in
//! one place ([`settings::source`]), never writes to it, and never shows a secret's value.

pub mod admin;
pub mod crypto;
pub mod exit;
pub mod host;
pub mod ids;
pub mod metrics;
pub mod nats;
pub mod panics;
mod redact;
pub mod settings;
pub mod shutdown;
pub mod start;
pub mod telemetry;
