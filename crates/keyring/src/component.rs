//! Values derived for others than the envelope: component signatures and key checks.

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
}
