//! Traces of words in what servers and processes wrote: as they are (JSON leaves letters, digits and `-` alone), in
//! base64 and in UTF-16.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use anyhow::{Context as _, ensure};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use tokio::io::AsyncWriteExt as _;
use tokio::process::Command;

/// Generated, and read by their owner only.
const SECRET_FILES: &str = "*secrets.json";

/// Returns the files at and below a folder in which one of the words stands, in whichever spelling, sorted. `grep` reads
/// gigabytes in seconds, which our own unoptimised build would not.
///
/// # Errors
/// `grep` cannot be run, or cannot read a file that is there.
pub async fn files_with(words: &BTreeSet<String>, folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let plain: BTreeSet<String> = words
        .iter()
        .flat_map(|word| {
            (0..3)
                .map(|ahead| in_base64(word, ahead))
                .chain([word.clone()])
        })
        .collect();
    let wide: Vec<String> = words.iter().map(|word| in_utf16(word)).collect();
    let lines = plain.into_iter().collect::<Vec<_>>().join("\n");
    let mut files = grep("-F", &lines, folder).await?;
    files.extend(grep("-P", &wide.join("|"), folder).await?);
    files.sort();
    files.dedup();
    Ok(files)
}

/// The letters of a word's base64 that do not depend on what stands before and behind it; `ahead` bytes do.
fn in_base64(word: &str, ahead: usize) -> String {
    let spread = STANDARD.encode([vec![0; ahead], word.as_bytes().to_vec()].concat());
    let whole = (ahead + word.len()) * 8 / 6;
    let begin = (ahead * 8).div_ceil(6);
    spread.get(begin..whole).unwrap_or_default().to_owned()
}

/// A pattern for both byte orders: the letters with a zero between them.
fn in_utf16(word: &str) -> String {
    let letters = word.chars().map(|letter| match letter {
        '-' | ' ' => format!("\\{letter}"),
        other => other.to_string(),
    });
    letters.collect::<Vec<_>>().join("\\x00")
}

async fn grep(kind: &str, patterns: &str, folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let mut command = Command::new("grep");
    command
        .args([
            "-r",
            "-l",
            "-a",
            kind,
            "-f",
            "-",
            "--exclude",
            SECRET_FILES,
            "--",
        ])
        .arg(folder)
        .env("LC_ALL", "C")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    let mut child = command.spawn().context("cannot start grep")?;
    let mut input = child.stdin.take().context("grep can read")?;
    input.write_all(patterns.as_bytes()).await?;
    drop(input);
    let output = child.wait_with_output().await?;
    let complaint = String::from_utf8_lossy(&output.stderr);
    // 1: nothing found. A file that goes while it is read is the server's housekeeping.
    ensure!(
        output.status.code().is_some_and(|code| code < 2)
            || complaint
                .lines()
                .all(|line| line.ends_with("No such file or directory")),
        "grep: {complaint}"
    );
    let found = String::from_utf8_lossy(&output.stdout);
    Ok(found.lines().map(PathBuf::from).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_base64_of_a_word_is_recognised_wherever_it_begins() {
        let key = "sk-0123456789abcdef";
        for (ahead, before) in ["", "a", "ab", "abc"].iter().enumerate() {
            let text = STANDARD.encode(format!("{before}{key}!?"));
            let needle = in_base64(key, ahead % 3);
            assert!(needle.len() > 20 && text.contains(&needle), "{before}");
        }
    }

    #[tokio::test]
    async fn words_are_found_in_every_spelling_and_others_are_not() {
        let folder = std::env::temp_dir().join(format!("traces-{:016x}", rand::random::<u64>()));
        std::fs::create_dir_all(&folder).unwrap();
        let word = "kanarie0123456789abcdef";
        let wide: Vec<u8> = word.encode_utf16().flat_map(u16::to_le_bytes).collect();
        for (name, bytes) in [
            ("a-plain", format!("xx{word}xx").into_bytes()),
            (
                "b-json",
                serde_json::json!({"ö": format!("\"{word}\"")})
                    .to_string()
                    .into_bytes(),
            ),
            ("c-base64", STANDARD.encode(format!("x{word}")).into_bytes()),
            ("d-wide", wide),
            ("e-other", b"kanarie0123456789abcdeX".to_vec()),
        ] {
            std::fs::write(folder.join(name), bytes).unwrap();
        }
        let found = files_with(&BTreeSet::from([word.to_owned()]), &folder)
            .await
            .unwrap();
        let wanted = ["a-plain", "b-json", "c-base64", "d-wide"].map(|name| folder.join(name));
        assert_eq!(found, wanted);
        std::fs::remove_dir_all(&folder).unwrap();
    }
}
