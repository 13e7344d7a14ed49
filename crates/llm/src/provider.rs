//! The providers that we know by name. All of them speak the wire format of OpenAI.

use std::fmt;
use std::str::FromStr;

/// A provider of models.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Provider {
    /// OpenAI.
    OpenAi,
    /// `OpenRouter`.
    OpenRouter,
    /// `DeepSeek`.
    DeepSeek,
    /// NVIDIA.
    Nvidia,
    /// Z.ai.
    Zai,
}

impl Provider {
    /// All providers, in the order in which they are offered.
    pub const ALL: [Self; 5] = [
        Self::OpenAi,
        Self::OpenRouter,
        Self::DeepSeek,
        Self::Nvidia,
        Self::Zai,
    ];

    /// Returns the name by which the provider is stored and set.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::OpenAi => "openai",
            Self::OpenRouter => "openrouter",
            Self::DeepSeek => "deepseek",
            Self::Nvidia => "nvidia",
            Self::Zai => "zai",
        }
    }

    /// Returns the name as people write it.
    pub const fn label(self) -> &'static str {
        match self {
            Self::OpenAi => "OpenAI",
            Self::OpenRouter => "OpenRouter",
            Self::DeepSeek => "DeepSeek",
            Self::Nvidia => "NVIDIA",
            Self::Zai => "Z.ai",
        }
    }

    /// Returns the page where a key is made.
    pub const fn key_page(self) -> &'static str {
        match self {
            Self::OpenAi => "https://platform.openai.com/api-keys",
            Self::OpenRouter => "https://openrouter.ai/settings/keys",
            Self::DeepSeek => "https://platform.deepseek.com/api_keys",
            Self::Nvidia => "https://build.nvidia.com/settings/api-keys",
            Self::Zai => "https://z.ai/manage-apikey/apikey-list",
        }
    }

    /// Returns the model that is offered first.
    pub const fn default_model(self) -> &'static str {
        match self {
            Self::OpenAi => "gpt-4.1-mini",
            Self::OpenRouter => "openai/gpt-4.1-mini",
            Self::DeepSeek => "deepseek-chat",
            Self::Nvidia => "meta/llama-3.3-70b-instruct",
            Self::Zai => "glm-4.6",
        }
    }

    /// Tells whether the provider's list of models says nothing about a key: it is shown to everybody.
    pub const fn lists_to_everybody(self) -> bool {
        matches!(self, Self::Nvidia)
    }

    /// Returns the base of the provider's addresses, with a slash at its end.
    pub(crate) const fn base_url(self) -> &'static str {
        match self {
            Self::OpenAi => "https://api.openai.com/v1/",
            Self::OpenRouter => "https://openrouter.ai/api/v1/",
            Self::DeepSeek => "https://api.deepseek.com/v1/",
            Self::Nvidia => "https://integrate.api.nvidia.com/v1/",
            Self::Zai => "https://api.z.ai/api/paas/v4/",
        }
    }
}

impl fmt::Display for Provider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A name that no provider has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no such provider")]
pub struct UnknownProvider;

impl FromStr for Provider {
    type Err = UnknownProvider;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|provider| provider.as_str() == name)
            .ok_or(UnknownProvider)
    }
}
