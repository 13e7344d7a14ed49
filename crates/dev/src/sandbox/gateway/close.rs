//! How a connection ends, and Discord's close codes (Discord opcodes and status codes page, 2026-11).

/// How a connection ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// We close with this code.
    Close(u16, &'static str),
    /// The client closed; with 1000 or 1001 its session is over.
    Left(Option<u16>),
    /// The socket breaks without a word.
    Break,
}

impl End {
    /// Tells whether the session is over too: it cannot be resumed.
    pub(super) fn ends_session(self) -> bool {
        matches!(
            self,
            Self::Left(Some(1_000 | 1_001)) | Self::Close(4_007 | 4_009, _)
        )
    }
}

pub(super) const UNKNOWN: End = End::Close(4_000, "Unknown error.");
pub(super) const UNKNOWN_OPCODE: End = End::Close(4_001, "Unknown opcode.");
pub(super) const UNDECODABLE: End = End::Close(4_002, "Error while decoding payload.");
pub(super) const NOT_YET: End = End::Close(4_003, "Not authenticated.");
pub(super) const NOT_AUTHENTICATED: End = End::Close(4_004, "Authentication failed.");
pub(super) const ALREADY: End = End::Close(4_005, "Already authenticated.");
pub(super) const INVALID_SEQUENCE: End = End::Close(4_007, "Invalid seq.");
pub(super) const RATE_LIMITED: End = End::Close(4_008, "Rate limited.");
pub(super) const TIMED_OUT: End = End::Close(4_009, "Session timed out.");
pub(super) const INVALID_SHARD: End = End::Close(4_010, "Invalid shard.");
pub(super) const SHARDING_REQUIRED: End = End::Close(4_011, "Sharding required.");
pub(super) const INVALID_VERSION: End = End::Close(4_012, "Invalid API version.");
pub(super) const INVALID_INTENTS: End = End::Close(4_013, "Invalid intent(s).");
pub(super) const DISALLOWED_INTENTS: End = End::Close(4_014, "Disallowed intent(s).");
