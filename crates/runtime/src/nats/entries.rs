//! The entries of a bucket, in their order and without a gap, in little memory however many there
//! are.
//!
//! The client library's own watch takes what the server sends ahead, which is 75 MiB for a bucket of
//! a million keys (measured). Here entries are fetched a few hundred at a time. What is missing is
//! never asked for again: after a break the bucket is read from its beginning.

use std::time::Duration;

use async_nats::jetstream::consumer::pull::{self, MessagesError};
use async_nats::jetstream::consumer::{AckPolicy, DeliverPolicy, ReplayPolicy, StreamError};
use async_nats::jetstream::kv;
use async_nats::jetstream::message::Message;
use async_nats::jetstream::stream::ConsumerError;
use bytes::Bytes;
use futures_util::StreamExt;

/// Entries that are fetched at once: some hundred bytes each, and none is waited for.
const AT_ONCE: usize = 500;

/// A server that has nothing to tell says so this often; after two of these it is silent.
const HEARTBEAT: Duration = Duration::from_secs(5);

/// How long one request for entries lives.
const REQUEST: Duration = Duration::from_secs(30);

/// A reader that is gone is forgotten after this.
const FORGOTTEN_AFTER: Duration = Duration::from_secs(30);

/// By which a deletion is told from a value.
const OPERATION_HEADER: &str = "KV-Operation";

/// A value of a key, or its deletion.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The key.
    pub key: String,
    /// Its value; empty when it was deleted.
    pub value: Bytes,
    /// The place of this change among all changes of the bucket; rises.
    pub revision: u64,
    /// When the server stored it, Unix time in milliseconds.
    pub at_ms: i64,
    /// Whether there is a value; otherwise the key was deleted.
    pub is_there: bool,
    /// Whether this was all that was in the bucket when it was sent.
    pub is_last: bool,
}

/// Why nothing can be read any more.
#[derive(Debug, thiserror::Error)]
pub enum Broken {
    /// The server does not let us read.
    #[error("the bucket cannot be read")]
    Refused(#[from] ConsumerError),
    /// The library does not let us read.
    #[error("the bucket cannot be followed")]
    Unread(#[from] StreamError),
    /// The server has forgotten us, or is silent.
    #[error("the bucket's entries have stopped coming")]
    Stopped(#[from] MessagesError),
    /// An entry is missing, or is not one.
    #[error("the bucket's entries have a gap")]
    Gap,
}

/// Reads a bucket: the last value or deletion of every key, then all changes.
pub struct Entries {
    messages: Box<pull::Stream>,
    prefix: String,
    /// How many were read.
    count: u64,
}

impl Entries {
    /// Begins to read. What is stored from the return of this function on is read last.
    ///
    /// # Errors
    /// [`Broken::Refused`], [`Broken::Unread`]: try again later.
    pub async fn open(bucket: &kv::Store) -> Result<Self, Broken> {
        let config = pull::Config {
            deliver_policy: DeliverPolicy::LastPerSubject,
            ack_policy: AckPolicy::None,
            replay_policy: ReplayPolicy::Instant,
            filter_subject: format!("{}>", bucket.prefix),
            inactive_threshold: FORGOTTEN_AFTER,
            memory_storage: true,
            num_replicas: 1,
            ..pull::Config::default()
        };
        let consumer = bucket.stream.create_consumer(config).await?;
        let messages = consumer
            .stream()
            .max_messages_per_batch(AT_ONCE)
            .heartbeat(HEARTBEAT)
            .expires(REQUEST)
            .messages()
            .await?;
        Ok(Self {
            messages: Box::new(messages),
            prefix: bucket.prefix.clone(),
            count: 0,
        })
    }

    /// Waits for the next entry. Cancel safe: yes.
    ///
    /// # Errors
    /// Open the bucket again: nothing more comes of this.
    pub async fn next(&mut self) -> Result<Entry, Broken> {
        let message = self.messages.next().await.ok_or(Broken::Gap)??;
        let entry = self.read(&message).ok_or(Broken::Gap)?;
        self.count += 1;
        Ok(entry)
    }

    /// `None`: not the entry after the one before.
    fn read(&self, message: &Message) -> Option<Entry> {
        let info = message.info().ok()?;
        if info.consumer_sequence != self.count + 1 {
            return None;
        }
        let operation = message
            .headers
            .as_ref()
            .and_then(|headers| headers.get(OPERATION_HEADER));
        let nanos = info.published.unix_timestamp_nanos();
        Some(Entry {
            key: message.subject.strip_prefix(&*self.prefix)?.to_owned(),
            value: message.payload.clone(),
            revision: info.stream_sequence,
            at_ms: i64::try_from(nanos / 1_000_000).ok()?,
            is_there: operation.is_none_or(|operation| operation.as_str() == "PUT"),
            is_last: info.pending == 0,
        })
    }
}
