//! The loop of an owned partition: events in order, each acknowledged once its decision is durable.
//!
//! Nothing in here waits for a model or for Discord; while the database is away the events wait,
//! in order, and the loop goes on beating.

use std::sync::Arc;
use std::time::Duration;

use async_nats::jetstream::{AckKind, Message as Delivery};
use futures_util::StreamExt;
use prost::Message as _;
use proto::event::{self, Envelope, envelope::Event};
use proto::id::{ChannelId, EventId, MessageId};
use proto::subject::{Partition, kind_token};
use store::Decision;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep};
use tokio_util::sync::CancellationToken;

use super::consumer::Owned;
use super::schedule::Schedule;
use crate::app::App;
use crate::channel::history::History;
use crate::metrics;
use crate::notice::Notice;
use crate::pipeline::{self, NotYet, Taken, accept};

/// The loop ticks this often: well below the two seconds after which its heartbeat stops.
const TICK: Duration = Duration::from_millis(500);

/// Between two tries while the database is away.
const DATABASE_RETRY: Duration = Duration::from_millis(500);

/// A notice in a background task; it is worth no more than this.
const NOTICE_WITHIN: Duration = Duration::from_secs(10);

/// Why ownership ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ending {
    /// Somebody else shall have it.
    GivenAway,
    /// The consumer's sequence or connection broke: what is held may not be whole.
    Broken,
}

impl Ending {
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::GivenAway => "given_away",
            Self::Broken => "broken",
        }
    }
}

/// An owned partition.
#[derive(Debug)]
pub(super) struct Intake {
    app: Arc<App>,
    partition: Partition,
    owned: Owned,
    schedule: Schedule,
    /// Events of before our ownership that were not seen yet. Turns wait until it is 0: only then
    /// is the order of all admitted turns known.
    backlog: u64,
    is_started: bool,
    last_consumer_sequence: u64,
    connects: u64,
}

impl Intake {
    pub(super) fn new(app: Arc<App>, partition: Partition, owned: Owned) -> Self {
        let (backlog, connects) = (owned.backlog, app.presence.connects());
        Self {
            schedule: Schedule::new(Arc::clone(&app)),
            app,
            partition,
            owned,
            backlog,
            is_started: false,
            last_consumer_sequence: 0,
            connects,
        }
    }

    /// Runs until the partition is given away or its consumer breaks.
    ///
    /// Cancel safe: yes; an event that is not acknowledged comes again to the next owner.
    pub(super) async fn run(mut self, give_away: &CancellationToken) -> Ending {
        // Boxed: the state of a running admission is large, and there is a loop per partition.
        let taking = Box::pin(self.until_broken());
        let broken = give_away.run_until_cancelled(taking).await;
        broken.map_or(Ending::GivenAway, |()| Ending::Broken)
    }

    async fn until_broken(&mut self) {
        let mut ticks = interval(TICK);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            if self.backlog == 0 && !self.is_started {
                self.start().await;
            }
            tokio::select! {
                biased;
                _ = ticks.tick() => {
                    self.app.pulse.beat(self.partition);
                    if self.app.presence.connects() != self.connects {
                        return;
                    }
                    self.schedule.tick().await;
                }
                Some(ended) = self.schedule.next_ended() => self.schedule.after(ended).await,
                delivery = self.owned.messages.next() => {
                    let Some(Ok(delivery)) = delivery else { return };
                    if !self.is_next(&delivery) {
                        return;
                    }
                    self.take(&delivery).await;
                }
            }
        }
    }

    /// Reads the open turns; from now on turns run.
    async fn start(&mut self) {
        let turns = loop {
            self.app.pulse.beat(self.partition);
            match self.app.store.open_turns(self.partition).await {
                Ok(turns) => break turns,
                Err(error) => {
                    tracing::warn!(partition = %self.partition, %error, "open turns cannot be read");
                    sleep(DATABASE_RETRY).await;
                }
            }
        };
        self.is_started = true;
        self.schedule.load(turns).await;
    }

    /// Tells whether nothing is missing before this delivery.
    fn is_next(&mut self, delivery: &Delivery) -> bool {
        let sequence = delivery.info().map_or(0, |info| info.consumer_sequence);
        let is_next = sequence == self.last_consumer_sequence + 1;
        self.last_consumer_sequence = sequence;
        is_next
    }

    async fn take(&mut self, delivery: &Delivery) {
        let ack = match Envelope::decode(delivery.payload.clone()) {
            Ok(envelope) if envelope.schema_version == event::SCHEMA_VERSION => {
                metrics::event(kind_token(envelope.kind()));
                self.handle(envelope).await;
                AckKind::Ack
            }
            Ok(_) | Err(_) => {
                metrics::event("undecodable");
                tracing::error!(partition = %self.partition, "an event cannot be read");
                AckKind::Term
            }
        };
        if let Err(error) = delivery.ack_with(ack).await {
            // It comes again to the next consumer, where its decision is read back.
            tracing::warn!(partition = %self.partition, %error, "an event is not acknowledged");
        }
        self.backlog = self.backlog.saturating_sub(1);
    }

    async fn handle(&mut self, envelope: Envelope) {
        match envelope.event {
            Some(Event::MessageCreate(message)) => {
                let event_id = EventId::from_stored(envelope.event_id);
                self.created(&event_id, &message).await;
            }
            Some(Event::MessageUpdate(message)) => {
                let line = accept::line_of(&message, self.app.bot);
                let channel = accept::channel_of(&message);
                self.schedule.channel(channel).history.say(line);
            }
            Some(Event::MessageDelete(deletion)) => {
                let channel = ChannelId(deletion.channel_id);
                let history = &self.schedule.channel(channel).history;
                for id in deletion.message_ids {
                    history.delete(MessageId(id));
                }
            }
            Some(Event::Gap(_)) => self.schedule.forget_histories(),
            None => {}
        }
    }

    async fn created(&mut self, event_id: &EventId, message: &event::Message) {
        let id = accept::channel_of(message);
        let history = self.schedule.channel(id).history.clone();
        history.say(accept::line_of(message, self.app.bot));
        match self.decide(event_id, message, &history).await {
            Taken::Granted(turns) => {
                metrics::decision(Decision::Accepted);
                // Before the start the rows are enough: all open turns are read then, in order.
                if self.is_started {
                    self.schedule.append(id, turns).await;
                }
            }
            Taken::Refused(code) => metrics::decision(code),
            Taken::NotSetUp => {
                metrics::decision(Decision::NotSetUp);
                if self.schedule.channel(id).may_notice(Instant::now()) {
                    self.tell(id, MessageId(message.message_id), &Notice::NotSetUp);
                }
            }
        }
    }

    /// Asks until the database decides; the loop goes on beating meanwhile.
    async fn decide(
        &self,
        event_id: &EventId,
        message: &event::Message,
        history: &History,
    ) -> Taken {
        loop {
            let deciding = pipeline::intake(&self.app, event_id, message, history);
            match self.while_beating(deciding).await {
                Ok(taken) => return taken,
                Err(error) => {
                    note_waiting(self.partition, &error);
                    self.while_beating(sleep(DATABASE_RETRY)).await;
                }
            }
        }
    }

    /// Waits for something that may take longer than a stalled loop is allowed to.
    async fn while_beating<F: Future>(&self, work: F) -> F::Output {
        tokio::pin!(work);
        let mut ticks = interval(TICK);
        loop {
            tokio::select! {
                biased;
                output = &mut work => return output,
                _ = ticks.tick() => self.app.pulse.beat(self.partition),
            }
        }
    }

    /// Says something in the background; intake does not wait for Discord.
    fn tell(&self, channel: ChannelId, reply_to: MessageId, notice: &Notice) {
        let discord = self.app.discord.clone();
        let message = discord::NewMessage {
            content: notice.text().into_owned(),
            nonce: Some(reply_to.0),
            reply_to: Some(reply_to),
            mention_users: Vec::new(),
            components: Vec::new(),
            deadline: Instant::now() + NOTICE_WITHIN,
        };
        self.app.tracker.spawn(async move {
            if let Err(error) = discord.create_message(channel, &message).await {
                tracing::info!(%error, "a notice was not posted");
            }
        });
    }
}

fn note_waiting(partition: Partition, error: &NotYet) {
    let error = error as &dyn std::error::Error;
    tracing::warn!(%partition, error, "an event waits for its decision");
}
