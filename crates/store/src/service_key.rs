//! Keys of optional services that tools use. Like those of providers they are sealed, and changed as
//! they were shown.

use keyring::{Cell, Keyring, SERVICE_API_KEY};
use proto::id::TenantId;
use secrecy::{ExposeSecret, SecretString};
use sqlx::PgConnection;
use tokio::time::timeout;

use crate::pool::scope::Opened;
use crate::seal::last_characters;
use crate::sealed::{KEY_FORM, column_version};
use crate::{Edited, Error, Store};

/// The most services that are read; more than there are.
const MOST_SERVICES: i64 = 25;

/// The row of a service's key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ServiceKeyId(pub i64);

/// A key of a service, without the key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServiceKey {
    /// Its row.
    pub id: ServiceKeyId,
    /// The service's stored name.
    pub service: String,
    /// The last characters of the key, `None` for short ones.
    pub last4: Option<String>,
    /// Names the state in which it was read.
    pub row_version: i32,
}

/// A key to be stored. No `Debug`: it holds the key.
#[derive(Clone, Copy)]
pub struct NewServiceKey<'a> {
    /// The tenant.
    pub tenant: TenantId,
    /// The service's stored name.
    pub service: &'a str,
    /// The key.
    pub key: &'a SecretString,
    /// `row_version` of the key that it replaces, `None` where none was shown.
    pub replaces: Option<i32>,
}

impl Store {
    /// Reads the services that a tenant has a key of; `None` when it was never set up.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn service_keys(&self, tenant: TenantId) -> Result<Option<Vec<ServiceKey>>, Error> {
        let rows = sqlx::query!(
            r#"SELECT k.opt_api_key_id AS "id?", k.service_name AS "service?",
                      k.key_last4 AS "last4?", k.row_version AS "row_version?"
               FROM servers s LEFT JOIN opt_api_keys k ON k.server_id = s.server_id
               WHERE s.server_disc_id = $1 AND s.is_dm_channel = $2
               ORDER BY k.service_name
               LIMIT $3"#,
            tenant.disc_id().to_string(),
            tenant.is_direct(),
            MOST_SERVICES,
        )
        .fetch_all(self.pool.tenant(tenant))
        .await?;
        if rows.is_empty() {
            return Ok(None);
        }
        let keys = rows.into_iter().filter_map(|row| {
            Some(ServiceKey {
                id: ServiceKeyId(row.id?),
                service: row.service?,
                last4: row.last4,
                row_version: row.row_version?,
            })
        });
        Ok(Some(keys.collect()))
    }

    /// Stores a key of a service; `Stale` when the one that was shown is not there any more, or
    /// another one is. Dropping it midway leaves nothing behind.
    ///
    /// # Errors
    /// `Keyring` for a key that is empty or too long; `Conflict` for an unknown service;
    /// `Unavailable`.
    pub async fn set_service_key(
        &self,
        keyring: &Keyring,
        new: NewServiceKey<'_>,
    ) -> Result<Edited, Error> {
        let mut opened = self.pool.tenant(new.tenant).open().await?;
        let deadline = opened.deadline();
        let done = timeout(deadline, set(&mut opened, keyring, new)).await;
        opened.settle(done)
    }

    /// Removes a key of a service as it was shown.
    ///
    /// # Errors
    /// `Unavailable`; repeating it is harmless.
    pub async fn remove_service_key(
        &self,
        tenant: TenantId,
        key: ServiceKeyId,
        row_version: i32,
    ) -> Result<Edited, Error> {
        let done = sqlx::query!(
            "DELETE FROM opt_api_keys k USING servers s
             WHERE s.server_disc_id = $1 AND s.is_dm_channel = $2 AND k.server_id = s.server_id
               AND k.opt_api_key_id = $3 AND k.row_version = $4",
            tenant.disc_id().to_string(),
            tenant.is_direct(),
            key.0,
            row_version,
        )
        .execute(self.pool.tenant(tenant))
        .await?;
        Ok(Edited::of(done.rows_affected()))
    }
}

async fn set(
    opened: &mut Opened,
    keyring: &Keyring,
    new: NewServiceKey<'_>,
) -> Result<Edited, Error> {
    let mut transaction = opened.begin().await?;
    // Locked, so that two people who enter a key see each other's.
    let server = sqlx::query_scalar!(
        "SELECT server_id FROM servers WHERE server_disc_id = $1 AND is_dm_channel = $2 FOR UPDATE",
        new.tenant.disc_id().to_string(),
        new.tenant.is_direct(),
    )
    .fetch_optional(&mut *transaction)
    .await?;
    let Some(server) = server else {
        return Ok(Edited::Stale);
    };
    let stored = sqlx::query!(
        "SELECT opt_api_key_id AS id, row_version FROM opt_api_keys
         WHERE server_id = $1 AND service_name = $2",
        server,
        new.service,
    )
    .fetch_optional(&mut *transaction)
    .await?;
    if stored.as_ref().map(|row| row.row_version) != new.replaces {
        return Ok(Edited::Stale);
    }
    write(
        &mut transaction,
        keyring,
        new,
        server,
        stored.map(|row| row.id),
    )
    .await?;
    transaction.commit().await?;
    Ok(Edited::Done)
}

async fn write(
    connection: &mut PgConnection,
    keyring: &Keyring,
    new: NewServiceKey<'_>,
    server: i64,
    known: Option<i64>,
) -> Result<(), Error> {
    let id = match known {
        Some(id) => id,
        None => sqlx::query_scalar!(
            r#"SELECT nextval(pg_get_serial_sequence('opt_api_keys', 'opt_api_key_id')) AS "id!""#
        )
        .fetch_one(&mut *connection)
        .await?,
    };
    let cell = Cell {
        column: SERVICE_API_KEY,
        row_key: id.to_string(),
        tenant: new.tenant.disc_id().to_string(),
    };
    let sealed = keyring.seal(&cell, new.key)?;
    sqlx::query!(
        "INSERT INTO opt_api_keys
             (opt_api_key_id, server_id, service_name, key_last4, key_version, key_form, api_key)
         OVERRIDING SYSTEM VALUE
         VALUES ($1, $2, $3, $4, $5, $6,
                 pgp_sym_encrypt_bytea($7, $8, 'cipher-algo=aes256, compress-algo=0, s2k-mode=1'))
         ON CONFLICT (opt_api_key_id) DO UPDATE
         SET key_last4 = excluded.key_last4, key_version = excluded.key_version,
             key_form = excluded.key_form, api_key = excluded.api_key",
        id,
        server,
        new.service,
        last_characters(new.key),
        column_version(sealed.version)?,
        KEY_FORM,
        &sealed.envelope[..],
        sealed.passphrase.expose_secret(),
    )
    .execute(connection)
    .await?;
    Ok(())
}
