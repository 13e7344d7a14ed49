//! Interactions: asked of the workers by request, never stored, because they carry a token and
//! typed secrets.
//!
//! A worker's first answer to Discord is its claim. Nobody claims: a second worker is asked; still
//! nobody: the person is told to try again, by us, while Discord still takes an answer. A worker
//! that only promised an answer is watched until it has given it.

mod inbox;
mod notice;
mod promise;

use std::sync::Arc;
use std::time::Duration;

use async_nats::Client;
use bytes::Bytes;
use prost::Message as _;
use proto::event::{Interaction, InteractionOutcome, InteractionType};
use proto::id::InteractionId;
use proto::subject::{InteractionClass, Names};
use tokio::sync::Semaphore;
use tokio::time::{Instant, timeout_at};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::link::Link;
use crate::metrics::{self, Asked};
use inbox::Inbox;
use promise::Promise;

/// Discord takes the first answer within three seconds; ours must have been sent by then.
const DISCORD_DEADLINE: Duration = Duration::from_millis(2900);

/// Interactions at once. People of one installation do not press 512 buttons within two seconds;
/// a flood would otherwise hold their secrets in memory without bound.
const MAX_AT_ONCE: usize = 512;

/// Answers "busy" at once to those who found no place: a short answer each, and of a flood beyond
/// that nobody hears.
const MAX_REFUSALS: usize = 128;

/// Promised answers at once; each is a token, a subscription and a timer, for a minute at most
/// while workers live.
const MAX_PROMISES: usize = 4096;

/// Asks workers to answer; a cheap clone.
#[derive(Clone)]
pub struct Interactions {
    shared: Arc<Shared>,
}

struct Shared {
    nats: Client,
    link: Link,
    names: Names,
    discord: discord::Client,
    ack: Duration,
    places: Arc<Semaphore>,
    refusals: Arc<Semaphore>,
    promises: Semaphore,
    tasks: TaskTracker,
    stop: CancellationToken,
}

/// What is needed to ask.
pub struct Parts {
    /// The connection over which workers are asked.
    pub nats: Client,
    /// Whether it is there.
    pub link: Link,
    /// The subjects.
    pub names: Names,
    /// How the person is told to try again.
    pub discord: discord::Client,
    /// How long workers may take together.
    pub ack: Duration,
    /// Where the asking runs.
    pub tasks: TaskTracker,
    /// Ends the watch over promised answers.
    pub stop: CancellationToken,
}

impl Interactions {
    /// Takes what is needed to ask.
    pub fn new(parts: Parts) -> Self {
        let Parts {
            nats,
            link,
            names,
            discord,
            ack,
            tasks,
            stop,
        } = parts;
        let places = Arc::new(Semaphore::new(MAX_AT_ONCE));
        let refusals = Arc::new(Semaphore::new(MAX_REFUSALS));
        Self {
            shared: Arc::new(Shared {
                nats,
                link,
                names,
                discord,
                ack,
                places,
                refusals,
                promises: Semaphore::new(MAX_PROMISES),
                tasks,
                stop,
            }),
        }
    }

    /// Starts to ask; never waits.
    pub fn submit(&self, interaction: Interaction) {
        let Ok(place) = Arc::clone(&self.shared.places).try_acquire_owned() else {
            metrics::interaction(Asked::Overload, Duration::ZERO);
            self.refuse(interaction);
            return;
        };
        let shared = Arc::clone(&self.shared);
        let began = Instant::now();
        self.shared.tasks.spawn(async move {
            let (asked, promise) = shared.answer(interaction, began).await;
            metrics::interaction(asked, began.elapsed());
            drop(place);
            if let Some(promise) = promise {
                shared.keep(promise).await;
            }
        });
    }

    /// Tells the person to try again, without asking anybody.
    fn refuse(&self, interaction: Interaction) {
        let Ok(place) = Arc::clone(&self.shared.refusals).try_acquire_owned() else {
            return;
        };
        let shared = Arc::clone(&self.shared);
        let deadline = Instant::now() + DISCORD_DEADLINE;
        self.shared.tasks.spawn(async move {
            shared.answer_busy(&interaction, deadline).await;
            drop(place);
        });
    }
}

impl Shared {
    /// Gets somebody to answer; returns what that one still owes.
    async fn answer(&self, interaction: Interaction, began: Instant) -> (Asked, Option<Promise>) {
        let mut inbox = None;
        let asking = timeout_at(began + self.ack, self.ask(&interaction, began, &mut inbox));
        match asking.await {
            Ok(Some(InteractionOutcome::Working)) => {
                let promise = Promise::new(interaction, inbox, began);
                (Asked::Claimed, Some(promise))
            }
            Ok(Some(_)) => (Asked::Claimed, None),
            Ok(None) | Err(_) => {
                let asked = self
                    .answer_busy(&interaction, began + DISCORD_DEADLINE)
                    .await;
                // A worker was faster after all and has not said so: perhaps it never will.
                let is_owed = asked == Asked::Claimed;
                if asked == Asked::Busy {
                    let id = InteractionId(interaction.interaction_id);
                    let id = runtime::ids::Shown(id);
                    tracing::warn!(interaction.id = %id, "no worker claimed an interaction");
                }
                let promise = is_owed.then(|| Promise::new(interaction, inbox, began));
                (asked, promise)
            }
        }
    }

    /// Asks the workers. Sends nothing while NATS is away: the library would send it later, when
    /// the token is dead.
    async fn ask(
        &self,
        interaction: &Interaction,
        began: Instant,
        inbox: &mut Option<Inbox>,
    ) -> Option<InteractionOutcome> {
        self.link.connected().await;
        let inbox = inbox.insert(Inbox::open(&self.nats).await?);
        let subject = self.names.interaction(class(interaction));
        let question = Bytes::from(interaction.encode_to_vec());
        inbox.ask(&subject, &question, began).await
    }

    /// Sees to it that a promise is kept, unless the process ends: then the worker has to.
    async fn keep(&self, promise: Promise) {
        let Ok(place) = self.promises.try_acquire() else {
            tracing::warn!("too many answers are owed to watch another one");
            return;
        };
        self.count_promises();
        let watching = promise.watch(&self.link, &self.discord);
        self.stop.run_until_cancelled(watching).await;
        drop(place);
        self.count_promises();
    }

    fn count_promises(&self) {
        metrics::promises(MAX_PROMISES.saturating_sub(self.promises.available_permits()));
    }

    async fn answer_busy(&self, interaction: &Interaction, deadline: Instant) -> Asked {
        let id = InteractionId(interaction.interaction_id);
        let shown = runtime::ids::Shown(id);
        let response = notice::busy(interaction);
        let answering = self.discord.respond(id, &interaction.token, &response);
        match timeout_at(deadline, answering).await {
            Ok(Ok(())) => Asked::Busy,
            Ok(Err(error)) if error.is_already_answered() => Asked::Claimed,
            Ok(Err(error)) => {
                let reason = error.label();
                tracing::warn!(interaction.id = %shown, reason, "an interaction is unanswered");
                Asked::Unanswered
            }
            Err(_elapsed) => Asked::Unanswered,
        }
    }
}

/// Which workers are asked first; what they answer is their own decision.
fn class(interaction: &Interaction) -> InteractionClass {
    match interaction.r#type() {
        InteractionType::Modal => InteractionClass::Slow,
        InteractionType::Component => InteractionClass::Modal,
        InteractionType::Command | InteractionType::Autocomplete | InteractionType::Unspecified => {
            InteractionClass::Fast
        }
    }
}
