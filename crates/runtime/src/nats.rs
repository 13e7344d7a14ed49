//! The connection to NATS: who we are there, how long we wait, which servers we refuse.
//!
//! Streams and buckets are never created here; `worker migrate` does that.

use std::time::Duration;

use async_nats::jetstream::{self, context::GetStreamErrorKind};
use async_nats::{Client, ConnectError, ConnectErrorKind, ConnectOptions};
use secrecy::ExposeSecret;

use crate::settings::sections::{NatsLogin, NatsSettings};

/// How long a starting process waits for a server that is not there yet.
const PATIENCE: Duration = Duration::from_mins(1);

/// Between two attempts to connect at the start.
const RETRY_EVERY: Duration = Duration::from_secs(1);

/// One attempt to connect, name resolution and TLS included.
const CONNECT_DEADLINE: Duration = Duration::from_secs(5);

/// Half-open connections are noticed within two of these.
const PING_EVERY: Duration = Duration::from_secs(10);

/// Why there is no connection, by what the operator can do.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No server answered for [`PATIENCE`].
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
    #[error("JetStream does not answer about stream {stream}")]
    Unanswered {
        /// The stream's name.
        stream: String,
        /// What the client library said.
        #[source]
        source: jetstream::context::GetStreamError,
    },
}

/// Connects under `name` with an inbox of this process's own (SEC-64), waiting up to a minute for a
/// server, and refuses one older than `oldest`. Afterwards the client reconnects for ever.
///
/// # Errors
/// [`Error::Unreachable`], [`Error::Refused`], [`Error::Credentials`], [`Error::TooOld`],
/// [`Error::NoJetStream`].
pub async fn connect(
    settings: &NatsSettings,
    name: &str,
    oldest: (u16, u16, u16),
) -> Result<Client, Error> {
    let deadline = tokio::time::Instant::now() + PATIENCE;
    let client = loop {
        match options(settings, name)
            .await?
            .connect(settings.servers.as_slice())
            .await
        {
            Ok(client) => break client,
            Err(source) if is_permanent(source.kind()) => {
                return Err(Error::Refused {
                    servers: settings.shown(),
                    source,
                });
            }
            Err(source) if tokio::time::Instant::now() >= deadline => {
                return Err(Error::Unreachable {
                    servers: settings.shown(),
                    source,
                });
            }
            Err(error) => {
                tracing::warn!(servers = settings.shown(), %error, "waiting for NATS");
                tokio::time::sleep(RETRY_EVERY).await;
            }
        }
    };
    check_server(&client, oldest)?;
    Ok(client)
}

/// Refuses a stream that is missing or was made for another number of partitions.
///
/// # Errors
/// [`Error::NoStream`], [`Error::Partitions`], [`Error::Unanswered`].
pub async fn check_stream(
    jetstream: &jetstream::Context,
    stream: &str,
    partitions_key: &str,
    partitions: u16,
) -> Result<(), Error> {
    let found = jetstream
        .get_stream(stream)
        .await
        .map_err(|source| missing(stream, source))?;
    let stored = found.cached_info().config.metadata.get(partitions_key);
    if stored.is_some_and(|stored| *stored == partitions.to_string()) {
        return Ok(());
    }
    Err(Error::Partitions {
        stream: stream.to_owned(),
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

/// One inbox per process: with the shared one, a role could read another's answers.
fn inbox_prefix(name: &str) -> String {
    let mut random = [0_u8; 8];
    // Without randomness from the system nothing works, TLS least of all; the name alone will do.
    if getrandom::fill(&mut random).is_err() {
        tracing::warn!("the system gives no randomness");
    }
    format!("_INBOX_{name}_{:016x}", u64::from_le_bytes(random))
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

fn missing(stream: &str, source: jetstream::context::GetStreamError) -> Error {
    let stream = stream.to_owned();
    match source.kind() {
        GetStreamErrorKind::JetStream(error)
            if error.error_code() == jetstream::ErrorCode::STREAM_NOT_FOUND =>
        {
            Error::NoStream { stream }
        }
        _ => Error::Unanswered { stream, source },
    }
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
    fn every_process_has_its_own_inbox() {
        assert_ne!(inbox_prefix("gateway"), inbox_prefix("gateway"));
        assert!(inbox_prefix("gateway").starts_with("_INBOX_gateway_"));
    }
}
