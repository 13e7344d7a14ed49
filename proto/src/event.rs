//! The generated messages of `proto/tomori/events/v1`, re-exported as they are.
//!
//! `Debug` of the two messages that carry people's words or tokens prints ids only.

use std::fmt;

#[expect(missing_docs, clippy::pedantic, reason = "generated")]
mod generated {
    include!("gen/tomori.events.v1.rs");
}

pub use generated::*;

/// The version that [`Envelope::schema_version`] carries today.
pub const SCHEMA_VERSION: u32 = 1;

impl DeadLetterReason {
    /// All reasons that are given, in the order of their numbers.
    pub const ALL: [Self; 6] = [
        Self::TooLarge,
        Self::Rejected,
        Self::Malformed,
        Self::UnknownVersion,
        Self::Undecidable,
        Self::Crashed,
    ];

    /// Returns the reason as operators and metrics read it.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Unspecified => "unspecified",
            Self::TooLarge => "too_large",
            Self::Rejected => "rejected",
            Self::Malformed => "malformed",
            Self::UnknownVersion => "unknown_version",
            Self::Undecidable => "undecidable",
            Self::Crashed => "crashed",
        }
    }
}

impl fmt::Debug for Envelope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Envelope")
            .field("event_id", &self.event_id)
            .field("partition", &self.partition)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Message")
            .field("message_id", &self.message_id)
            .field("channel_id", &self.channel_id)
            .field("guild_id", &self.guild_id)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Interaction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Interaction")
            .field("interaction_id", &self.interaction_id)
            .field("type", &self.r#type())
            .finish_non_exhaustive()
    }
}
