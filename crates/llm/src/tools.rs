//! Tools as a model sees them: what it may use, what it asks for, and what it was answered.

use std::fmt;

use serde_json::{Map, Value};

/// A tool that the model may use.
#[derive(Clone, PartialEq, Eq)]
pub struct Tool {
    /// Its name: letters, digits and underscores, at most 64.
    pub name: String,
    /// What it does and when to use it, for the model.
    pub description: String,
    /// Its arguments as a JSON Schema of an object.
    pub schema: Value,
}

/// What the model asks for.
#[derive(Clone, PartialEq, Eq)]
pub struct ToolCall {
    /// The tool's name, as the model wrote it; at most 64 bytes of it are kept.
    pub name: String,
    /// With what.
    pub arguments: Arguments,
}

/// The arguments of a call.
#[derive(Clone, PartialEq, Eq)]
pub enum Arguments {
    /// An object. Whether it fits the tool is for the tool to say.
    Given(Map<String, Value>),
    /// No JSON object, cut off, or longer than anybody needs.
    Malformed,
}

/// A call and what it was answered.
#[derive(Clone, PartialEq, Eq)]
pub struct ToolUse {
    /// The call.
    pub call: ToolCall,
    /// What the tool answered.
    pub result: String,
}

/// One step of an answer that goes on: what was said in it, then the tools that were used.
#[derive(Clone, PartialEq, Eq)]
pub struct ToolStep {
    /// What the persona said before it used them; may be empty.
    pub said: String,
    /// In the order of the calls; never empty.
    pub uses: Vec<ToolUse>,
}

/// The tools of one answer; without any nothing about tools is sent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tools {
    /// What the model may use.
    pub offered: Vec<Tool>,
    /// What it did already in this very answer.
    pub steps: Vec<ToolStep>,
    /// It may use none any more, and has to end in words.
    pub are_over: bool,
}

impl fmt::Debug for Tool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tool")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

// The name of a call is a word of the model's, like its arguments.
impl fmt::Debug for ToolCall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ToolCall")
            .field("arguments", &self.arguments)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Arguments {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Given(given) => f.debug_tuple("Given").field(&given.len()).finish(),
            Self::Malformed => f.write_str("Malformed"),
        }
    }
}

impl fmt::Debug for ToolUse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ToolUse")
            .field("call", &self.call)
            .field("result_bytes", &self.result.len())
            .finish()
    }
}

impl fmt::Debug for ToolStep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ToolStep")
            .field("said_bytes", &self.said.len())
            .field("uses", &self.uses)
            .finish()
    }
}
