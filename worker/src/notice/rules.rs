//! The words about who is answered where, how often and by whom (CMD-67 to CMD-69).

use std::borrow::Cow;

use proto::id::ChannelId;
use store::{ChannelRest, Cooldown, CooldownKind, QuotaUse, TypedCooldown};

/// Parts of which a picture of use is made.
const BAR_PARTS: u64 = 10;

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
        /// Messages of the server that wait for their replies.
        open: u64,
        /// How many of them there may be.
        most_open: u16,
    },
    /// How many replies there are from now on.
    QuotaSaved,
    /// How many there are, and what is used of them.
    QuotaUse(QuotaUse),
    /// What was used is forgotten.
    QuotaReset,
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
                open,
                most_open,
            } => {
                return format!(
                    "I read up to {messages} earlier messages, up to {personas} personas answer one \
                     message, and the humanizer is {humanizer}.\n{} {open} of {most_open} replies \
                     that this server may wait for at once.",
                    bar(*open, (*most_open).into())
                )
                .into();
            }
            Self::QuotaSaved => {
                "Saved. It holds for the next message. What was used stays used; \
                 `/server quota reset` forgets it."
            }
            Self::QuotaUse(used) => return quota(*used).into(),
            Self::QuotaReset => "Forgotten: everything is there to be used again.",
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

fn quota(used: QuotaUse) -> String {
    let each = match used.daily_user {
        0 => "any number".to_owned(),
        limit => format!(
            "{limit} in 24 hours. {} have had some of theirs, {} all",
            used.people, used.people_without
        ),
    };
    let days = used.resets_in_days;
    let all = match used.serverwide {
        0 => "any number".to_owned(),
        limit => format!(
            "{} {} of {limit} in {days} days",
            bar(used.used.unsigned_abs().into(), limit.unsigned_abs().into()),
            used.used
        ),
    };
    let ends = used.ends.filter(|_| used.serverwide > 0);
    let anew = ends.map_or_else(String::new, |ends| {
        format!("; they begin anew <t:{}:R>", ends.timestamp())
    });
    format!("**Replies**\nEach person: {each}.\nThe whole server: {all}{anew}.")
}

/// A picture of how much of a limit is used; full only at the limit.
fn bar(used: u64, limit: u64) -> String {
    let parts = used.saturating_mul(BAR_PARTS) / limit.max(1);
    (0..BAR_PARTS)
        .map(|part| if part < parts { '▰' } else { '▱' })
        .collect()
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

    #[test]
    fn guards_of_replies_are_pictured() {
        let used = QuotaUse {
            daily_user: 5,
            serverwide: 30,
            resets_in_days: 7,
            used: 29,
            ends: Some(chrono::DateTime::UNIX_EPOCH),
            people: 3,
            people_without: 1,
        };
        let said = RuleText::QuotaUse(used).text().into_owned();
        assert!(
            said.contains("5 in 24 hours. 3 have had some of theirs, 1 all."),
            "{said}"
        );
        assert!(
            said.contains("▰▰▰▰▰▰▰▰▰▱ 29 of 30 in 7 days; they begin anew <t:0:R>."),
            "{said}"
        );
        let free = QuotaUse {
            daily_user: 0,
            serverwide: 0,
            ..used
        };
        let said = RuleText::QuotaUse(free).text().into_owned();
        assert!(said.ends_with("The whole server: any number."), "{said}");
        assert_eq!((bar(0, 1), bar(7, 5)), ("▱".repeat(10), "▰".repeat(10)));
    }
}
