//! Values derived for others than the envelope: component signatures, key checks and pseudonyms.

use hkdf::Hkdf;
use sha2::Sha256;
use zeroize::Zeroizing;

use crate::derive::{Purpose, derive};
use crate::{Error, Keyring};

impl Keyring {
    /// Derives the key that signs component ids (CMD-11).
    ///
    /// # Errors
    /// `UnknownVersion`.
    pub fn component_key(&self, version: u32) -> Result<Zeroizing<[u8; 32]>, Error> {
        Ok(derive(self.master(version)?, Purpose::ComponentId))
    }

    /// Derives the value by which a later start recognises a wrong master key (SEC-37). It may be
    /// stored in the open: it cannot be turned back into any key.
    ///
    /// # Errors
    /// `UnknownVersion`.
    pub fn check_value(&self, version: u32) -> Result<[u8; 32], Error> {
        Ok(*derive(self.master(version)?, Purpose::Check))
    }

    /// Makes a number of an id (HMAC-SHA-256, its first 64 bits): the same for the same id, and without
    /// the master key nobody finds the one by the other. Another current version makes other numbers.
    ///
    /// # Errors
    /// `UnknownVersion`.
    pub fn pseudonym(&self, id: u64) -> Result<u64, Error> {
        let key = derive(self.master(self.current_version())?, Purpose::Pseudonym);
        let (mac, _) = Hkdf::<Sha256>::extract(Some(key.as_slice()), &id.to_le_bytes());
        let first: [u8; 8] = std::array::from_fn(|at| mac.get(at).copied().unwrap_or_default());
        Ok(u64::from_le_bytes(first))
    }
}
