//! How the tasks talk with a running sandbox: who and where, and its routes.

use anyhow::Context as _;
use bytes::Bytes;
use http::{Method, StatusCode};
use serde_json::{Value, json};

use crate::http::Local;

/// A person and the place where they talk, by name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The person.
    pub user: String,
    /// The server and its channel; `None`: the direct conversation with the bot.
    pub channel: Option<(String, String)>,
}

impl Place {
    /// Reads `CHANNEL` of the server "Sandbox", or `SERVER/CHANNEL`.
    pub fn channel(user: &str, channel: &str) -> Self {
        let (server, channel) = channel.split_once('/').unwrap_or(("Sandbox", channel));
        let channel = Some((
            server.to_owned(),
            channel.trim_start_matches('#').to_owned(),
        ));
        Self {
            user: user.to_owned(),
            channel,
        }
    }

    /// The direct conversation of a person with the bot.
    pub fn direct(user: &str) -> Self {
        Self {
            user: user.to_owned(),
            channel: None,
        }
    }

    /// The place that a command line names; `is_direct` goes before `channel`.
    pub(crate) fn new(user: &str, channel: &str, is_direct: bool) -> Self {
        if is_direct {
            Self::direct(user)
        } else {
            Self::channel(user, channel)
        }
    }

    /// The same place with somebody else.
    #[must_use]
    pub fn seen_by(&self, user: &str) -> Self {
        Self {
            user: user.to_owned(),
            ..self.clone()
        }
    }

    /// Returns what a request says about it, with further fields.
    pub(crate) fn with(&self, fields: Value) -> Value {
        let mut body = json!({"user": self.user, "dm": self.channel.is_none()});
        if let Some((server, channel)) = &self.channel {
            super::shape::set(&mut body, "server", server.as_str().into());
            super::shape::set(&mut body, "channel", channel.as_str().into());
        }
        for (key, value) in fields.as_object().into_iter().flatten() {
            super::shape::set(&mut body, key, value.clone());
        }
        body
    }
}

/// A running sandbox.
#[derive(Clone, Debug)]
pub struct Client {
    url: String,
    web: Local,
}

impl Client {
    /// A sandbox at `http://127.0.0.1:PORT`.
    pub fn new(url: String) -> Self {
        Self {
            url,
            web: Local::default(),
        }
    }

    /// Reads one of the sandbox's own routes; a refusal is an error with its reason.
    pub(crate) async fn get(&self, path: &str) -> anyhow::Result<Value> {
        decode(path, self.send(Method::GET, path, Bytes::new()).await?)
    }

    /// Reads a route; `None` when what it names is not there.
    pub(crate) async fn find(&self, path: &str) -> anyhow::Result<Option<Value>> {
        let (status, body) = self.send(Method::GET, path, Bytes::new()).await?;
        if status.is_success() {
            Ok(Some(serde_json::from_slice(&body)?))
        } else {
            Ok(None)
        }
    }

    /// Sends something to one of the sandbox's own routes; a refusal is an error with its reason.
    pub(crate) async fn post(&self, path: &str, body: &Value) -> anyhow::Result<Value> {
        let body = body.to_string().into();
        decode(path, self.send(Method::POST, path, body).await?)
    }

    /// Changes the named settings of the sandbox and returns all of them.
    pub(crate) async fn change_settings(&self, changes: &Value) -> anyhow::Result<Value> {
        let (path, body) = ("settings", changes.to_string().into());
        decode(path, self.send(Method::PATCH, path, body).await?)
    }

    /// Ends the flood of events that runs.
    pub(crate) async fn stop_firehose(&self) -> anyhow::Result<()> {
        let path = "firehose";
        decode(path, self.send(Method::DELETE, path, Bytes::new()).await?).map(drop)
    }

    /// Changes something at one of the sandbox's own routes.
    pub(crate) async fn patch(&self, path: &str, body: &Value) -> anyhow::Result<Value> {
        let body = body.to_string().into();
        decode(path, self.send(Method::PATCH, path, body).await?)
    }

    /// Takes something away at one of the sandbox's own routes.
    pub(crate) async fn delete(&self, path: &str) -> anyhow::Result<Value> {
        decode(path, self.send(Method::DELETE, path, Bytes::new()).await?)
    }

    /// Takes back what a body describes.
    pub(crate) async fn take(&self, path: &str, body: &Value) -> anyhow::Result<Value> {
        let body = body.to_string().into();
        decode(path, self.send(Method::DELETE, path, body).await?)
    }

    async fn send(
        &self,
        method: Method,
        path: &str,
        body: Bytes,
    ) -> anyhow::Result<(StatusCode, Bytes)> {
        let url = format!("{}/sandbox/{path}", self.url);
        self.web.send(method, &url, body).await
    }
}

fn decode(path: &str, (status, body): (StatusCode, Bytes)) -> anyhow::Result<Value> {
    let answer: Value = serde_json::from_slice(&body)
        .with_context(|| format!("the sandbox answered {status} without JSON at {path}"))?;
    match answer.get("error").and_then(Value::as_str) {
        Some(reason) if !status.is_success() => anyhow::bail!("{reason}"),
        _ => Ok(answer),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_channel_without_a_server_is_of_the_server_sandbox() {
        let place = Place::channel("alice", "general");
        assert_eq!(
            place.channel,
            Some(("Sandbox".to_owned(), "general".to_owned()))
        );
    }

    #[test]
    fn a_channel_may_name_its_server() {
        let place = Place::channel("alice", "Tea House/#talk");
        assert_eq!(
            place.channel,
            Some(("Tea House".to_owned(), "talk".to_owned()))
        );
    }
}
