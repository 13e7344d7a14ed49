//! What came of a change of memories.

use std::borrow::Cow;

/// One or two sentences.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MemorySaid {
    /// It is remembered.
    Added,
    /// It is kept, and not used at the level of its person (PRIV-12).
    AddedUnused,
    /// It is kept, and not used in this server (PRIV-39).
    AddedUnusedHere,
    /// Nobody's memories are used in this server, so no persona of it takes one (PRIV-37, PRIV-39).
    OffHere,
    /// Nothing is kept of somebody at the strictest level (PRIV-20).
    Hidden,
    /// The same was remembered already.
    Known,
    /// There is no room.
    Full {
        /// How many there can be.
        most: u32,
    },
    /// Nothing was typed.
    Nothing,
    /// Too much was typed.
    TooLong {
        /// How many characters there can be.
        most: u16,
    },
    /// It says something else now.
    Changed,
    /// It is gone.
    Removed,
}

impl MemorySaid {
    /// Returns the words.
    pub(in crate::notice) fn text(self) -> Cow<'static, str> {
        Cow::Borrowed(match self {
            Self::Added => "I will remember that.",
            Self::AddedUnused => {
                "I keep that. At your privacy level I do not use what I remember about you; \
                 `/personal privacy` changes that."
            }
            Self::AddedUnusedHere => {
                "I keep that, and use it elsewhere: this server does not let me use memories of \
                 you here."
            }
            Self::OffHere => {
                "This server does not let me use memories of you, so nothing was saved. What every \
                 persona may know (`scope: global`) can be saved, and is used elsewhere."
            }
            Self::Hidden => {
                "At your privacy level I keep nothing of what you tell me, so nothing was saved. \
                 `/personal privacy` changes that."
            }
            Self::Known => "I remember exactly that already. Nothing was changed.",
            Self::Full { most } => {
                return format!(
                    "There is no room: I remember {most} things there, and that is the most. \
                     Remove one first. Nothing was saved."
                )
                .into();
            }
            Self::Nothing => "You typed nothing, so nothing was saved.",
            Self::TooLong { most } => {
                return format!(
                    "That is too long: one memory has at most {most} characters. Nothing was saved."
                )
                .into();
            }
            Self::Changed => "I remember it so from now on.",
            Self::Removed => "I have forgotten it.",
        })
    }
}
