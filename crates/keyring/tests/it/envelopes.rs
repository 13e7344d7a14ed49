//! What an envelope hides, binds and refuses.

use keyring::{EncryptedColumn, Error, SERVER_API_KEY};
use proptest::prelude::*;
use secrecy::{ExposeSecret, SecretString};

use crate::{MASTER, cell, keyring_of};

const PLAINTEXT: &str = "sk-test-0123456789";

#[test]
fn sealed_value_opens_in_its_cell() {
    let keyring = keyring_of(&[(1, MASTER)]);
    let sealed = keyring.seal(&cell("7", "42"), &PLAINTEXT.into()).unwrap();
    let opened = keyring
        .open(&cell("7", "42"), sealed.version, &sealed.envelope)
        .unwrap();
    assert_eq!(opened.expose_secret(), PLAINTEXT);
}

/// SEC-30.
#[test]
fn white_space_around_a_value_is_not_sealed() {
    let keyring = keyring_of(&[(1, MASTER)]);
    let sealed = keyring
        .seal(&cell("7", "42"), &" \tsk-1 \n".into())
        .unwrap();
    let opened = keyring.open(&cell("7", "42"), 1, &sealed.envelope).unwrap();
    assert_eq!(opened.expose_secret(), "sk-1");
}

/// SEC-30.
#[test]
fn envelope_moved_to_another_cell_does_not_open() {
    let keyring = keyring_of(&[(1, MASTER)]);
    let sealed = keyring.seal(&cell("7", "42"), &PLAINTEXT.into()).unwrap();
    let mut other_table = cell("7", "42");
    other_table.column = EncryptedColumn {
        table: "opt_api_keys",
        ..SERVER_API_KEY
    };
    let mut other_column = cell("7", "42");
    other_column.column = EncryptedColumn {
        column: "auth_token",
        ..SERVER_API_KEY
    };
    // The last one has the same characters in a row: only the lengths tell them apart.
    for moved in [
        cell("8", "42"),
        cell("7", "43"),
        other_table,
        other_column,
        cell("74", "2"),
    ] {
        let result = keyring.open(&moved, 1, &sealed.envelope);
        assert!(matches!(result, Err(Error::NotOpened { .. })), "{moved:?}");
    }
}

#[test]
fn envelope_of_another_version_or_master_key_does_not_open() {
    let keyring = keyring_of(&[(1, MASTER), (2, MASTER)]);
    let sealed = keyring.seal(&cell("7", "42"), &PLAINTEXT.into()).unwrap();
    assert_eq!(sealed.version, 2);
    let under_one = keyring.open(&cell("7", "42"), 1, &sealed.envelope);
    assert!(matches!(under_one, Err(Error::NotOpened { .. })));
    let stranger = keyring_of(&[(2, "another master key, as long as the first one")]);
    let by_stranger = stranger.open(&cell("7", "42"), 2, &sealed.envelope);
    assert!(matches!(by_stranger, Err(Error::NotOpened { .. })));
}

#[test]
fn every_flipped_byte_is_detected() {
    let keyring = keyring_of(&[(1, MASTER)]);
    let sealed = keyring.seal(&cell("7", "42"), &PLAINTEXT.into()).unwrap();
    for place in 0..sealed.envelope.len() {
        let mut damaged = sealed.envelope.to_vec();
        damaged[place] ^= 1;
        assert!(
            keyring.open(&cell("7", "42"), 1, &damaged).is_err(),
            "byte {place}"
        );
    }
}

/// SEC-30.
#[test]
fn size_tells_only_the_padded_length() {
    let keyring = keyring_of(&[(1, MASTER)]);
    let size = |length: usize| {
        keyring
            .seal(&cell("7", "42"), &"k".repeat(length).into())
            .unwrap()
            .envelope
            .len()
    };
    assert_eq!(size(1), size(60));
    assert_eq!(size(60) + 64, size(61));
    assert_eq!(size(61), size(124));
}

#[test]
fn same_plaintext_is_sealed_differently_each_time() {
    let keyring = keyring_of(&[(1, MASTER)]);
    let one = keyring.seal(&cell("7", "42"), &PLAINTEXT.into()).unwrap();
    let two = keyring.seal(&cell("7", "42"), &PLAINTEXT.into()).unwrap();
    assert_ne!(*one.envelope, *two.envelope);
}

/// SEC-31.
#[test]
fn empty_and_oversized_values_are_refused() {
    let keyring = keyring_of(&[(1, MASTER)]);
    let empty = keyring.seal(&cell("7", "42"), &" \n".into());
    assert!(matches!(empty, Err(Error::EmptyPlaintext { .. })));
    let huge = keyring.seal(&cell("7", "42"), &"k".repeat(16 * 1024 + 1).into());
    assert!(matches!(huge, Err(Error::TooLong { .. })));
}

/// SEC-19.
#[test]
fn debug_and_errors_show_no_secret() {
    let keyring = keyring_of(&[(1, MASTER)]);
    let sealed = keyring.seal(&cell("7", "42"), &PLAINTEXT.into()).unwrap();
    let error = keyring
        .open(&cell("8", "42"), 1, &sealed.envelope)
        .unwrap_err();
    let shown = format!("{keyring:?} {sealed:?} {error:?} {error}");
    assert!(!shown.contains("master key of"), "{shown}");
    assert!(
        !shown.contains(sealed.passphrase.expose_secret()),
        "{shown}"
    );
    assert!(!shown.contains(PLAINTEXT), "{shown}");
    assert_eq!(format!("{sealed:?}"), "Sealed { version: 1, .. }");
}

/// An envelope of the first release: it opens for ever.
#[test]
fn released_envelope_opens() {
    const RELEASED: &str = concat!(
        "01e8eb7151200e31d37e3c5fc2e89433077fb9ebb40675daa0fd13d0bb301bacec74d965a18e695a",
        "6abe097fdcf89ce711165d3ba5b6eec69562840e7cfcf1fc4be1a2cc70b8b46369e8054c9a555306",
        "fb5ae9582c8ba4d8d634b1a9c4f982ef2dd767766f834f4606",
    );
    let keyring = keyring_of(&[(1, "golden master key, never used in earnest")]);
    let envelope: Vec<u8> = RELEASED
        .as_bytes()
        .chunks(2)
        .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap())
        .collect();
    let opened = keyring.open(&cell("7", "42"), 1, &envelope).unwrap();
    assert_eq!(opened.expose_secret(), PLAINTEXT);
}

proptest! {
    #[test]
    fn any_text_comes_back(text in "\\PC{1,300}") {
        prop_assume!(!text.trim().is_empty());
        let keyring = keyring_of(&[(1, MASTER)]);
        let plaintext = SecretString::from(text.as_str());
        let sealed = keyring.seal(&cell("7", "42"), &plaintext).unwrap();
        let opened = keyring.open(&cell("7", "42"), 1, &sealed.envelope).unwrap();
        prop_assert_eq!(opened.expose_secret(), text.trim());
    }

    #[test]
    fn any_bytes_are_refused_without_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let keyring = keyring_of(&[(1, MASTER)]);
        prop_assert!(keyring.open(&cell("7", "42"), 1, &bytes).is_err());
    }
}
