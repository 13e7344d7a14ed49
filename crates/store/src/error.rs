//! What can go wrong, by what the caller can do about it.

use std::fmt;

/// Every failure of this crate. No variant shows a bound value, a secret or a person's words.
///
/// Only [`Error::Unavailable`] is worth another try: the same call gives any other error again,
/// until somebody changes data, settings, keys or the program.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The database is away, read-only or did not answer in time: try again later. What was asked may or
    /// may not have happened; every write here is safe to repeat or guarded by a fence.
    #[error("the database is not available")]
    Unavailable(#[source] Fault),
    /// The master key of that version is not the one this database was filled with.
    #[error(
        "the master key of version {version} is not the one that this database was filled with"
    )]
    WrongMasterKey {
        /// The version whose check value differs.
        version: u32,
    },
    /// A row names a master key version that this process does not hold, or a value cannot be
    /// sealed; nothing was changed.
    #[error(transparent)]
    Keyring(#[from] keyring::Error),
    /// A row holds what this program cannot have written, or a ciphertext does not open.
    #[error("{table}.{column} of row {row} is corrupt")]
    Corrupt {
        /// The table.
        table: &'static str,
        /// The column.
        column: &'static str,
        /// The row's primary key, a number or UUID of ours; never an id of Discord's.
        row: String,
    },
    /// The write contradicts what is stored; repeating it changes nothing.
    #[error("the write conflicts with what is stored")]
    Conflict(#[source] Fault),
    /// The database's schema is not the one this program was built for.
    #[error(
        "the database schema is {found}, this program needs {needed}; run worker migrate of the matching release"
    )]
    SchemaMismatch {
        /// The number of the newest applied migration, 0 when there is none.
        found: i64,
        /// The number this program was built for.
        needed: i64,
    },
    /// An applied migration differs from the one of that number in this program.
    #[error(
        "migration {number} was changed after it was applied; restore its file or the matching release"
    )]
    MigrationChanged {
        /// The number of the migration.
        number: i64,
    },
    /// A migration failed and was rolled back.
    #[error("migration {number} failed")]
    MigrationFailed {
        /// The number of the migration.
        number: i64,
        /// Why.
        #[source]
        fault: Fault,
    },
    /// The certificate or the mode of TLS cannot be used, or the address cannot be understood.
    #[error("the connection settings of the database cannot be used")]
    Settings(#[source] Fault),
    /// The caller asked for something that makes no sense.
    #[error("{0}")]
    Invalid(&'static str),
    /// Anything else; a defect of this program or of the database.
    #[error("the database refused a statement")]
    Other(#[source] Fault),
}

impl Error {
    /// Tells whether the database was away, too slow or read-only: the same call may succeed later.
    /// No other error may be retried.
    pub fn is_unavailable(&self) -> bool {
        matches!(self, Self::Unavailable(_))
    }
}

/// The cause as sqlx reported it. Its text names codes and constraints and leaves out the
/// details, which PostgreSQL fills with values of the row.
pub struct Fault(pub(crate) sqlx::Error);

impl Fault {
    /// Returns PostgreSQL's five-character code, where the database answered at all.
    pub fn code(&self) -> Option<String> {
        code_of(&self.0)
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(error) = self.0.as_database_error() else {
            return self.0.fmt(f);
        };
        write!(
            f,
            "{} (code {})",
            error.message(),
            error.code().unwrap_or_default()
        )?;
        error
            .constraint()
            .map_or(Ok(()), |name| write!(f, " on {name}"))
    }
}

impl fmt::Debug for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Fault({self})")
    }
}

impl std::error::Error for Fault {}

impl From<sqlx::Error> for Error {
    fn from(error: sqlx::Error) -> Self {
        let kind = error
            .as_database_error()
            .map(|e| (e.kind(), e.code().unwrap_or_default()));
        match (kind, &error) {
            (Some((_, code)), _) if is_unavailable_code(&code) => Self::Unavailable(Fault(error)),
            (Some((sqlx::error::ErrorKind::Other, _)), _) => Self::Other(Fault(error)),
            (Some(_), _) => Self::Conflict(Fault(error)),
            (
                None,
                sqlx::Error::Io(_)
                | sqlx::Error::PoolTimedOut
                | sqlx::Error::PoolClosed
                | sqlx::Error::WorkerCrashed
                | sqlx::Error::Protocol(_),
            ) => Self::Unavailable(Fault(error)),
            (None, sqlx::Error::Tls(_) | sqlx::Error::Configuration(_)) => {
                Self::Settings(Fault(error))
            }
            (None, _) => Self::Other(Fault(error)),
        }
    }
}

/// Codes that mean "not now" (PostgreSQL 15, appendix A): connection exceptions, too little of
/// something, stopped by an operator or a time-out, lock time-out, deadlock, read-only stand-by.
fn is_unavailable_code(code: &str) -> bool {
    matches!(code.get(..2), Some("08" | "53" | "57"))
        || matches!(code, "55P03" | "40001" | "40P01" | "25006" | "25P03")
}

/// PostgreSQL's five-character code, where the database answered at all.
pub(crate) fn code_of(error: &sqlx::Error) -> Option<String> {
    let code = error
        .as_database_error()
        .and_then(sqlx::error::DatabaseError::code)?;
    Some(code.into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_that_pass_are_unavailable_and_others_are_not() {
        // Connection lost, too many connections, shut down, starting up, time-out, lock time-out,
        // serialization, deadlock, read-only, idle in transaction.
        for code in [
            "08006", "53300", "57P01", "57P03", "57014", "55P03", "40001", "40P01", "25006",
            "25P03",
        ] {
            assert!(is_unavailable_code(code), "{code}");
        }
        // Unique, check, syntax, undefined table, wrong password, missing database.
        for code in ["23505", "23514", "42601", "42P01", "28P01", "3D000", ""] {
            assert!(!is_unavailable_code(code), "{code}");
        }
    }
}
