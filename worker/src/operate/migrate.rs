//! `worker migrate`: the database's schema, then the stream and the buckets (SEC-49).
//!
//! Everything here may be run again at any time; what exists is checked, not made anew.

use std::collections::HashMap;
use std::time::Duration;

use anyhow::{Context as _, bail};
use async_nats::jetstream::kv;
use async_nats::jetstream::stream::{Config, DiscardPolicy, RetentionPolicy, StorageType};
use async_nats::jetstream::{self, Context};
use proto::subject::{
    DEAD_LETTER_MAX_AGE, EVENT_MAX_AGE, EVENT_MAX_BYTES, IDENTIFY_SLOT, Names, OLDEST_SERVER,
    PARTITIONS_METADATA,
};
use runtime::settings::sections::NatsSettings;
use store::{Fence, Store};

/// Room for headers and JetStream's own bookkeeping above the largest event.
const MESSAGE_OVERHEAD_BYTES: usize = 16 * 1024;

/// A stream this full pushes back instead of deleting; at 1.5 kB an event this is ten minutes of
/// more than a thousand events a second that nobody takes.
const STREAM_MAX_BYTES: i64 = 1024 * 1024 * 1024;

/// Records are some hundred bytes: a hundred thousand of them. Beyond that the oldest go, as they
/// do after seven days: a flood of one defect says nothing that its first records do not.
const DEAD_LETTERS_MAX_BYTES: i64 = 32 * 1024 * 1024;

/// A worker's key outlives every judgement about it by far and then goes by itself.
const WORKERS_MAX_AGE: Duration = Duration::from_mins(1);

/// Brings PostgreSQL and NATS to what this program needs; prints what was applied.
///
/// # Errors
/// The database or NATS cannot be reached, or holds something that does not fit.
pub async fn migrate(
    database: &store::Settings,
    nats: &NatsSettings,
    replicas: usize,
    print: &(dyn Fn(&str) + Sync),
) -> anyhow::Result<()> {
    let store = Store::connect(database)
        .await
        .context("cannot connect to the database")?;
    let applied = store
        .migrate()
        .await
        .context("the schema is not migrated")?;
    for migration in &applied {
        print(&format!(
            "applied migration {} {}",
            migration.number, migration.description
        ));
    }
    if applied.is_empty() {
        print("the schema is up to date");
    }
    store.close().await;
    print(fence(database).await?);
    let client = runtime::nats::connect_within_a_minute(nats, "migrate", OLDEST_SERVER).await?;
    let context = jetstream::new(client);
    let names = Names::new(nats.prefix.clone());
    let stream = event_stream(&context, &names, nats.partitions, replicas).await?;
    print(&stream);
    print(&dead_letter_stream(&context, &names, replicas).await?);
    for (name, max_age) in [
        (names.workers_bucket(), WORKERS_MAX_AGE),
        (names.sessions_bucket(), Duration::ZERO),
        (names.identify_bucket(), IDENTIFY_SLOT),
        (names.privacy_bucket(), Duration::ZERO),
    ] {
        print(&bucket(&context, name, max_age, replicas).await?);
    }
    Ok(())
}

/// Tells what keeps tenants apart for workers that start from now on.
async fn fence(database: &store::Settings) -> anyhow::Result<&'static str> {
    let store = Store::connect(database)
        .await
        .context("cannot connect to the database as a worker does")?;
    let fence = store.fence().await?;
    store.close().await;
    Ok(match fence {
        Fence::Role => "row-level security: workers use a role of their own",
        Fence::Owner => "row-level security: no role can be made, so it binds the tables' owner",
        Fence::Absent => {
            "row-level security DOES NOT HOLD: the database's user bypasses it; let it create roles"
        }
    })
}

async fn event_stream(
    context: &Context,
    names: &Names,
    partitions: u16,
    replicas: usize,
) -> anyhow::Result<String> {
    let name = names.event_stream();
    let max_message_size = i32::try_from(EVENT_MAX_BYTES + MESSAGE_OVERHEAD_BYTES)?;
    let config = Config {
        name: name.clone(),
        subjects: vec![names.all_events()],
        retention: RetentionPolicy::WorkQueue,
        discard: DiscardPolicy::New,
        storage: StorageType::File,
        max_age: EVENT_MAX_AGE,
        duplicate_window: EVENT_MAX_AGE,
        max_bytes: STREAM_MAX_BYTES,
        max_message_size,
        num_replicas: replicas,
        metadata: HashMap::from([(PARTITIONS_METADATA.to_owned(), partitions.to_string())]),
        ..Config::default()
    };
    let made = context
        .get_or_create_stream(config)
        .await
        .with_context(|| format!("stream {name} cannot be made"))?;
    let info = made.cached_info();
    if info.config.retention != RetentionPolicy::WorkQueue {
        bail!("stream {name} exists with another retention; use another NATS_PREFIX or remove it");
    }
    runtime::nats::check_stream(context, &name, PARTITIONS_METADATA, partitions).await?;
    Ok(format!(
        "stream {name}: {partitions} partitions, {} replicas",
        info.config.num_replicas
    ))
}

async fn dead_letter_stream(
    context: &Context,
    names: &Names,
    replicas: usize,
) -> anyhow::Result<String> {
    let name = names.dead_letter_stream();
    let config = Config {
        name: name.clone(),
        subjects: vec![names.all_dead_letters()],
        retention: RetentionPolicy::Limits,
        discard: DiscardPolicy::Old,
        storage: StorageType::File,
        max_age: DEAD_LETTER_MAX_AGE,
        max_bytes: DEAD_LETTERS_MAX_BYTES,
        max_messages_per_subject: 1,
        num_replicas: replicas,
        ..Config::default()
    };
    let made = context
        .get_or_create_stream(config)
        .await
        .with_context(|| format!("stream {name} cannot be made"))?;
    if made.cached_info().config.max_messages_per_subject != 1 {
        bail!("stream {name} exists with other limits; use another NATS_PREFIX or remove it");
    }
    Ok(format!("stream {name} is there"))
}

async fn bucket(
    context: &Context,
    name: String,
    max_age: Duration,
    replicas: usize,
) -> anyhow::Result<String> {
    if context.get_key_value(&name).await.is_ok() {
        return Ok(format!("bucket {name} is there"));
    }
    let config = kv::Config {
        bucket: name.clone(),
        history: 1,
        max_age,
        storage: StorageType::File,
        num_replicas: replicas,
        ..kv::Config::default()
    };
    context
        .create_key_value(config)
        .await
        .with_context(|| format!("bucket {name} cannot be made"))?;
    Ok(format!("bucket {name} made"))
}
