//! Optional services that tools use: which there are, and whether one takes a key.
//!
//! Their addresses are ours or the operator's, as those of providers are. What a tool asks of a
//! service does not belong here.

use std::collections::HashMap;
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use reqwest::Url;
use reqwest::header::{ACCEPT, HeaderValue};
use secrecy::{ExposeSecret as _, SecretString};
use tokio::time::timeout;
use tracing::Dispatch;
use tracing::instrument::WithSubscriber;

use crate::body;
use crate::client::http_client;
use crate::error::{Class, Error};

/// A person waits for it (CHAT-107).
const DEADLINE: Duration = Duration::from_secs(10);

/// The header that carries a key of Brave Search (its page on authentication, 2026-11).
const BRAVE_KEY: &str = "x-subscription-token";

/// A service that takes keys of servers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Service {
    /// Brave Search.
    BraveSearch,
}

impl Service {
    /// All services, in the order in which they are offered.
    pub const ALL: [Self; 1] = [Self::BraveSearch];

    /// Returns the name by which the service is stored and set.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::BraveSearch => "brave-search",
        }
    }

    /// Returns the name as people write it.
    pub const fn label(self) -> &'static str {
        match self {
            Self::BraveSearch => "Brave Search",
        }
    }

    /// Returns the page where a key is made.
    pub const fn key_page(self) -> &'static str {
        match self {
            Self::BraveSearch => "https://api-dashboard.search.brave.com/app/keys",
        }
    }

    /// Returns the base of the service's addresses, with a slash at its end.
    const fn base_url(self) -> &'static str {
        match self {
            Self::BraveSearch => "https://api.search.brave.com/",
        }
    }

    /// Returns the cheapest page that needs a key.
    const fn check_page(self) -> &'static str {
        match self {
            // Brave has no page about a key; a search for one result counts as one search.
            Self::BraveSearch => "res/v1/web/search?q=hello&count=1",
        }
    }

    const fn key_header(self) -> &'static str {
        match self {
            Self::BraveSearch => BRAVE_KEY,
        }
    }
}

impl fmt::Display for Service {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A name that no service has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no such service")]
pub struct UnknownService;

impl FromStr for Service {
    type Err = UnknownService;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|service| service.as_str() == name)
            .ok_or(UnknownService)
    }
}

/// Calls services.
pub struct Services {
    http: reqwest::Client,
    base_urls: HashMap<Service, Url>,
}

impl Services {
    /// Prepares a client; `base_urls` replaces the built-in addresses of single services.
    ///
    /// # Errors
    /// When no client can be built.
    pub fn new(base_urls: HashMap<Service, Url>) -> Result<Self, Error> {
        Ok(Self {
            http: http_client()?,
            base_urls,
        })
    }

    /// Asks a service whether it takes a key. Takes at most 10 s.
    ///
    /// # Errors
    /// What the service answered, or that it did not.
    pub async fn check(&self, service: Service, key: &SecretString) -> Result<(), Error> {
        let asking = self.ask(service, key).with_subscriber(Dispatch::none());
        timeout(DEADLINE, asking)
            .await
            .unwrap_or(Err(Error::of(Class::Timeout)))
    }

    async fn ask(&self, service: Service, key: &SecretString) -> Result<(), Error> {
        let base = match self.base_urls.get(&service) {
            Some(url) => url.as_str().trim_end_matches('/'),
            None => service.base_url().trim_end_matches('/'),
        };
        let response = self
            .http
            .get(format!("{base}/{}", service.check_page()))
            .header(ACCEPT, "application/json")
            .header(service.key_header(), secret_header(key)?)
            .send()
            .await
            .map_err(|error| Error::of_transport(&error))?;
        if response.status().is_success() {
            // What was found does not matter; the rest of the answer is not read.
            Ok(())
        } else {
            Err(body::refusal(response, DEADLINE).await.without(key))
        }
    }
}

/// Makes a header of a key, marked so that nobody prints or indexes it. A key that no header can
/// carry is not one.
fn secret_header(key: &SecretString) -> Result<HeaderValue, Error> {
    let header = HeaderValue::from_str(key.expose_secret());
    let mut header = header.map_err(|_unusable| Error::of(Class::Auth))?;
    header.set_sensitive(true);
    Ok(header)
}

impl fmt::Debug for Services {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Services").finish_non_exhaustive()
    }
}
