//! What people are told about files with memories and settings (PRIV-47 to PRIV-62).

use std::borrow::Cow;

mod fault;
mod refused;

pub use self::fault::FileFault;

use crate::portable::FileType;

/// What a file, or the lack of one, has to do with somebody.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FileText {
    /// Beside a file in direct messages: what it is, and what can be done with it.
    Beside(FileType),
    /// It is in the direct messages.
    Sent,
    /// The person takes no direct messages (PRIV-48).
    DirectClosed,
    /// Nobody knows whether it arrived.
    DirectInDoubt,
    /// Discord does not take it now.
    DirectAway,
    /// It is not taken.
    NotTaken(FileFault),
    /// Title of what a file would do.
    WouldDo(FileType),
    /// How many memories it would add.
    Memories(MemoryCounts),
    /// How many it added.
    MemoriesAdded(MemoryCounts),
    /// How many settings it would change.
    Settings {
        /// How many.
        changed: usize,
    },
    /// How many it changed.
    SettingsChanged {
        /// How many.
        changed: usize,
    },
    /// There is nothing in it that is not there already.
    NothingNew,
    /// One of the first changes: a line.
    Line(String),
    /// There are more of them.
    More {
        /// How many.
        more: usize,
    },
    /// A lower privacy level is not taken from a file (PRIV-58).
    LevelStays,
    /// Names in it that mean nothing here.
    Ignored {
        /// Those that can be shown, in their order.
        names: Vec<String>,
        /// How many others there are.
        more: usize,
    },
    /// A reset that was not confirmed.
    NotConfirmed,
    /// All settings of a person are as at first; what stays.
    PersonReset,
    /// All settings of a server are as at first; what stays.
    ServerReset {
        /// How many are others now.
        changed: usize,
    },
}

/// What becomes, or became, of the memories in a file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MemoryCounts {
    /// How many are new.
    pub added: usize,
    /// How many are there already, or came twice.
    pub known: usize,
    /// For how many there is no room.
    pub left_out: usize,
    /// How many there can be.
    pub most: u32,
}

impl FileText {
    /// Returns the words.
    pub(super) fn text(&self) -> Cow<'static, str> {
        Cow::Borrowed(match self {
            Self::Beside(file_type) => return beside(*file_type).into(),
            Self::Sent => "I sent it to you: look at our direct messages.",
            Self::DirectClosed => {
                "I may not write to you directly, so nothing was sent: what is in the file is for \
                 you alone, and I never post it in a channel. In the menu of this server choose \
                 *Privacy Settings*, allow direct messages, and run the command again."
            }
            Self::DirectInDoubt => {
                "Discord did not say whether the file arrived. Look at our direct messages; if it is \
                 not there, run the command again."
            }
            Self::DirectAway => {
                "Discord does not take the file at the moment. Run the command again in a minute."
            }
            Self::NotTaken(fault) => return fault.text(),
            Self::WouldDo(file_type) => {
                return format!("**What this file would do: {}**", about(*file_type)).into();
            }
            Self::Memories(counts) => return counts.text("would be added").into(),
            Self::MemoriesAdded(counts) => return counts.text("added").into(),
            Self::Settings { changed } => {
                return format!("{} would change.", settings(*changed)).into();
            }
            Self::SettingsChanged { changed } => {
                return format!("{} changed.", settings(*changed)).into();
            }
            Self::NothingNew => {
                "Everything in this file is so already. There is nothing to change."
            }
            Self::Line(line) => return format!("• {line}").into(),
            Self::More { more } => return format!("… and {more} more.").into(),
            Self::LevelStays => {
                "The file asks for less privacy than you have. A file cannot lower it; \
                 `/personal privacy` does."
            }
            Self::Ignored { names, more } => return ignored(names, *more).into(),
            Self::NotConfirmed => {
                "Nothing was changed. To do it, run the command with `confirmation: yes`."
            }
            Self::PersonReset => {
                "I call you again as everybody sees you. Your privacy level, memories and keys stay as \
                 they are: `/personal privacy`, `/memory personal remove`, `/personal provider` and \
                 `/personal data delete` change those."
            }
            Self::ServerReset { changed } => {
                return format!(
                    "All settings are as at first; {} changed. Keys, models, personas, memories and \
                     the blacklist stay as they are.",
                    settings(*changed)
                )
                .into();
            }
        })
    }
}

impl MemoryCounts {
    fn text(self, done: &str) -> String {
        let Self {
            added,
            known,
            left_out,
            most,
        } = self;
        let known = match known {
            0 => String::new(),
            known => format!(" Known already: {known}."),
        };
        let left_out = match left_out {
            0 => String::new(),
            left_out => format!(" Without room: {left_out}; there can be {most}."),
        };
        format!("Memories {done}: {added}.{known}{left_out}")
    }
}

fn settings(number: usize) -> String {
    match number {
        1 => "1 setting".to_owned(),
        number => format!("{number} settings"),
    }
}

/// What a kind of file is about.
const fn about(file_type: FileType) -> &'static str {
    match file_type {
        FileType::PersonalMemories => "what one persona remembers about you",
        FileType::GlobalPersonalMemories => "what every persona remembers about you",
        FileType::ServerMemories => "what a persona remembers about a server",
        FileType::PersonalSettings => "your settings",
        FileType::ServerConfig => "settings of a server",
    }
}

/// The command that takes a kind of file.
const fn taken_by(file_type: FileType) -> &'static str {
    match file_type {
        FileType::PersonalMemories => "/memory personal import target:persona",
        FileType::GlobalPersonalMemories => "/memory personal import target:global",
        FileType::ServerMemories => "/memory server import",
        FileType::PersonalSettings => "/personal config import",
        FileType::ServerConfig => "/server config import",
    }
}

fn beside(file_type: FileType) -> String {
    let (about, command) = (about(file_type), taken_by(file_type));
    let secrets = match file_type {
        FileType::ServerConfig => {
            " It holds no key and no channel, and no id but the server's, or yours for direct messages."
        }
        FileType::PersonalSettings => " It holds no key.",
        _ => "",
    };
    format!("This file holds {about}, as you asked.{secrets} `{command}` takes it again.")
}

fn ignored(names: &[String], more: usize) -> String {
    let mut named: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    match more {
        0 => {}
        1 => named.push("another one".to_owned()),
        more => named.push(format!("{more} others")),
    }
    format!(
        "Passed over, because it means nothing here: {}.",
        named.join(", ")
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_setting_is_one() {
        let text = FileText::SettingsChanged { changed: 1 }.text();
        assert_eq!(text, "1 setting changed.");
    }
}
