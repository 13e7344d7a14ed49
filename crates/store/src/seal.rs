//! The main key of a tenant, and the check that the master keys are those this database was filled
//! with (SEC-37). One function per column writes it; all are read as `sealed` says.

use keyring::{Cell, Keyring, SERVER_API_KEY, Sealed};
use proto::id::TenantId;
use secrecy::{ExposeSecret, SecretString};
use sqlx::PgConnection;

use crate::sealed::{KEY_FORM, Stored, column_version};
use crate::{Error, ServerId, Store};

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
            .fetch_one(self.pool.shared())
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
        let found = self.stored_main_key(tenant, None).await?;
        self.opened(keyring, tenant, found).await
    }

    /// Returns the tenant's main key when it is one of this provider, like [`Store::main_key`].
    ///
    /// # Errors
    /// Those of [`Store::main_key`].
    pub async fn main_key_of(
        &self,
        keyring: &Keyring,
        tenant: TenantId,
        provider: &str,
    ) -> Result<Option<SecretString>, Error> {
        let found = self.stored_main_key(tenant, Some(provider)).await?;
        self.opened(keyring, tenant, found).await
    }

    async fn opened(
        &self,
        keyring: &Keyring,
        tenant: TenantId,
        found: Option<StoredMainKey>,
    ) -> Result<Option<SecretString>, Error> {
        match found {
            Some(found) => {
                let opening = self.open_and_renew(keyring, SERVER_API_KEY, tenant, &found.sealed);
                opening.await.map(Some)
            }
            None => Ok(None),
        }
    }

    /// Reads the tenant's main key, of any provider or only of this one.
    pub(crate) async fn stored_main_key(
        &self,
        tenant: TenantId,
        provider: Option<&str>,
    ) -> Result<Option<StoredMainKey>, Error> {
        let row = sqlx::query!(
            r#"SELECT m.server_id, m.api_key AS "api_key!", m.key_version, m.key_form AS "form!",
                      m.main_key_generation AS generation,
                      (m.main_key_auth_failures > 0 OR m.main_key_last_error IS NOT NULL)
                          AS "has_failed!",
                      (m.main_key_disabled_at IS NOT NULL) AS "is_refused!"
               FROM servers s JOIN server_model_configs m ON m.server_id = s.server_id
               WHERE s.server_disc_id = $1 AND s.is_dm_channel = $2
                 AND octet_length(m.api_key) > 0 AND ($3::text IS NULL OR m.provider = $3)"#,
            tenant.disc_id().to_string(),
            tenant.is_direct(),
            provider,
        )
        .fetch_optional(self.pool.tenant(tenant))
        .await?;
        Ok(row.map(|row| StoredMainKey {
            sealed: Stored {
                id: row.server_id,
                ciphertext: row.api_key,
                stored_version: row.key_version,
                form: row.form,
                owner: tenant.disc_id().to_string(),
            },
            generation: row.generation,
            has_failed: row.has_failed,
            is_refused: row.is_refused,
        }))
    }
}

/// A main key as it rests, and how it fares.
pub(crate) struct StoredMainKey {
    pub(crate) sealed: Stored,
    pub(crate) generation: i64,
    pub(crate) has_failed: bool,
    pub(crate) is_refused: bool,
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
             main_key_auth_failures = 0, main_key_disabled_at = NULL, main_key_told_at = NULL,
             main_key_last_error = NULL,
             main_key_generation = server_model_configs.main_key_generation + 1",
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

fn main_key_cell(server: ServerId, tenant: TenantId) -> Cell {
    Cell {
        column: SERVER_API_KEY,
        row_key: server.0.to_string(),
        tenant: tenant.disc_id().to_string(),
    }
}

/// Returns the part of a key that may be shown, `None` for short keys.
pub(crate) fn last_characters(key: &SecretString) -> Option<String> {
    let key = key.expose_secret().trim();
    let count = key.chars().count();
    (count >= SHORTEST_WITH_FINGERPRINT)
        .then(|| key.chars().skip(count - FINGERPRINT_CHARACTERS).collect())
}
