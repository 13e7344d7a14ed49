//! Which messages are posts that the journal knows.

use proto::id::MessageId;

use crate::row::Place;
use crate::{Error, Store};

impl Store {
    /// Returns those of the messages that are on record as posts of any turn, in no order. Used
    /// while looking for a post in doubt: what is on record is another one.
    ///
    /// # Errors
    /// `Corrupt`, `Unavailable`.
    pub async fn recorded_posts(&self, messages: &[MessageId]) -> Result<Vec<MessageId>, Error> {
        let ids: Vec<String> = messages.iter().map(ToString::to_string).collect();
        let rows = sqlx::query_scalar!(
            r#"SELECT message_id::text AS "message_id!" FROM turn_posts
               WHERE message_id = ANY($1::text[])"#,
            &ids,
        )
        .fetch_all(&self.pool)
        .await?;
        let place = Place {
            table: "turn_posts",
            column: "message_id",
            row: &"read by message",
        };
        rows.iter().map(|id| place.parse(id)).collect()
    }
}
