//! What can go wrong with keys and envelopes, by what the caller can do about it.

use crate::inventory::EncryptedColumn;

/// Every failure of this crate. No variant carries a key, a plaintext or a ciphertext.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No master key was given (SEC-27).
    #[error("no master key: set CRYPTO_SECRET or CRYPTO_SECRET_V<n>")]
    NoKeys,
    /// A version is outside 1..=2147483647 (SEC-24).
    #[error("master key version {version} is outside 1..=2147483647")]
    VersionRange {
        /// The version that was given.
        version: u32,
    },
    /// A master key is empty (SEC-24).
    #[error("master key version {version} is empty")]
    EmptyKey {
        /// The version whose key is empty.
        version: u32,
    },
    /// The version chosen as current is not in the set (SEC-26).
    #[error("CRYPTO_SECRET_CURRENT names version {version}, available are {available:?}")]
    CurrentUnavailable {
        /// The version that was chosen.
        version: u32,
        /// The versions there are, ascending.
        available: Vec<u32>,
    },
    /// A version was asked for that this process does not hold (SEC-28).
    #[error(
        "no master key of version {version}, available are {available:?}; run worker audit-keys"
    )]
    UnknownVersion {
        /// The version that was asked for.
        version: u32,
        /// The versions there are, ascending.
        available: Vec<u32>,
    },
    /// A plaintext is empty or white space (SEC-31).
    #[error("an empty value cannot be stored in {column}")]
    EmptyPlaintext {
        /// The column it was meant for.
        column: EncryptedColumn,
    },
    /// A plaintext is longer than an envelope takes.
    #[error("the value for {column} is longer than {limit} bytes")]
    TooLong {
        /// The column it was meant for.
        column: EncryptedColumn,
        /// The longest plaintext.
        limit: usize,
    },
    /// An envelope does not open: damaged, moved from another cell, or of another key.
    #[error("the ciphertext in {column} does not open")]
    NotOpened {
        /// The column it was read from.
        column: EncryptedColumn,
    },
    /// The operating system gave no random bytes.
    #[error("no random bytes from the operating system")]
    Randomness(#[source] getrandom::Error),
}
