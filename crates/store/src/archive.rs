//! Everything that is stored about one person, for that person (PRIV-53), as it was at one moment.
//!
//! Nothing sealed, and nothing about anybody else. One statement, `queries/archive.sql`; a test finds
//! every table and column of the catalogue that it has forgotten.

use chrono::{DateTime, Utc};
use proto::id::UserId;
use serde_json::Value;

use crate::operation_quota::Counter;
use crate::row::Place;
use crate::{Error, Store};

/// What is stored about a person.
#[derive(Clone, PartialEq)]
pub struct Archive {
    /// When it was read, by the database's clock.
    pub made_at: DateTime<Utc>,
    /// Kinds and their rows, by the names of the kinds; a kind of which there is nothing has no rows.
    pub parts: Vec<(String, Vec<Value>)>,
}

impl Archive {
    /// Tells whether nothing is stored about the person.
    pub fn is_empty(&self) -> bool {
        self.parts.iter().all(|(_, rows)| rows.is_empty())
    }
}

/// The rows are a person's own.
impl std::fmt::Debug for Archive {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Archive").finish_non_exhaustive()
    }
}

impl Store {
    /// Reads everything that is stored about a person, whose uses are counted as `counted`.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn archive(&self, user: UserId, counted: Counter) -> Result<Archive, Error> {
        let row = sqlx::query_file!("queries/archive.sql", user.to_string(), counted.to_string())
            .fetch_one(self.pool.system())
            .await?;
        let Value::Object(parts) = row.parts else {
            let place = Place {
                table: "users",
                column: "user_disc_id",
                row: &"of an archive",
            };
            return Err(place.corrupt());
        };
        let rows = |rows| match rows {
            Value::Array(rows) => rows,
            _ => Vec::new(),
        };
        Ok(Archive {
            made_at: row.made_at,
            parts: parts
                .into_iter()
                .map(|(kind, of)| (kind, rows(of)))
                .collect(),
        })
    }
}
