//! Settings: read once, checked completely, every problem told at once (CFG-1).
//!
//! A process asks a [`Reader`] for each setting it knows. The reader never stops at the first
//! mistake: it notes it, hands back a placeholder, and [`Reader::finish`] refuses to go on. It also
//! keeps what it was asked for, which is the manual: `--print-settings` and the docs are made of
//! it. No method shows a secret's value.

mod central;
mod parse;
mod relaxed;
pub mod report;
pub mod sections;
pub mod source;

use std::collections::BTreeSet;
use std::fmt::Display;
use std::ops::RangeInclusive;
use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use url::Url;

use parse::{boolean, in_range, list, url};
use report::{Effective, Problem, Setting, SettingsError};
use source::{Source, Value};

/// Which process reads; decides defaults that differ and whose misspelt names are noticed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Process {
    /// Holds the Discord connection.
    Gateway,
    /// Everything else, operator commands included.
    Worker,
}

impl Process {
    /// The beginnings of names that are surely meant for this process (CFG-3).
    const fn prefixes(self) -> &'static [&'static str] {
        match self {
            Self::Gateway => &["TOMORI_", "NATS_"],
            Self::Worker => &[
                "TOMORI_",
                "CRYPTO_SECRET",
                "MAX_",
                "MEMORY_",
                "KEY_",
                "COOLDOWN_",
                "GUARDS_",
                "NATS_",
                "POSTGRES_",
            ],
        }
    }

    /// Tells whether this process may hold a value of a secret source at all: the gateway needs
    /// neither the database nor the master keys, so it forgets them unread (SEC-10).
    fn may_hold(self, name: &str) -> bool {
        match self {
            Self::Gateway => name == "DISCORD_TOKEN" || name.starts_with("NATS_"),
            Self::Worker => true,
        }
    }
}

/// What a setting is called, may be and means; the fixed part of [`Setting`].
#[derive(Clone, Debug)]
pub struct Spec {
    /// The name of the variable.
    pub name: String,
    /// What counts when it is unset; `None` for settings without one.
    pub default: Option<String>,
    /// The allowed values in words or numbers.
    pub range: String,
    /// What it does, one short sentence.
    pub meaning: &'static str,
}

/// Reads settings one by one and remembers every problem and every answer.
#[derive(Debug)]
pub struct Reader {
    process: Process,
    source: Source,
    settings: Vec<Setting>,
    problems: Vec<Problem>,
    warnings: Vec<String>,
    known: BTreeSet<String>,
    secrets: Vec<SecretString>,
}

impl Reader {
    /// Starts with the problems that the source itself had.
    pub fn new(mut source: Source) -> Self {
        Self {
            process: source.process(),
            problems: source.take_problems(),
            source,
            settings: Vec::new(),
            warnings: Vec::new(),
            known: BTreeSet::new(),
            secrets: Vec::new(),
        }
    }

    /// Tells which process reads.
    pub const fn process(&self) -> Process {
        self.process
    }

    /// Reads a whole number.
    pub fn integer(
        &mut self,
        name: &str,
        default: i64,
        range: RangeInclusive<i64>,
        meaning: &'static str,
    ) -> i64 {
        let spec = number_spec(name, default, &range, meaning);
        self.parsed(spec, |text| in_range(text, &range, "a whole number"))
            .unwrap_or(default)
    }

    /// Reads a whole number of milliseconds.
    pub fn duration_ms(
        &mut self,
        name: &str,
        default_ms: u32,
        range_ms: RangeInclusive<u32>,
        meaning: &'static str,
    ) -> Duration {
        let spec = number_spec(name, default_ms, &range_ms, meaning);
        let read = self.parsed(spec, |text| in_range(text, &range_ms, "whole milliseconds"));
        Duration::from_millis(read.unwrap_or(default_ms).into())
    }

    /// Reads a number with an optional fraction.
    pub fn float(
        &mut self,
        name: &str,
        default: f64,
        range: RangeInclusive<f64>,
        meaning: &'static str,
    ) -> f64 {
        let spec = number_spec(name, default, &range, meaning);
        self.parsed(spec, |text| in_range(text, &range, "a number"))
            .unwrap_or(default)
    }

    /// Reads a switch (CFG-2).
    pub fn boolean(&mut self, name: &str, default: bool, meaning: &'static str) -> bool {
        let spec = spec(name, Some(default.to_string()), "true or false", meaning);
        self.parsed(spec, boolean).unwrap_or(default)
    }

    /// Reads one of a few words; `default` is one of `choices`.
    pub fn one_of<T: Copy + PartialEq>(
        &mut self,
        name: &str,
        default: T,
        choices: &[(&'static str, T)],
        meaning: &'static str,
    ) -> T {
        let words: Vec<_> = choices.iter().map(|(word, _)| *word).collect();
        let shown = choices.iter().find(|(_, choice)| *choice == default);
        let default_word = shown.map(|(word, _)| (*word).to_owned());
        let spec = spec(name, default_word, &words.join(", "), meaning);
        let read = self.parsed(spec, |text| {
            let found = choices.iter().find(|(word, _)| *word == text);
            found
                .map(|(_, choice)| *choice)
                .ok_or_else(|| "is none of the known words".to_owned())
        });
        read.unwrap_or(default)
    }

    /// Reads any text.
    pub fn text(&mut self, name: &str, default: &str, meaning: &'static str) -> String {
        let spec = spec(name, Some(default.to_owned()), "text", meaning);
        self.parsed(spec, |text| Ok(text.to_owned()))
            .unwrap_or_else(|| default.to_owned())
    }

    /// Reads any text that may be absent.
    pub fn optional_text(&mut self, name: &str, meaning: &'static str) -> Option<String> {
        self.parsed(
            spec(name, None, "text", meaning),
            |text| Ok(text.to_owned()),
        )
    }

    /// Reads an address with one of the given schemes, without user or password in it.
    pub fn optional_url(
        &mut self,
        name: &str,
        schemes: &[&str],
        meaning: &'static str,
    ) -> Option<Url> {
        let range = format!("an address that starts with {}://", schemes.join(":// or "));
        self.parsed(spec(name, None, &range, meaning), |text| url(text, schemes))
    }

    /// Reads a list of comma-separated items (CFG-2), at most `max_items` long.
    pub fn list(
        &mut self,
        name: &str,
        default: &[&str],
        max_items: usize,
        meaning: &'static str,
    ) -> Vec<String> {
        let shown = (!default.is_empty()).then(|| default.join(","));
        let spec = spec(name, shown, &format!("at most {max_items} items"), meaning);
        let read = self.parsed(spec, |text| list(text, max_items));
        read.unwrap_or_else(|| default.iter().map(|item| (*item).to_owned()).collect())
    }

    /// Reads a setting with a rule of its own. Returns `None` when it is unset or wrong; `parse`
    /// says what is wrong without repeating the value ("is not …").
    pub fn parsed<T>(
        &mut self,
        spec: Spec,
        parse: impl FnOnce(&str) -> Result<T, String>,
    ) -> Option<T> {
        let value = self.source.plain(&spec.name);
        self.answer(spec, value, false, parse)
    }

    /// Reads a secret that must be there.
    pub fn required_secret(&mut self, name: &str, meaning: &'static str) -> SecretString {
        let read = self.required_secret_as(name, "text", meaning, |text| Ok(text.into()));
        self.secrets.extend(read.clone());
        read.unwrap_or_default()
    }

    /// Reads a value from the secret source that must be there and obey `parse`.
    pub fn required_secret_as<T>(
        &mut self,
        name: &str,
        range: &str,
        meaning: &'static str,
        parse: impl FnOnce(&str) -> Result<T, String>,
    ) -> Option<T> {
        let value = self.source.secret(name);
        if value.is_none() && self.source.has_secrets() {
            self.problem(name, "is missing", self.source.where_secrets_go());
        }
        self.answer(spec(name, None, range, meaning), value, true, parse)
    }

    /// Reads a secret that may be absent.
    pub fn optional_secret(&mut self, name: &str, meaning: &'static str) -> Option<SecretString> {
        let read = self.optional_secret_as(name, "text", meaning, |text| Ok(text.into()));
        self.secrets.extend(read.clone());
        read
    }

    /// Reads a value from the secret source that may be absent and obeys `parse`.
    pub fn optional_secret_as<T>(
        &mut self,
        name: &str,
        range: &str,
        meaning: &'static str,
        parse: impl FnOnce(&str) -> Result<T, String>,
    ) -> Option<T> {
        let value = self.source.secret(name);
        self.answer(spec(name, None, range, meaning), value, true, parse)
    }

    /// Reads a secret that counts byte for byte, white space around it included (SEC-25).
    pub fn exact_secret(&mut self, name: &str, meaning: &'static str) -> Option<SecretString> {
        self.optional_secret(name, meaning)?;
        self.source.secret(name).map(|value| value.text)
    }

    /// Tells whether it is known which secrets there are; otherwise none counts as missing.
    pub fn has_secrets(&self) -> bool {
        self.source.has_secrets()
    }

    /// Returns a plain value as it stands, without noting that it was read.
    fn plain(&self, name: &str) -> Option<String> {
        let value = self.source.plain(name)?;
        Some(value.text.expose_secret().trim().to_owned())
    }

    /// Reads every plain setting whose name starts with `prefix`: what follows it, and the value.
    /// Sorted by name, possibly empty.
    pub fn matching(&mut self, prefix: &str, meaning: &'static str) -> Vec<(String, String)> {
        let mut found = Vec::new();
        for name in self.source.plain_names(prefix) {
            let value = self.source.plain(&name);
            let spec = spec(&name, None, "text", meaning);
            if let Some(text) = self.answer(spec, value, false, |text| Ok(text.to_owned())) {
                found.push((name.trim_start_matches(prefix).to_owned(), text));
            }
        }
        found
    }

    /// Reads every secret whose name starts with `prefix`, byte for byte: what follows it, and the
    /// value. Sorted by name, possibly empty.
    pub fn matching_secrets(
        &mut self,
        prefix: &str,
        meaning: &'static str,
    ) -> Vec<(String, SecretString)> {
        let mut found = Vec::new();
        for name in self.source.secret_names(prefix) {
            if let Some(secret) = self.exact_secret(&name, meaning) {
                found.push((name.trim_start_matches(prefix).to_owned(), secret));
            }
        }
        found
    }

    /// Names a setting that this process does not read and another one does.
    pub fn belongs_elsewhere(&mut self, name: &str) {
        self.known.insert(name.to_owned());
    }

    /// Notes a problem that is found by comparing settings; `wrong` reads on after the name.
    pub fn problem(&mut self, name: &str, wrong: impl Display, fix: impl Display) {
        self.problems.push(Problem {
            name: name.to_owned(),
            wrong: wrong.to_string(),
            fix: fix.to_string(),
        });
    }

    /// Notes what looks like a mistake but does not stop the process; a whole sentence.
    pub fn warn(&mut self, warning: impl Into<String>) {
        self.warnings.push(warning.into());
    }

    /// Ends the reading. The source, secrets included, is forgotten, but for the net under the logs.
    ///
    /// # Errors
    /// All problems that were met, in the order in which settings were read.
    pub fn finish(self) -> Result<Effective, SettingsError> {
        crate::redact::remember(self.secrets);
        if !self.problems.is_empty() {
            return Err(SettingsError {
                problems: self.problems,
            });
        }
        let mut warnings = self.warnings;
        let names = self.source.names_starting_with(self.process.prefixes());
        warnings.extend(report::misspelt(&names, &self.known));
        warnings.extend(self.source.shadowed_secrets(&self.settings));
        Ok(Effective {
            settings: self.settings,
            warnings,
        })
    }

    fn answer<T>(
        &mut self,
        spec: Spec,
        value: Option<Value>,
        is_secret: bool,
        parse: impl FnOnce(&str) -> Result<T, String>,
    ) -> Option<T> {
        self.known.insert(spec.name.clone());
        let read = value
            .as_ref()
            .map(|value| parse(value.text.expose_secret().trim()));
        let read = match read.transpose() {
            Ok(read) => read,
            Err(wrong) => {
                self.problem(&spec.name, wrong, format_args!("allowed: {}", spec.range));
                None
            }
        };
        self.settings
            .push(Setting::new(spec, value.as_ref(), is_secret));
        read
    }
}

/// Describes a setting for [`Reader::parsed`].
pub fn spec(name: &str, default: Option<String>, range: &str, meaning: &'static str) -> Spec {
    Spec {
        name: name.to_owned(),
        default,
        range: range.to_owned(),
        meaning,
    }
}

fn number_spec<T: Display>(
    name: &str,
    default: T,
    range: &RangeInclusive<T>,
    meaning: &'static str,
) -> Spec {
    let range = format!("{} to {}", range.start(), range.end());
    spec(name, Some(default.to_string()), &range, meaning)
}

#[cfg(test)]
mod tests;
