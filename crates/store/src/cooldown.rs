//! What rests until when (GUARD-1 to GUARD-5): taken by one statement with the database's clock, so
//! that of all who ask at once exactly one gets it. What a message makes rest is taken by its
//! admission.

use std::time::Duration;

use proto::id::{ChannelId, InteractionId, TenantId, UserId};

use crate::{Error, Lease, Store};

/// What a message makes rest, as it is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CooldownKind {
    /// Its author, in the server (GUARD-12).
    User,
    /// Its channel (GUARD-13).
    Channel,
    /// The server (GUARD-14).
    Server,
    /// The server, and nobody goes past it (GUARD-15).
    Everybody,
}

impl CooldownKind {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::User, Self::Channel, Self::Server, Self::Everybody];

    /// Returns the stored number, 1 to 4.
    pub const fn number(self) -> i16 {
        match self {
            Self::User => 1,
            Self::Channel => 2,
            Self::Server => 3,
            Self::Everybody => 4,
        }
    }

    /// Reads a stored number; `None` for 0, by which nothing rests, and for every other.
    pub fn from_number(number: i16) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.number() == number)
    }
}

/// What an answered message makes rest, and for how long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cooldown {
    /// What rests.
    pub kind: CooldownKind,
    /// For how long, 1 to 86,400.
    pub length_seconds: u32,
}

/// Whom a word about a limit is for; it is said to them once in a while.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hearer {
    /// Somebody, wherever they are.
    User(UserId),
    /// Everybody in a channel.
    Channel(ChannelId),
}

/// The number of commands that rest, and of words that were said.
const COMMAND: i16 = 5;
const SAID: i16 = 6;

/// The key of a row; what does not belong to its kind is empty.
#[derive(Debug, Default)]
pub(crate) struct Key {
    pub(crate) kind: i16,
    pub(crate) server: String,
    pub(crate) user: String,
    pub(crate) channel: String,
    category: &'static str,
    taken_for: String,
}

impl Key {
    /// What rests after a message.
    pub(crate) fn of_message(
        kind: CooldownKind,
        (tenant, user, channel): (TenantId, UserId, ChannelId),
    ) -> Self {
        let only = |belongs: bool, id: String| if belongs { id } else { String::new() };
        Self {
            kind: kind.number(),
            server: tenant.disc_id().to_string(),
            user: only(kind == CooldownKind::User, user.to_string()),
            channel: only(kind == CooldownKind::Channel, channel.to_string()),
            category: "",
            taken_for: String::new(),
        }
    }
}

impl Store {
    /// Lets a person's commands of one kind rest in all servers; `None`: they did not rest, and do
    /// now; the same for whoever asks again about the same use. Otherwise the seconds that are left,
    /// rounded up, at least 1. Callers at once: one gets `None`. A length of nothing is always taken.
    ///
    /// # Errors
    /// `Unavailable`; it may rest then.
    pub async fn cool_command(
        &self,
        user: UserId,
        (category, length): (&'static str, Duration),
        asked: InteractionId,
    ) -> Result<Option<u32>, Error> {
        let key = Key {
            kind: COMMAND,
            user: user.to_string(),
            category,
            taken_for: asked.to_string(),
            ..Key::default()
        };
        if self.acquire(&key, length).await? {
            return Ok(None);
        }
        self.seconds_left(&key).await.map(Some)
    }

    /// Tells whether a word about a limit may be said now, and notes that it is: once within
    /// `every`, whoever asks.
    ///
    /// # Errors
    /// `Unavailable`; it may be noted then.
    pub async fn may_say(
        &self,
        hearer: Hearer,
        about: &'static str,
        every: Duration,
    ) -> Result<bool, Error> {
        let (user, channel) = match hearer {
            Hearer::User(user) => (user.to_string(), String::new()),
            Hearer::Channel(channel) => (String::new(), channel.to_string()),
        };
        let key = Key {
            kind: SAID,
            user,
            channel,
            category: about,
            ..Key::default()
        };
        self.acquire(&key, every).await
    }

    /// Returns the seconds for which a message of this person waits, once per person and time of
    /// rest: `None` where that was said, and where nothing rests any more.
    ///
    /// # Errors
    /// `Unavailable`; it may count as said then.
    pub async fn may_say_cooldown(
        &self,
        kind: CooldownKind,
        (tenant, user, channel): (TenantId, UserId, ChannelId),
    ) -> Result<Option<u32>, Error> {
        let key = Key::of_message(kind, (tenant, user, channel));
        let left = sqlx::query_scalar!(
            r#"INSERT INTO cooldowns AS said
                   (cooldown_type, server_disc_id, user_disc_id, channel_disc_id,
                    command_category, expires_at)
               SELECT 6, c.server_disc_id, $5, c.channel_disc_id, 'cooldown ' || c.cooldown_type,
                      c.expires_at
               FROM cooldowns c
               WHERE c.cooldown_type = $1 AND c.server_disc_id = $2 AND c.user_disc_id = $3
                 AND c.channel_disc_id = $4 AND c.command_category = '' AND c.expires_at > now()
               ON CONFLICT (cooldown_type, server_disc_id, user_disc_id, channel_disc_id,
                            command_category)
               DO UPDATE SET expires_at = excluded.expires_at WHERE said.expires_at <= now()
               RETURNING ceil(extract(epoch FROM expires_at - now()))::integer AS "left!""#,
            key.kind,
            key.server,
            key.user,
            key.channel,
            user.to_string(),
        )
        .fetch_optional(self.pool.shared())
        .await?;
        Ok(left.map(|left| u32::try_from(left).unwrap_or(1).max(1)))
    }

    /// Ends what the message of a turn made rest, where nobody saw anything of the answer; what
    /// another message made rest meanwhile stays, and so it does while another persona still
    /// answers the same message or did. Safe to repeat.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn release_cooldown(&self, lease: &Lease) -> Result<bool, Error> {
        let done = sqlx::query!(
            "DELETE FROM cooldowns c
             USING turns t JOIN servers s ON s.server_id = t.server_id
             WHERE t.turn_id = $1 AND t.fence = $2 AND t.worker_id = $3
               AND c.cooldown_type = t.cooldown_type AND c.expires_at = t.cooldown_until
               AND c.server_disc_id = s.server_disc_id AND c.command_category = ''
               AND c.user_disc_id =
                   CASE t.cooldown_type WHEN 1 THEN t.responsible_disc_id::text ELSE '' END
               AND c.channel_disc_id =
                   CASE t.cooldown_type WHEN 2 THEN t.channel_disc_id::text ELSE '' END
               AND NOT EXISTS (
                   SELECT FROM turns other
                   WHERE other.trigger_key = t.trigger_key AND other.turn_id <> t.turn_id
                     AND (other.ended_at IS NULL OR other.state = 'done'))",
            lease.turn.row,
            lease.fence,
            lease.worker,
        )
        .execute(self.pool.server(lease.turn.server))
        .await?;
        Ok(done.rows_affected() == 1)
    }

    /// GUARD-2: one statement; no row means that it still rests.
    async fn acquire(&self, key: &Key, length: Duration) -> Result<bool, Error> {
        let done = sqlx::query!(
            "INSERT INTO cooldowns AS c
                 (cooldown_type, server_disc_id, user_disc_id, channel_disc_id,
                  command_category, expires_at, taken_for)
             VALUES ($1, $2, $3, $4, $5, now() + make_interval(secs => $6), $7)
             ON CONFLICT (cooldown_type, server_disc_id, user_disc_id, channel_disc_id,
                          command_category)
             DO UPDATE SET expires_at = excluded.expires_at, created_at = now(),
                           taken_for = excluded.taken_for
             WHERE c.expires_at <= now()
                OR c.taken_for = excluded.taken_for AND c.taken_for <> ''",
            key.kind,
            key.server,
            key.user,
            key.channel,
            key.category,
            length.as_secs_f64(),
            key.taken_for,
        )
        .execute(self.pool.shared())
        .await?;
        Ok(done.rows_affected() == 1)
    }

    async fn seconds_left(&self, key: &Key) -> Result<u32, Error> {
        let left = sqlx::query_scalar!(
            r#"SELECT ceil(extract(epoch FROM expires_at - now()))::integer AS "left!"
               FROM cooldowns
               WHERE cooldown_type = $1 AND server_disc_id = $2 AND user_disc_id = $3
                 AND channel_disc_id = $4 AND command_category = $5"#,
            key.kind,
            key.server,
            key.user,
            key.channel,
            key.category,
        )
        .fetch_optional(self.pool.shared())
        .await?;
        Ok(left
            .and_then(|left| u32::try_from(left).ok())
            .unwrap_or(1)
            .max(1))
    }

    /// Deletes what rests no more, up to 10,000 rows, and returns how many (GUARD-5).
    pub(crate) async fn cleanup_expired_cooldowns(&self) -> Result<u64, Error> {
        let gone = sqlx::query_scalar!(r#"SELECT cleanup_expired_cooldowns() AS "gone!""#)
            .fetch_one(self.pool.shared())
            .await?;
        Ok(u64::try_from(gone).unwrap_or_default())
    }
}
