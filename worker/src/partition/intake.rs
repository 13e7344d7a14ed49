//! The loop of an owned partition: events in order, each acknowledged once its decision is durable.
//!
//! Nothing in here waits for a model or for Discord. It waits for the database: while that is away
//! the events wait, in order, and the loop goes on beating.

mod events;
mod gap;
mod guilds;
mod refused;

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use async_nats::jetstream::Message as Delivery;
use futures_util::{FutureExt, StreamExt};
use proto::event::DeadLetterReason;
use proto::id::ChannelId;
use proto::subject::{Partition, kind_token};
use tokio::time::{Instant, Interval, MissedTickBehavior, interval, interval_at, sleep};
use tokio_util::sync::CancellationToken;

use super::consumer::{Look, Owned};
use super::letter;
use super::schedule::Schedule;
use super::trial::{self, TRIES, Trial};
use crate::app::App;
use crate::metrics;

/// The loop ticks this often: well below the two seconds after which its heartbeat stops.
const TICK: Duration = Duration::from_millis(500);

/// Between two tries while the database is away.
pub(super) const DATABASE_RETRY: Duration = Duration::from_millis(500);

/// The consumer is compared with the server's view of it this often (DESIGN §3).
const LOOK_EVERY: Duration = Duration::from_secs(5);

/// The open rows are read again this often: what was admitted unheard is found.
const RECONCILE_EVERY: Duration = Duration::from_secs(30);

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

/// What one look at the consumer leaves for the next one to be compared with.
#[derive(Debug, Default)]
struct Looks {
    /// The sequence that was reached when something was found missing.
    behind_since: Option<u64>,
    /// The sequence that was reached at the last look.
    reached_before: u64,
}

impl Looks {
    /// Tells whether nothing was lost on the way: neither a message that was handed out and has
    /// not come since the last look, nor the acknowledgement of one that was handled by then.
    fn are_whole(&mut self, look: Look, reached: u64) -> bool {
        if look.acknowledged < std::mem::replace(&mut self.reached_before, reached) {
            return false;
        }
        if look.delivered <= reached {
            self.behind_since = None;
            return true;
        }
        self.behind_since.replace(reached) != Some(reached)
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
    looks: Looks,
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
            looks: Looks::default(),
            connects,
        }
    }

    /// Runs until the partition is given away or its consumer breaks.
    ///
    /// Cancel safe: yes; an event that is not acknowledged comes again to the next owner.
    pub(super) async fn run(mut self, give_away: &CancellationToken) -> Ending {
        let (app, partition) = (Arc::clone(&self.app), self.partition);
        // Boxed: the state of a running admission is large, and there is a loop per partition.
        let taking = Box::pin(self.until_broken());
        let beating = while_beating(&app, partition, taking);
        let broken = give_away.run_until_cancelled(beating).await;
        broken.map_or(Ending::GivenAway, |()| Ending::Broken)
    }

    async fn until_broken(&mut self) {
        let mut ticks = ticks(TICK);
        let mut nudges = self.app.nudges.subscribe();
        let mut hidden = self.app.privacy.changes();
        let mut forgotten = self.app.forgetting.subscribe();
        let mut looks = ticks_later(LOOK_EVERY);
        let mut reconciliations = ticks_later(RECONCILE_EVERY);
        loop {
            if self.backlog == 0 && !self.is_started {
                self.is_started = self.load().await;
            }
            tokio::select! {
                biased;
                _ = ticks.tick() => {
                    if self.app.presence.connects() != self.connects {
                        return;
                    }
                    self.schedule.tick().await;
                }
                _ = looks.tick() => {
                    if !self.is_whole().await {
                        return;
                    }
                }
                _ = reconciliations.tick(), if self.is_started => {
                    self.load().await;
                }
                Ok(channel) = nudges.recv() => self.nudged(channel).await,
                Ok(()) = hidden.changed() => self.schedule.forget_hidden(),
                gone = forgotten.recv() => self.schedule.forget(gone.ok()),
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

    /// Turns of a channel were stopped by somebody, perhaps at another worker.
    async fn nudged(&mut self, channel: ChannelId) {
        let count = self.app.settings.nats.partitions;
        if self.is_started && Partition::of_channel(channel, count) == self.partition {
            self.schedule.refresh(channel).await;
        }
    }

    /// Reads the open turns of the partition; tells whether the database gave them.
    async fn load(&mut self) -> bool {
        match self.app.store.open_turns(self.partition).await {
            Ok(turns) => {
                self.schedule.load(turns).await;
                true
            }
            Err(error) => {
                tracing::warn!(partition = %self.partition, %error, "open turns cannot be read");
                sleep(DATABASE_RETRY).await;
                false
            }
        }
    }

    /// Compares what was seen with what the server handed out (DESIGN §3). Also finds that a backlog
    /// has ended because the rest of it grew too old.
    async fn is_whole(&mut self) -> bool {
        let look = match self.owned.look().await {
            Ok(Some(look)) => look,
            Ok(None) => return false,
            Err(error) => {
                tracing::debug!(partition = %self.partition, %error, "a consumer cannot be looked at");
                return true;
            }
        };
        let reached = self.last_consumer_sequence;
        if look.delivered <= reached && look.pending == 0 {
            self.backlog = 0;
        }
        self.looks.are_whole(look, reached)
    }

    /// Tells whether nothing is missing before this delivery.
    fn is_next(&mut self, delivery: &Delivery) -> bool {
        let sequence = delivery.info().map_or(0, |info| info.consumer_sequence);
        let is_next = sequence == self.last_consumer_sequence + 1;
        self.last_consumer_sequence = sequence;
        is_next
    }

    /// Handles an event, or stores that it cannot be handled; acknowledges it after that.
    async fn take(&mut self, delivery: &Delivery) {
        let trial = self.begin(delivery).await;
        let handled = match &trial {
            Ok(_alone) => self.try_handle(delivery).await,
            Err(reason) => Err(*reason),
        };
        if let Err(reason) = handled {
            letter::store(&self.app, self.partition, delivery, reason).await;
        }
        if let Err(error) = delivery.ack().await {
            // It comes again to the next consumer, where its decision is read back.
            tracing::warn!(partition = %self.partition, %error, "an event is not acknowledged");
        }
        self.backlog = self.backlog.saturating_sub(1);
    }

    /// Counts a try of an event that may have ended its owner before; `None` for all others.
    async fn begin(&self, delivery: &Delivery) -> Result<Option<Trial>, DeadLetterReason> {
        if self.backlog == 0 {
            return Ok(None);
        }
        let event = letter::travels_as(delivery);
        trial::begin(&self.app, &self.owned.name, &event)
            .await
            .map(Some)
    }

    /// Reads and handles an event. A panic costs this event and nothing else.
    async fn try_handle(&mut self, delivery: &Delivery) -> Result<(), DeadLetterReason> {
        let envelope = letter::read(delivery)?;
        metrics::event(kind_token(envelope.kind()));
        for _ in 0..TRIES {
            // Boxed: the loop of each partition would carry the state of an admission.
            match surviving(Box::pin(self.handle(&envelope))).await {
                Some(true) => return Ok(()),
                Some(false) => return Err(DeadLetterReason::Undecidable),
                None => {}
            }
        }
        Err(DeadLetterReason::Crashed)
    }
}

/// Waits for work that may take longer than a stalled loop is allowed to, and beats meanwhile: the
/// heartbeat tells that this task is polled, not that the database answers.
async fn while_beating<F: Future>(app: &App, partition: Partition, work: F) -> F::Output {
    tokio::pin!(work);
    let mut ticks = ticks(TICK);
    loop {
        tokio::select! {
            biased;
            _ = ticks.tick() => app.pulse.beat(partition),
            output = &mut work => return output,
        }
    }
}

/// Survives a panic, which is counted; `None` then.
async fn surviving<T>(work: impl Future<Output = T>) -> Option<T> {
    let outcome = AssertUnwindSafe(work).catch_unwind().await;
    if outcome.is_err() {
        metrics::panicked();
    }
    outcome.ok()
}

fn ticks(every: Duration) -> Interval {
    let mut ticks = interval(every);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    ticks
}

fn ticks_later(every: Duration) -> Interval {
    let mut ticks = interval_at(Instant::now() + every, every);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    ticks
}

#[cfg(test)]
mod tests {
    use super::*;

    fn look(delivered: u64, acknowledged: u64) -> Look {
        Look {
            delivered,
            pending: 0,
            acknowledged,
        }
    }

    #[test]
    fn an_acknowledgement_that_has_not_come_by_the_next_look_is_lost() {
        let mut looks = Looks::default();
        assert!(looks.are_whole(look(7, 6), 7), "the last one is on its way");
        assert!(looks.are_whole(look(9, 7), 9));
        assert!(!looks.are_whole(look(12, 8), 12), "that of 9 was lost");
    }

    #[test]
    fn a_message_that_has_not_come_by_the_next_look_is_lost() {
        let mut looks = Looks::default();
        assert!(looks.are_whole(look(8, 7), 7), "the last one is on its way");
        assert!(
            looks.are_whole(look(9, 8), 8),
            "it came, another is on its way"
        );
        assert!(!looks.are_whole(look(9, 8), 8));
    }

    /// CHAT-103.
    #[tokio::test]
    async fn a_panic_of_an_event_ends_neither_the_loop_nor_the_worker() {
        let panicking = async {
            tokio::task::yield_now().await;
            panic!("poison")
        };
        assert_eq!(surviving::<bool>(panicking).await, None);
        assert_eq!(surviving(async { true }).await, Some(true));
    }
}
