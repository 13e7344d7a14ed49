//! Everything a developer runs and nothing that ships.
//!
//! The tasks behind `./dev`, in the order a newcomer meets them; then what they are built from. This crate knows the
//! product only by its binaries, its settings and its wire formats: it never links the gateway or the worker.

// Tasks: one file each, named as they are typed.
pub mod up;
pub mod down;
pub mod status;
pub mod logs;
pub mod say;
pub mod command;
pub mod worker;
pub mod control;
pub mod test;
pub mod sqlx;
pub mod tidy;

// The stand-in for Discord and for a model provider.
pub mod sandbox;

// What the tasks are built from.
pub mod console;
pub mod http;
pub mod installation;
pub mod launch;
pub mod nats;
pub mod part;
pub mod postgres;
pub mod process;
