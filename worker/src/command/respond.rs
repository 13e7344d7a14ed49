//! `/bot respond`: a reply that nobody's message asked for (CHAT-113).
//!
//! The command's public answer shows what was typed. The turn itself begins at the owner of the
//! channel, which learns of it by an event of its own; that event carries no words. The owner asks
//! here for the prompt, which stays in memory for a while, or reads it from the public answer.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_nats::connection::State;
use async_nats::jetstream::context::PublishError;
use async_nats::jetstream::publish::PublishAck;
use async_nats::{HeaderMap, Message, jetstream};
use futures_util::StreamExt;
use moka::future::Cache;
use prost::Message as _;
use proto::event::{
    Envelope, EventKind, Interaction, Job, JobKind, SCHEMA_VERSION, envelope::Event,
};
use proto::id::{ChannelId, EventId, InteractionId, MessageId, UserId};
use proto::subject::{MESSAGE_ID_HEADER, Partition};
use store::{Decision, Persona, PersonaId, Profile};
use tokio::time::{Instant, sleep, timeout};

use super::answer::{After, Panel, Plan};
use super::asker::Asker;
use super::reading::{given, in_time, persona_named, profile_of};
use super::restriction;
use crate::app::App;
use crate::clock;
use crate::notice::{GuardText, Notice, SteerText};
use crate::pipeline::accept::routing::{permitted, permitted_to_manager};
use crate::pipeline::admit;

/// Prompts kept at once, each at most a few thousand bytes.
const PROMPTS: u64 = 2_000;

/// A turn asks for its prompt when it begins; what waits in its queue for longer reads the public
/// answer.
const PROMPT_KEPT: Duration = Duration::from_mins(10);

/// Longest wait for the worker that has the prompt; then the public answer is read.
const PROMPT_WITHIN: Duration = Duration::from_secs(1);

/// Longest wait for the broker's answer to one attempt to store the event.
const PUBLISH_WITHIN: Duration = Duration::from_secs(5);

/// How long storing the event is tried: less than the age at which an event is not answered any
/// more, so that nobody is told that a turn begins which then does not.
const PUBLISH_PATIENCE: Duration = Duration::from_mins(1);
const PUBLISH_AGAIN_AFTER: Duration = Duration::from_millis(500);

/// What somebody asked for.
pub(crate) struct Order {
    asker: Asker,
    interaction: InteractionId,
    channel: ChannelId,
    persona: Option<PersonaId>,
    prompt: Option<String>,
}

/// What was typed, by the public answer that shows it.
#[derive(Debug)]
pub(crate) struct Prompts {
    kept: Cache<MessageId, Arc<Prompt>>,
}

/// What somebody typed. `Debug` shows nothing of it.
struct Prompt {
    user: UserId,
    text: String,
}

impl fmt::Debug for Prompt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Prompt").finish_non_exhaustive()
    }
}

impl Default for Prompts {
    fn default() -> Self {
        let kept = Cache::builder()
            .max_capacity(PROMPTS)
            .time_to_live(PROMPT_KEPT)
            .support_invalidation_closures()
            .build();
        Self { kept }
    }
}

impl Prompts {
    /// Forgets what a person typed.
    pub(crate) fn forget(&self, person: UserId) {
        let typed = self
            .kept
            .invalidate_entries_if(move |_, prompt| prompt.user == person);
        if let Err(error) = typed {
            // Only a cache that was built without support for this.
            tracing::error!(%error, "what a person typed stays in memory");
        }
    }
}

/// Checks what was typed, and promises an answer that everybody sees.
pub(super) async fn plan(
    app: &App,
    asker: &Asker,
    interaction: &Interaction,
) -> Result<Plan, Notice> {
    let profile = profile_of(app, asker.tenant).await?;
    let typed = |name| given(interaction, name);
    let persona = typed("persona").map(|name| persona_named(&profile, name));
    let persona = persona.transpose()?;
    if let Some(persona) = persona.or(profile.personas.first()) {
        in_time(permit_here(app, asker, interaction, (&profile, persona))).await?;
        in_time(restriction::permit(app, asker, persona)).await?;
    }
    let order = Order {
        asker: asker.clone(),
        interaction: InteractionId(interaction.interaction_id),
        channel: ChannelId(interaction.channel_id),
        persona: persona.map(|persona| persona.id),
        prompt: typed("prompt").map(str::to_owned),
    };
    Ok(Plan::defer_publicly(After::Respond(Box::new(order))))
}

/// Refuses where the server has the bot answer elsewhere, or others (GUARD-24 to GUARD-28).
async fn permit_here(
    app: &App,
    asker: &Asker,
    interaction: &Interaction,
    (profile, persona): (&Profile, &Persona),
) -> Result<(), Notice> {
    let spot = admit::spot_of(app, &profile.routing, ChannelId(interaction.channel_id)).await;
    let personas = [persona.id];
    let permitted = if asker.may_manage() {
        permitted_to_manager(&profile.routing, spot, &personas)
    } else {
        permitted(&profile.routing, spot, &interaction.role_ids, &personas)
    };
    let refusal = |code| match code {
        Decision::WhitelistChannel => GuardText::NotHere,
        Decision::WhitelistRole => GuardText::NotYou,
        Decision::WhitelistPersona => GuardText::PersonaNotHere,
        _ => GuardText::Unreadable,
    };
    permitted.map(drop).map_err(|code| refusal(code).into())
}

impl Order {
    /// What everybody sees.
    pub(super) fn panel(&self) -> Panel {
        Panel {
            quote: self.prompt.clone(),
            ..Panel::say(&Notice::Steer(SteerText::Asked))
        }
    }

    /// Keeps the prompt for its turn, and tells the owner of the channel; false when that was
    /// certainly not told, so that there will be no turn.
    ///
    /// Nothing is sent while the broker is away: the library would keep it, and send it long after
    /// somebody was told that nothing was asked. Every attempt has the same id, so that the
    /// broker keeps one of them.
    pub(crate) async fn publish(self, app: &App, answer: MessageId) -> bool {
        let partition = Partition::of_channel(self.channel, app.settings.nats.partitions);
        let subject = app.names.event(partition, EventKind::Job);
        let envelope = self.envelope(partition, answer);
        let prompt = Prompt {
            user: self.asker.user,
            text: self.prompt.unwrap_or_default(),
        };
        app.prompts.kept.insert(answer, Arc::new(prompt)).await;
        let give_up = Instant::now() + PUBLISH_PATIENCE;
        let mut may_be_stored = false;
        while Instant::now() < give_up && !app.abandon.is_cancelled() {
            if app.nats.connection_state() == State::Connected {
                may_be_stored = true;
                match timeout(PUBLISH_WITHIN, store(app, subject.clone(), &envelope)).await {
                    Ok(Ok(_stored)) => return true,
                    Ok(Err(error)) => {
                        tracing::warn!(%error, "a turn without a message is not stored yet");
                    }
                    Err(_elapsed) => {}
                }
            }
            sleep(PUBLISH_AGAIN_AFTER).await;
        }
        may_be_stored
    }

    fn envelope(&self, partition: Partition, answer: MessageId) -> Envelope {
        Envelope {
            schema_version: SCHEMA_VERSION,
            event_id: EventId::interaction(self.interaction).as_str().to_owned(),
            kind: EventKind::Job.into(),
            partition: partition.0.into(),
            received_at_ms: i64::try_from(clock::unix_now_ms()).unwrap_or_default(),
            event: Some(Event::Job(Job {
                kind: JobKind::Respond.into(),
                channel_id: self.channel.0,
                guild_id: self.asker.guild_id(),
                user_id: self.asker.user.0,
                message_id: answer.0,
                persona_id: self.persona.map_or(0, |persona| persona.0),
                may_manage: self.asker.may_manage(),
            })),
            ..Envelope::default()
        }
    }
}

/// Tries once to have the event stored.
async fn store(
    app: &App,
    subject: String,
    envelope: &Envelope,
) -> Result<PublishAck, PublishError> {
    let mut headers = HeaderMap::new();
    headers.insert(MESSAGE_ID_HEADER, envelope.event_id.as_str());
    let payload = envelope.encode_to_vec().into();
    let context = jetstream::new(app.nats.clone());
    let publishing = context.publish_with_headers(subject, headers, payload);
    publishing.await?.await
}

/// Hands out prompts to the owners of channels, until the process ends.
pub(crate) async fn serve_prompts(app: Arc<App>) {
    let mut requests = match app.nats.subscribe(app.names.prompts()).await {
        Ok(requests) => requests,
        Err(error) => {
            tracing::warn!(%error, "prompts are read from public answers only");
            return;
        }
    };
    while let Some(request) = requests.next().await {
        hand_out(&app, request).await;
    }
}

async fn hand_out(app: &App, request: Message) {
    let asked = std::str::from_utf8(&request.payload).ok();
    let answer = asked.and_then(|text| text.parse::<MessageId>().ok());
    let (Some(answer), Some(reply_to)) = (answer, request.reply) else {
        return;
    };
    // Who does not have it is silent: another worker has it, or nobody.
    let Some(prompt) = app.prompts.kept.get(&answer).await else {
        return;
    };
    let payload = prompt.text.clone().into_bytes().into();
    if let Err(error) = app.nats.publish(reply_to, payload).await {
        tracing::debug!(%error, "a prompt is not handed out");
    }
}

/// Asks the worker that answered the command for what was typed; empty where that was nothing.
/// `None`: that worker is gone.
pub(crate) async fn ask_prompt(app: &App, answer: MessageId) -> Option<String> {
    if let Some(prompt) = app.prompts.kept.get(&answer).await {
        return Some(prompt.text.clone());
    }
    let asking = app
        .nats
        .request(app.names.prompts(), answer.to_string().into());
    let reply = timeout(PROMPT_WITHIN, asking).await.ok()?.ok()?;
    String::from_utf8(reply.payload.into()).ok()
}
