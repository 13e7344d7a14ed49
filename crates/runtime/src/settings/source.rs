//! Where settings and secrets come from (SEC-1 to SEC-7, CFG-4).
//!
//! The only place that reads the process environment; nothing here or elsewhere writes to it. All
//! secrets come from one source, the first of these that applies: the file of `SECRET_FILE`; the
//! environment and `.env`, unless this is production; AWS Secrets Manager.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use secrecy::{ExposeSecret as _, SecretString};
use serde_json::Value as Json;

use super::central::{Central, DEFAULT_ID, DEFAULT_REGION};
use super::report::{Origin, Problem, Setting};
use super::{Process, parse};

/// A secret file larger than this is no secret file: all our secrets fit into a few kilobytes.
const SECRET_FILE_MAX_BYTES: u64 = 1024 * 1024;

/// What the names of master keys and of the choice among them begin with (SEC-7).
const MASTER_KEYS: &str = "CRYPTO_SECRET";

/// One value, byte for byte, and where it came from. Everything is treated as a secret until it is
/// known not to be.
#[derive(Clone, Debug)]
pub(super) struct Value {
    pub(super) text: SecretString,
    pub(super) origin: Origin,
}

type Values = BTreeMap<String, Value>;

/// All variables, before anybody knows what they mean.
#[derive(Debug)]
pub struct Source {
    process: Process,
    plain: Values,
    /// `None`: secrets are read from the plain values.
    secret: Option<Values>,
    /// Whether the source of secrets could not be read: then no single one counts as missing.
    is_without_secrets: bool,
    problems: Vec<Problem>,
}

impl Source {
    /// Reads the process environment, `.env` in the working directory where that is allowed, and
    /// the secrets from where they are. What goes wrong is told by [`super::Reader::finish`].
    pub async fn load(process: Process) -> Self {
        let environment = std::env::vars_os()
            .filter_map(|(name, text)| Some((name.into_string().ok()?, text.into_string().ok()?)));
        let mut source = Self::of(process, environment, Path::new(".env"));
        if source.secrets_are_central() {
            source.fetch_secrets().await;
        }
        source
    }

    /// Reads the same but for the secrets, whatever their source: no file and no store is asked for them.
    pub fn without_secrets(process: Process) -> Self {
        let environment = std::env::vars_os()
            .filter_map(|(name, text)| Some((name.into_string().ok()?, text.into_string().ok()?)))
            .filter(|(name, _)| name != "SECRET_FILE");
        Self::of(process, environment, Path::new(".env"))
    }

    /// Takes variables as if they were the process environment; reads no `.env` and asks no secret
    /// store.
    pub fn from_pairs<N: Into<String>, T: Into<String>>(
        process: Process,
        pairs: impl IntoIterator<Item = (N, T)>,
    ) -> Self {
        let pairs = pairs
            .into_iter()
            .map(|(name, text)| (name.into(), text.into()));
        Self::of(process, pairs, Path::new(""))
    }

    pub(super) fn of(
        process: Process,
        environment: impl Iterator<Item = (String, String)>,
        dot_env: &Path,
    ) -> Self {
        let mut source = Self {
            process,
            plain: Values::new(),
            secret: None,
            is_without_secrets: false,
            problems: Vec::new(),
        };
        source.add(Origin::Environment, environment);
        if !source.is_strict() {
            source.add_dot_env(dot_env);
        }
        if let Some(path) = source.text("SECRET_FILE").map(str::to_owned) {
            source.read_secret_file(&path);
        } else if source.is_strict() {
            source.secret = Some(Values::new());
        }
        source
    }

    /// Tells whose variables these are.
    pub(super) const fn process(&self) -> Process {
        self.process
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

    /// Tells whether it is known which secrets there are.
    pub(super) fn has_secrets(&self) -> bool {
        !self.is_without_secrets
    }

    pub(super) fn where_secrets_go(&self) -> &'static str {
        if self.secrets_are_central() {
            "add it to the secret that SECRETS_ID names"
        } else if self.secret.is_some() {
            "add it to the file of SECRET_FILE"
        } else {
            "set it in the environment or in .env"
        }
    }

    /// Names the secrets that stand in the environment although another source counts (SEC-7).
    pub(super) fn shadowed_secrets(&self, settings: &[Setting]) -> Option<String> {
        self.secret.as_ref()?;
        let is_secret = |name: &str| {
            name.starts_with(MASTER_KEYS)
                || settings
                    .iter()
                    .any(|setting| setting.is_secret && setting.name == name)
        };
        let ignored: Vec<_> = self
            .plain
            .keys()
            .map(String::as_str)
            .filter(|name| self.process.may_hold(name) && is_secret(name))
            .collect();
        let names = ignored.join(", ");
        (!ignored.is_empty())
            .then(|| format!("ignored, because secrets come from elsewhere: {names}"))
    }

    /// Adds values; earlier ones win, and an empty one counts as unset (CFG-1).
    fn add(&mut self, origin: Origin, pairs: impl Iterator<Item = (String, String)>) {
        for (name, text) in pairs {
            if !text.trim().is_empty() {
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
        self.secret = Some(Values::new());
        match file_text(Path::new(path)) {
            Ok(text) => self.take_object("SECRET_FILE", "file", Origin::SecretFile, &text),
            Err(wrong) => self.fail("SECRET_FILE", wrong, "give it a JSON object of strings"),
        }
    }

    async fn fetch_secrets(&mut self) {
        let text = |name, default: &str| self.text(name).unwrap_or(default).to_owned();
        let endpoint = self.text("AWS_ENDPOINT_URL").map(str::to_owned);
        if endpoint
            .as_deref()
            .is_some_and(|text| parse::secret_store(text).is_err())
        {
            // The reader of settings tells what is wrong with it.
            self.is_without_secrets = true;
            return;
        }
        let central = Central {
            id: text("SECRETS_ID", DEFAULT_ID),
            region: text("AWS_REGION", DEFAULT_REGION),
            endpoint,
        };
        match central.fetch().await {
            Ok(text) => self.take_object(
                "SECRETS_ID",
                "secret",
                Origin::SecretStore,
                text.expose_secret(),
            ),
            Err(failure) => self.fail("SECRETS_ID", failure.wrong, failure.fix),
        }
    }

    /// Takes the values that this process may hold out of a JSON object (SEC-10).
    fn take_object(&mut self, name: &str, kind: &str, origin: Origin, text: &str) {
        let object = match object(kind, text) {
            Ok(object) => object,
            Err(wrong) => return self.fail(name, wrong, "give it a JSON object of strings"),
        };
        for (key, value) in object {
            let text = match value {
                _ if !self.process.may_hold(&key) => continue,
                Json::String(text) => text,
                Json::Number(number) => number.to_string(),
                _ => {
                    let wrong = format!("holds {key}, which is not text");
                    self.fail(name, wrong, "use JSON strings");
                    continue;
                }
            };
            if !text.trim().is_empty() {
                let text = SecretString::from(text);
                let secrets = self.secret.get_or_insert_default();
                secrets.insert(key, Value { text, origin });
            }
        }
    }

    fn text(&self, name: &str) -> Option<&str> {
        self.plain
            .get(name)
            .map(|value| value.text.expose_secret().trim())
    }

    /// Tells whether the rules of production hold for secrets (SEC-2, SEC-3).
    fn is_strict(&self) -> bool {
        let is_test = |text| parse::boolean(text) == Ok(true);
        self.text("RUN_ENV") == Some("production")
            && !self.text("TEST_PRODUCTION").is_some_and(is_test)
    }

    fn secrets_are_central(&self) -> bool {
        self.is_strict() && self.text("SECRET_FILE").is_none()
    }

    /// Notes that the source of secrets is not what it must be.
    fn fail(&mut self, name: &str, wrong: impl Into<String>, fix: &str) {
        self.is_without_secrets = true;
        self.add_problem(name, wrong, fix);
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
fn file_text(path: &Path) -> Result<String, String> {
    let size = fs::metadata(path).map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => "names a file that does not exist".to_owned(),
        kind => format!("names a file that cannot be read ({kind})"),
    })?;
    if size.len() > SECRET_FILE_MAX_BYTES {
        return Err("names a file that is far too large".to_owned());
    }
    fs::read_to_string(path)
        .map_err(|error| format!("names a file that cannot be read ({})", error.kind()))
}

/// Reads a JSON object; says what is wrong with it without showing any of it.
fn object(kind: &str, text: &str) -> Result<serde_json::Map<String, Json>, String> {
    if text.trim().is_empty() {
        return Err(format!("names an empty {kind}"));
    }
    match serde_json::from_str(text) {
        Ok(Json::Object(object)) => Ok(object),
        Ok(_) => Err(format!("names a {kind} that holds no JSON object")),
        Err(error) => Err(format!(
            "names a {kind} that is not JSON (line {})",
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
