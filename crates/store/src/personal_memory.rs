//! What a person asked the bot to remember, shown to and changed by that person alone (PRIV-60).

use proto::id::{TenantId, UserId};
use sqlx::PgConnection;
use tokio::time::timeout;

use crate::memory::{Lineage, MemoriesAdded, Memory, MemoryId, MemoryOrigin, SeenMemory};
use crate::pool::scope::Opened;
use crate::{Edited, Error, Store};

/// The most memories of one person that are read for a list.
const MOST_LISTED: i64 = 10_000;

/// Which of a person's memories are meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PersonalScope {
    /// Those for every persona.
    Global,
    /// Those for one of them, whichever.
    Personas,
}

/// Memories of a person that are to be added.
#[derive(Clone, Copy)]
pub struct NewPersonalMemories<'a> {
    /// Whose they are.
    pub user: UserId,
    /// What they belong to.
    pub lineage: Lineage,
    /// What they say, each 1 to 1,000 characters.
    pub contents: &'a [String],
    /// Where they come from.
    pub origin: MemoryOrigin,
    /// The most that the person may have there.
    pub most: u32,
    /// Where a persona shall remember it, so that this server has to let it; `None` for memories
    /// that are not bound to what one server allows.
    pub place: Option<TenantId>,
}

impl Store {
    /// Reads a person's memories, oldest first.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn personal_memories(
        &self,
        user: UserId,
        scope: PersonalScope,
    ) -> Result<Vec<Memory>, Error> {
        let rows = sqlx::query!(
            r#"SELECT m.personal_memory_id AS id, m.persona_lineage_id, m.content, m.row_version
               FROM personal_memories m JOIN users u ON u.user_id = m.user_id
               WHERE u.user_disc_id = $1 AND (m.persona_lineage_id = 0) = $2::boolean
               ORDER BY m.personal_memory_id
               LIMIT $3"#,
            user.to_string(),
            scope == PersonalScope::Global,
            MOST_LISTED,
        )
        .fetch_all(self.pool.user(user))
        .await?;
        let memories = rows.into_iter().map(|row| Memory {
            id: MemoryId(row.id),
            lineage: Lineage(row.persona_lineage_id),
            content: row.content,
            row_version: row.row_version,
        });
        Ok(memories.collect())
    }

    /// Adds as many as there is room for, in order; what is there already is left out. `None`: the
    /// server of `place` does without personal memories, or without those of this person (PRIV-37,
    /// PRIV-39), or the person is at level 2 (PRIV-20). The person's row comes into being with the first. Dropping it midway leaves nothing
    /// behind.
    ///
    /// # Errors
    /// `Conflict` for what is too long or empty; `Unavailable`.
    pub async fn add_personal_memories(
        &self,
        new: NewPersonalMemories<'_>,
    ) -> Result<Option<MemoriesAdded>, Error> {
        let scope = match new.place {
            Some(tenant) => self.pool.tenant(tenant).with(new.user),
            None => self.pool.user(new.user),
        };
        let mut opened = scope.open().await?;
        let deadline = opened.deadline();
        let done = timeout(deadline, add(&mut opened, new)).await;
        opened.settle(done)
    }

    /// Changes what a memory says.
    ///
    /// # Errors
    /// `Conflict` for what is too long or empty; `Unavailable`; repeating it is harmless.
    pub async fn edit_personal_memory(
        &self,
        user: UserId,
        seen: SeenMemory,
        content: &str,
    ) -> Result<Edited, Error> {
        let done = sqlx::query!(
            "UPDATE personal_memories m SET content = $4 FROM users u
             WHERE u.user_disc_id = $1 AND m.user_id = u.user_id
               AND m.personal_memory_id = $2 AND m.row_version = $3",
            user.to_string(),
            seen.id.0,
            seen.row_version,
            content,
        )
        .execute(self.pool.user(user))
        .await?;
        Ok(Edited::of(done.rows_affected()))
    }

    /// Removes a memory.
    ///
    /// # Errors
    /// `Unavailable`; repeating it is harmless.
    pub async fn remove_personal_memory(
        &self,
        user: UserId,
        seen: SeenMemory,
    ) -> Result<Edited, Error> {
        let done = sqlx::query!(
            "DELETE FROM personal_memories m USING users u
             WHERE u.user_disc_id = $1 AND m.user_id = u.user_id
               AND m.personal_memory_id = $2 AND m.row_version = $3",
            user.to_string(),
            seen.id.0,
            seen.row_version,
        )
        .execute(self.pool.user(user))
        .await?;
        Ok(Edited::of(done.rows_affected()))
    }
}

async fn add(
    opened: &mut Opened,
    new: NewPersonalMemories<'_>,
) -> Result<Option<MemoriesAdded>, Error> {
    let mut transaction = opened.begin().await?;
    let user = lock_user(&mut transaction, new.user).await?;
    let place = new.place.map(|tenant| tenant.disc_id().to_string());
    let counts = sqlx::query!(
        r#"WITH place AS (
               SELECT $6::text IS NULL OR EXISTS (
                   SELECT FROM servers s
                   LEFT JOIN server_chat_configs c ON c.server_id = s.server_id
                   WHERE s.server_disc_id = $6::text AND c.personal_memories_enabled IS NOT FALSE
                     AND NOT EXISTS (
                         SELECT FROM personalization_blacklist l
                         WHERE l.server_id = s.server_id AND l.user_disc_id = $7::text)
               ) AS is_open
               FROM users WHERE user_id = $1 AND privacy_level < 2
           ), offered AS (
               SELECT o.content, min(o.place) AS place
               FROM unnest($3::text[]) WITH ORDINALITY AS o (content, place)
               WHERE (SELECT is_open FROM place) AND NOT EXISTS (
                   SELECT FROM personal_memories m
                   WHERE m.user_id = $1 AND m.persona_lineage_id = $2 AND m.content = o.content)
               GROUP BY o.content
           ), added AS (
               INSERT INTO personal_memories (user_id, persona_lineage_id, content, origin)
               SELECT $1, $2, content, $4 FROM offered
               ORDER BY place
               LIMIT (SELECT greatest(0, $5::bigint - count(*)) FROM personal_memories
                      WHERE user_id = $1 AND persona_lineage_id = $2)
               RETURNING 1
           )
           SELECT (SELECT is_open FROM place) IS TRUE AS "is_open!",
                  (SELECT count(*) FROM offered) AS "fresh!", (SELECT count(*) FROM added) AS "added!""#,
        user,
        new.lineage.0,
        new.contents,
        new.origin.as_str(),
        i64::from(new.most),
        place,
        new.user.to_string(),
    )
    .fetch_one(&mut *transaction)
    .await?;
    if !counts.is_open {
        // Nothing is stored about somebody of whom nothing may be.
        return Ok(None);
    }
    transaction.commit().await?;
    let offered = new.contents.len();
    Ok(Some(MemoriesAdded::of(offered, counts.fresh, counts.added)))
}

/// Makes the user's row where it is missing, and locks it, so that changes that count something
/// wait for each other.
pub(crate) async fn lock_user(
    connection: &mut PgConnection,
    user: UserId,
) -> Result<i64, sqlx::Error> {
    let disc_id = user.to_string();
    sqlx::query!(
        "INSERT INTO users (user_disc_id) VALUES ($1::text) ON CONFLICT (user_disc_id) DO NOTHING",
        disc_id,
    )
    .execute(&mut *connection)
    .await?;
    sqlx::query_scalar!(
        "SELECT user_id FROM users WHERE user_disc_id = $1 FOR UPDATE",
        disc_id,
    )
    .fetch_one(connection)
    .await
}
