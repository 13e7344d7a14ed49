//! Memories: what one can say, lists of them in files, and lists that are too long for one file.

use serde_json::Value;

use super::refusal::Refusal;

/// The most memories of a file: more than anybody can have there (`MAX_PERSONAL_MEMORIES`,
/// `MAX_SERVER_MEMORIES`).
const MOST_ENTRIES: usize = 1_000;

/// What is around a text in a list: eight blanks at most, quotes, comma and line end.
const AROUND_TEXT: usize = 16;

/// More than is around the list in a file.
const AROUND_LIST: usize = 1024;

/// Why a text cannot be a memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TextFault {
    /// It is no text at all.
    NotText,
    /// There is nothing in it.
    Empty,
    /// There is too much in it.
    TooLong {
        /// How many characters there can be.
        most: u16,
    },
}

/// Returns a text as it would be remembered: without white space around it, and without zeros, which
/// no text of PostgreSQL holds.
///
/// # Errors
/// It is empty or longer than `most` characters then.
pub fn memory_text(text: &str, most: u16) -> Result<String, TextFault> {
    let text = text.replace('\0', "");
    let text = text.trim();
    if text.is_empty() {
        return Err(TextFault::Empty);
    }
    if text.chars().count() > usize::from(most) {
        return Err(TextFault::TooLong { most });
    }
    Ok(text.to_owned())
}

/// Returns the memories of a file, in their order, each of at most `most` characters. The same one may
/// come twice.
///
/// # Errors
/// The first that cannot be one; too many; no list.
pub fn memories_of(
    contents: &Value,
    name: &'static str,
    most: u16,
) -> Result<Vec<String>, Refusal> {
    let Value::Array(entries) = contents else {
        return Err(Refusal::NoContents { name });
    };
    if entries.len() > MOST_ENTRIES {
        return Err(Refusal::TooManyMemories {
            found: entries.len(),
            most: MOST_ENTRIES,
        });
    }
    let text_of = |entry: &Value| {
        let text = entry.as_str().ok_or(TextFault::NotText)?;
        memory_text(text, most)
    };
    let texts = entries
        .iter()
        .zip(1..)
        .map(|(entry, number)| text_of(entry).map_err(|fault| Refusal::Memory { number, fault }));
    texts.collect()
}

/// Parts a list so that no file with a part of it has more than `most_bytes` (PRIV-49). At least one
/// part, which is empty where there is nothing.
pub fn split(memories: Vec<String>, most_bytes: usize) -> Vec<Vec<String>> {
    let room = most_bytes.saturating_sub(AROUND_LIST);
    let mut parts = vec![Vec::new()];
    let mut size = 0;
    for memory in memories {
        let bytes = written_bytes(&memory) + AROUND_TEXT;
        size += bytes;
        match parts.last_mut() {
            Some(part) if size <= room || part.is_empty() => part.push(memory),
            _ => {
                size = bytes;
                parts.push(vec![memory]);
            }
        }
    }
    parts
}

/// How many bytes a text has in a file.
fn written_bytes(text: &str) -> usize {
    // As JSON writes it: control characters take six bytes at most, quotes and backslashes two.
    let bytes = text.bytes().map(|byte| match byte {
        0..=0x1f => 6,
        b'"' | b'\\' => 2,
        _ => 1,
    });
    bytes.sum()
}
