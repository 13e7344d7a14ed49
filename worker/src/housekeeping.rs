//! What a worker does beside its work: health, jobs for all, forgotten turns, its share of limits.

use std::sync::Arc;
use std::time::Duration;

use runtime::admin::Health;
use tokio::time::{Interval, MissedTickBehavior, interval, timeout};

use crate::app::App;
use crate::command::respond;
use crate::privacy::reconcile;
use crate::{control, forgetting, interactions, outbox, retention, stops, telling};

/// Readiness looks at its conditions this often.
const CHECK_EVERY: Duration = Duration::from_secs(2);

/// The database counts as there when it answered within this (CFG-123).
const DATABASE_WITHIN: Duration = Duration::from_secs(5);

/// Turns that are ours by their row and that no task of ours runs are let go this often.
const LET_GO_EVERY: Duration = Duration::from_secs(15);

/// Starts everything; the tasks end by themselves when the worker stops.
pub(crate) fn start(app: &Arc<App>, health: Health) {
    app.tracker
        .spawn(interactions::serve(Arc::clone(app), app.stop.clone()));
    until_stopped(app, |app| async move {
        app.profiles.follow_hints(&app.nats, &app.names).await;
    });
    until_stopped(app, |app| async move { app.key_pools.follow_hints().await });
    until_stopped(
        app,
        |app| async move { app.key_pools.keep_counting().await },
    );
    until_stopped(app, telling::tell_of_refused_keys);
    until_stopped(app, reconcile::keep);
    until_stopped(app, retention::keep);
    until_stopped(app, outbox::keep);
    until_stopped(app, |app| async move { let_lost_turns_go(&app).await });
    let reading = Arc::clone(app);
    app.tracker.spawn(async move {
        // A drain may answer somebody who has just opted out.
        let follow = reading.privacy.follow();
        reading.abandon.run_until_cancelled(follow).await;
    });
    let listening = Arc::clone(app);
    app.tracker.spawn(async move {
        // Turns are stopped to the end, the drain included.
        let listen = control::listen(Arc::clone(&listening));
        listening.abandon.run_until_cancelled(listen).await;
    });
    let forgetting = Arc::clone(app);
    app.tracker.spawn(async move {
        // A drain holds conversations, too.
        let listen = forgetting::listen(Arc::clone(&forgetting));
        forgetting.abandon.run_until_cancelled(listen).await;
    });
    let stopping = Arc::clone(app);
    app.tracker.spawn(async move {
        // A drain makes calls, too.
        let share = stops::share(Arc::clone(&stopping));
        stopping.abandon.run_until_cancelled(share).await;
    });
    until_stopped(app, respond::serve_prompts);
    let watching = Arc::clone(app);
    app.tracker.spawn(async move {
        // Health is told to the end, the drain included.
        let watch = watch_surroundings(&watching, &health);
        watching.abandon.run_until_cancelled(watch).await;
    });
}

fn until_stopped<F>(app: &Arc<App>, work: impl FnOnce(Arc<App>) -> F)
where
    F: Future<Output = ()> + Send + 'static,
{
    let (stop, work) = (app.stop.clone(), work(Arc::clone(app)));
    app.tracker.spawn(async move {
        stop.run_until_cancelled(work).await;
    });
}

/// Judges readiness, and follows what changes around this worker: the connection to NATS, behind
/// which hints may have been missed, and the number of workers that share Discord's limit.
async fn watch_surroundings(app: &App, health: &Health) {
    let (database, nats, accepting) = (
        health.check("database"),
        health.check("nats"),
        health.check("accepting"),
    );
    let mut connects = app.presence.connects();
    let mut ticks = ticks(CHECK_EVERY);
    loop {
        ticks.tick().await;
        health.tick();
        let answered = timeout(DATABASE_WITHIN, app.store.ping()).await;
        database.set(answered.is_ok_and(|answer| answer.is_ok()));
        nats.set(app.nats.connection_state() == async_nats::connection::State::Connected);
        accepting.set(!app.stop.is_cancelled());
        if app.presence.connects() != connects {
            connects = app.presence.connects();
            app.profiles.forget_all();
        }
        let workers = u32::try_from(app.presence.sharers()).unwrap_or(u32::MAX);
        app.discord.set_global_share(workers);
    }
}

/// A turn whose end could not be recorded stays ours by its row, and the owner of its channel
/// waits for us as long as we live. Letting go hands it over.
async fn let_lost_turns_go(app: &App) {
    let mut ticks = ticks(LET_GO_EVERY);
    loop {
        ticks.tick().await;
        let running = app.live_turns.all();
        match app.store.let_go(&app.worker_id, &running).await {
            Ok(0) => {}
            Ok(turns) => tracing::warn!(turns, "turns that nobody ran any more were let go"),
            Err(error) => tracing::debug!(%error, "lost turns are not looked for"),
        }
    }
}

fn ticks(every: Duration) -> Interval {
    let mut ticks = interval(every);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    ticks
}
