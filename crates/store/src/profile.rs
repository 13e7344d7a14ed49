//! All that a turn needs to know about its tenant, read at once.

use proto::id::TenantId;

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
}

/// One character that the bot speaks as.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Persona {
    /// The persona's row.
    pub id: PersonaId,
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
