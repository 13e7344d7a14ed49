//! The client: one per process.

use std::collections::HashMap;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use futures_util::Stream;
use reqwest::Url;
use secrecy::SecretString;

use crate::error::Error;
use crate::prompt::{Delta, Prompt};
use crate::provider::Provider;

/// How long a provider may be silent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timeouts {
    /// Until the head of the answer is there.
    pub first_byte: Duration,
    /// Between two reads of the answer.
    pub silence: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            first_byte: Duration::from_secs(60),
            silence: Duration::from_secs(120),
        }
    }
}

/// Calls model providers.
#[derive(Debug)]
pub struct Llm {
    _base_urls: HashMap<Provider, Url>,
}

impl Llm {
    /// Prepares a client; `base_urls` replaces the built-in addresses of single providers.
    pub fn new(base_urls: HashMap<Provider, Url>) -> Result<Self, Error> {
        Self::with_timeouts(base_urls, Timeouts::default())
    }

    /// Prepares a client with other timeouts than the usual ones.
    pub fn with_timeouts(
        base_urls: HashMap<Provider, Url>,
        timeouts: Timeouts,
    ) -> Result<Self, Error> {
        let _ = timeouts;
        Ok(Self {
            _base_urls: base_urls,
        })
    }

    /// Sends the prompt and returns the answer as it comes, once its first piece is there.
    ///
    /// Cancel safe: yes; dropping the call or the stream aborts the request.
    pub async fn stream(&self, prompt: &Prompt, key: &SecretString) -> Result<Completion, Error> {
        let _ = key;
        todo!("{prompt:?}")
    }

    /// Lists the provider's models, which tells whether the key is good. Takes at most 10 s.
    pub async fn models(
        &self,
        provider: Provider,
        key: &SecretString,
    ) -> Result<Vec<String>, Error> {
        let _ = key;
        todo!("{provider:?}")
    }
}

/// An answer as it comes. Ends after [`Delta::End`] or an error.
#[derive(Debug)]
pub struct Completion {}

impl Stream for Completion {
    type Item = Result<Delta, Error>;

    fn poll_next(self: Pin<&mut Self>, _context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        Poll::Ready(None)
    }
}
