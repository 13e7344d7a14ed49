//! The concrete collaborators, built once; no logic.

use std::sync::Arc;

use proto::id::{ApplicationId, UserId};
use proto::subject::Names;

/// What every part of the worker may use.
#[derive(Debug)]
pub struct App {
    /// All names on NATS.
    pub names: Names,
    /// The connection to NATS.
    pub nats: async_nats::Client,
    /// This process: `WORKER_ID` and random bits, new at every start.
    pub worker_id: Arc<str>,
    /// Our application at Discord.
    pub application: ApplicationId,
    /// Our bot user at Discord.
    pub bot: UserId,
}
