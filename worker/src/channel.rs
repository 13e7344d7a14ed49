//! One active channel: what was said in it, and the turns that wait for it.
//!
//! Plain data of the partition's intake loop; nothing here waits or decides about a message.

pub(crate) mod as_event;
pub(crate) mod history;
pub(crate) mod line;

use std::collections::VecDeque;
use std::time::Duration;

use proto::id::TenantId;
use store::{Turn, TurnId};
use tokio::time::Instant;

use self::history::History;
use crate::pipeline::Granted;

/// A channel without a turn and without a message for this long is forgotten; its history is
/// read again when it wakes.
const IDLE: Duration = Duration::from_mins(30);

/// The same notice is given in a channel at most this often (CHAT-21).
const NOTICE_EVERY: Duration = Duration::from_mins(5);

/// First pause of a channel whose turn could not go on, and the longest: what it waits for (a
/// database, another worker) comes back within seconds or within minutes.
const SETBACK_PAUSE: Duration = Duration::from_millis(500);
const SETBACK_PAUSE_MAX: Duration = Duration::from_secs(30);

/// A channel of an owned partition.
#[derive(Debug)]
pub(crate) struct Channel {
    pub(crate) history: History,
    /// Admitted turns in the order in which they run; the first one runs or is next (CHAT-50).
    pub(crate) queue: VecDeque<Granted>,
    /// The turn at the head of the queue, while a task of this process runs it for us.
    pub(crate) running: Option<TurnId>,
    /// The server, as messages and turns tell it: 0 in direct messages, `None` before the first of
    /// them.
    pub(crate) guild: Option<u64>,
    last_active: Instant,
    last_notice: Option<Instant>,
    setback: Setback,
}

/// How often the first turn could not go on, and until when nobody tries again.
#[derive(Debug, Default)]
struct Setback {
    count: u32,
    pause_until: Option<Instant>,
}

impl Channel {
    pub(crate) fn new(now: Instant) -> Self {
        Self {
            history: History::default(),
            queue: VecDeque::new(),
            running: None,
            guild: None,
            last_active: now,
            last_notice: None,
            setback: Setback::default(),
        }
    }

    /// Notes that something happened here.
    pub(crate) const fn touch(&mut self, now: Instant) {
        self.last_active = now;
    }

    /// Returns when something happened here last.
    pub(crate) const fn last_active(&self) -> Instant {
        self.last_active
    }

    /// Adds a turn in its place, unless it waits here already.
    pub(crate) fn enqueue(&mut self, granted: Granted) {
        let turn = granted.turn();
        self.guild = Some(guild_of(turn.tenant));
        if self
            .queue
            .iter()
            .any(|waiting| waiting.turn().id == turn.id)
        {
            return;
        }
        let own = place(turn, self.running);
        let earlier = |waiting: &Granted| place(waiting.turn(), self.running) < own;
        let place = self.queue.partition_point(earlier);
        self.queue.insert(place, granted);
    }

    /// Takes a newer reading of all open turns: what is over leaves, but for the turn that runs
    /// here, what is new comes, and all stand in their order.
    pub(crate) fn read_again(&mut self, open: &[Turn]) {
        let running = self.running;
        self.queue.retain(|waiting| {
            let id = waiting.turn().id;
            running == Some(id) || open.iter().any(|turn| turn.id == id)
        });
        for turn in open {
            let mut waiting = self.queue.iter_mut();
            match waiting.find(|granted| granted.turn().id == turn.id) {
                Some(granted) => granted.refresh(turn.clone()),
                None => self.queue.push_back(Granted::read_back(turn.clone())),
            }
        }
        let place = |granted: &Granted| place(granted.turn(), running);
        self.queue.make_contiguous().sort_by_key(place);
    }

    /// Tells whether no turn waits or runs here.
    pub(crate) fn is_empty(&self) -> bool {
        self.queue.is_empty() && self.running.is_none()
    }

    /// Notes that the first turn could not go on: the pause before the next try doubles.
    pub(crate) fn set_back(&mut self, now: Instant) {
        let pause = SETBACK_PAUSE.saturating_mul(2_u32.saturating_pow(self.setback.count));
        self.setback.count = self.setback.count.saturating_add(1);
        self.setback.pause_until = Some(now + pause.min(SETBACK_PAUSE_MAX));
    }

    /// Notes that a turn came to its end.
    pub(crate) fn recover(&mut self) {
        self.setback = Setback::default();
    }

    /// Takes a turn out of the queue: it is over.
    pub(crate) fn remove(&mut self, turn: TurnId) {
        self.queue.retain(|granted| granted.turn().id != turn);
    }

    /// Tells whether turns wait, none runs here, and no pause is on.
    pub(crate) fn is_due(&self, now: Instant) -> bool {
        self.running.is_none()
            && !self.queue.is_empty()
            && self.setback.pause_until.is_none_or(|until| until <= now)
    }

    /// Tells whether the channel can be forgotten.
    pub(crate) fn is_idle(&self, now: Instant) -> bool {
        self.is_empty() && now.duration_since(self.last_active) > IDLE
    }

    /// Tells whether a notice may be given now, and notes that it is.
    pub(crate) fn may_notice(&mut self, now: Instant) -> bool {
        let due = self
            .last_notice
            .is_none_or(|last| now.duration_since(last) > NOTICE_EVERY);
        if due {
            self.last_notice = Some(now);
        }
        due
    }
}

/// What orders the queue: the turn that runs, then classes, then the order of admission.
fn place(turn: &Turn, running: Option<TurnId>) -> (bool, i16, i64) {
    let runs = turn.state.is_running() || running == Some(turn.id);
    (!runs, turn.priority, turn.admission_order)
}

const fn guild_of(tenant: TenantId) -> u64 {
    match tenant {
        TenantId::Guild(guild) => guild.0,
        TenantId::Direct(_) => 0,
    }
}

#[cfg(test)]
mod tests {
    use proto::id::{ChannelId, GuildId, UserId};
    use proto::subject::Partition;
    use store::{Payer, PersonaId, ServerId, TriggerKind, TurnState};

    use super::*;

    fn turn(tenant: TenantId) -> Turn {
        let channel = ChannelId(2);
        Turn {
            id: TurnId {
                server: ServerId(1),
                row: uuid::Uuid::nil(),
            },
            server: ServerId(1),
            tenant,
            channel,
            partition: Partition(0),
            trigger_message: None,
            trigger_kind: TriggerKind::Command,
            responsible: UserId(3),
            persona: PersonaId(4),
            ordinal: 0,
            admission_order: 5,
            priority: 0,
            state: TurnState::Queued,
            worker: None,
            fence: 0,
            attempts: 0,
            stop_requested: false,
            payer: Payer::Server,
        }
    }

    /// PRIV-68: a deletion of a server reaches channels of which only a turn told it.
    #[tokio::test]
    async fn a_turn_tells_whose_channel_it_is() {
        for (tenant, guild) in [
            (TenantId::Guild(GuildId(7)), 7),
            (TenantId::Direct(UserId(3)), 0),
        ] {
            let mut channel = Channel::new(Instant::now());
            assert_eq!(channel.guild, None);
            channel.enqueue(Granted::read_back(turn(tenant)));
            assert_eq!(channel.guild, Some(guild));
        }
    }

    #[tokio::test(start_paused = true)]
    async fn the_pause_after_setbacks_doubles_and_ends_with_success() {
        let mut channel = Channel::new(Instant::now());
        let pause = |channel: &mut Channel| {
            channel.set_back(Instant::now());
            channel.setback.pause_until.unwrap() - Instant::now()
        };
        let pauses: Vec<u128> = (0..9).map(|_| pause(&mut channel).as_millis()).collect();
        assert_eq!(
            pauses,
            [
                500, 1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000, 30_000
            ]
        );
        channel.recover();
        assert_eq!(pause(&mut channel).as_millis(), 500);
    }
}
