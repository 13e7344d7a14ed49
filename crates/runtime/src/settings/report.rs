//! What the reader tells: the effective settings, every problem, and names that look misspelt.

use std::collections::BTreeSet;
use std::fmt::{self, Write as _};

use secrecy::ExposeSecret;

use super::Spec;
use super::source::Value;

/// Where a value came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// The process environment.
    Environment,
    /// `.env` in the working directory.
    DotEnv,
    /// The file of `SECRET_FILE`.
    SecretFile,
    /// AWS Secrets Manager.
    SecretStore,
    /// Nowhere: the default counts, if there is one.
    Unset,
}

impl Origin {
    /// Returns the word that `--print-settings` shows.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Environment => "environment",
            Self::DotEnv => ".env",
            Self::SecretFile => "secret file",
            Self::SecretStore => "secret store",
            Self::Unset => "default",
        }
    }
}

/// What may be shown of a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Shown {
    /// The value itself.
    Plain(String),
    /// A secret that is there.
    SecretSet,
    /// Neither value nor default.
    NotSet,
}

impl fmt::Display for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Plain(text) => f.write_str(text),
            Self::SecretSet => f.write_str("(set)"),
            Self::NotSet => f.write_str("(not set)"),
        }
    }
}

/// One setting as it was read.
#[derive(Clone, Debug)]
pub struct Setting {
    /// The name of the variable.
    pub name: String,
    /// What counts when it is unset.
    pub default: Option<String>,
    /// The allowed values in words or numbers.
    pub range: String,
    /// What it does.
    pub meaning: &'static str,
    /// Whether its value is never shown.
    pub is_secret: bool,
    /// What counts now.
    pub value: Shown,
    /// Where that came from.
    pub origin: Origin,
}

impl Setting {
    pub(super) fn new(spec: Spec, value: Option<&Value>, is_secret: bool) -> Self {
        let shown = match (value, &spec.default) {
            (Some(_), _) if is_secret => Shown::SecretSet,
            (Some(value), _) => Shown::Plain(value.text.expose_secret().trim().to_owned()),
            (None, Some(default)) => Shown::Plain(default.clone()),
            (None, None) => Shown::NotSet,
        };
        Self {
            name: spec.name,
            default: spec.default,
            range: spec.range,
            meaning: spec.meaning,
            is_secret,
            value: shown,
            origin: value.map_or(Origin::Unset, |value| value.origin),
        }
    }
}

/// All settings of a process, checked.
#[derive(Clone, Debug)]
pub struct Effective {
    /// In the order in which they were read.
    pub settings: Vec<Setting>,
    /// Sentences for the log; possibly empty.
    pub warnings: Vec<String>,
}

impl Effective {
    /// Logs what looks like a mistake but does not stop the process.
    pub fn log_warnings(&self) {
        for warning in &self.warnings {
            tracing::warn!("{warning}");
        }
    }

    /// Returns the table of `--print-settings` (CFG-122): name, value, origin, range, meaning.
    pub fn table(&self) -> String {
        let mut table = String::new();
        for setting in &self.settings {
            let Setting {
                name,
                range,
                meaning,
                value,
                origin,
                ..
            } = setting;
            let origin = origin.as_str();
            // Writing to a string cannot fail.
            if writeln!(table, "{name}={value}\n    {origin}; {range}; {meaning}").is_err() {
                break;
            }
        }
        table
    }
}

/// One thing that is wrong with the settings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The variable.
    pub name: String,
    /// What is wrong, reading on after the name; never a value.
    pub wrong: String,
    /// What to do about it.
    pub fix: String,
}

/// Everything that is wrong with the settings.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct SettingsError {
    /// At least one.
    pub problems: Vec<Problem>,
}

impl fmt::Display for SettingsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = self.problems.len();
        let noun = if count == 1 { "problem" } else { "problems" };
        write!(f, "{count} {noun} with the settings:")?;
        for Problem { name, wrong, fix } in &self.problems {
            write!(f, "\n  {name} {wrong}; {fix}")?;
        }
        Ok(())
    }
}

/// Warns of names that nobody reads, with the nearest one that is read (CFG-3).
pub(super) fn misspelt(names: &[String], known: &BTreeSet<String>) -> Vec<String> {
    let unknown = names.iter().filter(|name| !known.contains(*name));
    unknown
        .map(|name| {
            let nearest = known
                .iter()
                .min_by_key(|known| strsim::levenshtein(known, name));
            let hint = nearest
                .map(|known| format!("; did you mean {known}?"))
                .unwrap_or_default();
            format!("the setting {name} is not known{hint}")
        })
        .collect()
}
