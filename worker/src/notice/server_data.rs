//! What people are told about what is stored about a server, and about its end (PRIV-68).

use std::borrow::Cow;

use store::{Held, Receipt, Tally};

/// A part of the panel or of the form, or what came of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ServerDataText {
    /// Somebody else has to do it.
    NeedsAdministrator,
    /// How much there is.
    Stored(Tally),
    /// Title of the form; at most 45 characters.
    FormTitle,
    /// Above its field: what will happen.
    Consequences,
    /// Label of the field for the phrase; at most 45 characters.
    PhraseLabel,
    /// Hint below it; at most 100 characters.
    PhraseHint,
    /// Something else than the phrase was typed.
    WrongPhrase,
    /// It is done: the receipt.
    Deleted {
        /// How much.
        receipt: Receipt,
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
            Self::FormTitle => "Delete everything of this server",
            Self::Consequences => {
                "At once and for good: settings, personas, memories, keys and restrictions of this \
                 server are deleted, and replies end. What people set for themselves stays theirs. I \
                 stay here, as if I had just come; `/setup` begins anew."
            }
            Self::PhraseLabel => "Type DELETE SERVER DATA",
            Self::PhraseHint => "In capitals, just so. Anything else deletes nothing.",
            Self::WrongPhrase => "That was not the phrase. Nothing was deleted.",
            Self::Deleted {
                receipt,
                backup_days,
            } => return deleted(receipt, *backup_days).into(),
            Self::NotDeleted => {
                "I could not find out whether it was deleted. Run `/server data delete` again in a \
                 minute: doing it twice does no harm."
            }
        })
    }
}

fn stored(tally: &Tally) -> String {
    let mut lines = vec!["**Data of this server**".to_owned()];
    lines.extend(held_lines(tally, "Nothing is stored about this server."));
    lines.join("\n")
}

fn deleted(receipt: &Receipt, backup_days: Option<u16>) -> String {
    let (id, at) = (receipt.id, receipt.done_at.timestamp());
    let mut lines = vec![
        "**Everything of the server is deleted.**".to_owned(),
        format!("Receipt `{id}`, <t:{at}:f>"),
    ];
    let nothing = "Nothing was stored about the server.";
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
        for short in [ServerDataText::FormTitle, ServerDataText::PhraseLabel] {
            assert!(short.text().chars().count() <= 45, "{short:?}");
        }
        let hint = ServerDataText::PhraseHint.text();
        assert!(hint.chars().count() <= 100);
    }

    #[test]
    fn the_longest_receipt_fits_into_a_message() {
        let held = Held::ALL.map(|held| held_line((held, u64::MAX)));
        assert!(held.join("\n").chars().count() < 1700);
    }
}
