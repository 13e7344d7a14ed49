//! JetStream to policy to model to Discord.
//!
//! ```text
//! stream ─▶ partition::intake ─▶ pipeline::intake: accept ─▶ admit ─▶ ack
//!                 │ one task per partition, in order        │ rows of turns
//!                 └─▶ a task per turn ─▶ pipeline::turn: claim ─▶ collect ─▶ complete
//!                                                         ─▶ deliver (journal) ─▶ settle
//! interactions (core NATS) ─▶ command ─▶ Discord
//! ```

pub mod app;
mod channel;
mod clock;
pub mod command;
pub mod config;
mod control;
mod direct;
mod error;
mod forgetting;
mod housekeeping;
pub mod interactions;
mod job;
mod journal;
pub mod keys;
mod leaving;
pub mod media;
pub mod metrics;
#[cfg(test)]
mod model;
pub mod notice;
pub mod operate;
mod outbox;
mod pace;
pub mod partition;
mod patience;
mod pipeline;
pub mod pool;
pub mod portable;
pub mod privacy;
mod profiles;
mod retention;
pub mod run;
mod spared;
mod stops;
pub mod switches;
mod telling;
pub mod tool;
mod tool_servers;
