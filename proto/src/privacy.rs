//! The bucket of who must not be heard (PRIV-22): its keys and values, and what follows from them.
//!
//! Workers write a key for every user at privacy level 2, gateways watch all of them. What both must
//! agree on is here: which users a reader of the bucket knows ([`users`]), and when a gateway is sure
//! to know of a change ([`reports`]). Nothing here reads a clock or talks to anybody.

pub mod reports;
pub mod users;

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::id::UserId;

/// The value of a user's key. Whatever else stands there counts the same: who cannot be judged is
/// not heard.
pub const FULL: &str = "2";

/// Between two probes of a gateway.
pub const PROBE_EVERY: Duration = Duration::from_secs(1);

/// The longest `PRIVACY_WATCH_GRACE_MS`, in milliseconds (CFG-48).
pub const LONGEST_GRACE_MS: u32 = 60_000;

const USER: &str = "u.";
const PROBE: &str = "p.";
const READY: &str = "ready";

/// A key of the bucket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Key<'a> {
    /// A user at level 2; its value is [`FULL`].
    User(UserId),
    /// All users at level 2 are in the bucket; its value is a [`Ready`].
    Ready,
    /// A gateway proves that it reads the bucket; its value is a [`Probe`].
    Probe(&'a str),
}

impl<'a> Key<'a> {
    /// Reads a key; `None` for one that this version does not know.
    pub fn parse(text: &'a str) -> Option<Self> {
        if text == READY {
            return Some(Self::Ready);
        }
        if let Some(id) = text.strip_prefix(USER) {
            return id.parse().ok().map(Self::User);
        }
        text.strip_prefix(PROBE).map(Self::Probe)
    }
}

impl fmt::Display for Key<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::User(user) => write!(f, "{USER}{user}"),
            Self::Ready => f.write_str(READY),
            Self::Probe(gateway) => write!(f, "{PROBE}{gateway}"),
        }
    }
}

/// Says that the bucket was compared with the database from end to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ready {
    /// Counts the comparisons; begins anew with the bucket.
    pub epoch: u64,
    /// How many users there were.
    pub count: u64,
    /// When, Unix time in milliseconds.
    pub written_at: i64,
}

/// What a gateway writes about itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Probe {
    /// Tells this probe from the others of its gateway.
    pub beat: u64,
    /// The gateway has taken every change of the bucket up to this revision.
    pub applied: u64,
    /// How long the gateway lets people's words pass after it sent a probe that came back to it, in
    /// milliseconds.
    pub grace_ms: u32,
}

impl Ready {
    /// Reads the value of the key; `None` for anything else.
    pub fn read(value: &[u8]) -> Option<Self> {
        serde_json::from_slice(value).ok()
    }

    /// Returns the value of the key.
    pub fn to_value(self) -> Vec<u8> {
        value_of(&self)
    }
}

impl Probe {
    /// Reads the value of the key. Of a gateway whose words are not understood nothing is known but
    /// that it lives.
    pub fn read(value: &[u8]) -> Self {
        serde_json::from_slice(value).unwrap_or(Self {
            beat: 0,
            applied: 0,
            grace_ms: LONGEST_GRACE_MS,
        })
    }

    /// Returns the value of the key.
    pub fn to_value(self) -> Vec<u8> {
        value_of(&self)
    }
}

/// Numbers under fixed names always become JSON; what could not is read as nothing known.
fn value_of<T: Serialize>(value: &T) -> Vec<u8> {
    serde_json::to_vec(value).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_is_read_back() {
        for key in [Key::User(UserId(u64::MAX)), Key::Ready, Key::Probe("7f")] {
            assert_eq!(Key::parse(&key.to_string()), Some(key));
        }
        for unknown in ["", "u.", "u.alice", "u.-1", "readyx", "x.1"] {
            assert_eq!(Key::parse(unknown), None, "{unknown}");
        }
    }

    #[test]
    fn values_are_read_back() {
        let ready = Ready {
            epoch: 3,
            count: 2,
            written_at: 1_795_000_000_000,
        };
        assert_eq!(Ready::read(&ready.to_value()), Some(ready));
        assert_eq!(Ready::read(b"2"), None);
        let probe = Probe {
            beat: 9,
            applied: 70,
            grace_ms: 5_000,
        };
        assert_eq!(Probe::read(&probe.to_value()), probe);
    }

    #[test]
    fn gateway_that_is_not_understood_has_applied_nothing_for_as_long_as_any_may_have() {
        let probe = Probe::read(b"{\"beat\":\"of another version\"}");
        assert_eq!((probe.applied, probe.grace_ms), (0, LONGEST_GRACE_MS));
    }
}
