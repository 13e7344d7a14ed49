//! What a persona remembers of a server. Who may manage the server changes all of it; others, where
//! the server lets them, what they added themselves (PRIV-60).

use proto::id::{TenantId, UserId};
use sqlx::PgConnection;
use tokio::time::timeout;

use crate::memory::{Lineage, MemoriesAdded, Memory, MemoryId, MemoryOrigin, SeenMemory};
use crate::personal_memory::lock_user;
use crate::pool::scope::Opened;
use crate::{Edited, Error, PersonaId, Store};

/// The most memories of one persona that are read for a list.
const MOST_LISTED: i64 = 1_000;

/// Somebody who shows or changes what a persona remembers of a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Teacher {
    /// The server, or somebody's direct messages.
    pub tenant: TenantId,
    /// The person.
    pub user: UserId,
    /// Whether that person may manage the server.
    pub may_manage: bool,
}

/// Memories of a server that are to be added.
#[derive(Clone, Copy)]
pub struct NewServerMemories<'a> {
    /// Who adds them, and where.
    pub teacher: Teacher,
    /// Who shall remember.
    pub persona: PersonaId,
    /// What they say, each 1 to 1,000 characters.
    pub contents: &'a [String],
    /// Where they come from.
    pub origin: MemoryOrigin,
    /// The most that a persona may have of a server.
    pub most: u32,
}

impl Store {
    /// Reads what this person may change of what a persona remembers, oldest first.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn server_memories(
        &self,
        teacher: Teacher,
        persona: PersonaId,
    ) -> Result<Vec<Memory>, Error> {
        let rows = sqlx::query!(
            r#"SELECT m.server_memory_id AS id, m.persona_lineage_id, m.content, m.row_version
               FROM server_memories m
               JOIN servers s ON s.server_id = m.server_id
               JOIN personas p ON p.server_id = m.server_id
                              AND p.persona_lineage_id = m.persona_lineage_id
               WHERE s.server_disc_id = $1 AND p.persona_id = $2
                 AND ($3 OR m.created_by = (SELECT user_id FROM users WHERE user_disc_id = $4))
               ORDER BY m.server_memory_id
               LIMIT $5"#,
            teacher.tenant.disc_id().to_string(),
            persona.0,
            teacher.may_manage,
            teacher.user.to_string(),
            MOST_LISTED,
        )
        .fetch_all(self.pool.tenant(teacher.tenant).with(teacher.user))
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
    /// persona is gone, or the server lets only those teach who may manage it. Dropping it midway
    /// leaves nothing behind.
    ///
    /// # Errors
    /// `Conflict` for what is too long or empty; `Unavailable`.
    pub async fn add_server_memories(
        &self,
        new: NewServerMemories<'_>,
    ) -> Result<Option<MemoriesAdded>, Error> {
        let scope = self.pool.tenant(new.teacher.tenant).with(new.teacher.user);
        let mut opened = scope.open().await?;
        let deadline = opened.deadline();
        let done = timeout(deadline, add(&mut opened, new)).await;
        opened.settle(done)
    }

    /// Changes what a memory says. It is then of who changed it: the words are not those of who
    /// taught it any more. Dropping it midway changes nothing or everything.
    ///
    /// # Errors
    /// `Conflict` for what is too long or empty; `Unavailable`; repeating it is harmless.
    pub async fn edit_server_memory(
        &self,
        teacher: Teacher,
        seen: SeenMemory,
        content: &str,
    ) -> Result<Edited, Error> {
        let scope = self.pool.tenant(teacher.tenant).with(teacher.user);
        let mut opened = scope.open().await?;
        let deadline = opened.deadline();
        let done = timeout(deadline, edit(&mut opened, teacher, seen, content)).await;
        opened.settle(done)
    }

    /// Removes a memory.
    ///
    /// # Errors
    /// `Unavailable`; repeating it is harmless.
    pub async fn remove_server_memory(
        &self,
        teacher: Teacher,
        seen: SeenMemory,
    ) -> Result<Edited, Error> {
        let done = sqlx::query!(
            "DELETE FROM server_memories m
             USING servers s LEFT JOIN server_chat_configs c ON c.server_id = s.server_id
             WHERE s.server_disc_id = $1 AND m.server_id = s.server_id
               AND m.server_memory_id = $2 AND m.row_version = $3
               AND ($4 OR c.server_memteaching_enabled
                          AND m.created_by = (SELECT user_id FROM users WHERE user_disc_id = $5))",
            teacher.tenant.disc_id().to_string(),
            seen.id.0,
            seen.row_version,
            teacher.may_manage,
            teacher.user.to_string(),
        )
        .execute(self.pool.tenant(teacher.tenant).with(teacher.user))
        .await?;
        Ok(Edited::of(done.rows_affected()))
    }
}

async fn add(
    opened: &mut Opened,
    new: NewServerMemories<'_>,
) -> Result<Option<MemoriesAdded>, Error> {
    let mut transaction = opened.begin().await?;
    let Some((server, lineage)) = lock_persona(&mut transaction, new).await? else {
        return Ok(None);
    };
    let creator = lock_user(&mut transaction, new.teacher.user).await?;
    let counts = sqlx::query!(
        r#"WITH offered AS (
               SELECT o.content, min(o.place) AS place
               FROM unnest($4::text[]) WITH ORDINALITY AS o (content, place)
               WHERE NOT EXISTS (
                   SELECT FROM server_memories m
                   WHERE m.server_id = $1 AND m.persona_lineage_id = $2 AND m.content = o.content)
               GROUP BY o.content
           ), added AS (
               INSERT INTO server_memories
                   (server_id, persona_lineage_id, created_by, content, origin)
               SELECT $1, $2, $3, content, $5 FROM offered
               ORDER BY place
               LIMIT (SELECT greatest(0, $6::bigint - count(*)) FROM server_memories
                      WHERE server_id = $1 AND persona_lineage_id = $2)
               RETURNING 1
           )
           SELECT (SELECT count(*) FROM offered) AS "fresh!", (SELECT count(*) FROM added) AS "added!""#,
        server,
        lineage,
        creator,
        new.contents,
        new.origin.as_str(),
        i64::from(new.most),
    )
    .fetch_one(&mut *transaction)
    .await?;
    transaction.commit().await?;
    let offered = new.contents.len();
    Ok(Some(MemoriesAdded::of(offered, counts.fresh, counts.added)))
}

/// Who changes nothing gets no row for it, and is not who said it: what is not committed was not.
async fn edit(
    opened: &mut Opened,
    teacher: Teacher,
    seen: SeenMemory,
    content: &str,
) -> Result<Edited, Error> {
    let mut transaction = opened.begin().await?;
    let editor = lock_user(&mut transaction, teacher.user).await?;
    let is_same = sqlx::query_scalar!(
        r#"WITH seen AS (
               SELECT m.server_memory_id, m.content = $6 AS is_same
               FROM server_memories m
               JOIN servers s ON s.server_id = m.server_id
               LEFT JOIN server_chat_configs c ON c.server_id = s.server_id
               WHERE s.server_disc_id = $1 AND m.server_memory_id = $2 AND m.row_version = $3
                 AND ($4 OR c.server_memteaching_enabled AND m.created_by = $5)
               FOR UPDATE OF m
           ), edited AS (
               UPDATE server_memories m SET content = $6, created_by = $5
               FROM seen
               WHERE m.server_memory_id = seen.server_memory_id AND NOT seen.is_same
           )
           SELECT is_same AS "is_same!" FROM seen"#,
        teacher.tenant.disc_id().to_string(),
        seen.id.0,
        seen.row_version,
        teacher.may_manage,
        editor,
        content,
    )
    .fetch_optional(&mut *transaction)
    .await?;
    match is_same {
        None => Ok(Edited::Stale),
        Some(true) => Ok(Edited::Done),
        Some(false) => {
            transaction.commit().await?;
            Ok(Edited::Done)
        }
    }
}

/// Finds the persona where this person may teach it, and locks it, so that two additions count
/// each other.
async fn lock_persona(
    connection: &mut PgConnection,
    new: NewServerMemories<'_>,
) -> Result<Option<(i64, i64)>, sqlx::Error> {
    let found = sqlx::query!(
        "SELECT p.server_id, p.persona_lineage_id
         FROM personas p
         JOIN servers s ON s.server_id = p.server_id
         LEFT JOIN server_chat_configs c ON c.server_id = s.server_id
         WHERE s.server_disc_id = $1 AND p.persona_id = $2
           AND ($3 OR c.server_memteaching_enabled)
         FOR NO KEY UPDATE OF p",
        new.teacher.tenant.disc_id().to_string(),
        new.persona.0,
        new.teacher.may_manage,
    )
    .fetch_optional(connection)
    .await?;
    Ok(found.map(|found| (found.server_id, found.persona_lineage_id)))
}
