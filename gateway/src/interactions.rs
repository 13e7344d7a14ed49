//! Interactions: asked of the workers by request, never stored, because they carry a token and
//! typed secrets.
//!
//! A worker's first answer to Discord is its claim. Nobody claims: a second worker is asked; still
//! nobody: the person is told to try again, by us, while Discord still takes an answer.

mod busy;

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use async_nats::{Client, Request};
use bytes::Bytes;
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use prost::Message as _;
use proto::event::{Interaction, InteractionOutcome, InteractionReply, InteractionType};
use proto::id::InteractionId;
use proto::subject::{InteractionClass, Names};
use tokio::sync::Semaphore;
use tokio::time::{Instant, sleep_until};
use tokio_util::task::TaskTracker;

use crate::link::Link;
use crate::metrics::{self, Asked};

/// When a second worker is asked: the first one's claim is a call to Discord, which takes 0.3 s.
const SECOND_REQUEST_AFTER: Duration = Duration::from_millis(700);

/// Discord takes the first answer within three seconds; ours must have been sent by then.
const DISCORD_DEADLINE: Duration = Duration::from_millis(2900);

/// Interactions at once. People of one installation do not press 512 buttons within two seconds;
/// a flood would otherwise hold their secrets in memory without bound.
const MAX_AT_ONCE: usize = 512;

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
    tasks: TaskTracker,
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
        } = parts;
        let places = Arc::new(Semaphore::new(MAX_AT_ONCE));
        Self {
            shared: Arc::new(Shared {
                nats,
                link,
                names,
                discord,
                ack,
                places,
                tasks,
            }),
        }
    }

    /// Starts to ask; never waits.
    pub fn submit(&self, interaction: Interaction) {
        let Ok(place) = Arc::clone(&self.shared.places).try_acquire_owned() else {
            metrics::interaction(Asked::Overload, Duration::ZERO);
            return;
        };
        let shared = Arc::clone(&self.shared);
        let began = Instant::now();
        self.shared.tasks.spawn(async move {
            let asked = shared.answer(&interaction, began).await;
            metrics::interaction(asked, began.elapsed());
            drop(place);
        });
    }
}

impl Shared {
    async fn answer(&self, interaction: &Interaction, began: Instant) -> Asked {
        let deadline = began + self.ack;
        let asking = self.ask(interaction, began);
        match tokio::time::timeout_at(deadline, asking).await {
            Ok(Some(InteractionOutcome::Claimed)) => Asked::Claimed,
            Ok(Some(InteractionOutcome::NotMine | InteractionOutcome::Unspecified)) => {
                Asked::NotMine
            }
            Ok(None) | Err(_) => {
                self.answer_busy(interaction, began + DISCORD_DEADLINE)
                    .await
            }
        }
    }

    /// Asks one worker, and a second one when the first is slow. `None`: there is no worker.
    async fn ask(&self, interaction: &Interaction, began: Instant) -> Option<InteractionOutcome> {
        let subject = self.names.interaction(class(interaction));
        let payload = Bytes::from(interaction.encode_to_vec());
        let requests = [began, began + SECOND_REQUEST_AFTER].map(|moment| {
            let (subject, payload) = (&subject, payload.clone());
            async move {
                sleep_until(moment).await;
                self.request(subject, payload).await
            }
        });
        let answers: FuturesUnordered<_> = requests.into_iter().collect();
        let mut answers = pin!(answers.filter_map(std::future::ready));
        answers.next().await
    }

    /// Returns the worker's word, `None` when nobody is there to give it. Sends nothing while NATS
    /// is away: the library would send it later, when the token is dead.
    async fn request(&self, subject: &str, payload: Bytes) -> Option<InteractionOutcome> {
        self.link.connected().await;
        // The caller's deadline is shorter.
        let request = Request::new()
            .payload(payload)
            .timeout(Some(DISCORD_DEADLINE));
        let answer = match self.nats.send_request(subject.to_owned(), request).await {
            Ok(answer) => answer,
            Err(error) => {
                tracing::debug!(kind = ?error.kind(), "no worker answers an interaction");
                return None;
            }
        };
        let reply = InteractionReply::decode(answer.payload);
        reply.ok().map(|reply| reply.outcome())
    }

    async fn answer_busy(&self, interaction: &Interaction, deadline: Instant) -> Asked {
        let id = InteractionId(interaction.interaction_id);
        let shown = runtime::ids::Shown(id);
        let response = busy::response(interaction);
        let answering = self.discord.respond(id, &interaction.token, &response);
        match tokio::time::timeout_at(deadline, answering).await {
            Ok(Ok(())) => {
                tracing::warn!(interaction.id = %shown, "no worker claimed an interaction");
                Asked::Busy
            }
            // A worker was faster after all, or the answer would come too late for anybody.
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
