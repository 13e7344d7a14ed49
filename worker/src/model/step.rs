//! What may happen, and how it is told.

use std::fmt;

/// One thing that happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    Does(usize, Act),
    Fails(Fault),
    /// The gateway stores the next message.
    Publish,
    /// A request reaches Discord, and the answer its sender.
    Arrive(usize),
    /// A worker starts.
    Start(usize),
    /// Time passes.
    Tick,
}

/// One step of a worker: one statement, one request, or one look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Act {
    Take,
    EvictOwn,
    EvictDead(usize),
    NoticeLoss,
    GiveAway,
    Receive,
    Admit,
    Acknowledge,
    Load,
    Claim,
    LetGo(usize),
    Resume,
    LookBack,
    Write,
    AskFence,
    Send,
    GiveUpWaiting,
    Confirm,
    BeginTool,
    Use,
    GiveUpUse,
    FinishTool,
    End,
    Release,
    Leave,
    Beat,
}

/// One thing that goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    Crash(usize),
    /// No heartbeat gets through any more: cut off, or frozen.
    Silence(usize),
    /// It is told to stop, in good order.
    Stop(usize),
    /// What it did took effect, and it does not know.
    AnswerLost(usize, Act),
    /// What it did took no effect, and it does not know.
    RequestLost(usize, Act),
    /// Discord's answer to a post is lost.
    PostAnswerLost(usize),
    /// A worker waits no longer for an answer; the request is still on its way.
    TimeOut(usize),
    /// A turn takes longer than a turn may take.
    Overdue(usize),
    /// The broker restarts: all connections break, ids of what was acknowledged are forgotten.
    BrokerRestart,
    /// The gateway starts again behind this message and publishes it once more.
    Replay(usize),
    /// Somebody deletes the message that asked.
    DeleteTrigger(usize),
    /// A long time passes: nothing is on its way any more, and nonces are forgotten.
    LongTime,
}

/// Kinds of faults, for the choice of a scenario.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Crash,
    Silence,
    Stop,
    LostAnswer,
    LostRequest,
    LostPost,
    Overdue,
    Broker,
    Delete,
    LongTime,
}

fn name(worker: usize) -> char {
    char::from(b'A' + u8::try_from(worker).unwrap_or_default())
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Does(worker, act) => write!(f, "{} {act}", name(*worker)),
            Self::Fails(fault) => write!(f, "! {fault}"),
            Self::Publish => f.write_str("the gateway stores the next message"),
            Self::Arrive(request) => {
                write!(f, "request {request} on its way arrives at Discord")
            }
            Self::Start(worker) => write!(f, "{} starts", name(*worker)),
            Self::Tick => f.write_str("5 s pass"),
        }
    }
}

impl fmt::Display for Act {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Take => "takes the partition: it makes a consumer",
            Self::EvictOwn => "deletes a consumer of its own that it does not hold",
            Self::EvictDead(worker) => {
                return write!(f, "judges {} dead and deletes its consumer", name(*worker));
            }
            Self::NoticeLoss => "notices that its consumer is gone",
            Self::GiveAway => "gives the partition away",
            Self::Receive => "receives the next event",
            Self::Admit => "decides about the event in hand",
            Self::Acknowledge => "acknowledges the event in hand",
            Self::Load => "reads the open turns",
            Self::Claim => "claims the first turn",
            Self::LetGo(turn) => return write!(f, "lets go of turn {}", turn + 1),
            Self::Resume => "reads the posts and tools of its turn",
            Self::LookBack => "looks through the channel for the post in doubt, and settles it",
            Self::Write => "writes the row of the next post, or finds that all is posted",
            Self::AskFence => "asks whether the turn is still its own",
            Self::Send => "sends the post",
            Self::GiveUpWaiting => "waits no longer for a request that never arrived",
            Self::Confirm => "records the message that the post became",
            Self::BeginTool => "writes the row of a tool that it is about to use",
            Self::Use => "uses the tool",
            Self::GiveUpUse => "waits no longer for what the tool never answered",
            Self::FinishTool => "records what came of the tool",
            Self::End => "records the end of its turn",
            Self::Release => "releases its turn",
            Self::Leave => "says that it has gone",
            Self::Beat => "is heard again",
        })
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Crash(worker) => write!(f, "{} dies", name(*worker)),
            Self::Silence(worker) => write!(f, "{} is not heard any more", name(*worker)),
            Self::Stop(worker) => write!(f, "{} is told to stop", name(*worker)),
            Self::AnswerLost(worker, act) => {
                write!(f, "{} {act}, and the answer is lost", name(*worker))
            }
            Self::RequestLost(worker, act) => {
                write!(f, "{} {act}, and the request is lost", name(*worker))
            }
            Self::PostAnswerLost(request) => {
                write!(f, "request {request} arrives, and the answer is lost")
            }
            Self::TimeOut(worker) => write!(
                f,
                "{} waits no longer, and its request is still on its way",
                name(*worker)
            ),
            Self::Overdue(worker) => write!(f, "the turn of {} has taken too long", name(*worker)),
            Self::BrokerRestart => f.write_str("the broker restarts"),
            Self::Replay(message) => {
                write!(f, "the gateway stores message {} once more", message + 1)
            }
            Self::DeleteTrigger(message) => {
                write!(f, "somebody deletes message {}", message + 1)
            }
            Self::LongTime => f.write_str("more than a minute passes"),
        }
    }
}
