//! A prefix of its own on the real NATS, behind a wire that a test can cut.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use async_nats::jetstream::{self, kv, stream};
use futures_util::TryStreamExt;
use prost::Message as _;
use proto::event::envelope::Event;
use proto::event::{DeadLetter, Envelope};
use proto::id::UserId;
use proto::privacy::{FULL, Key, Probe, Ready};
use proto::subject::{EVENT_MAX_AGE, IDENTIFY_SLOT, Names, PARTITIONS_METADATA};
use rustix::process::{Pid, Signal, kill_process};
use tokio::io::AsyncWriteExt as _;
use tokio::net::{TcpListener, TcpStream};
use tokio::process::{Child, Command};
use tokio::sync::watch;
use tokio_util::task::TaskTracker;

use crate::eventually;
use crate::process::free_address;

pub(crate) const PARTITIONS: u16 = 4;

pub(crate) struct Broker {
    pub(crate) prefix: String,
    pub(crate) names: Names,
    pub(crate) client: async_nats::Client,
    pub(crate) jetstream: jetstream::Context,
    /// What the gateway is told; leads through the wire.
    pub(crate) url: String,
    wire: watch::Sender<bool>,
    address: String,
}

/// A wire of one gateway's own.
pub(crate) struct Wire {
    pub(crate) url: String,
    whole: watch::Sender<bool>,
}

impl Wire {
    pub(crate) fn cut(&self) {
        self.whole.send_replace(false);
    }

    pub(crate) fn mend(&self) {
        self.whole.send_replace(true);
    }
}

impl Broker {
    /// Connects and creates what `worker migrate` creates.
    pub(crate) async fn start() -> Self {
        Self::remembering(EVENT_MAX_AGE).await
    }

    /// The same with a stream that forgets ids of messages so soon.
    pub(crate) async fn remembering(window: Duration) -> Self {
        Self::bare().await.migrated(window).await
    }

    async fn migrated(self, window: Duration) -> Self {
        let broker = self;
        let config = stream::Config {
            name: broker.names.event_stream(),
            subjects: vec![broker.names.all_events()],
            retention: stream::RetentionPolicy::WorkQueue,
            discard: stream::DiscardPolicy::New,
            duplicate_window: window,
            max_age: EVENT_MAX_AGE,
            metadata: [(PARTITIONS_METADATA.to_owned(), PARTITIONS.to_string())].into(),
            ..stream::Config::default()
        };
        broker.jetstream.create_stream(config).await.unwrap();
        let letters = stream::Config {
            name: broker.names.dead_letter_stream(),
            subjects: vec![broker.names.all_dead_letters()],
            ..stream::Config::default()
        };
        broker.jetstream.create_stream(letters).await.unwrap();
        broker.make_sessions().await;
        let identify = kv::Config {
            bucket: broker.names.identify_bucket(),
            max_age: IDENTIFY_SLOT,
            ..kv::Config::default()
        };
        broker.jetstream.create_key_value(identify).await.unwrap();
        broker.make_privacy().await;
        broker.compared(0).await;
        broker
    }

    async fn make_privacy(&self) {
        let bucket = kv::Config {
            bucket: self.names.privacy_bucket(),
            ..kv::Config::default()
        };
        self.jetstream.create_key_value(bucket).await.unwrap();
    }

    pub(crate) async fn privacy(&self) -> kv::Store {
        let bucket = self.names.privacy_bucket();
        self.jetstream.get_key_value(bucket).await.unwrap()
    }

    /// Says what a worker says that has compared the bucket of privacy levels with the database.
    pub(crate) async fn compared(&self, count: u64) {
        let ready = Ready {
            epoch: 1,
            count,
            written_at: 0,
        };
        let key = Key::Ready.to_string();
        let value = ready.to_value().into();
        self.privacy().await.put(key, value).await.unwrap();
    }

    /// Takes that word back.
    pub(crate) async fn not_compared(&self) {
        let key = Key::Ready.to_string();
        self.privacy().await.delete(key).await.unwrap();
    }

    /// Raises a user to level 2 as a worker does; returns the revision.
    pub(crate) async fn hide(&self, user: u64) -> u64 {
        let key = Key::User(UserId(user)).to_string();
        self.privacy().await.put(key, FULL.into()).await.unwrap()
    }

    /// Lowers a user's level again; returns the revision.
    pub(crate) async fn show(&self, user: u64) -> u64 {
        let key = Key::User(UserId(user)).to_string();
        let bucket = self.privacy().await;
        bucket.delete(&*key).await.unwrap();
        bucket.entry(key).await.unwrap().unwrap().revision
    }

    /// What the gateways have written last about themselves, by name.
    pub(crate) async fn probes(&self) -> BTreeMap<String, Probe> {
        let bucket = self.privacy().await;
        let keys: Vec<String> = bucket.keys().await.unwrap().try_collect().await.unwrap();
        let mut probes = BTreeMap::new();
        for key in keys {
            if let Some(Key::Probe(name)) = Key::parse(&key)
                && let Some(entry) = bucket.entry(&key).await.unwrap()
            {
                probes.insert(name.to_owned(), Probe::read(&entry.value));
            }
        }
        probes
    }

    /// Waits until every gateway has read the bucket up to that revision.
    pub(crate) async fn applied(&self, revision: u64) {
        eventually("every gateway has read the change", async || {
            let probes = self.probes().await;
            let have_all = probes.values().all(|probe| probe.applied >= revision);
            have_all.then_some(())
        })
        .await;
    }

    /// Raises so many users to level 2, as fast as the server takes it.
    pub(crate) async fn hide_all(&self, users: u64) {
        let bucket = self.privacy().await;
        let before = bucket.stream.get_info().await.unwrap().state.messages;
        let mut server = TcpStream::connect(&self.address).await.unwrap();
        let hello = "CONNECT {\"verbose\":false}\r\n";
        server.write_all(hello.as_bytes()).await.unwrap();
        // A server drops what it cannot store at once, beyond ten thousand messages.
        for first in (1..=users).step_by(5_000) {
            let last = users.min(first + 4_999);
            let mut text = String::new();
            for number in first..=last {
                // Scattered, as people are.
                let user = UserId((number * 7_919 % users + 1) << 41);
                let key = Key::User(user);
                write!(text, "PUB {}{key} 1\r\n{FULL}\r\n", bucket.prefix).unwrap();
            }
            server.write_all(text.as_bytes()).await.unwrap();
            eventually("all users are stored", async || {
                let state = bucket.stream.get_info().await.ok()?.state;
                (state.messages == before + last).then_some(())
            })
            .await;
        }
    }

    /// Returns how many events are stored.
    pub(crate) async fn published(&self) -> u64 {
        let name = self.names.event_stream();
        let stream = self.jetstream.get_stream(&name).await.unwrap();
        stream.get_info().await.unwrap().state.messages
    }

    /// The same names on the same server, for another task.
    pub(crate) async fn again(&self) -> Self {
        Self {
            prefix: self.prefix.clone(),
            names: self.names.clone(),
            ..Self::at(self.address.clone()).await
        }
    }

    /// Deletes the consumers by which gateways watch the privacy bucket.
    pub(crate) async fn break_privacy_watches(&self) {
        let bucket = self.privacy().await;
        let names = bucket.stream.consumer_names().try_collect::<Vec<_>>();
        for name in names.await.unwrap() {
            // Gone by itself meanwhile.
            drop(bucket.stream.delete_consumer(&name).await);
        }
    }

    /// Lays another wire to the same server.
    pub(crate) async fn wire(&self) -> Wire {
        let (whole, wired) = watch::channel(true);
        let url = carry(self.address.clone(), wired).await;
        Wire { url, whole }
    }

    pub(crate) async fn make_sessions(&self) {
        let bucket = kv::Config {
            bucket: self.names.sessions_bucket(),
            ..kv::Config::default()
        };
        self.jetstream.create_key_value(bucket).await.unwrap();
    }

    pub(crate) async fn drop_sessions(&self) {
        let bucket = self.names.sessions_bucket();
        self.jetstream.delete_key_value(bucket).await.unwrap();
    }

    /// Connects only.
    pub(crate) async fn bare() -> Self {
        let url = std::env::var("TEST_NATS_URL")
            .expect("TEST_NATS_URL is not set: run ./dev test, which starts the servers");
        Self::at(url.trim_start_matches("nats://").to_owned()).await
    }

    /// Connects to a server and sets its wire up.
    async fn at(address: String) -> Self {
        let client = eventually("NATS answers (run ./dev test)", async || {
            async_nats::connect(&address).await.ok()
        })
        .await;
        let prefix = format!("gateway-{:016x}", rand::random::<u64>());
        let (wire, wired) = watch::channel(true);
        Self {
            names: Names::new(&prefix),
            prefix,
            jetstream: jetstream::new(client.clone()),
            client,
            url: carry(address.clone(), wired).await,
            wire,
            address,
        }
    }

    /// Creates what `worker migrate` creates, on a server of this test's own.
    pub(crate) async fn on(server: &Server) -> Self {
        Self::at(server.address.clone())
            .await
            .migrated(EVENT_MAX_AGE)
            .await
    }

    /// Cuts every connection of the gateway and refuses new ones.
    pub(crate) fn cut(&self) {
        self.wire.send_replace(false);
    }

    /// Lets connections through again.
    pub(crate) fn mend(&self) {
        self.wire.send_replace(true);
    }

    /// Writes that this gateway holds the only shard, as it would itself.
    pub(crate) async fn store_holder(&self, holder: &str, epoch: u64) {
        let mut record = serde_json::to_value(self.point().await).unwrap();
        record["holder"] = holder.into();
        record["epoch"] = epoch.into();
        let value = serde_json::to_vec(&record).unwrap();
        self.sessions()
            .await
            .put("0.1", value.into())
            .await
            .unwrap();
    }

    /// Returns the records of events that were given up.
    pub(crate) async fn letters(&self) -> Vec<DeadLetter> {
        let name = self.names.dead_letter_stream();
        let stream = self.jetstream.get_stream(&name).await.unwrap();
        let last = stream.get_info().await.unwrap().state.last_sequence;
        let mut letters = Vec::new();
        for sequence in 1..=last {
            let message = stream.get_raw_message(sequence).await.unwrap();
            letters.push(DeadLetter::decode(message.payload).unwrap());
        }
        letters
    }

    /// Waits until this many events are stored and returns them in order.
    pub(crate) async fn stored(&self, count: usize) -> Vec<Envelope> {
        let name = self.names.event_stream();
        let (stream, last) = eventually(&format!("{count} stored events"), async || {
            let stream = self.jetstream.get_stream(&name).await.ok()?;
            let state = stream.get_info().await.ok()?.state;
            (state.messages >= count as u64).then_some((stream, state.last_sequence))
        })
        .await;
        let mut envelopes = Vec::new();
        for sequence in 1..=last {
            let message = stream.get_raw_message(sequence).await.unwrap();
            envelopes.push(Envelope::decode(message.payload).unwrap());
        }
        envelopes
    }

    /// Takes so many events as a worker does, which makes room for others.
    pub(crate) async fn take(&self, count: usize) -> Vec<Envelope> {
        let name = self.names.event_stream();
        let stream = self.jetstream.get_stream(&name).await.unwrap();
        let consumer = stream
            .create_consumer(jetstream::consumer::pull::Config {
                durable_name: Some("worker".to_owned()),
                ..jetstream::consumer::pull::Config::default()
            })
            .await
            .unwrap();
        let mut messages = consumer.messages().await.unwrap();
        let mut taken = Vec::new();
        while taken.len() < count {
            let next = tokio::time::timeout(crate::DEADLINE, messages.try_next());
            let message = next.await.expect("another event").unwrap().unwrap();
            message.ack().await.unwrap();
            taken.push(Envelope::decode(message.message.payload).unwrap());
        }
        taken
    }

    /// Writes a resume point as a gateway before this one would have.
    pub(crate) async fn store_point(&self, point: &gateway::resume::ResumePoint) {
        self.store_point_at("0.1", point).await;
    }

    /// Writes a resume point of any shard and total.
    pub(crate) async fn store_point_at(&self, key: &str, point: &gateway::resume::ResumePoint) {
        let value = serde_json::to_vec(point).unwrap();
        self.sessions().await.put(key, value.into()).await.unwrap();
    }

    /// Returns the keys of all resume points, sorted; the clock is none.
    pub(crate) async fn session_keys(&self) -> Vec<String> {
        let keys = self.sessions().await.keys().await.unwrap();
        let mut keys: Vec<_> = keys.try_collect().await.unwrap();
        keys.retain(|key| key.contains('.'));
        keys.sort_unstable();
        keys
    }

    pub(crate) async fn sessions(&self) -> kv::Store {
        let bucket = self.names.sessions_bucket();
        self.jetstream.get_key_value(bucket).await.unwrap()
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
        let entry = self.sessions().await.entry("0.1").await;
        let entry = entry.unwrap().unwrap();
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
    let Ok(mut far) = TcpStream::connect(server.as_str()).await else {
        return;
    };
    tokio::select! {
        _ended = tokio::io::copy_bidirectional(&mut near, &mut far) => {}
        _cut = wired.wait_for(|wired| !wired) => {}
    }
}

/// A pinned version of the broker.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Version {
    Newest,
    /// The oldest that is supported.
    Oldest,
}

impl Version {
    fn program(self) -> String {
        let name = match self {
            Self::Newest => "TEST_NATS_SERVER",
            Self::Oldest => "TEST_NATS_SERVER_OLDEST",
        };
        std::env::var(name)
            .unwrap_or_else(|_| panic!("{name} is not set: run ./dev test, which installs it"))
    }
}

/// A NATS server of one test's own, which it may kill.
pub(crate) struct Server {
    version: Version,
    child: Child,
    address: String,
    folder: PathBuf,
}

impl Server {
    pub(crate) async fn start() -> Self {
        Self::of(Version::Newest).await
    }

    pub(crate) async fn of(version: Version) -> Self {
        Self::configured(version, "").await
    }

    /// Starts a server whose only account may store so many bytes.
    pub(crate) async fn with_room(bytes: u32) -> Self {
        let settings = format!(
            "accounts {{ A {{ jetstream {{ max_file: {bytes} }}, \
             users: [{{ user: a, password: a }}] }} }}\nno_auth_user: a\n"
        );
        Self::configured(Version::Newest, &settings).await
    }

    async fn configured(version: Version, settings: &str) -> Self {
        let address = free_address().await;
        let unique = format!("nats-{:016x}", rand::random::<u64>());
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(unique);
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join("nats.conf"), settings).unwrap();
        Self {
            version,
            child: spawn(version, &address, &folder),
            address,
            folder,
        }
    }

    /// Kills the server and starts it again with what it had stored.
    pub(crate) async fn crash(&mut self) {
        self.stop().await;
        self.resume();
    }

    /// Kills the server.
    pub(crate) async fn stop(&mut self) {
        self.child.kill().await.unwrap();
    }

    /// Starts the server again with what it had stored.
    pub(crate) fn resume(&mut self) {
        self.child = spawn(self.version, &self.address, &self.folder);
    }

    /// Lets the server stand still, or go on.
    pub(crate) fn signal(&self, signal: Signal) {
        let pid = i32::try_from(self.child.id().unwrap()).unwrap();
        kill_process(Pid::from_raw(pid).unwrap(), signal).unwrap();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.child.start_kill());
        drop(std::fs::remove_dir_all(&self.folder));
    }
}

fn spawn(version: Version, address: &str, folder: &Path) -> Child {
    let (host, port) = address.split_once(':').unwrap();
    Command::new(version.program())
        .args(["--jetstream", "--addr", host, "--port", port, "--store_dir"])
        .arg(folder)
        .arg("--config")
        .arg(folder.join("nats.conf"))
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .unwrap()
}
