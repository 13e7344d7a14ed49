//! A database of its own for each test, dropped with the value.

use std::time::Duration;

use secrecy::SecretString;
use sqlx::postgres::{PgPool, PgPoolOptions};
use sqlx::{AssertSqlSafe, Connection, PgConnection};
use store::{Settings, Store, Tls};
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
}

impl Database {
    pub(crate) async fn empty() -> Self {
        let server_url = server_url();
        let name = format!("store_test_{}", Uuid::now_v7().simple());
        let mut server = PgConnection::connect(&server_url).await.unwrap();
        let create = format!("CREATE DATABASE {name}");
        sqlx::query(AssertSqlSafe(create))
            .execute(&mut server)
            .await
            .unwrap();
        let settings = settings(&server_url, &name);
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
        }
    }

    pub(crate) async fn migrated() -> Self {
        let database = Self::empty().await;
        database.store.migrate().await.unwrap();
        database
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
        let drop = format!("DROP DATABASE {} WITH (FORCE)", self.name);
        // The test's own runtime cannot be waited for in here.
        let dropped = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build();
            runtime.unwrap().block_on(async {
                let mut server = PgConnection::connect(&url).await.unwrap();
                sqlx::query(AssertSqlSafe(drop))
                    .execute(&mut server)
                    .await
                    .unwrap();
            });
        });
        let is_dropped = dropped.join().is_ok();
        assert!(
            is_dropped || std::thread::panicking(),
            "the database was not dropped"
        );
    }
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
        pool_max: 10,
        statement_timeout: Duration::from_secs(5),
    }
}
