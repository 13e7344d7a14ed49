//! What was to be remembered: what memories of persons and of servers have in common, and what of
//! them a reply may rest on. Who may be remembered is not decided here.

use std::collections::HashMap;
use std::fmt;

use proto::id::{TenantId, UserId};

use crate::row::Place;
use crate::{Error, Store};

/// The most memories of one server that are read for a reply, and of each person.
const MOST_RECALLED: i64 = 1_000;

/// What stays the same of a persona, wherever it goes; memories belong to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Lineage(pub i64);

impl Lineage {
    /// No persona in particular.
    pub const GLOBAL: Self = Self(0);
}

/// The row of a memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MemoryId(pub i64);

/// A memory as it is shown to those who may change it. `Debug` hides what it says.
#[derive(Clone, PartialEq, Eq)]
pub struct Memory {
    /// Its row; older ones have smaller numbers.
    pub id: MemoryId,
    /// What it belongs to.
    pub lineage: Lineage,
    /// What it says, 1 to 1,000 characters.
    pub content: String,
    /// Names the state in which it was read.
    pub row_version: i32,
}

impl fmt::Debug for Memory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Memory")
            .field("id", &self.id)
            .field("lineage", &self.lineage)
            .field("row_version", &self.row_version)
            .finish_non_exhaustive()
    }
}

/// A memory as it was shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SeenMemory {
    /// The row.
    pub id: MemoryId,
    /// `row_version` of what was shown.
    pub row_version: i32,
}

/// Where a memory comes from (CHAT-84).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MemoryOrigin {
    /// Somebody typed it.
    Command,
    /// It was in a file that somebody handed in.
    Import,
}

impl MemoryOrigin {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Command => "command",
            Self::Import => "import",
        }
    }
}

/// What became of memories that were to be added.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MemoriesAdded {
    /// How many are there now that were not.
    pub added: usize,
    /// How many were there already, word for word, or came twice.
    pub known: usize,
    /// For how many there was no room.
    pub left_out: usize,
}

impl MemoriesAdded {
    pub(crate) fn of(offered: usize, fresh: i64, added: i64) -> Self {
        let count = |number| usize::try_from(number).unwrap_or_default();
        let (fresh, added) = (count(fresh), count(added));
        Self {
            added,
            known: offered.saturating_sub(fresh),
            left_out: fresh.saturating_sub(added),
        }
    }
}

/// What a reply may rest on. `Debug` tells how much it is, and not what.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Recalled {
    /// About the server, oldest first.
    pub server: Vec<String>,
    /// About persons, those for every persona first, oldest first.
    pub people: HashMap<UserId, Vec<String>>,
}

impl fmt::Debug for Recalled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Recalled")
            .field("server", &self.server.len())
            .field("people", &self.people.len())
            .finish()
    }
}

impl Store {
    /// Reads what a persona remembers of a server, and of those people; that somebody may be
    /// remembered is for the caller to know.
    ///
    /// # Errors
    /// `Corrupt`, `Unavailable`.
    pub async fn recall(
        &self,
        tenant: TenantId,
        lineage: Lineage,
        people: &[UserId],
    ) -> Result<Recalled, Error> {
        let server = sqlx::query_scalar!(
            "SELECT m.content FROM server_memories m
             JOIN servers s ON s.server_id = m.server_id
             WHERE s.server_disc_id = $1 AND m.persona_lineage_id = $2
             ORDER BY m.server_memory_id
             LIMIT $3",
            tenant.disc_id().to_string(),
            lineage.0,
            MOST_RECALLED,
        )
        .fetch_all(self.pool.tenant(tenant))
        .await?;
        let people = if people.is_empty() {
            HashMap::new()
        } else {
            self.recall_people(lineage, people).await?
        };
        Ok(Recalled { server, people })
    }

    async fn recall_people(
        &self,
        lineage: Lineage,
        people: &[UserId],
    ) -> Result<HashMap<UserId, Vec<String>>, Error> {
        let names: Vec<String> = people.iter().map(ToString::to_string).collect();
        let rows = sqlx::query!(
            "SELECT u.user_disc_id AS person, m.content FROM personal_memories m
             JOIN users u ON u.user_id = m.user_id
             WHERE u.user_disc_id = ANY ($1) AND m.persona_lineage_id IN (0, $2)
             ORDER BY m.persona_lineage_id, m.personal_memory_id
             LIMIT $3",
            &names,
            lineage.0,
            MOST_RECALLED,
        )
        .fetch_all(self.pool.people(people))
        .await?;
        let mut recalled: HashMap<UserId, Vec<String>> = HashMap::new();
        for row in rows {
            // The row is not named: its name is the user's id.
            let place = Place {
                table: "users",
                column: "user_disc_id",
                row: &"a user",
            };
            let memories = recalled.entry(place.parse(&row.person)?).or_default();
            memories.push(row.content);
        }
        Ok(recalled)
    }
}
