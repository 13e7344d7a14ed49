//! Step 2: may we? One transaction keyed by the event id, then the event is acknowledged.
//!
//! [`Granted`] can only be made here: no later step can run for a message that was refused.

use std::time::Duration;

use proto::event;
use proto::id::{ChannelId, EventId, GuildId, MessageId, TenantId, UserId};
use proto::subject::Partition;
use store::{
    Admission, Admitted, Cooldown, CooldownKind, Decision, Profile, Refusal, Routing, StopWord,
    TriggerKind, Turn,
};
use tokio::time::{Instant, timeout};

use super::accept::routing::{Spot, asks_for_thread, cooldown_at, permitted, permitted_to_manager};
use super::accept::{Candidate, channel_of, tenant_of};
use crate::app::App;
use crate::direct;

/// Longest wait for Discord where only Discord knows: which channel a thread belongs to, and what
/// the roles of a server allow. Asked in few servers, and once in half a minute at most; events
/// of the partition wait meanwhile.
const ASK_WITHIN: Duration = Duration::from_millis(500);

/// A turn that was admitted, by this worker or by one before it.
#[derive(Clone, Debug)]
pub(crate) struct Granted {
    turn: Turn,
    seen: Option<Instant>,
}

impl Granted {
    /// Takes an admitted turn back from its row.
    pub(crate) const fn read_back(turn: Turn) -> Self {
        Self { turn, seen: None }
    }

    /// Returns the turn's row as it was last read.
    pub(crate) const fn turn(&self) -> &Turn {
        &self.turn
    }

    /// Returns when this worker took the event, where it was this worker.
    pub(crate) const fn seen(&self) -> Option<Instant> {
        self.seen
    }

    /// Replaces the row by a newer reading of it.
    pub(crate) fn refresh(&mut self, turn: Turn) {
        self.turn = turn;
    }
}

/// What the transaction decided.
#[derive(Debug)]
pub(super) enum Answer {
    Granted(Vec<Granted>),
    Refused { code: Decision, is_first: bool },
    SettingsChanged,
}

/// Admits a candidate, or reads back what was decided about this event before.
pub(super) async fn admit(
    app: &App,
    event_id: &EventId,
    message: &event::Message,
    candidate: Candidate,
    profile: &Profile,
) -> Result<Answer, store::Error> {
    let seen = Instant::now();
    let channel = channel_of(message);
    let (spot, author) = (
        spot_of(app, &profile.routing, channel).await,
        author_of(message),
    );
    let roles = message
        .author
        .as_ref()
        .map_or(&[][..], |author| &author.role_ids);
    let personas = match permitted(&profile.routing, spot, roles, &candidate.personas) {
        Ok(personas) => personas,
        Err(code) => return refuse_by(app, event_id, message, (code, profile)).await,
    };
    let cooldown = match cooldown_at(&profile.routing, spot) {
        Some(cooldown) if !goes_past(app, cooldown, (profile.tenant, author), roles).await => {
            Some(cooldown)
        }
        _ => None,
    };
    let admission = Admission {
        event_id: event_id.clone(),
        tenant: tenant_of(message),
        channel,
        message: MessageId(message.message_id),
        author,
        partition: Partition::of_channel(channel, app.settings.nats.partitions),
        personas,
        trigger_kind: candidate.kind,
        settings_version: profile.settings_version,
        max_follow_ups: app.settings.chat.max_follow_ups,
        limits: app.settings.guards.limits,
        cooldown,
    };
    let admitted = app.store.admit(&admission).await?;
    Ok(answer_of(admitted, Some(seen)))
}

/// What rests after an answered message there, whoever wrote it.
pub(crate) async fn rests_at(app: &App, profile: &Profile, channel: ChannelId) -> Option<Cooldown> {
    let spot = spot_of(app, &profile.routing, channel).await;
    cooldown_at(&profile.routing, spot)
}

/// Finds out where a message stands. Of which channel a thread is no message says, so Discord is
/// asked where that matters, and remembered; without an answer it is nobody's thread.
pub(crate) async fn spot_of(app: &App, routing: &Routing, channel: ChannelId) -> Spot {
    let asking = app.rights.thread_of(&app.discord, channel);
    let thread_of = if asks_for_thread(routing, channel) {
        timeout(ASK_WITHIN, asking).await
    } else {
        Ok(Ok(None))
    };
    Spot {
        channel,
        thread_of: thread_of.unwrap_or(Ok(None)).unwrap_or_default(),
    }
}

/// Tells whether somebody does not wait for a cooldown: who manages the server, as far as Discord
/// says so in time (GUARD-17).
async fn goes_past(
    app: &App,
    cooldown: Cooldown,
    (tenant, user): (TenantId, UserId),
    roles: &[u64],
) -> bool {
    let TenantId::Guild(guild) = tenant else {
        return false;
    };
    if cooldown.kind == CooldownKind::Everybody || !app.settings.guards.managers_go_past {
        return false;
    }
    let asking = app.rights.manages(&app.discord, (guild, user), roles);
    matches!(timeout(ASK_WITHIN, asking).await, Ok(Ok(true)))
}

/// Stops the author's running turn; `None` when there is none. The turns are that of a short answer.
pub(super) async fn stop(
    app: &App,
    event_id: &EventId,
    message: &event::Message,
) -> Result<Option<Vec<Granted>>, store::Error> {
    let channel = channel_of(message);
    let word = StopWord {
        event_id: event_id.clone(),
        tenant: tenant_of(message),
        channel,
        message: MessageId(message.message_id),
        author: author_of(message),
        partition: Partition::of_channel(channel, app.settings.nats.partitions),
    };
    let stopped = app.store.stop_by_word(&word).await?;
    Ok(stopped.map(|admitted| match answer_of(admitted, None) {
        Answer::Granted(granted) => granted,
        Answer::Refused { .. } | Answer::SettingsChanged => Vec::new(),
    }))
}

/// Admits a turn that starts without a message, under its own identity (CHAT-113).
pub(super) async fn admit_job(
    app: &App,
    event_id: &EventId,
    job: &event::Job,
    profile: &Profile,
) -> Result<Answer, store::Error> {
    let channel = ChannelId(job.channel_id);
    let asked = profile.personas.iter().find(|persona| {
        let is_meant = persona.id.0 == job.persona_id;
        is_meant || (job.persona_id == 0 && persona.is_main)
    });
    let persona = asked.or(profile.personas.first());
    let personas: Vec<_> = persona.map(|persona| persona.id).into_iter().collect();
    let routing = &profile.routing;
    let spot = spot_of(app, routing, channel).await;
    // Which roles its person has was looked at by the command.
    if let Err(code) = permitted_to_manager(routing, spot, &personas) {
        return refuse_job(app, event_id, job, code).await;
    }
    let waits = |cooldown: &Cooldown| {
        let goes_past = job.may_manage && app.settings.guards.managers_go_past;
        !goes_past || cooldown.kind == CooldownKind::Everybody
    };
    let admission = Admission {
        event_id: event_id.clone(),
        tenant: profile.tenant,
        channel,
        message: MessageId(job.message_id),
        author: UserId(job.user_id),
        partition: Partition::of_channel(channel, app.settings.nats.partitions),
        personas,
        trigger_kind: TriggerKind::Command,
        settings_version: profile.settings_version,
        // A command interrupts nobody.
        max_follow_ups: 0,
        limits: app.settings.guards.limits,
        cooldown: cooldown_at(routing, spot).filter(waits),
    };
    let admitted = app.store.admit(&admission).await?;
    Ok(answer_of(admitted, None))
}

/// A second delivery reads back what was decided, whatever is thought of the message now.
fn answer_of(admitted: Admitted, seen: Option<Instant>) -> Answer {
    match admitted {
        Admitted::Accepted(turns) => Answer::Granted(
            turns
                .into_iter()
                .map(|turn| Granted { turn, seen })
                .collect(),
        ),
        Admitted::Before { turns, .. } if !turns.is_empty() => Answer::Granted(
            turns
                .into_iter()
                .filter(|turn| !turn.state.is_final())
                .map(Granted::read_back)
                .collect(),
        ),
        Admitted::Before { code, .. } => Answer::Refused {
            code,
            is_first: false,
        },
        Admitted::Refused(code) => Answer::Refused {
            code,
            is_first: true,
        },
        Admitted::SettingsChanged => Answer::SettingsChanged,
    }
}

/// Begins with who talks directly with a key of their own, and refuses everybody else where nobody
/// has set us up.
pub(super) async fn without_setup(
    app: &App,
    event_id: &EventId,
    message: &event::Message,
) -> Result<Answer, store::Error> {
    if direct::set_up(app, tenant_of(message)).await? {
        return Ok(Answer::SettingsChanged);
    }
    refuse(app, event_id, message, Decision::NotSetUp).await
}

/// Records a refusal that needs no look at anything else, unless the event was decided before.
pub(super) async fn refuse(
    app: &App,
    event_id: &EventId,
    message: &event::Message,
    code: Decision,
) -> Result<Answer, store::Error> {
    let refusal = refusal(event_id, message, code);
    let admitted = app.store.record_refusal(&refusal).await?;
    Ok(answer_of(admitted, None))
}

/// The same for what the settings say, unless they are others by now.
async fn refuse_by(
    app: &App,
    event_id: &EventId,
    message: &event::Message,
    (code, profile): (Decision, &Profile),
) -> Result<Answer, store::Error> {
    let refusal = Refusal {
        settings_version: Some(profile.settings_version),
        ..refusal(event_id, message, code)
    };
    let admitted = app.store.record_refusal(&refusal).await?;
    Ok(answer_of(admitted, None))
}

fn refusal(event_id: &EventId, message: &event::Message, code: Decision) -> Refusal {
    Refusal {
        event_id: event_id.clone(),
        tenant: tenant_of(message),
        channel: channel_of(message),
        message: MessageId(message.message_id),
        author: author_of(message),
        code,
        settings_version: None,
    }
}

/// Records that a command comes too late, unless its turn was admitted before.
pub(super) async fn refuse_job(
    app: &App,
    event_id: &EventId,
    job: &event::Job,
    code: Decision,
) -> Result<Answer, store::Error> {
    let author = UserId(job.user_id);
    let refusal = Refusal {
        event_id: event_id.clone(),
        tenant: TenantId::of(GuildId::non_zero(job.guild_id), author),
        channel: ChannelId(job.channel_id),
        message: MessageId(job.message_id),
        author,
        code,
        settings_version: None,
    };
    let admitted = app.store.record_refusal(&refusal).await?;
    Ok(answer_of(admitted, None))
}

fn author_of(message: &event::Message) -> UserId {
    UserId(message.author.as_ref().map_or(0, |author| author.user_id))
}
