//! What people are told about what is stored about a server, and about its end (PRIV-68).

use std::borrow::Cow;

use proto::id::TenantId;
use store::{Held, Receipt, ReceiptKind, ServerPart, Tally};

use super::credentials::plain;

/// Longest name of a server, in characters.
const NAME_CHARS: usize = 100;

/// Characters of a name that fit into the hint of a field, behind its first words.
const HINT_CHARS: usize = 90;

/// Whose data it was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DeletedOf {
    /// A server of that name; `None` where Discord does not tell.
    Server(Option<String>),
    /// Somebody's direct messages.
    Direct,
}

impl DeletedOf {
    /// Takes what is known.
    pub(crate) fn new(tenant: TenantId, name: Option<String>) -> Self {
        match tenant {
            TenantId::Guild(_) => Self::Server(name),
            TenantId::Direct(_) => Self::Direct,
        }
    }

    fn text(&self) -> String {
        match self {
            Self::Server(Some(name)) => format!("the server `{}`", plain(name, NAME_CHARS)),
            Self::Server(None) => "the server".to_owned(),
            Self::Direct => "our direct messages".to_owned(),
        }
    }
}

/// A part of the panel or of the form, or what came of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ServerDataText {
    /// Somebody else has to do it.
    NeedsAdministrator,
    /// How much there is.
    Stored(Tally),
    /// Title of the form, at most 45 characters; `None` for everything.
    FormTitle(Option<ServerPart>),
    /// Above its field: what will happen.
    Consequences(Option<ServerPart>),
    /// Label of the field for the server's name; at most 45 characters.
    NameLabel,
    /// Hint below it, with the name; at most 100 characters.
    NameHint(String),
    /// Label of the field for the phrase; at most 45 characters.
    PhraseLabel,
    /// Hint below it; at most 100 characters.
    PhraseHint,
    /// Another name was typed.
    WrongName,
    /// Something else than the phrase was typed.
    WrongPhrase,
    /// Discord did not say what the server is called.
    NameUnread,
    /// It is done: the receipt.
    Deleted {
        /// How much.
        receipt: Receipt,
        /// Of what.
        of: DeletedOf,
        /// For how many days backups of the database are kept, where that is known.
        backup_days: Option<u16>,
    },
    /// Nobody knows whether it was done.
    NotDeleted,
}

impl ServerDataText {
    /// Returns the words.
    pub(super) fn text(&self) -> Cow<'static, str> {
        Cow::Borrowed(match self {
            Self::NeedsAdministrator => {
                "Only the owner of this server and people with the permission \"Administrator\" may do \
                 this. Ask one of them."
            }
            Self::Stored(tally) => return stored(tally).into(),
            Self::FormTitle(None) => "Delete everything of this server",
            Self::FormTitle(Some(ServerPart::Memories)) => "Delete what this server remembers",
            Self::FormTitle(Some(ServerPart::Personas)) => "Delete the personas of this server",
            Self::Consequences(part) => consequences(*part),
            Self::NameLabel => "Type the name of this server",
            Self::NameHint(name) => {
                let shown: String = name.chars().take(HINT_CHARS).collect();
                return format!("Just so: {shown}").into();
            }
            Self::PhraseLabel => "Type DELETE SERVER DATA",
            Self::PhraseHint => "In capitals, just so. Anything else deletes nothing.",
            Self::WrongName => "That is not the name of this server. Nothing was deleted.",
            Self::WrongPhrase => "That was not the phrase. Nothing was deleted.",
            Self::NameUnread => {
                "Discord does not tell me just now what this server is called, so I cannot compare. \
                 Nothing was deleted; try again in a moment."
            }
            Self::Deleted {
                receipt,
                of,
                backup_days,
            } => return deleted(receipt, of, *backup_days).into(),
            Self::NotDeleted => {
                "I could not find out whether it was deleted. Run `/server data delete` again in a \
                 minute: doing it twice does no harm."
            }
        })
    }
}

const fn consequences(part: Option<ServerPart>) -> &'static str {
    match part {
        None => {
            "At once and for good: settings, personas, memories, keys and restrictions of this \
             server are deleted, and replies end. What people set for themselves stays theirs. I \
             stay here, as if I had just come; `/setup` begins anew."
        }
        Some(ServerPart::Memories) => {
            "At once and for good: what all personas remember of this server is deleted, and \
             replies end. Settings, personas and keys stay, and so does what people had remembered \
             about themselves."
        }
        Some(ServerPart::Personas) => {
            "At once and for good: all personas are deleted with their texts and their blocks, and \
             replies end. I go on as the one persona of the first day, with what the main persona \
             remembers. Settings, keys and memories stay."
        }
    }
}

fn stored(tally: &Tally) -> String {
    let mut lines = vec!["**Data of this server**".to_owned()];
    lines.extend(held_lines(tally, "Nothing is stored about this server."));
    lines.join("\n")
}

fn deleted(receipt: &Receipt, of: &DeletedOf, backup_days: Option<u16>) -> String {
    let (id, at) = (receipt.id, receipt.done_at.timestamp());
    let (what, is) = match receipt.kind {
        ReceiptKind::Person | ReceiptKind::Server | ReceiptKind::Left => ("Everything of", "is"),
        ReceiptKind::ServerMemories => ("Everything that I remembered of", "is"),
        ReceiptKind::ServerPersonas => ("All personas of", "are"),
    };
    let of = of.text();
    let mut lines = vec![
        format!("**{what} {of} {is} deleted.**"),
        format!("Receipt `{id}`, <t:{at}:f>"),
    ];
    let nothing = "Nothing of it was stored.";
    lines.extend(held_lines(&receipt.tally, nothing));
    if let Some(days) = backup_days {
        lines.push(format!(
            "Backups of the database are kept for {days} days; after that it is gone there, too."
        ));
    }
    lines.join("\n")
}

fn held_lines(tally: &Tally, nothing: &str) -> Vec<String> {
    let held = tally.deleted();
    if held.is_empty() {
        return vec![nothing.to_owned()];
    }
    held.into_iter().map(held_line).collect()
}

fn held_line((held, number): (Held, u64)) -> String {
    let what = match held {
        Held::Settings => "settings",
        Held::Personas => "personas",
        Held::ServerMemories => "memories",
        Held::Keys => "keys of providers and services",
        Held::Endpoints => "model servers and tool servers",
        Held::Models => "models of channels, and those that stand in for others",
        Held::Restrictions => "people on the blacklist, and blocks of personas",
        Held::Turns => "records of replies (no text)",
        Held::Decisions => "records of what was decided about messages (no text)",
        Held::PersonalMemories | Held::MemoriesAbout | Held::Direct | Held::Blacklists => {
            "of people"
        }
    };
    format!("• {what}: {number}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_of_the_form_keep_discords_limits() {
        let parts = [None, Some(ServerPart::Memories), Some(ServerPart::Personas)];
        let labels = [ServerDataText::NameLabel, ServerDataText::PhraseLabel];
        for short in parts.map(ServerDataText::FormTitle).iter().chain(&labels) {
            assert!(short.text().chars().count() <= 45, "{short:?}");
        }
        let name = "n".repeat(NAME_CHARS);
        for hint in [ServerDataText::PhraseHint, ServerDataText::NameHint(name)] {
            assert!(hint.text().chars().count() <= 100);
        }
    }

    #[test]
    fn the_longest_receipt_fits_into_a_message() {
        let held = Held::ALL.map(|held| held_line((held, u64::MAX)));
        assert!(held.join("\n").chars().count() < 1700);
    }
}
