//! The running worker: built once, started in order, drained in order (SEC-22, CHAT-49).

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use async_nats::jetstream::{self, kv};
use keyring::Keyring;
use llm::Llm;
use proto::subject::{Names, OLDEST_SERVER, PARTITIONS_METADATA};
use runtime::admin::{self, Health};
use runtime::shutdown::Shutdown;
use store::Store;
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;
use tokio::time::{MissedTickBehavior, interval, timeout};
use tokio_util::sync::CancellationToken;

use crate::app::App;
use crate::config::Settings;
use crate::partition::{self, LiveTurns, Presence, Pulse};
use crate::profiles::Profiles;
use crate::{clock, interactions, metrics};

/// Readiness looks at its conditions this often.
const CHECK_EVERY: Duration = Duration::from_secs(2);

/// The database counts as there when it answered within this (CFG-123).
const DATABASE_WITHIN: Duration = Duration::from_secs(5);

/// Records of finished turns are cleared away this often (DB-68, DB-69).
const PURGE_EVERY: Duration = Duration::from_hours(1);

/// After the drain: a post that is on its way takes up to 10 s, the turn's last statement a moment.
const LET_GO_WITHIN: Duration = Duration::from_secs(11);

/// Runs a worker until a signal, then drains it.
///
/// # Errors
/// Anything that keeps it from starting; the message says what and how to mend it.
pub async fn run(settings: Settings) -> anyhow::Result<()> {
    let shutdown = Shutdown::listen()?;
    let prometheus =
        runtime::metrics::install("worker", env!("CARGO_PKG_VERSION"), metrics::HISTOGRAMS)?;
    metrics::describe();
    discord::metrics::describe();
    let health = Health::new();
    let listener = admin::bind(settings.admin.listen).await?;
    let stop_admin = CancellationToken::new();
    let serving = admin::serve(listener, health.clone(), prometheus, stop_admin.clone());
    let admin = shutdown.spawn(serving);
    let app = Arc::new(build(settings, &shutdown).await?);
    app.presence.spawn(&app.tracker, &app.abandon);
    let partitions = app
        .tracker
        .spawn(partition::run(Arc::clone(&app), app.stop.clone()));
    start_background(&app, health.clone());
    tracing::info!(worker = &*app.worker_id, "worker is up");
    app.stop.cancelled().await;
    drain(&app, partitions).await;
    stop_admin.cancel();
    admin.await.context("the admin port did not close")?;
    Ok(())
}

async fn build(settings: Settings, shutdown: &Shutdown) -> anyhow::Result<App> {
    let keys = &settings.keys;
    let keyring = Arc::new(Keyring::new(keys.by_version.clone(), keys.current)?);
    let store = open_store(&settings, &keyring).await?;
    let nats = runtime::nats::connect(&settings.nats, "worker", OLDEST_SERVER).await?;
    let names = Names::new(settings.nats.prefix.clone());
    let bucket = open_bucket(&settings, &nats, &names).await?;
    let discord = connect_discord(&settings)?;
    let bot = discord
        .current_user()
        .await
        .context("Discord does not say who we are")?;
    let application = discord
        .current_application()
        .await
        .context("Discord does not say what we are")?;
    let worker_id: Arc<str> = instance_name(&settings.chat.worker_id)?.into();
    let pulse = Arc::new(Pulse::default());
    let presence = Presence::join(
        Arc::clone(&worker_id),
        nats.clone(),
        bucket,
        Arc::clone(&pulse),
    )
    .await?;
    Ok(App {
        profiles: Profiles::new(store.clone(), settings.chat.server_config_ttl),
        llm: Arc::new(Llm::new(settings.provider_base_urls.clone())?),
        turn_slots: Arc::new(Semaphore::new(settings.chat.max_turns)),
        live_turns: LiveTurns::default(),
        tracker: shutdown.tracker.clone(),
        stop: shutdown.token.clone(),
        abandon: CancellationToken::new(),
        application: application.id,
        bot: bot.id,
        settings: Arc::new(settings),
        store,
        keyring,
        discord,
        names,
        nats,
        worker_id,
        presence,
        pulse,
    })
}

async fn open_store(settings: &Settings, keyring: &Keyring) -> anyhow::Result<Store> {
    let store = Store::connect(&settings.store)
        .await
        .context("cannot connect to the database")?;
    store.check_schema().await?;
    store.check_keyring(keyring).await?;
    Ok(store)
}

async fn open_bucket(
    settings: &Settings,
    nats: &async_nats::Client,
    names: &Names,
) -> anyhow::Result<kv::Store> {
    let context = jetstream::new(nats.clone());
    let (stream, partitions) = (names.event_stream(), settings.nats.partitions);
    runtime::nats::check_stream(&context, &stream, PARTITIONS_METADATA, partitions).await?;
    context
        .get_key_value(names.workers_bucket())
        .await
        .context("the workers' bucket does not exist; run `worker migrate` first")
}

fn connect_discord(settings: &Settings) -> anyhow::Result<discord::Client> {
    Ok(discord::Client::new(discord::Settings {
        api_url: settings.discord.api_url.clone(),
        token: settings.discord.token.clone(),
        global_rps: settings.discord.global_rps,
        proxy_url: settings.discord.proxy_url.as_ref().map(ToString::to_string),
    })?)
}

/// Returns the name of this process: the configured one and random bits, so that a restarted
/// worker never inherits its predecessor's turns (CFG-13).
fn instance_name(worker_id: &str) -> anyhow::Result<String> {
    let mut bytes = [0_u8; 4];
    getrandom::fill(&mut bytes)?;
    Ok(format!("{worker_id}-{:08x}", u32::from_le_bytes(bytes)))
}

fn start_background(app: &Arc<App>, health: Health) {
    let hints = Arc::clone(app);
    app.tracker.spawn(async move {
        let following = hints.profiles.follow_hints(&hints.nats, &hints.names);
        hints.stop.run_until_cancelled(following).await;
    });
    app.tracker
        .spawn(interactions::serve(Arc::clone(app), app.stop.clone()));
    let purging = Arc::clone(app);
    app.tracker.spawn(async move {
        purging
            .stop
            .run_until_cancelled(purge_for_ever(&purging))
            .await;
    });
    let watching = Arc::clone(app);
    app.tracker.spawn(async move {
        watching
            .abandon
            .run_until_cancelled(watch_health(&watching, &health))
            .await;
    });
}

async fn watch_health(app: &App, health: &Health) {
    let (database, nats, accepting) = (
        health.check("database"),
        health.check("nats"),
        health.check("accepting"),
    );
    let mut ticks = interval(CHECK_EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        health.tick();
        database.set(
            timeout(DATABASE_WITHIN, app.store.ping())
                .await
                .is_ok_and(|p| p.is_ok()),
        );
        nats.set(app.nats.connection_state() == async_nats::connection::State::Connected);
        accepting.set(!app.stop.is_cancelled());
    }
}

async fn purge_for_ever(app: &App) {
    let mut ticks = interval(PURGE_EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let now_ms = i64::try_from(clock::unix_now_ms()).unwrap_or(i64::MAX);
        let Some(now) = chrono::DateTime::from_timestamp_millis(now_ms) else {
            continue;
        };
        match app.store.purge_finished(now).await {
            Ok(purged) => {
                tracing::info!(
                    turns = purged.turns,
                    decisions = purged.decisions,
                    "old records purged"
                );
            }
            Err(error) => tracing::warn!(%error, "old records are not purged"),
        }
    }
}

/// Gives the partitions away at once, lets running turns end, then makes the rest let go.
async fn drain(app: &App, partitions: JoinHandle<()>) {
    survive(
        "the others are not told that this worker drains",
        app.presence.drain().await,
    );
    survive("the task of the partitions panicked", partitions.await);
    app.tracker.close();
    let drained = all_turns_ended(app, app.settings.run.drain_timeout).await;
    app.abandon.cancel();
    let let_go = drained || all_turns_ended(app, LET_GO_WITHIN).await;
    tracing::info!(
        drained,
        let_go,
        "turns that did not end go on at other workers"
    );
    if let_go {
        // Otherwise silence tells it, after the time in which a post may still arrive.
        let left = app.presence.leave().await;
        survive("the others are not told that this worker has gone", left);
    }
    app.store.close().await;
}

/// A drain goes on whatever fails: what is left undone is what a kill would leave.
fn survive<E: std::fmt::Display>(what: &str, outcome: Result<(), E>) {
    if let Err(error) = outcome {
        tracing::warn!(%error, "{what}");
    }
}

/// Whoever gets all places at once knows that no turn runs.
async fn all_turns_ended(app: &App, within: Duration) -> bool {
    let slots = u32::try_from(app.settings.chat.max_turns).unwrap_or(u32::MAX);
    timeout(within, app.turn_slots.acquire_many(slots))
        .await
        .is_ok_and(|all| all.is_ok())
}
