//! Which master keys are in use, and what does not open: every value of a column is tried
//! (SEC-38, SEC-39). Reads only.

use std::collections::{BTreeMap, BTreeSet};

use futures_util::StreamExt as _;
use futures_util::stream;
use keyring::{EncryptedColumn, Keyring};

use crate::sealed::{KEY_FORM, STATEMENTS, Statements, Stored, Unopened, column_version};
use crate::{Error, Store};

/// Rows that are read at once (SEC-38).
const PAGE: i64 = 100;
/// Values that are opened at the same time: half of the default pool of connections.
const AT_ONCE: usize = 8;

/// Why a value cannot be opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// This process does not hold the master key of its version.
    MissingVersion,
    /// The master key of its version is another one than it was sealed with.
    WrongKey,
    /// It was damaged, or moved from another row, column or tenant.
    Corrupt,
}

impl Reason {
    /// Returns the word that operators read.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::MissingVersion => "missing_version",
            Self::WrongKey => "wrong_key",
            Self::Corrupt => "corrupt",
        }
    }
}

/// A value that cannot be opened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Undecryptable {
    /// The row's primary key.
    pub row: i64,
    /// The version it names.
    pub version: u32,
    /// Why.
    pub reason: Reason,
}

/// What a column holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ColumnAudit {
    /// The column.
    pub column: EncryptedColumn,
    /// Values.
    pub rows: u64,
    /// Values by the version they name.
    pub by_version: BTreeMap<u32, u64>,
    /// Values without a version; they count as version 1.
    pub null_versions: u64,
    /// Values that are not as this process would write them now: of another version, or without
    /// an envelope.
    pub stale: u64,
    /// Values that cannot be opened.
    pub undecryptable: Vec<Undecryptable>,
    /// Why the scan did not reach the end; otherwise it did.
    pub failure: Option<String>,
}

impl ColumnAudit {
    fn new(column: EncryptedColumn) -> Self {
        Self {
            column,
            rows: 0,
            by_version: BTreeMap::new(),
            null_versions: 0,
            stale: 0,
            undecryptable: Vec::new(),
            failure: None,
        }
    }
}

impl Store {
    /// Tries to open every value of every column, a page at a time; `progress` hears the column
    /// and how many of its rows were tried. A column whose scan fails is told as such and does not
    /// stop the others. Changes nothing.
    pub async fn audit_keys(
        &self,
        keyring: &Keyring,
        progress: &mut (dyn FnMut(EncryptedColumn, u64) + Send),
    ) -> Vec<ColumnAudit> {
        let mut columns = Vec::new();
        let wrong = self.wrong_versions(keyring).await;
        for statements in &STATEMENTS {
            let mut audit = ColumnAudit::new(statements.column);
            let scan = match &wrong {
                Ok(wrong) => {
                    let judge = Judge { keyring, wrong };
                    self.audit_column(judge, statements, &mut audit, progress)
                        .await
                }
                Err(error) => Err(Error::Invalid(if error.is_unavailable() {
                    "the database is not available"
                } else {
                    "the check values of the master keys cannot be read"
                })),
            };
            audit.failure = scan.err().map(|error| error.to_string());
            columns.push(audit);
        }
        columns
    }

    async fn audit_column(
        &self,
        judge: Judge<'_>,
        statements: &Statements,
        audit: &mut ColumnAudit,
        progress: &mut (dyn FnMut(EncryptedColumn, u64) + Send),
    ) -> Result<(), Error> {
        let mut after = i64::MIN;
        loop {
            let page = self.page(statements, after, None, PAGE).await?;
            let Some(last) = page.last() else {
                return Ok(());
            };
            after = last.id;
            for stored in &page {
                count(judge.keyring, stored, audit)?;
            }
            let tried = stream::iter(&page)
                .map(|stored| self.try_open(judge, statements.column, stored))
                .buffered(AT_ONCE)
                .collect::<Vec<_>>()
                .await;
            for unopened in tried {
                audit.undecryptable.extend(unopened?);
            }
            progress(statements.column, audit.rows);
        }
    }

    async fn try_open(
        &self,
        judge: Judge<'_>,
        column: EncryptedColumn,
        stored: &Stored,
    ) -> Result<Option<Undecryptable>, Error> {
        match self.open(judge.keyring, column, stored).await {
            Ok(_plaintext) => Ok(None),
            Err(unopened) => {
                let version = stored.version(column)?;
                let reason = judge.reason(version, unopened)?;
                let row = stored.id;
                Ok(Some(Undecryptable {
                    row,
                    version,
                    reason,
                }))
            }
        }
    }

    /// Reads values after a row; with a version only those that are to be sealed anew with it.
    pub(crate) async fn page(
        &self,
        statements: &Statements,
        after: i64,
        stale_for: Option<u32>,
        limit: i64,
    ) -> Result<Vec<Stored>, Error> {
        let rows = sqlx::query_as(statements.page)
            .bind(after)
            .bind(stale_for.map(column_version).transpose()?)
            .bind(limit)
            .fetch_all(self.pool.system())
            .await?;
        Ok(rows)
    }

    /// Returns the versions whose master key is not the one that this database was filled with.
    /// Changes nothing.
    ///
    /// # Errors
    /// `Unavailable`, `Keyring`.
    pub async fn wrong_versions(&self, keyring: &Keyring) -> Result<BTreeSet<u32>, Error> {
        let rows = sqlx::query!("SELECT version, check_value FROM crypto_keys")
            .fetch_all(self.pool.shared())
            .await?;
        let mut wrong = BTreeSet::new();
        for row in rows {
            let Some(version) = u32::try_from(row.version).ok() else {
                continue;
            };
            if keyring.has_version(version) && keyring.check_value(version)? != *row.check_value {
                wrong.insert(version);
            }
        }
        Ok(wrong)
    }
}

/// What is needed to tell why a value does not open.
#[derive(Clone, Copy)]
pub(crate) struct Judge<'a> {
    pub(crate) keyring: &'a Keyring,
    pub(crate) wrong: &'a BTreeSet<u32>,
}

impl Judge<'_> {
    /// # Errors
    /// What says nothing about the value: the database is away.
    pub(crate) fn reason(self, version: u32, unopened: Unopened) -> Result<Reason, Error> {
        match unopened {
            Unopened::Other(Error::Keyring(keyring::Error::UnknownVersion { .. })) => {
                Ok(Reason::MissingVersion)
            }
            Unopened::Other(error) => Err(error),
            Unopened::Outer if self.wrong.contains(&version) => Ok(Reason::WrongKey),
            Unopened::Outer | Unopened::Inner => Ok(Reason::Corrupt),
        }
    }
}

fn count(keyring: &Keyring, stored: &Stored, audit: &mut ColumnAudit) -> Result<(), Error> {
    let version = stored.version(audit.column)?;
    audit.rows += 1;
    *audit.by_version.entry(version).or_default() += 1;
    audit.null_versions += u64::from(stored.stored_version.is_none());
    let is_stale = stored.form != KEY_FORM || version != keyring.current_version();
    audit.stale += u64::from(is_stale);
    Ok(())
}
