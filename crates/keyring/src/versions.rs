//! The set of master keys and which of them is current (SEC-24 to SEC-29).

use std::collections::BTreeMap;
use std::fmt;

use secrecy::{ExposeSecret, SecretString};

use crate::Error;

/// The highest version: the column `key_version` is a PostgreSQL `integer`.
const HIGHEST_VERSION: u32 = 2_147_483_647;

/// The master keys of this process by version. `Debug` shows versions only.
pub struct Keyring {
    keys: BTreeMap<u32, SecretString>,
    current: u32,
}

impl Keyring {
    /// Takes the master keys, byte for byte, and the version to seal with; without one the
    /// highest is current (SEC-26).
    ///
    /// # Errors
    /// `NoKeys`, `VersionRange`, `EmptyKey`, `CurrentUnavailable`.
    pub fn new(secrets: BTreeMap<u32, SecretString>, current: Option<u32>) -> Result<Self, Error> {
        for (&version, secret) in &secrets {
            if version == 0 || version > HIGHEST_VERSION {
                return Err(Error::VersionRange { version });
            }
            if secret.expose_secret().trim().is_empty() {
                return Err(Error::EmptyKey { version });
            }
        }
        let highest = secrets
            .last_key_value()
            .map(|(&version, _)| version)
            .ok_or(Error::NoKeys)?;
        let current = current.unwrap_or(highest);
        if !secrets.contains_key(&current) {
            let available = secrets.keys().copied().collect();
            return Err(Error::CurrentUnavailable {
                version: current,
                available,
            });
        }
        Ok(Self {
            keys: secrets,
            current,
        })
    }

    /// Returns the version that new values are sealed with.
    pub fn current_version(&self) -> u32 {
        self.current
    }

    /// Returns all versions, ascending, at least one.
    pub fn versions(&self) -> Vec<u32> {
        self.keys.keys().copied().collect()
    }

    /// Tells whether this process holds the master key of that version.
    pub fn has_version(&self, version: u32) -> bool {
        self.keys.contains_key(&version)
    }

    /// Tells whether rotation is possible: more than one version is there (SEC-27).
    pub fn can_rotate(&self) -> bool {
        self.keys.len() > 1
    }

    pub(crate) fn master(&self, version: u32) -> Result<&SecretString, Error> {
        self.keys
            .get(&version)
            .ok_or_else(|| Error::UnknownVersion {
                version,
                available: self.versions(),
            })
    }
}

impl fmt::Debug for Keyring {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Keyring")
            .field("versions", &self.versions())
            .field("current", &self.current)
            .finish_non_exhaustive()
    }
}
