//! An archive as files that Discord takes (PRIV-47, PRIV-49): one, or where that would be too large
//! several, each of which can be read without the others.

use std::io::{Cursor, Write as _};

use chrono::SecondsFormat;
use discord::{LARGEST_FILE, MOST_FILES};
use serde_json::{Map, Value, json};
use store::Archive;
use zip::ZipWriter;
use zip::result::ZipError;
use zip::write::SimpleFileOptions;

/// The version of the form of all exports (PRIV-47).
const VERSION: &str = "1.0";

/// The most by which naming its number makes a file longer.
const PART_BYTES: usize = 1024;

/// Which of how many files one is, from 1.
#[derive(Clone, Copy)]
struct Part {
    index: usize,
    count: usize,
}

/// Packs an archive; `None` where it is more than one message takes.
pub(super) fn pack(archive: Archive) -> Result<Option<Vec<Vec<u8>>>, ZipError> {
    pack_within(archive, LARGEST_FILE)
}

fn pack_within(archive: Archive, largest: usize) -> Result<Option<Vec<Vec<u8>>>, ZipError> {
    let whole = zip(&archive, None)?;
    if whole.len() <= largest {
        return Ok(Some(vec![whole]));
    }
    let mut parts = Vec::new();
    let mut waiting = vec![archive];
    while let Some(part) = waiting.pop() {
        if zip(&part, None)?.len() + PART_BYTES <= largest {
            parts.push(part);
            continue;
        }
        let halves = halves(part);
        if halves.is_empty() || parts.len() + waiting.len() + halves.len() > MOST_FILES {
            return Ok(None);
        }
        waiting.extend(halves);
    }
    let count = parts.len();
    let numbered = parts.iter().zip(1..);
    let zipped = numbered.map(|(part, index)| zip(part, Some(Part { index, count })));
    zipped.collect::<Result<_, _>>().map(Some)
}

/// Halves the rows, the second half first; nothing where there is nothing to halve.
fn halves(mut archive: Archive) -> Vec<Archive> {
    let rows: usize = archive.parts.iter().map(|(_, rows)| rows.len()).sum();
    if rows < 2 {
        return Vec::new();
    }
    let mut first = rows / 2;
    let mut second = Vec::new();
    for (kind, rows) in &mut archive.parts {
        let here = first.min(rows.len());
        first -= here;
        second.push((kind.clone(), rows.split_off(here)));
    }
    let second = Archive {
        made_at: archive.made_at,
        parts: second,
    };
    vec![second, archive]
}

/// Puts every kind into a file of its own, and what there is into the first.
fn zip(archive: &Archive, part: Option<Part>) -> Result<Vec<u8>, ZipError> {
    let mut packed = ZipWriter::new(Cursor::new(Vec::new()));
    let mut add = |name: &str, content: &Value| {
        packed.start_file(name, SimpleFileOptions::default())?;
        serde_json::to_writer_pretty(&mut packed, content).map_err(std::io::Error::from)?;
        packed.write_all(b"\n").map_err(ZipError::from)
    };
    add("manifest.json", &manifest(archive, part))?;
    for (kind, rows) in &archive.parts {
        add(&format!("{kind}.json"), &Value::Array(rows.clone()))?;
    }
    Ok(packed.finish()?.into_inner())
}

fn manifest(archive: &Archive, part: Option<Part>) -> Value {
    let counts = archive.parts.iter();
    let counts: Map<String, Value> = counts
        .map(|(kind, rows)| (kind.clone(), rows.len().into()))
        .collect();
    let mut manifest = json!({
        "version": VERSION,
        "type": "personal_data",
        "exported_at": archive.made_at.to_rfc3339_opts(SecondsFormat::Millis, true),
        "data": {"counts": counts},
    });
    if let (Value::Object(manifest), Some(Part { index, count })) = (&mut manifest, part) {
        manifest.insert("part".to_owned(), json!({"index": index, "count": count}));
    }
    manifest
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use chrono::DateTime;
    use zip::ZipArchive;

    use super::*;

    fn archive(parts: Vec<(&str, Vec<Value>)>) -> Archive {
        Archive {
            made_at: DateTime::from_timestamp_millis(1_800_000_000_123).unwrap(),
            parts: parts
                .into_iter()
                .map(|(kind, rows)| (kind.to_owned(), rows))
                .collect(),
        }
    }

    fn text(packed: &[u8], name: &str) -> String {
        let mut read = ZipArchive::new(Cursor::new(packed)).unwrap();
        let mut text = String::new();
        let mut file = read.by_name(name).unwrap();
        file.read_to_string(&mut text).unwrap();
        text
    }

    fn json_of(packed: &[u8], name: &str) -> Value {
        serde_json::from_str(&text(packed, name)).unwrap()
    }

    /// PRIV-47, PRIV-53
    #[test]
    fn an_archive_has_a_manifest_and_a_file_for_each_kind() {
        let memories = vec![json!({"text": "茶が好き"})];
        let packed = pack(archive(vec![("memories", memories), ("turns", Vec::new())]));
        let packed = packed.unwrap().unwrap();
        assert_eq!(packed.len(), 1);
        assert_eq!(
            json_of(&packed[0], "manifest.json"),
            json!({
                "version": "1.0", "type": "personal_data",
                "exported_at": "2027-01-15T08:00:00.123Z",
                "data": {"counts": {"memories": 1, "turns": 0}},
            })
        );
        assert_eq!(
            text(&packed[0], "memories.json"),
            "[\n  {\n    \"text\": \"茶が好き\"\n  }\n]\n"
        );
        assert_eq!(text(&packed[0], "turns.json"), "[]\n");
    }

    /// Text that packing does not make shorter.
    fn noise(number: u64) -> Value {
        let word = |n: u64| {
            format!(
                "{:016x}",
                (number * 64 + n).wrapping_mul(0x9e37_79b9_7f4a_7c15)
            )
        };
        json!((0..64).map(word).collect::<String>())
    }

    /// PRIV-49
    #[test]
    fn what_is_too_large_for_a_file_is_divided_and_nothing_is_lost() {
        let (memories, turns): (Vec<_>, Vec<_>) = ((0..20).map(noise).collect(), vec![noise(99)]);
        let whole = archive(vec![
            ("memories", memories.clone()),
            ("turns", turns.clone()),
        ]);
        let packed = pack_within(whole, 8_000).unwrap().unwrap();
        assert!((2..=MOST_FILES).contains(&packed.len()), "{}", packed.len());
        let mut read = (Vec::new(), Vec::new());
        for (volume, index) in packed.iter().zip(1..) {
            assert!(volume.len() <= 8_000);
            let part = json_of(volume, "manifest.json")["part"].clone();
            assert_eq!(part, json!({"index": index, "count": packed.len()}));
            for (kind, rows) in [("memories", &mut read.0), ("turns", &mut read.1)] {
                let name = format!("{kind}.json");
                rows.extend(json_of(volume, &name).as_array().unwrap().clone());
            }
        }
        assert_eq!(read, (memories, turns));
    }

    /// PRIV-49: one row cannot be divided, and one message takes ten files.
    #[test]
    fn what_is_too_large_for_a_message_is_no_file_at_all() {
        let long = archive(vec![("memories", vec![noise(1), json!("x")])]);
        assert!(pack_within(long, 600).unwrap().is_none());
        let many = archive(vec![("memories", (0..100).map(noise).collect())]);
        assert!(pack_within(many, 3_000).unwrap().is_none());
    }
}
