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
    /// The work is done all the same, and only the answer is lost.
    #[serde(default)]
    pub(crate) after: bool,
    pub(crate) times: u64,
}

/// What goes wrong with this call.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Effect {
    pub(crate) status: u16,
    pub(crate) delay_ms: u64,
    pub(crate) is_before: bool,
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
        let is_before = !fault.after && fault.status != 0;
        let effect = Effect {
            status: fault.status,
            delay_ms: fault.delay_ms,
            is_before,
        };
        self.0.retain(|fault| fault.times > 0);
        Some(effect)
    }
}
