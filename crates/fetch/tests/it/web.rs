//! The web, behind the operator's proxy: takes every connection to whatever address, speaks TLS in the
//! name that is asked for, answers by a script, and remembers what it was told.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use rcgen::{CertifiedKey, generate_simple_self_signed};
use rustls::crypto::ring;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::{RootCertStore, ServerConfig};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;

/// What the certificate is for.
const NAMES: [&str; 4] = [
    "example.com",
    "*.example.com",
    "cdn.discordapp.com",
    "localhost",
];

/// A request as it came.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    /// The address that the connection was for; our own where there was no proxy in between.
    pub(crate) address: SocketAddr,
    /// Method, path and fields, in lower case.
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
}

impl Asked {
    /// `host` and path, as in a URL.
    pub(crate) fn place(&self) -> String {
        let path = self.head.split(' ').nth(1).unwrap();
        let host = self.field("host").unwrap_or_default();
        format!("{host}{path}")
    }

    pub(crate) fn field(&self, name: &str) -> Option<&str> {
        let start = format!("{name}: ");
        self.head.lines().find_map(|line| line.strip_prefix(&start))
    }
}

/// What is sent.
pub(crate) enum Reply {
    /// These bytes, then the end of the connection.
    Whole(Vec<u8>),
    /// These bytes, then silence.
    Stuck(Vec<u8>),
    /// The first bytes, then the second again and again.
    Endless(Vec<u8>, Vec<u8>),
}

impl Reply {
    /// An answer with a length.
    pub(crate) fn new(status: u16, fields: &str, body: &[u8]) -> Self {
        let length = body.len();
        let head = format!("HTTP/1.1 {status} X\r\ncontent-length: {length}\r\n{fields}\r\n");
        Self::Whole([head.as_bytes(), body].concat())
    }
}

type Script = Arc<dyn Fn(&Asked) -> Reply + Send + Sync>;

/// The running server; dropping it ends it.
pub(crate) struct Web {
    pub(crate) address: SocketAddr,
    pub(crate) roots: RootCertStore,
    asked: Arc<Mutex<Vec<Asked>>>,
    dialled: Arc<Mutex<Vec<SocketAddr>>>,
    _task: JoinSet<()>,
}

#[derive(Clone)]
struct Shared {
    tls: TlsAcceptor,
    script: Script,
    asked: Arc<Mutex<Vec<Asked>>>,
    dialled: Arc<Mutex<Vec<SocketAddr>>>,
}

impl Web {
    pub(crate) async fn serve(script: impl Fn(&Asked) -> Reply + Send + Sync + 'static) -> Self {
        let (tls, roots) = certificate();
        let shared = Shared {
            tls,
            script: Arc::new(script),
            asked: Arc::default(),
            dialled: Arc::default(),
        };
        let (asked, dialled) = (Arc::clone(&shared.asked), Arc::clone(&shared.dialled));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let mut task = JoinSet::new();
        task.spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                connections.spawn(serve(stream, shared.clone()));
            }
        });
        Self {
            address,
            roots,
            asked,
            dialled,
            _task: task,
        }
    }

    /// Every request so far.
    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
    }

    /// Every address that a connection was wanted to.
    pub(crate) fn dialled(&self) -> Vec<SocketAddr> {
        self.dialled.lock().unwrap().clone()
    }
}

fn certificate() -> (TlsAcceptor, RootCertStore) {
    let names = NAMES.map(str::to_owned);
    let CertifiedKey { cert, signing_key } = generate_simple_self_signed(names).unwrap();
    let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(signing_key.serialize_der()));
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![cert.der().clone()], key)
        .unwrap();
    let mut roots = RootCertStore::empty();
    roots.add(cert.der().clone()).unwrap();
    (TlsAcceptor::from(Arc::new(config)), roots)
}

async fn serve(mut stream: TcpStream, shared: Shared) {
    let mut first = [0];
    if !matches!(stream.peek(&mut first).await, Ok(1)) {
        return;
    }
    let own = stream.local_addr().unwrap();
    match first[0] {
        b'C' => {
            let Some(head) = read_head(&mut stream).await else {
                return;
            };
            let address = head.split(' ').nth(1).unwrap().parse().unwrap();
            shared.dialled.lock().unwrap().push(address);
            stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await.unwrap();
            // Port 443 and whatever else is called https; plain text only where nobody shakes hands.
            if matches!(stream.peek(&mut first).await, Ok(1)) && first[0] == 0x16 {
                secure(stream, address, shared).await;
            } else {
                answer(stream, address, shared).await;
            }
        }
        0x16 => secure(stream, own, shared).await,
        _ => answer(stream, own, shared).await,
    }
}

async fn secure(stream: TcpStream, address: SocketAddr, shared: Shared) {
    if let Ok(stream) = shared.tls.accept(stream).await {
        answer(stream, address, shared).await;
    }
}

async fn answer(
    mut stream: impl AsyncRead + AsyncWrite + Unpin,
    address: SocketAddr,
    shared: Shared,
) {
    let Some(head) = read_head(&mut stream).await else {
        return;
    };
    let mut asked = Asked {
        address,
        head,
        body: Vec::new(),
    };
    let length = asked
        .field("content-length")
        .map(|text| text.parse().unwrap());
    asked.body = vec![0; length.unwrap_or(0)];
    if stream.read_exact(&mut asked.body).await.is_err() {
        return;
    }
    shared.asked.lock().unwrap().push(asked.clone());
    // The other side may leave at any time: that is what is tested.
    drop(send(&mut stream, (shared.script)(&asked)).await);
}

async fn send(
    stream: &mut (impl AsyncRead + AsyncWrite + Unpin),
    reply: Reply,
) -> std::io::Result<()> {
    match reply {
        Reply::Whole(bytes) => {
            stream.write_all(&bytes).await?;
            stream.shutdown().await
        }
        Reply::Stuck(bytes) => {
            stream.write_all(&bytes).await?;
            stream.flush().await?;
            stream.read_u8().await.map(drop)
        }
        Reply::Endless(head, piece) => {
            stream.write_all(&head).await?;
            loop {
                stream.write_all(&piece).await?;
            }
        }
    }
}

async fn read_head(stream: &mut (impl AsyncRead + Unpin)) -> Option<String> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.ok()?);
    }
    let head = String::from_utf8(head).unwrap();
    let (first, fields) = head.split_once("\r\n").unwrap();
    let fields = fields.lines().map(|line| match line.split_once(':') {
        Some((name, value)) => format!("{}:{value}\n", name.to_ascii_lowercase()),
        None => String::new(),
    });
    Some(format!("{first}\n{}", fields.collect::<String>()))
}
