//! The concrete collaborators, built once; no logic.

use std::sync::Arc;

use llm::{Llm, Services};
use proto::id::{ApplicationId, UserId};
use proto::subject::Names;
use store::Store;
use tokio::sync::{Mutex, Semaphore};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::command::cooldown::Hurry;
use crate::command::respond::Prompts;
use crate::config::Settings;
use crate::control::Nudges;
use crate::forgetting::Forgetting;
use crate::journal::Echoes;
use crate::keys::Keys;
use crate::media::Media;
use crate::outbox::Outbox;
use crate::partition::{LiveTurns, Presence, Pulse};
use crate::pipeline::Unreadable;
use crate::pool::KeyPools;
use crate::privacy::Privacy;
use crate::profiles::Profiles;
use crate::spared::Spared;
use crate::tool::Rights;
use crate::tool_servers::ToolServers;

/// What every part of the worker may use.
#[derive(Debug)]
pub struct App {
    /// The settings this process started with.
    pub settings: Arc<Settings>,
    /// PostgreSQL.
    pub store: Store,
    /// Master keys.
    pub keys: Keys,
    /// Discord's REST API.
    pub discord: discord::Client,
    /// Model providers.
    pub llm: Arc<Llm>,
    /// Services that tools use.
    pub services: Services,
    /// Requests to addresses that others name.
    pub fetch: Arc<fetch::Client>,
    /// Downloads from such addresses.
    pub downloads: fetch::Downloads,
    /// All names on NATS.
    pub names: Names,
    /// The connection to NATS.
    pub nats: async_nats::Client,
    /// This process: `WORKER_ID` and random bits, new at every start.
    pub worker_id: Arc<str>,
    /// Our application at Discord.
    pub application: ApplicationId,
    /// Our bot user at Discord.
    pub bot: UserId,
    /// Who must not be heard.
    pub privacy: Privacy,
    /// Who is alive.
    pub presence: Presence,
    /// The beat of this process's intake loops.
    pub(crate) pulse: Arc<Pulse>,
    /// Settings of servers, as far as they are remembered.
    pub(crate) profiles: Profiles,
    /// The provider keys of servers, and how they fare.
    pub(crate) key_pools: Arc<KeyPools>,
    /// Turns that run in this process.
    pub(crate) live_turns: LiveTurns,
    /// Where nudges about stopped turns are heard.
    pub(crate) nudges: Nudges,
    /// Where it is heard whom to forget.
    pub(crate) forgetting: Forgetting,
    /// What deletions leave to do.
    pub(crate) outbox: Outbox,
    /// What people typed into commands that turns come of.
    pub(crate) prompts: Prompts,
    /// How often people used buttons, menus and forms a moment ago.
    pub(crate) hurry: Hurry,
    /// Sessions with the tool servers of servers.
    pub(crate) tool_servers: ToolServers,
    /// What models refuse.
    pub(crate) spared: Spared,
    /// What pictures need.
    pub(crate) media: Media,
    /// Who may do what, as far as it was read a moment ago.
    pub(crate) rights: Rights,
    /// Channels out of which nothing may be read that people forward.
    pub(crate) unreadable: Unreadable,
    /// Posts of this process whose echo is expected.
    pub(crate) echoes: Echoes,
    /// Places for turns (`WORKER_MAX_TURNS`).
    pub(crate) turn_slots: Arc<Semaphore>,
    /// Held while an event is handled that was begun before and may have ended its worker.
    pub(crate) suspects: Arc<Mutex<()>>,
    /// Interactions that are being answered.
    pub(crate) interactions: TaskTracker,
    /// Every task of the process.
    pub tracker: TaskTracker,
    /// Fired when no new work may begin.
    pub(crate) stop: CancellationToken,
    /// Fired when running turns must let go: the drain time is over.
    pub(crate) abandon: CancellationToken,
}
