//! Privacy levels: who must not be heard at all, and what goes when somebody chooses that.

use std::collections::HashMap;

use proto::id::{ChannelId, UserId};

use crate::row::Place;
use crate::{Error, Store};

/// How much of a person may be used (PRIV-1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum PrivacyLevel {
    /// Everything that the bot can do. Who never chose has this one.
    #[default]
    Minimal,
    /// No memories, roles or status.
    Partial,
    /// Nothing: messages are not heard.
    Full,
}

impl PrivacyLevel {
    /// All levels, least privacy first.
    pub const ALL: [Self; 3] = [Self::Minimal, Self::Partial, Self::Full];

    /// Returns the stored number.
    pub const fn as_number(self) -> i16 {
        match self {
            Self::Minimal => 0,
            Self::Partial => 1,
            Self::Full => 2,
        }
    }

    /// Reads a stored number; a level that cannot be understood counts as the strictest (PRIV-2).
    const fn of_stored(number: i16) -> Self {
        match number {
            0 => Self::Minimal,
            1 => Self::Partial,
            _ => Self::Full,
        }
    }
}

/// What a change of a level reached.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LevelChanged {
    /// The channels in which turns of the user were ended or asked to end, in no order, without
    /// repetition.
    pub stopped_in: Vec<ChannelId>,
    /// The level is another one than before.
    pub is_changed: bool,
}

/// What somebody is called from now on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Naming<'a> {
    /// As until now.
    Kept,
    /// So, 1 to 100 characters; `None`: as everybody sees the person.
    Set(Option<&'a str>),
}

/// How a level is saved.
#[derive(Clone, Copy)]
enum Saving<'a> {
    /// Whatever it was.
    Always,
    /// Only where it was lower, and this name with it.
    Upwards(Naming<'a>),
}

/// The most users of whom a page tells.
const PAGE: i64 = 10_000;

impl Store {
    /// Tells whether this person's messages may be handled; a level that cannot be understood
    /// counts as opted out of everything (PRIV-34).
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn may_be_heard(&self, user: UserId) -> Result<bool, Error> {
        Ok(self.privacy_level(user).await? != PrivacyLevel::Full)
    }

    /// Returns the level of a user.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn privacy_level(&self, user: UserId) -> Result<PrivacyLevel, Error> {
        let stored = sqlx::query_scalar!("SELECT privacy_level_of($1)", user.to_string())
            .fetch_one(self.pool.shared())
            .await?;
        Ok(stored.map_or(PrivacyLevel::Minimal, PrivacyLevel::of_stored))
    }

    /// Returns the levels of those of the users who ever chose one; the others have the first.
    ///
    /// # Errors
    /// `Corrupt`, `Unavailable`.
    pub async fn privacy_levels(
        &self,
        users: &[UserId],
    ) -> Result<HashMap<UserId, PrivacyLevel>, Error> {
        let users: Vec<String> = users.iter().map(ToString::to_string).collect();
        let rows = sqlx::query!(
            r#"SELECT person AS "person!", level AS "level!"
               FROM unnest($1::text[]) AS person, privacy_level_of(person) AS level
               WHERE level IS NOT NULL"#,
            &users,
        )
        .fetch_all(self.pool.shared())
        .await?;
        let level = |number| PrivacyLevel::of_stored(number);
        rows.into_iter()
            .map(|row| Ok((user_of(&row.person)?, level(row.level))))
            .collect()
    }

    /// Returns a page of the users at level 2 behind the one that is given, in a fixed order; empty
    /// behind the last.
    ///
    /// # Errors
    /// `Corrupt`, `Unavailable`.
    pub async fn full_users(&self, behind: Option<UserId>) -> Result<Vec<UserId>, Error> {
        let rows = sqlx::query_scalar!(
            "SELECT user_disc_id FROM users
             WHERE privacy_level = 2 AND user_disc_id > $1::text
             ORDER BY user_disc_id
             LIMIT $2",
            behind.map_or_else(String::new, |user| user.to_string()),
            PAGE,
        )
        .fetch_all(self.pool.system())
        .await?;
        rows.iter().map(|id| user_of(id)).collect()
    }

    /// Sets the level of a user, in one transaction with what follows from level 2 (PRIV-35): queued
    /// turns of the user are over, a running one is asked to stop, and records of decisions tell
    /// nothing about the user any more. The younger ones stay without ids, because their events may
    /// be delivered once more and must not be decided anew. Safe to repeat.
    ///
    /// # Errors
    /// `Corrupt`, `Unavailable`; after the latter nobody knows whether it was done.
    pub async fn set_privacy_level(
        &self,
        user: UserId,
        level: PrivacyLevel,
    ) -> Result<LevelChanged, Error> {
        self.save_level(user, level, Saving::Always).await
    }

    /// Raises the level of a user and sets a name with it, as [`Self::set_privacy_level`] does, or
    /// neither where the level is as high already, whoever made it so meanwhile (PRIV-58).
    ///
    /// # Errors
    /// `Conflict` for a name that is too long or empty; `Corrupt`, `Unavailable`; after the latter
    /// nobody knows whether it was done.
    pub async fn raise_privacy_level(
        &self,
        user: UserId,
        level: PrivacyLevel,
        naming: Naming<'_>,
    ) -> Result<LevelChanged, Error> {
        self.save_level(user, level, Saving::Upwards(naming)).await
    }

    async fn save_level(
        &self,
        user: UserId,
        level: PrivacyLevel,
        saving: Saving<'_>,
    ) -> Result<LevelChanged, Error> {
        let is_upwards = matches!(saving, Saving::Upwards(_));
        let (is_named, name) = match saving {
            Saving::Upwards(Naming::Set(name)) => (true, name),
            Saving::Upwards(Naming::Kept) | Saving::Always => (false, None),
        };
        let saved = sqlx::query!(
            r#"WITH saved AS (
                   INSERT INTO users AS u (user_disc_id, privacy_level, user_nickname)
                   VALUES ($1::text, $2, $5)
                   ON CONFLICT (user_disc_id) DO UPDATE
                   SET privacy_level = excluded.privacy_level,
                       user_nickname = CASE WHEN $4 THEN excluded.user_nickname
                                            ELSE u.user_nickname END
                   WHERE CASE WHEN $3 THEN u.privacy_level < excluded.privacy_level
                              ELSE u.privacy_level <> excluded.privacy_level END
                   RETURNING u.user_disc_id
               ), ended AS (
                   UPDATE turns
                   SET stop_requested = true, stop_reason = COALESCE(stop_reason, 'privacy'),
                       state = CASE WHEN state = 'queued' THEN 'stopped' ELSE state END,
                       ended_at = CASE WHEN state = 'queued' THEN now() END
                   WHERE $2::smallint = 2 AND responsible_disc_id = $1::text AND ended_at IS NULL
                   RETURNING channel_disc_id
               ), forgotten AS (
                   DELETE FROM turn_decisions
                   WHERE $2::smallint = 2 AND user_disc_id = $1::text
                     AND created_at < now() - interval '15 minutes'
               ), emptied AS (
                   UPDATE turn_decisions
                   SET user_disc_id = NULL, channel_disc_id = NULL, message_id = NULL,
                       guild_disc_id = NULLIF(guild_disc_id, $1::text)
                   WHERE $2::smallint = 2 AND user_disc_id = $1::text
                     AND created_at >= now() - interval '15 minutes'
               )
               SELECT ARRAY(SELECT DISTINCT channel_disc_id FROM ended) AS "channels!: Vec<String>",
                      EXISTS (SELECT FROM saved) AS "is_changed!""#,
            user.to_string(),
            level.as_number(),
            is_upwards,
            is_named,
            name,
        )
        .fetch_one(self.pool.system())
        .await?;
        let stopped_in = saved.channels.iter().map(|id| channel_of(id));
        Ok(LevelChanged {
            stopped_in: stopped_in.collect::<Result<_, _>>()?,
            is_changed: saved.is_changed,
        })
    }
}

/// The row is not named: its name is the user's id.
fn user_of(id: &str) -> Result<UserId, Error> {
    let place = Place {
        table: "users",
        column: "user_disc_id",
        row: &"a user",
    };
    place.parse(id)
}

fn channel_of(id: &str) -> Result<ChannelId, Error> {
    let place = Place {
        table: "turns",
        column: "channel_disc_id",
        row: &"a turn that was just stopped",
    };
    place.parse(id)
}
