//! What people are told about keys and models: who pays, which key was refused for good, which model
//! answered in the place of another (POOL-17, POOL-22, POOL-23).

use std::borrow::Cow;

use super::calls::reason;
use super::fingerprint;

/// A server hides the notice about a model that stood in by this name (`tool_notice_hidden_keys`).
pub(crate) const STAND_IN_NOTICE: &str = "model_fallback";

/// Longest name of a model or label that is shown.
const LONGEST_NAME: usize = 80;

/// One thing to say about keys and models.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CredentialText {
    /// To administrators: a key is not used any more.
    RefusedForGood {
        /// The provider's name as people know it.
        provider: String,
        /// Whether it is the main key.
        is_main: bool,
        /// What people call the key.
        label: Option<String>,
        /// SEC-23: at most its last four characters.
        last4: Option<String>,
    },
    /// To a person: a key of theirs is not used any more.
    OwnRefusedForGood {
        /// The provider's name as people know it.
        provider: String,
        /// SEC-23: at most its last four characters.
        last4: Option<String>,
    },
    /// The server's only key was refused for good.
    MainRefused,
    /// The asker's own key cannot be used.
    OwnUnusable,
    /// The server wants its members to bring keys.
    BringOwn,
    /// Another model answered.
    StoodIn {
        /// The model that should have answered.
        failed: String,
        /// How the first one's call ended, in the word on record.
        class: &'static str,
        /// The model that did.
        used: String,
    },
    /// Label of the button that leads to a new key.
    FixButton,
}

impl CredentialText {
    /// Returns the words.
    pub(super) fn text(&self) -> Cow<'static, str> {
        Cow::Borrowed(match self {
            Self::RefusedForGood {
                provider,
                is_main,
                label,
                last4,
            } => {
                let key = named(*is_main, label.as_deref(), last4.as_deref());
                return format!(
                    "{provider} has refused {key} again and again, so I do not use it any more. \
                     `/provider keys` shows all keys of this server; `/setup` takes a new one."
                )
                .into();
            }
            Self::OwnRefusedForGood { provider, last4 } => {
                let key = fingerprint(last4.as_deref());
                return format!(
                    "{provider} has refused your own key {key} again and again, so I do not use it \
                     any more. `/personal provider` tests it once more, or takes another one."
                )
                .into();
            }
            Self::MainRefused => {
                "The provider has refused this server's key for good. Someone who may manage this \
                 server can enter another one with `/setup`."
            }
            Self::OwnUnusable => {
                "You pay with a key of your own, and it cannot be used: see `/personal provider`. \
                 The server's key is not used in its place."
            }
            Self::BringOwn => {
                "In this server everybody talks to me with a key of their own. `/personal \
                 provider` takes yours."
            }
            Self::StoodIn {
                failed,
                class,
                used,
            } => {
                return format!(
                    "-# {} answered, because {} did not: {}.",
                    quoted(used),
                    quoted(failed),
                    reason(class)
                )
                .into();
            }
            Self::FixButton => "Enter another key…",
        })
    }
}

/// Returns what to call a key before those who may manage the server.
pub(crate) fn named(is_main: bool, label: Option<&str>, last4: Option<&str>) -> String {
    let fingerprint = fingerprint(last4);
    match (is_main, label) {
        (true, _) => format!("the main key {fingerprint}"),
        (false, Some(label)) => format!("the key {} {fingerprint}", quoted(label)),
        (false, None) => format!("the key {fingerprint}"),
    }
}

/// Shows a name that somebody typed as it is.
pub(super) fn quoted(name: &str) -> String {
    format!("`{}`", plain(name, LONGEST_NAME))
}

/// Takes out what would end a quotation or a line.
pub(super) fn plain(text: &str, most: usize) -> String {
    text.chars()
        .filter(|sign| !sign.is_control() && *sign != '`')
        .take(most)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// POOL-17.
    #[test]
    fn a_refused_key_is_named_by_provider_label_and_fingerprint() {
        let text = CredentialText::RefusedForGood {
            provider: "OpenAI".to_owned(),
            is_main: false,
            label: Some("spare `one`".to_owned()),
            last4: Some("0002".to_owned()),
        }
        .text();
        assert!(text.starts_with("OpenAI has refused the key `spare one` ••••0002 "));
    }

    /// POOL-23.
    #[test]
    fn a_model_that_stood_in_is_told_with_the_reason() {
        let text = CredentialText::StoodIn {
            failed: "gpt-`small`\n".to_owned(),
            class: "rate_limit",
            used: "glm".to_owned(),
        }
        .text();
        assert_eq!(
            text,
            "-# `glm` answered, because `gpt-small` did not: too many requests."
        );
    }
}
