//! The client: one per process, cheap to clone.

use std::fmt;
use std::sync::Arc;

use secrecy::SecretString;

use crate::error::Error;

/// How to reach Discord.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The REST base, such as `https://discord.com/api/v10`.
    pub api_url: String,
    /// The bot token.
    pub token: SecretString,
    /// Requests per second over all routes that count towards Discord's global limit.
    pub global_rps: u32,
    /// A rate-limit proxy to send everything to instead; the path of `api_url` is kept.
    pub proxy_url: Option<String>,
}

/// Calls Discord.
#[derive(Clone)]
pub struct Client {
    inner: Arc<Inner>,
}

struct Inner;

impl Client {
    /// Prepares a client; nothing is sent.
    ///
    /// Fails with [`Error::Malformed`] when an address or the token cannot be used.
    pub fn new(settings: Settings) -> Result<Self, Error> {
        drop(settings);
        Ok(Self {
            inner: Arc::new(Inner),
        })
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let _: &Inner = &self.inner;
        f.debug_struct("Client").finish_non_exhaustive()
    }
}
