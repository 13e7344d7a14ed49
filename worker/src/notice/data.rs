//! What people are told about what is stored about them, and about its end (PRIV-64 to PRIV-67).

use std::borrow::Cow;

use store::{Held, Kept, Receipt, Tally};

/// A part of the panel or of the form, or what came of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DataText {
    /// How much there is.
    Stored(Tally),
    /// With the archive: what it is.
    Exported {
        /// Nothing is stored about the person.
        is_empty: bool,
    },
    /// The archive is in the direct messages.
    SentDirectly,
    /// With the archive: the person takes no direct messages.
    DirectClosed,
    /// With the archive: Discord did not take the direct message.
    NotSent,
    /// Discord did not take the answer with the archive.
    NotTaken,
    /// The archive is larger than what Discord takes with a message.
    TooLarge,
    /// There was an archive a moment ago.
    ExportedBefore {
        /// When there may be another.
        again_unix: Option<i64>,
    },
    /// Title of the form; at most 45 characters.
    FormTitle,
    /// Above its fields: what will happen.
    Consequences,
    /// Label of the field for the phrase; at most 45 characters.
    PhraseLabel,
    /// Hint below it; at most 100 characters.
    PhraseHint,
    /// Label of the choice about an opt-out; at most 45 characters.
    OptOutLabel,
    /// Hint below it; at most 100 characters.
    OptOutHint,
    /// One choice; at most 100 characters.
    OptOutStays,
    /// The other; at most 100 characters.
    OptOutEnds,
    /// Something else than the phrase was typed.
    WrongPhrase,
    /// It is done: the receipt.
    Deleted {
        /// How much, and what was kept.
        receipt: Receipt,
        /// For how many days backups of the database are kept, where that is known.
        backup_days: Option<u16>,
        /// Not every gateway has said yet that it drops what the person writes (PRIV-86).
        is_ignored_soon: bool,
    },
    /// Nobody knows whether it was done.
    NotDeleted,
}

impl DataText {
    /// Returns the words.
    pub(super) fn text(&self) -> Cow<'static, str> {
        Cow::Borrowed(match self {
            Self::Stored(tally) => return stored(tally).into(),
            Self::Exported { is_empty: true } => {
                "Nothing is stored about you. The file says so for each kind of data."
            }
            Self::Exported { is_empty: false } => {
                "**Everything that I keep about you**, in all servers together. `manifest.json` says \
                 how much of what there is; several files are parts of one. Keys are not in it, only their last four characters."
            }
            Self::SentDirectly => "It is in our direct messages.",
            Self::DirectClosed => {
                "I cannot write to you directly, so here is **everything that I keep about you**; \
                 nobody else sees it. Save the file: it is gone with this answer. To get it as a \
                 message, allow direct messages in the privacy settings of a server that we share."
            }
            Self::NotSent => {
                "Discord did not take the direct message just now, so here is **everything that I \
                 keep about you**; nobody else sees it. Save the file: it is gone with this answer."
            }
            Self::NotTaken => {
                "Discord did not take the file just now. Run this again in a minute; it does not \
                 count as made."
            }
            Self::TooLarge => {
                "What I keep about you is more than Discord takes with one message (ten files of 10 \
                 MiB). Ask whoever runs this bot for it; records of replies and decisions go by \
                 themselves within two days, then it may fit."
            }
            Self::ExportedBefore { again_unix } => return exported_before(*again_unix).into(),
            Self::FormTitle => "Delete everything about you",
            Self::Consequences => {
                "At once, for good, and in all servers: what was listed is deleted, and replies to \
                 you end. Keys that you entered are gone; memories of you are forgotten."
            }
            Self::PhraseLabel => "Type DELETE MY DATA",
            Self::PhraseHint => "In capitals, just so. Anything else deletes nothing.",
            Self::OptOutLabel => "Shall I ignore what you write from now on?",
            Self::OptOutHint => "If so, your id and that wish are kept, and nothing else.",
            Self::OptOutStays => "Yes, ignore me",
            Self::OptOutEnds => "No, forget everything",
            Self::WrongPhrase => "That was not the phrase. Nothing was deleted.",
            Self::Deleted {
                receipt,
                backup_days,
                is_ignored_soon,
            } => return deleted(receipt, *backup_days, *is_ignored_soon).into(),
            Self::NotDeleted => {
                "I could not find out whether it was deleted. Run `/personal data delete` again in a \
                 minute: doing it twice does no harm."
            }
        })
    }
}

fn exported_before(again_unix: Option<i64>) -> String {
    let again = again_unix.map_or_else(
        || "in ten minutes".to_owned(),
        |again| format!("<t:{again}:R>"),
    );
    format!("You got everything a moment ago. The next one can be made {again}.")
}

fn stored(tally: &Tally) -> String {
    let mut lines = vec!["**Your data**, in all servers together".to_owned()];
    let held = tally.deleted();
    if held.is_empty() {
        lines.push("Nothing is stored about you.".to_owned());
    }
    lines.extend(held.into_iter().map(held_line));
    if let Some(number) = kept(tally, Kept::Taught) {
        lines.push(format!(
            "What you taught servers about themselves ({number}) is theirs: a deletion takes your \
             name off it, and leaves it there."
        ));
    }
    if let Some(number) = kept(tally, Kept::Uses) {
        lines.push(format!(
            "How often you did what costs others ({number}) stays counted for at most 8 days, under \
             a number that does not name you."
        ));
    }
    lines.join("\n")
}

fn deleted(receipt: &Receipt, backup_days: Option<u16>, is_ignored_soon: bool) -> String {
    let (id, at) = (receipt.id, receipt.done_at.timestamp());
    let mut lines = vec![
        "**Everything about you is deleted.**".to_owned(),
        format!("Receipt `{id}`, <t:{at}:f>"),
    ];
    let held = receipt.tally.deleted();
    if held.is_empty() {
        lines.push("Nothing was stored about you.".to_owned());
    }
    lines.extend(held.into_iter().map(held_line));
    lines.extend(receipt.tally.kept().into_iter().map(kept_line));
    if is_ignored_soon {
        lines.push("I ignore what you write within seconds, not yet at once.".to_owned());
    }
    if let Some(days) = backup_days {
        lines.push(format!(
            "Backups of the database are kept for {days} days; after that it is gone there, too."
        ));
    }
    lines.join("\n")
}

fn kept(tally: &Tally, wanted: Kept) -> Option<u64> {
    let mut kept = tally.kept().into_iter();
    let found = kept.find(|(kept, _)| *kept == wanted);
    found.map(|(_, number)| number)
}

fn held_line((held, number): (Held, u64)) -> String {
    let what = match held {
        Held::Settings => "your settings, the privacy level among them",
        Held::PersonalMemories => "memories of you, which you added",
        Held::MemoriesAbout => "what servers remember about you",
        Held::Keys => "provider keys of yours",
        Held::Endpoints => "model servers of yours",
        Held::Models => "models that stand in for others",
        Held::Direct => "our direct messages: their settings, persona and memories",
        Held::Turns => "records of replies to you (no text)",
        Held::Decisions => "records of what was decided about messages of yours (no text)",
        Held::Blacklists => "servers that do without memories of you",
        Held::Personas | Held::ServerMemories | Held::Restrictions => "of servers",
    };
    format!("• {what}: {number}")
}

fn kept_line((kept, number): (Kept, u64)) -> String {
    match kept {
        Kept::OptOut => {
            "Kept: your id, and that I must ignore you. `/personal privacy` ends that.".to_owned()
        }
        Kept::Taught => format!(
            "Kept, without your name: what you taught servers about themselves ({number}). It \
             belongs to them."
        ),
        Kept::Blocks => format!(
            "Kept until they end: that a persona does not answer you, without the reason ({number}). \
             That protects others."
        ),
        Kept::Uses => format!(
            "Kept for at most 8 days, under a number that does not name you: how often you did what \
             costs others ({number}). Else a deletion would lift every limit."
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_of_the_form_keep_discords_limits() {
        for short in [
            DataText::FormTitle,
            DataText::PhraseLabel,
            DataText::OptOutLabel,
        ] {
            assert!(short.text().chars().count() <= 45, "{short:?}");
        }
        for line in [
            DataText::PhraseHint,
            DataText::OptOutHint,
            DataText::OptOutStays,
            DataText::OptOutEnds,
        ] {
            assert!(line.text().chars().count() <= 100, "{line:?}");
        }
    }

    #[test]
    fn the_longest_receipt_fits_into_a_message() {
        let held: Vec<String> = Held::ALL.map(|held| held_line((held, u64::MAX))).to_vec();
        let kept: Vec<String> = Kept::ALL.map(|kept| kept_line((kept, u64::MAX))).to_vec();
        let lines = [held, kept].concat().join("\n");
        assert!(lines.chars().count() < 1700, "{}", lines.chars().count());
    }
}
