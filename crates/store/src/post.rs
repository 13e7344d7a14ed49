//! The journal of posts: what was sent or may have been sent, as hashes and ids (CHAT-46).

use proto::id::MessageId;
use uuid::Uuid;

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
}

/// The most posts of one turn that are read; a reply has tens.
const MOST_POSTS: i64 = 1_000;

impl Store {
    /// Journals a post before it is sent. Only the first post, or the one after a post that
    /// Discord confirmed, is taken. Repeating it under the same lease is harmless. `false`: post no
    /// more and end the turn, which changes nothing when the lease is lost. Besides that it means
    /// a requested stop ([`Store::turn`] tells), a responsible user who opted out meanwhile, a post
    /// before that is not confirmed, or a place that an earlier holder left in doubt.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn insert_post(
        &self,
        lease: &Lease,
        ordinal: i32,
        nonce: u64,
        text_hash: [u8; 32],
    ) -> Result<bool, Error> {
        // The lock makes a claim wait until this row is there for it to see.
        let done = sqlx::query!(
            "WITH held AS (
                 SELECT turn_id, server_id, fence FROM turns
                 WHERE turn_id = $1 AND fence = $2 AND worker_id = $3
                   AND ended_at IS NULL AND NOT stop_requested
                   AND NOT EXISTS (
                       SELECT 1 FROM users
                       WHERE user_disc_id = responsible_disc_id AND privacy_level NOT IN (0, 1))
                 FOR SHARE
             )
             INSERT INTO turn_posts AS p (turn_id, server_id, fence, ordinal, nonce, text_hash)
             SELECT h.turn_id, h.server_id, h.fence, $4, $5, $6 FROM held h
             WHERE $4 = 0 OR EXISTS (
                 SELECT 1 FROM turn_posts before
                 WHERE before.turn_id = h.turn_id AND before.ordinal = $4 - 1
                   AND before.state = 'sent')
             ON CONFLICT (turn_id, ordinal) DO UPDATE SET nonce = excluded.nonce
             WHERE p.fence = excluded.fence AND p.nonce = excluded.nonce
               AND p.text_hash = excluded.text_hash AND p.state = 'sending'",
            lease.turn.0,
            lease.fence,
            lease.worker,
            ordinal,
            nonce.cast_signed(),
            &text_hash[..],
        )
        .execute(&self.pool)
        .await?;
        Ok(done.rows_affected() == 1)
    }

    /// Records the message that a post became; harmless to repeat. `false`: the lease is lost, or
    /// the post became another message.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn confirm_post(
        &self,
        lease: &Lease,
        ordinal: i32,
        message: MessageId,
    ) -> Result<bool, Error> {
        let done = sqlx::query!(
            "WITH held AS (
                 SELECT turn_id FROM turns
                 WHERE turn_id = $1 AND fence = $2 AND worker_id = $3
                 FOR SHARE
             )
             UPDATE turn_posts p SET state = 'sent', message_id = $5::text
             FROM held h
             WHERE p.turn_id = h.turn_id AND p.ordinal = $4
               AND (p.state = 'sending' OR p.message_id = $5::text)",
            lease.turn.0,
            lease.fence,
            lease.worker,
            ordinal,
            message.to_string(),
        )
        .execute(&self.pool)
        .await?;
        Ok(done.rows_affected() == 1)
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
            lease.turn.0,
            lease.fence,
            lease.worker,
            ordinal,
        )
        .execute(&self.pool)
        .await?;
        Ok(done.rows_affected() == 1)
    }

    /// Returns the posts of a turn in order; at most 1,000.
    ///
    /// # Errors
    /// `Corrupt`, `Unavailable`.
    pub async fn posts(&self, turn: TurnId) -> Result<Vec<Post>, Error> {
        let posts = self.posts_of(&[turn.0]).await?;
        Ok(posts.into_iter().map(|(_, post)| post).collect())
    }

    /// Returns the posts of several turns, each turn's in order.
    pub(crate) async fn posts_of(&self, turns: &[Uuid]) -> Result<Vec<(TurnId, Post)>, Error> {
        let rows = sqlx::query_as!(
            PostRow,
            "SELECT turn_id, ordinal, nonce, text_hash, state, message_id FROM turn_posts
             WHERE turn_id = ANY($1)
             ORDER BY turn_id, ordinal
             LIMIT $2",
            turns,
            MOST_POSTS,
        )
        .fetch_all(&self.pool)
        .await?;
        rows.into_iter().map(PostRow::into_post).collect()
    }
}

struct PostRow {
    turn_id: Uuid,
    ordinal: i32,
    nonce: i64,
    text_hash: Vec<u8>,
    state: String,
    message_id: Option<String>,
}

impl PostRow {
    fn into_post(self) -> Result<(TurnId, Post), Error> {
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
        };
        Ok((TurnId(self.turn_id), post))
    }
}
