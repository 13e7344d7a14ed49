//! What goes to a model and what comes back.

use std::fmt;

use bytes::Bytes;

use crate::provider::Provider;
use crate::tools::{ToolCall, Tools};

/// Who said something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// A person, or anybody who is not the persona.
    User,
    /// The persona that is to answer.
    Persona,
}

/// One message of the conversation.
#[derive(Clone, PartialEq, Eq)]
pub struct Turn {
    /// Who said it.
    pub role: Role,
    /// What was said.
    pub text: String,
    /// What was shown with it, in the order in which the text names it; empty for the persona's own.
    pub images: Vec<Image>,
}

/// A picture for a model.
#[derive(Clone, PartialEq, Eq)]
pub struct Image {
    /// What it is, as models are told: `image/jpeg` or `image/png`.
    pub media_type: &'static str,
    /// The file. Clones share it.
    pub bytes: Bytes,
}

/// One question to a model.
#[derive(Clone, PartialEq)]
pub struct Prompt {
    /// Whose model it is.
    pub provider: Provider,
    /// The model, as the provider names it.
    pub model: String,
    /// Who the persona is and how it shall answer.
    pub system: String,
    /// The conversation, oldest first.
    pub turns: Vec<Turn>,
    /// The longest answer.
    pub max_output_tokens: Option<u32>,
    /// How freely the model chooses, 0 to 2.
    pub temperature: f32,
    /// What the persona may use, and what it used and was answered already in this very answer.
    pub tools: Tools,
    /// What the persona said already in this very answer, after the tools that it used: the model
    /// goes on after it.
    pub continue_from: Option<String>,
}

/// A piece of the answer.
#[derive(Clone, PartialEq, Eq)]
pub enum Delta {
    /// More text.
    Text(String),
    /// The model begins to ask for tools: what it has said so far is whole, while what it asks for is
    /// still being written. Comes once at most.
    Calling,
    /// The answer is over; nothing follows.
    End {
        /// Why it is over.
        reason: EndReason,
        /// What it cost, where the provider told.
        usage: Option<Usage>,
        /// The tools that the model asks for, in order, at most 16; whatever the reason says.
        calls: Vec<ToolCall>,
    },
}

/// Why an answer is over. A blocked answer is an error instead.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EndReason {
    /// The model said all it had to say.
    Complete,
    /// The limit of output tokens was reached.
    Length,
    /// The model asks for a tool.
    ToolCall,
    /// Something that the provider did not name in a way we know.
    Other,
}

/// Tokens that were read and written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// Tokens of the prompt.
    pub input_tokens: u32,
    /// Tokens of the answer, hidden thinking included.
    pub output_tokens: u32,
    /// Tokens of the prompt that came out of the provider's cache.
    pub cached_tokens: u32,
}

impl fmt::Debug for Turn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Turn")
            .field("role", &self.role)
            .field("text_bytes", &self.text.len())
            .field("images", &self.images.len())
            .finish()
    }
}

impl fmt::Debug for Image {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Image")
            .field("media_type", &self.media_type)
            .field("size_bytes", &self.bytes.len())
            .finish()
    }
}

impl fmt::Debug for Prompt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Prompt")
            .field("provider", &self.provider)
            .field("turns", &self.turns.len())
            .field("tools", &self.tools)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Delta {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => f.debug_struct("Text").field("bytes", &text.len()).finish(),
            Self::Calling => f.write_str("Calling"),
            Self::End {
                reason,
                usage,
                calls,
            } => f
                .debug_struct("End")
                .field("reason", reason)
                .field("usage", usage)
                .field("calls", calls)
                .finish(),
        }
    }
}
