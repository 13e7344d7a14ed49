//! The pool of provider keys under load: several processes' worth of pools on one database and one
//! broker, and a provider that refuses single keys.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use futures_util::StreamExt;
use futures_util::future::join_all;
use keyring::Keyring;
use llm::{Llm, Prompt, Provider, Tools};
use proto::id::{GuildId, TenantId};
use proto::subject::Names;
use secrecy::SecretString;
use sqlx::postgres::PgConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, PgConnection};
use store::{KeyState, NewPoolKey, NewSetup, PoolKey, RoleName, Store, Tls};
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout};
use tokio_util::task::TaskTracker;
use uuid::Uuid;
use worker::pool::{CallError, Calls, KeyPools, Rests, TurnKeys};

use crate::world::{url_parts, variable};

const GUILD: TenantId = TenantId::Guild(GuildId(100_000_000_000_000_001));
const PROVIDER: Provider = Provider::OpenAi;
const DEADLINE: Duration = Duration::from_secs(30);

/// Everything that one worker process has of the pool.
struct Process {
    pools: Arc<KeyPools>,
    keyring: Arc<Keyring>,
    llm: Arc<Llm>,
    _following: JoinSet<()>,
}

/// A database, its server with keys, and a provider.
struct Bench {
    processes: Vec<Process>,
    store: Store,
    provider: Shared,
    raw: PgConnectOptions,
    name: String,
    _serving: JoinSet<()>,
}

#[derive(Clone, Default)]
struct Shared(Arc<Mutex<Log>>);

#[derive(Default)]
struct Log {
    /// What a key is answered: the status and seconds to wait.
    refused: HashMap<String, (u16, u64)>,
    /// Which key was called when.
    calls: Vec<(String, Instant)>,
}

impl Shared {
    fn refuse(&self, key: &str, status: u16, seconds: u64) {
        let mut log = self.0.lock().unwrap();
        log.refused.insert(key.to_owned(), (status, seconds));
    }

    fn accept(&self, key: &str) {
        self.0.lock().unwrap().refused.remove(key);
    }

    fn calls_of(&self, key: &str) -> Vec<Instant> {
        let log = self.0.lock().unwrap();
        let calls = log.calls.iter().filter(|(called, _)| called == key);
        calls.map(|(_, at)| *at).collect()
    }
}

async fn answer(State(shared): State<Shared>, headers: HeaderMap) -> Response {
    let key = headers["authorization"].to_str().unwrap();
    let key = key.trim_start_matches("Bearer ").to_owned();
    let refused = {
        let mut log = shared.0.lock().unwrap();
        log.calls.push((key.clone(), Instant::now()));
        log.refused.get(&key).copied()
    };
    match refused {
        Some((status, seconds)) => {
            let status = StatusCode::from_u16(status).unwrap();
            (status, [("retry-after", seconds.to_string())]).into_response()
        }
        None => {
            let event = concat!(
                "data: {\"choices\":[{\"delta\":{\"content\":\"hi\"},\"finish_reason\":\"stop\"}]}",
                "\n\ndata: [DONE]\n\n"
            );
            ([("content-type", "text/event-stream")], event).into_response()
        }
    }
}

fn key(n: usize) -> String {
    format!("sk-key-of-the-pool-{n:04}")
}

/// Two rests that a test can wait for.
const RESTS: Rests = Rests {
    rate_limit: Duration::from_mins(1),
    error: Duration::from_secs(1),
};

impl Bench {
    /// A server with `keys` keys, the main one included, and four processes.
    async fn with_keys(keys: usize) -> Self {
        let server_url = variable("TEST_POSTGRES_URL");
        let name = format!("worker_test_{}", Uuid::now_v7().simple());
        let mut server = PgConnection::connect(&server_url).await.unwrap();
        sqlx::query(AssertSqlSafe(format!("CREATE DATABASE {name}")))
            .execute(&mut server)
            .await
            .unwrap();
        let raw: PgConnectOptions = server_url.parse().unwrap();
        open(&name).await.migrate().await.unwrap();
        let store = open(&name).await;
        let keyring = Arc::new(keyring());
        fill(&store, &keyring, keys).await;
        let provider = Shared::default();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url: llm::Url = format!("http://{}/v1", listener.local_addr().unwrap())
            .parse()
            .unwrap();
        let router = Router::new().fallback(answer).with_state(provider.clone());
        let mut serving = JoinSet::new();
        serving.spawn(async move { axum::serve(listener, router).await.unwrap() });
        let names = Names::new(name.clone());
        let processes = join_all((0..4).map(|_| process(&name, &names, &keyring, &url))).await;
        Self {
            processes,
            store,
            provider,
            raw: raw.database(&name),
            name,
            _serving: serving,
        }
    }

    async fn run(&self, sql: &'static str) {
        let mut database = self.raw.connect().await.unwrap();
        sqlx::query(sql).execute(&mut database).await.unwrap();
    }

    async fn rows(&self) -> Vec<PoolKey> {
        self.store.key_pool(GUILD, PROVIDER.as_str()).await.unwrap()
    }

    async fn drop_database(self) {
        for process in &self.processes {
            process.pools.write_counts().await;
        }
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

    /// Lets 16 tasks of four processes call for so long; every request must be answered.
    async fn under_load(&self, span: Duration) {
        let until = Instant::now() + span;
        let tasks = (0..16).map(|n| async move {
            while Instant::now() < until {
                self.processes[n % 4].call().await.unwrap();
                sleep(Duration::from_millis(50)).await;
            }
        });
        join_all(tasks).await;
    }
}

impl Process {
    fn calls<'a>(&'a self, keys: &'a TurnKeys) -> Calls<'a> {
        Calls {
            pools: &self.pools,
            keyring: Arc::clone(&self.keyring),
            tenant: GUILD,
            provider: PROVIDER,
            keys,
        }
    }

    /// One turn with one call over the wire.
    async fn call(&self) -> Result<(), CallError> {
        let keys = TurnKeys::default();
        let send = |key: SecretString| async move { self.llm.stream(&prompt(), &key).await };
        let mut stream = self.calls(&keys).make(send).await?;
        while stream.next().await.is_some() {}
        keys.ended(Some(Ok(()))).await;
        Ok(())
    }

    /// Turns, one more than told, whose calls are a moment's rest.
    async fn pretend_often(&self, times: usize) {
        for _ in 0..=times {
            self.pretend().await;
        }
    }

    async fn pretend(&self) {
        let keys = TurnKeys::default();
        let send = |_key| async {
            tokio::task::yield_now().await;
            Ok(())
        };
        self.calls(&keys).make(send).await.unwrap();
        keys.ended(Some(Ok(()))).await;
    }
}

async fn process(name: &str, names: &Names, keyring: &Arc<Keyring>, url: &llm::Url) -> Process {
    let nats = async_nats::connect(variable("TEST_NATS_URL"))
        .await
        .unwrap();
    let tracker = TaskTracker::new();
    let store = open(name).await;
    let pools = Arc::new(KeyPools::new(store, nats, names.clone(), RESTS, tracker));
    let mut following = JoinSet::new();
    let (hints, counts) = (Arc::clone(&pools), Arc::clone(&pools));
    following.spawn(async move { hints.follow_hints().await });
    following.spawn(async move { counts.keep_counting().await });
    Process {
        pools,
        keyring: Arc::clone(keyring),
        llm: Arc::new(Llm::new(HashMap::from([(PROVIDER, url.clone())])).unwrap()),
        _following: following,
    }
}

async fn open(name: &str) -> Store {
    let parts = url_parts(&variable("TEST_POSTGRES_URL"));
    let settings = store::Settings {
        host: parts.host,
        port: parts.port.parse().unwrap(),
        user: parts.user,
        password: parts.password.into(),
        database: name.to_owned(),
        tls: Tls::Disable,
        ca_cert_path: None,
        app_role: RoleName::default(),
        pool_max: 8,
        statement_timeout: DEADLINE,
    };
    Store::connect(&settings).await.unwrap()
}

fn keyring() -> Keyring {
    let master = SecretString::from("the first master key of this installation");
    Keyring::new([(1, master)].into(), None).unwrap()
}

async fn fill(store: &Store, keyring: &Keyring, keys: usize) {
    let setup = NewSetup {
        tenant: GUILD,
        locale: "en-US".to_owned(),
        display_name: None,
        provider: PROVIDER.as_str().to_owned(),
        model: "gpt-small".to_owned(),
        key: key(0).into(),
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

fn prompt() -> Prompt {
    Prompt {
        provider: PROVIDER,
        model: "gpt-small".to_owned(),
        system: String::new(),
        turns: Vec::new(),
        max_output_tokens: None,
        temperature: 1.0,
        tools: Tools::default(),
        continue_from: None,
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn healthy_keys_share_ten_thousand_calls_evenly() {
    for count in [2, 8] {
        let bench = Bench::with_keys(count).await;
        let tasks = (0..64).map(|n| bench.processes[n % 4].pretend_often(10_000 / 64));
        join_all(tasks).await;
        for process in &bench.processes {
            process.pools.write_counts().await;
        }
        let uses: Vec<u64> = bench
            .rows()
            .await
            .iter()
            .map(|key| key.usage_count)
            .collect();
        let (idlest, busiest) = (uses.iter().min().unwrap(), uses.iter().max().unwrap());
        assert!(
            uses.iter().sum::<u64>() == 64 * (10_000 / 64 + 1),
            "{uses:?}"
        );
        assert!(busiest * 100 <= idlest * 110, "{uses:?}");
        bench.drop_database().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_limited_key_is_left_alone_for_as_long_as_asked_and_then_probed_once() {
    let bench = Bench::with_keys(2).await;
    let limited = key(1);
    bench.provider.refuse(&limited, 429, 7);
    bench.under_load(Duration::from_secs(10)).await;

    let calls = bench.provider.calls_of(&limited);
    let first = calls[0];
    let after = |seconds| {
        let after = first + Duration::from_secs(seconds);
        calls.iter().filter(move |at| **at > after).count()
    };
    assert_eq!(
        after(1),
        after(6),
        "{:?}",
        calls.iter().map(|at| *at - first)
    );
    assert_eq!(after(6), 1, "{:?}", calls.iter().map(|at| *at - first));
    let rows = bench.rows().await;
    assert!(matches!(
        rows[1].state(Duration::ZERO),
        KeyState::Resting(_)
    ));
    bench.drop_database().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_that_was_refused_three_times_is_never_called_again() {
    let bench = Bench::with_keys(3).await;
    let wrong = key(2);
    bench.provider.refuse(&wrong, 401, 1);
    timeout(DEADLINE, async {
        while bench.rows().await[2].is_enabled {
            bench.under_load(Duration::from_millis(300)).await;
        }
    })
    .await
    .unwrap();
    sleep(Duration::from_secs(1)).await;
    let until_disabled = bench.provider.calls_of(&wrong).len();
    bench.under_load(Duration::from_secs(4)).await;

    assert_eq!(bench.provider.calls_of(&wrong).len(), until_disabled);
    bench.drop_database().await;
}

#[tokio::test]
async fn when_all_keys_rest_nobody_is_called_and_the_time_is_told() {
    let bench = Bench::with_keys(2).await;
    bench.provider.refuse(&key(0), 429, 60);
    bench.provider.refuse(&key(1), 429, 90);
    let refused = bench.processes[0].call().await;
    assert!(matches!(refused, Err(CallError::Resting(_))), "{refused:?}");
    let calls = bench.provider.calls_of(&key(0)).len() + bench.provider.calls_of(&key(1)).len();
    assert_eq!(calls, 2, "each key once");

    for process in &bench.processes {
        let Err(CallError::Resting(left)) = process.call().await else {
            panic!("not resting");
        };
        assert!(
            left > Duration::from_secs(30) && left <= Duration::from_mins(1),
            "{left:?}"
        );
    }
    let again = bench.provider.calls_of(&key(0)).len() + bench.provider.calls_of(&key(1)).len();
    assert_eq!(again, 2);
    bench.drop_database().await;
}

#[tokio::test]
async fn a_probe_that_succeeds_gives_the_key_back_to_all() {
    let bench = Bench::with_keys(2).await;
    bench.provider.refuse(&key(1), 429, 60);
    while bench.rows().await[1].rest.is_none() {
        bench.processes[0].call().await.unwrap();
    }
    bench.provider.accept(&key(1));
    bench
        .run("UPDATE api_key_rotation SET cooldown_until = now() WHERE cooldown_until IS NOT NULL")
        .await;
    timeout(DEADLINE, async {
        while bench.rows().await[1].state(Duration::ZERO) != KeyState::Ready {
            bench.processes[1].call().await.unwrap();
        }
    })
    .await
    .unwrap();
    bench.drop_database().await;
}

#[tokio::test]
async fn a_probe_that_is_cut_off_comes_free() {
    let bench = Bench::with_keys(2).await;
    bench
        .run(
            "UPDATE api_key_rotation SET cooldown_until = now(), last_error_at = now()
             WHERE NOT is_main_key_pointer",
        )
        .await;
    let keys = TurnKeys::default();
    let hang = |_key| std::future::pending::<Result<(), llm::Error>>();
    let calls = bench.processes[0].calls(&keys);
    let cut_off = timeout(Duration::from_secs(2), calls.make(hang)).await;
    assert!(cut_off.is_err());
    timeout(DEADLINE, async {
        while bench.rows().await[1].probe.is_some() {
            sleep(Duration::from_millis(20)).await;
        }
    })
    .await
    .unwrap();
    assert_eq!(bench.rows().await[1].state(Duration::ZERO), KeyState::Due);
    bench.drop_database().await;
}

#[tokio::test]
async fn a_key_that_does_not_open_leaves_the_pool_working() {
    let bench = Bench::with_keys(3).await;
    bench
        .run("UPDATE api_key_rotation SET api_key = 'x' WHERE rotation_key_id = (SELECT max(rotation_key_id) FROM api_key_rotation)")
        .await;
    for process in &bench.processes {
        for _ in 0..5 {
            process.call().await.unwrap();
        }
    }
    assert!(bench.provider.calls_of(&key(2)).is_empty());
    bench.drop_database().await;
}

#[tokio::test]
async fn a_single_key_is_called_without_a_pool() {
    let bench = Bench::with_keys(1).await;
    bench.processes[0].call().await.unwrap();
    assert_eq!(bench.provider.calls_of(&key(0)).len(), 1);
    bench.provider.refuse(&key(0), 429, 60);
    let refused = bench.processes[0].call().await;
    assert!(matches!(refused, Err(CallError::Model(_))), "{refused:?}");
    bench.drop_database().await;
}
