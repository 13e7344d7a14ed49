//! Where settings and secrets come from (SEC-1, SEC-2, CFG-4).
//!
//! The only place that reads the process environment; nothing here or elsewhere writes to it.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use secrecy::SecretString;
use serde_json::Value as Json;

use super::report::{Origin, Problem, Setting};

/// A secret file larger than this is no secret file: all our secrets fit into a few kilobytes.
const SECRET_FILE_MAX_BYTES: u64 = 1024 * 1024;

/// One value and where it came from. Everything is treated as a secret until it is known not to be.
#[derive(Clone, Debug)]
pub(super) struct Value {
    pub(super) text: SecretString,
    pub(super) origin: Origin,
}

type Values = BTreeMap<String, Value>;

/// All variables, before anybody knows what they mean.
#[derive(Debug, Default)]
pub struct Source {
    plain: Values,
    /// `None`: secrets are read from the plain values.
    secret: Option<Values>,
    warnings: Vec<String>,
    problems: Vec<Problem>,
}

impl Source {
    /// Reads the process environment, `.env` in the working directory where that is allowed, and
    /// the file of `SECRET_FILE`. What goes wrong is told by [`super::Reader::finish`].
    pub fn load() -> Self {
        let environment = std::env::vars_os()
            .filter_map(|(name, text)| Some((name.into_string().ok()?, text.into_string().ok()?)));
        Self::of(environment, Path::new(".env"))
    }

    /// Takes variables as if they were the process environment; reads no `.env`.
    pub fn from_pairs<N: Into<String>, T: Into<String>>(
        pairs: impl IntoIterator<Item = (N, T)>,
    ) -> Self {
        let pairs = pairs
            .into_iter()
            .map(|(name, text)| (name.into(), text.into()));
        Self::of(pairs, Path::new(""))
    }

    pub(super) fn of(environment: impl Iterator<Item = (String, String)>, dot_env: &Path) -> Self {
        let mut source = Self::default();
        source.add(Origin::Environment, environment);
        let secrets_are_central = source.is_production() && !source.is_test_production();
        if !secrets_are_central {
            source.add_dot_env(dot_env);
        }
        if let Some(path) = source.text("SECRET_FILE").map(str::to_owned) {
            source.read_secret_file(&path);
        } else if secrets_are_central {
            source.secret = Some(Values::new());
            let fix = "mount a JSON file of secrets and name it here";
            source.add_problem("SECRET_FILE", "is required when RUN_ENV is production", fix);
        }
        source
    }

    pub(super) fn plain(&self, name: &str) -> Option<Value> {
        self.plain.get(name).cloned()
    }

    pub(super) fn secret(&self, name: &str) -> Option<Value> {
        self.secret
            .as_ref()
            .unwrap_or(&self.plain)
            .get(name)
            .cloned()
    }

    pub(super) fn plain_names(&self, prefix: &str) -> Vec<String> {
        starting_with(&self.plain, &[prefix])
    }

    pub(super) fn secret_names(&self, prefix: &str) -> Vec<String> {
        starting_with(self.secret.as_ref().unwrap_or(&self.plain), &[prefix])
    }

    pub(super) fn names_starting_with(&self, prefixes: &[&str]) -> Vec<String> {
        starting_with(&self.plain, prefixes)
    }

    pub(super) fn take_problems(&mut self) -> Vec<Problem> {
        std::mem::take(&mut self.problems)
    }

    pub(super) fn warnings(&self) -> &[String] {
        &self.warnings
    }

    pub(super) fn where_secrets_go(&self) -> &'static str {
        if self.secret.is_some() {
            "add it to the file of SECRET_FILE"
        } else {
            "set it in the environment or in .env"
        }
    }

    /// Names the secrets that stand in the environment although another source counts (SEC-7).
    pub(super) fn shadowed_secrets(&self, settings: &[Setting]) -> Option<String> {
        self.secret.as_ref()?;
        let secrets = settings.iter().filter(|setting| setting.is_secret);
        let ignored: Vec<_> = secrets
            .filter(|setting| self.plain.contains_key(&setting.name))
            .map(|setting| setting.name.as_str())
            .collect();
        let names = ignored.join(", ");
        (!ignored.is_empty()).then(|| format!("ignored, because SECRET_FILE is set: {names}"))
    }

    /// Adds values; earlier ones win, and an empty one counts as unset (CFG-1).
    fn add(&mut self, origin: Origin, pairs: impl Iterator<Item = (String, String)>) {
        for (name, text) in pairs {
            let text = text.trim();
            if !text.is_empty() {
                let text = SecretString::from(text);
                self.plain.entry(name).or_insert(Value { text, origin });
            }
        }
    }

    fn add_dot_env(&mut self, path: &Path) {
        if path.as_os_str().is_empty() || !path.exists() {
            return;
        }
        let entries = match dotenvy::from_path_iter(path) {
            Ok(entries) => entries,
            Err(error) => return self.add_problem(".env", format!("cannot be read ({error})"), ""),
        };
        let mut pairs = Vec::new();
        for entry in entries {
            match entry {
                Ok(pair) => pairs.push(pair),
                // The error holds the line, which may hold a secret: only its place is told.
                Err(_line) => {
                    let after = pairs
                        .last()
                        .map_or("the beginning", |(name, _)| name.as_str());
                    let wrong = format!("has a line that is not NAME=value, after {after}");
                    self.add_problem(".env", wrong, "quote values with spaces or signs");
                    break;
                }
            }
        }
        for name in ["RUN_ENV", "TEST_PRODUCTION"] {
            let is_new = !self.plain.contains_key(name);
            let is_production =
                |(key, text): &(String, String)| key == name && text == "production";
            if is_new && pairs.iter().any(is_production) {
                let wrong = "is production in .env, which production does not read";
                self.add_problem(name, wrong, "set it in the process environment");
            }
        }
        self.add(Origin::DotEnv, pairs.into_iter());
    }

    fn read_secret_file(&mut self, path: &str) {
        let mut secrets = Values::new();
        match secret_object(Path::new(path)) {
            Ok(object) => {
                for (name, value) in object {
                    let text = match value {
                        Json::String(text) => text,
                        Json::Number(number) => number.to_string(),
                        _ => {
                            let wrong = format!("holds {name}, which is not text");
                            self.add_problem("SECRET_FILE", wrong, "use JSON strings");
                            continue;
                        }
                    };
                    if !text.trim().is_empty() {
                        let text = SecretString::from(text.trim());
                        secrets.insert(
                            name,
                            Value {
                                text,
                                origin: Origin::SecretFile,
                            },
                        );
                    }
                }
            }
            Err(wrong) => {
                self.add_problem("SECRET_FILE", wrong, "give it a JSON object of strings");
            }
        }
        self.secret = Some(secrets);
    }

    fn text(&self, name: &str) -> Option<&str> {
        use secrecy::ExposeSecret;
        self.plain.get(name).map(|value| value.text.expose_secret())
    }

    fn is_production(&self) -> bool {
        self.text("RUN_ENV") == Some("production")
    }

    fn is_test_production(&self) -> bool {
        self.text("TEST_PRODUCTION")
            .is_some_and(|text| super::parse::boolean(text) == Ok(true))
    }

    fn add_problem(&mut self, name: &str, wrong: impl Into<String>, fix: &str) {
        let problem = Problem {
            name: name.to_owned(),
            wrong: wrong.into(),
            fix: fix.to_owned(),
        };
        self.problems.push(problem);
    }
}

/// Reads the file; says what is wrong with it without showing any of it.
fn secret_object(path: &Path) -> Result<serde_json::Map<String, Json>, String> {
    let size = fs::metadata(path).map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => "names a file that does not exist".to_owned(),
        kind => format!("names a file that cannot be read ({kind})"),
    })?;
    if size.len() > SECRET_FILE_MAX_BYTES {
        return Err("names a file that is far too large".to_owned());
    }
    let text = fs::read_to_string(path)
        .map_err(|error| format!("names a file that cannot be read ({})", error.kind()))?;
    if text.trim().is_empty() {
        return Err("names an empty file".to_owned());
    }
    match serde_json::from_str(&text) {
        Ok(Json::Object(object)) => Ok(object),
        Ok(_) => Err("names a file that holds no JSON object".to_owned()),
        Err(error) => Err(format!(
            "names a file that is not JSON (line {})",
            error.line()
        )),
    }
}

fn starting_with(values: &Values, prefixes: &[&str]) -> Vec<String> {
    let names = values
        .keys()
        .filter(|name| prefixes.iter().any(|prefix| name.starts_with(prefix)));
    names.cloned().collect()
}
