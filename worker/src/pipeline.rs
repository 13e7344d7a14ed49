//! The seven steps from an event to a reply; `ls pipeline` lists them in the order of the data.
//! While the model asks for tools, completing and delivering are repeated, with [`crate::tool`]
//! between them.
//!
//! [`intake`] is the short, ordered part: it decides about an event and is awaited by the owner
//! of the partition. [`turn`] is the long part that produces one persona's answer, as a task of
//! its own. A step takes what the previous one returned, so none can be skipped.

pub(crate) mod accept;
pub(crate) mod admit;
mod claim;
mod collect;
mod complete;
mod deliver;
mod settle;

use std::time::Duration;

use proto::event;
use proto::id::{EventId, GuildId, MessageId, TenantId, UserId};
use store::{Decision, TurnState};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use self::accept::{Surroundings, Verdict};
use self::admit::Answer;
pub(crate) use self::admit::Granted;
pub(crate) use self::collect::Unreadable;
pub(crate) use self::deliver::{Said, neutralise};
use crate::app::App;
use crate::channel::history::History;
use crate::error::TurnError;
use crate::metrics;
use crate::pace::Pace;

/// Settings that change while a message is judged are reloaded this often; then the message
/// waits for its next delivery, as if the database were away.
const RELOADS: usize = 3;

/// Answers of a model that hold nothing are asked for again this often, a second apart (CHAT-101).
const EMPTY_RETRIES: u32 = 2;
const EMPTY_RETRY_AFTER: Duration = Duration::from_secs(1);

/// A step of a turn, as a metric label.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Stage {
    Admit,
    Claim,
    Collect,
    Complete,
    Deliver,
    Tool,
    Settle,
}

impl Stage {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Admit => "admit",
            Self::Claim => "claim",
            Self::Collect => "collect",
            Self::Complete => "complete",
            Self::Deliver => "deliver",
            Self::Tool => "tool",
            Self::Settle => "settle",
        }
    }
}

/// What an envelope says about its event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Received {
    pub(crate) id: EventId,
    /// When an operator asked for it once more, Unix time in milliseconds; 0 otherwise.
    pub(crate) retried_at_ms: u64,
}

impl Received {
    pub(crate) fn of(envelope: &event::Envelope) -> Self {
        Self {
            id: EventId::from_stored(envelope.event_id.clone()),
            retried_at_ms: u64::try_from(envelope.retried_at_ms).unwrap_or_default(),
        }
    }
}

/// What intake made of a message.
#[derive(Debug)]
pub(crate) enum Taken {
    /// Turns to run, in order.
    Granted(Vec<Granted>),
    /// Nobody answers; the decision is durable where it has to be.
    Refused(Decision),
    /// It addresses us where nobody has set us up, and is the first to be told so.
    NotSetUp,
}

/// What became of a turn's task.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TurnEnd {
    /// The row is final.
    Ended,
    /// The row is not final, or was not ours: look at it again.
    Unsettled,
}

/// Why intake could not decide yet.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NotYet {
    /// The database is away, or its answer was an error: the event waits.
    #[error("the database does not decide")]
    Store(#[source] std::sync::Arc<store::Error>),
    /// The settings change faster than they are read.
    #[error("the settings keep changing")]
    Unsteady,
}

impl NotYet {
    /// Tells whether waiting helps: the event is not at fault.
    pub(crate) fn passes(&self) -> bool {
        match self {
            Self::Store(error) => error.is_unavailable(),
            Self::Unsteady => true,
        }
    }
}

/// A new message, and what its channel knows.
#[derive(Clone, Copy)]
pub(crate) struct Arrived<'a> {
    pub(crate) received: &'a Received,
    pub(crate) message: &'a event::Message,
    pub(crate) history: &'a History,
    /// A turn of its author may be running in the channel, so that it may be a word that stops it.
    pub(crate) may_stop: bool,
}

/// Decides about a new message. Repeating it is harmless: the event id is decided once.
///
/// Cancel safe: yes; what was committed is read back at the next delivery.
pub(crate) async fn intake(app: &App, arrived: Arrived<'_>) -> Result<Taken, NotYet> {
    let Arrived {
        received,
        message,
        history,
        ..
    } = arrived;
    let event_id = &received.id;
    let tenant = accept::tenant_of(message);
    let around = Surroundings {
        bot: app.bot,
        base_trigger_words: &app.settings.chat.base_trigger_words,
        history,
    };
    for _ in 0..RELOADS {
        let profile = app.profiles.of(tenant).await.map_err(NotYet::Store)?;
        if arrived.may_stop && accept::is_stop(message, profile.as_deref()) {
            let stopped = admit::stop(app, event_id, message).await.map_err(not_yet)?;
            if let Some(granted) = stopped {
                return Ok(Taken::Granted(granted));
            }
        }
        let verdict = accept::accept(message, profile.as_deref(), around);
        let answer = match (verdict, profile) {
            (Verdict::Pass(code), _) => return Ok(Taken::Refused(code)),
            (Verdict::Ask(_) | Verdict::NotSetUp, _)
                if is_stale(app, received, MessageId(message.message_id)) =>
            {
                admit::refuse(app, event_id, message, Decision::Stale).await
            }
            (Verdict::Ask(candidate), Some(profile)) => {
                let admission = admit::admit(app, event_id, message, candidate, &profile);
                timed(Stage::Admit, admission).await
            }
            (Verdict::NotSetUp | Verdict::Ask(_), _) => {
                admit::without_setup(app, event_id, message).await
            }
        };
        match answer.map_err(not_yet)? {
            Answer::Granted(granted) => return Ok(Taken::Granted(granted)),
            Answer::Refused {
                code: Decision::NotSetUp,
                is_first: true,
            } => {
                return Ok(Taken::NotSetUp);
            }
            Answer::Refused { code, .. } => return Ok(Taken::Refused(code)),
            Answer::SettingsChanged => app.profiles.forget(tenant.disc_id()).await,
        }
    }
    Err(NotYet::Unsteady)
}

/// Decides about a turn that starts without a message. Repeating it is harmless, like [`intake`].
pub(crate) async fn intake_job(
    app: &App,
    received: &Received,
    job: &event::Job,
) -> Result<Taken, NotYet> {
    let (guild, user) = (GuildId::non_zero(job.guild_id), UserId(job.user_id));
    let tenant = TenantId::of(guild, user);
    let event_id = &received.id;
    for _ in 0..RELOADS {
        let profile = app.profiles.of(tenant).await.map_err(NotYet::Store)?;
        // Who ran the command was told where nothing is set up.
        let Some(profile) = profile else {
            return Ok(Taken::Refused(Decision::NotSetUp));
        };
        let answer = if is_stale(app, received, MessageId(job.message_id)) {
            admit::refuse_job(app, event_id, job, Decision::Stale).await
        } else {
            timed(Stage::Admit, admit::admit_job(app, event_id, job, &profile)).await
        };
        match answer.map_err(not_yet)? {
            Answer::Granted(granted) => return Ok(Taken::Granted(granted)),
            Answer::Refused { code, .. } => return Ok(Taken::Refused(code)),
            Answer::SettingsChanged => app.profiles.forget(tenant.disc_id()).await,
        }
    }
    Err(NotYet::Unsteady)
}

fn not_yet(error: store::Error) -> NotYet {
    NotYet::Store(std::sync::Arc::new(error))
}

/// Tells whether that message, or the public answer to a command, is too old to begin a reply.
fn is_stale(app: &App, received: &Received, message: MessageId) -> bool {
    let asked_ms = message.created_at_ms().max(received.retried_at_ms);
    app.settings.switches.age_of(asked_ms) > app.settings.chat.stale_event_max_age
}

/// Runs one turn to its end, whatever that is; `stop` fires when somebody asked for that.
///
/// Cancel safe: no; dropped midway its row stays for a successor, as after a kill.
pub(crate) async fn turn(
    app: &App,
    granted: Granted,
    history: &History,
    stop: CancellationToken,
) -> TurnEnd {
    let mut claimed = match timed(Stage::Claim, claim::claim(app, granted, stop)).await {
        Ok(Some(claimed)) => claimed,
        Ok(None) => return TurnEnd::Unsettled,
        Err(error) => {
            tracing::warn!(
                error = &error as &dyn std::error::Error,
                "a turn cannot be claimed"
            );
            return TurnEnd::Unsettled;
        }
    };
    let chat = &app.settings.chat;
    let pace = claimed.pace.clone();
    let mut journal = claimed.journal(app, history);
    let answering = answer(app, &mut claimed, &mut journal, history);
    let outcome = tokio::select! {
        outcome = answering => outcome,
        () = tokio::time::sleep(chat.turn_max) => Err(TurnError::Overdue),
        () = pace.stalled(chat.stalled_after) => Err(TurnError::Stalled),
    };
    // Boxed: the state of a notice that is posted is large.
    let settling = Box::pin(settle::settle(app, claimed, &mut journal, outcome));
    timed(Stage::Settle, settling).await
}

/// Collects, then completes and delivers, step by step, for as long as the model asks for tools;
/// asks again when it had nothing to say.
async fn answer(
    app: &App,
    claimed: &mut claim::Claimed,
    journal: &mut crate::journal::Journal<'_>,
    history: &History,
) -> Result<TurnState, TurnError> {
    let _typing = claimed.typing(app);
    let pace = &claimed.pace.clone();
    let collecting = collect::collect(app, claimed, journal, history);
    // Boxed: the state of collecting is large, and gone when the model speaks.
    let collecting = timed(Stage::Collect, Box::pin(collecting));
    let Some((mut prompt, mut toolbox)) = unless_told(app, pace, collecting).await? else {
        return Ok(TurnState::Done);
    };
    let claimed = &*claimed;
    let mut retries = 0..EMPTY_RETRIES;
    loop {
        let completing = timed(Stage::Complete, complete::complete(app, claimed, &prompt));
        let stream = unless_told(app, pace, completing).await?;
        pace.note();
        let posts_before = journal.posts();
        let delivering = deliver::deliver(app, claimed, journal, &prompt, stream);
        let delivered = timed(Stage::Deliver, delivering).await;
        if let Err(TurnError::Model(error)) = &delivered
            && journal.posts() == posts_before
            && claimed.keys.broke(error).await
        {
            // Nobody has seen anything of it.
            continue;
        }
        let said = delivered?;
        if !said.calls.is_empty() {
            let using = toolbox.step(app, pace, journal, &mut prompt, said);
            // Boxed, like collecting.
            timed(Stage::Tool, Box::pin(using)).await?;
        } else if journal.has_shown() || prompt.continue_from.is_some() {
            return Ok(TurnState::Done);
        } else if retries.next().is_some() {
            let pause = async {
                tokio::time::sleep(EMPTY_RETRY_AFTER).await;
                Ok(())
            };
            unless_told(app, pace, pause).await?;
        } else {
            return Err(TurnError::EmptyReply);
        }
    }
}

/// Lets go of a step when the process is on its way out, or when somebody stops the turn. Only for
/// steps that send nothing: a post that is cut off would be in doubt, so delivery does this while
/// it waits for the model, and never within a post.
pub(crate) async fn unless_told<T>(
    app: &App,
    pace: &Pace,
    step: impl Future<Output = Result<T, TurnError>>,
) -> Result<T, TurnError> {
    tokio::select! {
        biased;
        () = pace.stopped() => Err(TurnError::StopRequested),
        () = app.abandon.cancelled() => Err(TurnError::Abandoned),
        outcome = step => outcome,
    }
}

async fn timed<F: Future>(stage: Stage, step: F) -> F::Output {
    let started = Instant::now();
    let output = step.await;
    metrics::stage(stage, started.elapsed());
    output
}
