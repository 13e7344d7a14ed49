//! What a provider says about a refusal, as far as anybody may be shown it.
//!
//! Words are kept of refusals of keys, accounts and limits only: those are about the key's owner,
//! and shown to whoever may change the key. Other refusals may quote the conversation and leave no
//! word behind, only the name of a parameter out of those that we send. What looks like a key, an
//! address or a number of somebody's account is taken out.

use std::fmt;
use std::sync::Arc;

use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;

use crate::classify::text_of;
use crate::error::{Class, Remedy};

/// Characters that are kept (POOL-13).
const MOST_CHARACTERS: usize = 500;
/// What stands for a word that is left out.
const LEFT_OUT: &str = "…";
/// From this length on a word with a digit in it may be a key or a number of an account.
const LONG_WORD: usize = 16;
/// So much of the key in a row gives it away; masked keys of providers show less.
const PART_OF_KEY: usize = 6;

/// Parameters of ours that a provider may refuse by name.
const PARAMETERS: [&str; 17] = [
    "frequency_penalty",
    "logit_bias",
    "max_completion_tokens",
    "max_tokens",
    "messages",
    "min_p",
    "model",
    "presence_penalty",
    "reasoning_effort",
    "stop",
    "stream",
    "stream_options",
    "temperature",
    "tool_choice",
    "tools",
    "top_k",
    "top_p",
];

/// What was told.
#[derive(Clone, Default, PartialEq, Eq)]
pub(crate) struct Told {
    pub(crate) words: Option<Arc<str>>,
    pub(crate) parameter: Option<&'static str>,
}

impl Told {
    /// Keeps what may be kept of an error's description.
    pub(crate) fn of(class: Class, error: &Value) -> Self {
        let words = (class.remedy() == Remedy::OtherKey)
            .then(|| shown(text_of(error)))
            .filter(|words| !words.is_empty());
        let named = error.get("param").and_then(Value::as_str);
        Self {
            words: words.map(Into::into),
            parameter: named
                .filter(|_| class == Class::RequestFault)
                .and_then(known),
        }
    }

    /// Leaves the key out of the words, however much of it they quote.
    pub(crate) fn without(self, key: &SecretString) -> Self {
        let quotes_key = |word: &&str| shares_a_part(word, key.expose_secret());
        let clean = self.words.map(|words| {
            let kept = words
                .split(' ')
                .map(|word| if quotes_key(&word) { LEFT_OUT } else { word });
            kept.collect::<Vec<_>>().join(" ").into()
        });
        Self {
            words: clean,
            ..self
        }
    }

    pub(crate) fn words(&self) -> Option<&str> {
        self.words.as_deref()
    }
}

/// The name of a parameter as we send it, of which a provider may name a part.
fn known(named: &str) -> Option<&'static str> {
    let name = named.split(['.', '[']).next()?;
    PARAMETERS.into_iter().find(|parameter| *parameter == name)
}

fn shown(text: &str) -> String {
    let words = text.split_whitespace();
    let kept = words.map(|word| if is_harmless(word) { word } else { LEFT_OUT });
    let line = kept.collect::<Vec<_>>().join(" ");
    line.chars()
        .filter(|sign| !sign.is_control() && *sign != '`')
        .take(MOST_CHARACTERS)
        .collect()
}

fn is_harmless(word: &str) -> bool {
    let is_address = word.contains("://") || word.contains('@');
    let is_masked = word.contains("**") || word.contains("...") || word.contains('…');
    let is_long = word.chars().count() >= LONG_WORD;
    let is_number = is_long && word.contains(|sign: char| sign.is_ascii_digit());
    !(is_address || is_masked || is_number)
}

fn shares_a_part(word: &str, key: &str) -> bool {
    let signs: Vec<char> = key.chars().collect();
    let mut parts = signs
        .windows(PART_OF_KEY.min(signs.len().max(1)))
        .map(|part| part.iter().collect::<String>());
    parts.any(|part| word.contains(&part))
}

impl fmt::Debug for Told {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Told")
            .field("words", &self.words.is_some())
            .field("parameter", &self.parameter)
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const KEY: &str = "sk-proj-abcDEF0123456789";

    fn words(class: Class, text: &str) -> String {
        let told = Told::of(class, &json!({ "message": text })).without(&KEY.into());
        told.words().unwrap_or_default().to_owned()
    }

    #[test]
    fn what_is_held_against_an_account_is_kept() {
        let text = "You exceeded your current quota, please check your plan and billing details.";
        assert_eq!(words(Class::Balance, text), text);
        let limit = "Rate limit reached for gpt-4o-mini on tokens per min (TPM): Limit 200000.";
        assert_eq!(words(Class::RateLimit, limit), limit);
    }

    #[test]
    fn refusals_that_may_quote_the_conversation_leave_no_word() {
        for class in [
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
            assert_eq!(words(class, "private words"), "", "{class:?}");
        }
    }

    #[test]
    fn keys_addresses_and_numbers_of_accounts_are_left_out() {
        for (text, kept) in [
            (
                "Incorrect API key provided: sk-pr****6789. See https://a.example/keys?x=1",
                "Incorrect API key provided: … See …",
            ),
            ("bad key sk-proj-abcDEF0123456789!", "bad key …"),
            ("bad key (sk-proj)", "bad key …"),
            (
                "owner tom@a.example of org-a1b2c3d4e5f6g7h8",
                "owner … of …",
            ),
            ("line\none `quoted`", "line one quoted"),
        ] {
            assert_eq!(words(Class::Auth, text), kept);
        }
    }

    #[test]
    fn words_have_a_bound() {
        let long = "word ".repeat(1_000);
        assert_eq!(words(Class::Auth, &long).chars().count(), MOST_CHARACTERS);
    }

    #[test]
    fn only_parameters_that_we_send_are_named() {
        let parameter = |class, named: &str| Told::of(class, &json!({ "param": named })).parameter;
        let fault = Class::RequestFault;
        assert_eq!(parameter(fault, "temperature"), Some("temperature"));
        assert_eq!(parameter(fault, "messages[3].content"), Some("messages"));
        assert_eq!(parameter(fault, "private words"), None);
        assert_eq!(parameter(Class::Auth, "temperature"), None);
    }

    #[test]
    fn words_are_never_printed() {
        let told = Told::of(Class::Auth, &json!({ "message": "private words" }));
        assert!(!format!("{told:?}").contains("private"));
    }
}
