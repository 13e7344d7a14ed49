//! The states of a turn and what started it, as closed sets of stored texts (CHAT-44).

use crate::text::texts;

texts! {
    /// How far a turn is.
    TurnState {
        /// Admitted; waits for its channel.
        Queued = "queued",
        /// Claimed; nothing asked of a model yet.
        Preparing = "preparing",
        /// The model answers.
        Streaming = "streaming",
        /// A tool runs.
        Tool = "tool",
        /// The model has ended; the last posts go out.
        Finishing = "finishing",
        /// Ended well. Final.
        Done = "done",
        /// Ended by an error. Final.
        Failed = "failed",
        /// Ended because somebody asked, or its trigger is gone. Final.
        Stopped = "stopped",
        /// Ended midway, visibly marked. Final.
        Interrupted = "interrupted",
    }
}

impl TurnState {
    /// Tells whether a turn in this state is over.
    pub const fn is_final(self) -> bool {
        match self {
            Self::Done | Self::Failed | Self::Stopped | Self::Interrupted => true,
            Self::Queued | Self::Preparing | Self::Streaming | Self::Tool | Self::Finishing => {
                false
            }
        }
    }

    /// Tells whether a turn in this state occupies its channel.
    pub const fn is_running(self) -> bool {
        match self {
            Self::Preparing | Self::Streaming | Self::Tool | Self::Finishing => true,
            Self::Queued | Self::Done | Self::Failed | Self::Stopped | Self::Interrupted => false,
        }
    }
}

texts! {
    /// What made a turn start (CHAT-35).
    TriggerKind {
        /// The bot was mentioned.
        Mention = "mention",
        /// A message of ours was answered.
        Reply = "reply",
        /// A trigger word occurred.
        Word = "word",
        /// A direct message.
        Direct = "direct",
        /// A command; the turn's message is its public answer.
        Command = "command",
        /// The author of a running turn told it to stop: one short answer.
        Stop = "stop",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_state_reads_back_from_its_text() {
        for &state in TurnState::ALL {
            assert_eq!(state.as_str().parse(), Ok(state));
            assert!(!(state.is_final() && state.is_running()));
        }
    }

    #[test]
    fn every_trigger_kind_reads_back_from_its_text() {
        for &kind in TriggerKind::ALL {
            assert_eq!(kind.as_str().parse(), Ok(kind));
        }
    }
}
