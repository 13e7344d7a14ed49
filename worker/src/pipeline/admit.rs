//! Step 2: may we? One transaction keyed by the event id, then the event is acknowledged.
//!
//! [`Granted`] can only be made here: no later step can run for a message that was refused.

use proto::event;
use proto::id::{ChannelId, EventId, GuildId, MessageId, TenantId, UserId};
use proto::subject::Partition;
use store::{Admission, Admitted, Decision, Profile, Refusal, StopWord, TriggerKind, Turn};
use tokio::time::Instant;

use super::accept::{Candidate, channel_of, tenant_of};
use crate::app::App;
use crate::direct;

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
    let admission = Admission {
        event_id: event_id.clone(),
        tenant: tenant_of(message),
        channel,
        message: MessageId(message.message_id),
        author: author_of(message),
        partition: Partition::of_channel(channel, app.settings.nats.partitions),
        personas: candidate.personas,
        trigger_kind: candidate.kind,
        settings_version: profile.settings_version,
        max_follow_ups: app.settings.chat.max_follow_ups,
    };
    let admitted = app.store.admit(&admission).await?;
    Ok(answer_of(admitted, Some(seen)))
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
    let admission = Admission {
        event_id: event_id.clone(),
        tenant: profile.tenant,
        channel,
        message: MessageId(job.message_id),
        author: UserId(job.user_id),
        partition: Partition::of_channel(channel, app.settings.nats.partitions),
        personas: persona.map(|persona| persona.id).into_iter().collect(),
        trigger_kind: TriggerKind::Command,
        settings_version: profile.settings_version,
        // A command interrupts nobody.
        max_follow_ups: 0,
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
    let refusal = Refusal {
        event_id: event_id.clone(),
        tenant: tenant_of(message),
        channel: channel_of(message),
        message: MessageId(message.message_id),
        author: author_of(message),
        code,
    };
    let admitted = app.store.record_refusal(&refusal).await?;
    Ok(answer_of(admitted, None))
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
    };
    let admitted = app.store.record_refusal(&refusal).await?;
    Ok(answer_of(admitted, None))
}

fn author_of(message: &event::Message) -> UserId {
    UserId(message.author.as_ref().map_or(0, |author| author.user_id))
}
