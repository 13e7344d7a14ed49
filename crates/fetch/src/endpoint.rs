//! A client for one origin and no other (NET-12, NET-41, NET-46): for whoever sends requests whose
//! addresses it makes up itself, such as a library for tool servers.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderMap, Method};

use crate::body::Response;
use crate::client::{Bounds, Client, Request};
use crate::code::{Code, Refusal};
use crate::decode::Encodings;
use crate::error::Error;
use crate::guard::Guard;
use crate::policy::Trust;
use crate::purpose::Purpose;
use crate::redirect::Redirects;

/// The client of one registered address. It is judged anew before each call, gets a connection of its
/// own for each, and follows nothing.
#[derive(Clone)]
pub struct Endpoint {
    client: Arc<Client>,
    registered: Arc<str>,
    purpose: Purpose,
    trust: Trust,
}

impl Endpoint {
    /// Registers an address; its text is judged now.
    ///
    /// # Errors
    /// The first row of the policy that refuses it.
    pub fn new(
        client: &Arc<Client>,
        url: &str,
        purpose: Purpose,
        trust: Trust,
    ) -> Result<Self, Refusal> {
        client.guard().policy().check_text(url, trust)?;
        Ok(Self {
            client: Arc::clone(client),
            registered: url.into(),
            purpose,
            trust,
        })
    }

    /// Sends a request to the registered origin.
    ///
    /// Cancel safe: no; dropped, it is not known whether the request arrived.
    ///
    /// # Errors
    /// [`Code::OriginForbidden`] for any other origin, [`Code::RedirectForbidden`] for an answer that
    /// leads elsewhere, and those of [`Client::send`].
    pub async fn send(
        &self,
        method: Method,
        url: String,
        headers: HeaderMap,
        body: Bytes,
        bounds: Bounds,
    ) -> Result<Response, Error> {
        if !Guard::is_same_origin(&self.registered, &url)? {
            return Err(Code::OriginForbidden.into());
        }
        let request = Request {
            method,
            url,
            headers,
            body,
            purpose: self.purpose,
            trust: self.trust,
            redirects: Redirects::Refuse,
            encodings: Encodings::Identity,
            bounds,
        };
        self.client.send(request).await
    }
}

/// The address may hold what only its owner should read.
impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Endpoint")
            .field("purpose", &self.purpose)
            .field("trust", &self.trust)
            .finish_non_exhaustive()
    }
}
