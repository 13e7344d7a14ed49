//! What people want to be called, in every server (PRIV-8). Who may be called so is not decided here.

use std::collections::HashMap;

use proto::id::UserId;

use crate::row::Place;
use crate::{Edited, Error, Store};

impl Store {
    /// Returns what a person wants to be called.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn nickname(&self, user: UserId) -> Result<Option<String>, Error> {
        let nickname = sqlx::query_scalar!(
            "SELECT user_nickname FROM users WHERE user_disc_id = $1",
            user.to_string(),
        )
        .fetch_optional(self.pool.user(user))
        .await?;
        Ok(nickname.flatten())
    }

    /// Returns what those people want to be called who said so.
    ///
    /// # Errors
    /// `Corrupt`, `Unavailable`.
    pub async fn nicknames(&self, people: &[UserId]) -> Result<HashMap<UserId, String>, Error> {
        if people.is_empty() {
            return Ok(HashMap::new());
        }
        let names: Vec<String> = people.iter().map(ToString::to_string).collect();
        let rows = sqlx::query!(
            r#"SELECT user_disc_id AS person, user_nickname AS "nickname!" FROM users
               WHERE user_disc_id = ANY ($1) AND user_nickname IS NOT NULL"#,
            &names,
        )
        .fetch_all(self.pool.people(people))
        .await?;
        let nicknames = rows.into_iter().map(|row| {
            // The row is not named: its name is the user's id.
            let place = Place {
                table: "users",
                column: "user_disc_id",
                row: &"a user",
            };
            Ok((place.parse(&row.person)?, row.nickname))
        });
        nicknames.collect()
    }

    /// Saves what a person wants to be called, 1 to 100 characters; `None` for nothing in particular.
    /// `Stale`: the person is at level 2, so nothing new is kept (PRIV-20).
    ///
    /// # Errors
    /// `Conflict` for what is too long or empty; `Unavailable`; repeating it is harmless.
    pub async fn set_nickname(
        &self,
        user: UserId,
        nickname: Option<&str>,
    ) -> Result<Edited, Error> {
        let Some(nickname) = nickname else {
            sqlx::query!(
                "UPDATE users SET user_nickname = NULL
                 WHERE user_disc_id = $1 AND user_nickname IS NOT NULL",
                user.to_string(),
            )
            .execute(self.pool.user(user))
            .await?;
            return Ok(Edited::Done);
        };
        let done = sqlx::query!(
            "INSERT INTO users AS u (user_disc_id, user_nickname) VALUES ($1::text, $2)
             ON CONFLICT (user_disc_id) DO UPDATE SET user_nickname = excluded.user_nickname
             WHERE u.privacy_level < 2",
            user.to_string(),
            nickname,
        )
        .execute(self.pool.user(user))
        .await?;
        Ok(Edited::of(done.rows_affected()))
    }
}
