//! Keys for one purpose each, derived from a master key by HKDF-SHA-256 (RFC 5869), so that what
//! one use reveals says nothing about another.

use hkdf::Hkdf;
use secrecy::{ExposeSecret, SecretString};
use sha2::Sha256;
use zeroize::Zeroizing;

/// Separates our derivations from those of any other program given the same master key.
const SALT: &[u8] = b"tomoribot/keyring/1";

/// What a derived key is for; the text is the `info` of the derivation and never changes.
#[derive(Clone, Copy)]
pub(crate) enum Purpose {
    /// The AEAD key of envelopes.
    Envelope,
    /// The passphrase handed to pgcrypto.
    Passphrase,
    /// The value that tells a wrong master key from a damaged row.
    Check,
    /// The key that signs component ids (CMD-11).
    ComponentId,
    /// The key that makes numbers of people's ids under which nobody is found.
    Pseudonym,
}

impl Purpose {
    const fn info(self) -> &'static [u8] {
        match self {
            Self::Envelope => b"envelope",
            Self::Passphrase => b"pgcrypto-passphrase",
            Self::Check => b"check-value",
            Self::ComponentId => b"component-id",
            Self::Pseudonym => b"pseudonym",
        }
    }
}

/// Derives the 256-bit key of that purpose.
pub(crate) fn derive(master: &SecretString, purpose: Purpose) -> Zeroizing<[u8; 32]> {
    let mut key = Zeroizing::new([0_u8; 32]);
    let expanded = Hkdf::<Sha256>::new(Some(SALT), master.expose_secret().as_bytes())
        .expand(purpose.info(), key.as_mut_slice());
    debug_assert!(
        expanded.is_ok(),
        "32 bytes are far below the limit of 255 blocks"
    );
    key
}
