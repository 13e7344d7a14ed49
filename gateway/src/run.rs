//! Builds everything once, runs it, and takes it down in the order in which nothing is lost.

use std::time::Duration;

use async_nats::jetstream;
use proto::id::UserId;
use proto::subject::{Names, OLDEST_SERVER, PARTITIONS_METADATA};
use runtime::admin::Health;
use runtime::shutdown::Shutdown;
use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use twilight_gateway::ShardId;
use twilight_gateway::queue::InMemoryQueue;
use twilight_model::gateway::connection_info::BotConnectionInfo;
use url::Url;

use crate::config::{Settings, ShardCount, ShardIds};
use crate::connect::Reader;
use crate::connect::frame::Intake;
use crate::connect::session::{Dial, ShardsUp};
use crate::error::Error;
use crate::interactions::{Interactions, Parts};
use crate::link::{self, Link};
use crate::publish::Publisher;
use crate::resume::saver::Saver;
use crate::resume::{Progress, store};

/// How long the client waits for one acknowledgement: JetStream answers within milliseconds, an
/// election of a leader takes a few seconds.
const ACK_DEADLINE: Duration = Duration::from_secs(5);

/// Acknowledgements that the client may await: beyond what we publish at once, because it goes on
/// awaiting those that we gave up with a broken connection.
const ACKS_AT_ONCE: usize = 65_536;

/// Between two attempts to reach Discord's REST interface at the start.
const REST_RETRY_EVERY: Duration = Duration::from_secs(5);

/// Liveness is told this often while the start waits for others.
const TICK_EVERY: Duration = Duration::from_secs(5);

/// Identifies of a day that are left to the operator: at zero Discord resets the token.
const IDENTIFY_RESERVE: u32 = 20;

/// A gateway that is connected to everything it needs.
struct Gateway {
    settings: Settings,
    stream: jetstream::Context,
    names: Names,
    link: Link,
    publisher: Publisher,
    intake: Intake,
    connection: BotConnectionInfo,
    /// Ends what must outlive reading: the look at NATS, and publishing.
    background: CancellationToken,
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
        let nats = runtime::nats::connect(&settings.nats, "gateway", OLDEST_SERVER).await?;
        let stream = jetstream::context::ContextBuilder::new()
            .timeout(ACK_DEADLINE)
            .ack_timeout(ACK_DEADLINE)
            .max_ack_inflight(ACKS_AT_ONCE)
            .build(nats.clone());
        let names = Names::new(settings.nats.prefix.clone());
        let partitions = settings.nats.partitions;
        let event_stream = names.event_stream();
        runtime::nats::check_stream(&stream, &event_stream, PARTITIONS_METADATA, partitions)
            .await?;
        let (watch, link) = link::watch(nats.clone());
        shutdown.spawn(watch.run(health.check("nats"), background.clone()));

        let rest = rest(&settings)?;
        let (own, connection) = introduce(&rest).await?;
        let publisher = Publisher::new(settings.spool_bytes);
        let interactions = Interactions::new(Parts {
            nats,
            link: link.clone(),
            names: names.clone(),
            discord: rest,
            ack: settings.interaction_ack,
            tasks: shutdown.tracker.clone(),
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
            names,
            link,
            publisher,
            intake,
            connection,
            background,
        })
    }

    async fn serve(self, shutdown: &Shutdown, health: Health) -> Result<(), Error> {
        let publisher = self.publisher.clone();
        let mut publishing = shutdown.spawn(publisher.clone().run(
            self.stream.clone(),
            self.link.clone(),
            self.background.clone(),
        ));

        let (reading, saving) = (shutdown.token.child_token(), CancellationToken::new());
        let (mut readers, mut savers) = (JoinSet::new(), JoinSet::new());
        let shards = self.shards(&health).await?;
        for (reader, saver) in shards {
            readers.spawn(reader.run(reading.clone()));
            savers.spawn(saver.run(saving.clone()));
        }
        let result = tokio::select! {
            result = first_end(&mut readers) => result,
            result = first_end(&mut savers) => result,
            ended = &mut publishing => ended.map_err(Error::Task),
            () = reading.cancelled() => Ok(()),
        };
        reading.cancel();
        let closed = all_ends(&mut readers).await;
        // What a newer gateway holds is not ours to publish; it has read it, too.
        if !matches!(result, Err(Error::Superseded { .. })) {
            flush(&publisher, self.settings.run.drain_timeout).await;
        }
        saving.cancel();
        let saved = all_ends(&mut savers).await;
        result.and(closed).and(saved)
    }

    /// Takes over the shards of this process.
    async fn shards(&self, health: &Health) -> Result<Vec<(Reader, Saver)>, Error> {
        let bucket_name = self.names.sessions_bucket();
        let bucket = self.stream.get_key_value(&bucket_name).await;
        let bucket = bucket.map_err(|source| Error::Bucket {
            bucket: bucket_name.clone(),
            source,
        })?;
        let (ids, total) = shard_ids(&self.settings, self.connection.shards)?;
        let queue = identify_queue(&self.connection);
        let mut shards = Vec::with_capacity(ids.len());
        let ups = ShardsUp::for_each(ids.len(), health.check("shards"));
        let past = store::Past::find(&bucket, total).await;
        let past = past.map_err(|source| Error::ResumePoints { source })?;
        for (shard, up) in ids.into_iter().zip(ups) {
            let taken = store::take_over(bucket.clone(), shard, total, past.clone()).await;
            let taken = taken.map_err(|source| Error::ResumePoint { shard, source })?;
            let resumes = taken.point.has_session();
            tracing::info!(
                shard,
                total,
                resumes,
                epoch = taken.point.epoch,
                "shard taken over"
            );
            let progress = Progress::from(taken.point, taken.written_at_ms);
            let saver = Saver::new(shard, progress.clone(), taken.stored, self.link.clone());
            let dial = Dial {
                id: ShardId::new(shard, total),
                token: self.settings.discord.token.clone(),
                gateway_url: self.gateway_url(),
                queue: queue.clone(),
            };
            let intake = Intake {
                shard,
                ..self.intake.clone()
            };
            shards.push((
                Reader {
                    dial,
                    intake,
                    progress,
                    up,
                    health: health.clone(),
                },
                saver,
            ));
        }
        Ok(shards)
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

/// Learns who we are and how to connect, for as long as it takes; only a refused token ends it.
async fn introduce(rest: &discord::Client) -> Result<(UserId, BotConnectionInfo), Error> {
    loop {
        let learned = async { Ok((rest.current_user().await?.id, rest.gateway_bot().await?)) };
        match learned.await {
            Ok(learned) => return Ok(learned),
            Err(discord::Error::Unauthorized) => return Err(Error::Token),
            Err(error) => {
                let reason = discord::Error::label(&error);
                tracing::warn!(reason, "waiting for Discord's REST interface");
                tokio::time::sleep(REST_RETRY_EVERY).await;
            }
        }
    }
}

fn identify_queue(connection: &BotConnectionInfo) -> InMemoryQueue {
    let limit = &connection.session_start_limit;
    let remaining = limit.remaining.saturating_sub(IDENTIFY_RESERVE);
    if remaining == 0 {
        let left = limit.remaining;
        tracing::error!(
            left,
            "hardly any identifies are left today: new sessions must wait"
        );
    }
    let reset_after = Duration::from_millis(limit.reset_after);
    InMemoryQueue::new(
        limit.max_concurrency,
        remaining,
        reset_after,
        limit.total.max(remaining),
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

async fn flush(publisher: &Publisher, deadline: Duration) {
    let began = Instant::now();
    let is_flushed = tokio::time::timeout(deadline, publisher.is_flushed())
        .await
        .is_ok();
    let elapsed_ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
    if is_flushed {
        tracing::info!(elapsed_ms, "everything that was read is stored");
    } else {
        tracing::warn!(
            elapsed_ms,
            "not everything could be stored: the next start reads it again"
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use runtime::settings::source::Source;

    fn settings(pairs: &[(&str, &str)]) -> Settings {
        let token = [("DISCORD_TOKEN", "t")];
        let pairs = token.iter().chain(pairs).copied();
        Settings::read(Source::from_pairs(pairs)).unwrap().0
    }

    #[test]
    fn shard_that_does_not_exist_is_refused() {
        let error = shard_ids(&settings(&[("SHARD_IDS", "0-2")]), 2).unwrap_err();
        assert!(matches!(error, Error::NoSuchShard { shard: 2, total: 2 }));
    }

    #[test]
    fn automatic_count_takes_what_discord_advises() {
        assert_eq!(shard_ids(&settings(&[]), 3).unwrap(), (vec![0, 1, 2], 3));
        let fixed = settings(&[("SHARD_COUNT", "4"), ("SHARD_IDS", "3")]);
        assert_eq!(shard_ids(&fixed, 1).unwrap(), (vec![3], 4));
    }
}
