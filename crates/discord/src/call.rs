//! One call: where it goes, what it carries, how long it is wanted and whether it may be repeated.

use std::time::Duration;

use bytes::Bytes;
use http::HeaderValue;
use serde::Serialize;
use tokio::time::Instant;
use twilight_http::routing::Route;

use crate::error::Error;
use crate::limit::{Rank, RouteKey, Scope};

/// The usual deadline of a call.
const DEADLINE: Duration = Duration::from_secs(10);

/// Asked directly before each attempt.
pub(crate) type MaySend<'a> = dyn Fn() -> bool + Send + Sync + 'a;

/// Whether a request may go out again after one whose outcome is unknown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Repeat {
    /// A second one changes nothing.
    Harmless,
    /// A second one changes nothing because Discord knows it by its nonce. What happened still
    /// matters to the caller.
    ByNonce,
    /// A second one would act twice.
    Never,
}

/// What a request carries. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Payload {
    pub(crate) content_type: HeaderValue,
    pub(crate) bytes: Bytes,
}

pub(crate) struct Call<'a> {
    /// The route's name in metrics and limits.
    pub(crate) name: &'static str,
    pub(crate) method: &'static str,
    pub(crate) path: String,
    pub(crate) scope: Scope,
    pub(crate) repeat: Repeat,
    pub(crate) body: Option<Payload>,
    pub(crate) deadline: Instant,
    /// The longest wait for a place under the limits, where it is shorter than the deadline.
    patience: Option<Duration>,
    major: u64,
    may_send: Option<&'a MaySend<'a>>,
}

impl<'a> Call<'a> {
    /// Prepares a harmless call with the bot token. `major` is the id that its limits are kept
    /// apart by, 0 where there is none.
    pub(crate) fn new(name: &'static str, route: &Route<'_>, major: u64) -> Self {
        Self {
            name,
            method: route.method().name(),
            path: route.to_string(),
            scope: Scope::Bot,
            repeat: Repeat::Harmless,
            body: None,
            deadline: Instant::now() + DEADLINE,
            patience: None,
            major,
            may_send: None,
        }
    }

    /// Leaves the bot token out: the address carries its own.
    pub(crate) fn by_own_token(mut self) -> Self {
        self.scope = Scope::Token;
        self
    }

    pub(crate) fn repeat(mut self, repeat: Repeat) -> Self {
        self.repeat = repeat;
        self
    }

    pub(crate) fn json(self, body: &impl Serialize) -> Result<Self, Error> {
        Ok(self.carrying(Payload {
            content_type: HeaderValue::from_static("application/json"),
            bytes: to_json(body)?.into(),
        }))
    }

    pub(crate) fn carrying(mut self, body: Payload) -> Self {
        self.body = Some(body);
        self
    }

    pub(crate) fn within(mut self, time: Duration) -> Self {
        self.deadline = Instant::now() + time;
        self
    }

    /// Gives up when no place is free under the limits within `patience`: the call is worth less
    /// than what else waits there.
    pub(crate) fn impatient(mut self, patience: Duration) -> Self {
        self.patience = Some(patience);
        self
    }

    /// The rank of an impatient call is the last, whoever makes it.
    pub(crate) fn rank_or(&self, rank: Rank) -> Rank {
        match self.patience {
            Some(_) => Rank::Last,
            None => rank,
        }
    }

    /// Until when the call waits for a place under the limits.
    pub(crate) fn admitted_by(&self) -> Instant {
        self.patience.map_or(self.deadline, |patience| {
            self.deadline.min(Instant::now() + patience)
        })
    }

    pub(crate) fn until(mut self, deadline: Instant) -> Self {
        self.deadline = deadline;
        self
    }

    pub(crate) fn only_while(mut self, may_send: &'a MaySend<'a>) -> Self {
        self.may_send = Some(may_send);
        self
    }

    pub(crate) fn is_wanted(&self) -> bool {
        self.may_send.is_none_or(|may_send| may_send())
    }

    pub(crate) fn route_key(&self) -> RouteKey {
        RouteKey {
            method: self.method,
            template: self.name,
            major: self.major,
        }
    }
}

/// Writes a body; what could not be written is not quoted.
pub(crate) fn to_json(body: &impl Serialize) -> Result<Vec<u8>, Error> {
    serde_json::to_vec(body).map_err(|_quotes| Error::Malformed {
        what: "request body",
        cause: None,
    })
}
