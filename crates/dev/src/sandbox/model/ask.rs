//! A question to a model, whatever the wire format in which it came.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::Value;

use crate::sandbox::world::files::dimensions;

/// Characters of a token, about, as in English.
pub(super) const CHARACTERS_PER_TOKEN: usize = 4;

/// Who said something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    /// A person, or several in one piece.
    Person,
    /// The model.
    Model,
    /// A tool that the model used.
    Tool,
}

/// One message of the conversation.
#[derive(Clone, Debug)]
pub(super) struct Said {
    pub(super) role: Role,
    pub(super) text: String,
    /// What pictures came with it, as far as people are told of them.
    pub(super) pictures: Vec<String>,
}

/// A tool that the model may use.
#[derive(Clone, Debug)]
pub(super) struct Tool {
    pub(super) name: String,
    /// Its arguments in JSON Schema.
    pub(super) schema: Value,
}

/// Whether tools are to be used.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) enum ToolUse {
    /// The model decides.
    #[default]
    Free,
    /// None.
    Never,
    /// At least one.
    Always,
    /// This one.
    Named(String),
}

/// A question with everything that matters for its answer.
#[derive(Clone, Debug, Default)]
pub(super) struct Ask {
    pub(super) model: String,
    pub(super) system: String,
    pub(super) said: Vec<Said>,
    pub(super) tools: Vec<Tool>,
    pub(super) tool_use: ToolUse,
    /// The answer is to be JSON of this schema.
    pub(super) schema: Option<Value>,
    /// Only one tool at a time.
    pub(super) is_one_by_one: bool,
    /// Most tokens of the answer.
    pub(super) longest: Option<usize>,
    pub(super) is_streamed: bool,
    /// A stream's end tells the usage.
    pub(super) wants_usage: bool,
}

impl Ask {
    /// Returns the newest message of people.
    pub(super) fn question(&self) -> &str {
        let newest = self.said.iter().rfind(|said| said.role == Role::Person);
        newest.map_or("", |said| &said.text)
    }

    /// Returns what the model said already of this very answer.
    pub(super) fn begun(&self) -> &str {
        let last = self.said.last().filter(|said| said.role == Role::Model);
        last.map_or("", |said| &said.text)
    }

    /// Returns what tools answered last, for this very answer.
    pub(super) fn results(&self) -> Vec<&str> {
        let newest = self.said.iter().rev();
        let mut results: Vec<&str> = newest
            // What the answer begins with comes after them.
            .skip_while(|said| said.role == Role::Model && !said.text.is_empty())
            .take_while(|said| said.role == Role::Tool)
            .map(|said| said.text.as_str())
            .collect();
        results.reverse();
        results
    }

    /// Counts how often tools were used since people spoke.
    pub(super) fn rounds(&self) -> usize {
        let since = self.said.iter().rev();
        let since = since.take_while(|said| said.role != Role::Person);
        let (mut rounds, mut was_tool) = (0, false);
        for said in since {
            let is_tool = said.role == Role::Tool;
            rounds += usize::from(is_tool && !was_tool);
            was_tool = is_tool;
        }
        rounds
    }

    /// Returns how many pictures the newest message of people has.
    pub(super) fn pictures(&self) -> usize {
        let newest = self.said.iter().rfind(|said| said.role == Role::Person);
        newest.map_or(0, |said| said.pictures.len())
    }

    /// Counts the tokens of everything that was sent.
    pub(super) fn tokens(&self) -> usize {
        let said = self.said.iter().map(|said| tokens(&said.text));
        tokens(&self.system) + said.sum::<usize>()
    }
}

/// Counts the tokens of a text, about.
pub(super) fn tokens(text: &str) -> usize {
    text.chars().count().div_ceil(CHARACTERS_PER_TOKEN)
}

/// Looks into JSON; what is not there is null.
pub(super) fn at<'a>(value: &'a Value, path: &str) -> &'a Value {
    value.pointer(path).unwrap_or(&Value::Null)
}

/// Returns the text of a content that is a string or a list of parts.
pub(super) fn text_of(content: &Value) -> String {
    match content {
        Value::String(text) => text.clone(),
        Value::Array(parts) => {
            let texts = parts.iter().filter_map(|part| part["text"].as_str());
            texts.collect::<Vec<_>>().join("\n")
        }
        _ => String::new(),
    }
}

/// Tells of the pictures among the parts of a content: kind, pixels and bytes of those that came
/// with the request.
pub(super) fn pictures_of(content: &Value) -> Vec<String> {
    let parts = content.as_array().into_iter().flatten();
    parts.filter_map(picture).collect()
}

fn picture(part: &Value) -> Option<String> {
    let text = |path: &str| at(part, path).as_str();
    let url = || {
        text("/image_url/url")?
            .strip_prefix("data:")?
            .split_once(";base64,")
    };
    let source = || text("/source/media_type").zip(text("/source/data"));
    let inline = || text("/inlineData/mimeType").zip(text("/inlineData/data"));
    let is_one = ["image_url", "source", "inlineData", "fileData"]
        .into_iter()
        .any(|key| part.get(key).is_some());
    let Some((kind, data)) = url().or_else(source).or_else(inline) else {
        return is_one.then(|| "elsewhere".to_owned());
    };
    let bytes = BASE64_STANDARD.decode(data).unwrap_or_default();
    let (width, height) = dimensions(&bytes).unwrap_or_default();
    Some(format!("{kind} {width}x{height}, {} bytes", bytes.len()))
}

/// Counts the parts of a content whose `type` is one of these.
pub(super) fn count_of(content: &Value, kinds: &[&str]) -> usize {
    let parts = content.as_array().into_iter().flatten();
    parts
        .filter(|part| {
            part["type"]
                .as_str()
                .is_some_and(|kind| kinds.contains(&kind))
        })
        .count()
}
