//! Values in the columns of the inventory: read, opened, and sealed anew on the way when they were
//! sealed with an older master key or without an envelope (SEC-30, SEC-33). All columns go this way.

use futures_util::TryFutureExt as _;
use keyring::{
    Cell, ENDPOINT_TOKEN, EncryptedColumn, Keyring, POOL_API_KEY, SERVER_API_KEY, SERVICE_API_KEY,
    TOOL_SERVER_TOKEN, USER_API_KEY, WEBHOOK_TOKEN,
};
use proto::id::TenantId;
use secrecy::{ExposeSecret, SecretString};
use sqlx::PgExecutor;

use crate::error::code_of;
use crate::row::Place;
use crate::{Error, Store};

/// pgcrypto of the text under the master key itself, as other installations wrote it.
pub(crate) const PLAIN_FORM: i16 = 1;
/// The form we write: pgcrypto of an envelope.
pub(crate) const KEY_FORM: i16 = 2;
/// PostgreSQL's codes for a wrong passphrase or damaged data in pgcrypto, and for text that is none.
const NOT_DECRYPTED: [&str; 2] = ["39000", "22021"];

/// The statements about one column, made of literals; a test runs every one.
pub(crate) struct Statements {
    pub(crate) column: EncryptedColumn,
    /// One value: by row and the Discord id of its owner.
    one: &'static str,
    /// Values after a row, in order; without those that are as we would write them now when a
    /// version is given.
    pub(crate) page: &'static str,
    /// How many values are not as we would write them now.
    pub(crate) stale: &'static str,
    /// The conditional update (SEC-33).
    reseal: &'static str,
}

/// Joins for tables that a server owns.
macro_rules! of_server {
    ($column:ident, $table:literal, $value:literal, $key:literal) => {
        statements!(
            $column,
            $table,
            $value,
            $key,
            "s.server_disc_id",
            " JOIN servers s ON s.server_id = c.server_id"
        )
    };
}

macro_rules! statements {
    ($column:ident, $table:literal, $value:literal, $key:literal, $owner:literal, $join:literal) => {
        Statements {
            column: $column,
            one: concat!(
                "SELECT c.",
                $key,
                " AS id, c.",
                $value,
                " AS ciphertext, c.key_version, c.key_form, ",
                $owner,
                "::text AS owner FROM ",
                $table,
                " c",
                $join,
                " WHERE c.",
                $key,
                " = $1 AND ",
                $owner,
                " = $2::text AND octet_length(c.",
                $value,
                ") > 0"
            ),
            page: concat!(
                "SELECT c.",
                $key,
                " AS id, c.",
                $value,
                " AS ciphertext, c.key_version, c.key_form, ",
                $owner,
                "::text AS owner FROM ",
                $table,
                " c",
                $join,
                " WHERE c.",
                $key,
                " > $1 AND octet_length(c.",
                $value,
                ") > 0
                  AND ($2::integer IS NULL OR c.key_form <> 2
                       OR COALESCE(NULLIF(c.key_version, 0), 1) <> $2)
                  ORDER BY c.",
                $key,
                " LIMIT $3"
            ),
            stale: concat!(
                "SELECT count(*) FROM ",
                $table,
                " c WHERE octet_length(c.",
                $value,
                ") > 0
                  AND (c.key_form <> 2 OR COALESCE(NULLIF(c.key_version, 0), 1) <> $1)"
            ),
            reseal: concat!(
                "UPDATE ",
                $table,
                " SET ",
                $value,
                " = pgp_sym_encrypt_bytea(
                     $2, $3, 'cipher-algo=aes256, compress-algo=0, s2k-mode=1'),
                     key_version = $4, key_form = 2
                 WHERE ",
                $key,
                " = $1 AND ",
                $value,
                " = $5
                   AND key_version IS NOT DISTINCT FROM $6 AND key_form = $7"
            ),
        }
    };
}

/// One for every column of the inventory, in its order.
pub(crate) const STATEMENTS: [Statements; 7] = [
    of_server!(
        SERVER_API_KEY,
        "server_model_configs",
        "api_key",
        "server_id"
    ),
    of_server!(SERVICE_API_KEY, "opt_api_keys", "api_key", "opt_api_key_id"),
    of_server!(
        POOL_API_KEY,
        "api_key_rotation",
        "api_key",
        "rotation_key_id"
    ),
    statements!(
        USER_API_KEY,
        "user_provider_keys",
        "api_key",
        "user_provider_key_id",
        "u.user_disc_id",
        " JOIN users u ON u.user_id = c.user_id"
    ),
    statements!(
        ENDPOINT_TOKEN,
        "custom_endpoints",
        "auth_token",
        "endpoint_id",
        "COALESCE(s.server_disc_id, u.user_disc_id)",
        " LEFT JOIN servers s ON s.server_id = c.server_id LEFT JOIN users u ON u.user_id = c.user_id"
    ),
    of_server!(
        TOOL_SERVER_TOKEN,
        "guild_mcp_servers",
        "auth_token",
        "guild_mcp_id"
    ),
    of_server!(
        WEBHOOK_TOKEN,
        "discord_managed_webhooks",
        "webhook_token",
        "managed_webhook_id"
    ),
];

/// A value as it is stored. No `Debug`: it holds a ciphertext.
#[derive(sqlx::FromRow)]
pub(crate) struct Stored {
    pub(crate) id: i64,
    pub(crate) ciphertext: Vec<u8>,
    #[sqlx(rename = "key_version")]
    pub(crate) stored_version: Option<i32>,
    #[sqlx(rename = "key_form")]
    pub(crate) form: i16,
    /// The Discord id of the server or user.
    pub(crate) owner: String,
}

/// Why a value does not open.
pub(crate) enum Unopened {
    /// This process lacks the version, or the database is away.
    Other(Error),
    /// pgcrypto did not open its layer: another master key, or damaged.
    Outer,
    /// The envelope did not open: damaged or moved.
    Inner,
}

impl Store {
    /// Returns the value of a row that belongs to this owner, `None` when there is no such row or
    /// value. One that was sealed with an older master key, or without an envelope, is sealed anew
    /// on the way (SEC-33). The owner of a user's rows is the user as a direct tenant.
    ///
    /// # Errors
    /// `Corrupt` when it does not open; `Keyring` when this process lacks its version;
    /// `Unavailable`.
    pub async fn secret(
        &self,
        keyring: &Keyring,
        column: EncryptedColumn,
        row: i64,
        owner: TenantId,
    ) -> Result<Option<SecretString>, Error> {
        let statements = statements_of(column)?;
        let stored: Option<Stored> = sqlx::query_as(statements.one)
            .bind(row)
            .bind(owner.disc_id().to_string())
            .fetch_optional(self.pool.tenant(owner))
            .await?;
        match stored {
            None => Ok(None),
            Some(stored) => self
                .open_and_renew(keyring, column, owner, &stored)
                .await
                .map(Some),
        }
    }

    /// Opens a value, and seals it anew when it is not as we would write it now.
    pub(crate) async fn open_and_renew(
        &self,
        keyring: &Keyring,
        column: EncryptedColumn,
        owner: TenantId,
        stored: &Stored,
    ) -> Result<SecretString, Error> {
        let plaintext = match self.open(keyring, column, stored).await {
            Ok(plaintext) => plaintext,
            Err(unopened) => return Err(told(keyring, column, stored, unopened)),
        };
        if stored.form != KEY_FORM || stored.version(column)? != keyring.current_version() {
            // The plaintext stays valid for this call whatever becomes of the update.
            let scope = self.pool.tenant(owner);
            let renewed = reseal(scope, keyring, column, stored, &plaintext).await;
            if let Err(error) = renewed {
                tracing::warn!(%column, row = stored.id, %error, "not sealed with the current key");
            }
        }
        Ok(plaintext)
    }

    /// Opens a value as it is.
    pub(crate) async fn open(
        &self,
        keyring: &Keyring,
        column: EncryptedColumn,
        stored: &Stored,
    ) -> Result<SecretString, Unopened> {
        let version = stored.version(column).map_err(Unopened::Other)?;
        match stored.form {
            KEY_FORM => {
                self.open_envelope(keyring, &stored.cell(column), version, stored)
                    .await
            }
            PLAIN_FORM => self.open_plain(keyring, version, stored).await,
            _ => Err(Unopened::Inner),
        }
    }

    async fn open_envelope(
        &self,
        keyring: &Keyring,
        cell: &Cell,
        version: u32,
        stored: &Stored,
    ) -> Result<SecretString, Unopened> {
        let passphrase = keyring.passphrase(version).map_err(unopened)?;
        let envelope = sqlx::query_scalar!(
            r#"SELECT pgp_sym_decrypt_bytea($1, $2) AS "envelope!""#,
            stored.ciphertext,
            passphrase.expose_secret(),
        )
        .fetch_one(self.pool.shared())
        .map_err(not_decrypted)
        .await?;
        keyring.open(cell, version, &envelope).map_err(unopened)
    }

    async fn open_plain(
        &self,
        keyring: &Keyring,
        version: u32,
        stored: &Stored,
    ) -> Result<SecretString, Unopened> {
        let passphrase = keyring.plain_passphrase(version).map_err(unopened)?;
        let text = sqlx::query_scalar!(
            r#"SELECT pgp_sym_decrypt($1, $2) AS "text!""#,
            stored.ciphertext,
            passphrase.expose_secret(),
        )
        .fetch_one(self.pool.shared())
        .map_err(not_decrypted)
        .await?;
        Ok(SecretString::from(text))
    }
}

/// Seals a value with the current key, unless somebody changed it since it was read: then the
/// answer is `false` and nothing is changed.
pub(crate) async fn reseal(
    executor: impl PgExecutor<'_>,
    keyring: &Keyring,
    column: EncryptedColumn,
    stored: &Stored,
    plaintext: &SecretString,
) -> Result<bool, Error> {
    let sealed = keyring.seal(&stored.cell(column), plaintext)?;
    let done = sqlx::query(statements_of(column)?.reseal)
        .bind(stored.id)
        .bind(&sealed.envelope[..])
        .bind(sealed.passphrase.expose_secret())
        .bind(column_version(sealed.version)?)
        .bind(&stored.ciphertext)
        .bind(stored.stored_version)
        .bind(stored.form)
        .execute(executor)
        .await?;
    Ok(done.rows_affected() == 1)
}

impl Stored {
    /// Rows from before versions existed are of version 1 (SEC-29).
    pub(crate) fn version(&self, column: EncryptedColumn) -> Result<u32, Error> {
        let version = self.stored_version.filter(|&version| version != 0);
        self.place(column).narrow(version.unwrap_or(1))
    }

    fn cell(&self, column: EncryptedColumn) -> Cell {
        Cell {
            column,
            row_key: self.id.to_string(),
            tenant: self.owner.clone(),
        }
    }

    fn place(&self, column: EncryptedColumn) -> Place<'_> {
        Place {
            table: column.table,
            column: column.column,
            row: &self.id,
        }
    }
}

/// Logs why a value does not open, for the operator, and returns what the caller can act upon.
fn told(keyring: &Keyring, column: EncryptedColumn, stored: &Stored, why: Unopened) -> Error {
    let error = match why {
        Unopened::Other(error) => error,
        Unopened::Outer | Unopened::Inner => stored.place(column).corrupt(),
    };
    if !error.is_unavailable() {
        let (row, version, available) = (stored.id, stored.stored_version, keyring.versions());
        tracing::error!(%column, row, version, ?available, "a sealed value does not open");
    }
    error
}

fn unopened(error: keyring::Error) -> Unopened {
    match error {
        keyring::Error::NotOpened { .. } => Unopened::Inner,
        other => Unopened::Other(other.into()),
    }
}

fn not_decrypted(error: sqlx::Error) -> Unopened {
    if code_of(&error).is_some_and(|code| NOT_DECRYPTED.contains(&&*code)) {
        return Unopened::Outer;
    }
    Unopened::Other(error.into())
}

fn statements_of(column: EncryptedColumn) -> Result<&'static Statements, Error> {
    const { &STATEMENTS }
        .iter()
        .find(|statements| statements.column == column)
        .ok_or(Error::Invalid("the column is not in the inventory"))
}

/// The version as `key_version` holds it.
pub(crate) fn column_version(version: u32) -> Result<i32, Error> {
    i32::try_from(version)
        .ok()
        .ok_or_else(|| keyring::Error::VersionRange { version }.into())
}
