//! Faults on demand: a route answers badly for some calls, before or after it did its work.

use serde::{Deserialize, Serialize};

/// What goes wrong with a route, and how often.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Fault {
    /// The route as in the statistics, such as `POST /channels/{channel}/messages`.
    pub(crate) route: String,
    /// The status that is answered; 0: the real answer, late.
    #[serde(default)]
    pub(crate) status: u16,
    #[serde(default)]
    pub(crate) delay_ms: u64,
    /// The work is done all the same, at once; only the answer is late or lost.
    #[serde(default)]
    pub(crate) after: bool,
    /// For 429: whose limit it is.
    #[serde(default)]
    pub(crate) scope: Scope,
    /// For 429: how long to wait.
    #[serde(default)]
    pub(crate) retry_after_ms: u64,
    /// Discord's code in the body; 0: no body that Discord wrote.
    #[serde(default)]
    pub(crate) code: u32,
    pub(crate) times: u64,
}

/// Whose limit a 429 is about.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Scope {
    /// The bot's own bucket.
    #[default]
    User,
    /// A bucket that all users of a resource share.
    Shared,
    /// All of the bot's calls.
    Global,
    /// The address is banned; the answer is not Discord's.
    Cloudflare,
}

/// What goes wrong with this call.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Effect {
    pub(crate) status: u16,
    pub(crate) delay_ms: u64,
    pub(crate) is_after: bool,
    pub(crate) scope: Scope,
    pub(crate) retry_after_ms: u64,
    pub(crate) code: u32,
}

/// All faults that are still to come.
#[derive(Debug, Default)]
pub(crate) struct Faults(Vec<Fault>);

impl Faults {
    /// Adds a fault.
    pub(crate) fn add(&mut self, fault: Fault) {
        self.0.push(fault);
    }

    /// Takes away every fault.
    pub(crate) fn clear(&mut self) {
        self.0.clear();
    }

    /// Returns what goes wrong with this call of a route, and counts it.
    pub(crate) fn take(&mut self, route: &str) -> Option<Effect> {
        let fault = self
            .0
            .iter_mut()
            .find(|fault| fault.route == route && fault.times > 0)?;
        fault.times -= 1;
        let effect = Effect {
            status: fault.status,
            delay_ms: fault.delay_ms,
            is_after: fault.after,
            scope: fault.scope,
            retry_after_ms: fault.retry_after_ms,
            code: fault.code,
        };
        self.0.retain(|fault| fault.times > 0);
        Some(effect)
    }
}
