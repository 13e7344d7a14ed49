//! Orders to running turns: the row says it, a nudge makes it quick (CHAT-53).
//!
//! Whoever stops a turn writes its row and tells all workers which channel is meant. The worker
//! that runs the turn reads the flag and cancels it; the owner of the channel reads its queue anew.
//! A nudge that is lost costs a second: running turns are looked at that often anyway.

use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use proto::id::ChannelId;
use proto::subject::Partition;
use tokio::sync::broadcast;
use tokio::time::{MissedTickBehavior, interval};

use crate::app::App;

/// Running turns are asked about a stop this often: with a nudge or without, it takes effect
/// within about a second.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Nudges that an owner may lag behind; the open rows are read now and then anyway.
const NUDGES_BOUND: usize = 256;

/// Hands nudges to the owners of channels in this process.
#[derive(Debug)]
pub(crate) struct Nudges {
    heard: broadcast::Sender<ChannelId>,
}

impl Default for Nudges {
    fn default() -> Self {
        Self {
            heard: broadcast::Sender::new(NUDGES_BOUND),
        }
    }
}

impl Nudges {
    /// Returns a receiver of the nudges that come from now on.
    pub(crate) fn subscribe(&self) -> broadcast::Receiver<ChannelId> {
        self.heard.subscribe()
    }
}

/// Tells every worker that turns of a channel were stopped. The rows are written before.
pub(crate) async fn nudge(app: &App, channel: ChannelId) {
    let partition = Partition::of_channel(channel, app.settings.nats.partitions);
    let (subject, payload) = (app.names.control(partition), channel.to_string());
    if let Err(error) = app.nats.publish(subject, payload.into()).await {
        tracing::debug!(%error, "the workers are not nudged");
    }
}

/// Follows nudges and looks after running turns, until the process ends.
pub(crate) async fn listen(app: Arc<App>) {
    let mut ticks = interval(LOOK_EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    // Only a connection that was closed for good takes no subscription; the looks go on.
    let mut nudges = app.nats.subscribe(app.names.all_control()).await.ok();
    loop {
        let nudge = async {
            match &mut nudges {
                Some(nudges) => nudges.next().await,
                None => None,
            }
        };
        tokio::select! {
            _ = ticks.tick() => {}
            Some(nudge) = nudge => hear(&app, &nudge.payload),
        }
        look(&app).await;
    }
}

fn hear(app: &App, payload: &[u8]) {
    let channel = std::str::from_utf8(payload)
        .ok()
        .and_then(|text| text.parse().ok());
    if let Some(channel) = channel {
        // No owner in this process is no error.
        drop(app.nudges.heard.send(channel));
    }
}

/// Cancels the turns of this process that somebody asked to stop.
async fn look(app: &App) {
    let running = app.live_turns.all();
    if running.is_empty() {
        return;
    }
    match app.store.stops_requested(&running).await {
        Ok(stopped) => stopped
            .into_iter()
            .for_each(|turn| app.live_turns.stop(turn)),
        // Without the database a stop cannot be asked for either.
        Err(error) => tracing::debug!(%error, "stops are not looked for"),
    }
}
