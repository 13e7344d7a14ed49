//! The turns of an owned partition: per channel one after the other, in the order of admission.
//!
//! A turn runs as a task of its own and tells here how it ended. Turns that another living worker
//! runs are left with it; their channels wait.

use std::collections::BTreeMap;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use futures_util::FutureExt;
use proto::id::{ChannelId, MessageId, TenantId, UserId};
use store::{Turn, TurnId};
use tokio::sync::mpsc;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::app::App;
use crate::channel::Channel;
use crate::channel::history::History;
use crate::metrics;
use crate::pipeline::{self, Granted, TurnEnd};

/// Word of ended turns that waits to be heard; a sender that finds it full waits.
const ENDED_BOUND: usize = 64;

/// A turn's task has ended.
#[derive(Debug)]
pub(super) struct Ended {
    channel: ChannelId,
    turn: TurnId,
    end: TurnEnd,
}

/// The active channels of a partition.
#[derive(Debug)]
pub(super) struct Schedule {
    app: Arc<App>,
    channels: BTreeMap<ChannelId, Channel>,
    ended: mpsc::Receiver<Ended>,
    ended_sender: mpsc::Sender<Ended>,
}

impl Schedule {
    pub(super) fn new(app: Arc<App>) -> Self {
        let (ended_sender, ended) = mpsc::channel(ENDED_BOUND);
        Self {
            app,
            channels: BTreeMap::new(),
            ended,
            ended_sender,
        }
    }

    /// Returns a channel, which is active from now on.
    pub(super) fn channel(&mut self, id: ChannelId) -> &mut Channel {
        let now = Instant::now();
        let channel = self.channels.entry(id).or_insert_with(|| Channel::new(now));
        channel.touch(now);
        channel
    }

    /// Returns the channels in which messages were heard, the latest first, and their servers.
    pub(super) fn heard_lately(&self, most: usize) -> Vec<(ChannelId, u64)> {
        let mut heard: Vec<_> = self
            .channels
            .iter()
            .filter_map(|(id, channel)| Some((channel.last_active(), *id, channel.guild?)))
            .collect();
        heard.sort_unstable_by(|one, other| other.cmp(one));
        let places = heard.into_iter().map(|(_, id, guild)| (id, guild));
        places.take(most).collect()
    }

    /// Drops every history: what is held may not be whole.
    pub(super) fn forget_histories(&mut self) {
        for channel in self.channels.values_mut() {
            channel.history = History::default();
        }
    }

    /// Forgets what people have said who are not heard any more (PRIV-35).
    pub(super) fn forget_hidden(&self) {
        for channel in self.channels.values() {
            channel
                .history
                .forget_authors(|author| self.app.privacy.is_full(author));
        }
    }

    /// Forgets what a person has said, or what was said on a server, whose data was deleted; everything
    /// where it is not known any more whose that was.
    pub(super) fn forget(&mut self, gone: Option<TenantId>) {
        match gone {
            None => self.forget_histories(),
            Some(TenantId::Direct(person)) => {
                for channel in self.channels.values() {
                    channel.history.forget_authors(|author| author == person);
                }
            }
            Some(TenantId::Guild(guild)) => {
                let channels = self.channels.values_mut();
                for channel in channels.filter(|channel| channel.guild == Some(guild.0)) {
                    channel.history = History::default();
                }
            }
        }
    }

    /// Takes the open turns of all channels, and starts the first of each. Done again now and
    /// then, it finds rows whose admission was never heard of.
    pub(super) async fn load(&mut self, turns: Vec<Turn>) {
        for turn in turns {
            let channel = self.channel(turn.channel);
            channel.enqueue(Granted::read_back(turn));
        }
        self.pump_due().await;
    }

    async fn pump_due(&mut self) {
        let now = Instant::now();
        let due: Vec<ChannelId> = self
            .channels
            .iter()
            .filter(|(_, channel)| channel.is_due(now))
            .map(|(id, _)| *id)
            .collect();
        for channel in due {
            self.pump(channel).await;
        }
    }

    /// Appends turns that were just admitted.
    pub(super) async fn append(&mut self, id: ChannelId, turns: Vec<Granted>) {
        let channel = self.channel(id);
        for granted in turns {
            channel.enqueue(granted);
        }
        self.pump(id).await;
    }

    /// Waits for the end of a turn. Cancel safe: yes.
    pub(super) async fn next_ended(&mut self) -> Option<Ended> {
        self.ended.recv().await
    }

    /// Makes room for the next turn of the channel.
    pub(super) async fn after(&mut self, ended: Ended) {
        let channel = self.channel(ended.channel);
        if channel.running == Some(ended.turn) {
            channel.running = None;
        }
        match ended.end {
            TurnEnd::Ended => {
                channel.remove(ended.turn);
                channel.recover();
                self.pump(ended.channel).await;
            }
            // A later tick looks at its row again: what failed now would fail at once again.
            TurnEnd::Unsettled => channel.set_back(Instant::now()),
        }
    }

    /// Looks again at channels whose first turn nobody here runs, and forgets idle ones.
    pub(super) async fn tick(&mut self) {
        let now = Instant::now();
        self.channels.retain(|_, channel| !channel.is_idle(now));
        let waiting: Vec<ChannelId> = self
            .channels
            .iter()
            .filter(|(_, channel)| channel.is_due(now))
            .map(|(id, _)| *id)
            .collect();
        for channel in waiting {
            self.look_again(channel).await;
        }
        self.pump_due().await;
    }

    /// Reads the queue of a channel again at once, after somebody stopped turns in it.
    pub(super) async fn refresh(&mut self, id: ChannelId) {
        if self
            .channels
            .get(&id)
            .is_some_and(|channel| !channel.is_empty())
        {
            self.look_again(id).await;
            self.channel(id).recover();
            self.pump(id).await;
        }
    }

    /// Tells whether a turn of that user runs in a channel, or comes next.
    pub(super) fn is_busy_with(&self, channel: ChannelId, user: UserId) -> bool {
        let head = self
            .channels
            .get(&channel)
            .and_then(|channel| channel.queue.front());
        head.is_some_and(|head| head.turn().responsible == user)
    }

    /// Reads the rows of a channel's turns again.
    async fn look_again(&mut self, id: ChannelId) {
        let channel = self.channels.get(&id);
        let Some(head) = channel.and_then(|channel| channel.queue.front()) else {
            return;
        };
        let tenant = head.turn().tenant;
        match self.app.store.open_turns_in(tenant, id).await {
            Ok(open) => self.channel(id).read_again(&open),
            Err(error) => tracing::warn!(%error, "the queue of a channel cannot be read"),
        }
    }

    /// Tells whether one of these messages asked for a turn that is open in the channel.
    pub(super) fn is_asked_by(&self, channel: ChannelId, messages: &[MessageId]) -> bool {
        self.channels.get(&channel).is_some_and(|channel| {
            let mut triggers = channel
                .queue
                .iter()
                .filter_map(|waiting| waiting.turn().trigger_message);
            triggers.any(|trigger| messages.contains(&trigger))
        })
    }

    /// Starts the first turn of a channel, if it is nobody's.
    async fn pump(&mut self, id: ChannelId) {
        let app = Arc::clone(&self.app);
        let channel = self.channel(id);
        if !channel.is_due(Instant::now()) {
            return;
        }
        let Some(head) = channel.queue.front() else {
            return;
        };
        let (granted, history) = (head.clone(), channel.history.clone());
        let turn = granted.turn().id;
        if is_held_by_another(&app, granted.turn()).await {
            return;
        }
        // A turn of ours whose partition went away and came back still runs.
        let Some(live) = app.live_turns.begin(turn) else {
            return;
        };
        self.channel(id).running = Some(turn);
        let ended = self.ended_sender.clone();
        self.app.tracker.spawn(async move {
            let end = run(&app, granted, &history, live.stop()).await;
            drop(live);
            let word = Ended {
                channel: id,
                turn,
                end,
            };
            // Nobody listens when the partition was given away meanwhile: its new owner polls.
            if ended.send(word).await.is_err() {
                tracing::debug!("a turn ended after its partition was given away");
            }
        });
    }
}

/// Tells whether a living worker runs the turn: it stays there, whoever owns the channel.
async fn is_held_by_another(app: &App, turn: &Turn) -> bool {
    match &turn.worker {
        Some(worker) if turn.state.is_running() && **worker != *app.worker_id => {
            !app.presence.is_dead(worker).await
        }
        _ => false,
    }
}

/// Waits for a place and runs the turn; a panic is caught and counted, and the process lives on.
async fn run(app: &App, granted: Granted, history: &History, stop: CancellationToken) -> TurnEnd {
    let slot = app.stop.run_until_cancelled(app.turn_slots.acquire());
    let Some(Ok(_slot)) = slot.await else {
        return TurnEnd::Unsettled;
    };
    let id = granted.turn().id;
    // Boxed: every channel's task would carry the state of a whole reply.
    let turning = Box::pin(pipeline::turn(app, granted, history, stop));
    let running = AssertUnwindSafe(turning).catch_unwind();
    running.await.unwrap_or_else(|_| {
        metrics::panicked();
        tracing::error!(turn.id = %id, "a turn panicked");
        TurnEnd::Unsettled
    })
}
