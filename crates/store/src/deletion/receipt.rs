//! What a receipt says: how many rows of what, and what was kept. It names nobody.

use std::fmt;

use chrono::{DateTime, Utc};
use proto::id::ChannelId;
use serde_json::{Map, Value, json};
use sqlx::PgConnection;
use uuid::Uuid;

use crate::row::Place;
use crate::{Error, Store};

/// The number of a receipt, by which somebody can refer to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReceiptId(pub Uuid);

impl fmt::Display for ReceiptId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// What was deleted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReceiptKind {
    /// Everything about a person.
    Person,
    /// Everything of a server, because somebody wanted it.
    Server,
    /// Everything of a server that the bot had left.
    Left,
    /// What a server remembered, because somebody wanted it.
    ServerMemories,
    /// The personas of a server, because somebody wanted it.
    ServerPersonas,
}

impl ReceiptKind {
    const ALL: [Self; 5] = [
        Self::Person,
        Self::Server,
        Self::Left,
        Self::ServerMemories,
        Self::ServerPersonas,
    ];

    const fn as_str(self) -> &'static str {
        match self {
            Self::Person => "user",
            Self::Server => "server",
            Self::Left => "guild_purge",
            Self::ServerMemories => "server_memories",
            Self::ServerPersonas => "server_personas",
        }
    }
}

/// A kind of what is stored about somebody, or about a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Held {
    /// The settings of a person, the privacy level among them; or of a server.
    Settings,
    /// Personas of a server.
    Personas,
    /// What a server remembers.
    ServerMemories,
    /// What was to be remembered about oneself.
    PersonalMemories,
    /// What servers remember about a person.
    MemoriesAbout,
    /// Keys of providers, and of services.
    Keys,
    /// Model servers of one's own, and tool servers.
    Endpoints,
    /// Models that stand in for others, and those of single channels.
    Models,
    /// Direct messages with the bot: their settings, persona and memories.
    Direct,
    /// Replies that were asked for: ids and states.
    Turns,
    /// Records of decisions.
    Decisions,
    /// Servers that do without memories of a person.
    Blacklists,
    /// Whom a server does without, and whom its personas do not answer.
    Restrictions,
}

impl Held {
    /// All kinds, in the order in which people are told.
    pub const ALL: [Self; 13] = [
        Self::Settings,
        Self::Personas,
        Self::ServerMemories,
        Self::PersonalMemories,
        Self::MemoriesAbout,
        Self::Keys,
        Self::Endpoints,
        Self::Models,
        Self::Direct,
        Self::Turns,
        Self::Decisions,
        Self::Blacklists,
        Self::Restrictions,
    ];

    const fn as_str(self) -> &'static str {
        match self {
            Self::Settings => "settings",
            Self::Personas => "personas",
            Self::ServerMemories => "server_memories",
            Self::PersonalMemories => "personal_memories",
            Self::MemoriesAbout => "memories_about",
            Self::Keys => "keys",
            Self::Endpoints => "endpoints",
            Self::Models => "models",
            Self::Direct => "direct_messages",
            Self::Turns => "turns",
            Self::Decisions => "decisions",
            Self::Blacklists => "blacklists",
            Self::Restrictions => "restrictions",
        }
    }
}

/// What is kept on purpose.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kept {
    /// The id, and that the person must not be heard.
    OptOut,
    /// What the person taught servers; it does not say by whom any more.
    Taught,
    /// That a persona does not answer the person, until that ends: id, kind and end.
    Blocks,
    /// How often the person did what costs others, until that time is over, under a number that
    /// names nobody.
    Uses,
}

impl Kept {
    /// All kinds, in the order in which people are told.
    pub const ALL: [Self; 4] = [Self::OptOut, Self::Taught, Self::Blocks, Self::Uses];

    const fn as_str(self) -> &'static str {
        match self {
            Self::OptOut => "opt_out",
            Self::Taught => "taught",
            Self::Blocks => "blocks",
            Self::Uses => "uses",
        }
    }
}

/// Numbers of rows. Those that are zero are left out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    deleted: Vec<(Held, u64)>,
    kept: Vec<(Kept, u64)>,
}

impl Tally {
    pub(super) fn new<const D: usize, const K: usize>(
        deleted: [(Held, i64); D],
        kept: [(Kept, i64); K],
    ) -> Self {
        let count = |number| u64::try_from(number).unwrap_or_default();
        let mut tally = Self::default();
        for (held, number) in deleted {
            tally.add(held, count(number));
        }
        for (kept, number) in kept {
            tally.keep(kept, count(number));
        }
        tally
    }

    pub(super) fn add(&mut self, held: Held, number: u64) {
        if number > 0 {
            self.deleted.push((held, number));
        }
    }

    pub(super) fn keep(&mut self, kept: Kept, number: u64) {
        if number > 0 {
            self.kept.push((kept, number));
        }
    }

    /// What is, or was, to be deleted, in the order of [`Held::ALL`].
    pub fn deleted(&self) -> Vec<(Held, u64)> {
        let rows = Held::ALL.into_iter();
        rows.filter_map(|held| {
            self.deleted
                .iter()
                .find(|(known, _)| *known == held)
                .copied()
        })
        .collect()
    }

    /// What stays, in the order of [`Kept::ALL`].
    pub fn kept(&self) -> Vec<(Kept, u64)> {
        let rows = Kept::ALL.into_iter();
        rows.filter_map(|kept| self.kept.iter().find(|(known, _)| *known == kept).copied())
            .collect()
    }

    fn to_json(&self) -> Value {
        let deleted = self.deleted().into_iter();
        let deleted: Map<String, Value> = deleted
            .map(|(held, number)| (held.as_str().to_owned(), number.into()))
            .collect();
        let kept = self.kept().into_iter();
        let kept: Map<String, Value> = kept
            .map(|(kept, number)| (kept.as_str().to_owned(), number.into()))
            .collect();
        json!({"deleted": deleted, "kept": kept})
    }

    /// Kinds of another version are not known, and not told.
    fn of_json(counts: &Value) -> Self {
        let number = |of: &str, kind: &str| {
            let number = counts.get(of).and_then(|of| of.get(kind));
            number.and_then(Value::as_u64).unwrap_or_default()
        };
        let mut tally = Self::default();
        for held in Held::ALL {
            tally.add(held, number("deleted", held.as_str()));
        }
        for kept in Kept::ALL {
            tally.keep(kept, number("kept", kept.as_str()));
        }
        tally
    }
}

/// That something was deleted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Receipt {
    /// Its number.
    pub id: ReceiptId,
    /// What.
    pub kind: ReceiptKind,
    /// When.
    pub done_at: DateTime<Utc>,
    /// How much, and what was kept.
    pub tally: Tally,
}

/// What a deletion did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deleted {
    /// What is told about it.
    pub receipt: Receipt,
    /// The channels in which open turns ended, in no order, without repetition.
    pub stopped_in: Vec<ChannelId>,
}

/// Writes a receipt.
pub(super) async fn write(
    connection: &mut PgConnection,
    kind: ReceiptKind,
    tally: Tally,
) -> Result<Receipt, Error> {
    let row = sqlx::query!(
        "INSERT INTO deletion_receipts (kind, counts) VALUES ($1, $2)
         RETURNING receipt_id, done_at",
        kind.as_str(),
        tally.to_json(),
    )
    .fetch_one(connection)
    .await?;
    Ok(Receipt {
        id: ReceiptId(row.receipt_id),
        kind,
        done_at: row.done_at,
        tally,
    })
}

impl Store {
    /// Reads a receipt; `None` when its time is over.
    ///
    /// # Errors
    /// `Corrupt`, `Unavailable`.
    pub async fn receipt(&self, id: ReceiptId) -> Result<Option<Receipt>, Error> {
        let row = sqlx::query!(
            "SELECT kind, done_at, counts FROM deletion_receipts WHERE receipt_id = $1",
            id.0,
        )
        .fetch_optional(self.pool.shared())
        .await?;
        let Some(row) = row else { return Ok(None) };
        let place = Place {
            table: "deletion_receipts",
            column: "kind",
            row: &id,
        };
        let mut kinds = ReceiptKind::ALL.into_iter();
        let kind = kinds.find(|kind| kind.as_str() == row.kind);
        Ok(Some(Receipt {
            id,
            kind: kind.ok_or_else(|| place.corrupt())?,
            done_at: row.done_at,
            tally: Tally::of_json(&row.counts),
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tally_is_read_back_as_it_was_written() {
        let tally = Tally::new(
            [(Held::Blacklists, 2), (Held::Settings, 1), (Held::Keys, 0)],
            [(Kept::OptOut, 1), (Kept::Taught, 0)],
        );
        let read = Tally::of_json(&tally.to_json());
        assert_eq!(read.deleted(), [(Held::Settings, 1), (Held::Blacklists, 2)]);
        assert_eq!(
            (read.deleted(), read.kept()),
            (tally.deleted(), tally.kept())
        );
        assert_eq!(read.kept(), [(Kept::OptOut, 1)]);
    }
}
