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
    /// What it is for, at most 1024 characters; may be empty.
    pub description: String,
    /// The JSON Schema of its arguments: an object, at most 16 KiB.
    pub schema: JsonObject,
    /// SHA-256 of name, whole description and schema: another one is another tool.
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
        let schema = serde_json::to_vec(&*definition.input_schema).ok()?;
        if schema.len() > LARGEST_SCHEMA {
            return None;
        }
        let description = definition.description.unwrap_or_default();
        let hints = definition.annotations.as_ref();
        Some(Self {
            fingerprint: fingerprint(&[name.as_bytes(), description.as_bytes(), &schema]),
            name,
            description: description.chars().take(LONGEST_DESCRIPTION).collect(),
            schema: (*definition.input_schema).clone(),
            claims_read_only: hints.and_then(|hints| hints.read_only_hint) == Some(true),
        })
    }
}

/// A server's words.
impl fmt::Debug for Tool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tool").finish_non_exhaustive()
    }
}

/// Each part behind its length, so that none can pass for the end of another.
fn fingerprint(parts: &[&[u8]]) -> [u8; 32] {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update(part.len().to_be_bytes());
        hash.update(part);
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
