//! Everything a developer runs and nothing that ships.
//!
//! The tasks behind `./dev`, in the order a newcomer meets them; then what they are built from. This crate knows the
//! product only by its binaries, its settings and its wire formats: it never links the gateway or the worker.

// Tasks: one file each, named as they are typed.
pub mod chaos;
pub mod command;
pub mod control;
pub mod down;
pub mod logs;
pub mod play;
pub mod say;
pub mod soak;
pub mod sqlx;
pub mod status;
pub mod test;
pub mod tidy;
pub mod up;
pub mod worker;

// The stand-in for Discord and for a model provider.
pub mod sandbox;

// What the tasks are built from.
pub mod console;
pub mod http;
pub mod installation;
mod interruption;
pub mod launch;
pub mod nats;
pub mod part;
pub mod postgres;
pub mod process;
mod sweep;
pub mod traces;
