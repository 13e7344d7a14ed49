//! The words about whose memories a server does without, and whom a persona does not answer (CMD-55,
//! CMD-72, CMD-73).

use std::borrow::Cow;

use proto::id::UserId;
use store::BlockKind;

/// A line, label or message about restrictions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RestrictionText {
    /// Direct messages have no other people.
    OnlyInServers,
    /// Who may order a block.
    NeedsModerateMembers,
    /// Bots have no memories.
    IsBot,
    /// The bot does not mute itself.
    IsOurself,
    /// A number or a reason that no client lets through.
    Unfit,
    /// What came of an addition to the blacklist.
    Blacklisted {
        /// Who is on it now.
        user: UserId,
        /// And was not before.
        is_new: bool,
        /// The server uses personal memories at all.
        are_memories_on: bool,
    },
    /// A persona does not answer somebody from now on.
    Blocked {
        /// The persona's name.
        persona: String,
        /// Whom.
        user: UserId,
        /// What it does without.
        kind: BlockKind,
        /// For how long.
        hours: u32,
    },
    /// The persona that was asked for does not answer who asks.
    Muted {
        /// The persona's name.
        persona: String,
        /// For how much longer.
        hours: u32,
    },
    /// Title of the list.
    Title,
    /// There is nobody in it.
    Empty,
    /// One row of it.
    Line {
        /// Counted from 1 over all pages.
        number: usize,
        /// Whom it is about.
        user: UserId,
        /// In a few words, [`Self::IsBlacklisted`] or [`Self::IsBlocked`].
        what: String,
    },
    /// Such words about the blacklist.
    IsBlacklisted,
    /// Such words about a block.
    IsBlocked {
        /// The persona's name.
        persona: String,
        /// What it does without.
        kind: BlockKind,
        /// For how much longer.
        hours: u32,
    },
    /// Which part of the list this is.
    Page {
        /// From 1.
        page: usize,
        /// How many there are.
        pages: usize,
    },
    /// Placeholder of the menu; at most 150 characters.
    Untick,
    /// What came of unticking.
    Lifted {
        /// Rows that are gone.
        count: u64,
    },
}

impl RestrictionText {
    /// Returns the words.
    pub(super) fn text(&self) -> Cow<'static, str> {
        Cow::Borrowed(match self {
            Self::OnlyInServers => "This is for servers: here is nobody but you and me.",
            Self::NeedsModerateMembers => {
                "Only people with the permission \"Manage Server\" or \"Timeout Members\" may do \
                 this. Ask one of them."
            }
            Self::IsBot => "I remember nothing about bots, so nothing was changed.",
            Self::IsOurself => "That is me. Nothing was changed.",
            Self::Unfit => {
                "The hours must be 1 to 168, and the reason 1 to 250 characters. Nothing was changed."
            }
            Self::Title => "**Whose memories I do without here, and whom personas do not answer**",
            Self::Empty => "Nobody.",
            Self::IsBlacklisted => "blacklist: I do without my memories of this person",
            Self::Untick => "Untick what shall end",
            Self::Lifted { count: 0 } => "Nothing was changed.",
            Self::Lifted { count: 1 } => "One of them is over.",
            Self::Lifted { count } => return format!("{count} of them are over.").into(),
            Self::Page { page, pages } => return format!("Page {page} of {pages}.").into(),
            Self::Line { number, user, what } => {
                return format!("`{number}` <@{user}> – {what}").into();
            }
            Self::IsBlocked {
                persona,
                kind,
                hours,
            } => return format!("{}: {persona}, {} left", kind.as_str(), hours_of(*hours)).into(),
            Self::Muted { persona, hours } => {
                return format!(
                    "{persona} does not answer you here for another {}. Who may manage the server \
                     can end that earlier.",
                    hours_of(*hours)
                )
                .into();
            }
            Self::Blocked {
                persona,
                user,
                kind,
                hours,
            } => return blocked(persona, *user, *kind, *hours).into(),
            Self::Blacklisted {
                user,
                is_new,
                are_memories_on,
            } => return blacklisted(*user, *is_new, *are_memories_on).into(),
        })
    }
}

fn hours_of(hours: u32) -> String {
    match hours {
        1 => "1 hour".to_owned(),
        hours => format!("{hours} hours"),
    }
}

fn blocked(persona: &str, user: UserId, kind: BlockKind, hours: u32) -> String {
    let hours = hours_of(hours);
    let unseen = match kind {
        BlockKind::Mute => "It still sees what they say.",
        BlockKind::Block => "Nor does it see what they say.",
    };
    format!(
        "{persona} does not answer <@{user}> for {hours}. {unseen} Nothing that is remembered is \
         deleted. `/server user-blacklist remove` ends it earlier."
    )
}

fn blacklisted(user: UserId, is_new: bool, are_memories_on: bool) -> String {
    let mut text = if is_new {
        format!(
            "I do without my memories of <@{user}> in this server, and personas take no new ones \
             here. They can still talk to me; elsewhere nothing changes."
        )
    } else {
        format!("<@{user}> is on the blacklist already. Nothing was changed.")
    };
    if !are_memories_on {
        text.push_str(
            " This server uses no personal memories at all at present, so it makes no difference \
             until it does.",
        );
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_placeholder_keeps_discords_limit() {
        assert!(RestrictionText::Untick.text().chars().count() <= 150);
    }

    #[test]
    fn what_is_said_of_a_block_promises_no_deletion() {
        for kind in [BlockKind::Mute, BlockKind::Block] {
            let said = blocked("Rin", UserId(7), kind, 1);
            assert!(said.contains("for 1 hour.") && said.contains("Nothing that is remembered"));
        }
    }
}
