//! What the broker says about the stream of events.

use std::time::Duration;

use anyhow::Context as _;
use async_nats::jetstream::{self, stream::Stream};
use futures_util::TryStreamExt as _;
use proto::subject::Names;
use tokio::time::timeout;

use crate::installation::Installation;

/// The longest wait for an answer of the broker.
const ANSWER_WAIT: Duration = Duration::from_secs(10);

/// The stream of events of an installation.
#[derive(Debug)]
pub(crate) struct Broker {
    stream: Stream,
}

/// The stream at one moment.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Standing {
    /// The number of the newest event: grows by one for every event that was stored.
    pub(crate) last_sequence: u64,
    /// Events that no worker has acknowledged yet: the stream drops those that one has.
    pub(crate) pending: u64,
    /// Events that were handed to a worker and are not acknowledged.
    pub(crate) unacknowledged: usize,
}

impl Broker {
    /// Connects to the broker of an installation.
    pub(crate) async fn connect(installation: &Installation) -> anyhow::Result<Self> {
        let (url, prefix) = installation.state()?.broker();
        Self::at(&url, prefix).await
    }

    /// Connects to a broker by its addresses, with commas between them, and the prefix of its names.
    pub(crate) async fn at(url: &str, prefix: String) -> anyhow::Result<Self> {
        let connecting = async_nats::connect(url.split(',').collect::<Vec<_>>());
        let client = timeout(ANSWER_WAIT, connecting)
            .await
            .context("the broker is silent")??;
        let context = jetstream::new(client);
        let finding = context.get_stream(Names::new(prefix).event_stream());
        let stream = timeout(ANSWER_WAIT, finding)
            .await
            .context("the broker is silent")??;
        Ok(Self { stream })
    }

    /// Looks at the stream and all its consumers.
    pub(crate) async fn standing(&self) -> anyhow::Result<Standing> {
        let asking = async {
            let state = self.stream.get_info().await?.state;
            let consumers: Vec<_> = self.stream.consumers().try_collect().await?;
            anyhow::Ok((state, consumers))
        };
        let answer = timeout(ANSWER_WAIT, asking)
            .await
            .context("the broker is silent")?;
        let (state, consumers) = answer?;
        Ok(Standing {
            last_sequence: state.last_sequence,
            pending: state.messages,
            unacknowledged: consumers
                .iter()
                .map(|consumer| consumer.num_ack_pending)
                .sum(),
        })
    }
}
