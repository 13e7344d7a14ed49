//! The client: one per process. It sends prompts and lists models.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use genai::adapter::AdapterKind;
use genai::chat::{ChatMessage, ChatOptions, ChatRequest, ReasoningEffort};
use genai::resolver::{AuthData, Endpoint};
use genai::{ModelIden, ServiceTarget};
use reqwest::Url;
use reqwest::header::HeaderValue;
use reqwest::redirect::Policy;
use rustls::crypto::ring;
use secrecy::{ExposeSecret, SecretString};
use serde_json::json;
use tracing::Dispatch;
use tracing::instrument::WithSubscriber;

use crate::completion::{Completion, judge};
use crate::error::{Class, Error};
use crate::prompt::{Prompt, Role};
use crate::provider::Provider;

/// Long enough for a handshake over half the world.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// How long a provider may be silent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timeouts {
    /// Until the head of the answer is there.
    pub first_byte: Duration,
    /// Between two reads of the answer.
    pub silence: Duration,
    /// Without text or thinking, however busy the wire is: nobody waits for longer.
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
    genai: genai::Client,
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
        let http = http_client()?;
        let genai = genai::Client::builder().with_reqwest(http.clone()).build();
        let genai = genai.map_err(|error| judge(&error))?;
        Ok(Self {
            genai,
            http,
            base_urls,
            timeouts,
        })
    }

    /// Sends the prompt and returns the answer as it comes, once its first piece is there.
    ///
    /// Cancel safe: yes; dropping the call or the stream aborts the request.
    pub async fn stream(&self, prompt: &Prompt, key: &SecretString) -> Result<Completion, Error> {
        check(key)?;
        let target = ServiceTarget {
            endpoint: Endpoint::from_owned(self.base_url(prompt.provider)),
            auth: AuthData::from_single(key.expose_secret()),
            model: ModelIden::new(AdapterKind::OpenAI, prompt.model.as_str()),
        };
        let options = options(prompt, self.timeouts);
        let response = self
            .genai
            .exec_chat_stream(target, request(prompt), Some(&options))
            .with_subscriber(Dispatch::none())
            .await
            .map_err(|error| judge(&error))?;
        Completion::begin(response.stream, self.timeouts.progress).await
    }

    /// Returns the base of a provider's addresses, with a slash at its end.
    pub(crate) fn base_url(&self, provider: Provider) -> Arc<str> {
        match self.base_urls.get(&provider) {
            Some(url) => format!("{}/", url.as_str().trim_end_matches('/')).into(),
            None => provider.base_url().into(),
        }
    }
}

/// A key that no header can carry is not one; asking the provider would not help.
pub(crate) fn check(key: &SecretString) -> Result<(), Error> {
    let usable = HeaderValue::from_str(key.expose_secret()).is_ok();
    if usable && !key.expose_secret().is_empty() {
        Ok(())
    } else {
        Err(Error::of(Class::Auth))
    }
}

/// Follows no redirect, which would carry the key elsewhere, and reads no proxy from the
/// environment.
#[expect(
    clippy::disallowed_methods,
    reason = "the addresses here are ours or the operator's, never a stranger's"
)]
fn http_client() -> Result<reqwest::Client, Error> {
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

fn request(prompt: &Prompt) -> ChatRequest {
    let turns = prompt.turns.iter().map(|turn| match turn.role {
        Role::User => ChatMessage::user(turn.text.as_str()),
        Role::Persona => ChatMessage::assistant(turn.text.as_str()),
    });
    let said = prompt.continue_from.as_deref().map(ChatMessage::assistant);
    ChatRequest::from_messages(turns.chain(said).collect()).with_system(prompt.system.as_str())
}

fn options(prompt: &Prompt, timeouts: Timeouts) -> ChatOptions {
    let options = ChatOptions::default()
        .with_capture_usage(true)
        .with_temperature(f64::from(prompt.temperature))
        .with_stream_header_timeout(timeouts.first_byte)
        .with_stream_read_timeout(timeouts.silence)
        // genai takes endings such as "-max" off the model's name unless an effort is set, and a
        // budget is the one that it does not send. It also cuts at "::", hence the full name.
        .with_reasoning_effort(ReasoningEffort::Budget(0))
        .with_extra_body(json!({ "model": prompt.model }));
    match prompt.max_output_tokens {
        Some(most) => options.with_max_tokens(most),
        None => options,
    }
}

impl fmt::Debug for Llm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Llm")
            .field("timeouts", &self.timeouts)
            .finish_non_exhaustive()
    }
}
