//! A database of its own for each test, dropped with the value.

use std::sync::Mutex;
use std::time::Duration;

use secrecy::{ExposeSecret as _, SecretString};
use sqlx::postgres::{PgConnectOptions, PgPool, PgPoolOptions};
use sqlx::{AssertSqlSafe, Connection, PgConnection};
use store::{Fence, RoleName, Settings, Store, Tls};
use uuid::Uuid;

/// A database that nobody else uses.
pub(crate) struct Database {
    /// The store, migrated by [`Database::migrated`].
    pub(crate) store: Store,
    /// For what the store's interface does not show.
    pub(crate) raw: PgPool,
    pub(crate) settings: Settings,
    name: String,
    server_url: String,
    /// Roles to be dropped with it.
    roles: Mutex<Vec<String>>,
}

impl Database {
    pub(crate) async fn empty() -> Self {
        let server_url = server_url();
        let name = new_name();
        let create = format!("CREATE DATABASE {name}");
        execute(&server_url, create).await;
        let settings = settings(&server_url, &name);
        Self::connect(server_url, settings, Vec::new()).await
    }

    /// A migrated one whose owner can make no role.
    pub(crate) async fn of_a_plain_owner() -> Self {
        let server_url = server_url();
        let name = new_name();
        let create = format!("CREATE ROLE {name} LOGIN PASSWORD '{name}'");
        execute(&server_url, create).await;
        let create = format!("CREATE DATABASE {name} OWNER {name}");
        execute(&server_url, create).await;
        let settings = Settings {
            user: name.clone(),
            password: SecretString::from(&*name),
            ..settings(&server_url, &name)
        };
        let database = Self::connect(server_url, settings, vec![name]).await;
        database.store.migrate().await.unwrap();
        database
    }

    async fn connect(server_url: String, settings: Settings, roles: Vec<String>) -> Self {
        let name = settings.database.clone();
        let raw_url = format!("{}/{name}", server_url.rsplit_once('/').unwrap().0);
        Self {
            store: Store::connect(&settings).await.unwrap(),
            raw: PgPoolOptions::new()
                .max_connections(2)
                .connect(&raw_url)
                .await
                .unwrap(),
            settings,
            name,
            server_url,
            roles: Mutex::new(roles),
        }
    }

    /// Makes a role with this attribute.
    pub(crate) async fn make_role(&self, attribute: &str) -> String {
        let name = new_name();
        let create = format!("CREATE ROLE {name} {attribute}");
        execute(&self.server_url, create).await;
        self.roles.lock().unwrap().push(name.clone());
        name
    }

    /// Makes the user that the store signs in as a member of a role.
    pub(crate) async fn let_owner_take(&self, role: &str) {
        let owner = &self.settings.user;
        execute(&self.server_url, format!("GRANT {role} TO {owner}")).await;
    }

    /// How to connect past the store as the user that the store signs in as.
    pub(crate) fn options(&self) -> PgConnectOptions {
        PgConnectOptions::new_without_pgpass()
            .host(&self.settings.host)
            .port(self.settings.port)
            .username(&self.settings.user)
            .password(self.settings.password.expose_secret())
            .database(&self.name)
    }

    pub(crate) async fn migrated() -> Self {
        let mut database = Self::empty().await;
        database.store.migrate().await.unwrap();
        // What was opened before the role was there does not have it.
        database.store = Store::connect(&database.settings).await.unwrap();
        database
    }

    /// Two of them: one with both fences between tenants, and one where the predicates of the
    /// statements stand alone, because whoever runs them is a superuser.
    pub(crate) async fn with_and_without_policies() -> [Self; 2] {
        let mut alone = Self::migrated().await;
        alone.settings.app_role = "no_such_role".parse().unwrap();
        alone.store = Store::connect(&alone.settings).await.unwrap();
        assert_eq!(alone.store.fence().await.unwrap(), Fence::Absent);
        [Self::migrated().await, alone]
    }

    /// Runs a statement that changes something behind the store's back.
    #[track_caller]
    pub(crate) fn run(&self, sql: &'static str) -> impl Future<Output = u64> {
        let raw = self.raw.clone();
        async move {
            sqlx::query(sql)
                .execute(&raw)
                .await
                .unwrap()
                .rows_affected()
        }
    }

    /// Sets whether connections from now on can only read, as those of a stand-by: `on` or `off`.
    pub(crate) async fn read_only(&self, is_on: &str) {
        let name = &self.name;
        let sql = format!("ALTER DATABASE {name} SET default_transaction_read_only = {is_on}");
        execute(&self.server_url, sql).await;
    }

    /// Reads one value behind the store's back.
    pub(crate) async fn read<T>(&self, sql: &'static str) -> T
    where
        T: Send + Unpin + for<'r> sqlx::Decode<'r, sqlx::Postgres> + sqlx::Type<sqlx::Postgres>,
    {
        sqlx::query_scalar(sql).fetch_one(&self.raw).await.unwrap()
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        let url = self.server_url.clone();
        let mut drops = vec![format!("DROP DATABASE {} WITH (FORCE)", self.name)];
        let roles = self.roles.get_mut().unwrap();
        drops.extend(roles.iter().map(|role| format!("DROP ROLE {role}")));
        // The test's own runtime cannot be waited for in here.
        let dropped = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build();
            runtime.unwrap().block_on(async {
                for drop in drops {
                    execute(&url, drop).await;
                }
            });
        });
        let is_dropped = dropped.join().is_ok();
        assert!(
            is_dropped || std::thread::panicking(),
            "the database was not dropped"
        );
    }
}

/// Runs a statement about the whole server.
async fn execute(server_url: &str, statement: String) {
    let mut server = PgConnection::connect(server_url).await.unwrap();
    sqlx::query(AssertSqlSafe(statement))
        .execute(&mut server)
        .await
        .unwrap();
}

fn new_name() -> String {
    format!("store_test_{}", Uuid::now_v7().simple())
}

fn server_url() -> String {
    #[expect(
        clippy::disallowed_methods,
        reason = "tests find their servers by environment"
    )]
    let url = std::env::var("TEST_POSTGRES_URL");
    url.expect("TEST_POSTGRES_URL is not set: run ./dev test")
}

/// Splits `postgres://user[:password]@host:port/database`.
fn settings(url: &str, database: &str) -> Settings {
    let (_, rest) = url.split_once("://").unwrap();
    let (account, place) = rest.split_once('@').unwrap();
    let (user, password) = account.split_once(':').unwrap_or((account, ""));
    let (host, port) = place.split_once('/').unwrap().0.rsplit_once(':').unwrap();
    Settings {
        host: host.to_owned(),
        port: port.parse().unwrap(),
        user: user.to_owned(),
        password: SecretString::from(password),
        database: database.to_owned(),
        tls: Tls::Prefer,
        ca_cert_path: None,
        app_role: RoleName::default(),
        pool_max: 10,
        statement_timeout: Duration::from_secs(5),
    }
}
