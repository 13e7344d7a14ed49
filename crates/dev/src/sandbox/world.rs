//! Everything that exists in the sandbox, behind one lock: who there is, where they talk, what was
//! said, which sessions listen. It lives in memory only.

pub(crate) mod attendance;
pub(crate) mod bans;
pub(crate) mod crowd;
pub(crate) mod files;
pub(crate) mod interactions;
pub(crate) mod journal;
pub(crate) mod live;
pub(crate) mod messages;
pub(crate) mod people;
pub(crate) mod places;
pub(crate) mod reactions;
pub(crate) mod rights;
pub(crate) mod sessions;
pub(crate) mod speech;
pub(crate) mod starts;
pub(crate) mod stats;
pub(crate) mod threads;
pub(crate) mod webhooks;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use proto::id::{ApplicationId, ChannelId, UserId};
use serde_json::Value;

use super::clock;
use super::faults::Faults;
use super::flood::Run;
use super::limits::Limits;
use super::settings::Settings;
use super::snowflake::Snowflakes;
use files::Files;
use interactions::Interactions;
use journal::Journal;
use live::Live;
use messages::Nonces;
use people::People;
use places::Places;
use sessions::{Event, Sessions};
use starts::Starts;
use stats::Stats;
use webhooks::Webhook;

/// The state of the sandbox.
pub(crate) struct World {
    pub(crate) seed: u64,
    pub(crate) settings: Settings,
    pub(crate) people: People,
    pub(crate) places: Places,
    pub(crate) webhooks: BTreeMap<u64, Webhook>,
    pub(crate) nonces: Nonces,
    pub(crate) interactions: Interactions,
    pub(crate) sessions: Sessions,
    pub(crate) starts: Starts,
    pub(crate) limits: Limits,
    pub(crate) faults: Faults,
    pub(crate) stats: Stats,
    pub(crate) live: Live,
    pub(crate) journal: Journal,
    /// Registered commands: of the application, and under a guild's id those of that guild.
    pub(crate) commands: HashMap<Option<u64>, Vec<Value>>,
    pub(crate) files: Files,
    /// Servers and people for whom somebody ran `/setup` through the sandbox.
    pub(crate) set_up: BTreeSet<u64>,
    /// What tools of the tool server wrote down.
    pub(crate) notes: Vec<String>,
    /// What that server says of its tool `read_sign` instead of what it says at first.
    pub(crate) sign: Option<String>,
    /// The newest flood of events.
    pub(crate) flood: Arc<Run>,
    ids: Snowflakes,
}

impl World {
    /// Makes a world with the bot, "alice" and the server "Sandbox" with two channels.
    pub(crate) fn new(seed: u64, settings: Settings) -> Self {
        let mut world = Self {
            seed,
            settings,
            people: People::new(seed),
            places: Places::default(),
            webhooks: BTreeMap::new(),
            nonces: Nonces::default(),
            interactions: Interactions::default(),
            sessions: Sessions::default(),
            starts: Starts::default(),
            limits: Limits::default(),
            faults: Faults::default(),
            stats: Stats::default(),
            live: Live::default(),
            journal: Journal::default(),
            commands: HashMap::new(),
            files: Files::default(),
            set_up: BTreeSet::new(),
            notes: Vec::new(),
            sign: None,
            flood: Arc::default(),
            ids: Snowflakes::default(),
        };
        let alice = world.user(people::DEFAULT_USER);
        for channel in [places::DEFAULT_CHANNEL, "random"] {
            world.text_channel(places::DEFAULT_SERVER, channel, alice);
        }
        world
    }

    /// Returns a new id of this moment.
    pub(crate) fn next_id(&mut self) -> u64 {
        self.ids.next(clock::now_ms())
    }

    /// Returns the bot's user.
    pub(crate) fn bot(&self) -> UserId {
        self.people.bot
    }

    /// Returns the bot's application; it has the id of its user, as applications made since 2016.
    pub(crate) fn application(&self) -> ApplicationId {
        ApplicationId(self.people.bot.0)
    }

    /// Hands an event to every session that asked for its kind; of a server where the bot is not,
    /// and of one with an outage, no session hears.
    pub(crate) fn dispatch(&mut self, event: &Event) {
        if event.guild().is_none_or(|guild| self.attends(guild)) {
            self.stats.events += 1;
            self.sessions.dispatch(event);
        }
        self.live.tell(event);
    }

    /// Hands over an event of a channel; sessions hear of it only where the bot sees the channel.
    pub(crate) fn dispatch_in(&mut self, channel: ChannelId, event: &Event) {
        if self.is_seen(channel) {
            self.dispatch(event);
        } else {
            self.live.tell(event);
        }
    }
}
