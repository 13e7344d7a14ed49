//! The search after a whole run: no key that a test used may stand in anything the servers and the processes wrote.
//!
//! Looked for are all keys in the sources of the tests, and the generated master keys of every installation that ran,
//! as they are (JSON leaves these letters alone), in base64 and in UTF-16. What is searched: database files with the
//! whole write-ahead log, the broker's store, logs, last metrics. Only the generated files with secrets are left out. A
//! key that is planted in each of these places must be found by the same search.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, ensure};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use regex::Regex;

use crate::installation::{Database, Installation, State};
use crate::part::Part;
use crate::postgres::Programs;
use crate::traces;

/// How keys look in the tests: those of providers and master keys. A key that is meant to be seen says so.
const KEYS: &str =
    r"\b[sm]k-[A-Za-z0-9_-]{9,}|the (?:first|second) master key of this installation";
const MEANT_TO_BE_SEEN: &str = "on-purpose";

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
    let files = traces::files_with(&keys, home).await?;
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
    let files = traces::files_with(&BTreeSet::from([key]), home).await?;
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_read_out_of_sources_unless_they_are_meant_to_be_seen() {
        let pattern = Regex::new(KEYS).unwrap();
        let source = "let key = \"sk-one-of-many-{n:04}\"; // risk-averse, mk-";
        let found: Vec<_> = pattern.find_iter(source).map(|key| key.as_str()).collect();
        assert_eq!(found, ["sk-one-of-many-"]);
    }
}
