//! What is around the contents of every file: version, type, time, whose it is (PRIV-47).

use chrono::{DateTime, SecondsFormat, Utc};
use proto::id::UserId;
use serde::Serialize;
use serde_json::{Map, Value, json};

use super::refusal::Refusal;
use super::{VERSION, json};

/// What there is around the contents; all other names are passed over, and told.
const KNOWN: [&str; 6] = ["version", "type", "exported_at", "owner", "part", "data"];

/// The kinds of files (PRIV-51).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileType {
    /// What one persona remembers of a person.
    PersonalMemories,
    /// What every persona remembers of a person.
    GlobalPersonalMemories,
    /// What one persona remembers of a server.
    ServerMemories,
    /// Settings of a person.
    PersonalSettings,
    /// Settings of a server.
    ServerConfig,
}

impl FileType {
    /// All kinds.
    pub const ALL: [Self; 5] = [
        Self::PersonalMemories,
        Self::GlobalPersonalMemories,
        Self::ServerMemories,
        Self::PersonalSettings,
        Self::ServerConfig,
    ];

    /// Returns the name in the file.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::PersonalMemories => "personal_memories",
            Self::GlobalPersonalMemories => "global_personal_memories",
            Self::ServerMemories => "server_memories",
            Self::PersonalSettings => "personal_settings",
            Self::ServerConfig => "server_config",
        }
    }

    /// Returns the name under which the contents stand in `data`; `None` where they are `data`.
    pub const fn contents(self) -> Option<&'static str> {
        match self {
            Self::PersonalMemories | Self::GlobalPersonalMemories => Some("personal_memories"),
            Self::ServerMemories => Some("server_memories"),
            Self::PersonalSettings => None,
            Self::ServerConfig => Some("config"),
        }
    }

    /// Tells whether nobody else may hand it in. What is a server's may be taken to another one by
    /// whoever may manage both.
    pub const fn is_personal(self) -> bool {
        match self {
            Self::PersonalMemories | Self::GlobalPersonalMemories | Self::PersonalSettings => true,
            Self::ServerMemories | Self::ServerConfig => false,
        }
    }
}

/// A file that is to be written.
#[derive(Clone, Debug)]
pub struct Contents {
    /// What it is.
    pub file_type: FileType,
    /// Whose: the id of the person or of the server; that of direct messages is their person's.
    pub owner: u64,
    /// Which part of how many, counted from 1, where there are several (PRIV-49).
    pub part: Option<(usize, usize)>,
    /// What it holds.
    pub contents: Value,
}

#[derive(Serialize)]
struct Envelope<'a> {
    version: &'a str,
    r#type: &'a str,
    exported_at: String,
    owner: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    part: Option<Value>,
    data: Value,
}

/// Writes a file, as it is at this moment.
pub fn write(contents: Contents, now: DateTime<Utc>) -> Vec<u8> {
    let part = contents.part;
    let envelope = Envelope {
        version: VERSION,
        r#type: contents.file_type.as_str(),
        exported_at: now.to_rfc3339_opts(SecondsFormat::Millis, true),
        owner: contents.owner.to_string(),
        part: part.map(|(index, count)| json!({ "index": index, "count": count })),
        data: match contents.file_type.contents() {
            Some(name) => Value::Object(Map::from_iter([(name.to_owned(), contents.contents)])),
            None => contents.contents,
        },
    };
    // Nothing in it can fail to be written: its names are texts and its numbers finite.
    serde_json::to_vec_pretty(&envelope).unwrap_or_default()
}

/// A file that was opened: its contents are not looked at yet.
#[derive(Debug, PartialEq)]
pub struct Opened {
    /// What stands where the contents should.
    pub contents: Value,
    /// Names in the file that mean nothing here.
    pub ignored: Vec<String>,
}

/// Opens a file that somebody hands in.
///
/// # Errors
/// What is wrong with it as a file: nothing is looked at behind the first fault.
pub fn open(bytes: &[u8], wanted: FileType, by: UserId) -> Result<Opened, Refusal> {
    let Value::Object(mut envelope) = json::read(bytes)? else {
        return Err(Refusal::NotOurs);
    };
    check_head(&envelope, wanted, by)?;
    let data = envelope.remove("data");
    envelope.retain(|name, _| !KNOWN.contains(&&**name));
    let mut ignored: Vec<String> = envelope.into_iter().map(|(name, _)| name).collect();
    let Some(Value::Object(mut data)) = data else {
        return Err(Refusal::NoContents { name: "data" });
    };
    let Some(name) = wanted.contents() else {
        let contents = data.into();
        return Ok(Opened { contents, ignored });
    };
    let contents = data.remove(name).ok_or(Refusal::NoContents { name })?;
    ignored.extend(data.into_iter().map(|(name, _)| name));
    Ok(Opened { contents, ignored })
}

fn check_head(envelope: &Map<String, Value>, wanted: FileType, by: UserId) -> Result<(), Refusal> {
    let (Some(version), Some(found)) = (envelope.get("version"), envelope.get("type")) else {
        return Err(Refusal::NotOurs);
    };
    if version != VERSION {
        return Err(Refusal::Version);
    }
    if found != wanted.as_str() {
        let mut known = FileType::ALL.into_iter();
        let found = known.find(|known| found == known.as_str());
        return Err(Refusal::Type { found, wanted });
    }
    // One that was written by hand need not say whose it is.
    let owner = envelope.get("owner");
    if wanted.is_personal() && owner.is_some_and(|owner| *owner != by.to_string()) {
        return Err(Refusal::Foreign);
    }
    Ok(())
}
