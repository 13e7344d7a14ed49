//! The client: one per process. It sends prompts and lists models.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use reqwest::Url;
use reqwest::header::{AUTHORIZATION, HeaderValue};
use reqwest::redirect::Policy;
use rustls::crypto::ring;
use secrecy::{ExposeSecret, SecretString};
use tokio::time::timeout;
use tracing::Dispatch;
use tracing::instrument::WithSubscriber;
use zeroize::Zeroizing;

use crate::body;
use crate::completion::Completion;
use crate::error::{Class, Error};
use crate::prompt::Prompt;
use crate::provider::Provider;
use crate::wire;

/// Long enough for a handshake over half the world.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// How long a provider may be silent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timeouts {
    /// Until the head of the answer is there.
    pub first_byte: Duration,
    /// Between two reads of the answer.
    pub silence: Duration,
    /// Without a piece of text, thought or tool call while one is awaited, however busy the wire
    /// is with keep-alives and empty pieces.
    pub progress: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            first_byte: Duration::from_mins(1),
            silence: Duration::from_mins(2),
            progress: Duration::from_mins(5),
        }
    }
}

/// Calls model providers.
pub struct Llm {
    pub(crate) http: reqwest::Client,
    base_urls: HashMap<Provider, Url>,
    timeouts: Timeouts,
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
        Ok(Self {
            http: http_client()?,
            base_urls,
            timeouts,
        })
    }

    /// Sends the prompt and returns the answer as it comes, once its first piece is there.
    ///
    /// Cancel safe: yes; dropping the call or the stream aborts the request.
    pub async fn stream(&self, prompt: &Prompt, key: &SecretString) -> Result<Completion, Error> {
        let request = self
            .http
            .post(format!(
                "{}chat/completions",
                self.base_url(prompt.provider)
            ))
            .header(AUTHORIZATION, authorization(key)?)
            .json(&wire::Request::from(prompt));
        let sent = timeout(self.timeouts.first_byte, request.send());
        let response = sent
            .with_subscriber(Dispatch::none())
            .await
            .map_err(|_elapsed| Error::of(Class::Timeout))?
            .map_err(|error| Error::of_transport(&error))?;
        if response.status().is_success() {
            Completion::begin(response, self.timeouts).await
        } else {
            let refusal = body::refusal(response, self.timeouts.silence).await;
            Err(refusal.without(key))
        }
    }

    /// Returns the base of a provider's addresses, with a slash at its end.
    pub fn base_url(&self, provider: Provider) -> Arc<str> {
        match self.base_urls.get(&provider) {
            Some(url) => format!("{}/", url.as_str().trim_end_matches('/')).into(),
            None => provider.base_url().into(),
        }
    }
}

/// Makes the header that carries the key, marked so that nobody prints or indexes it. The copy
/// made here is wiped; the header itself belongs to the HTTP client.
///
/// A key that no header can carry is not one; asking the provider would not help.
pub(crate) fn authorization(key: &SecretString) -> Result<HeaderValue, Error> {
    if key.expose_secret().is_empty() {
        return Err(Error::of(Class::Auth));
    }
    let text = Zeroizing::new(format!("Bearer {}", key.expose_secret()));
    let mut header = HeaderValue::from_str(&text).map_err(|_unusable| Error::of(Class::Auth))?;
    header.set_sensitive(true);
    Ok(header)
}

/// Follows no redirect, which would carry the key elsewhere, and reads no proxy from the
/// environment.
#[expect(
    clippy::disallowed_methods,
    reason = "the addresses here are ours or the operator's, never a stranger's"
)]
pub(crate) fn http_client() -> Result<reqwest::Client, Error> {
    let roots = webpki_roots::TLS_SERVER_ROOTS.to_vec();
    let tls = rustls::ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions();
    let mut tls = tls
        .map_err(|_unusable| Error::of(Class::RequestFault))?
        .with_root_certificates(rustls::RootCertStore { roots })
        .with_no_client_auth();
    tls.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    reqwest::Client::builder()
        .tls_backend_preconfigured(tls)
        .connect_timeout(CONNECT_TIMEOUT)
        .redirect(Policy::none())
        .referer(false)
        .no_proxy()
        .tcp_nodelay(true)
        .build()
        .map_err(|_may_quote_addresses| Error::of(Class::RequestFault))
}

impl fmt::Debug for Llm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Llm")
            .field("timeouts", &self.timeouts)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn header_with_the_key_is_never_printed() {
        let header = authorization(&"sk-very-secret".to_owned().into()).unwrap();
        assert!(header.is_sensitive());
        assert!(!format!("{header:?}").contains("secret"));
    }
}
