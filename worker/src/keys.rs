//! The master keys: how they are set (SEC-24 to SEC-27), which are in use, and how a running worker
//! reads them again (SEC-8).

use std::collections::BTreeMap;
use std::sync::Arc;

use keyring::Keyring;
use runtime::settings::source::Source;
use runtime::settings::{Process, Reader};
use secrecy::{ExposeSecret as _, SecretString};
use tokio::signal::unix::Signal;
use tokio::sync::watch;

use crate::app::App;

/// A random text of this length is beyond guessing (SEC-17).
const SHORTEST_MASTER_KEY: usize = 32;

/// The master keys as they were set.
#[derive(Clone, Debug)]
pub struct MasterKeys {
    /// By version.
    pub by_version: BTreeMap<u32, SecretString>,
    /// The version to seal with; the highest when unset.
    pub current: Option<u32>,
}

/// The master keys that count now. Who has taken a set finishes its work with that set.
#[derive(Debug)]
pub struct Keys(watch::Sender<Arc<Keyring>>);

impl Keys {
    /// Begins with a set that was checked against the database.
    pub fn new(keyring: Keyring) -> Self {
        Self(watch::Sender::new(Arc::new(keyring)))
    }

    /// Returns the set that counts now.
    pub fn get(&self) -> Arc<Keyring> {
        Arc::clone(&self.0.borrow())
    }
}

/// Reads the master keys again at every SIGHUP. A set that cannot be used changes nothing.
pub(crate) async fn reload_on_hangup(app: Arc<App>, mut hangup: Signal) {
    loop {
        tokio::select! {
            () = app.stop.cancelled() => return,
            _ = hangup.recv() => {}
        }
        if let Err(error) = replace(&app).await {
            let error = format!("{error:#}");
            tracing::error!(
                error,
                "the master keys were read again and refused; the old ones stay"
            );
        }
    }
}

async fn replace(app: &App) -> anyhow::Result<()> {
    let keyring = read_again(app).await?;
    let (current, versions) = (keyring.current_version(), keyring.versions());
    app.keys.0.send_replace(Arc::new(keyring));
    tracing::info!(current, ?versions, "the master keys were read again");
    Ok(())
}

async fn read_again(app: &App) -> anyhow::Result<Keyring> {
    let mut reader = Reader::new(Source::load(Process::Worker).await);
    let keys = read_keys(&mut reader);
    reader.finish()?;
    let keyring = Keyring::new(keys.by_version, keys.current)?;
    app.store.check_keyring(&keyring).await?;
    Ok(keyring)
}

/// Reads the master keys of every version (SEC-24 to SEC-27).
pub fn read_keys(reader: &mut Reader) -> MasterKeys {
    let mut by_version = BTreeMap::new();
    let versions = reader.matching_secrets("CRYPTO_SECRET_V", "master key of one version");
    for (number, secret) in versions {
        match parse_version(&number) {
            Some(version) => {
                by_version.insert(version, secret);
            }
            None => reader.problem(
                &format!("CRYPTO_SECRET_V{number}"),
                "is no version of a master key",
                "name it CRYPTO_SECRET_V1, CRYPTO_SECRET_V2 and so on",
            ),
        }
    }
    if let Some(secret) = reader.exact_secret("CRYPTO_SECRET", "master key of version 1") {
        let first = by_version.entry(1).or_insert_with(|| secret.clone());
        if first.expose_secret() != secret.expose_secret() {
            reader.warn("CRYPTO_SECRET_V1 counts and CRYPTO_SECRET, which differs, does not");
        }
    }
    let keys = MasterKeys {
        current: read_current(reader, &by_version),
        by_version,
    };
    judge_keys(reader, &keys);
    keys
}

fn read_current(reader: &mut Reader, keys: &BTreeMap<u32, SecretString>) -> Option<u32> {
    let range = "a version that is set";
    let meaning = "version to seal with; the highest if unset";
    let current = reader.optional_secret_as("CRYPTO_SECRET_CURRENT", range, meaning, |text| {
        parse_version(text).ok_or_else(|| "is no version".to_owned())
    })?;
    if reader.has_secrets() && !keys.contains_key(&current) {
        let wrong = format_args!("names version {current}, which is not set");
        reader.problem("CRYPTO_SECRET_CURRENT", wrong, range);
    }
    Some(current)
}

fn judge_keys(reader: &mut Reader, keys: &MasterKeys) {
    if keys.by_version.is_empty() && reader.has_secrets() {
        let fix = "set a long random text, for instance from `openssl rand -base64 32`";
        reader.problem("CRYPTO_SECRET (or CRYPTO_SECRET_V<n>)", "is missing", fix);
    }
    for (version, key) in &keys.by_version {
        if key.expose_secret().chars().count() < SHORTEST_MASTER_KEY {
            reader.warn(format!(
                "the master key of version {version} is shorter than {SHORTEST_MASTER_KEY} \
                 characters; add a longer one as a new version and rotate"
            ));
        }
    }
    if keys.by_version.len() == 1 {
        reader.warn("there is one master key, so keys cannot be rotated yet (docs/security.md)");
    }
}

fn parse_version(text: &str) -> Option<u32> {
    let is_plain = !text.starts_with(['0', '+', '-']);
    text.parse()
        .ok()
        .filter(|version| is_plain && i32::try_from(*version).is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONG: &str = "a master key of thirty-two letters";
    const OTHER: &str = "another one, and just as long as it";

    fn read(pairs: &[(&str, &str)]) -> (MasterKeys, Reader) {
        let mut reader = Reader::new(Source::from_pairs(Process::Worker, pairs.iter().copied()));
        let keys = read_keys(&mut reader);
        (keys, reader)
    }

    fn refusal(pairs: &[(&str, &str)]) -> String {
        read(pairs).1.finish().unwrap_err().to_string()
    }

    fn warnings(pairs: &[(&str, &str)]) -> Vec<String> {
        read(pairs).1.finish().unwrap().warnings
    }

    /// SEC-24.
    #[test]
    fn a_name_that_is_no_version_is_refused_by_its_name() {
        for name in ["V0", "V01", "V+1", "V-1", "V2147483648", "Vx", "V1a"] {
            let name = format!("CRYPTO_SECRET_{name}");
            let refused = refusal(&[("CRYPTO_SECRET_V1", LONG), (&name, OTHER)]);
            assert!(refused.contains(&name), "{refused}");
            assert!(!refused.contains(OTHER), "{refused}");
        }
        let (keys, _) = read(&[("CRYPTO_SECRET_V2147483647", LONG)]);
        assert_eq!(
            keys.by_version.keys().copied().collect::<Vec<_>>(),
            [2_147_483_647]
        );
    }

    /// SEC-25: and the one that does not count is told of.
    #[test]
    fn the_key_without_a_version_is_the_first_unless_there_is_one() {
        let first = |pairs| read(pairs).0.by_version[&1].expose_secret().to_owned();
        assert_eq!(first(&[("CRYPTO_SECRET", LONG)]), LONG);
        let both = [("CRYPTO_SECRET", OTHER), ("CRYPTO_SECRET_V1", LONG)];
        assert_eq!(first(&both), LONG);
        let told = warnings(&both).concat();
        assert!(told.contains("CRYPTO_SECRET_V1 counts"), "{told}");
        assert!(!told.contains(LONG) && !told.contains(OTHER), "{told}");
    }

    /// SEC-26, CFG-28.
    #[test]
    fn a_current_version_that_is_not_there_is_refused() {
        for current in ["2", "0", "first", "1.0"] {
            let keys = [
                ("CRYPTO_SECRET_V1", LONG),
                ("CRYPTO_SECRET_CURRENT", current),
            ];
            let refused = refusal(&keys);
            assert!(refused.contains("CRYPTO_SECRET_CURRENT"), "{refused}");
        }
    }

    /// SEC-17, SEC-27, CFG-27.
    #[test]
    fn a_short_key_and_a_lone_one_are_told_of() {
        let two = [("CRYPTO_SECRET_V1", LONG), ("CRYPTO_SECRET_V2", OTHER)];
        assert_eq!(warnings(&two), [""; 0]);
        let lone = warnings(&[("CRYPTO_SECRET_V1", LONG)]);
        assert!(lone.concat().contains("cannot be rotated yet"), "{lone:?}");
        let short = warnings(&[("CRYPTO_SECRET_V1", LONG), ("CRYPTO_SECRET_V2", "hunter2")]);
        let told = short.concat();
        assert!(told.contains("version 2 is shorter than 32"), "{told}");
        assert!(!told.contains("hunter2"), "{told}");
        assert!(refusal(&[]).contains("CRYPTO_SECRET (or CRYPTO_SECRET_V<n>)"));
    }
}
