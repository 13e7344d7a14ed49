//! Where the database is, and how to sign in (SEC-58, SEC-60, CFG-31 to CFG-36).

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use sqlx::postgres::{PgConnectOptions, PgSslMode};

use crate::Error;
use crate::error::Fault;
use crate::fence::RoleName;
use crate::pool::Pool;

/// Locks are held for milliseconds; who waits longer waits for something stuck (SEC-58).
const LOCK_TIMEOUT_MS: u64 = 2_000;
/// No transaction of ours waits for anything but the database (SEC-58).
const IDLE_IN_TRANSACTION_TIMEOUT_MS: u64 = 10_000;
/// How the connection is encrypted (CFG-32).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Tls {
    /// Never.
    Disable,
    /// When the server can.
    #[default]
    Prefer,
    /// Always, with any certificate.
    Require,
    /// Always, with a certificate of a trusted issuer for this very host.
    VerifyFull,
}

/// Where the database is. `Debug` shows neither names nor the password.
#[derive(Clone)]
pub struct Settings {
    /// Host name, address, or the folder of a Unix socket when it begins with `/`.
    pub host: String,
    /// Port.
    pub port: u16,
    /// Role to sign in as.
    pub user: String,
    /// Its password.
    pub password: SecretString,
    /// Database.
    pub database: String,
    /// Encryption of the connection.
    pub tls: Tls,
    /// PEM file of an issuer that is trusted besides the system's.
    pub ca_cert_path: Option<PathBuf>,
    /// As whom statements are run, once `worker migrate` has made it (CFG-36).
    pub app_role: RoleName,
    /// The most connections of this process, at least 2.
    pub pool_max: u32,
    /// The longest a statement may take; 5 s for workers, 10 min for operator commands. A caller
    /// waits 2 s longer for its answer, then it is `Unavailable`.
    pub statement_timeout: Duration,
}

impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Settings")
            .field("tls", &self.tls)
            .field("ca_cert_path", &self.ca_cert_path)
            .field("pool_max", &self.pool_max)
            .field("statement_timeout", &self.statement_timeout)
            .finish_non_exhaustive()
    }
}

/// The database. Clones share one pool.
#[derive(Clone)]
pub struct Store {
    pub(crate) pool: Pool,
    pub(crate) app_role: RoleName,
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Store")
            .field("connections", &self.pool.size())
            .field("idle", &self.pool.num_idle())
            .finish_non_exhaustive()
    }
}

impl Store {
    /// Opens the pool with one connection, to find wrong settings at once.
    ///
    /// # Errors
    /// `Unavailable` when nobody answers; `Settings` when the certificate file cannot be read or
    /// TLS is impossible; `Other` when the server refuses the role, password or database.
    pub async fn connect(settings: &Settings) -> Result<Self, Error> {
        let connection = connection(settings)?;
        let pool = Pool::open(connection, settings).await.map_err(unusable)?;
        let app_role = settings.app_role.clone();
        Ok(Self { pool, app_role })
    }

    /// Asks the database for an answer. Cancel safe.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn ping(&self) -> Result<(), Error> {
        sqlx::query("SELECT 1").execute(self.pool.shared()).await?;
        Ok(())
    }

    /// Closes all connections; later calls answer `Unavailable`.
    pub async fn close(&self) {
        self.pool.close().await;
    }
}

/// A certificate that is not trusted arrives as a failure of the network; trying again will not
/// mend it.
fn unusable(error: sqlx::Error) -> Error {
    match error {
        sqlx::Error::Io(cause) if cause.kind() == std::io::ErrorKind::InvalidData => {
            Error::Settings(Fault(sqlx::Error::Io(cause)))
        }
        other => other.into(),
    }
}

fn connection(settings: &Settings) -> Result<PgConnectOptions, Error> {
    let mode = match settings.tls {
        Tls::Disable => PgSslMode::Disable,
        Tls::Prefer => PgSslMode::Prefer,
        Tls::Require => PgSslMode::Require,
        Tls::VerifyFull => PgSslMode::VerifyFull,
    };
    let options = PgConnectOptions::new_without_pgpass()
        .host(&settings.host)
        .port(settings.port)
        .username(&settings.user)
        .password(settings.password.expose_secret())
        .database(&settings.database)
        .application_name("tomori")
        .ssl_mode(mode)
        .options([
            (
                "statement_timeout",
                settings.statement_timeout.as_millis().to_string(),
            ),
            ("lock_timeout", LOCK_TIMEOUT_MS.to_string()),
            (
                "idle_in_transaction_session_timeout",
                IDLE_IN_TRANSACTION_TIMEOUT_MS.to_string(),
            ),
        ]);
    let Some(path) = &settings.ca_cert_path else {
        return Ok(options);
    };
    // Read here: sqlx would report a missing file like a database that is away.
    let certificate = std::fs::read(path)
        .map_err(|error| Error::Settings(Fault(sqlx::Error::Configuration(error.into()))))?;
    Ok(options.ssl_root_cert_from_pem(certificate))
}
