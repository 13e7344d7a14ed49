//! The rules of delivery, each of which can be left out to see what it is good for.

use std::fmt;

/// What keeps a promise.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Rule {
    /// The server refuses a second consumer of a partition.
    ConsumerIsTheLock,
    /// A consumer has a name of its own: creating one that exists would not be refused.
    NamesAreNew,
    /// A successor makes its own consumer and does not go on with the dead owner's.
    TakeoverRecreates,
    /// A consumer that is given away is deleted, again and again until it is gone.
    GiveAwayIsRepeated,
    /// An event is acknowledged once its decision is durable.
    AckAfterDecision,
    /// The id of an event is unique: it is decided once.
    EventIsDecidedOnce,
    /// An owner reads the rows of open turns.
    RowsAreRead,
    /// A turn that another living worker runs is the running turn of its channel.
    ForeignTurnRuns,
    /// Every write of a turn carries its fence.
    Fence,
    /// A post is a row before it is a message.
    RowBeforePost,
    /// The next row waits until the post before it is confirmed.
    NextAfterConfirmed,
    /// A post is sent only by a worker whose heartbeat was acknowledged a moment ago.
    FreshHeartbeat,
    /// After a break of the heartbeats the fence is asked before anything is sent.
    FenceAfterBreak,
    /// A post is sent with a nonce.
    Nonce,
    /// A post in doubt is looked for in the channel.
    LookBack,
    /// A successor waits until nothing of the dead worker can arrive before it looks.
    QuietBeforeLook,
    /// It waits as well when it cannot tell who left the post in doubt.
    QuietAfterAnybody,
    /// It waits as well before it ends the turn instead of going on.
    QuietBeforeEnd,
    /// A turn does not end while something that it sent may still arrive.
    QuietBeforeOwnEnd,
    /// The use of a tool is a row before it has an effect.
    StepBeforeEffect,
    /// That row carries the turn's fence.
    StepCarriesFence,
    /// A use that was begun by somebody else is never begun again.
    StartedIsNotRepeated,
}

/// The rules that are kept: all, or all but one.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Rules {
    without: Option<Rule>,
}

impl Rules {
    pub(super) const fn without(rule: Rule) -> Self {
        Self {
            without: Some(rule),
        }
    }

    pub(super) fn keep(self, rule: Rule) -> bool {
        self.without != Some(rule)
    }
}

impl fmt::Display for Rules {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.without {
            None => write!(f, "all rules"),
            Some(rule) => write!(f, "all rules but {rule:?}"),
        }
    }
}
