//! Master keys, the envelope and the inventory of encrypted columns.
//!
//! A secret that rests in the database is sealed here first: the worker encrypts it with a key
//! derived from the master key and bound to the one cell it belongs to, so a ciphertext moved to
//! another row, column or tenant does not open (SEC-30). The second layer, pgcrypto, is applied
//! by the database under a passphrase that is derived here as well: neither a plaintext nor a
//! master key reaches the database, but for values that were written without an envelope and are
//! read once more ([`Keyring::plain_passphrase`]).
//!
//! ```
//! use std::collections::BTreeMap;
//!
//! use keyring::{Cell, Keyring, SERVER_API_KEY};
//! use secrecy::ExposeSecret;
//!
//! # fn main() -> Result<(), keyring::Error> {
//! let master = "a master key of thirty-two characters or more".into();
//! let keyring = Keyring::new(BTreeMap::from([(1, master)]), None)?;
//! let cell = Cell { column: SERVER_API_KEY, row_key: "7".into(), tenant: "42".into() };
//!
//! let sealed = keyring.seal(&cell, &"sk-example".into())?;
//! let opened = keyring.open(&cell, sealed.version, &sealed.envelope)?;
//! assert_eq!(opened.expose_secret(), "sk-example");
//!
//! let elsewhere = Cell { tenant: "43".into(), ..cell };
//! assert!(keyring.open(&elsewhere, sealed.version, &sealed.envelope).is_err());
//! # Ok(())
//! # }
//! ```
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
pub use inventory::{
    ENDPOINT_TOKEN, EncryptedColumn, INVENTORY, POOL_API_KEY, SERVER_API_KEY, SERVICE_API_KEY,
    TOOL_SERVER_TOKEN, USER_API_KEY, WEBHOOK_TOKEN,
};
pub use versions::Keyring;
