//! Why the gateway stops, by what the operator can do about it.

/// Exit code when Discord will not have us with these settings; a restart changes nothing.
pub const EXIT_REFUSED: u8 = 3;

/// Discord's close codes after which connecting again is pointless.
///
/// Source: "Gateway Close Event Codes", Discord's reference (2026-11).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FatalClose {
    /// 4004: the token is wrong.
    Token,
    /// 4010: the shard number does not exist.
    Shard,
    /// 4011: more shards are needed.
    ShardsNeeded,
    /// 4012: the version of the gateway is gone.
    Version,
    /// 4013: an intent that does not exist.
    Intents,
    /// 4014: an intent that is not switched on for this bot.
    IntentsRefused,
}

impl FatalClose {
    /// Recognises a fatal close code.
    pub const fn of(code: u16) -> Option<Self> {
        match code {
            4004 => Some(Self::Token),
            4010 => Some(Self::Shard),
            4011 => Some(Self::ShardsNeeded),
            4012 => Some(Self::Version),
            4013 => Some(Self::Intents),
            4014 => Some(Self::IntentsRefused),
            _ => None,
        }
    }

    /// Returns Discord's number, which is also the metric label.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Token => "4004",
            Self::Shard => "4010",
            Self::ShardsNeeded => "4011",
            Self::Version => "4012",
            Self::Intents => "4013",
            Self::IntentsRefused => "4014",
        }
    }

    const fn advice(self) -> &'static str {
        match self {
            Self::Token => "DISCORD_TOKEN is not accepted; copy it again from the bot's page",
            Self::Shard => "the shard does not exist; correct SHARD_COUNT and SHARD_IDS",
            Self::ShardsNeeded => "the bot is on too many servers; raise SHARD_COUNT or use auto",
            Self::Version => "this version of the gateway protocol is gone; update the program",
            Self::Intents => "an intent is unknown to this server; update the program",
            Self::IntentsRefused => {
                "switch on MESSAGE CONTENT INTENT on the bot's page of the developer portal"
            }
        }
    }
}

/// Why the gateway stops other than by being asked to.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Discord closed the connection for good.
    #[error("Discord refuses the connection ({}): {}", .0.code(), .0.advice())]
    Fatal(FatalClose),
    /// Discord's REST interface does not accept the token.
    #[error("Discord does not accept DISCORD_TOKEN; copy it again from the bot's page")]
    Token,
    /// The client for Discord's REST interface cannot be built.
    #[error("the settings for Discord's REST interface cannot be used")]
    Rest(#[source] discord::Error),
    /// No usable connection to NATS.
    #[error(transparent)]
    Nats(#[from] runtime::nats::Error),
    /// Another gateway holds our shard; this one waits for it.
    #[error("another gateway has taken over shard {shard}")]
    Superseded {
        /// The shard.
        shard: u32,
    },
    /// The bot is divided into another number of shards than when this process started.
    #[error("the bot is divided into another number of shards now; start this gateway anew")]
    Forgotten,
    /// A shard of `SHARD_IDS` does not exist.
    #[error("SHARD_IDS names shard {shard}, but there are only {total}; numbering starts at 0")]
    NoSuchShard {
        /// The shard.
        shard: u32,
        /// How many there are.
        total: u32,
    },
    /// The admin port cannot be bound.
    #[error(transparent)]
    Admin(#[from] runtime::admin::BindError),
    /// A part of the gateway ended by a defect of ours.
    #[error("a part of the gateway has ended in a way it must not")]
    Task(#[source] tokio::task::JoinError),
    /// The operating system or the process refuses something basic.
    #[error("the process cannot be set up")]
    Setup(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl Error {
    /// Returns the exit code of the process.
    pub const fn exit_code(&self) -> u8 {
        match self {
            Self::Fatal(_) | Self::Token => EXIT_REFUSED,
            Self::Rest(_)
            | Self::Nats(_)
            | Self::Superseded { .. }
            | Self::Forgotten
            | Self::NoSuchShard { .. }
            | Self::Admin(_)
            | Self::Setup(_) => runtime::exit::USAGE,
            Self::Task(_) => runtime::exit::FINDINGS,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fatal_codes_are_told_from_those_that_can_be_resumed() {
        for code in [4004, 4010, 4011, 4012, 4013, 4014] {
            assert!(FatalClose::of(code).is_some(), "{code}");
        }
        for code in [1000, 1001, 1006, 4000, 4001, 4007, 4008, 4009] {
            assert_eq!(FatalClose::of(code), None, "{code}");
        }
    }

    #[test]
    fn refusal_has_its_own_exit_code_and_says_what_to_do() {
        let error = Error::Fatal(FatalClose::IntentsRefused);
        assert_eq!(error.exit_code(), 3);
        assert!(error.to_string().contains("MESSAGE CONTENT INTENT"));
    }
}
