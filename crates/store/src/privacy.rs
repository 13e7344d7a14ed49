//! Who must not be heard at all.

use proto::id::UserId;

use crate::{Error, Store};

impl Store {
    /// Tells whether this person's messages may be handled; a level that cannot be understood
    /// counts as opted out of everything (PRIV-34).
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn may_be_heard(&self, user: UserId) -> Result<bool, Error> {
        let hidden = sqlx::query_scalar!(
            r#"SELECT COALESCE(privacy_level_of($1) NOT IN (0, 1), false) AS "hidden!""#,
            user.to_string(),
        )
        .fetch_one(self.pool.shared())
        .await?;
        Ok(!hidden)
    }
}
