//! Sends requests to addresses that others name: judge, connect, ask, and judge again where it leads.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{
    ACCEPT_ENCODING, CONNECTION, CONTENT_LENGTH, COOKIE, HOST, HeaderName, HeaderValue,
    PROXY_AUTHORIZATION, REFERER, TE, TRAILER, TRANSFER_ENCODING, UPGRADE, USER_AGENT,
};
use http::response::Parts;
use http::{HeaderMap, Method};
use http_body_util::Full;
use rustls::RootCertStore;
use tokio::time::{Instant, timeout, timeout_at};

use crate::body::{Body, Response};
use crate::code::Code;
use crate::connect::Connector;
use crate::decode::{Decoder, Encodings};
use crate::error::{Error, Phase};
use crate::exchange::{self, Exchange};
use crate::guard::{Approved, Guard};
use crate::metrics::Report;
use crate::policy::Trust;
use crate::purpose::Purpose;
use crate::redirect::{self, Redirects, Station};
use crate::target::Host;

const AGENT: HeaderValue =
    HeaderValue::from_static(concat!("TomoriBot/", env!("CARGO_PKG_VERSION")));
/// Fields that are ours to set, or that nobody sets: they would change what the connection is, name
/// another host, or say where the request comes from (NET-15).
const RESERVED: [HeaderName; 11] = [
    ACCEPT_ENCODING,
    CONNECTION,
    CONTENT_LENGTH,
    COOKIE,
    HOST,
    PROXY_AUTHORIZATION,
    REFERER,
    TE,
    TRAILER,
    TRANSFER_ENCODING,
    UPGRADE,
];

/// How long and how much.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// From the request to the head of the answer.
    pub first_byte: Duration,
    /// Between two pieces of the answer.
    pub silence: Duration,
    /// From the look-up of the name to the last byte.
    pub total: Duration,
    /// The most bytes of a body, on the wire and decoded.
    pub size_bytes: u64,
}

impl Bounds {
    /// For answers of a model that come in pieces (NET-40).
    pub const STREAM: Self = Self {
        first_byte: Duration::from_mins(1),
        silence: Duration::from_mins(1),
        total: Duration::from_mins(10),
        size_bytes: 16 * 1024 * 1024,
    };
    /// For images that a model made, in base64 (NET-40).
    pub const IMAGES: Self = Self {
        size_bytes: 32 * 1024 * 1024,
        ..Self::STREAM
    };
    /// For embeddings (NET-40).
    pub const EMBEDDINGS: Self = Self {
        size_bytes: 8 * 1024 * 1024,
        ..Self::STREAM
    };
}

/// A request to an address that somebody named.
pub struct Request {
    /// The method; anything but CONNECT.
    pub method: Method,
    /// The address, as it was given.
    pub url: String,
    /// What is sent along. Fields that are ours to set are left out.
    pub headers: HeaderMap,
    /// What is sent; empty for none.
    pub body: Bytes,
    /// What it is for.
    pub purpose: Purpose,
    /// Whose word the address is.
    pub trust: Trust,
    /// What to do with redirects.
    pub redirects: Redirects,
    /// Which encodings are asked for.
    pub encodings: Encodings,
    /// How long and how much.
    pub bounds: Bounds,
}

/// The guarded client. It keeps no connection, no cookie and no look-up.
#[derive(Debug)]
pub struct Client {
    guard: Guard,
    connector: Connector,
    max_redirects: u8,
}

impl Client {
    /// Prepares a client. `proxy` is `host:port` of a proxy that all connections go through;
    /// certificates are verified by the roots of the web.
    ///
    /// # Errors
    /// [`Error::Setup`].
    pub fn new(guard: Guard, max_redirects: u8, proxy: Option<String>) -> Result<Self, Error> {
        let roots = RootCertStore {
            roots: webpki_roots::TLS_SERVER_ROOTS.to_vec(),
        };
        Self::with_roots(guard, max_redirects, proxy, roots)
    }

    /// Prepares a client that trusts other roots: for servers that are not on the web.
    ///
    /// # Errors
    /// [`Error::Setup`].
    pub fn with_roots(
        guard: Guard,
        max_redirects: u8,
        proxy: Option<String>,
        roots: RootCertStore,
    ) -> Result<Self, Error> {
        Ok(Self {
            guard,
            connector: Connector::new(roots, proxy)?,
            max_redirects,
        })
    }

    /// The policy, to look at a URL without asking for it.
    pub const fn guard(&self) -> &Guard {
        &self.guard
    }

    /// Sends a request, follows redirects as it says, and returns the head of the answer.
    ///
    /// Cancel safe: no; dropped, it is not known whether the request arrived.
    ///
    /// # Errors
    /// The policy's refusals at each station, timeouts, and what can happen to a connection. A status
    /// that is no success is an answer.
    pub async fn send(&self, request: Request) -> Result<Response, Error> {
        let mut report = Report::begin(request.purpose);
        let deadline = Instant::now() + request.bounds.total;
        let followed = timeout_at(deadline, self.follow(&request, &mut report)).await;
        let answer = followed.unwrap_or(Err(Error::Timeout(Phase::Total)));
        let Answer {
            head,
            exchange,
            decoder,
            host,
        } = answer.inspect_err(|error| report.failed(error))?;
        Ok(Response {
            status: head.status,
            headers: head.headers,
            host,
            body: Body {
                exchange,
                decoder,
                silence: request.bounds.silence,
                deadline,
                is_finished: false,
                report,
            },
        })
    }

    async fn follow(&self, request: &Request, report: &mut Report) -> Result<Answer, Error> {
        let mut station = first_station(request);
        loop {
            let approved = self.guard.approve(&station.url, request.trust).await?;
            let host: Arc<str> = approved.target.host_text().into();
            report.asks(Arc::clone(&host), approved.target.port);
            let (head, exchange) = self.ask(approved, &station, request).await?;
            let (status, redirects) = (head.status, request.redirects);
            let most = self.max_redirects;
            if let Some(next) =
                redirect::next_station(&station, status, &head.headers, redirects, most)?
            {
                // The connection goes with its answer, of which nothing is read.
                station = next;
                continue;
            }
            let (asked, size) = (request.encodings, request.bounds.size_bytes);
            let decoder = Decoder::new(&head.headers, asked, size, status.as_u16())?;
            return Ok(Answer {
                head,
                exchange,
                decoder,
                host,
            });
        }
    }

    /// Asks at one station, over a connection of its own.
    async fn ask(
        &self,
        approved: Approved,
        station: &Station,
        request: &Request,
    ) -> Result<(Parts, Exchange), Error> {
        let stream = self.connector.open(&approved).await?;
        let sent = compose(&approved, station, request.encodings)?;
        let answered = timeout(request.bounds.first_byte, exchange::send(stream, sent)).await;
        answered.map_err(|_elapsed| Error::Timeout(Phase::FirstByte))?
    }
}

/// The head of the last answer, and what its body is read with.
struct Answer {
    head: Parts,
    exchange: Exchange,
    decoder: Decoder,
    host: Arc<str>,
}

fn first_station(request: &Request) -> Station {
    let mut headers = request.headers.clone();
    for name in RESERVED {
        headers.remove(name);
    }
    Station {
        url: request.url.clone(),
        method: request.method.clone(),
        headers,
        body: request.body.clone(),
        followed: 0,
        is_withheld: false,
    }
}

/// Writes the request for the wire; the fragment of the URL stays here.
fn compose(
    approved: &Approved,
    station: &Station,
    encodings: Encodings,
) -> Result<http::Request<Full<Bytes>>, Error> {
    let url = approved.target.url();
    let path = match url.query() {
        Some(query) => format!("{}?{query}", url.path()),
        None => url.path().to_owned(),
    };
    let mut request = http::Request::builder()
        .method(&station.method)
        .uri(path)
        .body(Full::new(station.body.clone()))
        .map_err(|_unusable| Code::InvalidFormat)?;
    let headers = request.headers_mut();
    headers.extend(station.headers.clone());
    headers.insert(HOST, host_field(approved)?);
    headers.insert(USER_AGENT, AGENT);
    headers.insert(CONNECTION, HeaderValue::from_static("close"));
    let accepted = HeaderValue::from_static(encodings.accepted());
    headers.insert(ACCEPT_ENCODING, accepted);
    if station.body.is_empty() && station.method == Method::POST {
        headers.insert(CONTENT_LENGTH, HeaderValue::from_static("0"));
    }
    Ok(request)
}

/// The host as in the URL, without a dot at its end, and its port unless that is the usual one.
fn host_field(approved: &Approved) -> Result<HeaderValue, Error> {
    let target = &approved.target;
    let host = match &target.host {
        Host::Address(IpAddr::V6(address)) => format!("[{address}]"),
        Host::Address(_) | Host::Name(_) => target.host_text(),
    };
    let text = match target.url().port() {
        Some(port) => format!("{host}:{port}"),
        None => host,
    };
    HeaderValue::from_str(&text).map_err(|_unusable| Code::InvalidFormat.into())
}
