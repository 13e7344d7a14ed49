//! The journal of posts: what was sent or may have been sent, as hashes and ids (CHAT-46).

use proto::id::MessageId;

/// How far a post is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PostState {
    /// About to be sent, or sent with the answer lost.
    Sending,
    /// Discord confirmed it.
    Sent,
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
