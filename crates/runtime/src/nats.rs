//! The connection to NATS: who we are there, how long we wait, which servers we refuse.
//!
//! Streams and buckets are never created here; `worker migrate` does that.

pub mod entries;

use std::time::Duration;

use async_nats::jetstream::context::{GetStreamError, GetStreamErrorKind, KeyValueError};
use async_nats::jetstream::stream::Stream;
use async_nats::jetstream::{self, kv};
use async_nats::{Client, ConnectError, ConnectErrorKind, ConnectOptions};
use secrecy::ExposeSecret;
use tokio::time::Instant;

use crate::settings::sections::{NatsLogin, NatsSettings};
use crate::start::until_there;

/// How long an operator's command waits for a server that is not there yet.
const PATIENCE: Duration = Duration::from_mins(1);

/// One attempt to connect, name resolution and TLS included.
const CONNECT_DEADLINE: Duration = Duration::from_secs(5);

/// Half-open connections are noticed within two of these.
const PING_EVERY: Duration = Duration::from_secs(10);

/// Why there is no connection, by what the operator can do.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No server answers.
    #[error("no NATS server answers at {servers}; start it or correct NATS_URL")]
    Unreachable {
        /// The addresses of `NATS_URL`, which hold no passwords.
        servers: String,
        /// What the last attempt met.
        #[source]
        source: ConnectError,
    },
    /// The server refuses our login or TLS.
    #[error("NATS at {servers} refuses this process; check the NATS_* login and TLS settings")]
    Refused {
        /// The addresses of `NATS_URL`, which hold no passwords.
        servers: String,
        /// What the server or the TLS library said.
        #[source]
        source: ConnectError,
    },
    /// The credentials file cannot be used.
    #[error("the file of NATS_CREDS_PATH cannot be used")]
    Credentials(#[source] std::io::Error),
    /// The server is older than what keeps our promises.
    #[error("NATS server {found} is too old; {oldest} or newer is needed")]
    TooOld {
        /// The server's own version text.
        found: String,
        /// The oldest version we accept.
        oldest: String,
    },
    /// The server runs without JetStream.
    #[error("the NATS server runs without JetStream; start it with --jetstream")]
    NoJetStream,
    /// The stream is not there.
    #[error("stream {stream} does not exist; run `worker migrate` first")]
    NoStream {
        /// The stream's name.
        stream: String,
    },
    /// The bucket is not there.
    #[error("bucket {bucket} does not exist; run `worker migrate` first")]
    NoBucket {
        /// The bucket's name.
        bucket: String,
        /// What the client library said.
        #[source]
        source: KeyValueError,
    },
    /// The installation was set up with another number of partitions.
    #[error(
        "EVENT_PARTITIONS is {ours}, but stream {stream} was made with {stored}; \
         the number cannot change, set EVENT_PARTITIONS={stored}"
    )]
    Partitions {
        /// The stream's name.
        stream: String,
        /// What this process was told.
        ours: u16,
        /// What the stream's metadata say; `unknown` when they say nothing.
        stored: String,
    },
    /// JetStream did not answer a question.
    #[error("JetStream does not answer about {name}")]
    Unanswered {
        /// The name of the stream or bucket.
        name: String,
        /// What the client library said.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

impl Error {
    /// Tells whether this goes by itself once the servers are there; settings and an installation
    /// that was never set up have to be mended by somebody.
    pub fn passes(&self) -> bool {
        matches!(self, Self::Unreachable { .. } | Self::Unanswered { .. })
    }
}

/// Connects under `name` with an inbox of this process's own (SEC-64), waiting for a server for as
/// long as it takes, and refuses one older than `oldest`. Afterwards the client reconnects for ever.
/// Cancel safe.
///
/// # Errors
/// [`Error::Refused`], [`Error::Credentials`], [`Error::TooOld`], [`Error::NoJetStream`].
pub async fn connect(
    settings: &NatsSettings,
    name: &str,
    oldest: (u16, u16, u16),
) -> Result<Client, Error> {
    until_there(
        "NATS",
        || connect_once(settings, name, oldest),
        Error::passes,
    )
    .await
}

/// The same for somebody who looks on: it waits for a minute at most.
///
/// # Errors
/// Those of [`connect`], and [`Error::Unreachable`].
pub async fn connect_within_a_minute(
    settings: &NatsSettings,
    name: &str,
    oldest: (u16, u16, u16),
) -> Result<Client, Error> {
    let deadline = Instant::now() + PATIENCE;
    let passes = |error: &Error| error.passes() && Instant::now() < deadline;
    until_there("NATS", || connect_once(settings, name, oldest), passes).await
}

/// The same without waiting for anything.
///
/// # Errors
/// Those of [`connect`], and [`Error::Unreachable`].
pub async fn connect_once(
    settings: &NatsSettings,
    name: &str,
    oldest: (u16, u16, u16),
) -> Result<Client, Error> {
    let options = options(settings, name).await?;
    let client = match options.connect(settings.servers.as_slice()).await {
        Ok(client) => client,
        Err(source) => {
            let servers = settings.shown();
            return Err(if is_permanent(source.kind()) {
                Error::Refused { servers, source }
            } else {
                Error::Unreachable { servers, source }
            });
        }
    };
    check_server(&client, oldest)?;
    Ok(client)
}

/// Opens a bucket that `worker migrate` made.
///
/// # Errors
/// [`Error::NoBucket`], [`Error::Unanswered`].
pub async fn bucket(jetstream: &jetstream::Context, bucket: String) -> Result<kv::Store, Error> {
    let opened = jetstream.get_key_value(&bucket).await;
    opened.map_err(|source| {
        let cause = std::error::Error::source(&source);
        let is_unanswered = cause
            .and_then(|cause| cause.downcast_ref::<GetStreamError>())
            .is_some_and(|cause| !is_missing(cause));
        if is_unanswered {
            let (name, source) = (bucket, source.into());
            return Error::Unanswered { name, source };
        }
        Error::NoBucket { bucket, source }
    })
}

/// Opens a stream that `worker migrate` made.
///
/// # Errors
/// [`Error::NoStream`], [`Error::Unanswered`].
pub async fn stream(jetstream: &jetstream::Context, name: &str) -> Result<Stream, Error> {
    let opened = jetstream.get_stream(name).await;
    opened.map_err(|source| missing(name, source))
}

/// Refuses a stream that is missing or was made for another number of partitions.
///
/// # Errors
/// [`Error::NoStream`], [`Error::Partitions`], [`Error::Unanswered`].
pub async fn check_stream(
    jetstream: &jetstream::Context,
    name: &str,
    partitions_key: &str,
    partitions: u16,
) -> Result<(), Error> {
    let found = stream(jetstream, name).await?;
    let stored = found.cached_info().config.metadata.get(partitions_key);
    if stored.is_some_and(|stored| *stored == partitions.to_string()) {
        return Ok(());
    }
    Err(Error::Partitions {
        stream: name.to_owned(),
        ours: partitions,
        stored: stored.map_or_else(|| "unknown".to_owned(), Clone::clone),
    })
}

async fn options(settings: &NatsSettings, name: &str) -> Result<ConnectOptions, Error> {
    let mut options = ConnectOptions::new()
        .name(format!("tomori-{name}"))
        .custom_inbox_prefix(inbox_prefix(name))
        .connection_timeout(CONNECT_DEADLINE)
        .ping_interval(PING_EVERY);
    if let Some(path) = &settings.ca_cert_path {
        options = options
            .add_root_certificates(path.clone())
            .require_tls(true);
    }
    Ok(match &settings.login {
        NatsLogin::None => options,
        NatsLogin::Password { user, password } => {
            options.user_and_password(user.clone(), password.expose_secret().to_owned())
        }
        NatsLogin::Token(token) => options.token(token.expose_secret().to_owned()),
        NatsLogin::Nkey(seed) => options.nkey(seed.expose_secret().to_owned()),
        NatsLogin::CredentialsFile(path) => options
            .credentials_file(path)
            .await
            .map_err(Error::Credentials)?,
    })
}

/// One inbox per process, below that of its role: with the shared one, a role could read another's
/// answers (SEC-64).
fn inbox_prefix(name: &str) -> String {
    let mut random = [0_u8; 8];
    // Without randomness from the system nothing works, TLS least of all; the name alone will do.
    if getrandom::fill(&mut random).is_err() {
        tracing::warn!("the system gives no randomness");
    }
    format!("_INBOX_{name}.{:016x}", u64::from_le_bytes(random))
}

fn is_permanent(kind: ConnectErrorKind) -> bool {
    match kind {
        ConnectErrorKind::ServerParse
        | ConnectErrorKind::Authentication
        | ConnectErrorKind::AuthorizationViolation
        | ConnectErrorKind::Tls => true,
        ConnectErrorKind::Dns
        | ConnectErrorKind::TimedOut
        | ConnectErrorKind::Io
        | ConnectErrorKind::MaxReconnects => false,
    }
}

fn check_server(client: &Client, oldest: (u16, u16, u16)) -> Result<(), Error> {
    let server = client.server_info();
    if version(&server.version).is_none_or(|found| found < oldest) {
        let (major, minor, patch) = oldest;
        return Err(Error::TooOld {
            found: server.version,
            oldest: format!("{major}.{minor}.{patch}"),
        });
    }
    if !server.jetstream {
        return Err(Error::NoJetStream);
    }
    Ok(())
}

/// Reads `2.10.25` and `2.15.1-beta.1`; anything else is no version we know.
fn version(text: &str) -> Option<(u16, u16, u16)> {
    let release = text.split(['-', '+']).next()?;
    let mut parts = release.split('.').map(str::parse::<u16>);
    let version = (
        parts.next()?.ok()?,
        parts.next()?.ok()?,
        parts.next()?.ok()?,
    );
    parts.next().is_none().then_some(version)
}

fn missing(stream: &str, source: GetStreamError) -> Error {
    let name = stream.to_owned();
    if is_missing(&source) {
        return Error::NoStream { stream: name };
    }
    let source = source.into();
    Error::Unanswered { name, source }
}

fn is_missing(error: &GetStreamError) -> bool {
    matches!(
        error.kind(),
        GetStreamErrorKind::JetStream(error)
            if error.error_code() == jetstream::ErrorCode::STREAM_NOT_FOUND
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_compared_by_number_not_by_text() {
        assert!(version("2.9.10") < version("2.10.25"));
        assert_eq!(version("2.15.1-beta.2"), Some((2, 15, 1)));
        assert_eq!(version("nightly"), None);
        assert_eq!(version("2.10"), None);
    }

    #[test]
    fn every_process_has_its_own_inbox_below_that_of_its_role() {
        assert_ne!(inbox_prefix("gateway"), inbox_prefix("gateway"));
        assert!(inbox_prefix("gateway").starts_with("_INBOX_gateway."));
    }
}
