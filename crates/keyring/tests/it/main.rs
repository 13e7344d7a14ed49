//! What holds for envelopes and master keys, seen from outside the crate.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod envelopes;
mod versions;

use std::collections::BTreeMap;

use keyring::{Cell, Keyring, SERVER_API_KEY};
use secrecy::SecretString;

const MASTER: &str = "a master key of more than thirty-two characters";

fn keyring_of(keys: &[(u32, &str)]) -> Keyring {
    let keys: BTreeMap<u32, SecretString> = keys
        .iter()
        .map(|&(version, key)| (version, key.into()))
        .collect();
    Keyring::new(keys, None).unwrap()
}

fn cell(row_key: &str, tenant: &str) -> Cell {
    Cell {
        column: SERVER_API_KEY,
        row_key: row_key.to_owned(),
        tenant: tenant.to_owned(),
    }
}
