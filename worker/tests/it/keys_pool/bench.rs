//! A database with a server and its keys, a provider, and processes that share both.

use std::time::Duration;

use futures_util::future::join_all;
use keyring::Keyring;
use sqlx::postgres::PgConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, PgConnection};
use store::{NewPoolKey, NewSetup, PoolKey, Store};
use tokio::time::{interval, timeout};
use uuid::Uuid;

use super::process::{DEADLINE, GUILD, PROVIDER, Process, Report, Task, Worker, keyring, open};
use super::provider::Provider;
use crate::world::variable;

/// Between two looks at something that is waited for.
const LOOK: Duration = Duration::from_millis(20);

pub(crate) struct Bench {
    pub(crate) store: Store,
    pub(crate) provider: Provider,
    pub(crate) raw: PgConnectOptions,
    pub(crate) name: String,
    pub(crate) processes: Vec<Process>,
}

/// The n-th key of the pool; the main key is the first.
pub(crate) fn key(n: usize) -> String {
    format!("sk-key-of-the-pool-{n:04}")
}

impl Bench {
    /// A server with so many keys, the main one included, and nobody who uses them.
    pub(crate) async fn with_keys(keys: usize) -> Self {
        let server_url = variable("TEST_POSTGRES_URL");
        let name = format!("worker_test_{}", Uuid::now_v7().simple());
        let mut server = PgConnection::connect(&server_url).await.unwrap();
        sqlx::query(AssertSqlSafe(format!("CREATE DATABASE {name}")))
            .execute(&mut server)
            .await
            .unwrap();
        let raw: PgConnectOptions = server_url.parse().unwrap();
        // Connections before that are none of the role that workers have.
        open(&name).await.migrate().await.unwrap();
        let store = open(&name).await;
        fill(&store, &keyring(), keys).await;
        Self {
            store,
            provider: Provider::start().await,
            raw: raw.database(&name),
            name,
            processes: Vec::new(),
        }
    }

    /// The same, and four processes that use them.
    pub(crate) async fn with_processes(keys: usize) -> Self {
        let mut bench = Self::with_keys(keys).await;
        let (name, url) = (&bench.name, &bench.provider.url);
        let starting = (0..4).map(|number| Process::start(name, number, url));
        bench.processes = join_all(starting).await;
        bench
    }

    /// What a worker has of the pool, within this process.
    pub(crate) async fn worker(&self) -> Worker {
        Worker::join(&self.name, &self.provider.url).await
    }

    pub(crate) async fn run(&self, sql: &'static str) {
        let mut database = self.raw.connect().await.unwrap();
        sqlx::query(sql).execute(&mut database).await.unwrap();
    }

    pub(crate) async fn rows(&self) -> Vec<PoolKey> {
        self.store.key_pool(GUILD, PROVIDER.as_str()).await.unwrap()
    }

    /// Waits until the row of a key is as wanted.
    pub(crate) async fn until(&self, key: usize, wanted: fn(&PoolKey) -> bool) {
        let waiting = async {
            let mut ticks = interval(LOOK);
            loop {
                ticks.tick().await;
                if wanted(&self.rows().await[key]) {
                    return;
                }
            }
        };
        timeout(DEADLINE, waiting).await.unwrap();
    }

    /// Tells all processes to do the same at once.
    pub(crate) async fn all(&self, task: Task) -> Report {
        let reports = join_all(self.processes.iter().map(|process| process.tell(task)));
        reports
            .await
            .into_iter()
            .fold(Report::default(), Report::and)
    }

    /// Lets 64 tasks in four processes call for so long; every request must be answered.
    pub(crate) async fn under_load(&self, span: Duration) {
        let millis = u64::try_from(span.as_millis()).unwrap();
        let report = self.all(Task::Load { tasks: 16, millis }).await;
        assert_eq!(report.failed, Vec::<String>::new());
    }

    pub(crate) async fn remove(self) {
        drop(self.processes);
        self.store.close().await;
        let mut server = PgConnection::connect(&variable("TEST_POSTGRES_URL"))
            .await
            .unwrap();
        let drop = format!("DROP DATABASE {} WITH (FORCE)", self.name);
        sqlx::query(AssertSqlSafe(drop))
            .execute(&mut server)
            .await
            .unwrap();
    }
}

async fn fill(store: &Store, keyring: &Keyring, keys: usize) {
    let setup = NewSetup {
        tenant: GUILD,
        locale: "en-US".to_owned(),
        display_name: None,
        provider: PROVIDER.as_str().to_owned(),
        model: "gpt-small".to_owned(),
        key: key(0).into(),
        replaces: true,
        bot_name: "Tomori".to_owned(),
        trigger_words: vec!["tomori".to_owned()],
    };
    store.set_up(keyring, setup).await.unwrap();
    for n in 1..keys {
        let new = NewPoolKey {
            tenant: GUILD,
            provider: PROVIDER.as_str(),
            label: None,
            key: &key(n).into(),
        };
        store.add_pool_key(keyring, new).await.unwrap();
    }
}
