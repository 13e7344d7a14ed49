//! The words about who is answered where, how often and by whom (CMD-67 to CMD-69).

use std::borrow::Cow;

use proto::id::ChannelId;
use store::{ChannelRest, Cooldown, CooldownKind, TypedCooldown};

/// A line, label or message about the rules of a server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RuleText {
    /// A number that no client lets through.
    Unfit {
        /// The smallest.
        least: i64,
        /// The largest.
        most: i64,
    },
    /// Things that do not go together.
    OneAtATime,
    /// What rests from now on.
    Cooldown(TypedCooldown),
    /// Limits are saved.
    LimitsSaved,
    /// The limits as they are.
    Limits {
        /// Messages of history.
        messages: u16,
        /// Personas that answer one message.
        personas: u8,
        /// How human the posting looks.
        humanizer: u8,
    },
    /// Title of the lists.
    Title,
    /// All lists are empty.
    Everywhere,
    /// A row: a channel, and what rests there.
    Channel {
        /// The channel.
        channel: ChannelId,
        /// What rests there.
        rests: ChannelRest,
    },
    /// A row: a role.
    Role(u64),
    /// A row: where a persona answers.
    Persona {
        /// Its name.
        name: String,
        /// Where.
        channel: ChannelId,
    },
    /// A row in a menu, which shows no mentions.
    Bare(&'static str),
    /// Placeholder of the menu; at most 150 characters.
    TakeOff,
    /// Something is on its list now.
    Listed,
    /// Its list takes no more.
    Full,
    /// Something is off its list now.
    Unlisted,
    /// It was off before.
    GoneBefore,
}

impl RuleText {
    /// What stands for a row in a menu.
    pub(crate) fn bare(&self) -> Self {
        match self {
            Self::Channel { .. } => Self::Bare("a channel"),
            Self::Role(_) => Self::Bare("a role"),
            Self::Persona { .. } => Self::Bare("a persona's channel"),
            other => other.clone(),
        }
    }

    /// Returns the words.
    pub(super) fn text(&self) -> Cow<'static, str> {
        Cow::Borrowed(match self {
            Self::Unfit { least, most } => {
                return format!("The number must be {least} to {most}. Nothing was changed.")
                    .into();
            }
            Self::OneAtATime => {
                "Give a channel, or a role, or a persona and its channel. What rests in a channel \
                 needs its type and its length. Nothing was changed."
            }
            Self::Cooldown(typed) => return cooldown(*typed).into(),
            Self::LimitsSaved => {
                "Saved. It holds for the next message; `/server limits` shows all."
            }
            Self::Limits {
                messages,
                personas,
                humanizer,
            } => {
                return format!(
                    "I read up to {messages} earlier messages, up to {personas} personas answer one \
                     message, and the humanizer is {humanizer}."
                )
                .into();
            }
            Self::Title => "**Where I answer, and whom**",
            Self::Everywhere => {
                "Everywhere, and everybody. `/server whitelist` takes a channel, a role, or a \
                 persona and its channel."
            }
            Self::Channel { channel, rests } => return of_channel(*channel, *rests).into(),
            Self::Role(role) => return format!("<@&{role}>").into(),
            Self::Persona { name, channel } => return format!("{name} in <#{channel}>").into(),
            Self::Bare(words) => words,
            Self::TakeOff => "Take one off its list",
            Self::Listed => "Listed. It holds for the next message.",
            Self::Full => {
                "This list takes no more than 100, or nothing is set up here. Nothing was changed."
            }
            Self::Unlisted => "Taken off. It holds for the next message.",
            Self::GoneBefore => "It was off the list already.",
        })
    }
}

fn cooldown(typed: TypedCooldown) -> String {
    let Some(kind) = CooldownKind::from_number(typed.kind) else {
        return "Saved: messages are answered without a pause.".to_owned();
    };
    let past = if kind == CooldownKind::Everybody {
        "nobody goes past that"
    } else {
        "who may manage the server goes past that"
    };
    format!("Saved: {}; {past}.", rests(kind, typed.length_seconds))
}

fn of_channel(channel: ChannelId, own: ChannelRest) -> String {
    match own {
        ChannelRest::AsServer => format!("<#{channel}>"),
        ChannelRest::Nothing => format!("<#{channel}>, without a pause"),
        ChannelRest::Own(Cooldown {
            kind,
            length_seconds,
        }) => format!("<#{channel}>: {}", rests(kind, length_seconds)),
    }
}

fn rests(kind: CooldownKind, seconds: impl std::fmt::Display) -> String {
    let whom = match kind {
        CooldownKind::User => "each person",
        CooldownKind::Channel => "each channel",
        CooldownKind::Server | CooldownKind::Everybody => "the whole server",
    };
    format!("after an answered message {whom} waits {seconds} s")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn guards_are_told_with_their_length_and_who_goes_past() {
        let said = |kind| {
            let length_seconds = 60;
            RuleText::Cooldown(TypedCooldown {
                kind,
                length_seconds,
            })
            .text()
        };
        assert!(said(0).contains("without a pause"));
        assert!(said(1).contains("each person waits 60 s; who may manage"));
        assert!(said(4).contains("the whole server waits 60 s; nobody"));
    }
}
