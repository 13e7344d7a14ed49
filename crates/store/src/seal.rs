//! Sealed columns: the envelope of `keyring` inside pgcrypto (SEC-30), and the check that the
//! master keys are those this database was filled with. One function per column writes it.

use keyring::{Cell, Keyring, SERVER_API_KEY, Sealed};
use proto::id::TenantId;
use secrecy::{ExposeSecret, SecretString};
use sqlx::PgConnection;

use crate::error::code_of;
use crate::row::Place;
use crate::{Error, ServerId, Store};

/// The form we write: pgcrypto of an envelope.
const KEY_FORM: i16 = 2;
/// PostgreSQL's code for a wrong passphrase or damaged data in pgcrypto.
const EXTERNAL_ROUTINE_EXCEPTION: &str = "39000";
/// Shorter keys show no part of themselves (SEC-23).
const SHORTEST_WITH_FINGERPRINT: usize = 12;
/// Characters of a key that may be shown.
const FINGERPRINT_CHARACTERS: usize = 4;

impl Store {
    /// Compares the master keys with the check values of this database; the first process with a
    /// version stores its check value.
    ///
    /// # Errors
    /// `WrongMasterKey`, `Unavailable`.
    pub async fn check_keyring(&self, keyring: &Keyring) -> Result<(), Error> {
        for version in keyring.versions() {
            let expected = keyring.check_value(version)?;
            // The update changes nothing; without it a second process would get no row back.
            let stored = sqlx::query_scalar!(
                "INSERT INTO crypto_keys AS k (version, check_value) VALUES ($1, $2)
                 ON CONFLICT (version) DO UPDATE SET version = k.version
                 RETURNING check_value",
                column_version(version)?,
                &expected[..],
            )
            .fetch_one(&self.pool)
            .await?;
            if stored != expected {
                return Err(Error::WrongMasterKey { version });
            }
        }
        Ok(())
    }

    /// Returns the tenant's main provider key, `None` when there is none. A key that was sealed
    /// with an older master key is sealed anew on the way (SEC-33).
    ///
    /// # Errors
    /// `Corrupt` when it does not open; `Keyring` when this process lacks its version;
    /// `Unavailable`.
    pub async fn main_key(
        &self,
        keyring: &Keyring,
        tenant: TenantId,
    ) -> Result<Option<SecretString>, Error> {
        let row = sqlx::query!(
            r#"SELECT m.server_id, m.api_key AS "api_key!", m.key_version, m.key_form AS "form!"
               FROM servers s JOIN server_model_configs m ON m.server_id = s.server_id
               WHERE s.server_disc_id = $1 AND s.is_dm_channel = $2
                 AND octet_length(m.api_key) > 0"#,
            tenant.disc_id().to_string(),
            tenant.is_direct(),
        )
        .fetch_optional(&self.pool)
        .await?;
        let Some(row) = row else { return Ok(None) };
        let stored = Stored {
            cell: main_key_cell(ServerId(row.server_id), tenant),
            ciphertext: row.api_key,
            version: row.key_version,
            form: row.form,
        };
        let plaintext = self.open(keyring, &stored).await?;
        if stored.version()? != keyring.current_version() {
            self.reseal_main_key(keyring, ServerId(row.server_id), &stored, &plaintext)
                .await;
        }
        Ok(Some(plaintext))
    }

    async fn open(&self, keyring: &Keyring, stored: &Stored) -> Result<SecretString, Error> {
        let version = stored.version()?;
        if stored.form != KEY_FORM {
            return Err(stored.corrupt());
        }
        let passphrase = keyring.passphrase(version)?;
        let envelope = sqlx::query_scalar!(
            r#"SELECT pgp_sym_decrypt_bytea($1, $2) AS "envelope!""#,
            stored.ciphertext,
            passphrase.expose_secret(),
        )
        .fetch_one(&self.pool)
        .await
        .map_err(|error| stored.not_decrypted(error))?;
        keyring
            .open(&stored.cell, version, &envelope)
            .map_err(|error| match error {
                keyring::Error::NotOpened { .. } => stored.corrupt(),
                other => other.into(),
            })
    }

    /// Seals a key with the current version, unless somebody changed the row meanwhile. The
    /// plaintext stays valid for this call, so a failure is logged and nothing more.
    async fn reseal_main_key(
        &self,
        keyring: &Keyring,
        server: ServerId,
        stored: &Stored,
        plaintext: &SecretString,
    ) {
        let resealed = self
            .try_reseal_main_key(keyring, server, stored, plaintext)
            .await;
        if let Err(error) = resealed {
            tracing::warn!(column = %SERVER_API_KEY, %error, "not sealed with the current key");
        }
    }

    /// `false`: somebody changed the row since it was read.
    async fn try_reseal_main_key(
        &self,
        keyring: &Keyring,
        server: ServerId,
        stored: &Stored,
        plaintext: &SecretString,
    ) -> Result<bool, Error> {
        let sealed = keyring.seal(&stored.cell, plaintext)?;
        let done = sqlx::query!(
            "UPDATE server_model_configs
             SET api_key = pgp_sym_encrypt_bytea(
                     $2, $3, 'cipher-algo=aes256, compress-algo=0, s2k-mode=1'),
                 key_version = $4, key_form = $5
             WHERE server_id = $1 AND api_key = $6
               AND key_version IS NOT DISTINCT FROM $7 AND key_form = $8",
            server.0,
            &sealed.envelope[..],
            sealed.passphrase.expose_secret(),
            column_version(sealed.version)?,
            KEY_FORM,
            stored.ciphertext,
            stored.version,
            stored.form,
        )
        .execute(&self.pool)
        .await?;
        Ok(done.rows_affected() == 1)
    }
}

/// Stores the tenant's main key and its model; forgets what was known about the key before.
pub(crate) async fn write_main_key(
    connection: &mut PgConnection,
    keyring: &Keyring,
    key: &MainKey<'_>,
) -> Result<(), Error> {
    let sealed: Sealed = keyring.seal(&main_key_cell(key.server, key.tenant), key.plaintext)?;
    sqlx::query!(
        "INSERT INTO server_model_configs
             (server_id, provider, text_model, key_last4, key_version, key_form, api_key)
         VALUES ($1, $2::text, jsonb_build_object('provider', $2::text, 'model', $3::text), $4,
                 $5, $6,
                 pgp_sym_encrypt_bytea($7, $8, 'cipher-algo=aes256, compress-algo=0, s2k-mode=1'))
         ON CONFLICT (server_id) DO UPDATE
         SET provider = excluded.provider, text_model = excluded.text_model,
             key_last4 = excluded.key_last4, key_version = excluded.key_version,
             key_form = excluded.key_form, api_key = excluded.api_key,
             main_key_auth_failures = 0, main_key_disabled_at = NULL",
        key.server.0,
        key.provider,
        key.model,
        last_characters(key.plaintext),
        column_version(sealed.version)?,
        KEY_FORM,
        &sealed.envelope[..],
        sealed.passphrase.expose_secret(),
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// A main key to be stored.
pub(crate) struct MainKey<'a> {
    pub(crate) server: ServerId,
    pub(crate) tenant: TenantId,
    pub(crate) provider: &'a str,
    pub(crate) model: &'a str,
    pub(crate) plaintext: &'a SecretString,
}

/// A sealed value as it was read. No `Debug`: it holds a ciphertext.
struct Stored {
    cell: Cell,
    ciphertext: Vec<u8>,
    version: Option<i32>,
    form: i16,
}

impl Stored {
    /// Rows from before versions existed are of version 1 (SEC-29).
    fn version(&self) -> Result<u32, Error> {
        let version = self.version.filter(|&version| version != 0).unwrap_or(1);
        self.place().narrow(version)
    }

    fn place(&self) -> Place<'_> {
        Place {
            table: self.cell.column.table,
            column: self.cell.column.column,
            row: &self.cell.row_key,
        }
    }

    fn corrupt(&self) -> Error {
        self.place().corrupt()
    }

    fn not_decrypted(&self, error: sqlx::Error) -> Error {
        if code_of(&error).is_some_and(|code| code == EXTERNAL_ROUTINE_EXCEPTION) {
            return self.corrupt();
        }
        error.into()
    }
}

fn main_key_cell(server: ServerId, tenant: TenantId) -> Cell {
    Cell {
        column: SERVER_API_KEY,
        row_key: server.0.to_string(),
        tenant: tenant.disc_id().to_string(),
    }
}

fn column_version(version: u32) -> Result<i32, Error> {
    i32::try_from(version)
        .ok()
        .ok_or_else(|| keyring::Error::VersionRange { version }.into())
}

/// Returns the part of a key that may be shown, `None` for short keys.
fn last_characters(key: &SecretString) -> Option<String> {
    let key = key.expose_secret().trim();
    let count = key.chars().count();
    (count >= SHORTEST_WITH_FINGERPRINT)
        .then(|| key.chars().skip(count - FINGERPRINT_CHARACTERS).collect())
}
