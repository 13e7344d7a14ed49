//! Why a file that was handed in is not taken. Every sentence says that nothing was changed.

use std::borrow::Cow;

use super::refused;
use crate::portable::Refusal;

/// What keeps a file from being taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FileFault {
    /// No file came with the command.
    NoFile,
    /// It is larger than an import may be.
    TooLarge {
        /// How large it may be, in mebibytes.
        most_mib: u64,
    },
    /// Its bytes are no JSON in UTF-8.
    NoJson,
    /// Discord does not hand it out.
    NotFetched,
    /// Too much is being downloaded.
    Busy,
    /// As many were handed in as one person may.
    UsedUp {
        /// When the next one may be, Unix time in seconds; `None` for never.
        again_unix: Option<i64>,
    },
    /// Something in it is wrong.
    Refused(Refusal),
    /// It is another file than the one that was shown.
    OtherFile,
    /// Its address does not fit into a button, so nothing can be asked.
    LongName,
    /// The privacy level was raised elsewhere while it was read.
    Overtaken,
}

impl FileFault {
    /// Returns the words.
    pub(in crate::notice) fn text(&self) -> Cow<'static, str> {
        Cow::Borrowed(match self {
            Self::NoFile => {
                "No file came with the command. Choose one for the option `file`; nothing was \
                 changed."
            }
            Self::TooLarge { most_mib } => {
                return format!(
                    "The file is larger than {most_mib} MiB, which is the most. Part it into \
                     several, and hand them in one after the other. Nothing was changed."
                )
                .into();
            }
            Self::NoJson => {
                "The file is no JSON in UTF-8. Hand in a file as the command for the export makes \
                 it, saved as plain text. Nothing was changed."
            }
            Self::NotFetched => {
                "Discord did not hand me the file out. Run the command once more, with the file. \
                 Nothing was changed."
            }
            Self::Busy => {
                "I am reading too many files at the moment. Try again in a minute. Nothing was \
                 changed."
            }
            Self::UsedUp { again_unix: None } => {
                "Whoever runs this bot does not let anybody hand in files. Nothing was changed."
            }
            Self::UsedUp {
                again_unix: Some(again),
            } => {
                return format!(
                    "You handed in as many files as one person may in a day. The next one may come \
                     <t:{again}:R>. Nothing was changed."
                )
                .into();
            }
            Self::Refused(refusal) => return refused::text(refusal).into(),
            Self::OtherFile => {
                "This is not the file that was shown. Run the command once more, with the file. \
                 Nothing was changed."
            }
            Self::LongName => {
                "The name of the file is so long that I cannot ask you back. Give it a shorter one, \
                 and run the command once more. Nothing was changed."
            }
            Self::Overtaken => {
                "Your privacy level has just become as high elsewhere. Look at it with \
                 `/personal privacy`, and run the command once more if you still want to. Nothing \
                 was changed."
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::portable::FileType;

    #[test]
    fn every_refusal_says_that_nothing_was_changed() {
        let wanted = FileType::ServerConfig;
        let refusals = [
            Refusal::NotJson { line: 1, column: 2 },
            Refusal::TooDeep,
            Refusal::TooManyValues,
            Refusal::NamedTwice,
            Refusal::NotOurs,
            Refusal::Version,
            Refusal::Type {
                found: None,
                wanted,
            },
            Refusal::Type {
                found: Some(FileType::PersonalSettings),
                wanted,
            },
            Refusal::Foreign,
            Refusal::NoContents { name: "config" },
            Refusal::TooManyMemories { found: 2, most: 1 },
        ];
        for refusal in refusals {
            let text = FileFault::Refused(refusal).text();
            assert!(text.ends_with("Nothing was changed."), "{text}");
        }
    }
}
