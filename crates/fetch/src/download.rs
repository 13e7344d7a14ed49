//! The only way to have bytes from an address that somebody named (NET-24 to NET-27): known size, room,
//! request, status, length, body under a cap, and what it is by its own bytes.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use http::header::{ACCEPT, CONTENT_LENGTH, CONTENT_TYPE, HeaderValue};
use http::{HeaderMap, Method};
use secrecy::SecretString;
use tokio_util::sync::CancellationToken;

use crate::body::Response;
use crate::budget::{Budget, MIB, Reservation, Tenant, mib_of};
use crate::client::{Bounds, Client, Request};
use crate::data_url::DataUrl;
use crate::error::{Error, Fault};
use crate::exchange::unusable;
use crate::leak::{self, Source};
use crate::policy::Trust;
use crate::purpose::{Purpose, Use};
use crate::redirect::Redirects;
use crate::sniff::{Kind, sniff};

/// What downloads may take.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Mebibytes by use; the usual ones where nothing is said.
    pub mib: BTreeMap<Use, u32>,
    /// Mebibytes of all downloads together (NET-30).
    pub budget_mib: u32,
    /// Downloads at once (NET-31).
    pub concurrent: usize,
}

/// What somebody wants to have. Its address is for no log.
#[derive(Clone)]
pub struct Wanted {
    /// Where it is.
    pub url: String,
    /// What for.
    pub of: Use,
    /// Its size, where something told it before.
    pub known_bytes: Option<u64>,
    /// Where the address comes from.
    pub source: Source,
    /// Who waits for it.
    pub tenant: Tenant,
}

/// What was downloaded. Its bytes count against the budget until it is dropped.
pub struct Download {
    /// The content.
    pub bytes: Vec<u8>,
    /// What it is, by its bytes.
    pub kind: Kind,
    /// What its server says that it were; not to be believed.
    pub declared: Option<String>,
    /// The host that had it; empty for a `data:` URL.
    pub host: Arc<str>,
    room: Reservation,
}

/// Room under the budget for what was made of a download; dropping it gives it back.
#[derive(Debug)]
pub struct Room {
    _reserved: Reservation,
}

impl Download {
    /// Lets go of the content, and keeps room for what was made of it: so many bytes, or the room of
    /// the content where that is less.
    pub fn into_room(mut self, size_bytes: usize) -> Room {
        self.room.keep(size_bytes);
        Room {
            _reserved: self.room,
        }
    }
}

impl fmt::Debug for Download {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Download")
            .field("kind", &self.kind)
            .field("size_bytes", &self.bytes.len())
            .field("host", &self.host)
            .finish_non_exhaustive()
    }
}

/// Downloads for everybody in this process.
#[derive(Debug)]
pub struct Downloads {
    client: Arc<Client>,
    budget: Budget,
    mib: BTreeMap<Use, u32>,
    secrets: Vec<SecretString>,
}

impl Downloads {
    /// Prepares downloads; no URL that contains one of `secrets` is asked for.
    pub fn new(client: Arc<Client>, limits: Limits, secrets: Vec<SecretString>) -> Self {
        Self {
            client,
            budget: Budget::new(limits.budget_mib, limits.concurrent),
            mib: limits.mib,
            secrets,
        }
    }

    /// The most bytes of a use: its limit, or a tenant's part of the budget where that is less.
    pub fn limit_bytes(&self, of: Use) -> u64 {
        let mib = self.mib.get(&of).copied().unwrap_or(of.default_mib());
        u64::from(mib.min(self.budget.tenant_mib())) * MIB
    }

    /// Downloads.
    ///
    /// Cancel safe: yes; dropping it, like `cancelled`, ends the transfer and gives the room back.
    ///
    /// # Errors
    /// Those of NET-22: refusals, timeouts, sizes, statuses, types, no room, and being cancelled.
    pub async fn get(
        &self,
        wanted: Wanted,
        cancelled: &CancellationToken,
    ) -> Result<Download, Error> {
        // Boxed: it is large, and callers hold it across many awaits of their own.
        let fetched = Box::pin(self.fetch(wanted));
        tokio::select! {
            biased;
            () = cancelled.cancelled() => Err(Error::Cancelled),
            fetched = fetched => fetched,
        }
    }

    async fn fetch(&self, wanted: Wanted) -> Result<Download, Error> {
        let limit_bytes = self.limit_bytes(wanted.of);
        let data = match wanted.source {
            Source::Provider => DataUrl::parse(&wanted.url).transpose()?,
            Source::Seen | Source::Model | Source::Discord => None,
        };
        if data.is_none() {
            let leak = leak::refusal(&wanted.url, wanted.source, &self.secrets);
            leak.map_or(Ok(()), |code| Err(Error::from(code)))?;
        }
        let known = data.map(|data| data.size_bytes()).or(wanted.known_bytes);
        let most = check_size(known, limit_bytes)?.unwrap_or(limit_bytes);
        let mut room = self.budget.reserve(wanted.tenant, mib_of(most)).await?;
        let (bytes, declared, host) = match data {
            Some(data) => (data.decode()?, Some(data.declared.to_owned()), "".into()),
            // The known size is somebody's word: what was reserved for it is all there is.
            None => {
                self.read(&wanted, u64::from(mib_of(most)) * MIB, limit_bytes)
                    .await?
            }
        };
        let kind = sniff(&bytes);
        if !wanted.of.takes(kind) {
            return Err(Error::TypeRefused);
        }
        room.keep(bytes.len());
        Ok(Download {
            bytes,
            kind,
            declared,
            host,
            room,
        })
    }

    async fn read(
        &self,
        wanted: &Wanted,
        reserved_bytes: u64,
        limit_bytes: u64,
    ) -> Result<(Vec<u8>, Option<String>, Arc<str>), Error> {
        let size_bytes = reserved_bytes.min(limit_bytes);
        let response = self.client.send(request(wanted, size_bytes)).await?;
        let Response {
            status,
            headers,
            host,
            mut body,
        } = response;
        let field = |name| headers.get(name).and_then(|value| value.to_str().ok());
        let length = field(CONTENT_LENGTH).and_then(|text| text.parse().ok());
        let is_usable = if status.is_success() {
            check_size(length, size_bytes)
        } else {
            Err(unusable(status.as_u16(), Fault::Status))
        };
        is_usable.inspect_err(|error| body.report.failed(error))?;
        let declared = field(CONTENT_TYPE).map(str::to_owned);
        Ok((body.read().await?, declared, host))
    }
}

/// Refuses what is said to be too large, before a byte of it is read.
fn check_size(said: Option<u64>, limit_bytes: u64) -> Result<Option<u64>, Error> {
    match said {
        Some(size) if size > limit_bytes => Err(Error::TooLarge { limit_bytes }),
        said => Ok(said),
    }
}

fn request(wanted: &Wanted, size_bytes: u64) -> Request {
    let mut headers = HeaderMap::new();
    headers.insert(ACCEPT, HeaderValue::from_static("*/*"));
    let patience = wanted.of.timeout();
    Request {
        method: Method::GET,
        url: wanted.url.clone(),
        headers,
        body: Bytes::new(),
        purpose: Purpose::Download(wanted.of),
        trust: match wanted.source {
            Source::Discord => Trust::Discord,
            Source::Seen | Source::Model | Source::Provider => Trust::Stranger,
        },
        redirects: Redirects::Follow,
        encodings: wanted.of.encodings(),
        bounds: Bounds {
            first_byte: patience,
            silence: patience,
            total: patience,
            size_bytes,
        },
    }
}
