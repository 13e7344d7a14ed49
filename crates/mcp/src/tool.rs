//! What a server says of its tools.

use std::fmt;

use rmcp::model::JsonObject;
use sha2::{Digest, Sha256};

/// The longest description that is told, in characters; the rest is cut (NET-49).
const LONGEST_DESCRIPTION: usize = 1024;
/// The largest schema, in bytes of JSON; a tool with a larger one is left out (NET-49).
const LARGEST_SCHEMA: usize = 16 * 1024;
/// The longest name (the protocol's page on tools, 2025-11-25).
const LONGEST_NAME: usize = 128;

/// A tool of a server. What it says of itself is the server's word.
#[derive(Clone, PartialEq)]
pub struct Tool {
    /// Its name at the server: 1 to 128 of letters, digits, `_`, `-`, `.` and `/`.
    pub name: String,
    /// What it is for, at most 1024 characters, none of them hidden; may be empty.
    pub description: String,
    /// The JSON Schema of its arguments: an object, at most 16 KiB, without hidden characters.
    pub schema: JsonObject,
    /// SHA-256 of name, whole description and schema as the server sent them: another one is another
    /// tool.
    pub fingerprint: [u8; 32],
    /// Whether the server says that it changes nothing.
    pub claims_read_only: bool,
}

impl Tool {
    /// Reads a definition; `None` for one that cannot be offered.
    pub(crate) fn read(definition: rmcp::model::Tool) -> Option<Self> {
        let name = definition.name.into_owned();
        let is_plain = |letter: char| letter.is_ascii_alphanumeric() || "_-./".contains(letter);
        if name.is_empty() || name.len() > LONGEST_NAME || !name.chars().all(is_plain) {
            return None;
        }
        let schema = serde_json::to_string(&*definition.input_schema).ok()?;
        if schema.len() > LARGEST_SCHEMA {
            return None;
        }
        let description = definition.description.unwrap_or_default();
        let hints = definition.annotations.as_ref();
        Some(Self {
            fingerprint: fingerprint(&[&name, &description, &schema]),
            name,
            description: seen(&description).take(LONGEST_DESCRIPTION).collect(),
            schema: serde_json::from_str(&seen(&schema).collect::<String>()).ok()?,
            claims_read_only: hints.and_then(|hints| hints.read_only_hint) == Some(true),
        })
    }
}

/// Tells whether nobody sees a character whom a model may obey all the same: it takes no room, breaks a
/// line, turns the direction of text, or steers a terminal. Joiners are not meant: emoji and some scripts need them.
pub fn is_hidden(letter: char) -> bool {
    let is_control = letter.is_control() && !matches!(letter, '\n' | '\t');
    is_control
        || matches!(letter, '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}' | '\u{200e}'..='\u{200f}'
            | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}'
            | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e0fff}')
}

/// What a person sees of a text: somebody agrees to what is read, so nothing else is told (NET-49).
fn seen(text: &str) -> impl Iterator<Item = char> {
    text.chars().filter(|letter| !is_hidden(*letter))
}

/// A server's words.
impl fmt::Debug for Tool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tool").finish_non_exhaustive()
    }
}

/// Each part behind its length, so that none can pass for the end of another.
fn fingerprint(parts: &[&str]) -> [u8; 32] {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update(part.len().to_be_bytes());
        hash.update(part.as_bytes());
    }
    hash.finalize().into()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    fn definition(name: &str, description: &str) -> rmcp::model::Tool {
        rmcp::model::Tool::new(name.to_owned(), description.to_owned(), Arc::default())
    }

    fn read(name: &str, description: &str) -> Tool {
        Tool::read(definition(name, description)).unwrap()
    }

    /// NET-49: what was approved is what is described.
    #[test]
    fn another_name_description_or_schema_is_another_tool() {
        let first = read("ab", "c");
        assert_eq!(first.fingerprint, read("ab", "c").fingerprint);
        assert_ne!(first.fingerprint, read("a", "bc").fingerprint);
        let mut other = definition("ab", "c");
        let schema = serde_json::json!({"type": "object"});
        other.input_schema = Arc::new(schema.as_object().unwrap().clone());
        assert_ne!(first.fingerprint, Tool::read(other).unwrap().fingerprint);
        let long = "x".repeat(LONGEST_DESCRIPTION);
        let longer = read("ab", &format!("{long}y"));
        assert_eq!(longer.description, long);
        assert_ne!(longer.fingerprint, read("ab", &long).fingerprint);
    }

    /// NET-49: what nobody sees is not told, and is part of what was approved.
    #[test]
    fn hidden_characters_are_left_out_and_make_another_tool() {
        let smuggled: String = "Reads."
            .chars()
            .map(|c| char::from_u32(0xe0000 + u32::from(c)))
            .map(Option::unwrap)
            .collect();
        let hidden = format!("a\u{202e}b\u{200b}\u{1b}{smuggled} \u{1f469}\u{200d}\u{1f4bb}\n");
        let schema = serde_json::json!({"properties": {&hidden: {"description": hidden}}});
        let mut other = definition("a", &hidden);
        other.input_schema = Arc::new(schema.as_object().unwrap().clone());
        let read = Tool::read(other).unwrap();
        let seen = "ab \u{1f469}\u{200d}\u{1f4bb}\n";
        assert_eq!(read.description, seen);
        let text = serde_json::to_string(&read.schema).unwrap();
        assert!(!text.chars().any(is_hidden), "{text:?}");
        let mut plain = definition("a", seen);
        plain.input_schema = Arc::new(read.schema.clone());
        assert_ne!(Tool::read(plain).unwrap().fingerprint, read.fingerprint);
    }

    /// NET-49.
    #[test]
    fn a_definition_that_cannot_be_offered_is_left_out() {
        for name in ["", "a b", "a\u{202e}", "ä", &"x".repeat(129)] {
            assert!(Tool::read(definition(name, "")).is_none(), "{name:?}");
        }
        let mut large = definition("a", "");
        let text = "x".repeat(LARGEST_SCHEMA);
        let schema = serde_json::json!({"description": text});
        large.input_schema = Arc::new(schema.as_object().unwrap().clone());
        assert!(Tool::read(large).is_none());
    }
}
