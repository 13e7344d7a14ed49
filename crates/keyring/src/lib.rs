//! Master keys, the envelope and the inventory of encrypted columns.
//!
//! A secret that rests in the database is sealed here first: the worker encrypts it with a key
//! derived from the master key and bound to the one cell it belongs to, so a ciphertext moved to
//! another row, column or tenant does not open (SEC-30). The second layer, pgcrypto, is applied
//! by the database under a passphrase that is derived here as well: neither a plaintext nor a
//! master key ever reaches the database.
//!
//! This crate does no I/O, knows no database, and prints no key: every `Debug` is redacted.

mod component;
mod derive;
mod envelope;
mod error;
mod inventory;
mod versions;

pub use envelope::{Cell, Sealed};
pub use error::Error;
pub use inventory::{EncryptedColumn, INVENTORY, SERVER_API_KEY};
pub use versions::Keyring;
