//! What people are told who ask too often, or too much at once.

use std::borrow::Cow;

use proto::id::ChannelId;
use store::CooldownKind;

/// One sentence about a guard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GuardText {
    /// A message came before its time (GUARD-22).
    Cooldown {
        /// Where.
        channel: ChannelId,
        /// What rests.
        kind: CooldownKind,
        /// For how much longer, at least 1.
        seconds: u32,
    },
    /// Enough messages of the person wait for their replies (GUARD-36).
    EnoughOfUser {
        /// Where the one was that is dropped.
        channel: ChannelId,
    },
    /// Enough messages of the server do.
    EnoughOfServer,
    /// Enough messages of the channel do.
    EnoughOfChannel,
    /// The person has no answers left (GUARD-47).
    QuotaOfUser {
        /// Where the one was that is dropped.
        channel: ChannelId,
        /// When there are answers again, Unix time in seconds, where that is known.
        ends: Option<i64>,
    },
    /// The server has none.
    QuotaOfServer {
        /// The same.
        ends: Option<i64>,
    },
    /// A command came before its time (GUARD-9).
    Command {
        /// For how much longer, at least 1.
        seconds: u32,
    },
    /// Somebody uses buttons, menus and forms faster than anybody reads them (GUARD-8).
    Hurry,
    /// The server has the bot answer elsewhere.
    NotHere,
    /// The server has the bot answer others.
    NotYou,
    /// The server has this persona answer elsewhere.
    PersonaNotHere,
    /// Who may be answered where cannot be read.
    Unreadable,
}

impl GuardText {
    /// Returns the words.
    pub(super) fn text(self) -> Cow<'static, str> {
        Cow::Borrowed(match self {
            Self::Cooldown {
                channel,
                kind,
                seconds,
            } => {
                return format!(
                    "I did not answer you in <#{channel}>: there, I answer {} again in {}. Your \
                     message is not kept; write it again then.",
                    whom(kind),
                    seconds_of(seconds)
                )
                .into();
            }
            Self::EnoughOfUser { channel } => {
                return format!(
                    "I did not take your message in <#{channel}>: enough of your messages wait for \
                     their replies. Let them come first, or end them with `/bot kill`."
                )
                .into();
            }
            Self::QuotaOfUser { channel, ends } => {
                return format!(
                    "I did not take your message in <#{channel}>: you have used up your replies \
                     there. {}",
                    again(ends)
                )
                .into();
            }
            Self::QuotaOfServer { ends } => {
                return format!("This server has used up its replies. {}", again(ends)).into();
            }
            Self::EnoughOfServer => {
                "Enough messages of this server wait for their replies. Try again in a minute."
            }
            Self::EnoughOfChannel => {
                "Enough messages wait for their replies in this channel. Let them come first."
            }
            Self::Command { seconds } => {
                return format!("Not so fast: try this again in {}.", seconds_of(seconds)).into();
            }
            Self::Hurry => "Not so fast: nothing was changed. Try again in a few seconds.",
            Self::NotHere => {
                "I am not to talk in this channel. Who may manage the server can change that with \
                 `/server whitelist`."
            }
            Self::NotYou => {
                "I am to answer certain roles only, and you have none of them. Who may manage the \
                 server can change that with `/server whitelist`."
            }
            Self::PersonaNotHere => {
                "This persona does not talk in this channel. Who may manage the server can change \
                 that with `/server whitelist`."
            }
            Self::Unreadable => {
                "I cannot read who may talk to me here, so nobody may. Try again in a minute."
            }
        })
    }
}

fn again(ends: Option<i64>) -> String {
    let when = ends.map_or_else(|| "later".to_owned(), |ends| format!("<t:{ends}:R>"));
    format!("There are replies again {when}. Who may manage the server sets how many there are.")
}

/// Who waits.
const fn whom(kind: CooldownKind) -> &'static str {
    match kind {
        CooldownKind::User => "each person",
        CooldownKind::Channel => "this channel",
        CooldownKind::Server | CooldownKind::Everybody => "the whole server",
    }
}

fn seconds_of(seconds: u32) -> String {
    match seconds {
        1 => "1 second".to_owned(),
        seconds @ 2..120 => format!("{seconds} seconds"),
        seconds => format!("{} minutes", seconds.div_ceil(60)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn guards_say_for_how_long_and_never_less() {
        let said = |seconds| GuardText::Command { seconds }.text().into_owned();
        assert!(said(1).contains("in 1 second."));
        assert!(said(119).contains("in 119 seconds."));
        assert!(said(121).contains("in 3 minutes."));
    }
}
