//! A prefix of its own on the real NATS, behind a wire that a test can cut.

use std::sync::Arc;

use async_nats::jetstream::{self, kv, stream};
use prost::Message as _;
use proto::event::Envelope;
use proto::event::envelope::Event;
use proto::subject::{EVENT_MAX_AGE, Names, PARTITIONS_METADATA};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio_util::task::TaskTracker;

use crate::eventually;

pub(crate) const PARTITIONS: u16 = 4;

pub(crate) struct Broker {
    pub(crate) prefix: String,
    pub(crate) names: Names,
    pub(crate) client: async_nats::Client,
    pub(crate) jetstream: jetstream::Context,
    /// What the gateway is told; leads through the wire.
    pub(crate) url: String,
    wire: watch::Sender<bool>,
}

impl Broker {
    /// Connects and creates what `worker migrate` creates.
    pub(crate) async fn start() -> Self {
        let broker = Self::bare().await;
        let config = stream::Config {
            name: broker.names.event_stream(),
            subjects: vec![broker.names.all_events()],
            retention: stream::RetentionPolicy::WorkQueue,
            discard: stream::DiscardPolicy::New,
            duplicate_window: EVENT_MAX_AGE,
            max_age: EVENT_MAX_AGE,
            metadata: [(PARTITIONS_METADATA.to_owned(), PARTITIONS.to_string())].into(),
            ..stream::Config::default()
        };
        broker.jetstream.create_stream(config).await.unwrap();
        let bucket = kv::Config {
            bucket: broker.names.sessions_bucket(),
            ..kv::Config::default()
        };
        broker.jetstream.create_key_value(bucket).await.unwrap();
        broker
    }

    /// Connects only.
    pub(crate) async fn bare() -> Self {
        let url = std::env::var("TEST_NATS_URL")
            .expect("TEST_NATS_URL is not set: run ./dev test, which starts the servers");
        let client = async_nats::connect(&url)
            .await
            .expect("NATS must run: run ./dev test");
        let address = url.trim_start_matches("nats://").to_owned();
        let prefix = format!("gateway-{:016x}", rand::random::<u64>());
        let (wire, wired) = watch::channel(true);
        Self {
            names: Names::new(&prefix),
            prefix,
            jetstream: jetstream::new(client.clone()),
            client,
            url: carry(address, wired).await,
            wire,
        }
    }

    /// Cuts every connection of the gateway and refuses new ones.
    pub(crate) fn cut(&self) {
        self.wire.send_replace(false);
    }

    /// Lets connections through again.
    pub(crate) fn mend(&self) {
        self.wire.send_replace(true);
    }

    /// Waits until this many events are stored and returns them in order.
    pub(crate) async fn stored(&self, count: usize) -> Vec<Envelope> {
        let stream = self
            .jetstream
            .get_stream(self.names.event_stream())
            .await
            .unwrap();
        let last = eventually(&format!("{count} stored events"), async || {
            let state = stream.get_info().await.unwrap().state;
            (state.messages >= count as u64).then_some(state.last_sequence)
        })
        .await;
        let mut envelopes = Vec::new();
        for sequence in 1..=last {
            let message = stream.get_raw_message(sequence).await.unwrap();
            envelopes.push(Envelope::decode(message.payload).unwrap());
        }
        envelopes
    }

    /// Writes a resume point as a gateway before this one would have.
    pub(crate) async fn store_point(&self, point: &gateway::resume::ResumePoint) {
        let bucket = self.names.sessions_bucket();
        let bucket = self.jetstream.get_key_value(bucket).await.unwrap();
        let value = serde_json::to_vec(point).unwrap();
        bucket.put("0.1", value.into()).await.unwrap();
    }

    /// Waits until the gateway has stored its session.
    pub(crate) async fn has_session(&self) {
        eventually("the session is stored", async || {
            self.point().await.has_session().then_some(())
        })
        .await;
    }

    /// Returns the stored resume point of the only shard.
    pub(crate) async fn point(&self) -> gateway::resume::ResumePoint {
        let bucket = self
            .jetstream
            .get_key_value(self.names.sessions_bucket())
            .await
            .unwrap();
        let entry = bucket.entry("0.1").await.unwrap().unwrap();
        serde_json::from_slice(&entry.value).unwrap()
    }
}

/// Returns the contents of the created messages of one channel, in the order of the stream.
pub(crate) fn contents(envelopes: &[Envelope], channel: u64) -> Vec<&str> {
    let created = envelopes
        .iter()
        .filter_map(|envelope| match envelope.event.as_ref() {
            Some(Event::MessageCreate(message)) if message.channel_id == channel => Some(message),
            _ => None,
        });
    created.map(|message| message.content.as_str()).collect()
}

/// Carries bytes to the real server while the wire is whole.
async fn carry(server: String, wired: watch::Receiver<bool>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("nats://{}", listener.local_addr().unwrap());
    let server = Arc::new(server);
    let tasks = TaskTracker::new();
    let connections = tasks.clone();
    tasks.spawn(async move {
        while let Ok((near, _)) = listener.accept().await {
            if *wired.borrow() {
                connections.spawn(copy(near, Arc::clone(&server), wired.clone()));
            }
        }
    });
    url
}

async fn copy(mut near: TcpStream, server: Arc<String>, mut wired: watch::Receiver<bool>) {
    let mut far = TcpStream::connect(server.as_str()).await.unwrap();
    tokio::select! {
        _ended = tokio::io::copy_bidirectional(&mut near, &mut far) => {}
        _cut = wired.wait_for(|wired| !wired) => {}
    }
}
