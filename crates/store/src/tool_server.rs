//! Tool servers that a server's administrators brought, and which of their tools they approved. Tokens
//! are sealed; everything is changed as it was shown.

mod add;

use std::fmt;

use proto::id::TenantId;
use tokio::time::timeout;

pub use self::add::{Added, NewToolServer};
use crate::pool::scope::Opened;
use crate::row::Place;
use crate::{Edited, Error, Store};

/// The most tool servers that are read; the most that can be set (CFG-98).
const MOST_SERVERS: i64 = 50;

/// The row of a tool server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ToolServerId(pub i64);

/// A tool server, without its token. `Debug` hides what its administrators typed.
#[derive(Clone, PartialEq, Eq)]
pub struct ToolServer {
    /// Its row.
    pub id: ToolServerId,
    /// What it is called, 1 to 32 characters; unique in its server, whatever the case.
    pub name: String,
    /// Its address, at most 2,048 characters.
    pub url: String,
    /// Whether it has a token.
    pub has_token: bool,
    /// The last characters of the token, `None` for short ones.
    pub last4: Option<String>,
    /// Whether replies may use it.
    pub is_enabled: bool,
    /// Whether it is left alone for now, because it could not be reached again and again.
    pub is_resting: bool,
    /// The tools that replies may use, by name; none twice.
    pub approved: Vec<ApprovedTool>,
    /// Names the state in which it was read.
    pub row_version: i32,
}

impl fmt::Debug for ToolServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ToolServer")
            .field("id", &self.id)
            .field("approved", &self.approved.len())
            .field("row_version", &self.row_version)
            .finish_non_exhaustive()
    }
}

/// A tool as it was approved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApprovedTool {
    /// Its name at its server, 1 to 128 characters.
    pub name: String,
    /// SHA-256 of what its server said of it.
    pub fingerprint: [u8; 32],
    /// Whether whoever approves it says that it changes nothing.
    pub is_read_only: bool,
}

/// A tool server as it was shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SeenToolServer {
    /// The row.
    pub id: ToolServerId,
    /// `row_version` of what was shown.
    pub row_version: i32,
}

impl Store {
    /// Reads the tool servers of a tenant, by name; `None` when it was never set up, or was left.
    ///
    /// # Errors
    /// `Corrupt`, `Unavailable`.
    pub async fn tool_servers(&self, tenant: TenantId) -> Result<Option<Vec<ToolServer>>, Error> {
        let rows = sqlx::query_as!(
            Row,
            r#"SELECT m.guild_mcp_id AS "id?", m.name AS "name?", m.url AS "url?",
                      m.auth_token IS NOT NULL AS "has_token!", m.key_last4 AS "last4?",
                      m.is_enabled AS "is_enabled?",
                      COALESCE(m.rest_until > now(), false) AS "is_resting!",
                      m.row_version AS "row_version?",
                      ARRAY(SELECT t.tool_name FROM guild_mcp_tools t
                            WHERE t.guild_mcp_id = m.guild_mcp_id
                            ORDER BY t.tool_name) AS "tools!",
                      ARRAY(SELECT t.approved_sha256 FROM guild_mcp_tools t
                            WHERE t.guild_mcp_id = m.guild_mcp_id
                            ORDER BY t.tool_name) AS "fingerprints!",
                      ARRAY(SELECT t.read_only FROM guild_mcp_tools t
                            WHERE t.guild_mcp_id = m.guild_mcp_id
                            ORDER BY t.tool_name) AS "read_only!"
               FROM servers s LEFT JOIN guild_mcp_servers m ON m.server_id = s.server_id
               WHERE s.server_disc_id = $1 AND s.is_dm_channel = $2 AND s.left_at IS NULL
               ORDER BY lower(m.name)
               LIMIT $3"#,
            tenant.disc_id().to_string(),
            tenant.is_direct(),
            MOST_SERVERS,
        )
        .fetch_all(self.pool.tenant(tenant))
        .await?;
        if rows.is_empty() {
            return Ok(None);
        }
        let servers = rows.into_iter().filter_map(Row::into_server);
        servers.collect::<Result<_, _>>().map(Some)
    }

    /// Removes a tool server as it was shown, with its token and approvals.
    ///
    /// # Errors
    /// `Unavailable`; repeating it is harmless.
    pub async fn remove_tool_server(
        &self,
        tenant: TenantId,
        seen: SeenToolServer,
    ) -> Result<Edited, Error> {
        let done = sqlx::query!(
            "DELETE FROM guild_mcp_servers m USING servers s
             WHERE s.server_disc_id = $1 AND s.is_dm_channel = $2 AND m.server_id = s.server_id
               AND m.guild_mcp_id = $3 AND m.row_version = $4",
            tenant.disc_id().to_string(),
            tenant.is_direct(),
            seen.id.0,
            seen.row_version,
        )
        .execute(self.pool.tenant(tenant))
        .await?;
        Ok(Edited::of(done.rows_affected()))
    }

    /// Switches a tool server as it was shown on or off. One that is switched on begins as if nothing
    /// had happened.
    ///
    /// # Errors
    /// `Unavailable`; repeating it is harmless.
    pub async fn switch_tool_server(
        &self,
        tenant: TenantId,
        seen: SeenToolServer,
        is_enabled: bool,
    ) -> Result<Edited, Error> {
        let done = sqlx::query!(
            "UPDATE guild_mcp_servers m
             SET is_enabled = $5, failures = 0, rest_until = NULL
             FROM servers s
             WHERE s.server_disc_id = $1 AND s.is_dm_channel = $2 AND m.server_id = s.server_id
               AND m.guild_mcp_id = $3 AND m.row_version = $4",
            tenant.disc_id().to_string(),
            tenant.is_direct(),
            seen.id.0,
            seen.row_version,
            is_enabled,
        )
        .execute(self.pool.tenant(tenant))
        .await?;
        Ok(Edited::of(done.rows_affected()))
    }

    /// Approves these tools of a tool server as it was shown, and no others. Dropping it midway changes
    /// nothing.
    ///
    /// # Errors
    /// `Conflict` for a tool that is named twice or too long; `Unavailable`.
    pub async fn approve_tools(
        &self,
        tenant: TenantId,
        seen: SeenToolServer,
        approved: &[ApprovedTool],
    ) -> Result<Edited, Error> {
        let mut opened = self.pool.tenant(tenant).open().await?;
        let deadline = opened.deadline();
        let done = timeout(deadline, approve(&mut opened, tenant, seen, approved)).await;
        opened.settle(done)
    }

    /// Notes whether a tool server could be reached. After three failures in a row it is left alone for
    /// five minutes, and after each further one (NET-52).
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn note_tool_server(
        &self,
        tenant: TenantId,
        server: ToolServerId,
        was_reached: bool,
    ) -> Result<(), Error> {
        sqlx::query!(
            "UPDATE guild_mcp_servers m
             SET failures = CASE WHEN $4 THEN 0 ELSE LEAST(m.failures, 1000) + 1 END,
                 rest_until = CASE WHEN NOT $4 AND m.failures >= 2
                                   THEN now() + interval '5 minutes' END
             FROM servers s
             WHERE s.server_disc_id = $1 AND s.is_dm_channel = $2 AND m.server_id = s.server_id
               AND m.guild_mcp_id = $3 AND (NOT $4 OR m.failures > 0)",
            tenant.disc_id().to_string(),
            tenant.is_direct(),
            server.0,
            was_reached,
        )
        .execute(self.pool.tenant(tenant))
        .await?;
        Ok(())
    }
}

struct Row {
    id: Option<i64>,
    name: Option<String>,
    url: Option<String>,
    has_token: bool,
    last4: Option<String>,
    is_enabled: Option<bool>,
    is_resting: bool,
    row_version: Option<i32>,
    tools: Vec<String>,
    fingerprints: Vec<Vec<u8>>,
    read_only: Vec<bool>,
}

impl Row {
    /// `None` for the row that says only that the tenant is set up.
    fn into_server(self) -> Option<Result<ToolServer, Error>> {
        let id = self.id?;
        let tools = self.tools.into_iter().zip(self.fingerprints);
        let approved = approved(id, tools.zip(self.read_only));
        let server = |approved| {
            Some(ToolServer {
                id: ToolServerId(id),
                name: self.name?,
                url: self.url?,
                has_token: self.has_token,
                last4: self.last4,
                is_enabled: self.is_enabled?,
                is_resting: self.is_resting,
                approved,
                row_version: self.row_version?,
            })
        };
        approved.map(server).transpose()
    }
}

fn approved(
    server: i64,
    tools: impl Iterator<Item = ((String, Vec<u8>), bool)>,
) -> Result<Vec<ApprovedTool>, Error> {
    let place = Place {
        table: "guild_mcp_tools",
        column: "approved_sha256",
        row: &server,
    };
    let tools = tools.map(|((name, fingerprint), is_read_only)| {
        let fingerprint = <[u8; 32]>::try_from(fingerprint);
        let fingerprint = fingerprint.ok().ok_or_else(|| place.corrupt())?;
        Ok(ApprovedTool {
            name,
            fingerprint,
            is_read_only,
        })
    });
    tools.collect()
}

async fn approve(
    opened: &mut Opened,
    tenant: TenantId,
    seen: SeenToolServer,
    approved: &[ApprovedTool],
) -> Result<Edited, Error> {
    let mut transaction = opened.begin().await?;
    let server = sqlx::query_scalar!(
        "UPDATE guild_mcp_servers m SET updated_at = now()
         FROM servers s
         WHERE s.server_disc_id = $1 AND s.is_dm_channel = $2 AND m.server_id = s.server_id
           AND m.guild_mcp_id = $3 AND m.row_version = $4
         RETURNING m.server_id",
        tenant.disc_id().to_string(),
        tenant.is_direct(),
        seen.id.0,
        seen.row_version,
    )
    .fetch_optional(&mut *transaction)
    .await?;
    let Some(server) = server else {
        return Ok(Edited::Stale);
    };
    sqlx::query!(
        "DELETE FROM guild_mcp_tools WHERE guild_mcp_id = $1 AND server_id = $2",
        seen.id.0,
        server,
    )
    .execute(&mut *transaction)
    .await?;
    let names: Vec<String> = approved.iter().map(|tool| tool.name.clone()).collect();
    let fingerprints: Vec<Vec<u8>> = approved
        .iter()
        .map(|tool| tool.fingerprint.into())
        .collect();
    let read_only: Vec<bool> = approved.iter().map(|tool| tool.is_read_only).collect();
    sqlx::query!(
        "INSERT INTO guild_mcp_tools (guild_mcp_id, server_id, tool_name, approved_sha256, read_only)
         SELECT $1, $2, t.name, t.fingerprint, t.read_only
         FROM unnest($3::text[], $4::bytea[], $5::boolean[]) AS t (name, fingerprint, read_only)",
        seen.id.0,
        server,
        &names,
        &fingerprints,
        &read_only,
    )
    .execute(&mut *transaction)
    .await?;
    transaction.commit().await?;
    Ok(Edited::Done)
}
