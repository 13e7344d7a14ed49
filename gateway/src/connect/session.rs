//! How a shard is built, at the start and again, and how many of them are up.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use runtime::admin::Check;
use secrecy::{ExposeSecret, SecretString};
use twilight_gateway::queue::InMemoryQueue;
use twilight_gateway::{ConfigBuilder, Session, Shard, ShardId};
use url::Url;

use crate::encode::INTENTS;
use crate::metrics;
use crate::resume::ResumePoint;

/// Everything a connection of one shard needs; the same for every attempt.
#[derive(Clone)]
pub struct Dial {
    /// The shard.
    pub id: ShardId,
    /// The bot's token.
    pub token: SecretString,
    /// The gateway, without a slash at its end.
    pub gateway_url: String,
    /// Who may identify when; shared by all shards.
    pub queue: InMemoryQueue,
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
            .queue(self.queue.clone());
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

/// Counts the shards that are connected; each shard has one of these.
#[derive(Debug)]
pub struct ShardsUp {
    shared: Arc<Shared>,
    is_up: bool,
}

#[derive(Debug)]
struct Shared {
    up: AtomicUsize,
    total: usize,
    check: Check,
}

impl ShardsUp {
    /// Makes one counter for each of `total` shards.
    pub fn for_each(total: usize, check: Check) -> impl Iterator<Item = Self> {
        let shared = Arc::new(Shared {
            up: AtomicUsize::new(0),
            total,
            check,
        });
        (0..total).map(move |_| Self {
            shared: Arc::clone(&shared),
            is_up: false,
        })
    }

    /// Notes whether this shard is connected.
    pub fn set(&mut self, is_up: bool) {
        if self.is_up == is_up {
            return;
        }
        self.is_up = is_up;
        let up = if is_up {
            self.shared.up.fetch_add(1, Ordering::Relaxed) + 1
        } else {
            self.shared.up.fetch_sub(1, Ordering::Relaxed) - 1
        };
        self.shared.check.set(up == self.shared.total);
        metrics::shards_connected(up);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn readiness_needs_every_shard() {
        let check = runtime::admin::Health::new().check("shards");
        let mut shards: Vec<_> = ShardsUp::for_each(2, check.clone()).collect();
        shards[0].set(true);
        shards[0].set(true);
        assert!(!check.is_met());
        shards[1].set(true);
        assert!(check.is_met());
        shards[0].set(false);
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
