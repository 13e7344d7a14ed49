//! What the admin route may change while the sandbox runs.

use serde::{Deserialize, Serialize};

/// Intent bits that an application must be allowed to use.
pub(crate) const PRIVILEGED_INTENTS: u64 = 1 << 1 | 1 << 8 | MESSAGE_CONTENT;
/// Intent bit for text and attachments of messages that do not concern the bot.
pub(crate) const MESSAGE_CONTENT: u64 = 1 << 15;

/// The sandbox's behaviour. The defaults are Discord's as far as they are known.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Settings {
    /// Whether REST routes are limited; off: no headers, no 429.
    pub(crate) rate_limits: bool,
    /// How long a nonce is remembered (Discord: "the past few minutes").
    pub(crate) nonce_window_ms: u64,
    /// How long an interaction waits for its first answer.
    pub(crate) interaction_answer_ms: u64,
    /// How long an answered interaction's token lives.
    pub(crate) interaction_life_ms: u64,
    /// How long the address of an attachment can be used.
    pub(crate) file_life_ms: u64,
    /// How long a minute is of those after which a quiet thread is archived.
    pub(crate) thread_minute_ms: u64,
    /// Refused calls in ten minutes after which no call is answered any more.
    pub(crate) invalid_requests: u32,
    /// How long that lasts.
    pub(crate) ban_ms: u64,
    /// Heartbeat interval in hello.
    pub(crate) heartbeat_ms: u64,
    /// How long a session without a connection can be resumed.
    pub(crate) session_life_ms: u64,
    /// How many sessions may be started in a day.
    pub(crate) session_starts: u64,
    /// How many shards may identify at once.
    pub(crate) max_concurrency: u64,
    /// How long a shard waits after another one of its rate limit key.
    pub(crate) identify_window_ms: u64,
    /// How many shards are advised.
    pub(crate) shards: u64,
    /// How many servers a shard may have.
    pub(crate) servers_per_shard: usize,
    /// Which privileged intents the application is allowed, as intent bits.
    pub(crate) allowed_intents: u64,
    /// Time between two pieces of a streamed model answer.
    pub(crate) delta_delay_ms: u64,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            rate_limits: true,
            nonce_window_ms: 120_000,
            interaction_answer_ms: 3_000,
            interaction_life_ms: 15 * 60_000,
            file_life_ms: 24 * 3_600_000,
            thread_minute_ms: 60_000,
            invalid_requests: 10_000,
            ban_ms: 10 * 60_000,
            heartbeat_ms: 41_250,
            session_life_ms: 5 * 60_000,
            session_starts: 1_000,
            max_concurrency: 1,
            identify_window_ms: 5_000,
            shards: 1,
            servers_per_shard: 2_500,
            allowed_intents: MESSAGE_CONTENT,
            delta_delay_ms: 15,
        }
    }
}
