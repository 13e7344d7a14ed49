//! Who takes no direct messages, so that nobody is written to again and again who does not want it
//! (PRIV-71).

use proto::id::UserId;

use crate::{Error, Store};

/// How long a refusal is remembered.
const CLOSED_HOURS: i32 = 24;

impl Store {
    /// Notes that a person takes no direct messages: for a day nobody tries.
    ///
    /// # Errors
    /// `Unavailable`; repeating it is harmless.
    pub async fn direct_is_closed(&self, user: UserId) -> Result<(), Error> {
        sqlx::query!(
            "INSERT INTO users (user_disc_id, dm_closed_until)
             VALUES ($1::text, now() + make_interval(hours => $2))
             ON CONFLICT (user_disc_id) DO UPDATE SET dm_closed_until = excluded.dm_closed_until",
            user.to_string(),
            CLOSED_HOURS,
        )
        .execute(self.pool.user(user))
        .await?;
        Ok(())
    }

    /// Tells whether a person may be written to directly.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn is_direct_open(&self, user: UserId) -> Result<bool, Error> {
        let is_closed = sqlx::query_scalar!(
            r#"SELECT (dm_closed_until > now()) IS TRUE AS "is_closed!"
               FROM users WHERE user_disc_id = $1"#,
            user.to_string(),
        )
        .fetch_optional(self.pool.user(user))
        .await?;
        Ok(is_closed != Some(true))
    }
}
