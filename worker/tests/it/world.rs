//! A worker process with a database and NATS names of its own, and the test as its gateway.

use std::process::{Output, Stdio};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use async_nats::RequestErrorKind;
use prost::Message as _;
use proto::event::{Interaction, InteractionOutcome, InteractionReply, InteractionType};
use proto::id::InteractionId;
use proto::subject::{InteractionClass, Names};
use rustix::process::Pid;
use serde_json::Value;
use sqlx::{AssertSqlSafe, Connection, PgConnection};
use tokio::process::{Child, Command};
use tokio::time::{interval, timeout};
use uuid::Uuid;

use crate::fake::{Call, Fake};

/// The server in which everything happens.
pub(crate) const GUILD: u64 = 81_384_788_765_712_384;

/// The person who does everything.
pub(crate) const ALICE: u64 = 80_351_110_224_678_912;

/// Discord's bit for people who may manage the server.
pub(crate) const MANAGE_GUILD: u64 = 1 << 5;

/// How often something is tried that a busy machine may not do in time.
const TRIES: u32 = 10;

/// Longest wait for the worker's start.
pub(crate) const START_DEADLINE: Duration = Duration::from_secs(30);

pub(crate) struct World {
    pub(crate) fake: Fake,
    pub(crate) nats: async_nats::Client,
    pub(crate) names: Names,
    name: String,
    server_url: String,
    worker: Child,
    asked: u64,
}

impl World {
    /// Starts a worker and waits until it answers interactions.
    pub(crate) async fn start() -> Self {
        Self::start_with(|_command| {}).await
    }

    /// The same with settings of the test's own.
    pub(crate) async fn start_with(settle: impl Fn(&mut Command)) -> Self {
        let name = format!("worker_test_{}", Uuid::now_v7().simple());
        let server_url = variable("TEST_POSTGRES_URL");
        execute(&server_url, format!("CREATE DATABASE {name}")).await;
        let nats = async_nats::connect(variable("TEST_NATS_URL"))
            .await
            .unwrap();
        let fake = Fake::start().await;
        let migrated = command(&name, &fake.url)
            .arg("migrate")
            .output()
            .await
            .unwrap();
        assert_success(&migrated);
        let mut worker = command(&name, &fake.url);
        settle(&mut worker);
        let worker = worker.kill_on_drop(true).spawn().unwrap();
        let names = Names::new(prefix(&name));
        let mut world = Self {
            fake,
            nats,
            names,
            name,
            server_url,
            worker,
            asked: 0,
        };
        timeout(START_DEADLINE, world.wait_until_up())
            .await
            .expect("a worker that starts");
        world
    }

    async fn wait_until_up(&mut self) {
        let subject = self.names.interaction(InteractionClass::Fast);
        let mut ticks = interval(Duration::from_millis(50));
        loop {
            ticks.tick().await;
            let ping = ping(self.token()).encode_to_vec();
            let asked = self.nats.request(subject.clone(), ping.into());
            match asked.await {
                Ok(_claimed) => break,
                Err(error) if error.kind() == RequestErrorKind::NoResponders => {}
                Err(error) => panic!("{error}"),
            }
        }
        let _pong: Call = self.fake.next_call().await;
    }

    /// The number of the worker's process.
    pub(crate) fn worker_pid(&self) -> Pid {
        let pid = i32::try_from(self.worker.id().unwrap()).unwrap();
        Pid::from_raw(pid).unwrap()
    }

    /// Reads one value behind the worker's back.
    pub(crate) async fn read_i32(&self, sql: &'static str) -> Option<i32> {
        let mut database = self.connection().await;
        sqlx::query_scalar(sql)
            .fetch_optional(&mut database)
            .await
            .unwrap()
    }

    /// Reads one value of any form behind the worker's back.
    pub(crate) async fn read_json(&self, sql: &'static str) -> Value {
        let mut database = self.connection().await;
        sqlx::query_scalar(sql)
            .fetch_one(&mut database)
            .await
            .unwrap()
    }

    /// Tells in which tables a text stands anywhere in a row: asked of the catalogue, so that no table
    /// is forgotten.
    pub(crate) async fn tables_with(&self, text: &str) -> Vec<String> {
        let mut database = self.connection().await;
        let tables: Vec<String> = sqlx::query_scalar(
            "SELECT relname::text FROM pg_class
             WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p') ORDER BY 1",
        )
        .fetch_all(&mut database)
        .await
        .unwrap();
        let mut found = Vec::new();
        for table in tables {
            let query = format!("SELECT count(*) FROM {table} t WHERE t::text LIKE '%{text}%'");
            let rows: i64 = sqlx::query_scalar(AssertSqlSafe(query))
                .fetch_one(&mut database)
                .await
                .unwrap();
            if rows > 0 {
                found.push(table);
            }
        }
        found
    }

    /// The broker's bucket of privacy levels.
    pub(crate) async fn privacy_bucket(&self) -> async_nats::jetstream::kv::Store {
        let context = async_nats::jetstream::new(self.nats.clone());
        let bucket = self.names.privacy_bucket();
        context.get_key_value(bucket).await.unwrap()
    }

    /// Changes something behind the worker's back.
    pub(crate) async fn run(&self, sql: &'static str) {
        let mut database = self.connection().await;
        sqlx::query(sql).execute(&mut database).await.unwrap();
    }

    /// Returns a connection behind the worker's back.
    pub(crate) async fn connection(&self) -> PgConnection {
        let (address, _) = self.server_url.rsplit_once('/').unwrap();
        let url = format!("{address}/{}", self.name);
        PgConnection::connect(&url).await.unwrap()
    }

    /// Waits until a statement of somebody waits for another transaction.
    pub(crate) async fn somebody_waits(&self) {
        let mut database = self.connection().await;
        let waiting = "SELECT count(*) FROM pg_stat_activity
                       WHERE datname = current_database() AND wait_event_type = 'Lock'";
        let is_waiting = async {
            let mut again = interval(Duration::from_millis(20));
            loop {
                again.tick().await;
                let found = sqlx::query_scalar(waiting).fetch_one(&mut database).await;
                if found.unwrap_or(0_i64) > 0 {
                    return;
                }
            }
        };
        timeout(Duration::from_secs(20), is_waiting).await.unwrap();
    }

    /// A command of an operator, with the settings of this installation.
    pub(crate) fn operator(&self) -> Command {
        command(&self.name, &self.fake.url)
    }

    /// The name of its database.
    pub(crate) fn database_name(&self) -> &str {
        &self.name
    }

    /// Starts one more worker; it ends when it is dropped.
    pub(crate) fn another_worker(&self) -> Child {
        let mut worker = command(&self.name, &self.fake.url);
        worker.kill_on_drop(true).spawn().unwrap()
    }

    /// Returns a new token.
    pub(crate) fn token(&mut self) -> String {
        self.asked += 1;
        format!("token-{}", self.asked)
    }

    /// Asks the worker as the gateway does, and returns whose the interaction is.
    pub(crate) async fn ask(&mut self, interaction: Interaction) -> InteractionOutcome {
        let subject = self.names.interaction(InteractionClass::Fast);
        let reply = self
            .nats
            .request(subject, interaction.encode_to_vec().into())
            .await
            .unwrap();
        InteractionReply::decode(reply.payload).unwrap().outcome()
    }

    /// Asks, and returns what the worker answers at Discord at first. On a busy machine the database
    /// may take longer than a first answer can wait; then the person tries again.
    pub(crate) async fn answer_to(&mut self, mut interaction: Interaction) -> Value {
        let mut tries = 0;
        loop {
            let answer = self.first_answer_to(interaction.clone()).await;
            let text = answer["data"]["content"].as_str().unwrap_or_default();
            tries += 1;
            if tries == TRIES || !text.contains("cannot reach my settings") {
                return answer;
            }
            interaction.interaction_id = new_id().0;
        }
    }

    async fn first_answer_to(&mut self, mut interaction: Interaction) -> Value {
        interaction.token = self.token();
        let token = interaction.token.clone();
        let outcome = self.ask(interaction).await;
        assert!(
            matches!(
                outcome,
                InteractionOutcome::Claimed
                    | InteractionOutcome::Working
                    | InteractionOutcome::Done
            ),
            "{outcome:?}"
        );
        let call = self.fake.next_call().await;
        assert_eq!((call.kind, call.token), ("callback", token));
        call.body
    }

    /// Removes what the test has made on the shared servers.
    pub(crate) async fn remove(self) {
        let Self {
            nats,
            names,
            name,
            server_url,
            mut worker,
            ..
        } = self;
        worker.kill().await.unwrap();
        let context = async_nats::jetstream::new(nats);
        for stream in [names.event_stream(), names.dead_letter_stream()] {
            context.delete_stream(stream).await.unwrap();
        }
        context
            .delete_key_value(names.workers_bucket())
            .await
            .unwrap();
        context
            .delete_key_value(names.sessions_bucket())
            .await
            .unwrap();
        for bucket in [names.identify_bucket(), names.privacy_bucket()] {
            context.delete_key_value(bucket).await.unwrap();
        }
        execute(&server_url, format!("DROP DATABASE {name} WITH (FORCE)")).await;
    }
}

/// A command that Alice, who may manage the server, runs now.
pub(crate) fn run(path: &str) -> Interaction {
    Interaction {
        command_path: path.to_owned(),
        ..interaction(InteractionType::Command)
    }
}

/// The use of a component.
pub(crate) fn press(custom_id: &str) -> Interaction {
    Interaction {
        custom_id: custom_id.to_owned(),
        ..interaction(InteractionType::Component)
    }
}

pub(crate) fn interaction(kind: InteractionType) -> Interaction {
    Interaction {
        interaction_id: new_id().0,
        application_id: 98,
        r#type: kind.into(),
        guild_id: GUILD,
        channel_id: 1,
        user_id: ALICE,
        member_permissions: MANAGE_GUILD,
        received_at_ms: i64::try_from(new_id().created_at_ms()).unwrap(),
        ..Interaction::default()
    }
}

fn ping(token: String) -> Interaction {
    Interaction {
        token,
        ..run("tool ping")
    }
}

/// An id of this moment.
#[expect(
    clippy::disallowed_methods,
    reason = "the worker compares it with its clock"
)]
pub(crate) fn new_id() -> InteractionId {
    let now_ms = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap()
        .as_millis();
    let since_ms = u64::try_from(now_ms).unwrap() - InteractionId(0).created_at_ms();
    InteractionId(since_ms << 22)
}

/// Runs an operator command against the fake Discord.
pub(crate) async fn operate(fake: &Fake, argument: &str) -> Output {
    command("unused", &fake.url)
        .arg(argument)
        .output()
        .await
        .unwrap()
}

#[track_caller]
pub(crate) fn assert_success(output: &Output) {
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success(),
        "{errors}{}",
        String::from_utf8_lossy(&output.stdout)
    );
}

/// A worker that has all its settings.
pub(crate) fn command(name: &str, fake_url: &str) -> Command {
    let postgres = url_parts(&variable("TEST_POSTGRES_URL"));
    let mut command = Command::new(env!("CARGO_BIN_EXE_worker"));
    command
        .env_clear()
        // A place without settings of a developer.
        .current_dir(env!("CARGO_TARGET_TMPDIR"))
        .env("RUN_ENV", "test")
        .env("HTTP_LISTEN", "127.0.0.1:0")
        .env("LOG_LEVEL", "warn")
        .env("NATS_URL", variable("TEST_NATS_URL"))
        .env("NATS_PREFIX", prefix(name))
        .env("EVENT_PARTITIONS", "4")
        .env("POSTGRES_HOST", &postgres.host)
        .env("POSTGRES_PORT", &postgres.port)
        .env("POSTGRES_USER", &postgres.user)
        .env("POSTGRES_PASSWORD", &postgres.password)
        .env("POSTGRES_DB", name)
        .env("DISCORD_TOKEN", "token-of-the-bot")
        .env("DISCORD_API_URL", format!("{fake_url}/api/v10"))
        .env("ALLOW_LOCAL_ENDPOINTS", "true")
        .env("PROVIDER_BASE_URL_OPENAI", format!("{fake_url}/model/v1/"))
        .env("SERVICE_BASE_URL_BRAVE_SEARCH", format!("{fake_url}/brave"))
        .env("CRYPTO_SECRET_V1", "mk-first-0123456789abcdef0123456789")
        // One person does here in a moment what people do in an hour.
        .env("COMMAND_COOLDOWN_SCALE", "0")
        .stdin(Stdio::null());
    command
}

/// The last characters of the name are those that differ.
fn prefix(name: &str) -> String {
    format!(
        "t{}",
        name.get(name.len().saturating_sub(20)..).unwrap_or(name)
    )
}

pub(crate) struct Parts {
    pub(crate) user: String,
    pub(crate) password: String,
    pub(crate) host: String,
    pub(crate) port: String,
}

/// Takes `postgres://user:password@host:port/database` apart.
pub(crate) fn url_parts(url: &str) -> Parts {
    let (_, rest) = url.split_once("://").unwrap();
    let (login, place) = rest.split_once('@').unwrap();
    let (user, password) = login.split_once(':').unwrap_or((login, "unused"));
    let (address, _) = place.split_once('/').unwrap_or((place, ""));
    let (host, port) = address.split_once(':').unwrap_or((address, "5432"));
    let [user, password, host, port] = [user, password, host, port].map(str::to_owned);
    Parts {
        user,
        password,
        host,
        port,
    }
}

pub(crate) async fn execute(server_url: &str, statement: String) {
    let mut server = PgConnection::connect(server_url).await.unwrap();
    sqlx::query(AssertSqlSafe(statement))
        .execute(&mut server)
        .await
        .unwrap();
}

#[expect(clippy::disallowed_methods, reason = "the servers of the tests")]
pub(crate) fn variable(name: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| panic!("{name} is not set: run ./dev test"))
}
