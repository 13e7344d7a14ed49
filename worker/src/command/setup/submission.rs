//! What the form brings: a provider, a key, perhaps a model.

use std::str;

use llm::Provider;
use proto::event::FormField;
use secrecy::{ExposeSecret, SecretString};
use zeroize::Zeroizing;

use super::form::{KEY_FIELD, MODEL_FIELD};
use crate::command::asker::Asker;
use crate::notice::{Notice, SetupText};

/// Lengths of keys, in characters. Known keys have 35 to about 200.
const KEY_CHARS: std::ops::RangeInclusive<usize> = 8..=512;

/// Longest name of a model, in characters; known ones have less than 80.
pub(super) const MODEL_CHARS: usize = 128;

/// Whether a stored key may be replaced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mode {
    /// No: this is the first.
    First,
    /// Yes: the person was told so and went on.
    Replace,
}

impl Mode {
    /// Returns the byte in a component's arguments.
    pub(super) const fn as_byte(self) -> u8 {
        match self {
            Self::First => b'f',
            Self::Replace => b'r',
        }
    }

    fn from_byte(byte: u8) -> Option<Self> {
        [Self::First, Self::Replace]
            .into_iter()
            .find(|mode| mode.as_byte() == byte)
    }

    /// Reads arguments that are a mode alone.
    pub(super) fn from_args(args: &[u8]) -> Option<Self> {
        match args {
            [mode] => Self::from_byte(*mode),
            _ => None,
        }
    }
}

/// Which provider's key is entered, and how.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Choice {
    pub(super) mode: Mode,
    pub(super) provider: Provider,
}

impl Choice {
    /// Returns the arguments of a component about this choice.
    pub(super) fn to_args(self) -> Vec<u8> {
        let mut args = vec![self.mode.as_byte()];
        args.extend_from_slice(self.provider.as_str().as_bytes());
        args
    }

    /// Reads such arguments.
    pub(super) fn from_args(args: &[u8]) -> Option<Self> {
        let (mode, provider) = args.split_first()?;
        Some(Self {
            mode: Mode::from_byte(*mode)?,
            provider: str::from_utf8(provider).ok()?.parse().ok()?,
        })
    }
}

/// A form that was sent. Has no `Debug`: it holds a key.
pub(crate) struct Submission {
    pub(super) asker: Asker,
    pub(super) choice: Choice,
    pub(super) key: SecretString,
    /// Empty for the provider's default.
    pub(super) model: String,
}

impl Submission {
    /// Takes the fields of the form; a missing one counts as empty.
    pub(super) fn new(asker: Asker, choice: Choice, fields: Vec<FormField>) -> Self {
        let (mut key, mut model) = (Zeroizing::new(String::new()), String::new());
        for field in fields {
            let value = field.values.into_iter().next().unwrap_or_default();
            match field.custom_id.as_str() {
                KEY_FIELD => key = Zeroizing::new(value),
                MODEL_FIELD => model = value,
                _ => {}
            }
        }
        let key = SecretString::from(key.trim());
        Self {
            asker,
            choice,
            key,
            model: model.trim().to_owned(),
        }
    }

    /// Checks what can be checked without asking anyone, and returns the model to use.
    pub(super) fn well_formed(&self) -> Result<&str, Notice> {
        let key = self.key.expose_secret();
        if !KEY_CHARS.contains(&key.len()) || !is_one_word(key) {
            return Err(Notice::Setup(SetupText::KeyMalformed));
        }
        if self.model.is_empty() {
            return Ok(self.choice.provider.default_model());
        }
        // A backtick would end the quotation in which the panel shows the name.
        if self.model.len() > MODEL_CHARS || !is_one_word(&self.model) || self.model.contains('`') {
            return Err(Notice::Setup(SetupText::ModelMalformed));
        }
        Ok(&self.model)
    }
}

/// Tells whether there are only letters, digits and signs that every keyboard has: then a byte is
/// a character, and the key can travel in an HTTP header.
fn is_one_word(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_graphic())
}

#[cfg(test)]
mod tests;
