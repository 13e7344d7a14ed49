//! Sends one request and reads one answer: connections, TLS, addresses, headers, time and size.

use std::error::Error as StdError;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_LENGTH, CONTENT_TYPE, USER_AGENT};
use http::{HeaderValue, Method, Request, Uri};
use http_body_util::{BodyExt, Full, Limited};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client as Http;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use rustls::crypto::ring;
use secrecy::{ExposeSecret, SecretString};
use tokio::time::{Instant, timeout_at};

use crate::answer::Answer;
use crate::call::Payload;
use crate::client::Settings;
use crate::error::Error;

/// Long enough for a handshake over half the world, short enough to try twice.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
/// One attempt; half a request's usual deadline, so that a lost answer can be asked for again.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(5);
/// Bytes of a request that a slow line takes in a second (2 Mbit/s): a file is given more time.
const SLOWEST_UPLOAD: usize = 256 * 1024;
/// Discord closes idle connections after about a minute.
const IDLE_TIMEOUT: Duration = Duration::from_secs(45);
/// A page of 100 messages with embeds is below 2 MiB.
const LARGEST_BODY: usize = 8 * 1024 * 1024;
/// The form that Discord asks for.
const AGENT: HeaderValue = HeaderValue::from_static(concat!(
    "DiscordBot (https://discord.com, ",
    env!("CARGO_PKG_VERSION"),
    ") TomoriBot"
));

type BoxError = Box<dyn StdError + Send + Sync>;

/// The way to Discord.
pub(crate) struct Transport {
    http: Http<HttpsConnector<HttpConnector>, Full<Bytes>>,
    /// The REST base, without a slash at its end.
    base: String,
    authorization: HeaderValue,
}

/// What one attempt came to.
#[derive(Debug)]
pub(crate) enum Attempt {
    /// An answer, whatever it says.
    Answered(Answer),
    /// The request cannot have reached Discord.
    NotSent(BoxError),
    /// The request was on its way; no answer came back.
    Lost(BoxError),
}

impl Transport {
    pub(crate) fn new(settings: &Settings) -> Result<Self, Error> {
        let mut connector = HttpConnector::new();
        connector.enforce_http(false);
        connector.set_connect_timeout(Some(CONNECT_TIMEOUT));
        connector.set_nodelay(true);
        let connector = HttpsConnectorBuilder::new()
            .with_provider_and_webpki_roots(Arc::new(ring::default_provider()))
            .map_err(|cause| malformed("tls configuration", cause))?
            .https_or_http()
            .enable_http1()
            .wrap_connector(connector);
        let http = Http::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(IDLE_TIMEOUT)
            .build(connector);
        Ok(Self {
            http,
            base: base(&settings.api_url, settings.proxy_url.as_deref())?,
            authorization: authorization(&settings.token)?,
        })
    }

    /// Makes one attempt, which ends by the deadline.
    ///
    /// Cancel safe: no; dropped, it is not known whether Discord got the request.
    pub(crate) async fn attempt(
        &self,
        method: Method,
        path: &str,
        with_token: bool,
        body: Option<Payload>,
        deadline: Instant,
    ) -> Result<Attempt, Error> {
        let size = body.as_ref().map_or(0, |body| body.bytes.len());
        let request = self.request(method, path, with_token, body)?;
        let deadline = deadline.min(Instant::now() + attempt_timeout(size));
        Ok(match timeout_at(deadline, self.exchange(request)).await {
            Ok(attempt) => attempt,
            Err(elapsed) => Attempt::Lost(elapsed.into()),
        })
    }

    async fn exchange(&self, request: Request<Full<Bytes>>) -> Attempt {
        let response = match self.http.request(request).await {
            Ok(response) => response,
            Err(error) if error.is_connect() => return Attempt::NotSent(error.into()),
            Err(error) => return Attempt::Lost(error.into()),
        };
        let (head, body) = response.into_parts();
        match Limited::new(body, LARGEST_BODY).collect().await {
            Ok(body) => Attempt::Answered(Answer {
                status: head.status,
                headers: head.headers,
                body: body.to_bytes(),
            }),
            Err(error) => Attempt::Lost(error),
        }
    }

    fn request(
        &self,
        method: Method,
        path: &str,
        with_token: bool,
        body: Option<Payload>,
    ) -> Result<Request<Full<Bytes>>, Error> {
        let mut builder = Request::builder()
            .method(&method)
            .uri(format!("{}/{path}", self.base))
            .header(USER_AGENT, AGENT);
        if with_token {
            builder = builder.header(AUTHORIZATION, self.authorization.clone());
        }
        if let Some(body) = &body {
            builder = builder.header(CONTENT_TYPE, body.content_type.clone());
        } else if method == Method::POST {
            // Discord wants the length even where there is nothing.
            builder = builder.header(CONTENT_LENGTH, HeaderValue::from_static("0"));
        }
        builder
            .body(Full::new(body.map(|body| body.bytes).unwrap_or_default()))
            .map_err(|cause| malformed("request", cause))
    }
}

/// Returns the longest time for an attempt that sends so many bytes.
fn attempt_timeout(size: usize) -> Duration {
    let seconds = u64::try_from(size / SLOWEST_UPLOAD).unwrap_or(u64::MAX);
    ATTEMPT_TIMEOUT.saturating_add(Duration::from_secs(seconds))
}

fn authorization(token: &SecretString) -> Result<HeaderValue, Error> {
    let mut value = HeaderValue::from_str(&format!("Bot {}", token.expose_secret()))
        .map_err(|cause| malformed("bot token", cause))?;
    value.set_sensitive(true);
    Ok(value)
}

/// Returns the REST base; a proxy takes the place of scheme and host.
fn base(api_url: &str, proxy_url: Option<&str>) -> Result<String, Error> {
    let api = parse(api_url, "api address")?;
    let path = api.path().trim_end_matches('/');
    let host = match proxy_url {
        Some(proxy_url) => origin(&parse(proxy_url, "proxy address")?),
        None => origin(&api),
    };
    Ok(format!("{host}{path}"))
}

fn origin(uri: &Uri) -> String {
    let scheme = uri.scheme_str().unwrap_or_default();
    let host = uri
        .authority()
        .map(http::uri::Authority::as_str)
        .unwrap_or_default();
    format!("{scheme}://{host}")
}

fn parse(url: &str, what: &'static str) -> Result<Uri, Error> {
    let uri: Uri = url.parse().map_err(|cause| malformed(what, cause))?;
    match uri.scheme_str() {
        Some("http" | "https") if uri.authority().is_some() => Ok(uri),
        _ => Err(Error::Malformed { what, cause: None }),
    }
}

fn malformed(what: &'static str, cause: impl Into<BoxError>) -> Error {
    Error::Malformed {
        what,
        cause: Some(cause.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_proxy_replaces_the_host_and_keeps_the_path() {
        let api = "https://discord.com/api/v10/";

        assert_eq!(base(api, None).unwrap(), "https://discord.com/api/v10");
        assert_eq!(
            base(api, Some("http://127.0.0.1:8080/")).unwrap(),
            "http://127.0.0.1:8080/api/v10"
        );
    }

    #[test]
    fn a_file_is_given_the_time_that_a_slow_line_needs() {
        assert_eq!(attempt_timeout(2_000), ATTEMPT_TIMEOUT);
        assert_eq!(attempt_timeout(8 * 1024 * 1024), Duration::from_secs(37));
    }

    #[test]
    fn an_address_without_scheme_or_host_is_refused() {
        for url in [
            "",
            "discord.com",
            "/api/v10",
            "ftp://discord.com",
            "http://",
            "http://a b",
        ] {
            assert!(base(url, None).is_err(), "{url}");
        }
    }
}
