//! The groups of settings that both processes read.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use async_nats::ServerAddr;
use secrecy::SecretString;
use tracing::level_filters::LevelFilter;
use url::Url;

use super::{Process, Reader, central, spec};

/// Discord's REST base; version 10 is the newest (reference page, 2026-11).
pub const DISCORD_API_URL: &str = "https://discord.com/api/v10";

/// What kind of installation this is (CFG-7).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RunEnv {
    /// A developer's machine.
    Development,
    /// Automated tests; the only mode that knows test switches.
    Test,
    /// Real users.
    Production,
}

/// The run mode and how strict it is.
#[derive(Clone, Copy, Debug)]
pub struct RunSettings {
    /// The mode.
    pub env: RunEnv,
    /// Production rules, but secrets from the environment (CFG-8).
    pub test_production: bool,
    /// How long running work may take to end after SIGTERM (CFG-14).
    pub drain_timeout: Duration,
}

impl RunSettings {
    /// Reads `RUN_ENV`, `TEST_PRODUCTION`, `DRAIN_TIMEOUT_MS`, and whence secrets come.
    pub fn read(reader: &mut Reader) -> Self {
        let modes = [
            ("development", RunEnv::Development),
            ("test", RunEnv::Test),
            ("production", RunEnv::Production),
        ];
        let env = reader.one_of("RUN_ENV", RunEnv::Development, &modes, "run mode");
        let meaning = "production rules with secrets from the environment";
        let test_production = reader.boolean("TEST_PRODUCTION", false, meaning);
        read_secret_source(reader);
        super::relaxed::check(reader, env);
        let meaning = "time for running work to end after SIGTERM, in milliseconds";
        let drain_timeout = reader.duration_ms("DRAIN_TIMEOUT_MS", 25_000, 0..=600_000, meaning);
        Self {
            env,
            test_production,
            drain_timeout,
        }
    }

    /// Tells whether real users are behind this process.
    pub fn is_production(&self) -> bool {
        self.env == RunEnv::Production
    }
}

/// What the loader of secrets has acted upon already: read here to be checked and shown.
fn read_secret_source(reader: &mut Reader) {
    let meaning = "JSON file that is the only source of secrets";
    reader.optional_text("SECRET_FILE", meaning);
    let meaning = "the secret of AWS Secrets Manager that production reads all secrets from";
    reader.text("SECRETS_ID", central::DEFAULT_ID, meaning);
    let meaning = "region of AWS Secrets Manager";
    reader.text("AWS_REGION", central::DEFAULT_REGION, meaning);
    let meaning = "address of a secret store instead of that of AWS";
    let range = "an address that starts with https://, or http:// in a private network";
    let spec = spec("AWS_ENDPOINT_URL", None, range, meaning);
    reader.parsed(spec, super::parse::secret_store);
}

/// The form of log lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// One JSON object a line.
    Json,
    /// For people.
    Text,
}

/// What is logged and how (CFG-9..11).
#[derive(Clone, Copy, Debug)]
pub struct LogSettings {
    /// The least important level that is shown.
    pub level: LevelFilter,
    /// The form of the lines.
    pub format: LogFormat,
    /// Whether Discord ids are hashed.
    pub id_hash: bool,
}

impl LogSettings {
    /// Reads `LOG_LEVEL`, `LOG_FORMAT`, `LOG_ID_HASH`.
    pub fn read(reader: &mut Reader) -> Self {
        let levels = [
            ("error", LevelFilter::ERROR),
            ("warn", LevelFilter::WARN),
            ("info", LevelFilter::INFO),
            ("debug", LevelFilter::DEBUG),
            ("trace", LevelFilter::TRACE),
        ];
        let formats = [("json", LogFormat::Json), ("text", LogFormat::Text)];
        Self {
            level: reader.one_of(
                "LOG_LEVEL",
                LevelFilter::INFO,
                &levels,
                "least level logged",
            ),
            format: reader.one_of("LOG_FORMAT", LogFormat::Json, &formats, "form of log lines"),
            id_hash: reader.boolean(
                "LOG_ID_HASH",
                true,
                "hash Discord ids in logs, by a key made of the bot's token",
            ),
        }
    }
}

/// The admin port (CFG-12).
#[derive(Clone, Copy, Debug)]
pub struct AdminSettings {
    /// Where `/livez`, `/readyz` and `/metrics` are served.
    pub listen: SocketAddr,
}

impl AdminSettings {
    /// Reads `HTTP_LISTEN`.
    pub fn read(reader: &mut Reader) -> Self {
        let port = match reader.process() {
            Process::Gateway => 3000,
            Process::Worker => 3001,
        };
        let default = SocketAddr::from(([127, 0, 0, 1], port));
        let meaning = "address of /livez, /readyz and /metrics";
        let spec = spec(
            "HTTP_LISTEN",
            Some(default.to_string()),
            "address:port",
            meaning,
        );
        let listen = reader.parsed(spec, |text| {
            text.parse()
                .map_err(|error| format!("is not address:port ({error})"))
        });
        Self {
            listen: listen.unwrap_or(default),
        }
    }
}

/// How we log in to NATS.
#[derive(Clone, Debug)]
pub enum NatsLogin {
    /// Not at all.
    None,
    /// By user and password.
    Password {
        /// The user's name.
        user: String,
        /// Its password.
        password: SecretString,
    },
    /// By token.
    Token(SecretString),
    /// By the seed of an nkey.
    Nkey(SecretString),
    /// By a credentials file.
    CredentialsFile(PathBuf),
}

/// The connection to NATS and the names there (CFG-37..43).
#[derive(Clone, Debug)]
pub struct NatsSettings {
    /// At least one server.
    pub servers: Vec<ServerAddr>,
    /// Beginning of every subject, stream and bucket.
    pub prefix: String,
    /// Number of partitions of the installation.
    pub partitions: u16,
    /// At most one way to log in.
    pub login: NatsLogin,
    /// Own TLS roots.
    pub ca_cert_path: Option<PathBuf>,
}

impl NatsSettings {
    /// Reads every `NATS_*` setting and `EVENT_PARTITIONS`.
    pub fn read(reader: &mut Reader, run: &RunSettings) -> Self {
        let servers = read_servers(reader);
        let ca_cert_path = read_path(reader, "NATS_CA_CERT_PATH", "TLS roots of the NATS servers");
        let meaning = "production only: NATS without TLS to an address that is not loopback";
        let allow_plaintext = reader.boolean("NATS_ALLOW_PLAINTEXT", false, meaning);
        let is_open = |server: &ServerAddr| !server.tls_required() && !is_loopback(server.host());
        let must_be_tls = run.is_production() && !allow_plaintext && ca_cert_path.is_none();
        if must_be_tls && servers.iter().any(is_open) {
            let fix = "use tls:// or set NATS_ALLOW_PLAINTEXT=true";
            reader.problem("NATS_URL", "is not encrypted, in production", fix);
        }
        Self {
            servers,
            prefix: read_prefix(reader),
            partitions: read_partitions(reader),
            login: read_login(reader),
            ca_cert_path,
        }
    }

    /// Returns the servers' addresses for messages; they hold no passwords.
    pub fn shown(&self) -> String {
        let addresses = self
            .servers
            .iter()
            .map(|server| format!("{}:{}", server.host(), server.port()));
        addresses.collect::<Vec<_>>().join(", ")
    }
}

fn read_servers(reader: &mut Reader) -> Vec<ServerAddr> {
    let default = "nats://127.0.0.1:4222";
    let range = "nats://, tls://, ws:// or wss:// addresses, separated by commas, without password";
    let spec = spec("NATS_URL", Some(default.to_owned()), range, "NATS servers");
    let servers = reader.parsed(spec, |text| {
        super::parse::list(text, 16)?
            .iter()
            .map(|item| parse_server(item))
            .collect()
    });
    servers.unwrap_or_else(|| parse_server(default).into_iter().collect())
}

fn parse_server(text: &str) -> Result<ServerAddr, String> {
    let server: ServerAddr = text
        .parse()
        .map_err(|error| format!("is not an address ({error})"))?;
    if server.username().is_some() || server.password().is_some() {
        return Err("contains a login; use NATS_USER and NATS_PASSWORD".to_owned());
    }
    Ok(server)
}

fn is_loopback(host: &str) -> bool {
    let bare = host.trim_matches(['[', ']']);
    host == "localhost"
        || bare
            .parse()
            .is_ok_and(|ip: std::net::IpAddr| ip.is_loopback())
}

fn read_path(reader: &mut Reader, name: &str, meaning: &'static str) -> Option<PathBuf> {
    reader.parsed(spec(name, None, "a readable file", meaning), |text| {
        std::fs::File::open(text)
            .map(|_| PathBuf::from(text))
            .map_err(|error| format!("names a file that cannot be read ({})", error.kind()))
    })
}

fn read_prefix(reader: &mut Reader) -> String {
    let range = "1 to 32 of a-z, 0-9, _ and -";
    let meaning = "beginning of all names on NATS";
    let spec = spec("NATS_PREFIX", Some("tomori".to_owned()), range, meaning);
    let prefix = reader.parsed(spec, |text| {
        let allowed = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_' | b'-');
        let fits = text.len() <= 32 && text.bytes().all(allowed);
        fits.then(|| text.to_owned())
            .ok_or_else(|| "has other signs or is too long".to_owned())
    });
    prefix.unwrap_or_else(|| "tomori".to_owned())
}

fn read_partitions(reader: &mut Reader) -> u16 {
    let meaning = "partitions of the channels; fixed for an installation";
    let partitions = reader.integer("EVENT_PARTITIONS", 64, 1..=1024, meaning);
    u16::try_from(partitions).unwrap_or(64)
}

fn read_login(reader: &mut Reader) -> NatsLogin {
    let user = reader.optional_secret("NATS_USER", "NATS user");
    let password = reader.optional_secret("NATS_PASSWORD", "its password");
    let token = reader.optional_secret("NATS_TOKEN", "NATS token");
    let seed = reader.optional_secret("NATS_NKEY_SEED", "seed of a NATS nkey");
    let file = read_path(reader, "NATS_CREDS_PATH", "NATS credentials file");
    let ways = [
        user.is_some() || password.is_some(),
        token.is_some(),
        seed.is_some(),
        file.is_some(),
    ];
    if ways.into_iter().filter(|used| *used).count() > 1 {
        let wrong = "is one of several NATS logins that are set";
        let fix = "keep only one of NATS_USER, NATS_TOKEN, NATS_NKEY_SEED and NATS_CREDS_PATH";
        reader.problem("NATS login", wrong, fix);
    }
    match (user, password, token, seed, file) {
        (Some(user), Some(password), ..) => {
            use secrecy::ExposeSecret;
            NatsLogin::Password {
                user: user.expose_secret().to_owned(),
                password,
            }
        }
        (Some(_), None, ..) | (None, Some(_), ..) => {
            reader.problem(
                "NATS_USER",
                "and NATS_PASSWORD go together",
                "set both or neither",
            );
            NatsLogin::None
        }
        (_, _, Some(token), ..) => NatsLogin::Token(token),
        (_, _, _, Some(seed), _) => NatsLogin::Nkey(seed),
        (.., Some(file)) => NatsLogin::CredentialsFile(file),
        _ => NatsLogin::None,
    }
}

/// How we reach Discord or what stands in for it (CFG-26, CFG-67, CFG-124, CFG-125).
#[derive(Clone, Debug)]
pub struct DiscordSettings {
    /// The bot's token.
    pub token: SecretString,
    /// A gateway other than the one Discord names.
    pub gateway_url: Option<Url>,
    /// The REST base, without a slash at its end.
    pub api_url: String,
    /// A rate-limit proxy of the operator.
    pub proxy_url: Option<Url>,
    /// Requests a second that this installation allows itself.
    pub global_rps: u32,
}

impl DiscordSettings {
    /// Reads every `DISCORD_*` setting that both processes know.
    pub fn read(reader: &mut Reader, run: &RunSettings) -> Self {
        let token = reader.required_secret("DISCORD_TOKEN", "the bot's token");
        let meaning = "gateway of a Discord-compatible server";
        let gateway_url = reader.optional_url("DISCORD_GATEWAY_URL", &["wss", "ws"], meaning);
        let meaning = "REST base of a Discord-compatible server";
        let api_url = reader.optional_url("DISCORD_API_URL", &["https", "http"], meaning);
        let meaning = "existing REST rate-limit proxy";
        let proxy_url = reader.optional_url("DISCORD_PROXY_URL", &["http", "https"], meaning);
        let meaning = "REST requests a second";
        let rps = reader.integer("DISCORD_GLOBAL_RPS", 45, 1..=1000, meaning);
        let urls = [
            ("DISCORD_GATEWAY_URL", &gateway_url),
            ("DISCORD_API_URL", &api_url),
        ];
        for (name, url) in urls {
            let is_open = url
                .as_ref()
                .is_some_and(|url| matches!(url.scheme(), "ws" | "http"));
            if run.is_production() && is_open {
                reader.problem(
                    name,
                    "is not encrypted, in production",
                    "use wss:// or https://",
                );
            }
        }
        let api_url = api_url.map_or_else(|| DISCORD_API_URL.to_owned(), String::from);
        Self {
            token,
            gateway_url,
            api_url: api_url.trim_end_matches('/').to_owned(),
            proxy_url,
            global_rps: u32::try_from(rps).unwrap_or(45),
        }
    }
}
