//! A name server, a web and a client between them.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use fetch::{
    Bounds, Client, Encodings, Error, Guard, Policy, Purpose, Redirects, Request, Response, Trust,
    Use,
};
use http::{HeaderMap, Method};

use crate::web::{Asked, Reply, Web};
use crate::zone::{Records, Zone};

/// Redirects that are followed.
const MAX_REDIRECTS: u8 = 3;
/// What ordinary requests are held to.
pub(crate) const BOUNDS: Bounds = Bounds {
    first_byte: Duration::from_secs(10),
    silence: Duration::from_secs(10),
    total: Duration::from_secs(20),
    size_bytes: 1024 * 1024,
};

pub(crate) struct World {
    pub(crate) zone: Zone,
    pub(crate) web: Web,
    pub(crate) client: Arc<Client>,
}

impl World {
    /// A web of which all is reached through the proxy.
    pub(crate) async fn new(
        records: Records,
        script: impl Fn(&Asked) -> Reply + Send + Sync + 'static,
    ) -> Self {
        let web = Web::serve(script).await;
        let proxy = Some(web.address.to_string());
        Self::between(Zone::serve(records).await, web, Policy::default(), proxy)
    }

    /// A web on loopback that is reached directly, by who may.
    pub(crate) async fn local(
        records: Records,
        script: impl Fn(&Asked) -> Reply + Send + Sync + 'static,
    ) -> Self {
        let web = Web::serve(script).await;
        let policy = Policy {
            allow_local: true,
            ..Policy::default()
        };
        Self::between(Zone::serve(records).await, web, policy, None)
    }

    fn between(zone: Zone, web: Web, policy: Policy, proxy: Option<String>) -> Self {
        let guard = Guard::new(policy, &[zone.address]).unwrap();
        let client = Client::with_roots(guard, MAX_REDIRECTS, proxy, web.roots.clone());
        Self {
            client: Arc::new(client.unwrap()),
            zone,
            web,
        }
    }

    pub(crate) async fn get(&self, url: &str) -> Result<Response, Error> {
        self.client.send(get(url)).await
    }
}

/// A stranger's request that takes anything.
pub(crate) fn get(url: &str) -> Request {
    Request {
        method: Method::GET,
        url: url.to_owned(),
        headers: HeaderMap::new(),
        body: Bytes::new(),
        purpose: Purpose::Download(Use::Page),
        trust: Trust::Stranger,
        redirects: Redirects::Follow,
        encodings: Encodings::Compressed,
        bounds: BOUNDS,
    }
}

/// Two names with the same public address.
pub(crate) fn public() -> Records {
    let address = "93.184.216.34";
    Records::default()
        .with("a.example.com", "A", address)
        .with("b.example.com", "A", address)
}
