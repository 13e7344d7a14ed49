//! Which master keys are accepted, and what is derived from them.

use std::collections::BTreeMap;

use keyring::{Error, Keyring};
use secrecy::{ExposeSecret, SecretString};

use crate::{MASTER, keyring_of};

fn secrets(keys: &[(u32, &str)]) -> BTreeMap<u32, SecretString> {
    keys.iter()
        .map(|&(version, key)| (version, key.into()))
        .collect()
}

/// SEC-26, SEC-28.
#[test]
fn highest_version_is_current_unless_another_is_chosen() {
    assert_eq!(
        keyring_of(&[(1, MASTER), (10, MASTER), (2, MASTER)]).current_version(),
        10
    );
    let chosen = Keyring::new(secrets(&[(1, MASTER), (10, MASTER)]), Some(1)).unwrap();
    assert_eq!(chosen.current_version(), 1);
    assert_eq!(chosen.versions(), [1, 10]);
    assert!(chosen.can_rotate());
    assert!(!chosen.has_version(2));
}

/// SEC-24, SEC-26, SEC-27.
#[test]
fn unusable_sets_are_refused() {
    assert!(matches!(
        Keyring::new(BTreeMap::new(), None),
        Err(Error::NoKeys)
    ));
    for version in [0, 2_147_483_648] {
        let result = Keyring::new(secrets(&[(version, MASTER)]), None);
        assert!(matches!(result, Err(Error::VersionRange { .. })));
    }
    let empty = Keyring::new(secrets(&[(1, " ")]), None);
    assert!(matches!(empty, Err(Error::EmptyKey { version: 1 })));
    let unavailable = Keyring::new(secrets(&[(1, MASTER), (3, MASTER)]), Some(2)).unwrap_err();
    assert_eq!(
        unavailable.to_string(),
        "CRYPTO_SECRET_CURRENT names version 2, available are [1, 3]"
    );
}

/// SEC-28.
#[test]
fn unknown_version_names_what_there_is_and_what_to_run() {
    let error = keyring_of(&[(1, MASTER), (3, MASTER)])
        .passphrase(2)
        .unwrap_err();
    let text = error.to_string();
    assert!(
        text.contains("[1, 3]") && text.contains("worker audit-keys"),
        "{text}"
    );
}

#[test]
fn derived_values_are_stable_and_differ_by_purpose_and_key() {
    let keyring = keyring_of(&[
        (1, MASTER),
        (2, "another master key, as long as the first one"),
    ]);
    let check = keyring.check_value(1).unwrap();
    assert_eq!(check, keyring_of(&[(1, MASTER)]).check_value(1).unwrap());
    assert_ne!(check, keyring.check_value(2).unwrap());
    assert_ne!(check, *keyring.component_key(1).unwrap());
    let passphrase = keyring.passphrase(1).unwrap();
    assert_ne!(
        passphrase.expose_secret(),
        keyring.passphrase(2).unwrap().expose_secret()
    );
    assert_eq!(passphrase.expose_secret().len(), 43);
}

#[test]
fn a_pseudonym_is_one_persons_under_one_master_key() {
    let keyring = keyring_of(&[(1, MASTER)]);
    let same = keyring.pseudonym(7).unwrap();
    assert_eq!(same, keyring.pseudonym(7).unwrap());
    assert_ne!(same, keyring.pseudonym(8).unwrap());
    let other = keyring_of(&[(1, "another master key, as long as the first one")]);
    assert_ne!(same, other.pseudonym(7).unwrap());
}

/// Released values: a change here means that no stored key opens any more.
#[test]
fn derivations_never_change() {
    let keyring = keyring_of(&[(1, "golden master key, never used in earnest")]);
    assert_eq!(
        keyring.check_value(1).unwrap(),
        [
            0x97, 0xf8, 0x24, 0xef, 0xd8, 0x68, 0xfb, 0xaa, 0xbb, 0x4a, 0xfa, 0xc3, 0xad, 0x00,
            0xcc, 0xd4, 0x72, 0xae, 0xe7, 0x36, 0x1c, 0x11, 0xd7, 0x22, 0x92, 0x3e, 0x79, 0xa3,
            0x2b, 0x09, 0x93, 0xd6
        ]
    );
    assert_eq!(
        keyring.passphrase(1).unwrap().expose_secret(),
        "92JXvHlJ6PMHfKl8w86Av3riGOH+YGTsfI3tZuvTsfU"
    );
}
