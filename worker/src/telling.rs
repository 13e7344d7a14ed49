//! Administrators are told once of a key that was refused for good (POOL-17): in the server's notice
//! channel, else its owner directly, else by the list of keys alone. Of a key of their own people are
//! told directly.
//!
//! Whoever saw the last refusal looks at once, and every worker looks now and then, so that a key is
//! told whose worker died. One worker tells at a time, and a key counts as told once its message was
//! sent: a worker that dies in between leaves it to the next, whose message has the same nonce.

use std::sync::Arc;
use std::time::Duration;

use futures_util::{FutureExt as _, StreamExt as _, stream};
use llm::Provider;
use proto::id::{ChannelId, TenantId, UserId};
use store::{Counter, RefusedKey, WhichKey};
use tokio::time::{Instant, MissedTickBehavior, interval};
use xxhash_rust::xxh3::xxh3_64;

use crate::app::App;
use crate::job::{self, Look};
use crate::metrics;
use crate::notice::{CredentialText, Notice};

/// Name of the job among those that have one leader.
const JOB: &str = "refused_keys";

/// Between two looks for keys that nobody has told of. With the time for which a dead worker's lead
/// lasts it is shorter than Discord remembers a nonce, a few minutes.
const LOOK_EVERY: Duration = Duration::from_secs(15);

/// Longest time of one message.
const TELL_WITHIN: Duration = Duration::from_secs(10);

/// Keys that are told of at once: a server that answers slowly holds up few others.
const AT_ONCE: usize = 8;

/// Who was told of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Told {
    /// The notice channel.
    Channel,
    /// The owner, directly.
    Owner,
    /// Nobody can be: the key is found in the list of keys.
    Nobody,
    /// Nobody for now; somebody tries again.
    Later,
}

impl Told {
    pub(crate) const ALL: [Self; 4] = [Self::Channel, Self::Owner, Self::Nobody, Self::Later];

    /// Returns the metric label.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Channel => "channel",
            Self::Owner => "owner",
            Self::Nobody => "nobody",
            Self::Later => "later",
        }
    }
}

/// Tells of refused keys for ever. Cancel safe: yes; what was begun goes on in tasks of its own.
pub(crate) async fn tell_of_refused_keys(app: Arc<App>) {
    let mut ticks = interval(LOOK_EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = ticks.tick() => {}
            () = app.key_pools.refusal() => {}
        }
        let told = job::lead(&app, JOB, Duration::ZERO, tell_all(&app)).await;
        if let Look::Worked(Err(error)) = told {
            tracing::debug!(%error, "refused keys are not looked for");
        }
    }
}

/// Tells of all keys that nobody has told of.
async fn tell_all(app: &Arc<App>) -> Result<(), store::Error> {
    let untold = app.store.untold_refusals().await?;
    let telling = stream::iter(untold).for_each_concurrent(AT_ONCE, |key| {
        let teller = Arc::clone(app);
        let telling = async move { tell_once(&teller, &key).await };
        app.tracker.spawn(telling).map(drop)
    });
    telling.await;
    Ok(())
}

async fn tell_once(app: &App, key: &RefusedKey) {
    let told = tell(app, key).await;
    metrics::told_of_key(told);
    if told != Told::Later
        && let Err(error) = app.store.refusal_is_told(key).await
    {
        tracing::warn!(%error, "a refused key may be told of twice");
    }
}

async fn tell(app: &App, key: &RefusedKey) -> Told {
    if let Some(channel) = key.notice_channel {
        let told = told(post(app, key, channel).await, Told::Channel);
        if told != Told::Nobody {
            return told;
        }
    }
    match owner_of(app, key).await {
        Ok(owner) => tell_directly(app, key, owner).await,
        Err(error) => told(Err(error), Told::Owner),
    }
}

async fn tell_directly(app: &App, key: &RefusedKey, owner: UserId) -> Told {
    match write_to(app, owner, &message(key)).await {
        Direct::Said => Told::Owner,
        Direct::Closed => Told::Nobody,
        Direct::Failed(error) => told(Err(error), Told::Owner),
        Direct::Unknown => Told::Later,
    }
}

/// What became of a direct message.
pub(crate) enum Direct {
    /// The person has it.
    Said,
    /// The person takes none, now or when somebody tried within a day.
    Closed,
    /// Discord did not take it.
    Failed(discord::Error),
    /// Nobody knows whether the person takes any, so none was written.
    Unknown,
}

/// Writes to a person who takes direct messages; who does not is left alone for a day (PRIV-71).
pub(crate) async fn write_to(app: &App, person: UserId, message: &discord::NewMessage) -> Direct {
    let Some(counter) = counter(app, person) else {
        return Direct::Unknown;
    };
    match app.store.is_direct_open(counter).await {
        Ok(true) => {}
        Ok(false) => return Direct::Closed,
        Err(error) => {
            tracing::debug!(%error, "nobody knows whether direct messages are taken");
            return Direct::Unknown;
        }
    }
    let Err(error) = app.discord.send_directly(person, message).await else {
        return Direct::Said;
    };
    if !error.is_direct_closed() {
        return Direct::Failed(error);
    }
    if let Err(error) = app.store.direct_is_closed(counter).await {
        tracing::debug!(%error, "closed direct messages are not remembered");
    }
    Direct::Closed
}

/// Returns under which number it is noted that a person takes no direct messages.
fn counter(app: &App, owner: UserId) -> Option<Counter> {
    let pseudonym = app.keys.get().pseudonym(owner.0);
    let pseudonym = pseudonym.inspect_err(|error| {
        tracing::warn!(%error, "nobody knows whether direct messages are taken");
    });
    pseudonym.ok().map(Counter::new)
}

/// Who was told, if somebody was.
fn told(outcome: Result<(), discord::Error>, whom: Told) -> Told {
    match outcome {
        Ok(()) => whom,
        Err(error) if error.is_for_now() => Told::Later,
        // A channel that is gone, or a person who takes no direct messages.
        Err(error) => {
            tracing::info!(%error, whom = whom.as_str(), "nobody reads about a refused key there");
            Told::Nobody
        }
    }
}

async fn owner_of(app: &App, key: &RefusedKey) -> Result<UserId, discord::Error> {
    Ok(match key.tenant {
        TenantId::Direct(user) => user,
        TenantId::Guild(guild) => app.discord.guild(guild).await?.owner,
    })
}

async fn post(app: &App, key: &RefusedKey, channel: ChannelId) -> Result<(), discord::Error> {
    let posted = app.discord.create_message(channel, &message(key)).await;
    posted.map(drop)
}

fn message(key: &RefusedKey) -> discord::NewMessage {
    let text = notice(key).text().into_owned();
    discord::NewMessage::plain(text, nonce(key), Instant::now() + TELL_WITHIN)
}

fn notice(key: &RefusedKey) -> Notice {
    let provider: Option<Provider> = key.provider.parse().ok();
    let provider = provider.map_or_else(|| key.provider.clone(), |known| known.label().to_owned());
    let last4 = key.last4.clone();
    Notice::Credentials(match key.which {
        WhichKey::Own(_) => CredentialText::OwnRefusedForGood { provider, last4 },
        WhichKey::Pooled(_) | WhichKey::Main(_) => CredentialText::RefusedForGood {
            provider,
            is_main: key.is_main,
            label: key.label.clone(),
            last4,
        },
    })
}

/// The same for every attempt to tell of this refusal of this key: what was sent and in doubt is not
/// sent twice.
fn nonce(key: &RefusedKey) -> u64 {
    let (table, row) = match key.which {
        WhichKey::Pooled(row) => (0_i64, row.0),
        WhichKey::Main(server) => (1, server.0),
        WhichKey::Own(row) => (2, row.0),
    };
    xxh3_64(&[table, row, key.generation].map(i64::to_le_bytes).concat())
}
