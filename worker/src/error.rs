//! Why a turn did not end well, and what follows from it.

use std::time::Duration;

use store::{Payer, TurnState};

use crate::clock;
use crate::notice::{Around, CredentialText, Fault, Notice, Objection, Silence};
use crate::pool::CallError;

/// Everything that can end a turn early, by step.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TurnError {
    /// Another worker owns the turn now: nothing may be written or sent any more.
    #[error("the turn belongs to another worker")]
    FenceLost,
    /// This process is on its way out: the next owner goes on.
    #[error("this worker stops before the turn has ended")]
    Abandoned,
    /// Somebody deleted the message that asked.
    #[error("the trigger was deleted")]
    TriggerDeleted,
    /// Somebody asked to stop.
    #[error("the turn was stopped")]
    StopRequested,
    /// Who asked has opted out of everything meanwhile (PRIV-33).
    #[error("who asked does not want to be heard any more")]
    OptedOut,
    /// The persona has muted or blocked who asked meanwhile, or nobody can tell (PRIV-43, PRIV-45).
    #[error("the persona does not answer who asked")]
    Muted,
    /// It took longer than a turn may take.
    #[error("the turn took too long")]
    Overdue,
    /// Nothing came of it for as long as that may be (CHAT-48).
    #[error("the turn got nowhere for too long")]
    Stalled,
    /// The reply has as many posts as one may have; people have seen them.
    #[error("the reply has as many posts as one may have")]
    FlushLimit,
    /// It was begun too often: it seems to kill its workers.
    #[error("the turn was begun too often")]
    TooManyAttempts,
    /// A worker that had it before has told people why it ends, and died before it ended it.
    #[error("people were told already why the turn ends")]
    AlreadyTold,
    /// Its last post is so old that going on would confuse more than help (CHAT-47).
    #[error("the reply was interrupted too long ago")]
    TooLateToContinue,
    /// The model says something else in the place of what people have read (CHAT-47).
    #[error("the model does not go on with the reply but begins anew")]
    StartsAnew,
    /// There is no key to call the model with.
    #[error("there is no provider key")]
    NoCredentials,
    /// Every key of the pool rests, for so long at least.
    #[error("all provider keys rest")]
    KeysRest(Duration),
    /// Every key was refused for good, or taken out of use.
    #[error("all provider keys are disabled")]
    KeysDisabled,
    /// Every key failed in this turn already.
    #[error("no provider key is left for this turn")]
    KeysSpent,
    /// The provider did not answer others before, and was left alone.
    #[error("the provider does not answer")]
    ProviderSilent,
    /// The stored key does not open.
    #[error("the provider key cannot be read")]
    KeyUnreadable,
    /// The stored provider is none that this version knows.
    #[error("the provider is unknown to this version")]
    UnknownProvider,
    /// The model answered with nothing.
    #[error("the model answered with nothing")]
    EmptyReply,
    /// The provider failed.
    #[error("the provider failed")]
    Model(#[from] llm::Error),
    /// Discord refused or did not answer.
    #[error("discord did not take a call")]
    Discord(#[from] discord::Error),
    /// The database refused or was away for too long.
    #[error("the database did not take a statement")]
    Store(#[from] store::Error),
}

impl From<CallError> for TurnError {
    fn from(error: CallError) -> Self {
        match error {
            CallError::Model(error) => error.into(),
            CallError::Resting(rest) => Self::KeysRest(rest),
            CallError::Disabled => Self::KeysDisabled,
            CallError::NoKey => Self::NoCredentials,
            CallError::NoneLeft => Self::KeysSpent,
            CallError::Silent => Self::ProviderSilent,
            CallError::Unreadable => Self::KeyUnreadable,
            CallError::Store(error) => error.into(),
        }
    }
}

/// What becomes of the turn's row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Disposition {
    /// It ends in this state, for this reason.
    End(TurnState),
    /// It is given to the next owner as it is.
    Release,
    /// It is somebody else's: hands off.
    Leave,
}

impl TurnError {
    /// Returns a word for metrics and the turn's record, out of a closed set.
    pub(crate) const fn label(&self) -> &'static str {
        match self {
            Self::FenceLost => "fence_lost",
            Self::Abandoned => "abandoned",
            Self::TriggerDeleted => "deleted",
            Self::StopRequested => "stop_requested",
            Self::OptedOut => "privacy",
            Self::Muted => "persona_block",
            Self::Overdue => "overdue",
            Self::Stalled => "stalled",
            Self::FlushLimit => "flush_limit",
            Self::TooManyAttempts => "too_many_attempts",
            Self::AlreadyTold => "already_told",
            Self::TooLateToContinue => "too_late_to_continue",
            Self::StartsAnew => "starts_anew",
            Self::NoCredentials => "no_credentials",
            Self::KeysRest(_) => "keys_rest",
            Self::KeysDisabled => "keys_disabled",
            Self::KeysSpent => "keys_spent",
            Self::ProviderSilent => "provider_silent",
            Self::KeyUnreadable => "key_unreadable",
            Self::UnknownProvider => "unknown_provider",
            Self::EmptyReply => "empty_reply",
            Self::Model(error) => error.class().as_str(),
            Self::Discord(error) => error.label(),
            Self::Store(_) => "database",
        }
    }

    /// Returns the reason to record at the turn's end; `None` where it is on record already.
    pub(crate) const fn reason(&self) -> Option<&'static str> {
        match self {
            Self::AlreadyTold => None,
            error => Some(error.label()),
        }
    }

    /// Returns what becomes of the turn; `has_posted` tells whether people saw a part of it.
    pub(crate) const fn disposition(&self, has_posted: bool) -> Disposition {
        match self {
            Self::FenceLost => Disposition::Leave,
            Self::Abandoned => Disposition::Release,
            Self::TriggerDeleted | Self::StopRequested | Self::OptedOut | Self::Muted => {
                Disposition::End(TurnState::Stopped)
            }
            Self::FlushLimit => Disposition::End(TurnState::Done),
            Self::Overdue
            | Self::Stalled
            | Self::TooManyAttempts
            | Self::AlreadyTold
            | Self::TooLateToContinue
            | Self::StartsAnew
            | Self::NoCredentials
            | Self::KeysRest(_)
            | Self::KeysDisabled
            | Self::KeysSpent
            | Self::ProviderSilent
            | Self::KeyUnreadable
            | Self::UnknownProvider
            | Self::EmptyReply
            | Self::Model(_)
            | Self::Discord(_)
            | Self::Store(_) => Disposition::End(if has_posted {
                TurnState::Interrupted
            } else {
                TurnState::Failed
            }),
        }
    }

    /// Returns what people are told, `None` where silence is right.
    pub(crate) fn reply(&self, has_posted: bool, around: Around) -> Option<Notice> {
        match self {
            Self::FenceLost
            | Self::Abandoned
            | Self::TriggerDeleted
            | Self::StopRequested
            | Self::AlreadyTold
            | Self::OptedOut
            | Self::Muted
            | Self::FlushLimit => None,
            // Who may not be written to cannot be told either.
            Self::Discord(
                discord::Error::Refused { .. }
                | discord::Error::Unauthorized
                | discord::Error::Malformed { .. },
            ) => None,
            Self::Model(error) => Some(Notice::Provider(Fault::in_turn(error, around))),
            Self::KeysRest(rest) => Some(Notice::Provider(Fault::KeysRest {
                until_unix: (clock::unix_now_ms() / 1000).saturating_add(rest.as_secs() + 1),
            })),
            Self::KeysDisabled => Some(Notice::Provider(Fault::RefusedInUse {
                payer: around.payer,
                objection: Objection::Wrong,
            })),
            Self::KeysSpent => Some(Notice::Provider(Fault::KeysSpent)),
            Self::ProviderSilent => Some(Notice::Provider(Fault::silent_in(
                Silence::LeftAlone,
                around,
            ))),
            _ if has_posted => Some(Notice::ReplyInterrupted),
            Self::Overdue | Self::Stalled => Some(Notice::TooSlow),
            Self::NoCredentials | Self::KeyUnreadable if around.payer == Payer::User => {
                Some(Notice::Credentials(CredentialText::OwnUnusable))
            }
            Self::NoCredentials => Some(Notice::NoCredentials),
            Self::KeyUnreadable => Some(Notice::KeyUnreadable),
            Self::EmptyReply => Some(Notice::EmptyReply),
            Self::Store(_) => Some(Notice::DatabaseAway),
            Self::TooManyAttempts
            | Self::TooLateToContinue
            | Self::StartsAnew
            | Self::UnknownProvider
            | Self::Discord(_) => Some(Notice::Unexpected),
        }
    }
}
