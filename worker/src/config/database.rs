//! How the database is reached: settings of workers and of operator commands.

use std::path::PathBuf;
use std::time::Duration;

use runtime::settings::sections::RunSettings;
use runtime::settings::{Reader, spec};
use store::{NotARole, RoleName, Tls};

/// Statements of operator commands may take this long (SEC-58).
const OPERATOR_STATEMENT_TIMEOUT: Duration = Duration::from_mins(10);

/// Reads the database's settings for an operator command, whose statements may take longer.
pub fn read_operator_store(reader: &mut Reader, run: &RunSettings) -> store::Settings {
    store::Settings {
        statement_timeout: OPERATOR_STATEMENT_TIMEOUT,
        ..read_store(reader, run)
    }
}

pub(super) fn read_store(reader: &mut Reader, run: &RunSettings) -> store::Settings {
    let host = reader.required_secret_as(
        "POSTGRES_HOST",
        "a host name, an address, or the folder of a Unix socket",
        "database host",
        |text| Ok(text.to_owned()),
    );
    let port =
        reader.required_secret_as("POSTGRES_PORT", "1 to 65535", "database port", parse_port);
    let user = reader.required_secret_as("POSTGRES_USER", "a role", "database role", |t| {
        Ok(t.to_owned())
    });
    let password = reader.required_secret("POSTGRES_PASSWORD", "the role's password");
    let database = reader.required_secret_as("POSTGRES_DB", "a database", "database name", |t| {
        Ok(t.to_owned())
    });
    let host = host.unwrap_or_default();
    let (tls, ca_cert_path) = read_tls(reader, run, &host);
    let app_role = read_app_role(reader);
    let pool_max = reader.integer(
        "POSTGRES_POOL_MAX",
        20,
        2..=200,
        "connections of one worker",
    );
    let meaning = "the longest statement, in milliseconds";
    let statement_timeout =
        reader.duration_ms("POSTGRES_STATEMENT_TIMEOUT_MS", 5000, 100..=60_000, meaning);
    store::Settings {
        host,
        port: port.unwrap_or_default(),
        user: user.unwrap_or_default(),
        password,
        database: database.unwrap_or_default(),
        tls,
        ca_cert_path,
        app_role,
        pool_max: u32::try_from(pool_max).unwrap_or(20),
        statement_timeout,
    }
}

fn read_app_role(reader: &mut Reader) -> RoleName {
    let range = "up to 63 lower-case letters, digits and underscores";
    let meaning = "database role as which statements are run; `worker migrate` makes it";
    let default = Some(RoleName::DEFAULT.to_owned());
    let read = reader.parsed(spec("POSTGRES_APP_ROLE", default, range, meaning), |text| {
        text.parse().map_err(|wrong: NotARole| wrong.to_string())
    });
    read.unwrap_or_default()
}

fn parse_port(text: &str) -> Result<u16, String> {
    text.parse()
        .ok()
        .filter(|port| *port != 0)
        .ok_or_else(|| "is not a port".to_owned())
}

fn read_tls(reader: &mut Reader, run: &RunSettings, host: &str) -> (Tls, Option<PathBuf>) {
    let is_local = matches!(host, "localhost" | "127.0.0.1" | "::1") || host.starts_with('/');
    let must_verify = run.is_production() && !run.test_production && !is_local;
    let modes = [
        ("disable", Tls::Disable),
        ("prefer", Tls::Prefer),
        ("require", Tls::Require),
        ("verify-full", Tls::VerifyFull),
    ];
    let default = if must_verify {
        Tls::VerifyFull
    } else {
        Tls::Prefer
    };
    let tls = reader.one_of(
        "POSTGRES_TLS",
        default,
        &modes,
        "encryption of the connection",
    );
    if must_verify && tls != Tls::VerifyFull {
        reader.problem(
            "POSTGRES_TLS",
            "does not verify the server, in production",
            "use verify-full",
        );
    }
    let meaning = "PEM file of the database's trusted issuers";
    let path = reader
        .optional_text("POSTGRES_CA_CERT_PATH", meaning)
        .map(PathBuf::from);
    if path
        .as_ref()
        .is_some_and(|path| std::fs::File::open(path).is_err())
    {
        reader.problem(
            "POSTGRES_CA_CERT_PATH",
            "cannot be read",
            "name a readable PEM file",
        );
    }
    (tls, path)
}
