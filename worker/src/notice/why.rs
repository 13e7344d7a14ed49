//! What people are told who ask why their message was answered or not (CHAT-104).

use std::borrow::Cow;

use store::{Decision, TriggerKind, TurnState};

/// What became of one reply.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fate {
    /// How far it came.
    pub state: TurnState,
    /// Why it ended so, where that is known: a word of our own.
    pub reason: Option<String>,
}

/// The answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WhyText {
    /// The person is at level 2.
    Hidden,
    /// The person has written nothing among the latest messages.
    NothingWritten,
    /// What was given is neither a link nor an id.
    NoLink,
    /// There is no such message of the person.
    NotYours,
    /// Discord does not let us read the channel.
    CannotRead,
    /// The message is older than any record.
    TooOld,
    /// It asked for an answer, and nothing is recorded.
    Unrecorded,
    /// It was not answered.
    Refused(Decision),
    /// It was to be answered.
    Accepted {
        /// What in it asked for an answer; `None` when its replies are not known any more.
        kind: Option<TriggerKind>,
        /// The replies, in order.
        fates: Vec<Fate>,
    },
}

impl WhyText {
    /// Returns the words.
    pub(super) fn text(&self) -> Cow<'static, str> {
        Cow::Borrowed(match self {
            Self::Hidden => {
                "You have chosen that I use nothing of you, so I hear none of your messages and \
                 keep no record of them. Commands still work. To be heard again, use `/personal \
                 privacy`."
            }
            Self::NothingWritten => {
                "I see nothing that you wrote here lately. For an older message, give me its link: \
                 `/why message:`"
            }
            Self::NoLink => {
                "That is no message. Give me its link (\"Copy Message Link\" in Discord) or its id."
            }
            Self::NotYours => {
                "I see no such message of yours here. I explain your own messages only, each where \
                 it was written."
            }
            Self::CannotRead => {
                "Discord does not let me read this channel. Someone who may manage it has to give me \
                 \"View Channel\" and \"Read Message History\"."
            }
            Self::TooOld => "That was more than a day ago; I keep no record for longer.",
            Self::Unrecorded => {
                "It asked me, and I have no record of it. I may be about to decide, or may not have \
                 heard it; if nothing happens within a minute, write it again."
            }
            Self::Refused(code) => refused(*code),
            Self::Accepted { kind, fates } => return accepted(*kind, fates).into(),
        })
    }
}

fn accepted(kind: Option<TriggerKind>, fates: &[Fate]) -> String {
    let asked = kind.map_or("It asked me to reply.", asked);
    let fates = fates.iter().map(fate);
    std::iter::once(Cow::Borrowed(asked))
        .chain(fates)
        .collect::<Vec<_>>()
        .join("\n")
}

/// What in a message asked for an answer.
const fn asked(kind: TriggerKind) -> &'static str {
    match kind {
        TriggerKind::Mention => "You mentioned me.",
        TriggerKind::Reply => "You answered a message of mine.",
        TriggerKind::Word => "It contains a word that I listen to.",
        TriggerKind::Direct => "You wrote to me directly.",
        TriggerKind::Command => "You asked by a command.",
        TriggerKind::Stop => "You asked me to stop.",
    }
}

fn fate(fate: &Fate) -> Cow<'static, str> {
    let reason = fate.reason.as_deref();
    Cow::Borrowed(match fate.state {
        TurnState::Queued => "• The reply waits: I reply here to one after the other.",
        TurnState::Preparing | TurnState::Streaming | TurnState::Tool | TurnState::Finishing => {
            "• I am replying at this moment."
        }
        TurnState::Done => "• I replied.",
        TurnState::Stopped => stopped(reason),
        TurnState::Interrupted => {
            "• My reply was interrupted and could not be continued. Ask again to go on."
        }
        TurnState::Failed => match reason {
            Some(reason) => {
                return format!(
                    "• I tried and failed (`{reason}`). What I posted there says what to do."
                )
                .into();
            }
            None => "• I tried and failed. Ask again in a minute.",
        },
    })
}

/// Why a reply was stopped.
fn stopped(reason: Option<&str>) -> &'static str {
    match reason {
        Some("kill") => "• The reply was ended by `/bot kill`.",
        Some("stop_word") => "• You told me to stop.",
        Some("follow_up" | "replaced") => {
            "• You wrote again before I was done, so I answered the newer message."
        }
        Some("left") => "• I was removed from the server before I was done.",
        Some("data") => "• Data of the server was deleted before I was done.",
        Some("deleted") => "• The message was deleted before I was done.",
        Some("privacy") => "• You chose not to be heard before I was done.",
        _ => "• The reply was stopped.",
    }
}

/// Why there was no reply, and what to do about it.
const fn refused(code: Decision) -> &'static str {
    match code {
        Decision::Accepted => "It asked me to reply.",
        Decision::StopWord => "It stopped my running reply.",
        Decision::Stale => {
            "I could not decide about it for more than two minutes, and did not answer so late. \
             Write it again."
        }
        Decision::OwnPost => "That is a post of my own.",
        Decision::SystemMessage => "Discord wrote it, not you: such messages are not answered.",
        Decision::OtherBot => "Bots and webhooks are not answered.",
        Decision::PrivacyFull => {
            "You had chosen that I use nothing of you, so it was ignored. `/personal privacy` \
             changes that."
        }
        Decision::PrivacyUnknown => {
            "I could not tell what you allow me to use, so it was ignored. Choose once more with \
             `/personal privacy`."
        }
        Decision::ChannelKind => "I do not talk in channels of this kind.",
        Decision::CannotSend => {
            "I may not write here. Someone who may manage the channel has to allow it."
        }
        Decision::NoContent => {
            "I saw no words in it. Either there were none, or Discord withholds what people write: \
             whoever runs this bot has to switch on the Message Content intent."
        }
        Decision::ReplyToOtherBot => "It answers another bot, and does not name me.",
        Decision::UserFlood => "You wrote faster than I read. Wait a little and try again.",
        Decision::NotSetUp => {
            "I am not set up here yet. Someone who may manage this server can do it with `/setup`."
        }
        Decision::WhitelistChannel => "I am not to talk in this channel.",
        Decision::WhitelistRole => "I am to answer certain roles only, and you have none of them.",
        Decision::WhitelistPersona => "No persona may talk in this channel.",
        Decision::WhitelistUnreadable => {
            "I could not read who may talk to me here, so I did not. Try again in a minute."
        }
        Decision::NotTriggered => {
            "Nothing in it asked me to reply. I reply when you mention me, answer a message of \
             mine, use a word that I listen to, or write to me directly; and never to messages that \
             begin with `!`."
        }
        Decision::PersonaBlock => "The persona does not answer you for a while.",
        Decision::CascadeLimit => "Personas have answered each other often enough.",
        Decision::NoCredentials => {
            "There is no key that I could think with. Someone who may manage this server can see to \
             it with `/setup`, and you can bring your own with `/personal provider`."
        }
        Decision::LimitUser => "Enough replies to you are waiting. Let them come first.",
        Decision::LimitServer => "Enough replies are waiting in this server. Try again later.",
        Decision::LimitChannel => "Enough replies are waiting in this channel. Try again later.",
        Decision::QuotaUser => "You have used up your replies for now. Try again later.",
        Decision::QuotaServer => "This server has used up its replies for now. Try again later.",
        Decision::Cooldown => "You had just been answered: there is a cooldown. Try again later.",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(state: TurnState, reason: Option<&str>) -> String {
        let fate = Fate {
            state,
            reason: reason.map(ToOwned::to_owned),
        };
        let accepted = WhyText::Accepted {
            kind: Some(TriggerKind::Mention),
            fates: vec![fate],
        };
        accepted.text().into_owned()
    }

    #[test]
    fn every_decision_is_explained_in_a_sentence_of_its_own() {
        let mut texts: Vec<_> = Decision::ALL.iter().map(|code| refused(*code)).collect();
        texts.sort_unstable();
        texts.dedup();
        assert_eq!(texts.len(), Decision::ALL.len());
        assert!(texts.iter().all(|text| text.ends_with('.')));
    }

    #[test]
    fn what_asked_comes_first_and_then_what_came_of_it() {
        assert_eq!(of(TurnState::Done, None), "You mentioned me.\n• I replied.");
        assert_eq!(
            of(TurnState::Stopped, Some("kill")),
            "You mentioned me.\n• The reply was ended by `/bot kill`."
        );
        assert_eq!(
            of(TurnState::Failed, Some("keys_rest")),
            "You mentioned me.\n• I tried and failed (`keys_rest`). What I posted there says what \
             to do."
        );
    }
}
