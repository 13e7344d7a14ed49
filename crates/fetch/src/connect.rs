//! Opens connections to what was approved, and to nothing else (NET-10, NET-11).

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use http::StatusCode;
use rustls::client::Resumption;
use rustls::crypto::ring;
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout, timeout_at};
use tokio_rustls::TlsConnector;

use crate::code::{Code, Refusal};
use crate::error::{Error, Hop, Phase};
use crate::guard::Approved;
use crate::target::{Host, Target};

/// For all addresses together (NET-14).
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// After which the next address is tried (NET-10).
const STAGGER: Duration = Duration::from_secs(2);
/// For the handshake (NET-14).
const TLS_TIMEOUT: Duration = Duration::from_secs(5);
/// The largest answer of a proxy to CONNECT.
const LARGEST_PROXY_HEAD: usize = 8 * 1024;

/// An open connection, encrypted or not.
pub(crate) type Stream = Box<dyn Io>;

/// What a connection can do.
pub(crate) trait Io: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Io for T {}

/// Opens connections.
pub(crate) struct Connector {
    tls: TlsConnector,
    /// `host:port` of the operator's proxy.
    proxy: Option<String>,
}

impl Connector {
    pub(crate) fn new(roots: RootCertStore, proxy: Option<String>) -> Result<Self, Error> {
        let provider = Arc::new(ring::default_provider());
        let mut tls = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(Error::setup)?
            .with_root_certificates(roots)
            .with_no_client_auth();
        // A ticket would tell the next tenant's connection from a stranger's.
        tls.resumption = Resumption::disabled();
        tls.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Self {
            tls: Arc::new(tls).into(),
            proxy,
        })
    }

    /// Opens a connection and uses the approval up.
    pub(crate) async fn open(&self, approved: &Approved) -> Result<Stream, Error> {
        let deadline = Instant::now() + CONNECT_TIMEOUT;
        let tcp = match &self.proxy {
            None => dial(approved.addresses(), deadline).await?,
            Some(proxy) => {
                let tunnel = tunnel(proxy, approved.addresses());
                let tunnel = timeout_at(deadline, tunnel).await;
                tunnel.map_err(|_elapsed| Error::Timeout(Phase::Connect))??
            }
        };
        if !approved.target.is_https() {
            return Ok(Box::new(tcp));
        }
        let name = server_name(&approved.target)?;
        let shaken = timeout(TLS_TIMEOUT, self.tls.connect(name, tcp)).await;
        let stream = shaken.map_err(|_elapsed| Error::Timeout(Phase::Tls))?;
        Ok(Box::new(
            stream.map_err(|cause| Error::network(Hop::Tls, cause))?,
        ))
    }
}

impl std::fmt::Debug for Connector {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Connector")
            .field("has_proxy", &self.proxy.is_some())
            .finish_non_exhaustive()
    }
}

/// Tries the addresses in their order, each for a while and the last as long as there is time.
async fn dial(approved: &[SocketAddr], deadline: Instant) -> Result<TcpStream, Error> {
    let mut failure = Error::Timeout(Phase::Connect);
    for (index, address) in approved.iter().enumerate() {
        let until = if index + 1 == approved.len() {
            deadline
        } else {
            deadline.min(Instant::now() + STAGGER)
        };
        match timeout_at(until, TcpStream::connect(address)).await {
            Ok(Ok(stream)) => {
                confirm(&stream, approved)?;
                return Ok(stream);
            }
            Ok(Err(cause)) => failure = Error::network(Hop::Connect, cause),
            Err(_elapsed) => failure = Error::Timeout(Phase::Connect),
        }
    }
    Err(failure)
}

/// Compares who answered with who may (NET-11): the last look before a byte is sent.
fn confirm(stream: &TcpStream, approved: &[SocketAddr]) -> Result<(), Error> {
    let failed = |cause| Error::network(Hop::Connect, cause);
    let peer = stream.peer_addr().map_err(failed)?;
    if !approved.contains(&peer) {
        return Err(Error::Refused(Refusal {
            code: Code::BlockedAddress,
            address: Some(peer.ip()),
            address_count: approved.len(),
        }));
    }
    stream.set_nodelay(true).map_err(failed)
}

/// Asks the operator's proxy for a connection to the first address: an address, never a name (NET-13).
async fn tunnel(proxy: &str, approved: &[SocketAddr]) -> Result<TcpStream, Error> {
    let failed = |cause| Error::network(Hop::Proxy, cause);
    let Some(address) = approved.first() else {
        return Err(Code::BlockedAddress.into());
    };
    let mut stream = TcpStream::connect(proxy).await.map_err(failed)?;
    let request = format!("CONNECT {address} HTTP/1.1\r\nHost: {address}\r\n\r\n");
    stream.write_all(request.as_bytes()).await.map_err(failed)?;
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        if head.len() == LARGEST_PROXY_HEAD {
            return Err(refused_by_proxy());
        }
        // Byte by byte, because what follows belongs to the other side.
        head.push(stream.read_u8().await.map_err(failed)?);
    }
    let status = head.split(|byte| *byte == b' ').nth(1);
    let status = status.and_then(|digits| StatusCode::from_bytes(digits).ok());
    if status.is_some_and(|status| status.is_success()) {
        Ok(stream)
    } else {
        Err(refused_by_proxy())
    }
}

fn refused_by_proxy() -> Error {
    Error::network(Hop::Proxy, "the proxy opens no connection")
}

fn server_name(target: &Target) -> Result<ServerName<'static>, Error> {
    match &target.host {
        Host::Address(address) => Ok(ServerName::from(*address)),
        Host::Name(name) => {
            ServerName::try_from(name.clone()).map_err(|_unusable| Code::InvalidFormat.into())
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpListener;

    use super::*;

    /// NET-11.
    #[tokio::test]
    async fn a_peer_that_was_not_approved_is_left_at_once() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let stream = TcpStream::connect(address).await.unwrap();
        let other = SocketAddr::from(([127, 0, 0, 2], address.port()));

        let refused = confirm(&stream, &[other]).unwrap_err();

        assert_eq!(refused.code(), Some(Code::BlockedAddress));
        assert!(confirm(&stream, &[other, address]).is_ok());
    }

    #[tokio::test]
    async fn the_next_address_is_tried_when_one_refuses() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let closed = SocketAddr::from(([127, 0, 0, 2], address.port()));
        let deadline = Instant::now() + CONNECT_TIMEOUT;

        let stream = dial(&[closed, address], deadline).await.unwrap();

        assert_eq!(stream.peer_addr().unwrap(), address);
        let failed = dial(&[closed], deadline).await.unwrap_err();
        assert_eq!(failed.label(), "network");
    }
}
