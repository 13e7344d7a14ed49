//! Migrations and the schema number (DB-5). The bookkeeping table is sqlx's own.

use std::collections::BTreeSet;
use std::time::Duration;

use sqlx::migrate::{MigrateError, Migrator};
use sqlx::postgres::PgConnection;
use sqlx::{Connection as _, PgExecutor};
use tokio::time::timeout;

use crate::error::{Fault, code_of};
use crate::fence::{self, RoleName};
use crate::pool::ACQUIRE_TIMEOUT;
use crate::{Error, Store};

/// All migrations of this program, embedded.
static MIGRATIONS: Migrator = sqlx::migrate!("../../migrations");

/// Key of the advisory lock under which one process migrates at a time ("tomori" in ASCII). It is
/// taken before sqlx's own, so that what was applied before is read under it too.
const MIGRATION_LOCK: i64 = 0x746f_6d6f_7269;

/// How long all of a release's migrations together may take, the wait for another process
/// included. The server ends each statement sooner; this is for a server that vanished.
const MIGRATE_TIMEOUT: Duration = Duration::from_hours(1);

/// A migration that was applied now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Applied {
    /// Its number.
    pub number: i64,
    /// What it is for.
    pub description: String,
}

impl Store {
    /// Applies all migrations that are not applied yet, each in a transaction of its own, and
    /// returns them in order; running it again returns nothing. Then raises the fence: makes the
    /// role as which statements run and gives it its rights, which connections that are opened
    /// from then on have. A second process waits for the first. Dropping it midway rolls back the migration that runs and keeps those before it.
    ///
    /// # Errors
    /// `MigrationChanged`; `SchemaMismatch` when the database is newer than this program;
    /// `MigrationFailed`; `Unavailable`.
    pub async fn migrate(&self) -> Result<Vec<Applied>, Error> {
        // Not from the pool: closing the connection gives the lock back whatever happens.
        let options = self.pool.connect_options();
        let mut connection = within(ACQUIRE_TIMEOUT, PgConnection::connect_with(&options)).await?;
        let work = migrate(&mut connection, &self.app_role);
        let applied = within(MIGRATE_TIMEOUT, work).await;
        within(ACQUIRE_TIMEOUT, connection.close()).await?;
        applied
    }

    /// Tells whether this program works with the database's schema: its own number, or one newer
    /// that its migration marked as compatible.
    ///
    /// # Errors
    /// `SchemaMismatch`, `Unavailable`.
    pub async fn check_schema(&self) -> Result<(), Error> {
        let needed = newest();
        let found = applied_numbers(self.pool.shared())
            .await?
            .last()
            .copied()
            .unwrap_or_default();
        if found == needed || (found == needed + 1 && self.is_compatible(found).await?) {
            return Ok(());
        }
        Err(Error::SchemaMismatch { found, needed })
    }

    async fn is_compatible(&self, number: i64) -> Result<bool, Error> {
        let row = sqlx::query_scalar!(
            "SELECT number FROM compatible_schemas WHERE number = $1",
            number
        );
        Ok(row.fetch_optional(self.pool.shared()).await?.is_some())
    }
}

async fn within<T, E: Into<Error>>(
    limit: Duration,
    work: impl Future<Output = Result<T, E>>,
) -> Result<T, Error> {
    match timeout(limit, work).await {
        Ok(done) => done.map_err(Into::into),
        Err(elapsed) => Err(sqlx::Error::Io(elapsed.into()).into()),
    }
}

async fn migrate(
    connection: &mut PgConnection,
    app_role: &RoleName,
) -> Result<Vec<Applied>, Error> {
    // Waiting for the other process has no limit but the caller's; the statements have their own.
    sqlx::query("SET lock_timeout = 0")
        .execute(&mut *connection)
        .await?;
    sqlx::query("SELECT pg_advisory_lock($1)")
        .bind(MIGRATION_LOCK)
        .execute(&mut *connection)
        .await?;
    sqlx::query("SET lock_timeout = '10s'")
        .execute(&mut *connection)
        .await?;
    let before = applied_numbers(&mut *connection).await?;
    MIGRATIONS.run(&mut *connection).await.map_err(failure)?;
    fence::raise(connection, app_role).await?;
    Ok(MIGRATIONS
        .iter()
        .filter(|migration| !before.contains(&migration.version))
        .map(|migration| Applied {
            number: migration.version,
            description: migration.description.clone().into_owned(),
        })
        .collect())
}

/// Returns the number of the newest migration of this program.
fn newest() -> i64 {
    MIGRATIONS
        .iter()
        .map(|migration| migration.version)
        .max()
        .unwrap_or_default()
}

/// Returns the numbers of the applied migrations, none when nothing was ever applied.
async fn applied_numbers(executor: impl PgExecutor<'_>) -> Result<BTreeSet<i64>, Error> {
    // Not checked at compile time: sqlx makes this table, and only when it migrates.
    let numbers = sqlx::query_scalar("SELECT version FROM _sqlx_migrations WHERE success");
    match numbers.fetch_all(executor).await {
        Ok(numbers) => Ok(numbers.into_iter().collect()),
        Err(error) if is_undefined_table(&error) => Ok(BTreeSet::new()),
        Err(error) => Err(error.into()),
    }
}

fn is_undefined_table(error: &sqlx::Error) -> bool {
    code_of(error).is_some_and(|code| code == "42P01")
}

fn failure(error: MigrateError) -> Error {
    match error {
        MigrateError::VersionMismatch(number) => Error::MigrationChanged { number },
        MigrateError::VersionMissing(found) => Error::SchemaMismatch {
            found,
            needed: newest(),
        },
        MigrateError::ExecuteMigration(error, number) => match Error::from(error) {
            unavailable @ Error::Unavailable(_) => unavailable,
            Error::Conflict(fault) | Error::Other(fault) => {
                Error::MigrationFailed { number, fault }
            }
            other => other,
        },
        MigrateError::Execute(error) => error.into(),
        other => Error::Other(Fault(sqlx::Error::Migrate(Box::new(other)))),
    }
}
