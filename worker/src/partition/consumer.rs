//! The consumer of a partition: creating one is taking ownership.
//!
//! Every attempt has a name of its own, since creating under an existing name is not refused. A
//! create counts as won only when it was answered or is found under that very name; a delete
//! names exactly the consumer that was judged (DESIGN §3).

use std::fmt;
use std::time::Duration;

use async_nats::jetstream::consumer::pull::{Config, Stream as Messages};
use async_nats::jetstream::consumer::{AckPolicy, DeliverPolicy, PullConsumer};
use async_nats::jetstream::context::ConsumerInfoErrorKind;
use async_nats::jetstream::stream::{ConsumerErrorKind, Stream};
use async_nats::jetstream::{self, ErrorCode};
use futures_util::TryStreamExt;
use proto::subject::{EVENT_MAX_AGE, Partition};
use tokio::time::timeout;

use crate::app::App;

/// One request to the JetStream API.
const ANSWER_WITHIN: Duration = Duration::from_secs(5);

/// Longer than any event lives: nothing is redelivered by time, only to a new consumer.
const ACK_WAIT: Duration = EVENT_MAX_AGE.saturating_add(Duration::from_mins(1));

/// Messages asked for at once; small, because intake decides within milliseconds.
const BATCH: usize = 64;

/// A pull request's life, and how soon a silent server is noticed.
const PULL_EXPIRES: Duration = Duration::from_secs(30);
const PULL_HEARTBEAT: Duration = Duration::from_secs(5);

/// Characters of the random part of a name: 128 bits in hexadecimal.
const RANDOM_LENGTH: usize = 32;

/// A partition that this worker owns, for as long as the consumer exists.
pub(super) struct Owned {
    pub(super) name: String,
    pub(super) messages: Messages,
    consumer: PullConsumer,
    /// Events that were in the stream when ownership began.
    pub(super) backlog: u64,
}

impl fmt::Debug for Owned {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Owned")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

/// What the server says about a consumer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Look {
    /// Sequence of the last message that it handed out.
    pub(super) delivered: u64,
    /// Messages in the stream that it has not handed out.
    pub(super) pending: u64,
    /// Sequence up to which all that it handed out is acknowledged.
    pub(super) acknowledged: u64,
}

impl Owned {
    /// Asks the server about the consumer; `None` when it is gone, and with it the ownership.
    pub(super) async fn look(&mut self) -> anyhow::Result<Option<Look>> {
        match timeout(ANSWER_WITHIN, self.consumer.info()).await? {
            Ok(info) => Ok(Some(Look {
                delivered: info.delivered.consumer_sequence,
                pending: info.num_pending,
                acknowledged: info.ack_floor.consumer_sequence,
            })),
            Err(error) if error.kind() == ConsumerInfoErrorKind::NotFound => Ok(None),
            Err(error) => Err(error.into()),
        }
    }
}

/// What an attempt to take a partition came to.
#[derive(Debug)]
pub(super) enum Attempt {
    Won(Box<Owned>),
    /// Somebody else's consumer exists.
    Taken,
}

/// Tries to become the owner of a partition.
pub(super) async fn take(app: &App, partition: Partition) -> anyhow::Result<Attempt> {
    let stream = stream(app).await?;
    let name = format!("p{partition}-{}-{}", app.worker_id, random_part()?);
    let config = Config {
        durable_name: Some(name.clone()),
        filter_subject: app.names.partition_events(partition),
        deliver_policy: DeliverPolicy::All,
        ack_policy: AckPolicy::Explicit,
        ack_wait: ACK_WAIT,
        max_ack_pending: -1,
        max_deliver: -1,
        ..Config::default()
    };
    let consumer = match timeout(ANSWER_WITHIN, stream.create_consumer(config)).await {
        Ok(Ok(consumer)) => consumer,
        Ok(Err(error)) if is_taken(&error.kind()) => return Ok(Attempt::Taken),
        // Unanswered: it is ours exactly if it is there.
        Ok(Err(_)) | Err(_) => find(&stream, &name).await?,
    };
    let backlog = consumer.cached_info().num_pending;
    let messages = consumer
        .stream()
        .max_messages_per_batch(BATCH)
        .expires(PULL_EXPIRES)
        .heartbeat(PULL_HEARTBEAT)
        .messages()
        .await?;
    Ok(Attempt::Won(Box::new(Owned {
        name,
        messages,
        consumer,
        backlog,
    })))
}

/// Deletes the consumers of a partition whose owners are proven dead; tells whether any was.
pub(super) async fn evict_dead(app: &App, partition: Partition) -> anyhow::Result<bool> {
    let stream = stream(app).await?;
    let prefix = format!("p{partition}-");
    let names: Vec<String> =
        timeout(ANSWER_WITHIN, stream.consumer_names().try_collect()).await??;
    let mut evicted = false;
    for name in names.iter().filter(|name| name.starts_with(&prefix)) {
        let Some(worker) = owner_in(name) else {
            continue;
        };
        if app.presence.is_dead(worker).await {
            timeout(ANSWER_WITHIN, stream.delete_consumer(name)).await??;
            tracing::info!(%partition, worker, "took a partition from a dead worker");
            evicted = true;
        }
    }
    Ok(evicted)
}

/// Gives a partition away. An unanswered delete leaves the consumer to [`evict_own`], or to others
/// once this worker is gone.
pub(super) async fn give_up(app: &App, name: &str) {
    let deleted = async {
        let stream = stream(app).await?;
        timeout(ANSWER_WITHIN, stream.delete_consumer(name)).await??;
        anyhow::Ok(())
    };
    if let Err(error) = deleted.await {
        tracing::warn!(consumer = name, %error, "a consumer may not be deleted");
    }
}

/// Deletes what this worker's own earlier, unanswered attempts may have left; tells whether
/// anything was.
pub(super) async fn evict_own(app: &App, partition: Partition) -> anyhow::Result<bool> {
    let stream = stream(app).await?;
    let prefix = format!("p{partition}-{}-", app.worker_id);
    let names: Vec<String> =
        timeout(ANSWER_WITHIN, stream.consumer_names().try_collect()).await??;
    let mut evicted = false;
    for name in names.iter().filter(|name| name.starts_with(&prefix)) {
        timeout(ANSWER_WITHIN, stream.delete_consumer(name)).await??;
        evicted = true;
    }
    Ok(evicted)
}

async fn stream(app: &App) -> anyhow::Result<Stream> {
    let context = jetstream::new(app.nats.clone());
    Ok(timeout(ANSWER_WITHIN, context.get_stream(app.names.event_stream())).await??)
}

async fn find(stream: &Stream, name: &str) -> anyhow::Result<PullConsumer> {
    timeout(ANSWER_WITHIN, stream.get_consumer(name))
        .await?
        .map_err(|error| anyhow::anyhow!("the consumer was not created: {error}"))
}

fn is_taken(kind: &ConsumerErrorKind) -> bool {
    matches!(
        kind,
        ConsumerErrorKind::JetStream(error)
            if error.error_code() == ErrorCode::CONSUMER_WQ_CONSUMER_NOT_UNIQUE
    )
}

/// Returns the worker in a consumer's name `p<partition>-<worker>-<random>`.
fn owner_in(name: &str) -> Option<&str> {
    let (_, rest) = name.split_once('-')?;
    let (worker, random) = rest.rsplit_once('-')?;
    (random.len() == RANDOM_LENGTH && !worker.is_empty()).then_some(worker)
}

fn random_part() -> anyhow::Result<String> {
    let mut bytes = [0_u8; RANDOM_LENGTH / 2];
    getrandom::fill(&mut bytes)?;
    Ok(format!("{:032x}", u128::from_le_bytes(bytes)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_owner_is_read_from_the_name_of_its_consumer() {
        let random = "0123456789abcdef0123456789abcdef";
        assert_eq!(
            owner_in(&format!("p7-worker-1-ab12-{random}")),
            Some("worker-1-ab12")
        );
        assert_eq!(owner_in("p7-worker-1-short"), None);
        assert_eq!(owner_in("something"), None);
    }

    #[test]
    fn random_parts_have_a_fixed_length_and_differ() {
        let (one, two) = (random_part().unwrap(), random_part().unwrap());
        assert_eq!(one.len(), RANDOM_LENGTH);
        assert_ne!(one, two);
    }
}
