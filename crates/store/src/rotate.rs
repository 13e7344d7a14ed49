//! Seals what is sealed with older master keys anew with the current one, beside running workers
//! (SEC-43 to SEC-47).

use std::collections::{BTreeMap, BTreeSet};

use futures_util::StreamExt as _;
use futures_util::stream;
use keyring::{EncryptedColumn, Keyring};
use sqlx::{Connection as _, PgConnection};
use tokio::time::timeout;

use crate::audit::Judge;
use crate::pool::ACQUIRE_TIMEOUT;
use crate::sealed::{STATEMENTS, Statements, Stored, column_version, reseal};
use crate::{Error, Store, Undecryptable};

/// Key of the advisory lock under which one process rotates at a time ("rotate" in ASCII).
const ROTATION_LOCK: i64 = 0x726f_7461_7465;
/// Rows that somebody else changed are looked at again so often (SEC-45).
const FURTHER_PASSES: usize = 2;
/// Values that are sealed at the same time: workers need most of the database's attention.
const AT_ONCE: usize = 4;

/// What became of the values of a column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ColumnRotation {
    /// The column.
    pub column: EncryptedColumn,
    /// Values that were to be rotated when the column's turn came.
    pub found: u64,
    /// Sealed anew.
    pub rotated: u64,
    /// How often a value was left alone because somebody changed it meanwhile.
    pub skipped: u64,
    /// Values that do not open.
    pub failed: Vec<Undecryptable>,
    /// Values that are still to be rotated, those that do not open included.
    pub remaining: u64,
}

/// A value that is to be rotated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StaleRow {
    /// The column.
    pub column: EncryptedColumn,
    /// The row's primary key.
    pub row: i64,
    /// The version it names.
    pub version: u32,
}

/// The right to rotate: one process has it at a time, until it is dropped or its process ends.
#[derive(Debug)]
pub struct Rotation<'a> {
    store: &'a Store,
    keyring: &'a Keyring,
    wrong: BTreeSet<u32>,
    batch: i64,
    /// The lock lives as long as this.
    _lock: PgConnection,
}

impl Store {
    /// Takes the right to rotate, `None` when another process has it. Values are read in batches
    /// of `batch`.
    ///
    /// # Errors
    /// `WrongMasterKey` when a master key is not the one this database was filled with;
    /// `Unavailable`.
    pub async fn rotation<'a>(
        &'a self,
        keyring: &'a Keyring,
        batch: u16,
    ) -> Result<Option<Rotation<'a>>, Error> {
        self.check_keyring(keyring).await?;
        // Not from the pool: its end gives the lock back whatever happens.
        let options = self.pool.connect_options();
        let connecting = timeout(ACQUIRE_TIMEOUT, PgConnection::connect_with(&options));
        let mut lock = connecting
            .await
            .map_err(|elapsed| sqlx::Error::Io(elapsed.into()))??;
        let is_taken = sqlx::query_scalar("SELECT pg_try_advisory_lock($1)")
            .bind(ROTATION_LOCK)
            .fetch_one(&mut lock)
            .await?;
        let rotation = Rotation {
            store: self,
            keyring,
            wrong: self.wrong_versions(keyring).await?,
            batch: i64::from(batch),
            _lock: lock,
        };
        Ok(if is_taken { Some(rotation) } else { None })
    }

    /// Returns the first values that are to be rotated, at most `limit`, and how many there are by
    /// the version they name and by column. Changes nothing.
    ///
    /// # Errors
    /// `Corrupt`, `Unavailable`.
    pub async fn stale_rows(
        &self,
        keyring: &Keyring,
        limit: usize,
    ) -> Result<(Vec<StaleRow>, Vec<(EncryptedColumn, BTreeMap<u32, u64>)>), Error> {
        let mut first = Vec::new();
        let mut counts = Vec::new();
        for statements in &STATEMENTS {
            let column = statements.column;
            let mut by_version = BTreeMap::new();
            let mut after = i64::MIN;
            loop {
                let current = Some(keyring.current_version());
                let page = self.page(statements, after, current, 1000).await?;
                let Some(last) = page.last() else { break };
                after = last.id;
                for stored in &page {
                    *by_version.entry(stored.version(column)?).or_default() += 1;
                }
                let room = limit.saturating_sub(first.len());
                for stored in page.iter().take(room) {
                    let (row, version) = (stored.id, stored.version(column)?);
                    first.push(StaleRow {
                        column,
                        row,
                        version,
                    });
                }
            }
            counts.push((column, by_version));
        }
        Ok((first, counts))
    }

    async fn count_stale(&self, statements: &Statements, keyring: &Keyring) -> Result<u64, Error> {
        let count: i64 = sqlx::query_scalar(statements.stale)
            .bind(column_version(keyring.current_version())?)
            .fetch_one(self.pool.system())
            .await?;
        Ok(u64::try_from(count).unwrap_or_default())
    }
}

impl Rotation<'_> {
    /// Rotates every column, each value by a statement of its own: what is done stays done when
    /// this process is killed, and the next run goes on with what is left. `progress` hears of
    /// every page.
    ///
    /// # Errors
    /// `Corrupt` for an impossible version; `Unavailable`.
    pub async fn run(
        &self,
        progress: &mut (dyn FnMut(&ColumnRotation) + Send),
    ) -> Result<Vec<ColumnRotation>, Error> {
        let mut columns = Vec::new();
        for statements in &STATEMENTS {
            let mut done = ColumnRotation {
                column: statements.column,
                found: self.store.count_stale(statements, self.keyring).await?,
                rotated: 0,
                skipped: 0,
                failed: Vec::new(),
                remaining: 0,
            };
            for _pass in 0..=FURTHER_PASSES {
                if !self.pass(statements, &mut done, progress).await? {
                    break;
                }
            }
            done.remaining = self.store.count_stale(statements, self.keyring).await?;
            columns.push(done);
        }
        Ok(columns)
    }

    /// Goes through a column once. Returns whether somebody else changed a value meanwhile.
    async fn pass(
        &self,
        statements: &Statements,
        done: &mut ColumnRotation,
        progress: &mut (dyn FnMut(&ColumnRotation) + Send),
    ) -> Result<bool, Error> {
        let known: BTreeSet<i64> = done.failed.iter().map(|failed| failed.row).collect();
        let before = done.skipped;
        let mut after = i64::MIN;
        loop {
            let current = Some(self.keyring.current_version());
            let page = self
                .store
                .page(statements, after, current, self.batch)
                .await?;
            let Some(last) = page.last() else {
                return Ok(done.skipped > before);
            };
            after = last.id;
            let outcomes = stream::iter(page.iter().filter(|stored| !known.contains(&stored.id)))
                .map(|stored| self.rotate(statements.column, stored))
                .buffered(AT_ONCE)
                .collect::<Vec<_>>()
                .await;
            for outcome in outcomes {
                match outcome? {
                    Outcome::Rotated => done.rotated += 1,
                    Outcome::Skipped => done.skipped += 1,
                    Outcome::Failed(failed) => done.failed.push(failed),
                }
            }
            progress(done);
        }
    }

    async fn rotate(&self, column: EncryptedColumn, stored: &Stored) -> Result<Outcome, Error> {
        match self.store.open(self.keyring, column, stored).await {
            Ok(plaintext) => {
                let scope = self.store.pool.system();
                let done = reseal(scope, self.keyring, column, stored, &plaintext).await?;
                Ok(if done {
                    Outcome::Rotated
                } else {
                    Outcome::Skipped
                })
            }
            Err(unopened) => {
                let (keyring, wrong) = (self.keyring, &self.wrong);
                let version = stored.version(column)?;
                let reason = Judge { keyring, wrong }.reason(version, unopened)?;
                let row = stored.id;
                Ok(Outcome::Failed(Undecryptable {
                    row,
                    version,
                    reason,
                }))
            }
        }
    }
}

enum Outcome {
    Rotated,
    Skipped,
    Failed(Undecryptable),
}
