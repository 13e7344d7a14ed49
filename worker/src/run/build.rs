//! Builds the worker. What is not there yet is waited for; what waiting does not mend ends it.

mod remote;

use std::sync::Arc;

use anyhow::Context as _;
use async_nats::jetstream::{self, kv};
use keyring::Keyring;
use llm::{Llm, Services};
use proto::id::{ApplicationId, UserId};
use proto::subject::{Names, OLDEST_SERVER, PARTITIONS_METADATA};
use runtime::admin::Health;
use runtime::shutdown::Shutdown;
use runtime::start::until_there;
use store::{Fence, Store};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::app::App;
use crate::command::cooldown::Hurry;
use crate::command::respond::Prompts;
use crate::config::Settings;
use crate::control::Nudges;
use crate::forgetting::Forgetting;
use crate::journal::Echoes;
use crate::keys::Keys;
use crate::outbox::Outbox;
use crate::partition::{LiveTurns, Presence, Pulse};
use crate::pipeline::Unreadable;
use crate::pool::KeyPools;
use crate::privacy::Privacy;
use crate::profiles::Profiles;
use crate::spared::Spared;
use crate::tool::Rights;
use crate::tool_servers::ToolServers;

/// Builds everything; returns when the first heartbeat is acknowledged. Cancel safe: a worker that
/// was heard of and is no more expires.
///
/// # Errors
/// What somebody has to mend first: settings, logins, an installation that was never migrated.
pub(super) async fn build(
    settings: Settings,
    shutdown: &Shutdown,
    health: &Health,
) -> anyhow::Result<App> {
    let keys = &settings.keys;
    let keyring = Keyring::new(keys.by_version.clone(), keys.current)?;
    let opening = || open_store(&settings, &keyring);
    let store = until_there("the database", opening, store::Error::is_unavailable).await?;
    health.check("database").set(true);
    let nats = runtime::nats::connect(&settings.nats, "worker", OLDEST_SERVER).await?;
    let names = Names::new(settings.nats.prefix.clone());
    let opening = || open_buckets(&settings, &nats, &names);
    let (bucket, privacy) = until_there("JetStream", opening, runtime::nats::Error::passes).await?;
    health.check("nats").set(true);
    let discord = super::connect_discord(&settings.discord)?;
    let (bot, application) = introduce(&discord).await?;
    let worker_id: Arc<str> = instance_name(&settings.chat.worker_id)?.into();
    let pulse = Arc::new(Pulse::default());
    let (name, beat) = (Arc::clone(&worker_id), Arc::clone(&pulse));
    let presence = Presence::new(name, nats.clone(), bucket, beat);
    until_there("the workers' bucket", || presence.announce(), |_| true).await?;
    let fetch = Arc::new(remote::client(&settings).await?);
    Ok(App {
        downloads: remote::downloads(&fetch, &settings),
        tool_servers: ToolServers::new(Arc::clone(&fetch), settings.tool_servers),
        fetch,
        key_pools: Arc::new(key_pools(&settings, &store, &nats, &names, shutdown)),
        profiles: Profiles::new(store.clone(), settings.chat.server_config_ttl),
        llm: Arc::new(Llm::new(settings.provider_base_urls.clone())?),
        services: Services::new(settings.service_base_urls.clone())?,
        turn_slots: Arc::new(Semaphore::new(settings.chat.max_turns)),
        live_turns: LiveTurns::default(),
        suspects: Arc::default(),
        echoes: Echoes::default(),
        spared: Spared::default(),
        media: remote::media(&settings),
        rights: Rights::default(),
        unreadable: Unreadable::default(),
        nudges: Nudges::default(),
        forgetting: Forgetting::default(),
        outbox: Outbox::default(),
        hurry: Hurry::default(),
        prompts: Prompts::default(),
        interactions: TaskTracker::new(),
        tracker: shutdown.tracker.clone(),
        stop: shutdown.token.clone(),
        abandon: CancellationToken::new(),
        application,
        bot,
        settings: Arc::new(settings),
        store,
        keys: Keys::new(keyring),
        discord,
        names,
        nats,
        worker_id,
        privacy: Privacy::new(privacy),
        presence,
        pulse,
    })
}

fn key_pools(
    settings: &Settings,
    store: &Store,
    nats: &async_nats::Client,
    names: &Names,
    shutdown: &Shutdown,
) -> KeyPools {
    KeyPools::new(
        store.clone(),
        nats.clone(),
        names.clone(),
        settings.chat.key_rules,
        shutdown.tracker.clone(),
    )
}

async fn open_store(settings: &Settings, keyring: &Keyring) -> Result<Store, store::Error> {
    let store = Store::connect(&settings.store).await?;
    store.check_schema().await?;
    store.check_keyring(keyring).await?;
    if store.fence().await? == Fence::Absent {
        tracing::warn!(
            "the database does not keep servers apart: run `worker migrate` as a user that may create roles"
        );
    }
    Ok(store)
}

/// Opens the bucket of live workers and that of privacy levels.
async fn open_buckets(
    settings: &Settings,
    nats: &async_nats::Client,
    names: &Names,
) -> Result<(kv::Store, kv::Store), runtime::nats::Error> {
    let context = jetstream::new(nats.clone());
    let (stream, partitions) = (names.event_stream(), settings.nats.partitions);
    runtime::nats::check_stream(&context, &stream, PARTITIONS_METADATA, partitions).await?;
    runtime::nats::stream(&context, &names.dead_letter_stream()).await?;
    let workers = runtime::nats::bucket(&context, names.workers_bucket()).await?;
    let privacy = runtime::nats::bucket(&context, names.privacy_bucket()).await?;
    Ok((workers, privacy))
}

/// Learns who we are, for as long as it takes; only a refused token ends it.
async fn introduce(discord: &discord::Client) -> anyhow::Result<(UserId, ApplicationId)> {
    let ask = || async {
        let bot = discord.current_user().await?;
        let application = discord.current_application().await?;
        Ok((bot.id, application.id))
    };
    let passes = |error: &discord::Error| !matches!(error, discord::Error::Unauthorized);
    let learned = until_there("Discord's REST interface", ask, passes).await;
    learned.context("Discord does not say who we are; check DISCORD_TOKEN")
}

/// Returns the name of this process: the configured one and random bits, so that a restarted
/// worker never inherits its predecessor's turns (CFG-13).
fn instance_name(worker_id: &str) -> anyhow::Result<String> {
    let mut bytes = [0_u8; 4];
    getrandom::fill(&mut bytes)?;
    Ok(format!("{worker_id}-{:08x}", u32::from_le_bytes(bytes)))
}
