//! Adding a tool server: its name is free, there is room, and its token is sealed.

use keyring::{Cell, Keyring, TOOL_SERVER_TOKEN};
use proto::id::TenantId;
use secrecy::{ExposeSecret, SecretString};
use sqlx::PgConnection;
use tokio::time::timeout;

use super::ToolServerId;
use crate::pool::scope::Opened;
use crate::seal::last_characters;
use crate::sealed::{KEY_FORM, column_version};
use crate::{Error, Store};

/// A tool server to be added. No `Debug`: it holds a token.
#[derive(Clone, Copy)]
pub struct NewToolServer<'a> {
    /// The tenant.
    pub tenant: TenantId,
    /// What it is called, 1 to 32 characters.
    pub name: &'a str,
    /// Its address, which was judged.
    pub url: &'a str,
    /// Its token, if it wants one.
    pub token: Option<&'a SecretString>,
    /// The most that the tenant may have.
    pub most: u32,
}

/// What became of a tool server that was to be added.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Added {
    /// It is there.
    Done(ToolServerId),
    /// Another one has this name.
    NameTaken,
    /// There are as many as there may be.
    Full,
    /// The tenant was never set up.
    NotSetUp,
}

impl Store {
    /// Adds a tool server. Dropping it midway leaves nothing behind.
    ///
    /// # Errors
    /// `Keyring` for a token that is empty or too long; `Conflict` for a name or an address that is
    /// too long; `Unavailable`.
    pub async fn add_tool_server(
        &self,
        keyring: &Keyring,
        new: NewToolServer<'_>,
    ) -> Result<Added, Error> {
        let mut opened = self.pool.tenant(new.tenant).open().await?;
        let deadline = opened.deadline();
        let done = timeout(deadline, add(&mut opened, keyring, new)).await;
        opened.settle(done)
    }
}

async fn add(
    opened: &mut Opened,
    keyring: &Keyring,
    new: NewToolServer<'_>,
) -> Result<Added, Error> {
    let mut transaction = opened.begin().await?;
    // Locked, so that two people who add one count each other's.
    let server = sqlx::query_scalar!(
        "SELECT server_id FROM servers WHERE server_disc_id = $1 AND is_dm_channel = $2 FOR UPDATE",
        new.tenant.disc_id().to_string(),
        new.tenant.is_direct(),
    )
    .fetch_optional(&mut *transaction)
    .await?;
    let Some(server) = server else {
        return Ok(Added::NotSetUp);
    };
    let there = sqlx::query!(
        r#"SELECT count(*) AS "count!", COALESCE(bool_or(lower(name) = lower($2)), false) AS "taken!"
           FROM guild_mcp_servers WHERE server_id = $1"#,
        server,
        new.name,
    )
    .fetch_one(&mut *transaction)
    .await?;
    if there.taken {
        return Ok(Added::NameTaken);
    }
    if there.count >= i64::from(new.most) {
        return Ok(Added::Full);
    }
    let id = insert(&mut transaction, keyring, new, server).await?;
    transaction.commit().await?;
    Ok(Added::Done(id))
}

async fn insert(
    connection: &mut PgConnection,
    keyring: &Keyring,
    new: NewToolServer<'_>,
    server: i64,
) -> Result<ToolServerId, Error> {
    let id = sqlx::query_scalar!(
        r#"SELECT nextval(pg_get_serial_sequence('guild_mcp_servers', 'guild_mcp_id')) AS "id!""#
    )
    .fetch_one(&mut *connection)
    .await?;
    let cell = Cell {
        column: TOOL_SERVER_TOKEN,
        row_key: id.to_string(),
        tenant: new.tenant.disc_id().to_string(),
    };
    let sealed = new.token.map(|token| keyring.seal(&cell, token));
    let sealed = sealed.transpose()?;
    let version = sealed.as_ref().map(|sealed| column_version(sealed.version));
    sqlx::query!(
        "INSERT INTO guild_mcp_servers
             (guild_mcp_id, server_id, name, url, key_last4, key_version, key_form, auth_token)
         OVERRIDING SYSTEM VALUE
         VALUES ($1, $2, $3, $4, $5, $6, $7,
                 pgp_sym_encrypt_bytea($8, $9, 'cipher-algo=aes256, compress-algo=0, s2k-mode=1'))",
        id,
        server,
        new.name,
        new.url,
        new.token.and_then(last_characters),
        version.transpose()?,
        sealed.is_some().then_some(KEY_FORM),
        sealed.as_ref().map(|sealed| &sealed.envelope[..]),
        sealed
            .as_ref()
            .map(|sealed| sealed.passphrase.expose_secret()),
    )
    .execute(connection)
    .await?;
    Ok(ToolServerId(id))
}
