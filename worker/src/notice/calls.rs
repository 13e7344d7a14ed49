//! What people are shown of the calls of a turn, behind a button (POOL-23, POOL-31).

use std::borrow::Cow;

use super::credentials::{plain, quoted};

/// One line about the calls of a turn.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CallText {
    /// Label of the button behind which they are told.
    Button,
    /// Above them.
    Title {
        /// The turn's short name.
        turn: String,
    },
    /// They are not on record (any more).
    Gone,
    /// One of them.
    Call {
        /// The provider's name as people know it.
        provider: String,
        /// The model's name.
        model: String,
        /// How it ended, in the word on record.
        class: String,
        /// How long it took, in milliseconds.
        took_ms: u128,
        /// The key, for those who may manage the server.
        key: Option<String>,
    },
    /// What a provider said about a key, for those who may manage the server.
    Words {
        /// The key.
        key: String,
        /// Its words, without anything secret.
        words: String,
    },
}

impl CallText {
    /// Returns the words.
    pub(super) fn text(&self) -> Cow<'static, str> {
        Cow::Borrowed(match self {
            Self::Button => "Details",
            Self::Title { turn } => return format!("**Calls of turn `{turn}`**").into(),
            Self::Gone => "Nothing is recorded about this any more.",
            Self::Call {
                provider,
                model,
                class,
                took_ms,
                key,
            } => {
                let key = key.as_deref().map(|key| format!(", {key}"));
                return format!(
                    "• {provider} {}: {}, {took_ms} ms{}",
                    quoted(model),
                    reason(class),
                    key.unwrap_or_default()
                )
                .into();
            }
            Self::Words { key, words } => {
                return format!("> {key}: {}", plain(words, usize::MAX)).into();
            }
        })
    }
}

/// Says in words how a call ended.
pub(super) fn reason(class: &str) -> &'static str {
    match class {
        "completed" => "answered",
        "cut_off" => "interrupted",
        "rate_limit" => "too many requests",
        "balance" => "no credit left",
        "plan" => "not in the account's plan",
        "auth" => "the key was refused",
        "content_blocked" => "the content was declined",
        "context_length" => "the conversation was too long",
        "unknown_model" => "the model is not offered",
        "request_fault" => "the request was not accepted",
        "timeout" => "no answer in time",
        "provider_overloaded" => "the provider is overloaded",
        "unreachable" => "the provider cannot be reached",
        "policy_refused" => "the address is not allowed here",
        "no_credentials" => "there is no key",
        "unreadable" => "the key cannot be read",
        "resting" => "all keys rest",
        "disabled" => "all keys were refused",
        "none_left" => "all keys had failed before",
        "circuit_open" => "it had not answered others before",
        _ => "an answer that I do not understand",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pool::Outcome;

    #[test]
    fn every_way_a_call_can_end_has_its_words() {
        let unknown = reason("never seen");
        for outcome in Outcome::ALL {
            let is_unknown = outcome == Outcome::Failed(llm::Class::Unknown);
            assert_eq!(
                reason(outcome.as_str()) == unknown,
                is_unknown,
                "{outcome:?}"
            );
        }
    }
}
