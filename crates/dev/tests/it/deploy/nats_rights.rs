//! Who may do what at the broker of a deployment (SEC-64): the shipped configuration, asked for every right.

use std::collections::BTreeSet;

use async_nats::jetstream::{self, stream};
use dev::nats::Version;
use futures_util::StreamExt as _;
use proto::event::EventKind;
use proto::subject::{Names, Partition};

use crate::deploy::guarded::{Guarded, Role};

use Role::{Gateway, Operator, Setup, Worker};

/// A subject, and who may publish to it.
type Publish = (&'static str, &'static [Role]);

/// Everything that anybody may publish, and what nobody or not everybody may.
const PUBLISH: &[Publish] = &[
    // Events: what happened at Discord is the gateway's word, what a worker starts is a job.
    ("tomori.ev.3.message_create", &[Gateway, Operator]),
    ("tomori.ev.3.message_update", &[Gateway, Operator]),
    ("tomori.ev.3.message_delete", &[Gateway]),
    ("tomori.ev.3.gap", &[Gateway]),
    ("tomori.ev.3.guild_here", &[Gateway]),
    ("tomori.ev.3.guild_left", &[Gateway]),
    ("tomori.ev.3.job", &[Worker]),
    ("tomori.ev.3.unspecified", &[]),
    ("tomori.ev.3", &[]),
    ("tomori.dl.mc:5", &[Gateway, Worker]),
    ("tomori.ix.fast", &[Gateway]),
    ("tomori.ix.modal", &[Gateway]),
    ("tomori.ctl.3", &[Worker]),
    ("tomori.prompt", &[Worker]),
    ("tomori.hint.settings", &[Worker]),
    ("tomori.hint.keys", &[Worker]),
    ("tomori.hint.person_deleted", &[Worker]),
    ("tomori.discord.stop", &[Worker]),
    ("somebody.else", &[]),
    // Answers: a worker answers a gateway and its like, nobody else answers anybody.
    ("_INBOX_gateway.a.b", &[Worker]),
    ("_INBOX_worker.a.b", &[Worker]),
    ("_INBOX_migrate.a.b", &[]),
    ("_INBOX.a.b", &[]),
    // Buckets.
    ("$KV.tomori_sessions.0.1", &[Gateway]),
    ("$KV.tomori_sessions.clock", &[Gateway]),
    ("$KV.tomori_identify.0", &[Gateway]),
    ("$KV.tomori_privacy.p.0123abcd", &[Gateway, Worker]),
    ("$KV.tomori_privacy.u.5", &[Worker]),
    ("$KV.tomori_privacy.ready", &[Worker]),
    ("$KV.tomori_workers.worker-1-ab", &[Worker]),
    ("$KV.other.key", &[]),
    // Streams: only the setup makes them, and nobody purges events.
    ("$JS.API.STREAM.CREATE.tomori_EVENTS", &[Setup]),
    ("$JS.API.STREAM.CREATE.tomori_DEAD_LETTERS", &[Setup]),
    ("$JS.API.STREAM.CREATE.KV_tomori_privacy", &[Setup]),
    ("$JS.API.STREAM.CREATE.KV_tomori_workers", &[Setup]),
    ("$JS.API.STREAM.CREATE.other", &[]),
    ("$JS.API.STREAM.UPDATE.tomori_EVENTS", &[]),
    ("$JS.API.STREAM.PURGE.tomori_EVENTS", &[]),
    ("$JS.API.STREAM.PURGE.tomori_DEAD_LETTERS", &[]),
    ("$JS.API.STREAM.PURGE.KV_tomori_sessions", &[]),
    ("$JS.API.STREAM.PURGE.KV_tomori_privacy", &[Worker]),
    ("$JS.API.STREAM.DELETE.tomori_EVENTS", &[]),
    ("$JS.API.STREAM.DELETE.tomori_DEAD_LETTERS", &[]),
    ("$JS.API.STREAM.DELETE.KV_tomori_privacy", &[Setup]),
    ("$JS.API.STREAM.SNAPSHOT.tomori_EVENTS", &[]),
    ("$JS.API.STREAM.RESTORE.tomori_EVENTS", &[]),
    ("$JS.API.STREAM.LIST", &[]),
    ("$JS.API.STREAM.NAMES", &[]),
    ("$JS.API.INFO", &[Setup]),
    (
        "$JS.API.STREAM.INFO.tomori_EVENTS",
        &[Gateway, Worker, Setup, Operator],
    ),
    ("$JS.API.STREAM.INFO.KV_tomori_sessions", &[Gateway, Setup]),
    // Reading events: by a consumer, and workers alone.
    ("$JS.API.CONSUMER.CREATE.tomori_EVENTS", &[]),
    (
        "$JS.API.CONSUMER.CREATE.tomori_EVENTS.p3-w.tomori.ev.3.>",
        &[Worker],
    ),
    ("$JS.API.CONSUMER.DURABLE.CREATE.tomori_EVENTS.p3-w", &[]),
    ("$JS.API.CONSUMER.MSG.NEXT.tomori_EVENTS.p3-w", &[Worker]),
    ("$JS.API.CONSUMER.DELETE.tomori_EVENTS.p3-w", &[Worker]),
    ("$JS.API.CONSUMER.INFO.tomori_EVENTS.p3-w", &[Worker]),
    ("$JS.API.CONSUMER.NAMES.tomori_EVENTS", &[Worker]),
    ("$JS.API.CONSUMER.LIST.tomori_EVENTS", &[]),
    ("$JS.API.CONSUMER.PAUSE.tomori_EVENTS.p3-w", &[]),
    ("$JS.ACK.tomori_EVENTS.p3-w.1.1.1.1.0", &[Worker]),
    ("$JS.API.STREAM.MSG.GET.tomori_EVENTS", &[]),
    ("$JS.API.STREAM.MSG.DELETE.tomori_EVENTS", &[]),
    ("$JS.API.DIRECT.GET.tomori_EVENTS", &[]),
    // Reading buckets.
    (
        "$JS.API.DIRECT.GET.KV_tomori_sessions.$KV.tomori_sessions.0.1",
        &[Gateway],
    ),
    (
        "$JS.API.DIRECT.GET.KV_tomori_privacy.$KV.tomori_privacy.u.5",
        &[Worker],
    ),
    (
        "$JS.API.DIRECT.GET.KV_tomori_workers.$KV.tomori_workers.w",
        &[Worker],
    ),
    ("$JS.API.CONSUMER.CREATE.KV_tomori_sessions", &[Gateway]),
    ("$JS.API.CONSUMER.CREATE.KV_tomori_workers", &[Worker]),
    ("$JS.API.CONSUMER.DELETE.KV_tomori_sessions.c", &[Gateway]),
    ("$JS.API.CONSUMER.DELETE.KV_tomori_workers.c", &[Worker]),
    ("$JS.FC.KV_tomori_sessions.c.1", &[Gateway]),
    ("$JS.FC.KV_tomori_workers.c.1", &[Worker]),
    (
        "$JS.API.CONSUMER.CREATE.KV_tomori_privacy",
        &[Gateway, Worker],
    ),
    (
        "$JS.API.CONSUMER.MSG.NEXT.KV_tomori_privacy.c",
        &[Gateway, Worker],
    ),
    (
        "$JS.API.CONSUMER.INFO.KV_tomori_privacy.c",
        &[Gateway, Worker],
    ),
    ("$JS.API.CONSUMER.DELETE.KV_tomori_privacy.c", &[]),
    // Records of events that were given up.
    ("$JS.API.STREAM.MSG.GET.tomori_DEAD_LETTERS", &[Operator]),
    ("$JS.API.STREAM.MSG.DELETE.tomori_DEAD_LETTERS", &[Operator]),
    ("$JS.API.CONSUMER.CREATE.tomori_DEAD_LETTERS.c", &[]),
    // The server itself.
    ("$SYS.REQ.SERVER.PING", &[]),
    ("$JS.API.META.LEADER.STEPDOWN", &[]),
];

/// Everything that anybody may listen to, and what nobody or not everybody may.
const LISTEN: &[Publish] = &[
    ("_INBOX_gateway.>", &[Gateway]),
    ("_INBOX_worker.>", &[Worker]),
    ("_INBOX_migrate.>", &[Setup]),
    ("_INBOX_dead-letters.>", &[Operator]),
    ("_INBOX.>", &[]),
    (">", &[]),
    ("tomori.>", &[]),
    ("tomori.ev.>", &[]),
    ("tomori.ev.3.message_create", &[]),
    ("tomori.dl.>", &[]),
    // Interactions carry tokens: only as one of the group that shares them out.
    ("tomori.ix.*", &[]),
    ("tomori.ctl.*", &[Worker]),
    ("tomori.hint.settings", &[Worker]),
    ("tomori.prompt", &[Worker]),
    ("tomori.discord.stop", &[Worker]),
    ("$KV.tomori_privacy.>", &[]),
    ("$KV.tomori_sessions.>", &[]),
    ("$JS.EVENT.>", &[]),
    ("$JS.API.>", &[]),
    ("$SYS.>", &[]),
];

/// Whoever adds a kind of event says here whose word it is.
#[test]
fn the_table_names_every_kind_of_event() {
    let names = Names::new("tomori");
    let kinds: Vec<EventKind> = (0..100)
        .filter_map(|number| EventKind::try_from(number).ok())
        .collect();
    assert!(kinds.len() > 5, "{kinds:?}");
    for kind in kinds {
        let subject = names.event(Partition(3), kind);
        let is_named = PUBLISH.iter().any(|(known, _)| *known == subject);
        assert!(is_named, "{subject}");
    }
}

#[tokio::test]
async fn every_role_has_its_rights_and_no_others_on_the_newest_server() {
    compare(&Guarded::start(Version::Newest).await).await;
}

#[tokio::test]
async fn every_role_has_its_rights_and_no_others_on_the_oldest_server() {
    compare(&Guarded::start(Version::Oldest).await).await;
}

#[tokio::test]
async fn whoever_does_not_log_in_is_refused() {
    let broker = Guarded::start(Version::Newest).await;
    let anybody = async_nats::ConnectOptions::new()
        .add_root_certificates(broker.secrets().join("ca.crt"))
        .require_tls(true)
        .connect(broker.url())
        .await;
    assert!(anybody.is_err());
    let in_the_open = broker.url().replace("tls://", "nats://");
    assert!(async_nats::connect(in_the_open).await.is_err());
}

#[tokio::test]
async fn an_interaction_is_heard_as_one_of_the_group_only() {
    let broker = Guarded::start(Version::Newest).await;
    let worker = broker.login(Worker).await;
    let mut heard = worker
        .queue_subscribe("tomori.ix.*", "interactions".to_owned())
        .await
        .unwrap();
    broker.has_judged(&worker).await;
    assert_eq!(broker.violations(), Vec::<String>::new());
    let other = worker.queue_subscribe("tomori.ix.fast", "others".to_owned());
    let _other = other.await.unwrap();
    broker.has_judged(&worker).await;
    assert_eq!(broker.violations().len(), 1);
    let gateway = broker.login(Gateway).await;
    let asking = gateway.request("tomori.ix.fast", "question".into());
    let answering = async {
        let question = heard.next().await.unwrap();
        let inbox = question.reply.unwrap();
        worker.publish(inbox, "answer".into()).await.unwrap();
    };
    let (answer, ()) = tokio::join!(asking, answering);
    assert_eq!(answer.unwrap().payload, "answer");
}

#[tokio::test]
async fn three_servers_of_the_shipped_configuration_are_a_cluster() {
    let broker = Guarded::start_cluster(Version::Newest).await;
    let context = jetstream::new(broker.login(Setup).await);
    let config = stream::Config {
        name: "tomori_EVENTS".into(),
        subjects: vec!["tomori.ev.>".into()],
        num_replicas: 3,
        ..stream::Config::default()
    };
    let deadline = tokio::time::Instant::now() + std::time::Duration::from_mins(1);
    let made = loop {
        match context.create_stream(config.clone()).await {
            Ok(made) => break made,
            // Nobody leads yet.
            Err(error) => assert!(tokio::time::Instant::now() < deadline, "{error}"),
        }
        tokio::time::sleep(std::time::Duration::from_millis(200)).await;
    };
    let cluster = made.cached_info().cluster.clone().unwrap();
    assert_eq!(cluster.replicas.len(), 2, "{cluster:?}");
}

/// Lets every role try everything, and compares what the server refused with the tables.
async fn compare(broker: &Guarded) {
    let mut wrong = Vec::new();
    for role in Role::ALL {
        let client = broker.login(role).await;
        for (subject, _) in PUBLISH {
            client.publish(*subject, "".into()).await.unwrap();
        }
        let mut listening = Vec::new();
        for (subject, _) in LISTEN {
            listening.push(client.subscribe(*subject).await.unwrap());
        }
        broker.has_judged(&client).await;
        let refused = refused(broker, role);
        let tables = [("publish", PUBLISH), ("listen to", LISTEN)];
        for (what, subject, may) in tables.into_iter().flat_map(|(what, table)| {
            table
                .iter()
                .map(move |(subject, who)| (what, *subject, who.contains(&role)))
        }) {
            let is_refused = refused.contains(&(what, subject.to_owned()));
            if may == is_refused {
                let can = if may { "cannot" } else { "can" };
                wrong.push(format!("{} {can} {what} {subject}", role.user()));
            }
        }
    }
    assert_eq!(wrong, Vec::<String>::new());
}

/// What the server refused to a role, as it tells in its log.
fn refused(broker: &Guarded, role: Role) -> BTreeSet<(&'static str, String)> {
    let lines = broker.violations().into_iter();
    // Newer servers write `user:NAME"`, older ones `User "NAME"`.
    let names = [
        format!("user:{}\"", role.user()),
        format!("User \"{}\"", role.user()),
    ];
    let own = lines.filter(|line| names.iter().any(|name| line.contains(name)));
    own.map(|line| {
        let what = if line.contains("Publish Violation") {
            "publish"
        } else {
            "listen to"
        };
        let (_, subject) = line.split_once("Subject \"").unwrap();
        let (subject, _) = subject.split_once('"').unwrap();
        (what, subject.to_owned())
    })
    .collect()
}
