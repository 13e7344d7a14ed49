//! Whose personal memories a server does without, and whom a persona does not answer for a while
//! (PRIV-36 to PRIV-46). What follows from a row for a prompt is not decided here.

use std::collections::HashMap;

use proto::id::{TenantId, UserId};

use crate::held::query_as_holder;
use crate::row::Place;
use crate::text::texts;
use crate::{Error, Lease, PersonaId, Store};

/// The most rows of one server that are read for a list; the pages of a panel count to 256.
const MOST_LISTED: i64 = 2_500;

texts! {
    /// What a persona does without of somebody.
    BlockKind {
        /// What the person says does not call the persona.
        Mute = "mute",
        /// Nor does the persona see it.
        Block = "block",
    }
}

impl BlockKind {
    /// Reads a stored kind; one that cannot be understood counts as the strictest (PRIV-45).
    fn of_stored(text: &str) -> Self {
        text.parse().unwrap_or(Self::Block)
    }
}

/// A mute or block that somebody orders.
#[derive(Clone, Copy)]
pub struct NewBlock<'a> {
    /// The persona that shall not answer.
    pub persona: PersonaId,
    /// Whom.
    pub user: UserId,
    /// What it does without.
    pub kind: BlockKind,
    /// Why, 1 to 250 characters.
    pub reason: &'a str,
    /// For how long, at least 1.
    pub hours: u16,
}

/// A mute or block in force.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Block {
    /// What the persona does without.
    pub kind: BlockKind,
    /// For how much longer, rounded up, at least 1.
    pub hours_left: u32,
}

/// How somebody stands in a server and with one of its personas.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Standing {
    /// The server does without that person's personal memories.
    pub is_blacklisted: bool,
    /// The persona does not answer.
    pub block: Option<Block>,
}

/// What came of putting somebody on the blacklist.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Blacklisted {
    /// The person was not there before.
    pub is_new: bool,
    /// The server uses personal memories at all.
    pub are_memories_on: bool,
}

/// The number of a row of the blacklist or of the blocks; a row that is replaced gets a new one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct RestrictionId(pub i64);

/// A row of the blacklist, or a block in force, as it is shown to those who may lift it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Restriction {
    /// Its number; younger ones are larger.
    pub id: RestrictionId,
    /// Whom it is about.
    pub user: UserId,
    /// The block with the name of its persona; `None` for a row of the blacklist.
    pub block: Option<(String, Block)>,
}

impl Store {
    /// Puts somebody on the blacklist of a server; `None` where nothing is set up. Repeating it is
    /// harmless.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn blacklist(
        &self,
        tenant: TenantId,
        user: UserId,
        added_by: UserId,
    ) -> Result<Option<Blacklisted>, Error> {
        let row = sqlx::query!(
            r#"WITH server AS (
                   SELECT s.server_id, COALESCE(c.personal_memories_enabled, true) AS are_on
                   FROM servers s
                   LEFT JOIN server_chat_configs c ON c.server_id = s.server_id
                   WHERE s.server_disc_id = $1::text AND s.is_dm_channel = $2
               ), added AS (
                   INSERT INTO personalization_blacklist (server_id, user_disc_id, added_by)
                   SELECT server_id, $3::text, $4::text FROM server
                   ON CONFLICT (server_id, user_disc_id) DO NOTHING
                   RETURNING 1
               )
               SELECT are_on AS "are_on!", EXISTS (SELECT FROM added) AS "is_new!" FROM server"#,
            tenant.disc_id().to_string(),
            tenant.is_direct(),
            user.to_string(),
            added_by.to_string(),
        )
        .fetch_optional(self.pool.tenant(tenant))
        .await?;
        Ok(row.map(|row| Blacklisted {
            is_new: row.is_new,
            are_memories_on: row.are_on,
        }))
    }

    /// Mutes or blocks somebody by a moderator's order, in the place of what there was; `false`: the
    /// server has no such persona. Repeating it is harmless.
    ///
    /// # Errors
    /// `Conflict` for a reason that is empty or too long; `Unavailable`.
    pub async fn block(&self, tenant: TenantId, new: NewBlock<'_>) -> Result<bool, Error> {
        let done = sqlx::query!(
            "INSERT INTO persona_user_blocks
                 (server_id, persona_id, user_disc_id, block_type, reason, expires_at, created_by)
             SELECT p.server_id, p.persona_id, $3::text, $4::text, $5::text,
                    now() + make_interval(hours => $6), 'moderator'
             FROM personas p JOIN servers s ON s.server_id = p.server_id
             WHERE s.server_disc_id = $1 AND p.persona_id = $2
             ON CONFLICT (server_id, persona_id, user_disc_id) DO UPDATE
             SET restriction_id = excluded.restriction_id, block_type = excluded.block_type,
                 reason = excluded.reason, expires_at = excluded.expires_at,
                 created_by = excluded.created_by, created_at = excluded.created_at",
            tenant.disc_id().to_string(),
            new.persona.0,
            new.user.to_string(),
            new.kind.as_str(),
            new.reason,
            i32::from(new.hours),
        )
        .execute(self.pool.tenant(tenant))
        .await?;
        Ok(done.rows_affected() == 1)
    }

    /// Mutes or blocks somebody for the persona of a turn, in the place of what that persona did
    /// before. `false`: a moderator's order is in force, which no persona changes, or the turn may
    /// do nothing more. Repeating it is harmless.
    ///
    /// # Errors
    /// `Conflict` for a reason that is empty or too long; `Unavailable`.
    pub async fn block_as_persona(&self, lease: &Lease, new: NewBlock<'_>) -> Result<bool, Error> {
        let done = query_as_holder!(
            lease,
            "state = 'tool'",
            "INSERT INTO persona_user_blocks AS b
                 (server_id, persona_id, user_disc_id, block_type, reason, expires_at, created_by)
             SELECT h.server_id, $4, $5::text, $6::text, $7::text,
                    now() + make_interval(hours => $8), 'persona'
             FROM held h
             ON CONFLICT (server_id, persona_id, user_disc_id) DO UPDATE
             SET restriction_id = excluded.restriction_id, block_type = excluded.block_type,
                 reason = excluded.reason, expires_at = excluded.expires_at,
                 created_by = excluded.created_by, created_at = excluded.created_at
             WHERE b.created_by = 'persona' OR b.expires_at <= now()",
            new.persona.0,
            new.user.to_string(),
            new.kind.as_str(),
            new.reason,
            i32::from(new.hours),
        )
        .execute(self.pool.server(lease.turn.server))
        .await?;
        Ok(done.rows_affected() == 1)
    }

    /// Lifts what the persona of a turn did to somebody. `false`: there is nothing, a moderator
    /// ordered it, or the turn may do nothing more. Repeating it is harmless.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn unblock_as_persona(
        &self,
        lease: &Lease,
        persona: PersonaId,
        user: UserId,
    ) -> Result<bool, Error> {
        let done = query_as_holder!(
            lease,
            "state = 'tool'",
            "DELETE FROM persona_user_blocks b USING held h
             WHERE b.server_id = h.server_id AND b.persona_id = $4 AND b.user_disc_id = $5
               AND b.created_by = 'persona' AND b.expires_at > now()",
            persona.0,
            user.to_string(),
        )
        .execute(self.pool.server(lease.turn.server))
        .await?;
        Ok(done.rows_affected() == 1)
    }

    /// Tells how those of the people stand of whom anything is known; nothing is known of the
    /// others.
    ///
    /// # Errors
    /// `Corrupt`, `Unavailable`.
    pub async fn standings(
        &self,
        tenant: TenantId,
        persona: PersonaId,
        people: &[UserId],
    ) -> Result<HashMap<UserId, Standing>, Error> {
        let people: Vec<String> = people.iter().map(ToString::to_string).collect();
        let rows = sqlx::query!(
            r#"SELECT person AS "person!", l.user_disc_id IS NOT NULL AS "is_blacklisted!",
                      b.block_type AS "block_type?",
                      ceil(extract(epoch FROM b.expires_at - now()) / 3600)::integer AS hours_left
               FROM servers s
               CROSS JOIN unnest($3::text[]) AS person
               LEFT JOIN personalization_blacklist l
                   ON l.server_id = s.server_id AND l.user_disc_id = person
               LEFT JOIN persona_user_blocks b
                   ON b.server_id = s.server_id AND b.persona_id = $2
                  AND b.user_disc_id = person AND b.expires_at > now()
               WHERE s.server_disc_id = $1
                 AND (l.user_disc_id IS NOT NULL OR b.user_disc_id IS NOT NULL)"#,
            tenant.disc_id().to_string(),
            persona.0,
            &people,
        )
        .fetch_all(self.pool.tenant(tenant))
        .await?;
        let standing = |is_blacklisted, kind: Option<String>, hours| Standing {
            is_blacklisted,
            block: kind.map(|kind| block_of(&kind, hours)),
        };
        rows.into_iter()
            .map(|row| {
                let user = user_of(&row.person)?;
                let standing = standing(row.is_blacklisted, row.block_type, row.hours_left);
                Ok((user, standing))
            })
            .collect()
    }

    /// Reads the blacklist and the blocks in force of a server, oldest first.
    ///
    /// # Errors
    /// `Corrupt`, `Unavailable`.
    pub async fn restrictions(&self, tenant: TenantId) -> Result<Vec<Restriction>, Error> {
        let rows = sqlx::query!(
            r#"SELECT r.id AS "id!", r.person AS "person!", r.nickname, r.block_type, r.hours_left
               FROM (
                   SELECT l.server_id, l.restriction_id AS id, l.user_disc_id::text AS person,
                          NULL::text AS nickname, NULL::text AS block_type,
                          NULL::integer AS hours_left
                   FROM personalization_blacklist l
                   UNION ALL
                   SELECT b.server_id, b.restriction_id, b.user_disc_id::text, p.nickname,
                          b.block_type,
                          ceil(extract(epoch FROM b.expires_at - now()) / 3600)::integer
                   FROM persona_user_blocks b JOIN personas p ON p.persona_id = b.persona_id
                   WHERE b.expires_at > now()
               ) r
               JOIN servers s ON s.server_id = r.server_id
               WHERE s.server_disc_id = $1
               ORDER BY r.id
               LIMIT $2"#,
            tenant.disc_id().to_string(),
            MOST_LISTED,
        )
        .fetch_all(self.pool.tenant(tenant))
        .await?;
        rows.into_iter()
            .map(|row| {
                let block = row.block_type.map(|kind| block_of(&kind, row.hours_left));
                Ok(Restriction {
                    id: RestrictionId(row.id),
                    user: user_of(&row.person)?,
                    block: row.nickname.zip(block),
                })
            })
            .collect()
    }

    /// Lifts what stands between two numbers, both included, but for those that are kept, and returns
    /// how many were lifted. What was added or replaced since a list was read has a larger number
    /// than anything in it. Repeating it is harmless.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn lift(
        &self,
        tenant: TenantId,
        (first, last): (RestrictionId, RestrictionId),
        kept: &[RestrictionId],
    ) -> Result<u64, Error> {
        let kept: Vec<i64> = kept.iter().map(|id| id.0).collect();
        let lifted = sqlx::query_scalar!(
            r#"WITH server AS (
                   SELECT server_id FROM servers WHERE server_disc_id = $1
               ), heard AS (
                   DELETE FROM personalization_blacklist l USING server s
                   WHERE l.server_id = s.server_id AND l.restriction_id BETWEEN $2 AND $3
                     AND l.restriction_id <> ALL ($4::bigint[])
                   RETURNING 1
               ), answered AS (
                   DELETE FROM persona_user_blocks b USING server s
                   WHERE b.server_id = s.server_id AND b.restriction_id BETWEEN $2 AND $3
                     AND b.restriction_id <> ALL ($4::bigint[]) AND b.expires_at > now()
                   RETURNING 1
               )
               SELECT (SELECT count(*) FROM heard) + (SELECT count(*) FROM answered) AS "lifted!""#,
            tenant.disc_id().to_string(),
            first.0,
            last.0,
            &kept,
        )
        .fetch_one(self.pool.tenant(tenant))
        .await?;
        Ok(u64::try_from(lifted).unwrap_or_default())
    }
}

fn block_of(kind: &str, hours_left: Option<i32>) -> Block {
    let hours_left = hours_left.and_then(|hours| u32::try_from(hours).ok());
    Block {
        kind: BlockKind::of_stored(kind),
        hours_left: hours_left.unwrap_or(1).max(1),
    }
}

/// The row is not named: its name is the user's id.
fn user_of(id: &str) -> Result<UserId, Error> {
    let place = Place {
        table: "persona_user_blocks",
        column: "user_disc_id",
        row: &"a user",
    };
    place.parse(id)
}
