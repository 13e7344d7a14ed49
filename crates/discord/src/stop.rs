//! Stops that Discord orders for more than one bucket, and thus for more than one process.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// All requests of a kind have to wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stop {
    /// Which requests.
    pub whose: Whose,
    /// For how long from now.
    pub wait: Duration,
}

/// Whose requests have to wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Whose {
    /// Those with the bot's token: its global limit.
    Bot,
    /// Those from this address: Cloudflare blocks it.
    Address,
}
