//! Which models a provider has, and thereby whether it takes a key.

use std::time::Duration;

use reqwest::header::AUTHORIZATION;
use secrecy::SecretString;
use serde::Deserialize;
use tokio::time::timeout;
use tracing::Dispatch;
use tracing::instrument::WithSubscriber;

use crate::body;
use crate::client::{Llm, authorization};
use crate::error::{Class, Error};
use crate::provider::Provider;

/// A person waits for it (CHAT-107).
const DEADLINE: Duration = Duration::from_secs(10);
/// The longest list that is known has half a megabyte.
const LARGEST_LIST: usize = 8 * 1024 * 1024;

#[derive(Deserialize)]
struct List {
    data: Vec<Model>,
}

#[derive(Deserialize)]
struct Model {
    id: String,
}

impl Llm {
    /// Lists the provider's models, which tells whether the key is good. Takes at most 10 s.
    ///
    /// NVIDIA shows its list to everybody, so there a wrong key is noticed at the first prompt.
    pub async fn models(
        &self,
        provider: Provider,
        key: &SecretString,
    ) -> Result<Vec<String>, Error> {
        let list = self.list(provider, key).with_subscriber(Dispatch::none());
        timeout(DEADLINE, list)
            .await
            .unwrap_or(Err(Error::of(Class::Timeout)))
    }

    async fn list(&self, provider: Provider, key: &SecretString) -> Result<Vec<String>, Error> {
        // OpenRouter shows its list to everybody as well, but has a page about the key.
        if provider == Provider::OpenRouter
            && let Err(error) = self.get(provider, "key", key).await
            && error.class() == Class::Auth
        {
            return Err(error);
        }
        let body = self.get(provider, "models", key).await?;
        let list: Result<List, _> = serde_json::from_slice(&body);
        let list = list.map_err(|_quotes| Error::of(Class::Unknown))?;
        Ok(list.data.into_iter().map(|model| model.id).collect())
    }

    async fn get(
        &self,
        provider: Provider,
        page: &str,
        key: &SecretString,
    ) -> Result<Vec<u8>, Error> {
        let response = self
            .http
            .get(format!("{}{page}", self.base_url(provider)))
            .header(AUTHORIZATION, authorization(key)?)
            .send()
            .await
            .map_err(|error| Error::of_transport(&error))?;
        if response.status().is_success() {
            body::read(response, LARGEST_LIST).await
        } else {
            Err(body::refusal(response, DEADLINE).await.without(key))
        }
    }
}
