//! Discord to JetStream: the thin process that holds the connection.
//!
//! [`shard`] waits for a shard that is nobody's and serves it; [`identify`] says when a new session
//! may begin. In the order in which an event passes: [`connect`] reads a frame, [`encode`] makes it an event
//! or drops it, [`publish`] stores it in order unless [`door`] knows somebody in it who must not be
//! heard, [`resume`] remembers how far that went. Interactions
//! leave the path after decoding and are asked for by [`interactions`], never stored.
//!
//! What is never here: a database, a key of a user, a cache of servers, a decision about an answer.
//! What must hold: the task that polls the connection waits for nothing; nothing that was read is
//! forgotten before it is stored, because only stored events move the resume point.

pub mod config;
pub mod connect;
pub mod door;
pub mod encode;
pub mod error;
pub mod identify;
pub mod interactions;
pub mod link;
pub mod metrics;
pub mod publish;
pub mod resume;
pub mod run;
pub mod shard;

mod clock;
#[cfg(test)]
mod model;
