//! Whose rows a statement may see (DB-61, SEC-57): the handles through which alone statements run.
//!
//! The predicates of a statement are the first fence between tenants; row-level security is the
//! second. Each statement runs in a transaction that says by `SET LOCAL` whom it is about, and the
//! database shows it those rows only, whatever its predicates say. Of the handles of [`Pool`] take
//! the narrowest that does:
//!
//! - [`Pool::tenant`], [`Pool::server`]: one tenant, by its Discord id or by its row. No statement
//!   looks a tenant up first: whoever names a row names its tenant, and [`crate::TurnId`] does so
//!   itself.
//! - [`Pool::user`], [`Pool::people`], [`Scoped::with`]: what is stored about a person. The direct messages of a person
//!   include it.
//! - [`Pool::shared`]: tables that belong to no tenant (DB-63), and counts of what a person did in all of
//!   them (`operation_quotas`). No row of a tenant is there.
//! - [`Pool::system`]: every row. A test compares this list with the code:
//!
//! | module | why |
//! |---|---|
//! | `turn` | a new owner reads the open turns of a partition, which are of many tenants |
//! | `lease` | a worker lets go of what it holds and does not run, whosever it is |
//! | `control` | a worker asks which of its turns are to stop; a deletion in direct messages names nobody |
//! | `post` | the echo of a post in direct messages names nobody but the bot |
//! | `privacy` | who opts out is stopped and forgotten in every server; all who did are compared with the bucket |
//! | `deletion` | everything about a person is deleted in every server; whoever asks for the end of one may have left it |
//! | `leaving` | a session names all servers of a shard at once |
//! | `archive` | a person is given what is stored about them in every server |
//! | `explain` | operators ask about a message by its id alone |
//! | `retention` | it goes by time |
//! | `audit`, `rotate` | every sealed value is tried, or sealed anew |
//! | `provider_key` | counts of uses are written for all pools at once |
//! | `refused_key` | whoever tells administrators looks for refused keys of all servers |

use std::fmt;
use std::time::Duration;

use futures_util::future::BoxFuture;
use futures_util::stream::{self, BoxStream, StreamExt as _, TryStreamExt as _};
use proto::id::{TenantId, UserId};
use sqlx::pool::PoolConnection;
use sqlx::postgres::{PgArguments, PgQueryResult, PgRow, PgStatement, PgTypeInfo, Postgres};
use sqlx::{
    AssertSqlSafe, Connection as _, Describe, Either, Execute, Executor, SqlStr, Transaction,
};
use tokio::time::error::Elapsed;
use tokio::time::timeout;

use super::{Failure, Pool, no_answer, settle};
use crate::ServerId;

impl Pool {
    /// What belongs to a tenant, known by its Discord id; of direct messages also what belongs to the
    /// person.
    pub(crate) fn tenant(&self, tenant: TenantId) -> Scoped<Tenant> {
        let users = match tenant {
            TenantId::Guild(_) => Vec::new(),
            TenantId::Direct(user) => vec![user],
        };
        self.scoped(Tenant {
            named: Some(Named::Known(tenant)),
            users,
            locks: Vec::new(),
        })
    }

    /// What belongs to a tenant, known by its row; without records of decisions, which go by the
    /// Discord id.
    pub(crate) fn server(&self, server: ServerId) -> Scoped<Tenant> {
        self.scoped(Tenant {
            named: Some(Named::Row(server)),
            users: Vec::new(),
            locks: Vec::new(),
        })
    }

    /// What belongs to a person, and to no server.
    pub(crate) fn user(&self, user: UserId) -> Scoped<Tenant> {
        self.people(&[user])
    }

    /// What belongs to these persons, and to no server.
    pub(crate) fn people(&self, people: &[UserId]) -> Scoped<Tenant> {
        self.scoped(Tenant {
            named: None,
            users: people.to_vec(),
            locks: Vec::new(),
        })
    }

    /// Everything. See the list above.
    pub(crate) fn system(&self) -> Scoped<System> {
        self.scoped(System)
    }

    fn scoped<S>(&self, scope: S) -> Scoped<S> {
        Scoped {
            pool: self.clone(),
            scope,
        }
    }
}

/// Whose rows a transaction sees.
pub(crate) trait Scope: fmt::Debug + Send + 'static {
    /// What the transaction says first: literals and numbers, never text.
    fn settings(&self) -> String;
}

/// One tenant, persons, or both.
#[derive(Debug)]
pub(crate) struct Tenant {
    named: Option<Named>,
    users: Vec<UserId>,
    locks: Vec<Lock>,
}

/// What a transaction has to itself until it ends; others who want it wait. Two of one kind are
/// never held at once and a person comes before a server, so nobody waits in a circle.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Lock {
    /// What is counted of a person.
    Person(UserId),
    /// What is counted of a server.
    Server(TenantId),
}

impl Lock {
    /// The lock as the database knows it. Ids that share one wait for each other, which is all.
    fn statement(self) -> String {
        let (kind, id) = match self {
            Self::Person(user) => (1, user.0),
            Self::Server(tenant) => (2, tenant.disc_id()),
        };
        let id = i32::try_from(id % 2_147_483_647).unwrap_or_default();
        format!("; SELECT pg_advisory_xact_lock({kind}, {id})")
    }
}

#[derive(Debug)]
enum Named {
    Known(TenantId),
    Row(ServerId),
}

impl Scoped<Tenant> {
    /// Adds what belongs to a person.
    pub(crate) fn with(mut self, user: UserId) -> Self {
        self.scope.users = vec![user];
        self
    }

    /// Takes locks at the begin, in that round trip; statements after it see what was committed by
    /// whoever held them before.
    pub(crate) fn locking(mut self, locks: [Lock; 2]) -> Self {
        self.scope.locks = locks.to_vec();
        self.scope.locks.sort_unstable();
        self
    }
}

impl Scope for Tenant {
    fn settings(&self) -> String {
        let named = match self.named {
            Some(Named::Known(tenant)) => {
                format!("SET LOCAL tomori.guild_disc_id = '{}'; ", tenant.disc_id())
            }
            Some(Named::Row(server)) => format!("SET LOCAL tomori.server_id = '{}'; ", server.0),
            None => String::new(),
        };
        let locks: String = self.locks.iter().map(|lock| lock.statement()).collect();
        if self.users.is_empty() {
            return named + &locks;
        }
        let users: Vec<String> = self.users.iter().map(|user| user.0.to_string()).collect();
        format!(
            "{named}SET LOCAL tomori.user_disc_ids = '{}'{locks}",
            users.join(",")
        )
    }
}

/// All tenants.
#[derive(Debug)]
pub(crate) struct System;

impl Scope for System {
    fn settings(&self) -> String {
        "SET LOCAL tomori.scope = 'system'".to_owned()
    }
}

/// Runs statements, each in a transaction of its own that sees what the scope names. That takes a
/// round trip before the statement's own, and one after it where it may have written.
#[derive(Debug)]
pub(crate) struct Scoped<S> {
    pool: Pool,
    scope: S,
}

impl<S: Scope> Scoped<S> {
    /// Takes a connection for a transaction of several statements.
    pub(crate) async fn open(self) -> Result<Opened, sqlx::Error> {
        self.open_by("BEGIN").await
    }

    /// The same for statements that only read: nobody has to commit it.
    pub(crate) async fn open_to_read(self) -> Result<Opened, sqlx::Error> {
        self.open_by("BEGIN READ ONLY").await
    }

    async fn open_for(self, statement: &Statement) -> Result<Opened, sqlx::Error> {
        if statement.only_reads() {
            self.open_to_read().await
        } else {
            self.open().await
        }
    }

    async fn open_by(self, begin: &str) -> Result<Opened, sqlx::Error> {
        Ok(Opened {
            connection: self.pool.acquire().await?,
            deadline: self.pool.deadline(),
            begin: format!("{begin}; {}", self.scope.settings()),
            has_begun: false,
        })
    }
}

/// A connection for one transaction of a scope. It is closed when it is dropped.
pub(crate) struct Opened {
    connection: PoolConnection<Postgres>,
    deadline: Duration,
    begin: String,
    has_begun: bool,
}

impl Opened {
    /// How long all of the transaction may take, seen from here.
    pub(crate) fn deadline(&self) -> Duration {
        self.deadline
    }

    /// Begins the transaction, in one round trip.
    pub(crate) async fn begin(&mut self) -> Result<Transaction<'_, Postgres>, sqlx::Error> {
        let begin = AssertSqlSafe(std::mem::take(&mut self.begin));
        let transaction = self.connection.begin_with(begin).await?;
        self.has_begun = true;
        Ok(transaction)
    }

    /// Gives the connection back once everything was answered, well or not.
    ///
    /// # Errors
    /// That of the transaction; `Io` when there was no answer in time.
    pub(crate) fn settle<T, E: Failure>(
        self,
        answer: Result<Result<T, E>, Elapsed>,
    ) -> Result<T, E> {
        if self.has_begun {
            return settle(self.connection, answer);
        }
        // Dropped: a transaction may be open that sqlx does not know of.
        answer.map_err(no_answer)?
    }
}

/// A statement taken apart, so that its text can be looked at.
struct Statement {
    sql: SqlStr,
    arguments: Option<PgArguments>,
}

impl Statement {
    fn of<'q>(mut query: impl Execute<'q, Postgres>) -> Result<Self, sqlx::Error> {
        let arguments = query.take_arguments().map_err(sqlx::Error::Encode)?;
        let sql = query.sql();
        Ok(Self { sql, arguments })
    }

    /// Nobody has to wait for the end of a transaction that can have written nothing: the
    /// connection says it on its way back to the pool. The database holds such a transaction to it.
    fn only_reads(&self) -> bool {
        self.sql.as_str().starts_with("SELECT ")
    }
}

impl<'p, S: Scope> Executor<'p> for Scoped<S> {
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
        let statement = Statement::of(query);
        let results = async move {
            let statement = statement?;
            let only_reads = statement.only_reads();
            let mut opened = self.open_for(&statement).await?;
            let done = timeout(opened.deadline(), async {
                let mut transaction = opened.begin().await?;
                let results = transaction.fetch_many((statement.sql, statement.arguments));
                let results = results.try_collect::<Vec<_>>().await?;
                if !only_reads {
                    transaction.commit().await?;
                }
                Ok::<_, sqlx::Error>(results)
            });
            let done = done.await;
            let results = opened.settle(done)?;
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
        let statement = Statement::of(query);
        Box::pin(async move {
            let statement = statement?;
            let only_reads = statement.only_reads();
            let mut opened = self.open_for(&statement).await?;
            let done = timeout(opened.deadline(), async {
                let mut transaction = opened.begin().await?;
                let asked = (statement.sql, statement.arguments);
                let row = transaction.fetch_optional(asked).await?;
                if !only_reads {
                    transaction.commit().await?;
                }
                Ok::<_, sqlx::Error>(row)
            });
            let done = done.await;
            opened.settle(done)
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
        self.pool.shared().prepare_with(sql, parameters)
    }

    fn describe<'e>(self, sql: SqlStr) -> BoxFuture<'e, Result<Describe<Postgres>, sqlx::Error>>
    where
        'p: 'e,
    {
        self.pool.shared().describe(sql)
    }
}
