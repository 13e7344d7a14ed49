//! Listens to what the gateway publishes, and publishes some of it a second time under another id.
//!
//! A second delivery of the same event is what a broker, a resumed session or two gateways may
//! always cause; deduplication by the broker must not be what makes it harmless.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::Context as _;
use async_nats::{Client, Message};
use futures_util::StreamExt as _;
use proto::subject::{MESSAGE_ID_HEADER, Names};
use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};
use tokio::task::JoinSet;
use tokio::time::sleep;

use super::site::NAME;
use crate::sandbox::clock;

/// Marks what is published here.
const AGAIN_HEADER: &str = "Chaos-Again";
/// Of a hundred events, so many come a second time.
const SHARE: u32 = 8;
/// They come so much later.
const LATER_MS: std::ops::Range<u64> = 0..8_000;

/// What was heard.
#[derive(Clone, Debug, Default)]
pub(super) struct Heard {
    /// When each event was published by the gateway, in Unix milliseconds, oldest first.
    events: Arc<Mutex<Vec<u64>>>,
    again: Arc<Mutex<usize>>,
}

impl Heard {
    /// Returns when the first event was published after a moment.
    pub(super) fn first_after(&self, from_ms: u64) -> Option<u64> {
        let events = self.events.lock().unwrap_or_else(PoisonError::into_inner);
        events.iter().copied().find(|at_ms| *at_ms >= from_ms)
    }

    /// Returns how many events came a second time.
    pub(super) fn again(&self) -> usize {
        *self.again.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn note(&self) {
        let mut events = self.events.lock().unwrap_or_else(PoisonError::into_inner);
        events.push(clock::now_ms());
    }

    fn note_again(&self) {
        *self.again.lock().unwrap_or_else(PoisonError::into_inner) += 1;
    }
}

/// Listens until it is dropped. `seed` decides what comes again.
pub(super) async fn listen(url: &str, seed: u64, heard: Heard) -> anyhow::Error {
    match echo(url, seed, heard).await {
        Ok(()) => anyhow::anyhow!("the connection to the broker ended"),
        Err(error) => error,
    }
}

async fn echo(url: &str, seed: u64, heard: Heard) -> anyhow::Result<()> {
    let client = async_nats::connect(url.split(',').collect::<Vec<_>>()).await;
    let client = client.context("the broker cannot be listened to")?;
    let mut events = client.subscribe(Names::new(NAME).all_events()).await?;
    let mut random = StdRng::seed_from_u64(seed);
    let mut to_come = JoinSet::new();
    while let Some(event) = events.next().await {
        let headers = event.headers.as_ref();
        if headers.is_some_and(|headers| headers.get(AGAIN_HEADER).is_some()) {
            continue;
        }
        heard.note();
        while to_come.try_join_next().is_some() {}
        if random.random_range(0..100) < SHARE {
            let later = Duration::from_millis(random.random_range(LATER_MS));
            to_come.spawn(again(client.clone(), event, later, heard.clone()));
        }
    }
    Ok(())
}

async fn again(client: Client, event: Message, later: Duration, heard: Heard) {
    sleep(later).await;
    let mut headers = event.headers.unwrap_or_default();
    let id = headers.get(MESSAGE_ID_HEADER).map(ToString::to_string);
    let id = format!("{}-again", id.unwrap_or_default());
    headers.insert(MESSAGE_ID_HEADER, id);
    headers.insert(AGAIN_HEADER, "1");
    // When the broker is away it does not come again; nothing rests on it.
    let published = client.publish_with_headers(event.subject, headers, event.payload);
    if published.await.is_ok() {
        heard.note_again();
    }
}
