//! The journal of posts: what was sent or may have been sent, as hashes and ids (CHAT-46).

use proto::id::{ChannelId, GuildId, MessageId, TenantId};
use sqlx::PgExecutor;
use uuid::Uuid;

use crate::held::query_as_holder;
use crate::row::Place;
use crate::text::texts;
use crate::{Error, Lease, Store, TurnId};

texts! {
    /// How far a post is.
    PostState {
        /// About to be sent, or sent with the answer lost.
        Sending = "sending",
        /// Discord confirmed it.
        Sent = "sent",
    }
}

/// Place of the notice with which a turn ends. No reply has that many posts.
pub const NOTICE: i32 = i32::MAX;

/// One post of a turn.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Post {
    /// Its place in the reply, from 0.
    pub ordinal: i32,
    /// The nonce it is sent with.
    pub nonce: u64,
    /// SHA-256 of its text.
    pub text_hash: [u8; 32],
    /// How far it is.
    pub state: PostState,
    /// The message it became; `Some` exactly when sent.
    pub message: Option<MessageId>,
    /// Nothing of the reply comes after it.
    pub is_last: bool,
}

impl Post {
    /// Tells whether it is the word with which the turn ends, and no part of the reply.
    pub const fn is_notice(&self) -> bool {
        self.ordinal == NOTICE
    }
}

/// A post that is about to be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NewPost {
    /// Its place in the reply, from 0, or [`NOTICE`].
    pub ordinal: i32,
    /// The nonce it will be sent with.
    pub nonce: u64,
    /// SHA-256 of its text.
    pub text_hash: [u8; 32],
    /// Nothing of the reply comes after it.
    pub is_last: bool,
    /// Of a notice: why the turn ends with it.
    pub reason: Option<&'static str>,
}

/// A message of ours as Discord echoed it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EchoedPost {
    /// The nonce it was sent with.
    pub nonce: u64,
    /// The server where it is; `None` in direct messages.
    pub guild: Option<GuildId>,
    /// Where it is.
    pub channel: ChannelId,
    /// The message.
    pub message: MessageId,
    /// SHA-256 of its text.
    pub text_hash: [u8; 32],
}

/// The most posts of one turn that are read; a reply has tens.
const MOST_POSTS: i64 = 1_000;

/// A post that changes while its echo is taken is looked at once more; then it has changed.
const ECHO_TRIES: usize = 2;

impl Store {
    /// Journals a post before it is sent, and moves the turn on to `streaming`, or to `finishing`
    /// with its last post. Only the first post, or the one after a post that Discord confirmed, is
    /// taken, and a notice, whose reason is kept for whoever ends the turn. Repeating it under the same lease is harmless. `false`: post no more and end the
    /// turn, which changes nothing when the lease is lost. Besides that it means a requested stop
    /// ([`Store::turn`] tells), a responsible user who opted out meanwhile, a post before that is
    /// not confirmed, or a place that an earlier holder left in doubt. Who opted out is answered
    /// where a command asked; a command from before that has been asked to stop.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn insert_post(&self, lease: &Lease, post: &NewPost) -> Result<bool, Error> {
        let done = query_as_holder!(
            lease,
            "state = CASE WHEN $7 THEN 'finishing' ELSE 'streaming' END,
             stop_reason = COALESCE($8, stop_reason)",
            "INSERT INTO turn_posts AS p
                 (turn_id, server_id, fence, ordinal, nonce, text_hash, is_last)
             SELECT h.turn_id, h.server_id, h.fence, $4, $5, $6, $7 FROM held h
             WHERE $4 = 0 OR $8::text IS NOT NULL OR EXISTS (
                 SELECT 1 FROM turn_posts before
                 WHERE before.turn_id = h.turn_id AND before.ordinal = $4 - 1
                   AND before.state = 'sent')
             ON CONFLICT (turn_id, ordinal) DO UPDATE SET nonce = excluded.nonce
             WHERE p.fence = excluded.fence AND p.nonce = excluded.nonce
               AND p.text_hash = excluded.text_hash AND p.state = 'sending'",
            post.ordinal,
            post.nonce.cast_signed(),
            &post.text_hash[..],
            post.is_last,
            post.reason,
        )
        .execute(self.pool.server(lease.turn.server))
        .await?;
        Ok(done.rows_affected() == 1)
    }

    /// Records the message that a post became, and returns the message that is on record then:
    /// another one when an echo was first ([`Store::echoed_post`]). Harmless to repeat. `None`: the
    /// lease is lost, or there is no such post.
    ///
    /// # Errors
    /// `Corrupt`, `Unavailable`.
    pub async fn confirm_post(
        &self,
        lease: &Lease,
        ordinal: i32,
        message: MessageId,
    ) -> Result<Option<MessageId>, Error> {
        let recorded = sqlx::query_scalar!(
            r#"WITH held AS (
                   SELECT turn_id FROM turns
                   WHERE turn_id = $1 AND fence = $2 AND worker_id = $3
                   FOR SHARE
               )
               UPDATE turn_posts p SET state = 'sent', message_id = COALESCE(p.message_id, $5::text)
               FROM held h
               WHERE p.turn_id = h.turn_id AND p.ordinal = $4
               RETURNING p.message_id::text AS "message_id!""#,
            lease.turn.row,
            lease.fence,
            lease.worker,
            ordinal,
            message.to_string(),
        )
        .fetch_optional(self.pool.server(lease.turn.server))
        .await?;
        recorded.map(|id| recorded_as(&id)).transpose()
    }

    /// Takes the echo of a post from whoever sent it: records the message, unless the post is on
    /// record already, and returns the message that is on record then. Another one than the
    /// echoed means that the echoed one repeats the post. `None`: no such post waits for this
    /// text. Needs no lease, because it tells what happened. Safe to repeat.
    ///
    /// # Errors
    /// `Corrupt`, `Unavailable`.
    pub async fn echoed_post(&self, echo: &EchoedPost) -> Result<Option<MessageId>, Error> {
        for _ in 0..ECHO_TRIES {
            let row = match echo.guild.map(TenantId::Guild) {
                Some(tenant) => take_echo(self.pool.tenant(tenant), echo).await?,
                None => take_echo(self.pool.system(), echo).await?,
            };
            match row {
                None => return Ok(None),
                Some(Some(id)) => return recorded_as(&id).map(Some),
                // Somebody records it at this moment, or it waits for another text.
                Some(None) => {}
            }
        }
        Ok(None)
    }

    /// Removes a post that was in doubt and is not in the channel: its place is free again.
    /// `false`: the lease is lost, or the post is confirmed or gone.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn fail_post(&self, lease: &Lease, ordinal: i32) -> Result<bool, Error> {
        let done = sqlx::query!(
            "WITH held AS (
                 SELECT turn_id FROM turns
                 WHERE turn_id = $1 AND fence = $2 AND worker_id = $3
                 FOR SHARE
             )
             DELETE FROM turn_posts p USING held h
             WHERE p.turn_id = h.turn_id AND p.ordinal = $4 AND p.state = 'sending'",
            lease.turn.row,
            lease.fence,
            lease.worker,
            ordinal,
        )
        .execute(self.pool.server(lease.turn.server))
        .await?;
        Ok(done.rows_affected() == 1)
    }

    /// Returns the posts of a turn in order; at most 1,000.
    ///
    /// # Errors
    /// `Corrupt`, `Unavailable`.
    pub async fn posts(&self, turn: TurnId) -> Result<Vec<Post>, Error> {
        let posts = posts_of(self.pool.server(turn.server), &[turn.row]).await?;
        Ok(posts.into_iter().map(|(_, post)| post).collect())
    }
}

/// Returns the posts of several turns, each turn's in order.
pub(crate) async fn posts_of(
    executor: impl PgExecutor<'_>,
    turns: &[Uuid],
) -> Result<Vec<(Uuid, Post)>, Error> {
    let rows = sqlx::query_as!(
        PostRow,
        "SELECT turn_id, ordinal, nonce, text_hash, state, message_id, is_last FROM turn_posts
         WHERE turn_id = ANY($1)
         ORDER BY turn_id, ordinal
         LIMIT $2",
        turns,
        MOST_POSTS,
    )
    .fetch_all(executor)
    .await?;
    rows.into_iter().map(PostRow::into_post).collect()
}

/// Returns the message on record, `Some(None)` while there is none, `None` without such a post.
async fn take_echo(
    executor: impl PgExecutor<'_>,
    echo: &EchoedPost,
) -> Result<Option<Option<String>>, Error> {
    let message = sqlx::query_scalar!(
        r#"WITH confirmed AS (
               UPDATE turn_posts p SET state = 'sent', message_id = $3::text
               FROM turns t
               WHERE t.turn_id = p.turn_id AND t.channel_disc_id = $2::text
                 AND p.nonce = $1 AND p.text_hash = $4 AND p.state = 'sending'
               RETURNING p.message_id
           )
           SELECT COALESCE(c.message_id, p.message_id)::text
           FROM turn_posts p
           JOIN turns t ON t.turn_id = p.turn_id AND t.channel_disc_id = $2::text
           LEFT JOIN confirmed c ON true
           WHERE p.nonce = $1"#,
        echo.nonce.cast_signed(),
        echo.channel.to_string(),
        echo.message.to_string(),
        &echo.text_hash[..],
    )
    .fetch_optional(executor)
    .await?;
    Ok(message)
}

struct PostRow {
    turn_id: Uuid,
    ordinal: i32,
    nonce: i64,
    text_hash: Vec<u8>,
    state: String,
    message_id: Option<String>,
    is_last: bool,
}

fn recorded_as(message: &str) -> Result<MessageId, Error> {
    let place = Place {
        table: "turn_posts",
        column: "message_id",
        row: &"a post that was just recorded",
    };
    place.parse(message)
}

impl PostRow {
    fn into_post(self) -> Result<(Uuid, Post), Error> {
        let place = |column| Place {
            table: "turn_posts",
            column,
            row: &self.turn_id,
        };
        let post = Post {
            ordinal: self.ordinal,
            nonce: self.nonce.cast_unsigned(),
            text_hash: place("text_hash").narrow(self.text_hash.as_slice())?,
            state: place("state").parse(&self.state)?,
            message: self
                .message_id
                .as_deref()
                .map(|id| place("message_id").parse(id))
                .transpose()?,
            is_last: self.is_last,
        };
        Ok((self.turn_id, post))
    }
}
