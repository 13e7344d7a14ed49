//! The settings of each process of an installation.
//!
//! Secrets are handed over in a file for each kind of process (`SECRET_FILE`), never in the
//! environment, and the gateway's file holds nothing but the token. `.env` is read here alone: the
//! processes run in another folder, so that a setting cannot reach them by two ways.

use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use anyhow::Context as _;
use serde_json::{Map, Value, json};

use super::secrets::write_private;
use super::{Database, Discord, Installation, State};
use crate::part::Part;

/// Pairs of a name and a value.
pub(super) type Environment = Vec<(String, String)>;

/// Variables of `.env` that are handed over in the secret file.
const HANDED_OVER: [&str; 3] = ["DISCORD_TOKEN", "CRYPTO_SECRET", "DISCORD_WEBHOOK_URL"];
/// Limits of the sandbox's people, who are few and do what a crowd does.
const WIDE: [(&str, &str); 4] = [
    ("MAX_USER_ACTIVE_MESSAGES", "1000"),
    ("MAX_SERVER_ACTIVE_MESSAGES", "1000"),
    ("MAX_CHANNEL_QUEUE", "1000"),
    ("COMMAND_COOLDOWN_SCALE", "0"),
];
/// Variables of `.env` that an installation decides itself.
const OWN: [&str; 5] = [
    "POSTGRES_",
    "NATS_",
    "SECRET_FILE",
    "SECRETS_ID",
    "HTTP_LISTEN",
];

impl Installation {
    /// The variables of `.env` in the checkout; empty when this is not the checkout's own
    /// installation, or there is no such file.
    pub fn dot_env(&self) -> anyhow::Result<Environment> {
        if self.home() != self.root().join(".dev") {
            return Ok(Vec::new());
        }
        match fs::read_to_string(self.root().join(".env")) {
            Ok(text) => Ok(text.lines().filter_map(parse_line).collect()),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(Vec::new()),
            Err(error) => Err(error).context("cannot read .env"),
        }
    }

    /// The settings of a process; writes the file of its secrets and gives it a port if needed.
    pub fn environment(&self, state: &mut State, part: Part) -> anyhow::Result<Environment> {
        let role = if part == Part::Gateway {
            Role::Gateway
        } else {
            Role::Worker
        };
        self.environment_as(state, part, role)
    }

    /// The same for a process that is somebody else at the broker.
    pub(super) fn environment_as(
        &self,
        state: &mut State,
        part: Part,
        role: Role,
    ) -> anyhow::Result<Environment> {
        if part == Part::Sandbox {
            return Ok(vec![(
                "DISCORD_TOKEN".into(),
                self.secrets()?.sandbox_token,
            )]);
        }
        let dot_env = self.dot_env()?;
        let secret_file = self.hand_over_secrets(state, role, &dot_env)?;
        let mut environment: Environment = dot_env
            .into_iter()
            .filter(|(name, _)| !is_secret(name) && !is_own(name))
            .collect();
        let port = match state.port(part) {
            Some(port) => port,
            None => state.assign_port(part)?,
        };
        let mut set = |name: &str, value: String| {
            environment.retain(|(known, _)| known != name);
            environment.push((name.to_owned(), value));
        };
        set("RUN_ENV", "development".into());
        set("HTTP_LISTEN", format!("127.0.0.1:{port}"));
        set("SECRET_FILE", secret_file);
        set("NATS_URL", nats_url(state));
        set("NATS_PREFIX", nats_prefix(state));
        for (name, value) in sandbox_addresses(state, part)? {
            set(name, value);
        }
        if let Some(guard) = guard(state) {
            set(
                "NATS_CA_CERT_PATH",
                guard.join("ca.crt").display().to_string(),
            );
        }
        if matches!(part, Part::Worker(_)) {
            set("WORKER_ID", part.to_string());
        }
        for (name, value) in &state.settings {
            set(name, value.clone());
        }
        Ok(environment)
    }

    fn hand_over_secrets(
        &self,
        state: &State,
        role: Role,
        dot_env: &Environment,
    ) -> anyhow::Result<String> {
        let own = self.secrets()?;
        let mut values = Map::new();
        for (name, value) in dot_env.iter().filter(|(name, _)| is_secret(name)) {
            if name == "DISCORD_TOKEN" || role != Role::Gateway {
                values.insert(name.clone(), json!(value));
            }
        }
        if state.discord == Discord::Sandbox {
            values.insert("DISCORD_TOKEN".into(), json!(own.sandbox_token));
        }
        if role != Role::Gateway {
            if !values.keys().any(|name| name.starts_with("CRYPTO_SECRET")) {
                values.insert("CRYPTO_SECRET_V1".into(), json!(own.master_key));
            }
            values.extend(database_secrets(&self.database(state)?));
        }
        if let Some(guard) = guard(state) {
            values.extend(broker_login(guard, role)?);
        }
        let file = self.home().join(format!("{}-secrets.json", role.as_str()));
        write_private(&file, &Value::Object(values))?;
        Ok(file.display().to_string())
    }

    /// The database of this installation.
    pub fn database(&self, state: &State) -> anyhow::Result<Database> {
        if let Some(given) = &state.given {
            return Ok(given.database.clone());
        }
        Ok(Database {
            host: "127.0.0.1".into(),
            port: state
                .port(Part::Postgres)
                .context("PostgreSQL has no port yet")?,
            user: "tomori".into(),
            password: self.secrets()?.database_password,
            name: "tomori".into(),
        })
    }
}

/// Who a process is at the broker of a deployment (`deploy/nats/roles.conf`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    Gateway,
    Worker,
    /// `worker migrate`.
    Setup,
    /// Other commands of operators.
    Operator,
}

impl Role {
    /// The role of an operator's command.
    pub(super) fn of_command(arguments: &[&str]) -> Self {
        match arguments.first() {
            Some(&"migrate") => Self::Setup,
            _ => Self::Operator,
        }
    }

    const fn as_str(self) -> &'static str {
        match self {
            Self::Gateway => "gateway",
            Self::Worker => "worker",
            Self::Setup => "setup",
            Self::Operator => "operator",
        }
    }
}

/// The login of a role, from the file that `deploy/make-secrets` made for its process.
fn broker_login(guard: &Path, role: Role) -> anyhow::Result<Map<String, Value>> {
    let file = guard.join(format!("{}.json", role.as_str()));
    let bytes = fs::read(&file).with_context(|| format!("cannot read {}", file.display()))?;
    let mut made: Map<String, Value> = serde_json::from_slice(&bytes)?;
    made.retain(|name, _| name.starts_with("NATS_"));
    Ok(made)
}

fn guard(state: &State) -> Option<&Path> {
    state.given.as_ref()?.guard.as_deref()
}

impl State {
    /// The broker's address, and what the names on it begin with.
    pub fn broker(&self) -> (String, String) {
        (nats_url(self), nats_prefix(self))
    }
}

/// Where a process finds what stands in for Discord and for providers.
fn sandbox_addresses(state: &State, part: Part) -> anyhow::Result<Vec<(&'static str, String)>> {
    if state.discord != Discord::Sandbox {
        return Ok(Vec::new());
    }
    let port = state
        .port(Part::Sandbox)
        .context("the sandbox has no port yet")?;
    let mut addresses = vec![
        (
            "DISCORD_API_URL",
            format!("http://127.0.0.1:{port}/api/v10"),
        ),
        (
            "DISCORD_GATEWAY_URL",
            format!("ws://127.0.0.1:{port}/gateway"),
        ),
    ];
    if matches!(part, Part::Worker(_)) {
        let services = format!("http://127.0.0.1:{port}/services/brave-search");
        addresses.extend([
            (
                "PROVIDER_BASE_URL_OPENAI",
                format!("http://127.0.0.1:{port}/model/v1"),
            ),
            ("SERVICE_BASE_URL_BRAVE_SEARCH", services),
            ("ALLOW_LOCAL_ENDPOINTS", "true".into()),
            // A few people set up every server there.
            ("MAX_KEY_CHECKS_PER_DAY", "100000".into()),
        ]);
        // They say and do everything at once, too.
        addresses.extend(WIDE.map(|(limit, wide)| (limit, wide.into())));
    }
    Ok(addresses)
}

fn database_secrets(database: &Database) -> Map<String, Value> {
    let Database {
        host,
        port,
        user,
        password,
        name,
    } = database;
    let pairs = [
        ("POSTGRES_HOST", host.clone()),
        ("POSTGRES_PORT", port.to_string()),
        ("POSTGRES_USER", user.clone()),
        ("POSTGRES_PASSWORD", password.clone()),
        ("POSTGRES_DB", name.clone()),
    ];
    pairs
        .into_iter()
        .map(|(name, value)| (name.to_owned(), json!(value)))
        .collect()
}

fn nats_url(state: &State) -> String {
    match &state.given {
        Some(given) => given.nats_url.clone(),
        None => {
            let ports = state.broker.parts().filter_map(|part| state.port(part));
            let urls: Vec<_> = ports
                .map(|port| format!("nats://127.0.0.1:{port}"))
                .collect();
            urls.join(",")
        }
    }
}

fn nats_prefix(state: &State) -> String {
    state
        .given
        .as_ref()
        .map_or_else(|| "tomori".to_owned(), |given| given.nats_prefix.clone())
}

fn is_secret(name: &str) -> bool {
    HANDED_OVER.iter().any(|secret| name.starts_with(secret))
}

fn is_own(name: &str) -> bool {
    OWN.iter().any(|own| name.starts_with(own))
}

/// `NAME=value`, with or without `export` and quotes; comments and empty values are no variables.
fn parse_line(line: &str) -> Option<(String, String)> {
    let line = line.trim();
    let line = line.strip_prefix("export ").unwrap_or(line);
    let (name, value) = line.split_once('=')?;
    let (name, value) = (name.trim(), value.trim());
    let quoted = ['"', '\''].iter().find_map(|quote| {
        let inner = value.strip_prefix(*quote)?;
        inner.split_once(*quote).map(|(inner, _)| inner)
    });
    let bare = || {
        value
            .split_once(" #")
            .map_or(value, |(value, _)| value.trim_end())
    };
    let value = quoted.unwrap_or_else(bare);
    let is_variable = !name.is_empty() && !name.starts_with('#') && !value.is_empty();
    is_variable.then(|| (name.to_owned(), value.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_read_with_and_without_quotes_and_export() {
        let pair = Some(("A_B".to_owned(), "x y".to_owned()));
        for line in [
            "A_B=x y",
            " A_B = x y ",
            "export A_B='x y'",
            "A_B=\"x y\" # why",
            "A_B=x y # why",
        ] {
            assert_eq!(parse_line(line), pair, "{line}");
        }
    }

    #[test]
    fn comments_and_empty_values_are_no_variables() {
        for line in ["", "# A=b", "A=", "A=\"\"", "no equals sign"] {
            assert_eq!(parse_line(line), None, "{line}");
        }
    }

    #[test]
    fn keys_and_the_choice_among_them_are_handed_over_as_secrets() {
        assert!(is_secret("CRYPTO_SECRET_V2") && is_secret("CRYPTO_SECRET_CURRENT"));
        assert!(is_secret("DISCORD_TOKEN") && !is_secret("LOG_LEVEL"));
    }
}
