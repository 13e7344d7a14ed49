//! Interactions: from the gateway's request to the answer at Discord.
//!
//! An interaction carries a token and what people typed, secrets included: it travels by request
//! only, is never stored, and nothing of it is logged (SEC-63). The first answer to Discord is the
//! claim and precedes every effect (CMD-2), so it does no harm when several workers are asked.

use std::panic::AssertUnwindSafe;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::time::Duration;

use async_nats::{Message, SubscribeError, Subscriber};
use futures_util::stream::{SelectAll, select_all};
use futures_util::{FutureExt, StreamExt};
use prost::Message as _;
use proto::event::{Interaction, InteractionOutcome, InteractionReply};
use proto::id::{InteractionId, MessageId};
use proto::subject::{INTERACTIONS_GROUP, InteractionClass};
use tokio::sync::Semaphore;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tracing::{debug, error, warn};

use crate::app::App;
use crate::command::{self, After, Finished, Panel};
use crate::metrics::{self, Interacted};
use crate::notice::{Notice, SteerText};

/// Interactions in work at once. Most of them wait for a provider; a request above the bound is
/// left unanswered, and the gateway asks another worker.
const MAX_AT_ONCE: usize = 128;

/// Age by Discord's clock after which no answer would arrive within Discord's 3 s (CMD-3).
const MAX_AGE: Duration = Duration::from_millis(2500);

/// Between two words to the gateway, which gives a silent worker up after ten seconds.
const TELL_EVERY: Duration = Duration::from_secs(2);

/// Work that is done within this is not announced: most providers answer sooner.
const WAITING_AFTER: Duration = Duration::from_millis(1500);

/// Longest work behind a claim: the calls of the setup take at most 10 s, 20 s and a few seconds
/// of database, and the token lives for 15 min.
const WORK_DEADLINE: Duration = Duration::from_mins(1);

/// Answers interactions until the shutdown, then takes no more; those in work go on, and the drain
/// waits for them. One that is on its way here at that moment is asked of another
/// worker by the gateway.
pub async fn serve(app: Arc<App>, shutdown: CancellationToken) {
    match subscribe(&app).await {
        Ok(requests) => take(&app, requests, &shutdown).await,
        // Only a connection that was closed for good takes no subscription.
        Err(error) => error!(%error, "interactions are not answered by this worker"),
    }
}

/// Starts a task for each request, until the shutdown.
async fn take(app: &Arc<App>, mut requests: SelectAll<Subscriber>, shutdown: &CancellationToken) {
    let places = Arc::new(Semaphore::new(MAX_AT_ONCE));
    while let Some(Some(request)) = shutdown.run_until_cancelled(requests.next()).await {
        let Message { payload, reply, .. } = request;
        let gateway = Gateway {
            app: Arc::clone(app),
            reply,
        };
        let Ok(place) = Arc::clone(&places).try_acquire_owned() else {
            warn!("an interaction was left to another worker: all places are taken");
            gateway.tell(InteractionOutcome::GaveUp).await;
            continue;
        };
        app.interactions.spawn(async move {
            // On the heap: every command is a part of it, so it is large.
            Box::pin(answer(&gateway, &payload)).await;
            drop(place);
        });
    }
}

/// Joins the workers that answer, in every class.
async fn subscribe(app: &App) -> Result<SelectAll<Subscriber>, SubscribeError> {
    let mut subscribers = Vec::new();
    for class in InteractionClass::ALL {
        let subject = app.names.interaction(class);
        let group = INTERACTIONS_GROUP.to_owned();
        subscribers.push(app.nats.queue_subscribe(subject, group).await?);
    }
    Ok(select_all(subscribers))
}

/// The gateway that asked about an interaction.
struct Gateway {
    app: Arc<App>,
    reply: Option<async_nats::Subject>,
}

impl Gateway {
    /// Says what is with the interaction. A word that is lost costs the person some seconds.
    async fn tell(&self, outcome: InteractionOutcome) {
        let Some(reply) = self.reply.clone() else {
            return;
        };
        let word = InteractionReply {
            outcome: outcome.into(),
            worker_id: self.app.worker_id.as_ref().to_owned(),
        };
        if let Err(error) = self
            .app
            .nats
            .publish(reply, word.encode_to_vec().into())
            .await
        {
            warn!(%error, "the gateway was not told who answers an interaction");
        }
    }

    /// Says again and again that the work goes on. Never returns. Cancel safe.
    async fn tell_working(&self) {
        let mut tick = tokio::time::interval(TELL_EVERY);
        loop {
            tick.tick().await;
            self.tell(InteractionOutcome::Working).await;
        }
    }
}

async fn answer(gateway: &Gateway, payload: &[u8]) {
    let app = &*gateway.app;
    let now_ms = app.settings.switches.unix_now_ms();
    let Some(interaction) = read(payload, now_ms) else {
        return;
    };
    let id = InteractionId(interaction.interaction_id);
    let token = interaction.token.clone();
    let planning = command::plan(app, interaction, now_ms);
    let Some(plan) = unless_panicked(planning).await else {
        gateway.tell(InteractionOutcome::GaveUp).await;
        return;
    };
    let claim = app.discord.respond(id, &token, &plan.first).await;
    let outcome = outcome_of(&claim, plan.after.is_some());
    metrics::interaction(interacted(outcome));
    match plan.after {
        Some(after) if claim.is_ok() => {
            let is_shown = tokio::select! {
                is_shown = work(app, after, &token) => is_shown,
                () = gateway.tell_working() => false,
            };
            // Unsaid, the gateway ends the answer itself.
            if is_shown {
                gateway.tell(InteractionOutcome::Done).await;
            }
        }
        _ => gateway.tell(outcome).await,
    }
}

/// Reads the request; `None` when it cannot be answered any more, or never could.
fn read(payload: &[u8], now_ms: u64) -> Option<Interaction> {
    // The decoder's error could quote what was typed.
    let Ok(interaction) = Interaction::decode(payload) else {
        warn!("an interaction could not be read");
        metrics::interaction(Interacted::Unreadable);
        return None;
    };
    if is_too_old(InteractionId(interaction.interaction_id), now_ms) {
        debug!("an interaction came too late to be answered");
        metrics::interaction(Interacted::TooOld);
        return None;
    }
    Some(interaction)
}

/// Judged by two clocks: where they differ by seconds, interactions are given up or answered in
/// vain, but never twice.
fn is_too_old(id: InteractionId, now_ms: u64) -> bool {
    let age_ms = now_ms.saturating_sub(id.created_at_ms());
    u128::from(age_ms) > MAX_AGE.as_millis()
}

/// Returns what the gateway is told. Who does not know whether the interaction is theirs has no
/// effect and lets the gateway ask others: they find out.
fn outcome_of(claim: &Result<(), discord::Error>, is_work_left: bool) -> InteractionOutcome {
    match claim {
        Ok(()) if is_work_left => InteractionOutcome::Working,
        Ok(()) => InteractionOutcome::Claimed,
        Err(error) if error.is_already_answered() || error.is_unknown_interaction() => {
            InteractionOutcome::NotMine
        }
        Err(error) => {
            warn!(%error, "an interaction was not claimed");
            InteractionOutcome::GaveUp
        }
    }
}

const fn interacted(outcome: InteractionOutcome) -> Interacted {
    match outcome {
        InteractionOutcome::Claimed | InteractionOutcome::Working | InteractionOutcome::Done => {
            Interacted::Claimed
        }
        InteractionOutcome::NotMine => Interacted::NotMine,
        InteractionOutcome::GaveUp | InteractionOutcome::Unspecified => Interacted::InDoubt,
    }
}

/// Does the work behind a claim, and turns the promised answer into its result; tells whether the
/// person has it.
async fn work(app: &App, after: After, token: &str) -> bool {
    let waiting = command::waiting(app, &after);
    let finishing = pin!(result(app, after));
    let finished = match waiting {
        Some(waiting) => showing(app, token, waiting, finishing).await,
        None => finishing.await,
    };
    let first = finished.unwrap_or_else(|notice| Panel::say(&notice).into());
    let (mut is_shown, mut then) = present(app, first, token).await;
    while let Some(after) = then.take() {
        // What was shown before stays true when nothing comes of it.
        let Ok(next) = result(app, after).await else {
            break;
        };
        (is_shown, then) = present(app, next, token).await;
    }
    is_shown
}

/// Shows a result; tells whether the person has it, and what is still to be done.
async fn present(app: &App, finished: Finished, token: &str) -> (bool, Option<After>) {
    let Finished {
        panel,
        files,
        counted,
        order,
        then,
    } = finished;
    let answer = discord::Answer {
        files,
        ..panel.into()
    };
    let shown = show(app, token, answer).await;
    if let (None, Some(archive)) = (shown, counted) {
        let panel = command::not_taken(app, archive).await;
        return (show(app, token, panel.into()).await.is_some(), None);
    }
    // The turn's message is the answer that shows what was asked: that comes first.
    if let (Some(message), Some(order)) = (shown, order)
        && !order.publish(app, message).await
    {
        let notice = Notice::Steer(SteerText::NotAsked);
        let told = show(app, token, Panel::say(&notice).into()).await;
        return (told.is_some(), None);
    }
    (shown.is_some(), then)
}

/// Finishes, and meanwhile shows that it takes its time.
async fn showing(
    app: &App,
    token: &str,
    waiting: Panel,
    mut finishing: Pin<&mut impl Future<Output = Result<Finished, Notice>>>,
) -> Result<Finished, Notice> {
    if let Ok(finished) = timeout(WAITING_AFTER, &mut finishing).await {
        return finished;
    }
    show(app, token, waiting.into()).await;
    finishing.await
}

/// Turns the answer into this one; returns its message where that worked.
async fn show(app: &App, token: &str, answer: discord::Answer) -> Option<MessageId> {
    let shown = app.discord.edit_response(app.application, token, &answer);
    let shown = shown.await;
    if let Err(error) = &shown {
        warn!(%error, "the answer to an interaction was not shown");
    }
    shown.ok()
}

/// Waits for the result until it takes too long or this process must end; dropped midway, the
/// work leaves nothing half-saved.
async fn result(app: &App, after: After) -> Result<Finished, Notice> {
    let finishing = timeout(WORK_DEADLINE, unless_panicked(command::finish(app, after)));
    match app.abandon.run_until_cancelled(finishing).await {
        Some(Ok(Some(finished))) => Ok(finished),
        Some(Ok(None)) => Err(Notice::Unexpected),
        Some(Err(_)) | None => Err(Notice::TooSlow),
    }
}

/// Returns the output; `None` when there was a panic, which is counted and ends nothing else.
async fn unless_panicked<T>(work: impl Future<Output = T>) -> Option<T> {
    // Boxed: the calls to a provider make the future large.
    let output = AssertUnwindSafe(Box::pin(work)).catch_unwind().await;
    if output.is_err() {
        metrics::panicked();
        error!("the answer to an interaction panicked");
    }
    output.ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The interaction was made at this Unix time in milliseconds, a little more than the epoch.
    fn made_at(now_ms: u64) -> InteractionId {
        let discord_epoch_ms = InteractionId(0).created_at_ms();
        InteractionId((now_ms - discord_epoch_ms) << 22)
    }

    /// CMD-3.
    #[test]
    fn an_interaction_is_given_up_after_two_and_a_half_seconds() {
        let made_ms = 1_800_000_000_000;
        assert!(!is_too_old(made_at(made_ms), made_ms + 2_500));
        assert!(is_too_old(made_at(made_ms), made_ms + 2_501));
    }

    #[test]
    fn an_interaction_from_a_clock_ahead_is_fresh() {
        assert!(!is_too_old(made_at(1_800_000_000_000), 1_799_999_990_000));
    }

    #[test]
    fn an_interaction_of_somebody_else_is_not_mine() {
        for code in [40_060, 10_062] {
            let claim = Err(discord::Error::Refused { status: 400, code });
            assert_eq!(outcome_of(&claim, true), InteractionOutcome::NotMine);
        }
    }

    #[test]
    fn a_claim_in_doubt_is_given_up_and_a_deferral_is_owed() {
        let claim = Err(discord::Error::InDoubt { cause: None });
        assert_eq!(outcome_of(&claim, true), InteractionOutcome::GaveUp);
        assert_eq!(outcome_of(&Ok(()), false), InteractionOutcome::Claimed);
        assert_eq!(outcome_of(&Ok(()), true), InteractionOutcome::Working);
    }
}
