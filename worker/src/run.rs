//! The running worker: built once, started in order, drained in order (SEC-22, CHAT-49).

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use async_nats::jetstream::{self, kv};
use keyring::Keyring;
use llm::Llm;
use proto::subject::{Names, OLDEST_SERVER, PARTITIONS_METADATA};
use runtime::admin::{self, Health};
use runtime::settings::sections::DiscordSettings;
use runtime::shutdown::Shutdown;
use store::Store;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::app::App;
use crate::command::respond::Prompts;
use crate::config::Settings;
use crate::control::Nudges;
use crate::journal::Echoes;
use crate::keys::{self, Keys};
use crate::partition::{self, LiveTurns, Presence, Pulse};
use crate::pool::KeyPools;
use crate::profiles::Profiles;
use crate::{housekeeping, metrics};

/// After the drain: a post that is on its way takes up to 10 s, the turn's last statement a moment.
const LET_GO_WITHIN: Duration = Duration::from_secs(11);

/// Runs a worker until a signal, then drains it.
///
/// # Errors
/// Anything that keeps it from starting; the message says what and how to mend it.
pub async fn run(settings: Settings) -> anyhow::Result<()> {
    let shutdown = Shutdown::listen()?;
    // Early: without a listener the signal ends the process.
    let hangup = signal(SignalKind::hangup())?;
    let prometheus =
        runtime::metrics::install("worker", env!("CARGO_PKG_VERSION"), metrics::HISTOGRAMS)?;
    metrics::describe();
    settings.switches.log();
    discord::metrics::describe();
    let health = Health::new();
    let listener = admin::bind(settings.admin.listen).await?;
    let stop_admin = CancellationToken::new();
    let serving = admin::serve(listener, health.clone(), prometheus, stop_admin.clone());
    let admin = shutdown.spawn(serving);
    let app = Arc::new(build(settings, &shutdown).await?);
    let mut presence = app.presence.spawn(&app.tracker, &app.abandon);
    let owning = partition::run(Arc::clone(&app), app.stop.clone());
    let mut partitions = app.tracker.spawn(owning);
    housekeeping::start(&app, health);
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

async fn build(settings: Settings, shutdown: &Shutdown) -> anyhow::Result<App> {
    let keys = &settings.keys;
    let keyring = Keyring::new(keys.by_version.clone(), keys.current)?;
    let store = open_store(&settings, &keyring).await?;
    let nats = runtime::nats::connect(&settings.nats, "worker", OLDEST_SERVER).await?;
    let names = Names::new(settings.nats.prefix.clone());
    let bucket = open_bucket(&settings, &nats, &names).await?;
    let discord = connect_discord(&settings.discord)?;
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
    let key_pools = KeyPools::new(
        store.clone(),
        nats.clone(),
        names.clone(),
        settings.chat.key_rests,
        shutdown.tracker.clone(),
    );
    Ok(App {
        key_pools: Arc::new(key_pools),
        profiles: Profiles::new(store.clone(), settings.chat.server_config_ttl),
        llm: Arc::new(Llm::new(settings.provider_base_urls.clone())?),
        turn_slots: Arc::new(Semaphore::new(settings.chat.max_turns)),
        live_turns: LiveTurns::default(),
        suspects: Arc::default(),
        echoes: Echoes::default(),
        nudges: Nudges::default(),
        prompts: Prompts::default(),
        interactions: TaskTracker::new(),
        tracker: shutdown.tracker.clone(),
        stop: shutdown.token.clone(),
        abandon: CancellationToken::new(),
        application: application.id,
        bot: bot.id,
        settings: Arc::new(settings),
        store,
        keys: Keys::new(keyring),
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
        .get_stream(names.dead_letter_stream())
        .await
        .context("the stream of dead letters does not exist; run `worker migrate` first")?;
    context
        .get_key_value(names.workers_bucket())
        .await
        .context("the workers' bucket does not exist; run `worker migrate` first")
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

/// Returns the name of this process: the configured one and random bits, so that a restarted
/// worker never inherits its predecessor's turns (CFG-13).
fn instance_name(worker_id: &str) -> anyhow::Result<String> {
    let mut bytes = [0_u8; 4];
    getrandom::fill(&mut bytes)?;
    Ok(format!("{worker_id}-{:08x}", u32::from_le_bytes(bytes)))
}

/// Gives the partitions away at once, lets running turns end, then makes the rest let go.
async fn drain(app: &App, partitions: JoinHandle<()>) {
    survive(
        "the others are not told that this worker drains",
        app.presence.drain().await,
    );
    if !partitions.is_finished() {
        survive("the task of the partitions panicked", partitions.await);
    }
    let drained = all_ended(app, app.settings.run.drain_timeout).await;
    app.abandon.cancel();
    let let_go = drained || all_ended(app, LET_GO_WITHIN).await;
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
    app.key_pools.write_counts().await;
    app.store.close().await;
}

/// A drain goes on whatever fails: what is left undone is what a kill would leave.
fn survive<E: std::fmt::Display>(what: &str, outcome: Result<(), E>) {
    if let Err(error) = outcome {
        tracing::warn!(%error, "{what}");
    }
}

/// Waits for the running turns and for the interactions that are being answered.
async fn all_ended(app: &App, within: Duration) -> bool {
    app.interactions.close();
    // Whoever gets all places at once knows that no turn runs.
    let slots = u32::try_from(app.settings.chat.max_turns).unwrap_or(u32::MAX);
    let ended = async {
        let turns = app.turn_slots.acquire_many(slots).await;
        app.interactions.wait().await;
        turns.is_ok()
    };
    timeout(within, ended).await.is_ok_and(|all| all)
}
