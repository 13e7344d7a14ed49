//! The way of every statement to the database, with a deadline of this side's (SEC-58).
//!
//! `statement_timeout` is the server's: when its host vanishes with a statement in flight, nobody
//! would end the wait, because sqlx sets no TCP keepalive. sqlx's own pool is hidden behind [`Pool`],
//! which runs no statement itself but gives out handles that do ([`scope`]), so that none goes around
//! the deadline or the fence. A connection whose statement was not answered, be it for the deadline
//! or a cancelled caller, is closed: before sqlx takes one back it waits for an answer without
//! limit, and holds a place in the pool meanwhile.

pub(crate) mod scope;

use std::time::Duration;

use futures_util::future::BoxFuture;
use futures_util::stream::{self, BoxStream, StreamExt as _, TryStreamExt as _};
use sqlx::pool::PoolConnection;
use sqlx::postgres::{
    PgConnectOptions, PgPool, PgPoolOptions, PgQueryResult, PgRow, PgStatement, PgTypeInfo,
    Postgres,
};
use sqlx::{Connection as _, Describe, Either, Execute, Executor, SqlStr};
use tokio::time::error::Elapsed;
use tokio::time::timeout;

use crate::Error;
use crate::connect::Settings;
use crate::error::code_of;
use crate::fence::{RoleName, take_role};

/// How long a caller waits for a connection: readiness asks for an answer within 5 s (CFG-123).
pub(crate) const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(5);
/// A connection unused for this long is asked whether it lives before it is used; a ping before
/// every use would double the round trips of an admission.
const PING_AFTER_IDLE: Duration = Duration::from_secs(5);
/// How long a ping may take; enough of [`ACQUIRE_TIMEOUT`] is left to open a new connection.
const PING_TIMEOUT: Duration = Duration::from_secs(2);
/// How long after `statement_timeout` the server's answer may be on its way.
const ANSWER_GRACE: Duration = Duration::from_secs(2);
/// PostgreSQL's code for a write on a stand-by, or on a primary that became one.
const READ_ONLY: &str = "25006";

/// The pool of connections. Clones share it.
#[derive(Clone, Debug)]
pub(crate) struct Pool {
    inner: PgPool,
    deadline: Duration,
}

impl Pool {
    /// Opens the pool with one connection.
    pub(crate) async fn open(
        options: PgConnectOptions,
        settings: &Settings,
    ) -> Result<Self, sqlx::Error> {
        let inner = pool_options(settings.pool_max, settings.app_role.clone());
        Ok(Self {
            inner: inner.connect_with(options).await?,
            deadline: settings.statement_timeout + ANSWER_GRACE,
        })
    }

    /// Statements about tables that belong to no tenant, in one round trip each.
    pub(crate) fn shared(&self) -> Shared {
        Shared(self.clone())
    }

    /// How long a statement may take, seen from here.
    pub(crate) fn deadline(&self) -> Duration {
        self.deadline
    }

    pub(crate) fn size(&self) -> u32 {
        self.inner.size()
    }

    pub(crate) fn num_idle(&self) -> usize {
        self.inner.num_idle()
    }

    /// How to connect as the user that signs in, whom migrations need.
    pub(crate) fn connect_options(&self) -> PgConnectOptions {
        PgConnectOptions::clone(&self.inner.connect_options())
    }

    pub(crate) async fn close(&self) {
        self.inner.close().await;
    }

    /// Takes a connection out of the pool. It is closed when it is dropped; [`settle`] gives it
    /// back instead. Only handles can call this.
    async fn acquire(&self) -> Result<PoolConnection<Postgres>, sqlx::Error> {
        let mut connection = self.inner.acquire().await?;
        connection.close_on_drop();
        Ok(connection)
    }
}

/// What a statement, or a transaction of several, can end with.
pub(crate) trait Failure: From<sqlx::Error> {
    /// Tells whether the database took no write, because it is no primary.
    fn is_read_only(&self) -> bool;
}

impl Failure for sqlx::Error {
    fn is_read_only(&self) -> bool {
        code_of(self).is_some_and(|code| code == READ_ONLY)
    }
}

impl Failure for Error {
    fn is_read_only(&self) -> bool {
        matches!(self, Self::Unavailable(fault) if fault.0.is_read_only())
    }
}

/// Gives a connection back once its statement was answered, well or not. A read-only one is closed:
/// the next connection may lead to the new primary.
///
/// # Errors
/// That of the statement; `Io` when there was no answer in time.
fn settle<T, E: Failure>(
    mut connection: PoolConnection<Postgres>,
    answer: Result<Result<T, E>, Elapsed>,
) -> Result<T, E> {
    let answer = answer.map_err(no_answer)?;
    if !answer.as_ref().is_err_and(E::is_read_only) {
        #[expect(
            clippy::disallowed_methods,
            reason = "sqlx spawns the same without a limit; closing the pool waits for it"
        )]
        tokio::spawn(timeout(PING_TIMEOUT, connection.return_to_pool()));
    }
    answer
}

fn no_answer<E: Failure>(elapsed: Elapsed) -> E {
    sqlx::Error::from(std::io::Error::from(elapsed)).into()
}

/// Runs statements without a scope: they see no row of any tenant.
#[derive(Debug)]
pub(crate) struct Shared(Pool);

impl<'p> Executor<'p> for Shared {
    type Database = Postgres;

    /// All results at once: nobody here reads rows one by one, and the deadline is for all.
    fn fetch_many<'e, 'q: 'e, E>(
        self,
        query: E,
    ) -> BoxStream<'e, Result<Either<PgQueryResult, PgRow>, sqlx::Error>>
    where
        'p: 'e,
        E: 'q + Execute<'q, Postgres>,
    {
        let Self(pool) = self;
        let results = async move {
            let mut connection = pool.acquire().await?;
            let results = connection.fetch_many(query).try_collect::<Vec<_>>();
            let results = timeout(pool.deadline, results).await;
            let results = settle(connection, results)?;
            Ok::<_, sqlx::Error>(stream::iter(results.into_iter().map(Ok)))
        };
        stream::once(results).try_flatten().boxed()
    }

    fn fetch_optional<'e, 'q: 'e, E>(
        self,
        query: E,
    ) -> BoxFuture<'e, Result<Option<PgRow>, sqlx::Error>>
    where
        'p: 'e,
        E: 'q + Execute<'q, Postgres>,
    {
        let Self(pool) = self;
        Box::pin(async move {
            let mut connection = pool.acquire().await?;
            let row = timeout(pool.deadline, connection.fetch_optional(query)).await;
            settle(connection, row)
        })
    }

    fn prepare_with<'e>(
        self,
        sql: SqlStr,
        parameters: &'e [PgTypeInfo],
    ) -> BoxFuture<'e, Result<PgStatement, sqlx::Error>>
    where
        'p: 'e,
    {
        let Self(pool) = self;
        Box::pin(async move {
            let mut connection = pool.acquire().await?;
            let statement = timeout(pool.deadline, connection.prepare_with(sql, parameters)).await;
            settle(connection, statement)
        })
    }

    fn describe<'e>(self, sql: SqlStr) -> BoxFuture<'e, Result<Describe<Postgres>, sqlx::Error>>
    where
        'p: 'e,
    {
        let Self(pool) = self;
        Box::pin(async move {
            let mut connection = pool.acquire().await?;
            let described = timeout(pool.deadline, connection.describe(sql)).await;
            settle(connection, described)
        })
    }
}

fn pool_options(max: u32, app_role: RoleName) -> PgPoolOptions {
    PgPoolOptions::new()
        .max_connections(max)
        .acquire_timeout(ACQUIRE_TIMEOUT)
        .test_before_acquire(false)
        .after_connect(move |connection, _| {
            let app_role = app_role.clone();
            Box::pin(async move { take_role(connection, &app_role).await })
        })
        .before_acquire(|connection, meta| {
            Box::pin(async move {
                if meta.idle_for > PING_AFTER_IDLE {
                    timeout(PING_TIMEOUT, connection.ping())
                        .await
                        .map_err(std::io::Error::from)??;
                }
                Ok(true)
            })
        })
}
