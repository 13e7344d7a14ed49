//! The search after a whole run: no key that a test used may stand in anything the servers and the processes wrote.
//!
//! Looked for are all keys in the sources of the tests, and the generated master keys of every installation that ran,
//! as they are (JSON leaves these letters alone), in base64 and in UTF-16. What is searched: database files with the
//! whole write-ahead log, the broker's store, logs, last metrics. Only the generated files with secrets are left out. A
//! key that is planted in each of these places must be found by the same search.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use anyhow::{Context as _, ensure};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use regex::Regex;
use tokio::io::AsyncWriteExt as _;
use tokio::process::Command;

use crate::installation::{Database, Installation, State};
use crate::part::Part;
use crate::postgres::Programs;

/// How keys look in the tests: those of providers and master keys. A key that is meant to be seen says so.
const KEYS: &str =
    r"\b[sm]k-[A-Za-z0-9_-]{9,}|the (?:first|second) master key of this installation";
const MEANT_TO_BE_SEEN: &str = "on-purpose";
/// Generated, and read by their owner only.
const SECRET_FILES: &str = "*secrets.json";

/// What was found.
#[derive(Debug)]
pub(super) struct Found {
    /// How many keys were looked for.
    pub(super) keys: usize,
    /// The files with a key, below the folder that was searched.
    pub(super) files: Vec<PathBuf>,
}

/// Searches everything below `home` for the keys of the tests, while the servers in it still run.
pub(super) async fn search(
    root: &Path,
    home: &Path,
    servers: &Installation,
    state: &State,
) -> anyhow::Result<Found> {
    let mut keys = keys_of_sources(root)?;
    keys.extend(generated_keys(home)?);
    let files = files_with(&keys, home).await?;
    control(home, servers, state).await?;
    Ok(Found {
        keys: keys.len(),
        files,
    })
}

/// Plants a key in every kind of place and makes sure that the search finds all of them.
async fn control(home: &Path, servers: &Installation, state: &State) -> anyhow::Result<()> {
    let key = format!("sk-planted-{:016x}", rand::random::<u64>());
    let folder = home.join("planted");
    fs::create_dir_all(&folder)?;
    fs::write(folder.join("log"), format!("{{\"key\":\"{key}\"}}\n"))?;
    for (skipped, ahead) in ["", "x", "xy"].iter().enumerate() {
        let text = STANDARD.encode(format!("{ahead}{key} and more"));
        fs::write(folder.join(format!("base64-{skipped}")), text)?;
    }
    let wide = |bytes: fn(u16) -> [u8; 2]| key.encode_utf16().flat_map(bytes).collect::<Vec<_>>();
    fs::write(folder.join("utf16-le"), wide(u16::to_le_bytes))?;
    fs::write(folder.join("utf16-be"), wide(u16::to_be_bytes))?;
    let statement = format!("CREATE TABLE planted AS SELECT '{key}' AS key");
    let database = Database {
        name: "postgres".to_owned(),
        ..servers.database(state)?
    };
    let programs = Programs::find().await?;
    for statement in [statement.as_str(), "CHECKPOINT"] {
        programs.query(&database, statement).await?;
    }
    publish(state, &key).await?;
    let files = files_with(&BTreeSet::from([key]), home).await?;
    let planted = files
        .iter()
        .filter(|file| file.starts_with(&folder))
        .count();
    let places =
        ["postgres/base", "postgres/pg_wal", "nats"].map(|place| servers.home().join(place));
    let in_all = places
        .iter()
        .all(|place| files.iter().any(|file| file.starts_with(place)));
    ensure!(
        planted == 6 && in_all,
        "the search for keys misses what was planted; it found {files:?}"
    );
    Ok(())
}

/// Stores a message with the key in a stream of its own.
async fn publish(state: &State, key: &str) -> anyhow::Result<()> {
    let port = state.port(Part::Nats).context("the broker has no port")?;
    let client = async_nats::connect(format!("nats://127.0.0.1:{port}")).await?;
    let jetstream = async_nats::jetstream::new(client);
    let stream = async_nats::jetstream::stream::Config {
        name: "planted".to_owned(),
        ..Default::default()
    };
    jetstream.create_stream(stream).await?;
    jetstream
        .publish("planted", key.to_owned().into())
        .await?
        .await?;
    Ok(())
}

/// Returns the keys that stand in the sources of the tests.
fn keys_of_sources(root: &Path) -> anyhow::Result<BTreeSet<String>> {
    let pattern = Regex::new(KEYS)?;
    let mut keys = BTreeSet::new();
    for folder in ["gateway", "worker", "crates"] {
        for file in files_below(&root.join(folder))? {
            if file.extension().is_none_or(|extension| extension != "rs") {
                continue;
            }
            let source = fs::read_to_string(&file)?;
            let found = pattern.find_iter(&source).map(|key| key.as_str());
            keys.extend(
                found
                    .filter(|key| !key.contains(MEANT_TO_BE_SEEN))
                    .map(ToOwned::to_owned),
            );
        }
    }
    Ok(keys)
}

/// Returns the master keys that were made for the installations below a folder.
fn generated_keys(home: &Path) -> anyhow::Result<BTreeSet<String>> {
    let mut keys = BTreeSet::new();
    for file in files_below(home)? {
        if file.file_name().is_some_and(|name| name == "secrets.json") {
            let secrets: serde_json::Value = serde_json::from_slice(&fs::read(&file)?)?;
            let key = secrets.get("master_key").and_then(|key| key.as_str());
            keys.extend(key.map(ToOwned::to_owned));
        }
    }
    Ok(keys)
}

fn files_below(folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            files.extend(files_below(&entry.path())?);
        } else {
            files.push(entry.path());
        }
    }
    Ok(files)
}

/// Returns the files in which a key stands, in whichever spelling. `grep` reads gigabytes in seconds, which our own
/// unoptimised build would not.
async fn files_with(keys: &BTreeSet<String>, folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let plain: BTreeSet<String> = keys
        .iter()
        .flat_map(|key| {
            (0..3)
                .map(|ahead| in_base64(key, ahead))
                .chain([key.clone()])
        })
        .collect();
    let wide: Vec<String> = keys.iter().map(|key| in_utf16(key)).collect();
    let lines = plain.into_iter().collect::<Vec<_>>().join("\n");
    let mut files = grep("-F", &lines, folder).await?;
    files.extend(grep("-P", &wide.join("|"), folder).await?);
    files.sort();
    files.dedup();
    Ok(files)
}

/// The letters of a key's base64 that do not depend on what stands before and behind it; `ahead` bytes do.
fn in_base64(key: &str, ahead: usize) -> String {
    let spread = STANDARD.encode([vec![0; ahead], key.as_bytes().to_vec()].concat());
    let whole = (ahead + key.len()) * 8 / 6;
    let begin = (ahead * 8).div_ceil(6);
    spread.get(begin..whole).unwrap_or_default().to_owned()
}

/// A pattern for both byte orders: the letters with a zero between them.
fn in_utf16(key: &str) -> String {
    let letters = key.chars().map(|letter| match letter {
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
    fn the_base64_of_a_key_is_recognised_wherever_it_begins() {
        let key = "sk-0123456789abcdef";
        for (ahead, before) in ["", "a", "ab", "abc"].iter().enumerate() {
            let text = STANDARD.encode(format!("{before}{key}!?"));
            let needle = in_base64(key, ahead % 3);
            assert!(needle.len() > 20 && text.contains(&needle), "{before}");
        }
    }

    #[test]
    fn keys_are_read_out_of_sources_unless_they_are_meant_to_be_seen() {
        let pattern = Regex::new(KEYS).unwrap();
        let source = "let key = \"sk-one-of-many-{n:04}\"; // risk-averse, mk-";
        let found: Vec<_> = pattern.find_iter(source).map(|key| key.as_str()).collect();
        assert_eq!(found, ["sk-one-of-many-"]);
    }
}
