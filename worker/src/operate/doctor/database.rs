//! PostgreSQL: reached, encrypted, migrated, keeping servers apart, silent about parameters.

use std::time::Duration;

use keyring::Keyring;
use store::{Error, Fence, ServerFacts, Settings, Store};

use super::{Area, Report, chain};
use crate::clock::unix_now_ms;

const AREA: Area = Area::Database;

/// PostgreSQL 15 is the oldest that the schema needs.
const OLDEST_VERSION: i32 = 150_000;

/// Clocks that differ by more confuse whoever compares logs (SEC-53).
const MOST_SKEW: Duration = Duration::from_secs(2);

pub(super) async fn look(settings: &Settings, keyring: Option<&Keyring>, report: &mut Report) {
    let store = match Store::connect(settings).await {
        Ok(store) => store,
        Err(error) => return report.fail(AREA, chain(&error), mend(&error)),
    };
    let asked_at_ms = unix_now_ms();
    match store.server_facts().await {
        Ok(facts) => {
            judge(&facts, is_local(&settings.host), report);
            judge_clock(skew(&facts, asked_at_ms, unix_now_ms()), report);
        }
        Err(error) => report.fail(AREA, chain(&error), mend(&error)),
    }
    look_at_schema(&store, keyring, report).await;
    store.close().await;
}

async fn look_at_schema(store: &Store, keyring: Option<&Keyring>, report: &mut Report) {
    match store.check_schema().await {
        Ok(()) => report.ok(AREA, "the schema is the one of this program"),
        Err(error) => return report.fail(AREA, chain(&error), "run `worker migrate`"),
    }
    match store.fence().await {
        Ok(Fence::Role) => report.ok(AREA, "row-level security binds the workers' own role"),
        Ok(Fence::Owner) => report.warn(
            AREA,
            "row-level security binds the tables' owner, because no role could be made",
            "let POSTGRES_USER create roles, then run `worker migrate`",
        ),
        Ok(Fence::Absent) => report.fail(
            AREA,
            "row-level security does not hold: the database's user is bound by no policy",
            "use a POSTGRES_USER without BYPASSRLS that may create roles, then run `worker migrate`",
        ),
        Err(error) => report.fail(AREA, chain(&error), mend(&error)),
    }
    let Some(keyring) = keyring else { return };
    match store.wrong_versions(keyring).await {
        Ok(wrong) if wrong.is_empty() => {
            report.ok(AREA, "the master keys are those that it was filled with");
        }
        Ok(wrong) => {
            for version in wrong {
                report.fail(
                    AREA,
                    Error::WrongMasterKey { version }.to_string(),
                    format!(
                        "restore CRYPTO_SECRET_V{version}; worker audit-keys tells what it seals"
                    ),
                );
            }
        }
        Err(error) => report.fail(AREA, chain(&error), mend(&error)),
    }
}

fn judge(facts: &ServerFacts, is_local: bool, report: &mut Report) {
    let (major, tls) = (
        facts.version / 10_000,
        if facts.is_encrypted { "TLS" } else { "no TLS" },
    );
    if facts.version < OLDEST_VERSION {
        report.fail(
            AREA,
            format!("PostgreSQL {major} is too old"),
            "upgrade it to 15 or newer",
        );
    } else {
        report.ok(AREA, format!("PostgreSQL {major} answers, {tls}"));
    }
    if !facts.is_encrypted && !is_local {
        report.warn(
            AREA,
            "the connection leaves this machine without TLS",
            "set POSTGRES_TLS=verify-full",
        );
    }
    if !facts.has_pgcrypto {
        report.fail(
            AREA,
            "the extension pgcrypto is missing",
            "run `worker migrate` as a user that may create extensions",
        );
    }
    for name in &facts.parameters_logged_by {
        report.fail(
            AREA,
            format!("{name} makes the server write parameters of statements into its log"),
            "docs/security.md says which settings keep keys out of it",
        );
    }
}

fn judge_clock(skew: Duration, report: &mut Report) {
    let skew_ms = skew.as_millis();
    if skew > MOST_SKEW {
        report.warn(
            AREA,
            format!("its clock and the one here differ by {skew_ms} ms"),
            "let both machines keep time, for instance with chrony",
        );
    } else {
        report.ok(AREA, "its clock agrees with the one here");
    }
}

/// How far the database's clock is from ours at the very least: it looked between question and
/// answer.
fn skew(facts: &ServerFacts, asked_at_ms: u64, answered_at_ms: u64) -> Duration {
    let now_ms = u64::try_from(facts.now.as_millis()).unwrap_or(u64::MAX);
    let behind = asked_at_ms.saturating_sub(now_ms);
    let ahead = now_ms.saturating_sub(answered_at_ms);
    Duration::from_millis(behind.max(ahead))
}

fn is_local(host: &str) -> bool {
    matches!(host, "localhost" | "127.0.0.1" | "::1") || host.starts_with('/')
}

const fn mend(error: &Error) -> &'static str {
    match error {
        Error::Unavailable(_) => "start PostgreSQL, or correct POSTGRES_HOST and POSTGRES_PORT",
        Error::Settings(_) => "correct POSTGRES_TLS and POSTGRES_CA_CERT_PATH",
        _ => "correct POSTGRES_USER, POSTGRES_PASSWORD and POSTGRES_DB, or run `worker migrate`",
    }
}

#[cfg(test)]
mod tests {
    use super::super::Level;
    use super::*;

    fn good() -> ServerFacts {
        ServerFacts {
            version: 150_008,
            is_encrypted: true,
            has_pgcrypto: true,
            parameters_logged_by: Vec::new(),
            now: Duration::from_secs(1000),
        }
    }

    fn levels(facts: &ServerFacts, is_local: bool) -> Vec<Level> {
        let mut report = Report {
            findings: Vec::new(),
        };
        judge(facts, is_local, &mut report);
        report.findings.iter().map(|found| found.level).collect()
    }

    /// SEC-53.
    #[test]
    fn each_fact_that_breaks_a_promise_is_told_by_itself() {
        assert_eq!(levels(&good(), false), [Level::Ok]);
        let old = ServerFacts {
            version: 140_000,
            ..good()
        };
        assert_eq!(levels(&old, false), [Level::Fail]);
        let open = ServerFacts {
            is_encrypted: false,
            ..good()
        };
        assert_eq!(levels(&open, false), [Level::Ok, Level::Warn]);
        assert_eq!(levels(&open, true), [Level::Ok]);
        let bare = ServerFacts {
            has_pgcrypto: false,
            ..good()
        };
        assert_eq!(levels(&bare, false), [Level::Ok, Level::Fail]);
    }

    #[test]
    fn a_clock_is_not_blamed_for_the_way_there_and_back() {
        assert_eq!(skew(&good(), 990_000, 1_001_000), Duration::ZERO);
        let ahead = skew(&good(), 990_000, 991_000);
        assert_eq!(ahead, Duration::from_secs(9));
        let behind = skew(&good(), 1_003_000, 1_004_000);
        assert_eq!(behind, Duration::from_secs(3));
    }
}
