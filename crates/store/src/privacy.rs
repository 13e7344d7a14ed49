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
            r#"SELECT EXISTS (
                   SELECT 1 FROM users WHERE user_disc_id = $1 AND privacy_level NOT IN (0, 1)
               ) AS "hidden!""#,
            user.to_string(),
        )
        .fetch_one(&self.pool)
        .await?;
        Ok(!hidden)
    }
}
