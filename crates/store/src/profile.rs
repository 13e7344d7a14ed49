//! All that a turn needs to know about its tenant, read at once.

use proto::id::TenantId;
use sqlx::PgConnection;
use tokio::time::timeout;

use crate::row::Place;
use crate::{Error, Lineage, Routing, Store};

/// The most personas that are read; more than a server can make.
const MOST_PERSONAS: i64 = 500;

/// Rows of one list that are read; more than the panels let anybody add.
const MOST_LISTED: i64 = 1_000;

/// The row of a tenant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ServerId(pub i64);

/// The row of a persona.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PersonaId(pub i64);

/// A provider and one of its models.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModelChoice {
    /// The provider's stored name.
    pub provider: String,
    /// The model as the provider names it.
    pub model: String,
}

/// Settings and personas of one tenant. Holds no secret.
#[derive(Clone, Debug, PartialEq)]
pub struct Profile {
    /// The tenant's row.
    pub server: ServerId,
    /// The tenant.
    pub tenant: TenantId,
    /// Raised by every change of what this struct holds.
    pub settings_version: i64,
    /// Language of public answers, `en-US` or `ja`.
    pub locale: String,
    /// The server's name, where it is known.
    pub display_name: Option<String>,
    /// The model that answers.
    pub model: Option<ModelChoice>,
    /// Whether a provider key is stored and was not refused for good.
    pub has_key: bool,
    /// Whether a provider key is stored that was refused for good.
    pub is_key_refused: bool,
    /// The last four characters of the stored key, for people to tell keys apart; `None` without
    /// a key and for keys too short to show a part of.
    pub key_last4: Option<String>,
    /// By position, the main persona first.
    pub personas: Vec<Persona>,
    /// How many messages of history a prompt sees, 20..=100.
    pub message_fetch_limit: u16,
    /// How human the posting looks, 0..=3.
    pub humanizer_degree: u8,
    /// The tenant's own system prompt.
    pub system_prompt: Option<String>,
    /// The longest answer in tokens.
    pub max_output_tokens: Option<u32>,
    /// Sampling temperature, 0..=2.
    pub temperature: f32,
    /// Notices that the server does not want to see.
    pub hidden_notices: Vec<String>,
    /// Which tools its people let personas use.
    pub tools: ToolSwitches,
    /// What personas may remember.
    pub memories: MemorySwitches,
    /// Who is answered where, and what rests afterwards.
    pub routing: Routing,
}

/// The switches of a tenant for memories.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MemorySwitches {
    /// Whether personas remember persons here (PRIV-39).
    pub personal: bool,
    /// Whether people may teach who may not manage the server (PRIV-60).
    pub members_teach: bool,
}

/// The switches of a tenant for groups of tools.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ToolSwitches {
    /// Tools that only react to the conversation.
    pub tool_use: bool,
    /// The tool that starts threads.
    pub thread_creation: bool,
}

/// One character that the bot speaks as.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Persona {
    /// The persona's row.
    pub id: PersonaId,
    /// What its memories belong to.
    pub lineage: Lineage,
    /// What it is called.
    pub nickname: String,
    /// Whether mentions and replies to the bot mean this one; true for exactly one.
    pub is_main: bool,
    /// Words that call it, at most 10.
    pub trigger_words: Vec<String>,
    /// What it is like.
    pub attributes: Vec<String>,
    /// Its own prompt.
    pub prompt: Option<String>,
    /// Pairs of what a user said and what it answered.
    pub sample_dialogues: Vec<(String, String)>,
}

impl Store {
    /// Reads a tenant's profile; `None` before its setup, and while the bot is not in the server.
    ///
    /// # Errors
    /// `Corrupt`, `Unavailable`.
    pub async fn profile(&self, tenant: TenantId) -> Result<Option<Profile>, Error> {
        let mut opened = self.pool.tenant(tenant).open_to_read().await?;
        let deadline = opened.deadline();
        let reading = async { read(&mut *opened.begin().await?, tenant).await };
        let done = timeout(deadline, reading).await;
        opened.settle(done)
    }
}

async fn read(connection: &mut PgConnection, tenant: TenantId) -> Result<Option<Profile>, Error> {
    // The settings first: when a persona changes between the statements, the version is the
    // older one, and the admission asks for a fresh profile.
    let settings = sqlx::query_as!(
        SettingsRow,
        r#"SELECT s.server_id, s.settings_version, s.locale, s.display_name,
                  m.text_model ->> 'provider' AS provider, m.text_model ->> 'model' AS model,
                  (octet_length(m.api_key) > 0 AND m.main_key_disabled_at IS NULL) IS TRUE
                      AS "has_key!",
                  (octet_length(m.api_key) > 0 AND m.main_key_disabled_at IS NOT NULL) IS TRUE
                      AS "is_key_refused!",
                  m.key_last4 AS "key_last4?",
                  COALESCE(c.message_fetch_limit, 80::smallint) AS "message_fetch_limit!",
                  COALESCE(c.humanizer_degree, 1::smallint) AS "humanizer_degree!",
                  c.system_prompt AS "system_prompt?",
                  m.llm_max_output_tokens AS "max_output_tokens?",
                  COALESCE(m.llm_temperature, 1.0::real) AS "temperature!",
                  COALESCE(c.tool_notice_hidden_keys, '{}') AS "hidden_notices!",
                  COALESCE(c.tool_use_enabled, true) AS "tool_use!",
                  COALESCE(c.thread_creation_enabled, false) AS "thread_creation!",
                  COALESCE(c.personal_memories_enabled, true) AS "personal_memories!",
                  COALESCE(c.server_memteaching_enabled, false) AS "members_teach!",
                  COALESCE(r.cooldown_type, 0::smallint) AS "cooldown_type!",
                  COALESCE(r.cooldown_length, 5) AS "cooldown_length!",
                  COALESCE(r.match_limit, 3::smallint) AS "match_limit!",
                  ARRAY(
                      (SELECT concat_ws(' ', 'channel', l.channel_disc_id, l.cooldown_type,
                                        l.cooldown_length)
                       FROM channel_whitelist l WHERE l.server_id = s.server_id
                       ORDER BY l.created_at LIMIT $3)
                      UNION ALL
                      (SELECT concat_ws(' ', 'role', l.role_disc_id)
                       FROM role_whitelist l WHERE l.server_id = s.server_id
                       ORDER BY l.created_at LIMIT $3)
                      UNION ALL
                      (SELECT concat_ws(' ', 'persona', l.persona_id, l.channel_disc_id)
                       FROM channel_persona_whitelist l WHERE l.server_id = s.server_id
                       ORDER BY l.created_at LIMIT $3)) AS "listed!"
           FROM servers s
           LEFT JOIN server_model_configs m ON m.server_id = s.server_id
           LEFT JOIN server_chat_configs c ON c.server_id = s.server_id
           LEFT JOIN server_trigger_configs r ON r.server_id = s.server_id
           WHERE s.server_disc_id = $1 AND s.is_dm_channel = $2 AND s.left_at IS NULL"#,
        tenant.disc_id().to_string(),
        tenant.is_direct(),
        MOST_LISTED,
    )
    .fetch_optional(&mut *connection)
    .await?;
    let Some(settings) = settings else {
        return Ok(None);
    };
    let personas = personas(connection, ServerId(settings.server_id)).await?;
    settings.into_profile(tenant, personas).map(Some)
}

async fn personas(connection: &mut PgConnection, server: ServerId) -> Result<Vec<Persona>, Error> {
    let rows = sqlx::query_as!(
        PersonaRow,
        r#"SELECT p.persona_id, p.persona_lineage_id, p.nickname, p.is_alter, p.attribute_list, p.sample_dialogues,
                  COALESCE(c.trigger_words, '{}') AS "trigger_words!",
                  c.persona_prompt AS "persona_prompt?"
           FROM personas p LEFT JOIN persona_configs c ON c.persona_id = p.persona_id
           WHERE p.server_id = $1
           ORDER BY p.is_alter, p.position, p.persona_id
           LIMIT $2"#,
        server.0,
        MOST_PERSONAS,
    )
    .fetch_all(connection)
    .await?;
    rows.into_iter().map(Persona::try_from).collect()
}

#[expect(clippy::struct_excessive_bools, reason = "a column each")]
struct SettingsRow {
    server_id: i64,
    settings_version: i64,
    locale: String,
    display_name: Option<String>,
    provider: Option<String>,
    model: Option<String>,
    has_key: bool,
    is_key_refused: bool,
    key_last4: Option<String>,
    message_fetch_limit: i16,
    humanizer_degree: i16,
    system_prompt: Option<String>,
    max_output_tokens: Option<i32>,
    temperature: f32,
    hidden_notices: Vec<String>,
    tool_use: bool,
    thread_creation: bool,
    personal_memories: bool,
    members_teach: bool,
    cooldown_type: i16,
    cooldown_length: i32,
    match_limit: i16,
    listed: Vec<String>,
}

impl SettingsRow {
    fn into_profile(self, tenant: TenantId, personas: Vec<Persona>) -> Result<Profile, Error> {
        let place = |table, column| Place {
            table,
            column,
            row: &self.server_id,
        };
        let routing = Routing::of(
            (self.cooldown_type, self.cooldown_length),
            place("server_trigger_configs", "match_limit").narrow(self.match_limit)?,
            &self.listed,
        );
        Ok(Profile {
            message_fetch_limit: place("server_chat_configs", "message_fetch_limit")
                .narrow(self.message_fetch_limit)?,
            humanizer_degree: place("server_chat_configs", "humanizer_degree")
                .narrow(self.humanizer_degree)?,
            max_output_tokens: self
                .max_output_tokens
                .map(|tokens| place("server_model_configs", "llm_max_output_tokens").narrow(tokens))
                .transpose()?,
            server: ServerId(self.server_id),
            tenant,
            settings_version: self.settings_version,
            locale: self.locale,
            display_name: self.display_name,
            model: self
                .provider
                .zip(self.model)
                .map(|(provider, model)| ModelChoice { provider, model }),
            has_key: self.has_key,
            is_key_refused: self.is_key_refused,
            key_last4: self.key_last4,
            personas,
            system_prompt: self.system_prompt,
            temperature: self.temperature,
            hidden_notices: self.hidden_notices,
            tools: ToolSwitches {
                tool_use: self.tool_use,
                thread_creation: self.thread_creation,
            },
            routing,
            memories: MemorySwitches {
                personal: self.personal_memories,
                members_teach: self.members_teach,
            },
        })
    }
}

struct PersonaRow {
    persona_id: i64,
    persona_lineage_id: i64,
    nickname: String,
    is_alter: bool,
    attribute_list: Vec<String>,
    sample_dialogues: serde_json::Value,
    trigger_words: Vec<String>,
    persona_prompt: Option<String>,
}

impl TryFrom<PersonaRow> for Persona {
    type Error = Error;

    fn try_from(row: PersonaRow) -> Result<Self, Error> {
        let dialogues = Place {
            table: "personas",
            column: "sample_dialogues",
            row: &row.persona_id,
        };
        Ok(Self {
            id: PersonaId(row.persona_id),
            lineage: Lineage(row.persona_lineage_id),
            nickname: row.nickname,
            is_main: !row.is_alter,
            trigger_words: row.trigger_words,
            attributes: row.attribute_list,
            prompt: row.persona_prompt,
            // The cause would quote what somebody wrote.
            sample_dialogues: serde_json::from_value(row.sample_dialogues)
                .ok()
                .ok_or_else(|| dialogues.corrupt())?,
        })
    }
}
