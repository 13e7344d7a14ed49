//! Files of a command line: `option:@PATH` hands over the file at that path.

use std::path::Path;

use anyhow::Context as _;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Map, Value, json};

/// Types of files by their ending; others are told as bytes.
const TYPES: [(&str, &str); 11] = [
    ("csv", "text/csv"),
    ("gif", "image/gif"),
    ("jpeg", "image/jpeg"),
    ("jpg", "image/jpeg"),
    ("json", "application/json"),
    ("md", "text/markdown"),
    ("mp4", "video/mp4"),
    ("pdf", "application/pdf"),
    ("png", "image/png"),
    ("txt", "text/plain"),
    ("webp", "image/webp"),
];

/// Reads the files that a command line names, by option. `@` may also name a person, so what is no
/// file is left to the sandbox, which knows what each option takes.
pub(super) fn of_line(line: &str) -> anyhow::Result<Value> {
    let mut files = Map::new();
    for word in line.split_whitespace() {
        let Some((option, path)) = word.split_once(":@") else {
            continue;
        };
        let path = Path::new(path);
        if path.is_file() {
            let bytes = std::fs::read(path);
            let bytes = bytes.with_context(|| format!("cannot read {}", path.display()))?;
            files.insert(option.to_owned(), describe(path, &bytes));
        }
    }
    Ok(files.into())
}

fn describe(path: &Path, bytes: &[u8]) -> Value {
    let name = path.file_name().unwrap_or(path.as_os_str());
    let ending = path.extension().unwrap_or_default().to_string_lossy();
    let known = TYPES
        .iter()
        .find(|(known, _)| ending.eq_ignore_ascii_case(known));
    let content_type = known.map_or("application/octet-stream", |(_, kind)| kind);
    json!({
        "name": name.to_string_lossy(), "content_type": content_type,
        "data": BASE64_STANDARD.encode(bytes),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_that_exists_is_read_and_a_person_is_left_alone() {
        let folder = std::env::temp_dir().join(format!("files-{:016x}", rand::random::<u64>()));
        std::fs::create_dir(&folder).unwrap();
        let path = folder.join("card.PNG");
        std::fs::write(&path, b"dot").unwrap();
        let line = format!("/import card:@{} for:@alice", path.display());
        let files = of_line(&line).unwrap();
        std::fs::remove_dir_all(&folder).unwrap();
        let card = json!({"name": "card.PNG", "content_type": "image/png", "data": "ZG90"});
        assert_eq!(files, json!({"card": card}));
    }
}
