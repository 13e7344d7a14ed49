//! What the form brings: a provider, a key, perhaps a model.

use std::str;

use llm::Provider;
use proto::event::FormField;
use secrecy::SecretString;

use crate::command::asker::Asker;
use crate::command::form::{MODEL_FIELD, Typed, is_key, is_model};
use crate::notice::{FormText, Notice};

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
    /// Takes the fields of the form.
    pub(super) fn new(asker: Asker, choice: Choice, fields: Vec<FormField>) -> Self {
        let typed = Typed::new(fields);
        Self {
            asker,
            choice,
            key: typed.key(),
            model: typed.text(MODEL_FIELD).to_owned(),
        }
    }

    /// Checks what can be checked without asking anyone, and returns the model to use.
    pub(super) fn well_formed(&self) -> Result<&str, Notice> {
        if !is_key(&self.key) {
            return Err(Notice::Form(FormText::KeyMalformed));
        }
        if self.model.is_empty() {
            return Ok(self.choice.provider.default_model());
        }
        if !is_model(&self.model) {
            return Err(Notice::Form(FormText::ModelMalformed));
        }
        Ok(&self.model)
    }
}

#[cfg(test)]
mod tests;
