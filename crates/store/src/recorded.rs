//! Which messages are posts that the journal knows.

use proto::id::MessageId;

use crate::row::Place;
use crate::{Error, ServerId, Store};

impl Store {
    /// Returns those of the messages that are on record as posts of any turn of the tenant, in no order. Used
    /// while looking for a post in doubt: what is on record is another one.
    ///
    /// # Errors
    /// `Corrupt`, `Unavailable`.
    pub async fn recorded_posts(
        &self,
        server: ServerId,
        messages: &[MessageId],
    ) -> Result<Vec<MessageId>, Error> {
        let ids: Vec<String> = messages.iter().map(ToString::to_string).collect();
        let rows = sqlx::query_scalar!(
            r#"SELECT message_id::text AS "message_id!" FROM turn_posts
               WHERE server_id = $1 AND message_id = ANY($2::text[])"#,
            server.0,
            &ids,
        )
        .fetch_all(self.pool.server(server))
        .await?;
        let place = Place {
            table: "turn_posts",
            column: "message_id",
            row: &"read by message",
        };
        rows.iter().map(|id| place.parse(id)).collect()
    }
}
