//! Builds everything once, runs it, and takes it down in the order in which nothing is lost.

use std::time::Duration;

use async_nats::jetstream::{self, kv};
use proto::id::UserId;
use proto::subject::{Names, OLDEST_SERVER, PARTITIONS_METADATA};
use runtime::admin::Health;
use runtime::shutdown::Shutdown;
use runtime::start::until_there;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use twilight_gateway::ShardId;
use twilight_model::gateway::connection_info::BotConnectionInfo;
use url::Url;

use crate::config::{Settings, ShardCount, ShardIds};
use crate::connect::frame::Intake;
use crate::connect::session::{Dial, ShardUp};
use crate::door::{Door, watch as door};
use crate::error::Error;
use crate::identify::Identify;
use crate::interactions::{Interactions, Parts};
use crate::link::{self, Link};
use crate::publish::Publisher;
use crate::resume::holder::Holder;
use crate::resume::standby::Standby;
use crate::resume::store::Place;
use crate::shard::Shard;

/// How long the client waits for one acknowledgement: JetStream answers within milliseconds, an
/// election of a leader takes a few seconds.
const ACK_DEADLINE: Duration = Duration::from_secs(5);

/// Acknowledgements that the client may await: beyond what we publish at once, because it goes on
/// awaiting those that we gave up with a broken connection.
const ACKS_AT_ONCE: usize = 65_536;

/// Liveness is told this often while the start waits for others.
const TICK_EVERY: Duration = Duration::from_secs(5);

/// A gateway that is connected to everything it needs.
struct Gateway {
    settings: Settings,
    stream: jetstream::Context,
    buckets: Buckets,
    names: Names,
    link: Link,
    rest: discord::Client,
    publisher: Publisher,
    intake: Intake,
    connection: BotConnectionInfo,
    /// Ends what must outlive reading: the look at NATS, and publishing.
    background: CancellationToken,
}

/// Where gateways share what they must know of each other.
struct Buckets {
    sessions: kv::Store,
    identify: kv::Store,
    privacy: kv::Store,
}

/// Runs until told to stop or until it cannot go on. When this returns, what was read is stored, or
/// the resume point is before it.
///
/// # Errors
/// Why the gateway cannot start or go on.
pub async fn run(settings: Settings, shutdown: &Shutdown, health: Health) -> Result<(), Error> {
    // Ends what must outlive reading, whichever way this function ends.
    let background = CancellationToken::new();
    let ends = background.clone().drop_guard();
    let mut starting = Box::pin(Gateway::start(settings, shutdown, &health, background));
    let mut tick = tokio::time::interval(TICK_EVERY);
    let gateway = loop {
        tokio::select! {
            started = &mut starting => break started?,
            _ = tick.tick() => health.tick(),
            () = shutdown.token.cancelled() => return Ok(()),
        }
    };
    drop(starting);
    let result = gateway.serve(shutdown, health).await;
    drop(ends);
    result
}

impl Gateway {
    async fn start(
        settings: Settings,
        shutdown: &Shutdown,
        health: &Health,
        background: CancellationToken,
    ) -> Result<Self, Error> {
        health.check("shards");
        let is_whole = health.check("door");
        let nats = runtime::nats::connect(&settings.nats, "gateway", OLDEST_SERVER).await?;
        let stream = jetstream::context::ContextBuilder::new()
            .timeout(ACK_DEADLINE)
            .ack_timeout(ACK_DEADLINE)
            .max_ack_inflight(ACKS_AT_ONCE)
            .build(nats.clone());
        let names = Names::new(settings.nats.prefix.clone());
        let partitions = settings.nats.partitions;
        let open = || open(&stream, &names, partitions);
        let buckets = until_there("JetStream", open, runtime::nats::Error::passes).await?;
        let (watch, link) = link::watch(nats.clone());
        shutdown.spawn(watch.run(health.check("nats"), background.clone()));

        let rest = rest(&settings)?;
        let (own, connection) = introduce(&rest).await?;
        let grace = settings.privacy_grace;
        let door = Door::new(grace);
        let publisher = Publisher::new(settings.spool_bytes, door.clone());
        let watch = door::Watch::new(door, buckets.privacy.clone(), link.clone(), grace);
        shutdown.spawn(watch.run(is_whole, background.clone()));
        let interactions = Interactions::new(Parts {
            nats,
            link: link.clone(),
            names: names.clone(),
            discord: rest.clone(),
            ack: settings.interaction_ack,
            tasks: shutdown.tracker.clone(),
            stop: shutdown.token.clone(),
        });
        let intake = Intake {
            shard: 0,
            partitions,
            names: names.clone(),
            own,
            publisher: publisher.clone(),
            interactions,
        };
        Ok(Self {
            settings,
            stream,
            buckets,
            names,
            link,
            rest,
            publisher,
            intake,
            connection,
            background,
        })
    }

    async fn serve(self, shutdown: &Shutdown, health: Health) -> Result<(), Error> {
        let mut publishing = shutdown.spawn(self.publisher.clone().run(
            self.names.clone(),
            self.stream.clone(),
            self.link.clone(),
            self.background.clone(),
        ));
        let stop = shutdown.token.child_token();
        let ours = self.shards(shutdown, &health)?;
        let mut shards = JoinSet::new();
        for shard in ours {
            shards.spawn(shard.run(stop.clone()));
        }
        let result = tokio::select! {
            result = first_end(&mut shards) => result,
            ended = &mut publishing => ended.map_err(Error::Task),
            () = stop.cancelled() => Ok(()),
        };
        stop.cancel();
        result.and(all_ends(&mut shards).await)
    }

    /// Gets in line for the shards of this process.
    fn shards(&self, shutdown: &Shutdown, health: &Health) -> Result<Vec<Shard>, Error> {
        let identify = Identify::new(
            self.buckets.identify.clone(),
            self.link.clone(),
            self.rest.clone(),
            &self.connection.session_start_limit,
            shutdown.tracker.clone(),
        );
        let (ids, total) = shard_ids(&self.settings, self.connection.shards)?;
        let holder = holder(&self.settings);
        let ups = ShardUp::for_each(ids.len(), health.check("shards"));
        let shard = |(number, up)| Shard {
            standby: Standby::new(
                Place::new(self.buckets.sessions.clone(), number, total),
                holder.clone(),
                health.clone(),
            ),
            dial: Dial {
                id: ShardId::new(number, total),
                token: self.settings.discord.token.clone(),
                gateway_url: self.gateway_url(),
                identify: identify.clone(),
            },
            intake: Intake {
                shard: number,
                ..self.intake.clone()
            },
            up,
            link: self.link.clone(),
            health: health.clone(),
            drain: self.settings.run.drain_timeout,
        };
        Ok(ids.into_iter().zip(ups).map(shard).collect())
    }

    fn gateway_url(&self) -> String {
        let configured = self.settings.discord.gateway_url.as_ref().map(Url::as_str);
        let url = configured.unwrap_or(&self.connection.url);
        url.trim_end_matches('/').to_owned()
    }
}

fn rest(settings: &Settings) -> Result<discord::Client, Error> {
    let discord = &settings.discord;
    discord::Client::new(discord::Settings {
        api_url: discord.api_url.clone(),
        token: discord.token.clone(),
        global_rps: discord.global_rps,
        proxy_url: discord
            .proxy_url
            .as_ref()
            .map(|url| url.as_str().to_owned()),
    })
    .map_err(Error::Rest)
}

/// Looks whether `worker migrate` has made what the gateway needs.
async fn open(
    stream: &jetstream::Context,
    names: &Names,
    partitions: u16,
) -> Result<Buckets, runtime::nats::Error> {
    let event_stream = names.event_stream();
    runtime::nats::check_stream(stream, &event_stream, PARTITIONS_METADATA, partitions).await?;
    Ok(Buckets {
        sessions: runtime::nats::bucket(stream, names.sessions_bucket()).await?,
        identify: runtime::nats::bucket(stream, names.identify_bucket()).await?,
        privacy: runtime::nats::bucket(stream, names.privacy_bucket()).await?,
    })
}

/// Learns who we are and how to connect, for as long as it takes; only a refused token ends it.
async fn introduce(rest: &discord::Client) -> Result<(UserId, BotConnectionInfo), Error> {
    let ask = || async { Ok((rest.current_user().await?.id, rest.gateway_bot().await?)) };
    let passes = |error: &discord::Error| !matches!(error, discord::Error::Unauthorized);
    let learned = until_there("Discord's REST interface", ask, passes).await;
    learned.map_err(|_refused| Error::Token)
}

/// Names this run of the gateway, which listens at its admin port by now.
fn holder(settings: &Settings) -> Holder {
    Holder::new(
        &runtime::host::name(),
        settings.admin.listen,
        rand::random(),
    )
}

/// Returns the shards of this process and how many there are in all.
fn shard_ids(settings: &Settings, advised: u32) -> Result<(Vec<u32>, u32), Error> {
    let total = match settings.shard_count {
        ShardCount::Auto => advised.max(1),
        ShardCount::Fixed(total) => total,
    };
    let ids = match &settings.shard_ids {
        ShardIds::All => (0..total).collect(),
        ShardIds::These(ids) => ids.clone(),
    };
    match ids.iter().find(|shard| **shard >= total) {
        Some(shard) => Err(Error::NoSuchShard {
            shard: *shard,
            total,
        }),
        None => Ok((ids, total)),
    }
}

/// Waits for the first task to end.
async fn first_end(tasks: &mut JoinSet<Result<(), Error>>) -> Result<(), Error> {
    match tasks.join_next().await {
        Some(Ok(result)) => result,
        Some(Err(error)) => Err(Error::Task(error)),
        None => Ok(()),
    }
}

async fn all_ends(tasks: &mut JoinSet<Result<(), Error>>) -> Result<(), Error> {
    let mut result = Ok(());
    while !tasks.is_empty() {
        result = result.and(first_end(tasks).await);
    }
    result
}

#[cfg(test)]
mod tests {
    use super::*;
    use runtime::settings::Process;
    use runtime::settings::source::Source;

    fn settings(pairs: &[(&str, &str)]) -> Settings {
        let token = [("DISCORD_TOKEN", "t")];
        let pairs = token.iter().chain(pairs).copied();
        Settings::read(Source::from_pairs(Process::Gateway, pairs))
            .unwrap()
            .0
    }

    /// CFG-46.
    #[test]
    fn shard_that_does_not_exist_is_refused() {
        let error = shard_ids(&settings(&[("SHARD_IDS", "0-2")]), 2).unwrap_err();
        assert!(matches!(error, Error::NoSuchShard { shard: 2, total: 2 }));
    }

    /// CFG-45.
    #[test]
    fn automatic_count_takes_what_discord_advises() {
        assert_eq!(shard_ids(&settings(&[]), 3).unwrap(), (vec![0, 1, 2], 3));
        let fixed = settings(&[("SHARD_COUNT", "4"), ("SHARD_IDS", "3")]);
        assert_eq!(shard_ids(&fixed, 1).unwrap(), (vec![3], 4));
    }
}
