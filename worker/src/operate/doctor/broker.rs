//! NATS: reached as a worker reaches it, with the stream and the buckets that a worker uses.

use async_nats::jetstream;
use async_nats::jetstream::stream::{DiscardPolicy, RetentionPolicy};
use proto::subject::{EVENT_MAX_AGE, EVENT_MAX_BYTES, Names, OLDEST_SERVER, PARTITIONS_METADATA};
use runtime::nats::Error;
use runtime::settings::sections::NatsSettings;

use super::{Area, Report, chain};

const AREA: Area = Area::Broker;

pub(super) async fn look(settings: &NatsSettings, report: &mut Report) {
    let client = match runtime::nats::connect_once(settings, "worker", OLDEST_SERVER).await {
        Ok(client) => client,
        Err(error) => return report.fail(AREA, chain(&error), mend(&error)),
    };
    let server = client.server_info();
    report.ok(
        AREA,
        format!("NATS {} answers, JetStream is on", server.version),
    );
    if server.max_payload < EVENT_MAX_BYTES * 2 {
        report.fail(
            AREA,
            format!(
                "the server takes messages of {} bytes at most",
                server.max_payload
            ),
            "set max_payload to 1MB or more, NATS's default",
        );
    }
    let names = Names::new(settings.prefix.clone());
    let context = jetstream::new(client);
    look_at_events(&context, &names, settings.partitions, report).await;
    let records = names.dead_letter_stream();
    told(
        runtime::nats::stream(&context, &records).await,
        &records,
        report,
    );
    for bucket in [names.workers_bucket(), names.privacy_bucket()] {
        let opened = runtime::nats::bucket(&context, bucket.clone()).await;
        told(opened, &bucket, report);
    }
}

async fn look_at_events(
    context: &jetstream::Context,
    names: &Names,
    partitions: u16,
    report: &mut Report,
) {
    let name = names.event_stream();
    let checked =
        runtime::nats::check_stream(context, &name, PARTITIONS_METADATA, partitions).await;
    if let Err(error) = checked {
        return report.fail(AREA, chain(&error), mend(&error));
    }
    let stream = match runtime::nats::stream(context, &name).await {
        Ok(stream) => stream,
        Err(error) => return report.fail(AREA, chain(&error), mend(&error)),
    };
    let config = &stream.cached_info().config;
    let is_as_made = config.retention == RetentionPolicy::WorkQueue
        && config.discard == DiscardPolicy::New
        && config.max_age == EVENT_MAX_AGE
        && config.duplicate_window == EVENT_MAX_AGE;
    if is_as_made {
        let replicas = config.num_replicas;
        report.ok(
            AREA,
            format!("stream {name}: {partitions} partitions, {replicas} replicas"),
        );
    } else {
        report.fail(
            AREA,
            format!("stream {name} has other limits than `worker migrate` gives it"),
            "remove the stream while the gateway is stopped, then run `worker migrate`",
        );
    }
}

fn told<T>(opened: Result<T, Error>, name: &str, report: &mut Report) {
    match opened {
        Ok(_) => report.ok(AREA, format!("{name} is there")),
        Err(error) => report.fail(AREA, chain(&error), mend(&error)),
    }
}

const fn mend(error: &Error) -> &'static str {
    match error {
        Error::Unreachable { .. } => "start NATS, or correct NATS_URL",
        Error::Refused { .. } => "correct NATS_USER and the other NATS_* of the login, and TLS",
        Error::Credentials(_) => "correct NATS_CREDS_PATH",
        Error::TooOld { .. } => "upgrade the NATS server",
        Error::NoJetStream => "start the NATS server with --jetstream",
        Error::NoStream { .. } | Error::NoBucket { .. } => "run `worker migrate`",
        Error::Partitions { .. } => "set EVENT_PARTITIONS to the number it was made with",
        Error::Unanswered { .. } => {
            "look at the NATS server's log; its roles may lack rights (deploy/nats/roles.conf)"
        }
    }
}
