//! What people are told when a provider does not answer as it should (POOL-25 to POOL-30).

use std::borrow::Cow;

use llm::Class;

/// Why a provider gave no reply, as far as people can do something about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The key is wrong, withdrawn, or may not do this.
    KeyRefused,
    /// The account has no money or quota left.
    NoCredit,
    /// The account's plan does not include this.
    NotInPlan,
    /// Too many requests, with the seconds to wait where the provider told.
    RateLimited {
        /// Whole seconds, at least 1.
        retry_after_secs: Option<u64>,
    },
    /// Every key of the server rests after a refusal.
    KeysRest {
        /// When the first may be tried again.
        until_unix: u64,
    },
    /// The provider does not offer the model.
    ModelUnknown,
    /// The conversation does not fit into the model.
    TooLong,
    /// The provider refuses to talk about this.
    ContentDeclined,
    /// The provider calls the request wrong.
    RequestRefused,
    /// No answer in time.
    TimedOut,
    /// The provider says it cannot keep up or is broken.
    Overloaded,
    /// No connection to the provider.
    Unreachable,
    /// The rules of this installation forbid the provider's address.
    AddressRefused,
    /// None of the above.
    Unknown,
}

impl Fault {
    /// Tells what people can do about a provider's error.
    pub fn of(error: &llm::Error) -> Self {
        match error.class() {
            Class::Auth => Self::KeyRefused,
            Class::Balance => Self::NoCredit,
            Class::Plan => Self::NotInPlan,
            Class::RateLimit => Self::RateLimited {
                retry_after_secs: error.retry_after().map(|wait| wait.as_secs().max(1)),
            },
            Class::UnknownModel => Self::ModelUnknown,
            Class::ContextLength => Self::TooLong,
            Class::ContentBlocked => Self::ContentDeclined,
            Class::RequestFault => Self::RequestRefused,
            Class::Timeout => Self::TimedOut,
            Class::Overloaded => Self::Overloaded,
            Class::Unreachable => Self::Unreachable,
            Class::PolicyRefused => Self::AddressRefused,
            Class::Unknown => Self::Unknown,
        }
    }

    /// Returns the sentence.
    pub(super) fn text(self) -> Cow<'static, str> {
        Cow::Borrowed(match self {
            Self::KeyRefused => {
                "The provider refused the key. Check that it was copied whole and is still valid; \
                 `/setup` takes a new one."
            }
            Self::NoCredit => {
                "The provider says that the account of this key has no credit left. Top it up \
                 there, or enter another key with `/setup`."
            }
            Self::NotInPlan => {
                "The plan of this provider account does not include this. Change the plan there, \
                 or choose another model with `/setup`."
            }
            Self::RateLimited { retry_after_secs } => return rate_limited(retry_after_secs),
            Self::KeysRest { until_unix } => return keys_rest(until_unix),
            Self::ModelUnknown => {
                "The provider does not offer this model to this key. Copy the exact name of \
                 another one from the provider's list, and enter it with `/setup`."
            }
            Self::TooLong => {
                "This conversation has become too long for the model. Start a new one, or choose \
                 a model that holds more with `/setup`."
            }
            Self::ContentDeclined => "The provider declined this content.",
            Self::RequestRefused => {
                "The provider did not accept the request. Another model may work: see `/setup`."
            }
            Self::TimedOut => "The provider did not answer in time. Try again in a minute.",
            Self::Overloaded => "The provider is overloaded. Try again in a minute.",
            Self::Unreachable => "The provider cannot be reached. Try again in a minute.",
            Self::AddressRefused => "The rules of this installation forbid the provider's address.",
            Self::Unknown => "The provider answered in a way I do not understand. Try again.",
        })
    }
}

fn rate_limited(retry_after_secs: Option<u64>) -> Cow<'static, str> {
    match retry_after_secs {
        Some(seconds) => {
            format!("The provider is limiting requests. Try again in {seconds} seconds.").into()
        }
        None => "The provider is limiting requests. Try again in a minute.".into(),
    }
}

fn keys_rest(until_unix: u64) -> Cow<'static, str> {
    format!(
        "All keys of this server are rate limited or were refused. The first can be tried again \
         <t:{until_unix}:R>."
    )
    .into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rate_limit_tells_the_time_only_where_it_is_known() {
        let told = Fault::RateLimited {
            retry_after_secs: Some(7),
        }
        .text();
        assert!(told.contains("in 7 seconds"));
        let untold = Fault::RateLimited {
            retry_after_secs: None,
        }
        .text();
        assert!(untold.contains("in a minute"));
    }
}
