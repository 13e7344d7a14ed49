//! `/setup`: a tenant comes into being or gets another key, in one transaction (CMD-84).

use std::fmt;

use proto::id::TenantId;
use secrecy::SecretString;

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
