//! The models that a request may ask, and one call of one of them.

use std::sync::Arc;

use llm::Provider;
use proto::id::UserId;
use secrecy::SecretString;

use super::breaker::Endpoint;

/// A model that may be asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Model {
    /// Whose it is.
    pub provider: Provider,
    /// What the provider calls it.
    pub name: String,
    /// The base of the addresses that are called.
    pub base_url: Arc<str>,
}

impl Model {
    pub(super) fn endpoint(&self) -> Endpoint {
        (self.provider, Arc::clone(&self.base_url))
    }
}

/// Whose keys are used (POOL-3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purse {
    /// Those of the server: its pools and its main key.
    Server,
    /// The user's own, and nothing else.
    Own(UserId),
}

/// A call that is to be made now. No `Debug`: it holds the key.
#[derive(Clone)]
pub struct Order {
    /// The model to ask.
    pub model: Model,
    /// The key to ask with; it is wiped after the call.
    pub key: Arc<SecretString>,
    /// How much of the question is asked.
    pub length: Length,
}

/// How much of a question is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Length {
    /// All of it.
    Whole,
    /// A third less: all of it was too long (POOL-20).
    Shortened,
}
