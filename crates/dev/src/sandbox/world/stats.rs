//! What happened so far, for tests and for people who look.

use std::collections::{BTreeMap, VecDeque};

use proto::id::{ChannelId, MessageId};
use serde::{Serialize, Serializer};
use serde_json::Value;

/// Posts kept in the audit log.
const KEPT_POSTS: usize = 100_000;

/// One message that the bot created by REST, or tried to create a second time.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Post {
    #[serde(serialize_with = "as_text")]
    pub(crate) message_id: MessageId,
    #[serde(serialize_with = "as_text")]
    pub(crate) channel_id: ChannelId,
    pub(crate) nonce: Option<Value>,
    /// The message that it answers.
    #[serde(serialize_with = "as_text_or_null")]
    pub(crate) reference: Option<MessageId>,
    /// The nonce was known: no second message was made.
    pub(crate) repeated: bool,
    pub(crate) at_ms: u64,
}

fn as_text<S: Serializer>(id: &impl ToString, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_str(&id.to_string())
}

#[expect(clippy::ref_option, reason = "serde passes fields by reference")]
fn as_text_or_null<S: Serializer>(id: &Option<MessageId>, to: S) -> Result<S::Ok, S::Error> {
    id.map(|id| id.to_string()).serialize(to)
}

/// Counters since the start.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Stats {
    /// Events that happened, each once however many sessions heard of it.
    pub(crate) events: u64,
    /// Frames handed to sessions.
    pub(crate) dispatched: u64,
    pub(crate) connections: u64,
    pub(crate) identifies: u64,
    pub(crate) resumes: u64,
    pub(crate) refused_resumes: u64,
    /// Close codes that clients sent, "none" where they just went away.
    pub(crate) client_closes: BTreeMap<String, u64>,
    /// REST calls by route, then by status.
    pub(crate) rest: BTreeMap<&'static str, BTreeMap<u16, u64>>,
    /// The bot's posts in the order in which they were accepted.
    #[serde(skip)]
    pub(crate) posts: VecDeque<Post>,
}

impl Stats {
    /// Writes a post into the audit log.
    pub(crate) fn record(&mut self, post: Post) {
        if self.posts.len() == KEPT_POSTS {
            self.posts.pop_front();
        }
        self.posts.push_back(post);
    }

    /// Counts a REST call.
    pub(crate) fn call(&mut self, route: &'static str, status: u16) {
        *self
            .rest
            .entry(route)
            .or_default()
            .entry(status)
            .or_default() += 1;
    }
}
