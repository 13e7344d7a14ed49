//! The running worker: built once, started in order, drained in order (SEC-22, CHAT-49).

mod build;
mod drain;

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use runtime::admin::{self, Health};
use runtime::settings::sections::DiscordSettings;
use runtime::shutdown::Shutdown;
use tokio::signal::unix::{SignalKind, signal};
use tokio::time::interval;
use tokio_util::sync::CancellationToken;

use self::build::build;
use self::drain::drain;
use crate::app::App;
use crate::config::Settings;
use crate::{housekeeping, keys, metrics, partition};

/// Liveness is told this often while the start waits for others.
const TICK_EVERY: Duration = Duration::from_secs(5);

/// Runs a worker until a signal, then drains it.
///
/// # Errors
/// Anything that keeps it from starting; the message says what and how to mend it.
pub async fn run(settings: Settings) -> anyhow::Result<()> {
    let shutdown = Shutdown::listen()?;
    // Early: without a listener the signal ends the process.
    let hangup = signal(SignalKind::hangup())?;
    let histograms = [metrics::HISTOGRAMS, fetch::metrics::HISTOGRAMS].concat();
    let prometheus = runtime::metrics::install("worker", env!("CARGO_PKG_VERSION"), &histograms)?;
    describe_metrics();
    settings.switches.log();
    let health = Health::new();
    // Known from the beginning, so that whoever looks sees what the start waits for.
    for condition in ["database", "nats", "accepting"] {
        health.check(condition);
    }
    let listener = admin::bind(settings.admin.listen).await?;
    let stop_admin = CancellationToken::new();
    let serving = admin::serve(listener, health.clone(), prometheus, stop_admin.clone());
    let admin = shutdown.spawn(serving);
    let Some(app) = built(settings, &shutdown, &health).await? else {
        return Ok(());
    };
    let app = Arc::new(app);
    let mut presence = app.presence.spawn(&app.tracker, &app.abandon);
    housekeeping::start(&app, health);
    let mut partitions = app.tracker.spawn(own_partitions(Arc::clone(&app)));
    app.tracker
        .spawn(keys::reload_on_hangup(Arc::clone(&app), hangup));
    tracing::info!(worker = &*app.worker_id, "worker is up");
    let lost = tokio::select! {
        () = app.stop.cancelled() => None,
        _ = &mut presence => Some("the heartbeat"),
        _ = &mut partitions => Some("the ownership of partitions"),
    };
    app.stop.cancel();
    drain(&app, partitions).await;
    stop_admin.cancel();
    admin.await.context("the admin port did not close")?;
    // A worker without one of these owns nothing or answers nobody: better a new one.
    lost.map_or(Ok(()), |part| {
        Err(anyhow::anyhow!("{part} has ended by itself"))
    })
}

/// Describes every metric of this process.
pub fn describe_metrics() {
    metrics::describe();
    fetch::metrics::describe();
    discord::metrics::describe();
}

/// Takes events once it is known who must not be heard: nobody's words are kept before that.
async fn own_partitions(app: Arc<App>) {
    let loading = app.privacy.is_loaded();
    if app.stop.run_until_cancelled(loading).await.is_some() {
        partition::run(Arc::clone(&app), app.stop.clone()).await;
    }
}

/// Builds the worker, however long that takes; `None` when it is to stop before.
async fn built(
    settings: Settings,
    shutdown: &Shutdown,
    health: &Health,
) -> anyhow::Result<Option<App>> {
    let mut building = Box::pin(build(settings, shutdown, health));
    let mut ticks = interval(TICK_EVERY);
    loop {
        tokio::select! {
            built = &mut building => return built.map(Some),
            _ = ticks.tick() => health.tick(),
            () = shutdown.token.cancelled() => return Ok(None),
        }
    }
}

/// Makes the client of Discord's REST API.
///
/// # Errors
/// The settings do not make a client.
pub fn connect_discord(settings: &DiscordSettings) -> anyhow::Result<discord::Client> {
    Ok(discord::Client::new(discord::Settings {
        api_url: settings.api_url.clone(),
        token: settings.token.clone(),
        global_rps: settings.global_rps,
        proxy_url: settings.proxy_url.as_ref().map(ToString::to_string),
    })?)
}
