//! What a tool answered, as text.

use std::fmt;

use rmcp::model::{CallToolResult, ContentBlock, ResourceContents};

/// What a tool answered. It is data, whatever it says.
#[derive(Clone, PartialEq, Eq)]
pub struct Answer {
    /// Its texts, one under the other; its structured content as JSON where there is no text.
    pub text: String,
    /// Whether the tool says that it failed.
    pub is_error: bool,
    /// Images, sounds, files and links in it, which are not passed on.
    pub left_out: usize,
}

impl Answer {
    pub(crate) fn read(result: CallToolResult) -> Self {
        let count = result.content.len();
        let texts: Vec<String> = result.content.into_iter().filter_map(text).collect();
        let left_out = count - texts.len();
        let structured = result.structured_content.filter(|_| texts.is_empty());
        Self {
            text: match structured {
                Some(value) => value.to_string(),
                None => texts.join("\n\n"),
            },
            is_error: result.is_error == Some(true),
            left_out,
        }
    }
}

/// A server's words.
impl fmt::Debug for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Answer")
            .field("size_bytes", &self.text.len())
            .field("is_error", &self.is_error)
            .field("left_out", &self.left_out)
            .finish()
    }
}

fn text(block: ContentBlock) -> Option<String> {
    match block {
        ContentBlock::Text(content) => Some(content.text),
        ContentBlock::Resource(embedded) => match embedded.resource {
            ResourceContents::TextResourceContents { text, .. } => Some(text),
            _ => None,
        },
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(result: serde_json::Value) -> Answer {
        Answer::read(serde_json::from_value(result).unwrap())
    }

    #[test]
    fn texts_are_joined_and_what_is_no_text_is_counted() {
        let answer = read(json!({"content": [
            {"type": "text", "text": "one"},
            {"type": "image", "data": "AAAA", "mimeType": "image/png"},
            {"type": "resource", "resource": {"uri": "x:y", "text": "two"}},
            {"type": "resource_link", "uri": "https://a.example/", "name": "three"},
        ], "structuredContent": {"a": 1}}));
        assert_eq!(answer.text, "one\n\ntwo");
        assert_eq!((answer.left_out, answer.is_error), (2, false));
    }

    #[test]
    fn structured_content_stands_in_for_texts() {
        let answer = read(json!({"content": [], "structuredContent": {"a": 1}, "isError": true}));
        assert_eq!(answer.text, r#"{"a":1}"#);
        assert!(answer.is_error);
    }
}
