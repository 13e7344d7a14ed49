//! The settings of a server that people may take along in a file, read and changed as one.
//!
//! Its keys, models, personas, channels and people are not among them.

use proto::id::TenantId;
use sqlx::PgConnection;
use tokio::time::timeout;

use crate::pool::scope::Opened;
use crate::{Error, MemorySwitches, Store, ToolSwitches};

/// How the bot is in a server. The default is what a new server has.
#[derive(Clone, PartialEq)]
pub struct ServerSettings {
    /// Sampling temperature, 0..=2.
    pub temperature: f32,
    /// The longest answer in tokens, 1..=131,072.
    pub max_output_tokens: Option<i32>,
    /// Whether members must bring keys of their own.
    pub members_pay: bool,
    /// How human the posting looks, 0..=3.
    pub humanizer_degree: i16,
    /// How many messages of history a prompt sees, 20..=100.
    pub message_fetch_limit: i16,
    /// The server's own system prompt, at most 8,000 characters.
    pub system_prompt: Option<String>,
    /// Notices that the server does not want to see.
    pub hidden_notices: Vec<String>,
    /// Which tools its people let personas use.
    pub tools: ToolSwitches,
    /// Whether personas may remember by themselves.
    pub self_teaching: bool,
    /// What personas may remember.
    pub memories: MemorySwitches,
}

impl Default for ServerSettings {
    fn default() -> Self {
        Self {
            temperature: 1.0,
            max_output_tokens: None,
            members_pay: false,
            humanizer_degree: 1,
            message_fetch_limit: 80,
            system_prompt: None,
            hidden_notices: Vec::new(),
            tools: ToolSwitches {
                tool_use: true,
                thread_creation: false,
            },
            self_teaching: true,
            memories: MemorySwitches {
                personal: true,
                members_teach: false,
            },
        }
    }
}

/// The prompt is somebody's text.
impl std::fmt::Debug for ServerSettings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ServerSettings").finish_non_exhaustive()
    }
}

impl Store {
    /// Reads the settings; `None` before the setup of the server.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn server_settings(&self, tenant: TenantId) -> Result<Option<ServerSettings>, Error> {
        let mut opened = self.pool.tenant(tenant).open_to_read().await?;
        let deadline = opened.deadline();
        let reading = async { read(&mut *opened.begin().await?, tenant).await };
        let done = timeout(deadline, reading).await;
        opened.settle(done)
    }

    /// Changes the settings, which nobody else changes meanwhile, and returns what they were and what
    /// they are; `None` before the setup of the server. Dropping it midway leaves nothing behind.
    ///
    /// # Errors
    /// `Conflict` for a value outside its range; `Unavailable`.
    pub async fn change_server_settings(
        &self,
        tenant: TenantId,
        change: impl FnOnce(&ServerSettings) -> ServerSettings + Send,
    ) -> Result<Option<(ServerSettings, ServerSettings)>, Error> {
        let mut opened = self.pool.tenant(tenant).open().await?;
        let deadline = opened.deadline();
        let done = timeout(deadline, in_transaction(&mut opened, tenant, change)).await;
        opened.settle(done)
    }
}

async fn in_transaction(
    opened: &mut Opened,
    tenant: TenantId,
    change: impl FnOnce(&ServerSettings) -> ServerSettings + Send,
) -> Result<Option<(ServerSettings, ServerSettings)>, Error> {
    let mut transaction = opened.begin().await?;
    lock(&mut transaction, tenant).await?;
    let Some(before) = read(&mut transaction, tenant).await? else {
        return Ok(None);
    };
    let after = change(&before);
    if after != before {
        write(&mut transaction, tenant, &after).await?;
        transaction.commit().await?;
    }
    Ok(Some((before, after)))
}

/// Makes what is missing, and keeps everybody else from changing it: keys first, as whoever changes
/// both does.
async fn lock(connection: &mut PgConnection, tenant: TenantId) -> Result<(), sqlx::Error> {
    let server = tenant.disc_id().to_string();
    sqlx::query!(
        "INSERT INTO server_model_configs AS c (server_id)
         SELECT server_id FROM servers WHERE server_disc_id = $1 AND is_dm_channel = $2
         ON CONFLICT (server_id) DO UPDATE SET server_id = c.server_id WHERE false",
        server,
        tenant.is_direct(),
    )
    .execute(&mut *connection)
    .await?;
    sqlx::query!(
        "INSERT INTO server_chat_configs AS c (server_id)
         SELECT server_id FROM servers WHERE server_disc_id = $1 AND is_dm_channel = $2
         ON CONFLICT (server_id) DO UPDATE SET server_id = c.server_id WHERE false",
        server,
        tenant.is_direct(),
    )
    .execute(connection)
    .await?;
    Ok(())
}

async fn read(
    connection: &mut PgConnection,
    tenant: TenantId,
) -> Result<Option<ServerSettings>, Error> {
    let row = sqlx::query!(
        r#"SELECT s.server_id, m.llm_temperature AS "temperature?",
                  m.llm_max_output_tokens AS "max_output_tokens?",
                  m.user_byok_mode AS "members_pay?", c.humanizer_degree AS "humanizer_degree?",
                  c.message_fetch_limit AS "message_fetch_limit?", c.system_prompt AS "system_prompt?",
                  c.tool_notice_hidden_keys AS "hidden_notices?", c.tool_use_enabled AS "tool_use?",
                  c.thread_creation_enabled AS "thread_creation?",
                  c.self_teaching_enabled AS "self_teaching?",
                  c.server_memteaching_enabled AS "members_teach?",
                  c.personal_memories_enabled AS "personal_memories?"
           FROM servers s
           LEFT JOIN server_model_configs m ON m.server_id = s.server_id
           LEFT JOIN server_chat_configs c ON c.server_id = s.server_id
           WHERE s.server_disc_id = $1 AND s.is_dm_channel = $2"#,
        tenant.disc_id().to_string(),
        tenant.is_direct(),
    )
    .fetch_optional(connection)
    .await?;
    // What has no row is as in a new server.
    let new = ServerSettings::default();
    Ok(row.map(|row| ServerSettings {
        temperature: row.temperature.unwrap_or(new.temperature),
        max_output_tokens: row.max_output_tokens,
        members_pay: row.members_pay.unwrap_or(new.members_pay),
        humanizer_degree: row.humanizer_degree.unwrap_or(new.humanizer_degree),
        message_fetch_limit: row.message_fetch_limit.unwrap_or(new.message_fetch_limit),
        system_prompt: row.system_prompt,
        hidden_notices: row.hidden_notices.unwrap_or_default(),
        tools: ToolSwitches {
            tool_use: row.tool_use.unwrap_or(new.tools.tool_use),
            thread_creation: row.thread_creation.unwrap_or(new.tools.thread_creation),
        },
        self_teaching: row.self_teaching.unwrap_or(new.self_teaching),
        memories: MemorySwitches {
            personal: row.personal_memories.unwrap_or(new.memories.personal),
            members_teach: row.members_teach.unwrap_or(new.memories.members_teach),
        },
    }))
}

/// Both rows are there and locked.
async fn write(
    connection: &mut PgConnection,
    tenant: TenantId,
    settings: &ServerSettings,
) -> Result<(), Error> {
    let server = tenant.disc_id().to_string();
    sqlx::query!(
        "UPDATE server_model_configs m
         SET llm_temperature = $2, llm_max_output_tokens = $3, user_byok_mode = $4
         FROM servers s
         WHERE s.server_disc_id = $1 AND m.server_id = s.server_id",
        server,
        settings.temperature,
        settings.max_output_tokens,
        settings.members_pay,
    )
    .execute(&mut *connection)
    .await?;
    sqlx::query!(
        "UPDATE server_chat_configs c
         SET humanizer_degree = $2, message_fetch_limit = $3, system_prompt = $4,
             tool_notice_hidden_keys = $5, tool_use_enabled = $6, thread_creation_enabled = $7,
             self_teaching_enabled = $8, server_memteaching_enabled = $9,
             personal_memories_enabled = $10
         FROM servers s
         WHERE s.server_disc_id = $1 AND c.server_id = s.server_id",
        server,
        settings.humanizer_degree,
        settings.message_fetch_limit,
        settings.system_prompt,
        &settings.hidden_notices,
        settings.tools.tool_use,
        settings.tools.thread_creation,
        settings.self_teaching,
        settings.memories.members_teach,
        settings.memories.personal,
    )
    .execute(connection)
    .await?;
    Ok(())
}
