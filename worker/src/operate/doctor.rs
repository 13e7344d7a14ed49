//! `worker doctor`: looks at everything that a worker needs and says what to mend (SEC-53).
//!
//! It changes nothing, and one thing that is wrong does not keep it from looking at the others.

mod broker;
mod database;
mod discord;
mod files;

use std::fmt;

use keyring::Keyring;
use proto::id::GuildId;
use runtime::settings::report::{Effective, SettingsError};
use secrecy::ExposeSecret as _;
use serde::Serialize;

use crate::config::Settings;

/// How good something is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// As it should be.
    Ok,
    /// It works; somebody should know.
    Warn,
    /// A worker would not start, or a promise would not hold.
    Fail,
}

/// What was looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Area {
    /// All settings of a worker, secrets included.
    Settings,
    /// Who may read the files that hold secrets.
    Files,
    /// The master keys.
    MasterKeys,
    /// PostgreSQL.
    Database,
    /// NATS and its JetStream.
    Broker,
    /// The application at Discord.
    Discord,
}

impl Area {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Settings => "settings",
            Self::Files => "files",
            Self::MasterKeys => "master keys",
            Self::Database => "database",
            Self::Broker => "broker",
            Self::Discord => "discord",
        }
    }
}

/// One thing that was found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    level: Level,
    area: Area,
    /// What is so; never a secret.
    says: String,
    /// What to do about it; nothing where all is well.
    mend: Option<String>,
}

/// Everything that was found, in the order in which a worker starts. Displayed as one line for each,
/// and one below it that says what to do.
#[derive(Debug, Serialize)]
pub struct Report {
    findings: Vec<Finding>,
}

impl Report {
    /// Tells whether a worker would start and keep its promises.
    pub fn is_good(&self) -> bool {
        self.findings
            .iter()
            .all(|finding| finding.level != Level::Fail)
    }

    fn ok(&mut self, area: Area, says: impl Into<String>) {
        self.findings.push(Finding {
            level: Level::Ok,
            area,
            says: says.into(),
            mend: None,
        });
    }

    fn warn(&mut self, area: Area, says: impl Into<String>, mend: impl Into<String>) {
        self.wrong(Level::Warn, area, says.into(), mend.into());
    }

    fn fail(&mut self, area: Area, says: impl Into<String>, mend: impl Into<String>) {
        self.wrong(Level::Fail, area, says.into(), mend.into());
    }

    fn wrong(&mut self, level: Level, area: Area, says: String, mend: String) {
        self.findings.push(Finding {
            level,
            area,
            says,
            mend: Some(mend),
        });
    }

    /// What is not looked at, because its settings are not there.
    fn skip(&mut self, area: Area) {
        let says = "not looked at: its settings are not complete";
        self.warn(area, says, "mend the settings first");
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for finding in &self.findings {
            let level = match finding.level {
                Level::Ok => "ok",
                Level::Warn => "warn",
                Level::Fail => "fail",
            };
            writeln!(
                f,
                "{level:<5} {:<12} {}",
                finding.area.as_str(),
                finding.says
            )?;
            if let Some(mend) = &finding.mend {
                writeln!(f, "{:<18} -> {mend}", "")?;
            }
        }
        let count = |level| {
            self.findings
                .iter()
                .filter(|found| found.level == level)
                .count()
        };
        let (fails, warnings) = (count(Level::Fail), count(Level::Warn));
        write!(f, "{fails} to mend, {warnings} to know")
    }
}

/// Looks at everything. `read` is what came of reading `settings`: what could not be read stands
/// there as a placeholder, and what needs it is not looked at. `guild` is where commands are
/// registered, if not everywhere.
pub async fn examine(
    settings: &Settings,
    read: Result<Effective, SettingsError>,
    guild: Option<GuildId>,
) -> Report {
    let mut report = Report {
        findings: Vec::new(),
    };
    let wrong = judge_settings(&read, &mut report);
    if let Ok(effective) = &read {
        files::look(effective, &mut report);
    }
    let keyring = master_keys(settings, &mut report);
    let is_known = |beginnings: &[&str]| {
        let concerns = |name: &String| beginnings.iter().any(|start| name.starts_with(start));
        !wrong.iter().any(concerns)
    };
    if is_known(&["POSTGRES_"]) && !settings.store.host.is_empty() {
        database::look(&settings.store, keyring.as_ref(), &mut report).await;
    } else {
        report.skip(Area::Database);
    }
    if is_known(&["NATS_", "EVENT_"]) {
        broker::look(&settings.nats, &mut report).await;
    } else {
        report.skip(Area::Broker);
    }
    if is_known(&["DISCORD_"]) && !settings.discord.token.expose_secret().is_empty() {
        discord::look(&settings.discord, guild, &mut report).await;
    } else {
        report.skip(Area::Discord);
    }
    report
}

/// Tells every problem and every warning; returns the names of settings that are wrong.
fn judge_settings(read: &Result<Effective, SettingsError>, report: &mut Report) -> Vec<String> {
    let area = Area::Settings;
    let problems = match read {
        Ok(effective) => {
            let count = effective.settings.len();
            report.ok(area, format!("all {count} can be used"));
            for warning in &effective.warnings {
                report.warn(area, warning, "docs/config.md");
            }
            return Vec::new();
        }
        Err(error) => &error.problems,
    };
    for problem in problems {
        report.fail(
            area,
            format!("{} {}", problem.name, problem.wrong),
            &problem.fix,
        );
    }
    problems
        .iter()
        .map(|problem| problem.name.clone())
        .collect()
}

fn master_keys(settings: &Settings, report: &mut Report) -> Option<Keyring> {
    let keys = &settings.keys;
    if keys.by_version.is_empty() {
        report.skip(Area::MasterKeys);
        return None;
    }
    match Keyring::new(keys.by_version.clone(), keys.current) {
        Ok(keyring) => {
            let count = keyring.versions().len();
            let current = keyring.current_version();
            let versions = if count == 1 { "version" } else { "versions" };
            report.ok(
                Area::MasterKeys,
                format!("{count} {versions}; new secrets are sealed with version {current}"),
            );
            Some(keyring)
        }
        Err(error) => {
            let mend = "correct CRYPTO_SECRET_V<n> and CRYPTO_SECRET_CURRENT (docs/security.md)";
            report.fail(Area::MasterKeys, error.to_string(), mend);
            None
        }
    }
}

/// An error and what led to it, in one line.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text.replace(['\n', '\r'], " ")
}

#[cfg(test)]
mod tests;
