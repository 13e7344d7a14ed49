//! Everything that one worker has of the pool, and a process that has nothing else: this program
//! runs itself for each, and tells it over NATS what to do.

use std::collections::HashMap;
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use async_nats::client::Request;
use async_nats::{RequestErrorKind, Subscriber};
use futures_util::StreamExt;
use keyring::Keyring;
use llm::{Llm, Prompt, Provider, Role, Tools, Turn};
use proto::id::{GuildId, TenantId};
use proto::subject::Names;
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use store::{RoleName, Store, Tls};
use tokio::process::{Child, Command};
use tokio::task::JoinSet;
use tokio::time::{Instant, interval, sleep, timeout};
use tokio_util::task::TaskTracker;
use worker::pool::{CallError, Calls, KeyPools, Length, Model, Order, Purse, Rules, TurnKeys};

use crate::world::{url_parts, variable};

pub(crate) const GUILD: TenantId = TenantId::Guild(GuildId(100_000_000_000_000_001));
pub(crate) const PROVIDER: Provider = Provider::OpenAi;

/// Longest wait for anything.
pub(crate) const DEADLINE: Duration = Duration::from_mins(1);

/// Rests that a test can wait for, and what is promised.
const RULES: Rules = Rules {
    limited_rest: Duration::from_mins(1),
    refused_rest: Duration::from_secs(2),
    known_within: Duration::from_secs(1),
    fatal_refusals: 3,
};

/// Names the database of the bench to a process of it, and its own number.
const DATABASE: &str = "KEYS_BENCH_DATABASE";
const NUMBER: &str = "KEYS_BENCH_NUMBER";
const PROVIDER_URL: &str = "KEYS_BENCH_PROVIDER";

/// Between two calls of one task under load.
const PAUSE: Duration = Duration::from_millis(250);

/// What a process has of the pool.
pub(crate) struct Worker {
    pub(crate) pools: Arc<KeyPools>,
    pub(crate) keyring: Arc<Keyring>,
    pub(crate) llm: Arc<Llm>,
    pub(crate) models: Vec<Model>,
    pub(crate) purse: Purse,
    _following: JoinSet<()>,
}

impl Worker {
    /// Joins the others of a database, with one provider behind all names.
    pub(crate) async fn join(database: &str, provider: &llm::Url) -> Self {
        let nats = async_nats::connect(variable("TEST_NATS_URL"))
            .await
            .unwrap();
        let (store, names) = (open(database).await, Names::new(database.to_owned()));
        let pools = KeyPools::new(store, nats, names, RULES, TaskTracker::new());
        let pools = Arc::new(pools);
        let mut following = JoinSet::new();
        let (hints, counts) = (Arc::clone(&pools), Arc::clone(&pools));
        following.spawn(async move { hints.follow_hints().await });
        following.spawn(async move { counts.keep_counting().await });
        let urls = Provider::ALL.map(|one| (one, provider.clone()));
        Self {
            pools,
            keyring: Arc::new(keyring()),
            llm: Arc::new(Llm::new(HashMap::from(urls)).unwrap()),
            models: vec![model(PROVIDER, "gpt-small")],
            purse: Purse::Server,
            _following: following,
        }
    }

    pub(crate) fn calls<'a>(&'a self, keys: &'a TurnKeys) -> Calls<'a> {
        Calls {
            pools: &self.pools,
            keyring: Arc::clone(&self.keyring),
            tenant: GUILD,
            purse: self.purse,
            models: &self.models,
            keys,
        }
    }

    /// One turn with one call over the wire.
    pub(crate) async fn call(&self) -> Result<(), CallError> {
        self.call_of(&TurnKeys::default()).await
    }

    /// The next call of a turn, to the end of its answer.
    pub(crate) async fn call_of(&self, keys: &TurnKeys) -> Result<(), CallError> {
        let send = |order: Order| async move {
            let asked = prompt().to_model(order.model.provider, &order.model.name);
            let asked = match order.length {
                Length::Whole => asked,
                Length::Shortened => asked.shortened(),
            };
            self.llm.stream(&asked, &order.key).await
        };
        let mut stream = self.calls(keys).make(send).await?;
        while let Some(piece) = stream.next().await {
            if let Ok(llm::Delta::End {
                usage: Some(usage), ..
            }) = piece
            {
                keys.cost(usage);
            }
        }
        keys.ended(Some(Ok(()))).await;
        Ok(())
    }

    /// A turn whose call is a moment's rest.
    async fn pretend(&self) -> Result<(), CallError> {
        let keys = TurnKeys::default();
        let send = |_order| async {
            tokio::task::yield_now().await;
            Ok(())
        };
        self.calls(&keys).make(send).await?;
        keys.ended(Some(Ok(()))).await;
        Ok(())
    }
}

pub(crate) fn model(provider: Provider, name: &str) -> Model {
    Model {
        provider,
        name: name.to_owned(),
        base_url: provider.as_str().into(),
    }
}

fn prompt() -> Prompt {
    let said = |n: usize| Turn {
        role: if n.is_multiple_of(2) {
            Role::User
        } else {
            Role::Persona
        },
        text: format!("{n:0100}"),
        images: Vec::new(),
    };
    Prompt {
        provider: PROVIDER,
        model: String::new(),
        system: String::new(),
        turns: (0..10).map(said).collect(),
        max_output_tokens: None,
        temperature: 1.0,
        tools: Tools::default(),
        continue_from: None,
    }
}

pub(crate) fn keyring() -> Keyring {
    let master = SecretString::from("the first master key of this installation");
    Keyring::new([(1, master)].into(), None).unwrap()
}

pub(crate) async fn open(database: &str) -> Store {
    let parts = url_parts(&variable("TEST_POSTGRES_URL"));
    let settings = store::Settings {
        host: parts.host,
        port: parts.port.parse().unwrap(),
        user: parts.user,
        password: parts.password.into(),
        database: database.to_owned(),
        app_role: RoleName::default(),
        tls: Tls::Disable,
        ca_cert_path: None,
        pool_max: 8,
        statement_timeout: DEADLINE,
    };
    Store::connect(&settings).await.unwrap()
}

/// What a process is told to do.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) enum Task {
    /// To say that it is there.
    Ready,
    /// Turns without a wire: so many tasks, so many turns each.
    Pretend { tasks: usize, turns: usize },
    /// Turns over the wire: so many tasks, for so long.
    Load { tasks: usize, millis: u64 },
    /// One turn over the wire.
    Call,
    /// To write down how often keys were used.
    WriteCounts,
}

/// What came of it.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Report {
    pub(crate) done: usize,
    /// Every failure in words.
    pub(crate) failed: Vec<String>,
}

/// A process of its own; dropping it kills it.
pub(crate) struct Process {
    nats: async_nats::Client,
    subject: String,
    _child: Child,
}

impl Process {
    /// Starts this program once more, as a worker that has nothing but the pool.
    pub(crate) async fn start(database: &str, number: usize, provider: &llm::Url) -> Self {
        let child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "keys_pool::process::a_process_of_the_bench"])
            .args(["--nocapture", "--test-threads=1"])
            .env(DATABASE, database)
            .env(NUMBER, number.to_string())
            .env(PROVIDER_URL, provider.as_str())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let nats = async_nats::connect(variable("TEST_NATS_URL"))
            .await
            .unwrap();
        let process = Self {
            nats,
            subject: subject(database, &number.to_string()),
            _child: child,
        };
        timeout(DEADLINE, process.until_ready()).await.unwrap();
        process
    }

    async fn until_ready(&self) {
        let mut ticks = interval(Duration::from_millis(50));
        loop {
            ticks.tick().await;
            match self.ask(Task::Ready).await {
                Ok(_report) => return,
                Err(RequestErrorKind::NoResponders) => {}
                Err(error) => panic!("{error}"),
            }
        }
    }

    /// Tells it to do something, and waits until that is done.
    pub(crate) async fn tell(&self, task: Task) -> Report {
        self.ask(task).await.unwrap()
    }

    async fn ask(&self, task: Task) -> Result<Report, RequestErrorKind> {
        let request = Request::new()
            .payload(serde_json::to_vec(&task).unwrap().into())
            .timeout(Some(3 * DEADLINE));
        let asked = self.nats.send_request(self.subject.clone(), request).await;
        let answer = asked.map_err(|error| error.kind())?;
        Ok(serde_json::from_slice(&answer.payload).unwrap())
    }
}

fn subject(database: &str, number: &str) -> String {
    format!("{database}.bench.{number}")
}

/// What a started process runs; in every other run there is nothing to do.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[expect(
    clippy::disallowed_methods,
    reason = "how a process is told what it is"
)]
async fn a_process_of_the_bench() {
    let (Ok(database), Ok(number)) = (std::env::var(DATABASE), std::env::var(NUMBER)) else {
        return;
    };
    let provider = std::env::var(PROVIDER_URL).unwrap().parse().unwrap();
    let worker = Arc::new(Worker::join(&database, &provider).await);
    let nats = async_nats::connect(variable("TEST_NATS_URL"))
        .await
        .unwrap();
    let tasks = nats.subscribe(subject(&database, &number)).await.unwrap();
    serve(&nats, &worker, tasks).await;
}

/// Does what it is told, several things at once, until it is killed.
async fn serve(nats: &async_nats::Client, worker: &Arc<Worker>, mut tasks: Subscriber) {
    let mut running = JoinSet::new();
    while let Some(message) = tasks.next().await {
        let (nats, worker) = (nats.clone(), Arc::clone(worker));
        running.spawn(async move {
            let task = serde_json::from_slice(&message.payload).unwrap();
            let report = serde_json::to_vec(&perform(worker, task).await).unwrap();
            nats.publish(message.reply.unwrap(), report.into())
                .await
                .unwrap();
        });
    }
}

async fn perform(worker: Arc<Worker>, task: Task) -> Report {
    match task {
        Task::Ready => Report::default(),
        Task::Pretend { tasks, turns } => many(tasks, || pretend(Arc::clone(&worker), turns)).await,
        Task::Load { tasks, millis } => {
            let until = Instant::now() + Duration::from_millis(millis);
            many(tasks, || call_until(Arc::clone(&worker), until)).await
        }
        Task::Call => {
            let mut report = Report::default();
            report.note(worker.call().await);
            report
        }
        Task::WriteCounts => {
            worker.pools.write_counts().await;
            Report::default()
        }
    }
}

async fn pretend(worker: Arc<Worker>, turns: usize) -> Report {
    let mut report = Report::default();
    for _ in 0..turns {
        report.note(worker.pretend().await);
    }
    report
}

async fn call_until(worker: Arc<Worker>, until: Instant) -> Report {
    let mut report = Report::default();
    while Instant::now() < until {
        report.note(worker.call().await);
        sleep(PAUSE).await;
    }
    report
}

async fn many<F>(tasks: usize, work: impl Fn() -> F) -> Report
where
    F: Future<Output = Report> + Send + 'static,
{
    let running: JoinSet<Report> = (0..tasks).map(|_| work()).collect();
    let reports = running.join_all().await;
    reports.into_iter().fold(Report::default(), Report::and)
}

impl Report {
    fn note(&mut self, outcome: Result<(), CallError>) {
        self.done += 1;
        if let Err(error) = outcome {
            self.failed.push(format!("{error:?}"));
        }
    }

    pub(crate) fn and(mut self, other: Self) -> Self {
        self.done += other.done;
        self.failed.extend(other.failed);
        self
    }
}
