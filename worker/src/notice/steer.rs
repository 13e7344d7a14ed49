//! What people are told who steer replies: `/bot kill`, `/bot respond`.

use std::borrow::Cow;

/// One sentence about steering.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SteerText {
    /// The public answer of `/bot respond`; the reply is a message of its own.
    Asked,
    /// `/bot respond` could not be handed to whoever replies.
    NotAsked,
    /// No persona of that name.
    UnknownPersona,
    /// The answer of `/bot kill`.
    Killed {
        /// Replies that ended, at least 1.
        turns: i64,
    },
    /// `/bot kill` where nothing of the asker runs or waits.
    NothingToKill,
}

impl SteerText {
    /// Returns the sentence.
    pub(super) fn text(self) -> Cow<'static, str> {
        Cow::Borrowed(match self {
            Self::Asked => "*I was asked to reply.*",
            Self::NotAsked => "I could not take this up. Nothing was done; try again in a minute.",
            Self::UnknownPersona => "Nobody here has this name. Check how the persona is written.",
            Self::Killed { turns: 1 } => "Ended: one reply.",
            Self::Killed { turns } => return format!("Ended: {turns} replies.").into(),
            Self::NothingToKill => {
                "Nothing of yours is running or waiting here. What others asked for can be ended \
                 by who may manage messages."
            }
        })
    }
}
