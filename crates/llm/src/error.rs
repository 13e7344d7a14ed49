//! What can go wrong with a call to a provider, by what the caller can do about it.

use std::time::Duration;

use secrecy::SecretString;

use crate::told::Told;

/// What kind of trouble a call met, which decides about keys, retries and fallbacks (POOL 5.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Class {
    /// Too many requests with this key.
    RateLimit,
    /// The account of this key has no money or no quota left.
    Balance,
    /// The plan of this key does not include what was asked for.
    Plan,
    /// The key is not accepted.
    Auth,
    /// The provider will not answer this conversation.
    ContentBlocked,
    /// The conversation is longer than the model can read.
    ContextLength,
    /// The provider does not know the model.
    UnknownModel,
    /// The request itself is at fault.
    RequestFault,
    /// The provider took too long.
    Timeout,
    /// The provider is in trouble.
    Overloaded,
    /// The provider could not be reached.
    Unreachable,
    /// Our own rules refused the address.
    PolicyRefused,
    /// Anything else.
    Unknown,
}

impl Class {
    /// Returns the class as a metric label.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::RateLimit => "rate_limit",
            Self::Balance => "balance",
            Self::Plan => "plan",
            Self::Auth => "auth",
            Self::ContentBlocked => "content_blocked",
            Self::ContextLength => "context_length",
            Self::UnknownModel => "unknown_model",
            Self::RequestFault => "request_fault",
            Self::Timeout => "timeout",
            Self::Overloaded => "provider_overloaded",
            Self::Unreachable => "unreachable",
            Self::PolicyRefused => "policy_refused",
            Self::Unknown => "unknown",
        }
    }
}

/// What a caller can do after a failure (POOL 5.3). All but [`Remedy::Tell`] and
/// [`Remedy::Shorten`] end with the next model when they are used up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Remedy {
    /// Another key of the same provider may do better.
    OtherKey,
    /// The same call may do better a moment later, once.
    SameAgain,
    /// Only another model may do better.
    OtherModel,
    /// The conversation has to become shorter (POOL-20).
    Shorten,
    /// Nothing that we could do: people are told.
    Tell,
}

/// How long a key rests after a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum KeyRest {
    /// Not at all: the key is not at fault.
    None,
    /// As long as the provider asks, otherwise as long as a rate limit usually lasts.
    Limited,
    /// As long as it may take people to mend the account.
    Refused,
}

impl Class {
    /// Returns what a caller can do about it.
    pub const fn remedy(self) -> Remedy {
        match self {
            Self::RateLimit | Self::Balance | Self::Plan | Self::Auth => Remedy::OtherKey,
            Self::Timeout | Self::Overloaded | Self::Unreachable => Remedy::SameAgain,
            Self::UnknownModel | Self::Unknown => Remedy::OtherModel,
            Self::ContextLength => Remedy::Shorten,
            Self::ContentBlocked | Self::RequestFault | Self::PolicyRefused => Remedy::Tell,
        }
    }

    /// Returns how long the key rests.
    pub const fn key_rest(self) -> KeyRest {
        match self {
            Self::RateLimit => KeyRest::Limited,
            Self::Balance | Self::Plan | Self::Auth => KeyRest::Refused,
            Self::ContentBlocked
            | Self::ContextLength
            | Self::UnknownModel
            | Self::RequestFault
            | Self::Timeout
            | Self::Overloaded
            | Self::Unreachable
            | Self::PolicyRefused
            | Self::Unknown => KeyRest::None,
        }
    }
}

/// Why a call gave no answer, or no more of it.
///
/// What it prints are numbers and names out of closed sets: never what was said, nor the key.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("model call failed: {} (status {})", class.as_str(), status.unwrap_or(0))]
pub struct Error {
    pub(crate) class: Class,
    pub(crate) status: Option<u16>,
    pub(crate) retry_after: Option<Duration>,
    pub(crate) refuses_tools: bool,
    pub(crate) refuses_images: bool,
    pub(crate) told: Told,
}

impl Error {
    /// Makes an error that there was no answer to.
    pub(crate) const fn of(class: Class) -> Self {
        Self {
            class,
            status: None,
            retry_after: None,
            refuses_tools: false,
            refuses_images: false,
            told: Told {
                words: None,
                parameter: None,
            },
        }
    }

    /// Leaves the key of the call out of what the provider said.
    pub(crate) fn without(self, key: &SecretString) -> Self {
        Self {
            told: self.told.without(key),
            ..self
        }
    }

    /// Makes an error of one of the HTTP client. Nothing of its text is kept.
    pub(crate) fn of_transport(error: &reqwest::Error) -> Self {
        Self::of(if error.is_builder() {
            Class::RequestFault
        } else if error.is_timeout() {
            Class::Timeout
        } else if error.is_connect() || error.is_request() {
            Class::Unreachable
        } else {
            Class::Unknown
        })
    }

    /// Returns what kind of trouble it was.
    pub const fn class(&self) -> Class {
        self.class
    }

    /// Returns the HTTP status, where there was an answer.
    pub const fn status(&self) -> Option<u16> {
        self.status
    }

    /// Tells whether the provider names tools as what it refuses: the same call without them may
    /// do (CHAT-109).
    pub const fn refuses_tools(&self) -> bool {
        self.refuses_tools
    }

    /// Tells whether the provider says that the model cannot see: the same call without images may
    /// do.
    pub const fn refuses_images(&self) -> bool {
        self.refuses_images
    }

    /// Returns how long the provider asks to wait, between 1 s and 1 h.
    pub const fn retry_after(&self) -> Option<Duration> {
        self.retry_after
    }

    /// Returns the provider's own words about key, account or limit, at most 500 characters without
    /// what looks like a key, an address or a number of an account. For the eyes of those who may
    /// change the key, and never for a log. `None` for every other kind of trouble: such words may
    /// quote the conversation.
    pub fn words(&self) -> Option<&str> {
        self.told.words()
    }

    /// Returns the parameter of ours that the provider refused by name.
    pub const fn parameter(&self) -> Option<&'static str> {
        self.told.parameter
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_rests_exactly_when_another_may_do_better() {
        for class in [
            Class::RateLimit,
            Class::Balance,
            Class::Plan,
            Class::Auth,
            Class::ContentBlocked,
            Class::ContextLength,
            Class::UnknownModel,
            Class::RequestFault,
            Class::Timeout,
            Class::Overloaded,
            Class::Unreachable,
            Class::PolicyRefused,
            Class::Unknown,
        ] {
            let rests = class.key_rest() != KeyRest::None;
            assert_eq!(rests, class.remedy() == Remedy::OtherKey, "{class:?}");
        }
    }
}
