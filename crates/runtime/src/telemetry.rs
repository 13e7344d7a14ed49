//! Logs: one subscriber for the process, JSON or text, on standard error, through a net for secrets.
//!
//! Libraries are heard from `warn` on, whatever the level: what they log below that may hold
//! payloads, which never belong in a log.

use secrecy::SecretString;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::{SubscriberInitExt, TryInitError};
use tracing_subscriber::{Layer, fmt};

use crate::settings::sections::{LogFormat, LogSettings};
use crate::{ids, redact};

/// The crates that are ours, by the first segment of a log line's target.
const OUR_CRATES: [&str; 8] = [
    "discord", "gateway", "keyring", "llm", "proto", "runtime", "store", "worker",
];
/// Libraries that log payloads as warnings and errors too: what a tool server says, for one.
const SILENCED: [&str; 1] = ["rmcp"];

/// Starts logging as the settings say; the bot's token keys the hashes of ids, where it is known.
/// Called once, before anything is logged.
///
/// # Errors
/// A subscriber was installed before.
pub fn init(settings: &LogSettings, token: Option<&SecretString>) -> Result<(), TryInitError> {
    ids::show(settings.id_hash, token);
    let lines = match settings.format {
        LogFormat::Json => fmt::layer()
            .json()
            .flatten_event(true)
            .with_writer(redact::stderr)
            .boxed(),
        LogFormat::Text => fmt::layer()
            .with_ansi(false)
            .with_writer(redact::stderr)
            .boxed(),
    };
    tracing_subscriber::registry()
        .with(lines.with_filter(filter(settings.level)))
        .try_init()
}

fn filter(level: LevelFilter) -> Targets {
    Targets::new()
        .with_default(level.min(LevelFilter::WARN))
        .with_targets(OUR_CRATES.map(|name| (name, level)))
        .with_targets(SILENCED.map(|name| (name, LevelFilter::OFF)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use tracing::Level;

    #[test]
    fn libraries_stay_silent_below_warn() {
        let filter = filter(LevelFilter::TRACE);
        assert!(filter.would_enable("gateway::publish", &Level::TRACE));
        assert!(!filter.would_enable("twilight_gateway::shard", &Level::INFO));
        assert!(filter.would_enable("async_nats", &Level::WARN));
        assert!(!filter.would_enable("rmcp::service", &Level::ERROR));
    }
}
