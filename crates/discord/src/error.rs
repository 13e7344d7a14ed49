//! What can go wrong with a call, by what the caller can do about it.

use std::error::Error as StdError;
use std::time::Duration;

/// Why a call to Discord gave no result.
///
/// No variant carries a token, a path or text of a message.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Discord understood and said no; asking again gives the same answer.
    #[error("discord refused the call with status {status} and code {code}")]
    Refused {
        /// The HTTP status.
        status: u16,
        /// Discord's own error code, 0 where it gave none.
        code: u64,
    },
    /// The request went out and its answer was lost: what it asks for may have happened.
    #[error("the answer to the call was lost: it may have taken effect")]
    InDoubt {
        /// What broke.
        #[source]
        cause: Option<Box<dyn StdError + Send + Sync>>,
    },
    /// Nothing took effect: the call never left, or was rate limited for longer than its deadline.
    #[error("the call was not sent")]
    NotSent {
        /// How long the rate limit lasts, where that was the reason.
        retry_after: Option<Duration>,
        /// What broke, where a connection did.
        #[source]
        cause: Option<Box<dyn StdError + Send + Sync>>,
    },
    /// Discord does not accept the bot token.
    #[error("discord does not accept the bot token")]
    Unauthorized,
    /// Discord is in trouble or out of reach. Nothing is in doubt: asking again is harmless.
    #[error("discord is unavailable")]
    Unavailable {
        /// The HTTP status of the last answer, where there was one.
        status: Option<u16>,
        /// What broke, where a connection did.
        #[source]
        cause: Option<Box<dyn StdError + Send + Sync>>,
    },
    /// Discord's answer, or our own request, cannot be read.
    #[error("malformed {what}")]
    Malformed {
        /// Which part it was.
        what: &'static str,
        /// Where the reading failed.
        #[source]
        cause: Option<Box<dyn StdError + Send + Sync>>,
    },
}

/// Discord's JSON error codes that we act upon (Discord's reference, "Opcodes and status codes").
mod code {
    pub(super) const UNKNOWN_CHANNEL: u64 = 10_003;
    pub(super) const UNKNOWN_GUILD: u64 = 10_004;
    pub(super) const UNKNOWN_MEMBER: u64 = 10_007;
    pub(super) const UNKNOWN_MESSAGE: u64 = 10_008;
    pub(super) const UNKNOWN_USER: u64 = 10_013;
    pub(super) const UNKNOWN_INTERACTION: u64 = 10_062;
    pub(super) const ALREADY_ACKNOWLEDGED: u64 = 40_060;
    pub(super) const MISSING_ACCESS: u64 = 50_001;
    pub(super) const CANNOT_SEND_TO_USER: u64 = 50_007;
    pub(super) const MISSING_PERMISSIONS: u64 = 50_013;
}

impl Error {
    /// Returns a word for logs and metric labels, out of a closed set.
    pub const fn label(&self) -> &'static str {
        match self {
            Self::Refused { .. } => "refused",
            Self::InDoubt { .. } => "in_doubt",
            Self::NotSent { .. } => "not_sent",
            Self::Unauthorized => "unauthorized",
            Self::Unavailable { .. } => "unavailable",
            Self::Malformed { .. } => "malformed",
        }
    }

    /// Returns Discord's error code when it refused.
    pub const fn code(&self) -> Option<u64> {
        match self {
            Self::Refused { code, .. } => Some(*code),
            _ => None,
        }
    }

    /// Returns how long the rate limit lasts that kept the call from being sent.
    pub const fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::NotSent { retry_after, .. } => *retry_after,
            _ => None,
        }
    }

    /// Tells whether the same call may do later.
    pub const fn is_for_now(&self) -> bool {
        match self {
            Self::InDoubt { .. }
            | Self::NotSent { .. }
            | Self::Unavailable { .. }
            | Self::Unauthorized => true,
            Self::Refused { .. } | Self::Malformed { .. } => false,
        }
    }

    /// Tells whether the server is gone (10004), or we are not in it (50001).
    pub const fn is_foreign_guild(&self) -> bool {
        matches!(
            self.code(),
            Some(code::UNKNOWN_GUILD | code::MISSING_ACCESS)
        )
    }

    /// Tells whether the user is not in the server (10007), or is none (10013).
    pub const fn is_unknown_member(&self) -> bool {
        matches!(self.code(), Some(code::UNKNOWN_MEMBER | code::UNKNOWN_USER))
    }

    /// Tells whether the message is gone (10008).
    pub const fn is_unknown_message(&self) -> bool {
        matches!(self.code(), Some(code::UNKNOWN_MESSAGE))
    }

    /// Tells whether the interaction's token is too old (10062).
    pub const fn is_unknown_interaction(&self) -> bool {
        matches!(self.code(), Some(code::UNKNOWN_INTERACTION))
    }

    /// Tells whether somebody answered the interaction before us (40060).
    pub const fn is_already_answered(&self) -> bool {
        matches!(self.code(), Some(code::ALREADY_ACKNOWLEDGED))
    }

    /// Tells whether the person takes no direct messages from us (50007).
    pub const fn is_direct_closed(&self) -> bool {
        matches!(self.code(), Some(code::CANNOT_SEND_TO_USER))
    }

    /// Tells whether we may not post there at all: no access, no permission, no such channel, or
    /// a person who takes no direct messages.
    pub const fn cannot_send(&self) -> bool {
        matches!(
            self.code(),
            Some(
                code::MISSING_ACCESS
                    | code::MISSING_PERMISSIONS
                    | code::UNKNOWN_CHANNEL
                    | code::CANNOT_SEND_TO_USER
            )
        )
    }
}
