//! The envelope: XChaCha20-Poly1305 over the padded plaintext, bound to its cell (SEC-30).
//!
//! Layout: one byte format (1), 24 bytes nonce, ciphertext with tag. The padded plaintext is four
//! bytes length (big endian), the plaintext, zeros up to the next multiple of 64 bytes, so the
//! stored size tells little about a key. Associated data: format, version, table, column, row
//! key and tenant, each with its length in front, so no two cells share an encoding.

use std::fmt;

use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use secrecy::{ExposeSecret, SecretString};
use zeroize::Zeroizing;

use crate::derive::{Purpose, derive};
use crate::inventory::EncryptedColumn;
use crate::{Error, Keyring};

/// The only format so far; the first byte of an envelope.
const FORMAT: u8 = 1;
/// Bytes of the nonce: long enough to be drawn at random for ever.
const NONCE_BYTES: usize = 24;
/// Plaintexts are padded to multiples of this.
const PADDING_STEP_BYTES: usize = 64;
/// Bytes of the length in front of the plaintext.
const LENGTH_BYTES: usize = 4;
/// 16 KiB: the longest tokens in use (signed web tokens with many claims) are about 8 KiB.
const LONGEST_PLAINTEXT_BYTES: usize = 16 * 1024;

/// Where a ciphertext belongs. It opens nowhere else.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cell {
    /// Table and column.
    pub column: EncryptedColumn,
    /// The primary key of the row, as text.
    pub row_key: String,
    /// The tenant that owns the row: Discord's id of the server or, for direct messages, user.
    pub tenant: String,
}

/// A sealed plaintext with all the database needs to apply its own layer.
pub struct Sealed {
    /// The envelope: what pgcrypto encrypts.
    pub envelope: Zeroizing<Vec<u8>>,
    /// The passphrase for pgcrypto.
    pub passphrase: SecretString,
    /// The version of the master key, for the column `key_version`.
    pub version: u32,
}

impl fmt::Debug for Sealed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sealed")
            .field("version", &self.version)
            .finish_non_exhaustive()
    }
}

impl Keyring {
    /// Seals a plaintext, without the white space around it, for one cell with the current key.
    ///
    /// # Errors
    /// `EmptyPlaintext`, `TooLong`, `Randomness`.
    pub fn seal(&self, cell: &Cell, plaintext: &SecretString) -> Result<Sealed, Error> {
        let version = self.current_version();
        let padded = pad(cell, plaintext.expose_secret().trim().as_bytes())?;
        let mut nonce = [0_u8; NONCE_BYTES];
        getrandom::fill(&mut nonce).map_err(Error::Randomness)?;
        let ciphertext = self
            .cipher(version)?
            .encrypt(
                &XNonce::from(nonce),
                Payload {
                    msg: &padded,
                    aad: &associated_data(cell, version),
                },
            )
            .map_err(|chacha20poly1305::Error| Error::NotOpened {
                column: cell.column,
            })?;
        let mut envelope = Zeroizing::new(Vec::with_capacity(1 + NONCE_BYTES + ciphertext.len()));
        envelope.push(FORMAT);
        envelope.extend_from_slice(&nonce);
        envelope.extend_from_slice(&ciphertext);
        Ok(Sealed {
            envelope,
            passphrase: self.passphrase(version)?,
            version,
        })
    }

    /// Derives the passphrase under which pgcrypto keeps envelopes of that version.
    ///
    /// # Errors
    /// `UnknownVersion`.
    pub fn passphrase(&self, version: u32) -> Result<SecretString, Error> {
        use base64::Engine as _;
        let key = derive(self.master(version)?, Purpose::Passphrase);
        Ok(base64::engine::general_purpose::STANDARD_NO_PAD
            .encode(key.as_slice())
            .into())
    }

    /// Returns the passphrase of values that other installations wrote without an envelope: the
    /// master key itself. It is for reading them once, before they are sealed anew.
    ///
    /// # Errors
    /// `UnknownVersion`.
    pub fn plain_passphrase(&self, version: u32) -> Result<SecretString, Error> {
        self.master(version).cloned()
    }

    /// Opens the envelope that was sealed for this cell with the key of that version.
    ///
    /// # Errors
    /// `UnknownVersion`; `NotOpened` when it is damaged, of another cell or of another key.
    pub fn open(&self, cell: &Cell, version: u32, envelope: &[u8]) -> Result<SecretString, Error> {
        let cipher = self.cipher(version)?;
        let not_opened = || Error::NotOpened {
            column: cell.column,
        };
        let (&format, rest) = envelope.split_first().ok_or_else(not_opened)?;
        let (nonce, ciphertext) = rest
            .split_first_chunk::<NONCE_BYTES>()
            .ok_or_else(not_opened)?;
        if format != FORMAT {
            return Err(not_opened());
        }
        let padded = cipher
            .decrypt(
                &XNonce::from(*nonce),
                Payload {
                    msg: ciphertext,
                    aad: &associated_data(cell, version),
                },
            )
            .map(Zeroizing::new)
            .map_err(|chacha20poly1305::Error| not_opened())?;
        unpad(&padded).ok_or_else(not_opened)
    }

    fn cipher(&self, version: u32) -> Result<XChaCha20Poly1305, Error> {
        let key = derive(self.master(version)?, Purpose::Envelope);
        Ok(XChaCha20Poly1305::new((&*key).into()))
    }
}

fn pad(cell: &Cell, plaintext: &[u8]) -> Result<Zeroizing<Vec<u8>>, Error> {
    if plaintext.is_empty() {
        return Err(Error::EmptyPlaintext {
            column: cell.column,
        });
    }
    let too_long = || Error::TooLong {
        column: cell.column,
        limit: LONGEST_PLAINTEXT_BYTES,
    };
    if plaintext.len() > LONGEST_PLAINTEXT_BYTES {
        return Err(too_long());
    }
    let Ok(length) = u32::try_from(plaintext.len()) else {
        return Err(too_long());
    };
    let padded_bytes = (LENGTH_BYTES + plaintext.len()).next_multiple_of(PADDING_STEP_BYTES);
    // The full size at once: growing would leave copies of the plaintext behind.
    let mut padded = Zeroizing::new(Vec::with_capacity(padded_bytes));
    padded.extend_from_slice(&length.to_be_bytes());
    padded.extend_from_slice(plaintext);
    padded.resize(padded_bytes, 0);
    Ok(padded)
}

fn unpad(padded: &[u8]) -> Option<SecretString> {
    let (length, rest) = padded.split_first_chunk::<LENGTH_BYTES>()?;
    let length = usize::try_from(u32::from_be_bytes(*length)).ok()?;
    let plaintext = std::str::from_utf8(rest.get(..length)?).ok()?;
    Some(plaintext.into())
}

fn associated_data(cell: &Cell, version: u32) -> Vec<u8> {
    let mut data = vec![FORMAT];
    data.extend_from_slice(&version.to_be_bytes());
    for part in [
        cell.column.table,
        cell.column.column,
        &cell.row_key,
        &cell.tenant,
    ] {
        // Lengths of names and ids are far below 2^32.
        data.extend_from_slice(&u32::try_from(part.len()).unwrap_or(u32::MAX).to_be_bytes());
        data.extend_from_slice(part.as_bytes());
    }
    data
}
