//! `/setup`: a tenant comes into being or gets another key, in one transaction (CMD-84).

use std::fmt;

use keyring::Keyring;
use proto::id::{TenantId, UserId};
use secrecy::SecretString;
use sqlx::PgConnection;
use tokio::time::timeout;

use crate::main_key::point_at_main_key;
use crate::pool::scope::Opened;
use crate::seal::{MainKey, write_main_key};
use crate::{Edited, Error, ServerId, Store};

/// What `/setup` stores. `Debug` shows neither the key nor names.
pub struct NewSetup {
    /// The tenant.
    pub tenant: TenantId,
    /// Language, `en-US` or `ja`.
    pub locale: String,
    /// The server's name, where it is known.
    pub display_name: Option<String>,
    /// The provider's stored name.
    pub provider: String,
    /// The model as the provider names it.
    pub model: String,
    /// The provider key.
    pub key: SecretString,
    /// Whether it may take the place of a key that is in use: somebody wants that.
    pub replaces: bool,
    /// Name of the main persona, used when there is none yet.
    pub bot_name: String,
    /// Its trigger words, at most 10.
    pub trigger_words: Vec<String>,
}

impl fmt::Debug for NewSetup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NewSetup")
            .field("tenant", &self.tenant)
            .field("provider", &self.provider)
            .finish_non_exhaustive()
    }
}

/// The direct messages of a person who talks with keys of their own.
#[derive(Clone, Debug)]
pub struct NewDirect {
    /// The person.
    pub user: UserId,
    /// Name of the main persona.
    pub bot_name: String,
    /// Its trigger words, at most 10.
    pub trigger_words: Vec<String>,
}

impl Store {
    /// Makes the direct messages of a person a tenant without a key, where that person's own keys
    /// pay; `Stale` where they do not, or where the tenant is there. Dropping it midway leaves nothing
    /// behind.
    ///
    /// # Errors
    /// `Unavailable`; repeating it is harmless.
    pub async fn set_up_direct(&self, new: NewDirect) -> Result<Edited, Error> {
        let mut opened = self.pool.tenant(TenantId::Direct(new.user)).open().await?;
        let deadline = opened.deadline();
        let done = timeout(deadline, begin_direct(&mut opened, &new)).await;
        opened.settle(done)
    }

    /// Makes the tenant, its settings and its main persona where they are missing, and stores
    /// provider, model and sealed key. Raises the settings version. What was known of the key before
    /// is forgotten, and the new one takes part in the pool of its provider, where there is one;
    /// pools of other providers go on without a main key. Personas that exist and everything else
    /// are kept. `Stale`: there is a key in use, which it may not replace; nothing is changed. Dropping
    /// it midway leaves nothing behind.
    ///
    /// # Errors
    /// `Keyring` for a key that is empty or too long; `Conflict` for a value outside its range;
    /// `Unavailable`.
    pub async fn set_up(&self, keyring: &Keyring, setup: NewSetup) -> Result<Edited, Error> {
        let mut opened = self.pool.tenant(setup.tenant).open().await?;
        // One deadline for all of it: a few rows that nobody else locks for long.
        let deadline = opened.deadline();
        let done = timeout(deadline, in_transaction(&mut opened, keyring, &setup)).await;
        opened.settle(done)
    }
}

async fn in_transaction(
    opened: &mut Opened,
    keyring: &Keyring,
    setup: &NewSetup,
) -> Result<Edited, Error> {
    let mut transaction = opened.begin().await?;
    let server = upsert_server(&mut transaction, setup).await?;
    if !setup.replaces && has_key(&mut transaction, server).await? {
        return Ok(Edited::Stale);
    }
    let key = MainKey {
        server,
        tenant: setup.tenant,
        provider: &setup.provider,
        model: &setup.model,
        plaintext: &setup.key,
    };
    write_main_key(&mut transaction, keyring, &key).await?;
    point_at_main_key(&mut transaction, server, &setup.provider).await?;
    insert_missing(
        &mut transaction,
        server,
        (&setup.bot_name, &setup.trigger_words),
    )
    .await?;
    transaction.commit().await?;
    Ok(Edited::Done)
}

/// Tells whether there is a main key in use; nobody else sets one up meanwhile.
async fn has_key(connection: &mut PgConnection, server: ServerId) -> Result<bool, Error> {
    let found = sqlx::query_scalar!(
        "SELECT server_id FROM server_model_configs
         WHERE server_id = $1 AND octet_length(api_key) > 0 AND main_key_disabled_at IS NULL",
        server.0,
    )
    .fetch_optional(connection)
    .await?;
    Ok(found.is_some())
}

async fn begin_direct(opened: &mut Opened, new: &NewDirect) -> Result<Edited, Error> {
    let mut transaction = opened.begin().await?;
    let server = sqlx::query_scalar!(
        "INSERT INTO servers (server_disc_id, is_dm_channel)
         SELECT u.user_disc_id, true FROM users u
         WHERE u.user_disc_id = $1 AND u.personal_provider_enabled AND u.privacy_level IN (0, 1)
           AND EXISTS (
               SELECT 1 FROM user_provider_keys k
               WHERE k.user_id = u.user_id AND 'text' = ANY (k.enabled_capabilities))
         FOR SHARE OF u
         ON CONFLICT (server_disc_id) DO NOTHING
         RETURNING server_id",
        new.user.to_string(),
    )
    .fetch_optional(&mut *transaction)
    .await?;
    let Some(server) = server else {
        return Ok(Edited::Stale);
    };
    sqlx::query!(
        "INSERT INTO server_model_configs (server_id) VALUES ($1)",
        server
    )
    .execute(&mut *transaction)
    .await?;
    let persona = (&*new.bot_name, &*new.trigger_words);
    insert_missing(&mut transaction, ServerId(server), persona).await?;
    transaction.commit().await?;
    Ok(Edited::Done)
}

/// Makes or finds the tenant; two setups at once wait for each other here.
async fn upsert_server(connection: &mut PgConnection, setup: &NewSetup) -> Result<ServerId, Error> {
    let server = sqlx::query_scalar!(
        "INSERT INTO servers AS s (server_disc_id, is_dm_channel, locale, display_name)
         VALUES ($1::text, $2, $3, $4)
         ON CONFLICT (server_disc_id) DO UPDATE
         SET locale = excluded.locale,
             display_name = COALESCE(excluded.display_name, s.display_name),
             left_at = NULL, purge_after = NULL
         WHERE s.is_dm_channel = excluded.is_dm_channel
         RETURNING server_id",
        setup.tenant.disc_id().to_string(),
        setup.tenant.is_direct(),
        setup.locale,
        setup.display_name,
    )
    .fetch_optional(connection)
    .await?;
    server.map(ServerId).ok_or(Error::Invalid(
        "a server and a user cannot have the same id",
    ))
}

/// Makes the settings and the main persona that do not exist yet.
pub(crate) async fn insert_missing(
    connection: &mut PgConnection,
    server: ServerId,
    (bot_name, trigger_words): (&str, &[String]),
) -> Result<(), Error> {
    sqlx::query!(
        "WITH settings AS (
             INSERT INTO server_chat_configs (server_id) VALUES ($1)
             ON CONFLICT (server_id) DO NOTHING
         ), persona AS (
             INSERT INTO personas (server_id, nickname, is_alter, position)
             VALUES ($1, $2, false, 0)
             ON CONFLICT (server_id) WHERE NOT is_alter DO NOTHING
             RETURNING persona_id, server_id
         )
         INSERT INTO persona_configs (persona_id, server_id, trigger_words)
         SELECT persona_id, server_id, $3 FROM persona",
        server.0,
        bot_name,
        trigger_words,
    )
    .execute(connection)
    .await?;
    Ok(())
}
