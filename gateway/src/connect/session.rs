//! How a shard is built, at the start and again, and how well all of them are.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use runtime::admin::Check;
use secrecy::{ExposeSecret, SecretString};
use twilight_gateway::{ConfigBuilder, Session, ShardId};
use url::Url;

use crate::encode::INTENTS;
use crate::identify::Identify;
use crate::metrics;
use crate::resume::ResumePoint;

/// A connection that identifies in its turn.
pub type Shard = twilight_gateway::Shard<Identify>;

/// Everything a connection of one shard needs; the same for every attempt.
#[derive(Clone)]
pub struct Dial {
    /// The shard.
    pub id: ShardId,
    /// The bot's token.
    pub token: SecretString,
    /// The gateway, without a slash at its end.
    pub gateway_url: String,
    /// Who may identify when; shared by all shards of all gateways.
    pub identify: Identify,
}

impl Dial {
    /// Returns the number of the shard.
    pub const fn number(&self) -> u32 {
        self.id.number()
    }

    /// Builds a shard that resumes from the point, or identifies if there is none.
    pub fn shard(&self, point: Option<ResumePoint>) -> Shard {
        let token = self.token.expose_secret().to_owned();
        let mut config = ConfigBuilder::new(token, INTENTS)
            .proxy_url(self.gateway_url.clone())
            .queue(self.identify.clone());
        if let Some(point) = point {
            config = config.session(Session::new(point.sequence, point.session_id));
            if is_usable(&point.resume_url) {
                config = config.resume_url(point.resume_url);
            }
        }
        Shard::with_config(self.id, config.build())
    }

    /// Builds a shard that goes on where another one of this process has stopped reading.
    pub fn again(&self, before: &Shard) -> Shard {
        self.shard(before.session().map(|session| ResumePoint {
            session_id: session.id().to_owned(),
            resume_url: before.resume_url().unwrap_or_default().to_owned(),
            sequence: session.sequence(),
            epoch: 0,
        }))
    }
}

/// The library takes a wrong address for a mistake of its caller and panics.
fn is_usable(resume_url: &str) -> bool {
    Url::parse(resume_url).is_ok_and(|url| matches!(url.scheme(), "ws" | "wss") && url.has_host())
}

/// How well a shard of this process is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Condition {
    /// Ours, and not connected.
    Down,
    /// Ours, and connected.
    Up,
    /// Another gateway's; we wait for it.
    Standby,
}

/// Tells how well all shards are together; each shard has one of these.
#[derive(Debug)]
pub struct ShardUp {
    shared: Arc<Shared>,
    condition: Condition,
}

#[derive(Debug)]
struct Shared {
    up: AtomicUsize,
    standby: AtomicUsize,
    total: usize,
    check: Check,
}

impl ShardUp {
    /// Makes one for each of `total` shards.
    pub fn for_each(total: usize, check: Check) -> impl Iterator<Item = Self> {
        let shared = Arc::new(Shared {
            up: AtomicUsize::new(0),
            standby: AtomicUsize::new(0),
            total,
            check,
        });
        (0..total).map(move |_| Self {
            shared: Arc::clone(&shared),
            condition: Condition::Down,
        })
    }

    /// Notes how this shard is. The process is ready when none is down: one that waits is as it
    /// should be, or a new gateway could never take the place of an old one.
    pub fn set(&mut self, condition: Condition) {
        let before = std::mem::replace(&mut self.condition, condition);
        if before == condition {
            return;
        }
        self.shared.leave(before);
        self.shared.enter(condition);
        let up = self.shared.up.load(Ordering::Relaxed);
        let standby = self.shared.standby.load(Ordering::Relaxed);
        self.shared.check.set(up + standby == self.shared.total);
        metrics::shards_connected(up);
        metrics::shards_standby(standby);
    }
}

impl Shared {
    fn counter(&self, condition: Condition) -> Option<&AtomicUsize> {
        match condition {
            Condition::Down => None,
            Condition::Up => Some(&self.up),
            Condition::Standby => Some(&self.standby),
        }
    }

    fn enter(&self, condition: Condition) {
        if let Some(counter) = self.counter(condition) {
            counter.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn leave(&self, condition: Condition) {
        if let Some(counter) = self.counter(condition) {
            counter.fetch_sub(1, Ordering::Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn readiness_needs_every_shard_connected_or_waiting() {
        let check = runtime::admin::Health::new().check("shards");
        let mut shards: Vec<_> = ShardUp::for_each(2, check.clone()).collect();
        shards[0].set(Condition::Up);
        shards[0].set(Condition::Up);
        assert!(!check.is_met());
        shards[1].set(Condition::Standby);
        assert!(check.is_met());
        shards[1].set(Condition::Down);
        assert!(!check.is_met());
        shards[1].set(Condition::Up);
        assert!(check.is_met());
        shards[0].set(Condition::Down);
        assert!(!check.is_met());
    }

    #[test]
    fn stored_address_that_is_none_is_not_used() {
        assert!(is_usable("wss://gateway-us-east1-b.discord.gg"));
        assert!(is_usable("ws://127.0.0.1:9000/gateway"));
        for wrong in [
            "",
            "gateway.discord.gg",
            "https://discord.com",
            "ws://",
            "\u{0}",
        ] {
            assert!(!is_usable(wrong), "{wrong}");
        }
    }
}
